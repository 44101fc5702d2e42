"""Far more callers than usual: a crowd that waits or rings again, and no opening rush, redialler, or short burst."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from math import exp
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.domain.baseline import Rhythm
from ami_bridge.domain.detectors.surge import KEPT, Surge, SurgeLimits, tail
from ami_bridge.domain.names import LineName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

LINE = LineName("support")
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
LEARNT = MONDAY + timedelta(weeks=20)
CLEAR, HINT, SUSPECT = Strength.CLEAR, Strength.HINT, Strength.SUSPECT
NUMBERS = count(1)


def rhythm_of(hourly: float, *, weeks: int = 20, seed: int = 5) -> Rhythm:
    """Poisson callers by day and night."""
    rhythm, random = Rhythm(UTC), Random(seed)
    now = LEARNT - timedelta(weeks=weeks)
    while now < LEARNT:
        rhythm.count(now, sum(1 for _ in arrivals(random, hourly, 60)))
        now += timedelta(hours=1)
    rhythm.close(now)
    return rhythm


def arrivals(random: Random, hourly: float, minutes: float) -> Iterator[float]:
    """Minutes at which independent callers come."""
    at = random.expovariate(hourly / 60)
    while at < minutes:
        yield at
        at += random.expovariate(hourly / 60)


def line_of(hourly: float, limits: SurgeLimits | None = None, *, weeks: int = 20) -> Surge:
    return Surge(LINE, limits or SurgeLimits(), rhythm_of(hourly, weeks=weeks))


def live(surge: Surge, hourly: float, begin: float, end: float, *, waiting: int = 0) -> list[tuple[float, Signal]]:
    """Let callers come from minute `begin` to `end` of LEARNT; return what was said at which minute."""
    random, said = Random(int(begin) + 3), []
    callers = [(begin + at, True) for at in arrivals(random, hourly, end - begin)]
    ticks = [(begin + n / 2, False) for n in range(int((end - begin) * 2))]
    for minute, is_caller in sorted(callers + ticks):
        now = LEARNT + timedelta(minutes=minute)
        heard = surge.arrived(f"+4930{next(NUMBERS)}", now) + surge.look(waiting, now) if is_caller else surge.tick(now)
        said += [(minute, signal) for signal in heard]
    return said


def test_a_crowd_that_waits_is_suspected_within_minutes_and_over_when_it_is_gone() -> None:
    surge = line_of(60)
    assert live(surge, 60, 0, 60) == []
    (minute, signal), *_ = live(surge, 300, 60, 80, waiting=12)
    assert minute < 66
    assert signal.subject == Subject(Kind.LINE, LINE)
    assert (signal.source, signal.strength) == (Source.SURGE, SUSPECT)
    assert "12 wait" in signal.words
    (minute, signal), *more = live(surge, 60, 80, 120)
    assert (signal.strength, more) == (CLEAR, [])
    assert 85 < minute <= 111  # twenty minutes of the crowd are in mind, and ten have to be calm


def test_a_crowd_that_is_answered_as_it_comes_is_a_hint() -> None:
    surge = line_of(60)
    live(surge, 60, 0, 60)
    assert {signal.strength for _, signal in live(surge, 300, 60, 80, waiting=1)} == {HINT}


def test_a_crowd_that_begins_to_wait_is_suspected_then() -> None:
    surge = line_of(60)
    said = live(surge, 300, 0, 10, waiting=0)
    assert [signal.strength for _, signal in said][:1] == [HINT]
    (signal,) = surge.look(9, LEARNT + timedelta(minutes=10))
    assert signal.strength is SUSPECT


def test_phones_that_ring_before_they_are_answered_are_no_queue() -> None:
    """Of 1200 callers an hour, four at a time wait twelve seconds each."""
    surge = line_of(120)
    assert {signal.strength for _, signal in live(surge, 1200, 0, 20, waiting=4)} == {HINT}


def test_callers_who_ring_again_make_trouble_of_a_crowd_that_nobody_sees_waiting() -> None:
    surge = line_of(60)
    live(surge, 300, 0, 10)
    told: list[Signal] = []
    for n in range(30):
        now = LEARNT + timedelta(minutes=10, seconds=n)
        told += surge.arrived(f"+4930{990000 + n}", now) + surge.arrived(f"+4930{990000 + n}", now)
    assert SUSPECT in {signal.strength for signal in told}
    assert any("many ring again" in signal.words for signal in told)


def test_a_small_line_needs_a_handful_of_different_callers() -> None:
    surge = line_of(0.5)
    now = LEARNT
    said: list[Signal] = []
    for n in range(12):
        said += surge.arrived(f"+49301{n}", now + timedelta(seconds=20 * n))
    assert [signal.strength for signal in said] == [SUSPECT]


def test_one_who_redials_all_day_is_one_caller() -> None:
    surge = line_of(2)
    for n in range(5000):
        assert surge.arrived("+49301", LEARNT + timedelta(seconds=10 * n)) == []


def test_withheld_numbers_are_different_people() -> None:
    surge = line_of(2)
    said = [signal for n in range(12) for signal in surge.arrived("", LEARNT + timedelta(seconds=n))]
    assert [signal.strength for signal in said] == [SUSPECT]


def test_nothing_is_said_while_nothing_is_known() -> None:
    surge = line_of(60, weeks=0)
    assert live(surge, 600, 0, 24 * 60, waiting=50) == []


def test_sixty_ordinary_days_say_nothing() -> None:
    surge = line_of(20)
    assert live(surge, 20, 0, 60 * 24 * 60, waiting=5) == []


def test_twice_the_callers_is_a_busy_day() -> None:
    surge = line_of(60)
    assert live(surge, 120, 0, 600, waiting=5) == []


def test_bursty_traffic_that_was_learnt_is_passed_over() -> None:
    rhythm, random = Rhythm(UTC), Random(2)
    now = MONDAY
    while now < LEARNT:
        rhythm.count(now, sum(1 for _ in arrivals(random, 20 * random.gammavariate(1.5, 1 / 1.5), 60)))
        now += timedelta(hours=1)
    steady, bursty = line_of(20), Surge(LINE, SurgeLimits(), rhythm)
    assert live(steady, 100, 0, 20, waiting=9) != []
    assert live(bursty, 100, 0, 20, waiting=9) == []


def test_hours_of_a_surge_are_not_learnt_and_one_of_a_day_is_the_new_normal() -> None:
    rhythm = rhythm_of(60)
    surge, learnt = Surge(LINE, SurgeLimits(), rhythm), rhythm.learnt
    live(surge, 300, 0, 12 * 60, waiting=12)
    assert rhythm.learnt == learnt
    said = live(surge, 300, 12 * 60, 25 * 60, waiting=12)
    assert CLEAR in {signal.strength for _, signal in said}


def test_an_hour_out_of_sight_is_not_learnt() -> None:
    rhythm = rhythm_of(60)
    surge, learnt = Surge(LINE, SurgeLimits(), rhythm), rhythm.learnt
    surge.lost_sight(LEARNT + timedelta(minutes=20))
    surge.tick(LEARNT + timedelta(minutes=61))
    assert rhythm.learnt == learnt


def test_what_an_earlier_run_said_is_taken_back_when_it_is_calm() -> None:
    surge = line_of(60)
    surge.resume(LEARNT)
    ((minute, signal),) = live(surge, 30, 0, 30)
    assert (signal.strength, minute) == (CLEAR, 10)


def test_it_says_no_more_than_it_may() -> None:
    assert live(line_of(60, SurgeLimits(enabled=False)), 600, 0, 60, waiting=12) == []
    hints = live(line_of(60, SurgeLimits(alone=HINT)), 600, 0, 60, waiting=12)
    assert {signal.strength for _, signal in hints} == {HINT}


def test_a_flood_is_kept_within_bounds() -> None:
    surge = line_of(60)
    for n in range(3 * KEPT):
        surge.arrived(f"x{n}", LEARNT + timedelta(milliseconds=n))
    assert len(surge._new) <= KEPT
    assert len(surge._rang) <= KEPT + 1


@pytest.mark.parametrize("limits", [{"factor": 0.5}, {"odds": 1}, {"least": 1}, {"again": 0.0}, {"again": 2.0}])
def test_limits_that_make_no_sense_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="surge"):
        SurgeLimits(**limits)  # type: ignore[arg-type]


@given(due=st.floats(0, 60), rare=st.floats(1e-6, 0.1))
def test_the_tail_without_bursts_is_poissons(due: float, rare: float) -> None:
    chance, left, number = exp(-due), 1.0, 0
    while left - chance > rare:
        left -= chance
        number += 1
        chance *= due / number
    assert abs(tail(due, 1e-6, rare) - (number + 1)) <= 1


@settings(deadline=None)  # how long it takes is the machine's business
@given(due=st.floats(0, 5000), burst=st.floats(0.02, 4))
def test_bursts_only_widen_the_tail(due: float, burst: float) -> None:
    assert due <= tail(due, 0.02, 1e-5) <= tail(due, burst, 1e-5)
