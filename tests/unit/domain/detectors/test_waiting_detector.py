"""The longest waits of a line: several callers for long, and not one long call or a short spike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from ami_bridge.domain.detectors.waiting import Waiting, WaitingLimits
from ami_bridge.domain.names import LineName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

LINE = LineName("support")
T0 = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
CLEAR, SUSPECT = Strength.CLEAR, Strength.SUSPECT


def minute(n: float) -> datetime:
    return T0 + timedelta(minutes=n)


def until(waiting: Waiting, begin: float, end: float) -> list[tuple[Strength, float]]:
    """What is said from minute `begin` to minute `end`, ticking every 15 s."""
    quarters = range(int(begin * 4), int(end * 4) + 1)
    return [(signal.strength, n / 4) for n in quarters for signal in waiting.tick(minute(n / 4))]


def test_several_callers_who_wait_too_long_are_a_suspicion_after_the_hold() -> None:
    waiting = Waiting(LINE, WaitingLimits())
    assert waiting.look([minute(n) for n in range(5)], minute(4)) == []
    assert until(waiting, 4, 12.75) == []  # the third is over the limit at 12
    (signal,) = waiting.tick(minute(13))
    assert signal == Signal(
        subject=Subject(Kind.LINE, LINE),
        source=Source.WAITING,
        strength=SUSPECT,
        words="3 callers or more wait longer than 10 min, the longest 13 min",
    )
    assert [n for _, n in until(waiting, 13, 60)] == [26, 52]  # news when the longest wait has doubled


def test_it_is_over_when_the_waits_have_been_short_for_long() -> None:
    waiting = Waiting(LINE, WaitingLimits())
    waiting.look([minute(0)] * 4, minute(1))
    assert until(waiting, 1, 15) == [(SUSPECT, 11)]
    assert waiting.look([minute(0), minute(0), minute(14)], minute(15)) == []
    assert waiting.look([minute(14)] * 3, minute(20)) == []  # half as long again, so soon: not over
    assert until(waiting, 20, 27) == []
    assert waiting.look([], minute(27)) == []
    assert until(waiting, 27, 40) == [(CLEAR, 37)]


def test_one_or_two_who_wait_for_one_long_call_are_no_outage() -> None:
    waiting = Waiting(LINE, WaitingLimits())
    waiting.look([minute(0), minute(1)], minute(1))
    assert until(waiting, 1, 90) == []


def test_a_short_spike_is_passed_over() -> None:
    waiting = Waiting(LINE, WaitingLimits())
    waiting.look([minute(0)] * 3, minute(0))
    assert until(waiting, 0, 10.75) == []
    waiting.look([minute(10)] * 30, minute(10.75))
    assert until(waiting, 10.75, 19.75) == []


def test_who_waits_is_unknown_after_a_gap() -> None:
    waiting = Waiting(LINE, WaitingLimits())
    waiting.look([minute(0)] * 3, minute(0))
    waiting.lost_sight(minute(9))
    assert until(waiting, 9, 60) == []


def test_an_earlier_runs_word_ends_when_waits_are_short() -> None:
    waiting = Waiting(LINE, WaitingLimits())
    waiting.resume(minute(0))
    assert until(waiting, 0, 20) == [(CLEAR, 10)]


@given(
    steps=st.lists(
        st.tuples(st.lists(st.integers(0, 3600), max_size=12).map(sorted), st.integers(1, 900), st.booleans()),
        max_size=40,
    )
)
# One who waits twice as long, when the others have waited for less than too long, is not told of as if they all did.
@example(steps=[([600, 600, 600], 60, False), ([0, 0, 721], 599, False)])
def test_whatever_comes_it_speaks_only_while_enough_wait_too_long(
    steps: list[tuple[list[int], int, bool]],
) -> None:
    waiting, now, said = Waiting(LINE, WaitingLimits()), T0, CLEAR
    for waits, seconds, blind in steps:
        if blind:
            waiting.lost_sight(now)
        since = [now - timedelta(seconds=n) for n in reversed(waits)]
        signals = waiting.look(since, now)
        now += timedelta(seconds=seconds)
        signals += waiting.tick(now)
        for signal in signals:
            assert (said, signal.strength) != (CLEAR, CLEAR)
            said = signal.strength
            assert said in {CLEAR, SUSPECT}
        if signals and said is SUSPECT:
            assert len(since) >= 3
            assert now - since[2] >= timedelta(minutes=10)
    ended = waiting.look([], now) + waiting.tick(now + timedelta(minutes=10))
    assert [signal.strength for signal in ended] == ([CLEAR] if said is SUSPECT else [])
