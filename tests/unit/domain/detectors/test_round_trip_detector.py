"""When the way to a far end has become slow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.detectors.round_trip import RoundTrip, RoundTripLimits
from ami_bridge.domain.names import TrunkName
from ami_bridge.domain.signal import Signal, Source, Strength

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HINT, SUSPECT, DOWN, CLEAR = Strength.HINT, Strength.SUSPECT, Strength.DOWN, Strength.CLEAR


class Way:
    """A detector, qualified once a minute."""

    def __init__(self, limits: RoundTripLimits | None = None) -> None:
        self.detector = RoundTrip(TrunkName("acme-primary"), limits or RoundTripLimits())
        self.now = T0
        self.said: list[Signal] = []

    def takes(self, *milliseconds: float, times: int = 1) -> Way:
        for value in milliseconds * times:
            self.now += timedelta(minutes=1)
            self.said += self.detector.observe(timedelta(milliseconds=value), self.now)
            self.said += self.detector.tick(self.now)
        return self

    @property
    def strengths(self) -> list[Strength]:
        return [signal.strength for signal in self.said]


def test_several_slow_values_in_a_row_are_suspected_and_as_many_good_ones_clear() -> None:
    way = Way().takes(20, 21, 19, times=10).takes(510, 530, 550)
    assert way.said == []
    way.takes(570)
    assert [(s.strength, s.source, s.words) for s in way.said] == [
        (SUSPECT, Source.ROUND_TRIP, "the round trip takes 540 ms, usually 20 ms")
    ]
    way.takes(600, times=20).takes(20, 20, 20)
    assert way.strengths == [SUSPECT]
    way.takes(25)
    assert way.strengths == [SUSPECT, CLEAR]
    assert way.said[-1].words == "the round trip is back at 25 ms"


def test_what_nobody_hears_and_what_is_usual_here_is_not_slow() -> None:
    assert Way().takes(5, times=30).takes(200, times=30).said == []  # forty times as slow, and no matter
    assert Way().takes(620, times=30).takes(900, times=30).said == []  # by satellite


def test_packets_sent_again_are_no_row() -> None:
    assert Way().takes(20, times=20).takes(20, 520, 530, 540, times=50).said == []


def test_at_first_whatever_comes_is_taken_as_usual() -> None:
    assert Way().takes(700, times=10).said == []


def test_the_usual_is_a_median_that_a_few_odd_values_do_not_move() -> None:
    way = Way().takes(20, 20, 20, 20, 20, 20, 20, 20, 20, 450, times=20)
    assert way.takes(450, times=4).strengths == [SUSPECT]


def test_a_value_reported_twice_is_one() -> None:
    way = Way().takes(20, times=20)
    for _ in range(10):
        way.said += way.detector.observe(timedelta(seconds=1), way.now + timedelta(minutes=1))
    assert way.said == []


def test_a_link_that_is_full_every_night_is_a_hint_from_the_seventh_time_on() -> None:
    way = Way().takes(20, times=50)
    for _ in range(8):
        way.takes(600, times=20).takes(20, times=100)
    assert [strength for strength in way.strengths if strength is not CLEAR] == [SUSPECT] * 6 + [HINT] * 2
    way.takes(1900, times=10)  # far worse than any night
    assert way.strengths[-1] is SUSPECT


def test_what_stays_slow_is_the_new_normal() -> None:
    way = Way(RoundTripLimits(normal=timedelta(hours=6))).takes(20, times=50).takes(600, times=600)
    assert way.strengths == [SUSPECT, CLEAR]
    assert way.said[1].words == "the round trip has stayed at 600 ms: taken as usual"


def test_without_new_values_there_is_nothing_to_complain_about() -> None:
    way = Way().takes(20, times=20).takes(600, times=5)
    assert way.detector.tick(way.now + timedelta(minutes=14)) == []
    [clear] = way.detector.tick(way.now + timedelta(minutes=15))
    assert (clear.strength, clear.words) == (CLEAR, "the round trip is not measured any more")


def test_values_from_before_and_after_a_blind_spot_make_no_row() -> None:
    way = Way().takes(20, times=20).takes(600, 600)
    way.detector.lost_sight(way.now)
    assert way.takes(600, 600).said == []


def test_what_an_earlier_run_said_is_cleared_by_ordinary_values() -> None:
    way = Way()
    way.detector.resume(T0)
    assert way.takes(20, times=10).strengths == [CLEAR]


def test_one_that_is_switched_off_is_silent() -> None:
    assert Way(RoundTripLimits(enabled=False)).takes(20, times=20).takes(900, times=50).said == []


@given(
    st.lists(
        st.tuples(st.sampled_from([-5, 0, 20, 390, 410, 3000, 10**9]), st.sampled_from([-60, 0, 1, 60, 1000, 30_000])),
        max_size=400,
    )
)
def test_it_never_condemns_keeps_little_and_always_clears(steps: list[tuple[int, int]]) -> None:
    way = Way()
    detector = way.detector
    row: list[int] = []
    for value, passes in steps:
        way.now += timedelta(seconds=passes)
        row.append(value)
        signals = detector.observe(timedelta(milliseconds=value), way.now) + detector.tick(way.now)
        for signal in signals:
            assert signal.strength in {CLEAR, HINT, SUSPECT}
            assert signal.strength is CLEAR or sum(1 for one in row if one >= 400) >= 4
    assert len(detector._usual) == len(detector._sorted) <= 202
    assert detector._sorted == sorted(detector._usual)
    way.now += timedelta(days=2)
    way.said.clear()
    way.takes(1, times=10)
    assert SUSPECT not in way.strengths
    assert detector._opinion.strength is CLEAR
