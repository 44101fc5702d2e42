"""When a call back can be expected: from how fast those before it have been kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from enum import Enum
from math import sqrt

from ami_bridge.domain.hours import Hours

LOOKED_BACK = timedelta(hours=2)  # over which the pace of a line is taken
_FEWEST = 3  # kept promises from which there is a pace at all
_FURTHEST = timedelta(hours=8)  # what is further off is not an estimate any more
_STEP = timedelta(minutes=10)  # to which an expected time is rounded up, as people name such times
_NEXT_MORNING = timedelta(hours=3)  # how much of the next opening may be needed for "on the next working day"


class Window(Enum):
    """Within what time a call back is told to come; the value is the phrase that says so."""

    QUARTER = "window_quarter"
    HALF = "window_half"
    HOUR = "window_hour"
    TWO_HOURS = "window_two_hours"
    TODAY = "window_today"
    NEXT_DAY = "window_next_day"


_SPANS = (
    (Window.QUARTER, timedelta(minutes=15)),
    (Window.HALF, timedelta(minutes=30)),
    (Window.HOUR, timedelta(hours=1)),
    (Window.TWO_HOURS, timedelta(hours=2)),
)


def due(ahead: int, kept: Sequence[datetime], now: datetime) -> datetime | None:
    """About when a call back is due that has `ahead` others before it, where others were `kept` at these times.

    None where too few were kept in the last two hours to tell, or where it would be more than eight hours off. The
    time is rounded up to ten minutes: better early than overdue.
    """
    recent = _recent(kept, now)
    if len(recent) < _FEWEST:
        return None
    expected = now + _interval(recent, now) * (ahead + 1)
    if expected - now > _FURTHEST:
        return None
    surplus = timedelta(minutes=expected.minute % 10, seconds=expected.second, microseconds=expected.microsecond)
    return expected if not surplus else expected - surplus + _STEP


def window(ahead: int, kept: Sequence[datetime], now: datetime, hours: Hours | None, zone: tzinfo) -> Window | None:
    """Within what time a call back that has `ahead` others before it can honestly be told to come.

    What was measured counts, and how little was measured: of ten callers eight or more are called within the window
    while things stay as they are. While the line is closed by its `hours` nobody is called. None where too few were
    kept in the last two hours to tell, or where it would take longer than can be told.
    """
    recent = _recent(kept, now)
    if len(recent) < _FEWEST:
        return None
    turns = ahead + 1
    wait = _interval(recent, now) * (turns + sqrt(turns + turns * turns / len(recent)))
    closes, opens = _openings(hours, now)
    if closes is None or now + wait <= closes:
        fitting = next((window for window, span in _SPANS if wait <= span), None)
        if fitting is not None:
            return fitting
        return Window.TODAY if wait <= _FURTHEST and _same_day(now, now + wait, zone) else None
    if opens is None:
        return None
    left = wait - max(closes - now, timedelta())
    if _same_day(now, opens, zone):  # it closes over noon
        return Window.TODAY if left <= _FURTHEST and _same_day(now, opens + left, zone) else None
    return Window.NEXT_DAY if left <= _NEXT_MORNING else None


def _recent(kept: Sequence[datetime], now: datetime) -> list[datetime]:
    return [at for at in kept if now - LOOKED_BACK <= at <= now]


def _interval(recent: Sequence[datetime], now: datetime) -> timedelta:
    """Between one kept promise and the next, the time since the last one included."""
    return (now - min(recent)) / len(recent)


def _openings(hours: Hours | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    """When the line closes (`now` if it is closed), and when it opens after that; None: it does not."""
    if hours is None:
        return None, None
    if not hours.is_open(now):
        return now, hours.next_change(now)
    closes = hours.next_change(now)
    return closes, hours.next_change(closes) if closes else None


def _same_day(one: datetime, other: datetime, zone: tzinfo) -> bool:
    return one.astimezone(zone).date() == other.astimezone(zone).date()
