"""The next morning or afternoon at which a customer can be called: what a caller may choose by key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum

FURTHEST = 14  # days ahead that are looked at
SOONEST = timedelta(minutes=30)  # from now; whoever wants it sooner is called in turn
SHORTEST = timedelta(hours=1)  # a part of a day with less left of it is none
_STEP = timedelta(minutes=15)


class Part(Enum):
    MORNING = "morning"
    AFTERNOON = "afternoon"


class Day(Enum):
    """As a caller is told, within seconds of their choice."""

    TODAY = "today"
    TOMORROW = "tomorrow"
    NEXT = "next"  # working day


@dataclass(frozen=True, slots=True)
class Slot:
    """From `begin` on a customer may be called, in that part of that day."""

    begin: datetime
    day: Day


_HOURS = {Part.MORNING: (time(8), time(12)), Part.AFTERNOON: (time(13), time(18))}


def slot(part: Part, now: datetime, zone: tzinfo, works: Callable[[datetime], bool]) -> Slot | None:
    """The next `part` of a day, by the clock of `zone`, of which an hour or more is left for calling.

    `works` says whether somebody is there and the customer may be called at a moment. None when there is no such time
    within two weeks, or none before a working day that has none: it could not be named.
    """
    today = now.astimezone(zone).date()
    for ahead in range(FURTHEST):
        day = today + timedelta(days=ahead)
        begin = _begin(part, day, now, zone, works)
        if begin is not None:
            return Slot(begin, (Day.TODAY, Day.TOMORROW)[ahead] if ahead < 2 else Day.NEXT)
        if ahead and any(works(moment) for moment in _moments(day, time(0), timedelta(days=1), zone)):
            return None
    return None


def _begin(part: Part, day: date, now: datetime, zone: tzinfo, works: Callable[[datetime], bool]) -> datetime | None:
    opens, closes = _HOURS[part]
    length = timedelta(hours=closes.hour - opens.hour)
    moments = [moment for moment in _moments(day, opens, length, zone) if moment >= now + SOONEST]
    needed = SHORTEST // _STEP
    for n in range(len(moments) - needed + 1):
        if all(works(moment) for moment in moments[n : n + needed]):
            return moments[n]
    return None


def _moments(day: date, begin: time, length: timedelta, zone: tzinfo) -> list[datetime]:
    """Every quarter of an hour of a stretch of a day, in UTC; what the clock on the wall skips is met once."""
    first = datetime.combine(day, begin)
    shown = (first + step * _STEP for step in range(length // _STEP))
    return list(dict.fromkeys(moment.replace(tzinfo=zone).astimezone(UTC) for moment in shown))
