"""When calls over a trunk sound bad, and when it is only somebody's mobile."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.detectors.audio import Audio, AudioLimits
from ami_bridge.domain.names import TrunkName, Uniqueid
from ami_bridge.domain.signal import Signal, Source, Strength

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HINT, SUSPECT, DOWN, CLEAR = Strength.HINT, Strength.SUSPECT, Strength.DOWN, Strength.CLEAR
NONE = timedelta()


class Ear:
    """A detector, and calls that are reported on every 5 s in both directions."""

    def __init__(self, limits: AudioLimits | None = None) -> None:
        self.detector = Audio(TrunkName("acme-primary"), limits or AudioLimits())
        self.now = T0
        self.said: list[Signal] = []

    def hears(self, here: dict[str, float], seconds: int, *, there: float = 0.0, jitter: timedelta = NONE) -> Ear:
        """`here`: the share lost of what arrives here, by call; `there` and `jitter`: of what arrives there."""
        for _ in range(seconds // 5):
            self.now += timedelta(seconds=5)
            for call, lost in here.items():
                self.said += self.detector.report(Uniqueid(call), lost, NONE, self.now)
                self.said += self.detector.report(Uniqueid(call), there, jitter, self.now)
            self.said += self.detector.tick(self.now)
        return self

    def ends(self, *calls: str) -> Ear:
        for call in calls:
            self.said += self.detector.ended(Uniqueid(call), self.now)
        return self

    def passes(self, seconds: int) -> Ear:
        for _ in range(seconds):
            self.now += timedelta(seconds=1)
            self.said += self.detector.tick(self.now)
        return self

    @property
    def strengths(self) -> list[Strength]:
        return [signal.strength for signal in self.said]


def calls(lost: float, count: int, name: str = "c") -> dict[str, float]:
    return {f"{name}{i}": lost for i in range(count)}


@pytest.mark.parametrize(
    ("lost", "said"), [(0.0, []), (0.05, []), (0.06, [SUSPECT]), (0.14, [SUSPECT]), (0.15, [DOWN]), (1.0, [DOWN])]
)
def test_several_calls_that_lose_packets_one_way(lost: float, said: list[Strength]) -> None:
    ear = Ear().hears(calls(lost, 4), 60)
    assert sorted(set(ear.strengths)) == said


def test_it_is_known_within_twenty_seconds_and_said_in_figures() -> None:
    ear = Ear().hears(calls(0.0, 5), 60).hears(calls(0.2, 5), 20)
    assert ear.strengths[-1] is DOWN
    assert ear.said[0].source is Source.AUDIO
    assert ear.said[-1].words == "3 of 5 calls lose so many packets that nobody is understood"


def test_jitter_alone_is_suspected_and_nonsense_is_passed_over() -> None:
    bad = Ear().hears(calls(0.0, 4), 60, jitter=timedelta(milliseconds=60))
    assert bad.strengths == [SUSPECT]
    assert Ear().hears(calls(0.0, 4), 60, jitter=timedelta(milliseconds=50)).said == []
    assert Ear().hears(calls(0.0, 4), 60, jitter=timedelta(hours=3)).said == []


@pytest.mark.parametrize(("bad", "good"), [(1, 0), (1, 9), (2, 0), (2, 2), (3, 37)])
def test_mobiles_in_lifts_are_no_trunk_fault(bad: int, good: int) -> None:
    assert Ear().hears(calls(0.2, bad, "m") | calls(0.0, good), 120).said == []


def test_one_who_rings_again_and_again_from_a_bad_place_is_no_trunk_fault() -> None:
    ear = Ear()
    for i in range(5):
        ear.hears({f"again{i}": 0.3}, 30).ends(f"again{i}").passes(10)
    assert ear.said == []


def test_many_bad_calls_one_after_the_other_are() -> None:
    ear = Ear()
    for i in range(8):
        ear.hears({f"c{i}": 0.3}, 30).ends(f"c{i}").passes(2)
    assert ear.strengths[0] is DOWN


def test_a_burst_is_no_bad_call() -> None:
    ear = Ear()
    for _ in range(20):
        ear.hears(calls(0.0, 5), 40).hears(calls(0.4, 5), 10)
    assert ear.said == []


def test_a_trunk_with_many_bad_calls_on_ordinary_days_needs_more_of_them() -> None:
    """A fifth of this trunk's callers stand in bad places; three of five of them at once happens."""
    ear = Ear()
    for i in range(100):
        batch = calls(0.0, 8, f"g{i}-") | calls(0.2, 2, f"b{i}-")
        ear.hears(batch, 30).ends(*batch).passes(310)
    assert ear.said == []
    assert ear.hears(calls(0.2, 3) | calls(0.0, 2, "g"), 60).said == []
    assert Ear().hears(calls(0.2, 3) | calls(0.0, 2, "g"), 60).strengths == [DOWN]


def test_it_clears_when_the_calls_that_go_on_sound_good() -> None:
    ear = Ear().hears(calls(0.2, 5), 60).hears(calls(0.0, 5), 30)
    assert ear.strengths[-1] is CLEAR
    assert ear.said[-1].words == "calls sound as they should again"
    assert ear.hears(calls(0.0, 5), 300).ends(*calls(0, 5)).passes(600).strengths[-1] is CLEAR
    assert ear.strengths.count(CLEAR) == 1


def test_it_clears_when_new_calls_sound_good_though_bad_ones_have_just_ended() -> None:
    ear = Ear().hears(calls(0.2, 4), 60).ends(*calls(0, 4)).hears(calls(0.0, 4, "new"), 60)
    assert ear.strengths[-1] is CLEAR


def test_that_nobody_calls_any_more_does_not_clear_it_before_the_probation_is_over() -> None:
    ear = Ear().hears(calls(0.2, 4), 60).ends(*calls(0, 4)).passes(3500)
    assert ear.strengths[-1] is DOWN
    assert ear.passes(160).strengths[-1] is CLEAR
    assert ear.said[-1].words == "no call was heard for long; the next will tell"


def test_it_stays_while_half_of_the_calls_stay_bad() -> None:
    ear = Ear().hears(calls(0.2, 5, "b") | calls(0.0, 5, "g"), 900)
    assert ear.strengths[-1] is DOWN
    assert CLEAR not in ear.strengths


def test_a_third_of_many_calls_stays_known_between_their_bad_reports() -> None:
    ear = Ear().hears(calls(0.0, 28, "g") | calls(0.2, 12, "b"), 600)
    assert ear.strengths[-1] is DOWN
    assert CLEAR not in ear.strengths


def test_reports_after_the_end_and_nonsense_count_for_nothing() -> None:
    ear = Ear().hears(calls(0.0, 8), 20).ends(*calls(0, 8)).hears(calls(0.5, 8), 60)
    assert ear.said == []
    for lost in (-0.1, 1.1, math.nan, math.inf):
        assert Ear().hears(calls(lost, 4), 60, there=lost).said == []


def test_what_an_earlier_run_said_is_cleared_once_enough_was_heard() -> None:
    ear = Ear()
    ear.detector.resume(T0)
    assert ear.passes(60).said == []
    assert ear.hears(calls(0.0, 3), 60).strengths == [CLEAR]
    silent = Ear()
    silent.detector.resume(T0)
    assert silent.passes(3601).strengths == [CLEAR]


def test_how_much_it_says_by_itself_is_a_setting() -> None:
    for limits, said in [
        (AudioLimits(enabled=False), []),
        (AudioLimits(alone=SUSPECT), [SUSPECT]),
        (AudioLimits(alone=HINT), [HINT]),
    ]:
        assert sorted(set(Ear(limits).hears(calls(0.5, 5), 60).strengths)) == said


def test_thousands_of_calls_at_once_take_bounded_memory() -> None:
    ear = Ear().hears(calls(0.01, 6000), 15)
    assert len(ear.detector._calls) <= 5000
    assert ear.said == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["report", "report", "report", "ended", "tick"]),
            st.integers(0, 7),
            st.sampled_from([0.0, 0.05, 0.1, 0.2, 1.0, math.nan, -1.0]),
            st.sampled_from([-1, 0, 1, 5, 400]),
        ),
        max_size=200,
    )
)
def test_it_condemns_only_for_several_calls_that_lose_much_and_always_clears(
    steps: list[tuple[str, int, float, int]],
) -> None:
    ear = Ear()
    detector = ear.detector
    awful: dict[int, int] = {}
    for what, call, lost, passes in steps:
        ear.now += timedelta(seconds=passes)
        if what == "report":
            awful[call] = awful.get(call, 0) + (0.15 <= lost <= 1)
            signals = detector.report(Uniqueid(str(call)), lost, NONE, ear.now)
        elif what == "ended":
            signals = detector.ended(Uniqueid(str(call)), ear.now)
        else:
            signals = detector.tick(ear.now)
        if any(signal.strength is DOWN for signal in signals):
            assert sum(1 for bad in awful.values() if bad >= 3) >= 3
    counted = (detector._judged, detector._bad, detector._awful)
    each = detector._calls.values()
    assert counted == (sum(c.judged for c in each), sum(c.bad for c in each), sum(c.awful for c in each))
    ear.now += timedelta(hours=1)
    ear.hears(calls(0.0, 3, "good"), 120)
    assert detector._opinion.strength is CLEAR
