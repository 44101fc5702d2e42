"""Within what time a call back is told to come: no more than what was measured allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from ami_bridge.domain.hours import Hours
from ami_bridge.domain.pace import Window, window

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=BERLIN)  # a Tuesday
OFFICE = Hours(["mon-fri 08:00-18:00"], BERLIN)
SPANS = {
    Window.QUARTER: timedelta(minutes=15),
    Window.HALF: timedelta(minutes=30),
    Window.HOUR: timedelta(hours=1),
    Window.TWO_HOURS: timedelta(hours=2),
}


def every(minutes: float, now: datetime = NOON, count: int = 12) -> list[datetime]:
    return [now - timedelta(minutes=minutes) * n for n in range(1, count + 1)]


def test_nothing_is_told_of_which_little_was_measured() -> None:
    assert window(0, [], NOON, OFFICE, BERLIN) is None
    assert window(0, every(5, count=2), NOON, OFFICE, BERLIN) is None
    assert window(0, [at - timedelta(hours=3) for at in every(1)], NOON, OFFICE, BERLIN) is None


@pytest.mark.parametrize(
    ("minutes", "ahead", "told"),
    [
        (2, 0, Window.QUARTER),
        (5, 2, Window.HALF),
        (5, 5, Window.HOUR),
        (5, 12, Window.TWO_HOURS),
        (8, 20, Window.TODAY),
    ],
)
def test_the_more_are_ahead_the_longer_it_takes(minutes: float, ahead: int, told: Window) -> None:
    assert window(ahead, every(minutes), NOON, None, BERLIN) is told


def test_nobody_is_called_while_the_line_is_closed() -> None:
    evening = NOON.replace(hour=17, minute=45)
    assert window(5, every(5, evening), evening, OFFICE, BERLIN) is Window.NEXT_DAY
    assert window(5, every(5, evening), evening, None, BERLIN) is Window.HOUR
    closed = NOON.replace(hour=18, minute=10)
    assert window(0, every(5, closed), closed, OFFICE, BERLIN) is Window.NEXT_DAY
    assert window(80, every(5, closed), closed, OFFICE, BERLIN) is None


def test_over_noon_it_is_the_same_day() -> None:
    hours = Hours(["mon-fri 08:00-12:00", "mon-fri 14:00-18:00"], BERLIN)
    late = NOON.replace(hour=11, minute=50)
    assert window(5, every(5, late), late, hours, BERLIN) is Window.TODAY


def test_today_ends_at_midnight() -> None:
    night = NOON.replace(hour=22)
    assert window(20, every(8, night), night, None, BERLIN) is None


def test_eight_of_ten_callers_and_more_are_called_within_the_window_they_were_told() -> None:
    """Call backs are kept at random moments, and a caller who comes at a random one is told a window from them."""
    seed = 20261122
    random, told, kept_in_time = Random(seed), 0, 0
    now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    for _ in range(4000):
        minutes, ahead = random.uniform(1, 15), random.randrange(8)
        past, at = [], now
        while (at := at - timedelta(minutes=random.expovariate(1 / minutes))) > now - timedelta(hours=2):
            past.append(at)
        found = window(ahead, past, now, None, UTC)
        if found not in SPANS:
            continue
        told += 1
        wait = sum(random.expovariate(1 / minutes) for _ in range(ahead + 1))
        kept_in_time += timedelta(minutes=wait) <= SPANS[found]
    share = kept_in_time / told
    assert told > 2000, f"seed {seed}"
    assert share >= 0.8, f"{share:.3f} of {told} with the seed {seed}"
