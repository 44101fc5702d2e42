"""When a registration that does not hold matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.detectors.registration import Registration, RegistrationLimits
from ami_bridge.domain.events import RegistrationState
from ami_bridge.domain.names import TrunkName
from ami_bridge.domain.signal import Signal, Source, Strength

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LIMITS = RegistrationLimits(settle=timedelta(seconds=12), grace=timedelta(seconds=75))
GOOD, REJECTED = RegistrationState.REGISTERED, RegistrationState.REJECTED
STOPPED, UNREGISTERED = RegistrationState.STOPPED, RegistrationState.UNREGISTERED
HINT, SUSPECT, DOWN, CLEAR = Strength.HINT, Strength.SUSPECT, Strength.DOWN, Strength.CLEAR


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def a_registration(limits: RegistrationLimits = LIMITS) -> Registration:
    return Registration(TrunkName("acme-primary"), limits)


def ticked(detector: Registration, since: int, until: int, step: int = 1) -> list[tuple[int, Strength]]:
    """What it says while time passes, and when."""
    return [(s, signal.strength) for s in range(since, until, step) for signal in detector.tick(at(s))]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (REJECTED, "the carrier does not accept the registration"),
        (STOPPED, "the registration has stopped for good: the PBX does not try again by itself"),
        (UNREGISTERED, "the PBX is not registered with the carrier"),
    ],
)
def test_what_stays_bad_is_suspected_then_down(state: RegistrationState, words: str) -> None:
    detector = a_registration()
    assert detector.observe(state, T0) == []
    assert detector.tick(at(11)) == []
    [suspect] = detector.tick(at(12))
    assert (suspect.strength, suspect.words, suspect.source) == (SUSPECT, words, Source.REGISTRATION)
    [down] = detector.tick(at(75))
    assert (down.strength, down.words) == (DOWN, f"{words}, for more than 75 s")
    assert detector.tick(at(5000)) == []


def test_a_renewal_and_the_start_of_a_pbx_say_nothing() -> None:
    detector = a_registration()
    for minute in range(60):
        assert detector.observe(UNREGISTERED, at(60 * minute)) == []
        assert ticked(detector, 60 * minute, 60 * minute + 11) == []
        assert detector.observe(GOOD, at(60 * minute + 11)) == []


def test_one_lost_attempt_that_succeeds_at_the_next_never_condemns() -> None:
    detector = a_registration()
    detector.observe(REJECTED, T0)
    assert ticked(detector, 0, 62) == [(12, SUSPECT)]
    [clear] = detector.observe(GOOD, at(62))
    assert (clear.strength, clear.words) == (CLEAR, "registered with the carrier again")


def test_the_grace_is_counted_from_the_first_bad_state_however_often_it_changes() -> None:
    detector = a_registration()
    said = []
    for second in range(80):
        state = REJECTED if second % 10 else UNREGISTERED
        said += [(second, signal.strength) for signal in detector.observe(state, at(second))]
    assert said[0] == (12, SUSPECT)
    assert next(second for second, strength in said if strength is DOWN) == 75


def test_calls_that_keep_coming_in_lessen_it_to_a_hint_until_they_stay_away() -> None:
    detector = a_registration()
    detector.observe(REJECTED, T0)
    detector.tick(at(100))
    [doubted] = detector.call_in(at(150))  # one may come before the carrier has forgotten us
    assert (doubted.strength, doubted.words) == (
        SUSPECT,
        "the carrier does not accept the registration, yet calls still come in",
    )
    assert detector.call_in(at(170)) == []
    [hint] = detector.call_in(at(200))
    assert (hint.strength, hint.words) == (HINT, doubted.words)
    assert detector.call_in(at(600)) == []
    assert ticked(detector, 600, 3000, 60) == [(1500, DOWN)]


def test_calls_long_after_every_expiry_show_that_no_registration_is_needed() -> None:
    """A night without calls is no outage of a carrier that goes by the address."""
    detector = a_registration()
    detector.observe(REJECTED, T0)
    detector.call_in(at(30))
    [hint] = detector.call_in(at(3700))
    assert hint.words.endswith("; calls come in without it")
    assert ticked(detector, 3700, 100_000, 600) == []
    assert [signal.strength for signal in detector.observe(GOOD, at(100_000))] == [CLEAR]
    detector.observe(REJECTED, at(100_001))
    assert [strength for _, strength in ticked(detector, 100_001, 100_100)] == [SUSPECT, DOWN]


def test_a_call_before_the_trouble_proves_nothing() -> None:
    detector = a_registration()
    detector.observe(GOOD, T0)
    assert detector.call_in(at(10)) == []
    detector.observe(REJECTED, at(11))
    assert ticked(detector, 11, 100) == [(23, SUSPECT), (86, DOWN)]


def test_a_trunk_without_a_registration_is_never_bad_and_one_that_lost_it_is_so_no_longer() -> None:
    detector = a_registration()
    assert detector.observe(None, T0) == []
    assert detector.tick(at(1000)) == []
    detector.observe(REJECTED, at(1000))
    detector.tick(at(2000))
    [clear] = detector.observe(None, at(2001))
    assert (clear.strength, clear.words) == (CLEAR, "there is no registration any more")


def test_while_the_pbx_is_not_watched_nothing_is_held_against_it() -> None:
    detector = a_registration()
    detector.observe(REJECTED, T0)
    detector.lost_sight(at(5))
    assert ticked(detector, 5, 500) == []
    assert detector.observe(GOOD, at(500)) == []


@pytest.mark.parametrize(("state", "said"), [(GOOD, [CLEAR]), (REJECTED, [DOWN]), (None, [CLEAR])])
def test_what_an_earlier_run_said_stands_or_is_cleared_at_once(
    state: RegistrationState | None, said: list[Strength]
) -> None:
    detector = a_registration()
    detector.resume(T0)
    assert detector.tick(at(10)) == []
    assert [signal.strength for signal in detector.observe(state, at(11))] == said


def test_how_much_it_says_by_itself_is_a_setting() -> None:
    for limits, said in [
        (RegistrationLimits(enabled=False), []),
        (RegistrationLimits(alone=SUSPECT), [SUSPECT]),
        (RegistrationLimits(alone=HINT), [HINT]),
    ]:
        detector = a_registration(limits)
        detector.observe(REJECTED, T0)
        strengths = [strength for _, strength in ticked(detector, 0, 200)]
        assert sorted(set(strengths)) == said


@given(
    st.lists(
        st.tuples(
            st.sampled_from([GOOD, REJECTED, STOPPED, UNREGISTERED, None, "call", "tick", "lost_sight"]),
            st.sampled_from([-5, 0, 1, 15, 80, 1000, 4000]),
        ),
        max_size=60,
    )
)
def test_it_condemns_only_what_was_bad_for_the_grace_without_calls_and_always_clears(
    steps: list[tuple[RegistrationState | str | None, int]],
) -> None:
    detector, now, bad_since, called = a_registration(), T0, None, None
    for what, passes in steps:
        now += timedelta(seconds=passes)
        signals: list[Signal] = []
        if what == "call":
            called = None if bad_since is None else now
            signals = detector.call_in(now)
        elif what == "tick":
            signals = detector.tick(now)
        elif what == "lost_sight":
            detector.lost_sight(now)
        else:
            assert not isinstance(what, str)
            good = what is None or what is GOOD
            bad_since, called = (None, None) if good else (bad_since or now, called)
            signals = detector.observe(what, now)
        for signal in signals:
            if signal.strength is DOWN:
                assert bad_since is not None
                assert now - bad_since >= LIMITS.grace
                assert called is None or now - called >= LIMITS.calls
    assert all(signal.strength is CLEAR for signal in detector.observe(GOOD, now))
    assert detector.tick(now + timedelta(days=1)) == []
    assert detector.observe(GOOD, now) == []
