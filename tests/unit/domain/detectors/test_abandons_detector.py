"""Callers who give up: several of most who called, on a line that is answered as a rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.detectors.abandons import Abandons, AbandonsLimits
from ami_bridge.domain.hours import Hours
from ami_bridge.domain.names import LineName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

LINE = LineName("support")
T0 = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)  # a Monday
CLEAR, SUSPECT = Strength.CLEAR, Strength.SUSPECT
LONG = timedelta(seconds=40)


def minute(n: float) -> datetime:
    return T0 + timedelta(minutes=n)


def attended(hours: Hours | None = None) -> Abandons:
    """A line that has answered a caller at minute 0."""
    abandons = Abandons(LINE, AbandonsLimits(), hours)
    assert abandons.left(True, LONG, minute(0)) == []
    return abandons


def give_up(abandons: Abandons, count: int, begin: float, waited: timedelta = LONG) -> list[Signal]:
    return [s for n in range(count) for s in abandons.left(False, waited, minute(begin + n), f"+1555{n:07}")]


def test_eight_different_callers_of_nine_are_a_suspicion() -> None:
    abandons = attended()
    assert give_up(abandons, 7, 1) == []
    (signal,) = abandons.left(False, LONG, minute(9), "")
    assert signal == Signal(
        subject=Subject(Kind.LINE, LINE),
        source=Source.ABANDONS,
        strength=SUSPECT,
        words="8 of 9 callers within 30 min gave up before anybody answered",
    )
    assert give_up(abandons, 5, 10) == []
    assert [signal for n in range(4) for signal in abandons.left(True, LONG, minute(16 + n / 4))] == []
    (over,) = abandons.left(True, LONG, minute(17))
    assert (over.strength, over.words) == (CLEAR, "the last 5 callers were answered")
    assert give_up(abandons, 7, 19) == []  # and a new suspicion takes as much as the first


@pytest.mark.parametrize("seconds", [0, 2, 9])
def test_callers_who_hang_up_at_once_meant_another_number(seconds: int) -> None:
    assert give_up(attended(), 30, 1, timedelta(seconds=seconds)) == []


def test_one_impatient_caller_is_one() -> None:
    abandons = attended()
    assert [s for n in range(25) for s in abandons.left(False, LONG, minute(1 + n / 2), "+15550001111")] == []


def test_too_many_for_a_day_are_not_too_many_for_half_an_hour() -> None:
    abandons = attended()
    assert [s for n in range(24) for s in abandons.left(False, LONG, minute(1 + 5 * n), f"+1555{n}")] == []


def test_a_night_or_a_holiday_on_which_nobody_answers_is_passed_over() -> None:
    assert give_up(attended(), 29, 121) == []
    assert give_up(Abandons(LINE, AbandonsLimits()), 29, 1) == []


def test_callers_of_a_closed_line_do_not_count_and_closing_ends_it() -> None:
    abandons = attended(Hours(["mon-fri 08:00-09:20"], UTC))
    assert [s.strength for s in give_up(abandons, 8, 1)] == [SUSPECT]
    assert abandons.tick(minute(19)) == []
    (over,) = abandons.tick(minute(20))
    assert (over.strength, over.words) == (CLEAR, "the line has closed")
    assert give_up(abandons, 20, 21) == []


def test_it_is_over_when_nobody_gives_up_any_more() -> None:
    abandons = attended()
    give_up(abandons, 8, 1)
    assert abandons.tick(minute(38)) == []
    (over,) = abandons.tick(minute(39))
    assert (over.strength, over.words) == (CLEAR, "nobody has given up for 30 min")


def test_an_earlier_runs_word_ends_when_callers_are_answered() -> None:
    abandons = Abandons(LINE, AbandonsLimits())
    abandons.resume(minute(0))
    said = [s for n in range(3) for s in abandons.left(True, LONG, minute(n))]
    assert [s.strength for s in said] in ([CLEAR], [CLEAR])


@pytest.mark.parametrize(("share", "an_hour"), [(0.05, 60), (0.1, 30), (0.2, 12), (0.2, 40)])
def test_a_year_of_ordinary_callers_raises_next_to_nothing(share: float, an_hour: int) -> None:
    """Four lines, each 250 days of 9 hours, with callers at random: at most one suspicion a year."""
    random, said = Random(f"{share} {an_hour}"), []
    abandons = Abandons(LINE, AbandonsLimits())
    for day in range(250):
        now = T0 + timedelta(days=day)
        while now < T0 + timedelta(days=day, hours=9):
            now += timedelta(hours=random.expovariate(an_hour))
            given_up = random.random() < share
            said += abandons.left(not given_up, LONG, now, f"+1555{random.randrange(10**6)}")
    assert sum(signal.strength is SUSPECT for signal in said) <= 1


@given(
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.integers(0, 1200), st.integers(0, 20)), max_size=120)
)
def test_whatever_comes_it_speaks_only_of_enough_and_counts_right(steps: list[tuple[bool, int, int, int]]) -> None:
    abandons, now, said = Abandons(LINE, AbandonsLimits()), T0, CLEAR
    for answered, waited, seconds, who in steps:
        now += timedelta(seconds=seconds)
        for signal in abandons.left(answered, timedelta(seconds=waited), now, f"+{who}" if who else ""):
            assert signal.strength is not said
            said = signal.strength
            if said is SUSPECT:
                gave_up = [number for _, good, number in abandons._callers if not good]
                assert len({number for number in gave_up if number}) + gave_up.count("") >= 8
    kept = [number for _, good, number in abandons._callers if not good]
    assert abandons._given_up() == len({number for number in kept if number}) + kept.count("")
    assert abandons._answered == sum(good for _, good, _ in abandons._callers)
    ended = [s for n in range(3) for s in abandons.left(True, LONG, now + timedelta(seconds=n))]
    assert [s.strength for s in ended] == ([CLEAR] if said is SUSPECT else [])


def test_memory_is_bounded_in_a_storm() -> None:
    abandons = attended()
    for n in range(5000):
        abandons.left(False, LONG, minute(1 + n / 1000), f"+1555{n}")
    assert len(abandons._callers) <= 500
    assert len(abandons._named) <= 500
