"""A morning or an afternoon chosen by key: when that is, and how it may be called."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ami_bridge.domain.hours import Hours
from ami_bridge.domain.slots import SHORTEST, SOONEST, Day, Part, Slot, slot

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Hours(["mon-fri 09:00-17:00"], BERLIN)
TUESDAY = datetime(2026, 11, 24, tzinfo=BERLIN)


def chosen(part: Part, now: datetime, hours: Hours = OFFICE) -> Slot | None:
    return slot(part, now, BERLIN, hours.is_open)


@pytest.mark.parametrize(
    ("part", "hour", "day", "begin"),
    [
        (Part.MORNING, 7, Day.TODAY, TUESDAY.replace(hour=9)),
        (Part.MORNING, 10, Day.TODAY, TUESDAY.replace(hour=10, minute=30)),
        (Part.MORNING, 11, Day.TOMORROW, TUESDAY.replace(day=25, hour=9)),  # less than an hour would be left
        (Part.AFTERNOON, 7, Day.TODAY, TUESDAY.replace(hour=13)),
        (Part.AFTERNOON, 16, Day.TOMORROW, TUESDAY.replace(day=25, hour=13)),
    ],
)
def test_it_is_the_next_one_of_which_enough_is_left(part: Part, hour: int, day: Day, begin: datetime) -> None:
    now = TUESDAY.replace(hour=hour)
    assert chosen(part, now) == Slot(begin, day)
    assert begin >= now + SOONEST


def test_from_friday_on_it_is_the_next_working_day() -> None:
    friday = datetime(2026, 11, 27, 16, 0, tzinfo=BERLIN)
    assert chosen(Part.MORNING, friday) == Slot(datetime(2026, 11, 30, 9, 0, tzinfo=BERLIN), Day.NEXT)


def test_a_day_that_is_not_the_next_working_one_is_not_called_so() -> None:
    hours = Hours(["wed 13:00-17:00", "thu 09:00-12:00"], BERLIN)
    assert chosen(Part.MORNING, datetime(2026, 11, 23, 10, 0, tzinfo=BERLIN), hours) is None


def test_where_nobody_may_be_called_there_is_none() -> None:
    assert slot(Part.MORNING, TUESDAY, BERLIN, lambda _moment: False) is None


@pytest.mark.parametrize("month", [3, 10])
def test_the_clock_on_the_wall_counts_when_it_is_changed(month: int) -> None:
    """Both of 2026's changes fall on a Sunday; by the wall's clock Monday begins at nine."""
    last_week = (datetime(2026, month, day, tzinfo=BERLIN) for day in range(25, 32))
    sunday = next(day for day in last_week if day.weekday() == 6)
    found = chosen(Part.MORNING, sunday - timedelta(hours=10))
    assert found is not None
    local = found.begin.astimezone(BERLIN)
    assert (local.weekday(), local.hour, local.minute) == (0, 9, 0)
    assert found.day is Day.NEXT
    assert OFFICE.is_open(found.begin + SHORTEST)
