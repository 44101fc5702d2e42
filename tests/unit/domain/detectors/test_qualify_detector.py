"""When a far end that does not answer a qualify is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.detectors.qualify import Qualify, QualifyLimits
from ami_bridge.domain.names import TrunkName
from ami_bridge.domain.signal import Signal, Source, Strength

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HINT, SUSPECT, DOWN, CLEAR = Strength.HINT, Strength.SUSPECT, Strength.DOWN, Strength.CLEAR


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def a_qualify(limits: QualifyLimits | None = None) -> Qualify:
    return Qualify(TrunkName("acme-primary"), limits or QualifyLimits())


def ticked(detector: Qualify, since: int, until: int) -> list[tuple[int, Strength]]:
    return [(s, signal.strength) for s in range(since, until) for signal in detector.tick(at(s))]


def strengths(signals: list[Signal]) -> list[Strength]:
    return [signal.strength for signal in signals]


def test_a_loss_is_suspected_asked_about_and_believed_when_no_answer_comes() -> None:
    detector = a_qualify()
    [suspect] = detector.observe(False, None, T0)
    assert (suspect.strength, suspect.source) == (SUSPECT, Source.QUALIFY)
    assert suspect.words == "the far end does not answer; asking again"
    assert detector.asks_again
    detector.asked()
    assert detector.tick(at(9.9)) == []
    [down] = detector.tick(at(10))
    assert (down.strength, down.words) == (DOWN, "the far end does not answer, nor when asked again")


def test_one_lost_options_that_is_answered_when_asked_again_never_condemns() -> None:
    detector = a_qualify()
    detector.observe(False, None, T0)
    [clear] = detector.observe(True, timedelta(milliseconds=23.4), at(0.1))
    assert (clear.strength, clear.words) == (CLEAR, "the far end answers again, within 23 ms")
    assert not detector.asks_again
    assert ticked(detector, 0, 100) == []


def test_without_a_second_opinion_the_first_condemns_at_once() -> None:
    [down] = a_qualify(QualifyLimits(confirm=timedelta())).observe(False, None, T0)
    assert (down.strength, down.words) == (DOWN, "the far end does not answer")


def test_the_same_news_again_is_no_news_and_no_second_opinion() -> None:
    detector = a_qualify()
    said = [signal for i in range(4) for signal in detector.observe(False, None, at(i))]
    assert strengths(said) == [SUSPECT]
    assert detector.observe(True, None, at(5)) != []
    assert detector.observe(True, None, at(6)) == []


def test_while_it_is_away_it_is_asked_again_and_again() -> None:
    detector = a_qualify(QualifyLimits(ask_every=timedelta(seconds=10)))
    detector.observe(False, None, T0)
    asked = []
    for second in range(60):
        detector.tick(at(second))
        if detector.asks_again:
            asked.append(second)
            detector.asked()
    assert asked == [0, 4, 8, 18, 28, 38, 48, 58]


def test_a_call_that_went_well_since_keeps_it_from_being_given_up_for_a_while() -> None:
    detector = a_qualify()
    detector.observe(False, None, T0)
    assert strengths(detector.call_well(at(2))) == [SUSPECT]  # in other words
    assert ticked(detector, 2, 400) == [(302, DOWN)]
    [suspect] = detector.call_well(at(400))
    assert suspect.strength is SUSPECT
    assert suspect.words == "the far end does not answer, yet a call over it went well since"


def test_a_call_before_the_loss_proves_nothing() -> None:
    detector = a_qualify()
    assert detector.call_well(T0) == []
    detector.observe(False, None, at(1))
    assert ticked(detector, 1, 20) == [(11, DOWN)]


def test_a_carrier_that_answers_no_options_and_carries_calls_ends_as_a_hint_nights_included() -> None:
    detector = a_qualify()
    detector.observe(False, None, T0)
    detector.call_well(at(100))
    [hint] = detector.call_well(at(1800))
    assert hint.strength is HINT
    assert ticked(detector, 1800, 40_000) == []
    assert strengths(detector.observe(True, None, at(40_000))) == [CLEAR]


def test_one_that_was_never_lost_says_nothing() -> None:
    detector = a_qualify()
    for second in range(100):
        assert detector.observe(True, timedelta(milliseconds=20), at(second)) == []
        assert detector.tick(at(second)) == []
    assert not detector.asks_again


def test_what_was_lost_before_sight_was_lost_is_not_counted_on() -> None:
    detector = a_qualify()
    detector.observe(False, None, T0)
    detector.lost_sight(at(1))
    assert not detector.asks_again
    assert ticked(detector, 1, 100) == []
    assert strengths(detector.observe(True, None, at(100))) == [CLEAR]


@pytest.mark.parametrize(("reachable", "said"), [(True, [CLEAR]), (False, [DOWN])])
def test_what_an_earlier_run_said_stands_or_is_cleared_at_once(reachable: bool, said: list[Strength]) -> None:
    detector = a_qualify()
    detector.resume(T0)
    assert detector.tick(at(1)) == []
    assert strengths(detector.observe(reachable, None, at(2))) == said


def test_how_much_it_says_by_itself_is_a_setting() -> None:
    for limits, said in [
        (QualifyLimits(enabled=False), []),
        (QualifyLimits(alone=SUSPECT), [SUSPECT]),
        (QualifyLimits(alone=HINT), [HINT]),
    ]:
        detector = a_qualify(limits)
        signals = detector.observe(False, None, T0) + [s for i in range(100) for s in detector.tick(at(i))]
        assert sorted(set(strengths(signals))) == said
        assert detector.asks_again is limits.enabled


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["lost", "back", "call", "tick", "asked", "lost_sight"]),
            st.sampled_from([-2, 0, 1, 5, 100, 400, 2000]),
        ),
        max_size=60,
    )
)
def test_it_condemns_only_without_an_answer_or_a_good_call_and_always_clears(steps: list[tuple[str, int]]) -> None:
    detector, limits = a_qualify(), QualifyLimits()
    now, lost, called, known_bad = T0, None, None, False
    for what, passes in steps:
        now += timedelta(seconds=passes)
        signals: list[Signal] = []
        if what == "lost":
            lost = lost or now
            signals = detector.observe(False, None, now)
        elif what == "back":
            lost = called = None
            signals = detector.observe(True, None, now)
        elif what == "call":
            called = now if lost is not None else None
            signals = detector.call_well(now)
        elif what == "tick":
            signals = detector.tick(now)
        elif what == "asked":
            detector.asked()
            assert not detector.asks_again
        else:
            detector.lost_sight(now)
        for signal in signals:
            if signal.strength is DOWN:
                assert lost is not None
                assert now - lost >= limits.confirm or known_bad
                assert called is None or now - called >= limits.calls
            known_bad = signal.strength is DOWN or (known_bad and signal.strength is not CLEAR)
    assert all(signal.strength is CLEAR for signal in detector.observe(True, None, now))
    assert detector.tick(now + timedelta(days=1)) == []
    assert detector.observe(True, None, now) == []
