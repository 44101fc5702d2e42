"""Virtual time: seconds since a Monday midnight (UTC), and what the calendar on an office's wall says then."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

EPOCH = datetime(2025, 1, 6, tzinfo=UTC)  # a Monday; 52 weeks from here hold both changes of the clocks
MINUTE, HOUR, DAY, WEEK = 60.0, 3600.0, 86400.0, 7 * 86400.0

_FIXED = ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))
_AFTER_EASTER = (-2, 1, 39, 50)  # Good Friday, Easter Monday, Ascension, Whit Monday


class Local(NamedTuple):
    """The time on an office's wall."""

    day: date
    weekday: int
    hour: float


def moment(at: float) -> datetime:
    return EPOCH + timedelta(seconds=at)


def local(at: float, zone: ZoneInfo) -> Local:
    wall = moment(at).astimezone(zone)
    return Local(wall.date(), wall.weekday(), wall.hour + wall.minute / 60 + wall.second / 3600)


def at_local(day: date, hour: float, zone: ZoneInfo) -> float:
    """When it is `hour` on `day` on the wall, in seconds of virtual time."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    wall = midnight.replace(tzinfo=None) + timedelta(hours=hour)
    return (wall.replace(tzinfo=zone).astimezone(UTC) - EPOCH).total_seconds()


@lru_cache(maxsize=64)
def national_holidays(year: int) -> frozenset[date]:
    """Those of one country, which is enough: none of them is a Sunday that traffic would not know anyway."""
    easter = _easter(year)
    moving = {easter + timedelta(days=days) for days in _AFTER_EASTER}
    return frozenset(moving | {date(year, month, day) for month, day in _FIXED})


@lru_cache(maxsize=4096)
def company_closed(day: date, summer_week: int) -> bool:
    """National holidays, two weeks in summer from ISO week `summer_week` on, and Christmas Eve to New Year."""
    if day in national_holidays(day.year):
        return True
    week = day.isocalendar().week
    return week in (summer_week, summer_week + 1) or (day.month, day.day) >= (12, 24)


def _easter(year: int) -> date:
    """By the Gregorian computus of Meeus, Jones and Butcher."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    h = (19 * a + b - d - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = h + m - 7 * ((a + 11 * h + 22 * m) // 451) + 114
    return date(year, n // 31, n % 31 + 1)
