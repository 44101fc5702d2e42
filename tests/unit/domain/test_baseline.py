"""Rhythms: hours of the week in the tenant's zone, what of them is learnt, and what is kept of it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.domain.baseline import HOURS, Hour, Rhythm, Unreadable, quartiles

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 1, 5, tzinfo=BERLIN)


def utc(local: datetime) -> datetime:
    return local.astimezone(UTC)


def live(rhythm: Rhythm, begin: datetime, hours: int, count: int | list[int]) -> None:
    """Let whole hours pass; `count` of each, or of each hour of the day in the rhythm's zone."""
    now = utc(begin)
    for _ in range(hours):
        n = count if isinstance(count, int) else count[now.astimezone(BERLIN).hour]
        rhythm.count(now, n)
        now += HOUR
    rhythm.close(now)


def office(n: int) -> list[int]:
    return [n if 8 <= hour < 18 else 0 for hour in range(24)]


def test_nothing_is_known_on_the_first_day_and_much_after_three() -> None:
    rhythm = Rhythm(BERLIN)
    live(rhythm, MONDAY, 48, office(20))
    assert rhythm.expected(utc(MONDAY + timedelta(days=2, hours=10))) is None
    rhythm = Rhythm(BERLIN)
    live(rhythm, MONDAY, 72 + 10, office(20))
    normal = rhythm.expected(utc(MONDAY + timedelta(days=3, hours=10)))
    assert normal is not None
    assert (normal.low, normal.median, normal.high, normal.own) == (20, 20, 20, False)


def test_a_weekend_borrows_only_an_upper_bound() -> None:
    rhythm = Rhythm(BERLIN)
    live(rhythm, MONDAY, 5 * 24 + 10, office(20))
    saturday = rhythm.expected(utc(MONDAY + timedelta(days=5, hours=10)))
    assert saturday is not None
    assert (saturday.low, saturday.median, saturday.high, saturday.own) == (0, 0, 20, False)


def test_from_the_third_week_an_hour_speaks_for_itself() -> None:
    rhythm = Rhythm(BERLIN)
    live(rhythm, MONDAY, 14 * 24 + 11, office(20))
    normal = rhythm.expected(utc(MONDAY + timedelta(days=14, hours=11)))
    assert normal is not None
    assert normal.own


def test_one_odd_week_in_four_moves_nothing() -> None:
    rhythm = Rhythm(BERLIN)
    for odd in ([20] * HOURS, [20] * HOURS, [90] * HOURS, [20] * HOURS, [21] * HOURS):
        now = utc(MONDAY) + timedelta(hours=rhythm.learnt)
        for n in odd:
            rhythm.count(now, n)
            now += HOUR
        rhythm.close(now)
    normal = rhythm.expected(now)
    assert normal is not None
    assert (normal.low, normal.median, normal.high) == (20, 20, 21)


def test_growth_is_followed() -> None:
    rhythm = Rhythm(BERLIN)
    for week in range(30):
        live(rhythm, MONDAY + timedelta(weeks=week), HOURS, round(100 * 1.02**week))
    normal = rhythm.expected(utc(MONDAY + timedelta(weeks=30)))
    assert normal is not None
    assert 0.85 * 100 * 1.02**30 < normal.low <= normal.median <= normal.high < 100 * 1.02**30


def test_low_and_high_reach_over_the_edge_of_an_hour() -> None:
    """Who opens at half past eight has half of the calls in the hour from eight, all of them in its second half."""
    rhythm = Rhythm(BERLIN)
    day = [*([0] * 8), 10, *([20] * 8), 10, *([0] * 6)]
    live(rhythm, MONDAY, 3 * HOURS + 8, day)
    opening = rhythm.expected(utc(MONDAY + timedelta(weeks=3, hours=8)))
    assert opening is not None
    assert (opening.low, opening.median, opening.high) == (0, 10, 20)
    live(rhythm, MONDAY + timedelta(weeks=3, hours=8), 4, day)
    noon = rhythm.expected(utc(MONDAY + timedelta(weeks=3, hours=12)))
    assert noon is not None
    assert (noon.low, noon.median, noon.high) == (20, 20, 20)


def test_an_hour_that_was_not_watched_whole_is_not_learnt() -> None:
    rhythm = Rhythm(BERLIN)
    begin = utc(MONDAY + timedelta(hours=9))
    rhythm.count(begin + timedelta(minutes=20), 5)
    assert rhythm.close(begin + HOUR) == Hour(begin=begin, count=5, learnt=False)
    assert rhythm.close(begin + HOUR) is None
    rhythm.count(begin + HOUR + timedelta(minutes=50), 7)
    assert rhythm.close(begin + 2 * HOUR) == Hour(begin=begin + HOUR, count=7, learnt=True)
    rhythm.skip(begin + 2 * HOUR + timedelta(minutes=3))
    assert rhythm.close(begin + 3 * HOUR) == Hour(begin=begin + 2 * HOUR, count=0, learnt=False)
    assert rhythm.learnt == 1


def test_hours_nobody_closed_were_not_watched() -> None:
    rhythm = Rhythm(BERLIN)
    begin = utc(MONDAY)
    rhythm.count(begin, 5)
    hour = rhythm.close(begin + 7 * HOUR + timedelta(minutes=30))
    assert hour == Hour(begin=begin, count=5, learnt=False)
    assert rhythm.close(begin + 8 * HOUR) == Hour(begin=begin + 7 * HOUR, count=0, learnt=False)


def test_a_holiday_is_told_by_its_level_and_not_learnt() -> None:
    rhythm = Rhythm(BERLIN)
    live(rhythm, MONDAY, 3 * HOURS, office(20))
    before, holiday = rhythm.dump(), MONDAY + timedelta(weeks=3)
    assert rhythm.level(utc(holiday)) is None
    live(rhythm, holiday, 12, 0)
    assert rhythm.level(utc(holiday + timedelta(hours=12))) == 0
    live(rhythm, holiday + timedelta(hours=12), 12, 0)
    working = [9 + hour for hour in range(8)]
    after = Rhythm.load(rhythm.dump(), BERLIN)
    for hour in working:
        assert cells(after.dump())[hour] == cells(before)[hour]


def test_what_lasts_is_learnt_although_it_looks_like_a_holiday() -> None:
    rhythm = Rhythm(BERLIN)
    live(rhythm, MONDAY, 8 * HOURS, office(20))
    live(rhythm, MONDAY + timedelta(weeks=8), 30 * HOURS, 0)
    normal = rhythm.expected(utc(MONDAY + timedelta(weeks=38, hours=10)))
    assert normal is not None
    assert normal.median == 0


def test_level_is_todays_share_of_normal() -> None:
    rhythm = Rhythm(BERLIN)
    live(rhythm, MONDAY, 3 * HOURS, office(20))
    live(rhythm, MONDAY + timedelta(weeks=3), 11, office(10))
    now = utc(MONDAY + timedelta(weeks=3, hours=11, minutes=30))
    rhythm.count(now, 5)
    level = rhythm.level(now)
    assert level == pytest.approx(0.5)


@pytest.mark.parametrize(("mixed", "least", "most"), [(False, 0.0, 0.06), (True, 0.12, 0.45)])
def test_burst_tells_mixed_traffic_from_independent_calls(mixed: bool, least: float, most: float) -> None:
    rhythm, random = Rhythm(BERLIN), Random(7)
    now = utc(MONDAY)
    for _ in range(20 * HOURS):
        rate = random.gammavariate(4, 15 / 4) if mixed else 15.0
        rhythm.count(now, poisson(random, rate))
        now += HOUR
    assert least <= rhythm.burst <= most


def poisson(random: Random, mean: float) -> int:
    n, t = 0, random.expovariate(1)
    while t < mean:
        n, t = n + 1, t + random.expovariate(1)
    return n


@pytest.mark.parametrize(
    ("zone", "sunday", "watched"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24),  # clocks go back half an hour: 24.5 hours
        ("Australia/Lord_Howe", date(2026, 10, 4), 23),  # and on: 23.5
        ("Asia/Kolkata", date(2026, 3, 29), 24),
    ],
)
def test_days_on_which_clocks_change_keep_their_hours(zone: str, sunday: date, watched: int) -> None:
    local = ZoneInfo(zone)
    rhythm = Rhythm(local)
    begin = datetime(sunday.year, sunday.month, sunday.day, tzinfo=local)
    end = datetime(sunday.year, sunday.month, sunday.day + 1, tzinfo=local).astimezone(UTC)
    now = begin.astimezone(UTC)
    while now < end:
        rhythm.count(now, 100 + now.astimezone(local).hour)
        now = rhythm.until
    rhythm.close(end)
    assert now == end
    assert rhythm.learnt == watched
    for index, values in enumerate(cells(rhythm.dump())):
        assert set(values) <= {100 + index % 24}
        assert not values or index // 24 == 6


@given(
    hour=st.integers(0, 131_000),  # fifteen years
    zone=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    steps=st.lists(st.integers(1, 7200), min_size=1, max_size=60),
)
@settings(deadline=None)
def test_every_count_lands_in_the_hour_the_clock_on_the_wall_shows(hour: int, zone: str, steps: list[int]) -> None:
    local = ZoneInfo(zone)
    rhythm = Rhythm(local)
    now = datetime(2020, 1, 1, tzinfo=UTC) + hour * HOUR
    for seconds in steps:
        rhythm.count(now)
        assert now < rhythm.until <= now + HOUR
        assert rhythm.day == now.astimezone(local).date()
        assert (rhythm.until - timedelta(microseconds=1)).astimezone(local).hour == now.astimezone(local).hour
        now += timedelta(seconds=seconds)


@given(
    weeks=st.lists(st.lists(st.integers(0, 10_000), min_size=1, max_size=20), min_size=1, max_size=4),
)
@settings(deadline=None, max_examples=25)
def test_what_is_dumped_comes_back(weeks: list[list[int]]) -> None:
    rhythm = Rhythm(UTC, weeks=3)
    now = datetime(2026, 1, 5, tzinfo=UTC)
    for week in weeks:
        for hour in range(HOURS):
            rhythm.count(now, week[hour % len(week)])
            now += HOUR
    rhythm.close(now)
    kept = json.loads(json.dumps(rhythm.dump()))
    again = Rhythm.load(kept, UTC, weeks=3)
    assert again.dump() == kept
    assert all(len(values) <= 3 for values in cells(kept))
    assert again.expected(now) == rhythm.expected(now)


def cells(kept: list[int]) -> list[list[int]]:
    """The hours of the week in what was dumped: behind three numbers, each with its length before it."""
    found, at = [], 3
    while at < len(kept):
        found.append(kept[at + 1 : at + 1 + kept[at]])
        at += 1 + kept[at]
    assert len(found) == HOURS
    return found


def test_fewer_weeks_keep_the_newest() -> None:
    rhythm = Rhythm(UTC)
    for week in range(5):
        live(rhythm, datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=week), HOURS, 10 + week)
    assert cells(Rhythm.load(rhythm.dump(), UTC, weeks=2).dump())[40] == [13, 14]


def test_a_blob_stays_small() -> None:
    rhythm = Rhythm(UTC)
    live(rhythm, MONDAY, 20 * HOURS, 1000)
    assert len(json.dumps(rhythm.dump(), separators=(",", ":"))) < 8_000


@pytest.mark.parametrize(
    "kept",
    [
        [],
        [2, 150, 0, *([0] * HOURS)],
        [1, 150, 0, *([0] * (HOURS - 1))],
        [1, 150, 0, *([0] * HOURS), 5],
        [1, 150, 0, *([0] * (HOURS - 1)), 2, 7],
        [1, 150, -1, *([0] * HOURS)],
        [1, 150, 0, *([0] * (HOURS - 1)), 1, True],
        [1, 150, 0, *([0] * (HOURS - 1)), 1, "7"],
    ],
)
def test_what_is_not_a_rhythm_is_refused(kept: list[int]) -> None:
    with pytest.raises(Unreadable):
        Rhythm.load(kept, UTC)


def test_a_rhythm_of_one_week_is_refused() -> None:
    with pytest.raises(ValueError, match="2 weeks"):
        Rhythm(UTC, weeks=1)


@pytest.mark.parametrize(
    ("values", "three"),
    [([5, 3], (3, 4, 5)), ([0, 9, 10, 11], (9, 9.5, 10)), ([0, 0, 7, 8, 9, 10, 50, 60], (7, 8.5, 10))],
)
def test_quartiles_set_the_odd_ones_aside(values: list[int], three: tuple[float, float, float]) -> None:
    assert quartiles(values) == three
