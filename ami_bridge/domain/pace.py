"""When a call back can be expected: from how fast those before it have been kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

LOOKED_BACK = timedelta(hours=2)  # over which the pace of a line is taken
_FEWEST = 3  # kept promises from which there is a pace at all
_FURTHEST = timedelta(hours=8)  # what is further off is not an estimate any more
_STEP = timedelta(minutes=10)  # to which an expected time is rounded up, as people name such times


def due(ahead: int, kept: Sequence[datetime], now: datetime) -> datetime | None:
    """About when a call back is due that has `ahead` others before it, where others were `kept` at these times.

    None where too few were kept in the last two hours to tell, or where it would be more than eight hours off. The
    time is rounded up to ten minutes: better early than overdue.
    """
    recent = [at for at in kept if now - LOOKED_BACK <= at <= now]
    if len(recent) < _FEWEST:
        return None
    expected = now + (now - min(recent)) / len(recent) * (ahead + 1)
    if expected - now > _FURTHEST:
        return None
    surplus = timedelta(minutes=expected.minute % 10, seconds=expected.second, microseconds=expected.microsecond)
    return expected if not surplus else expected - surplus + _STEP
