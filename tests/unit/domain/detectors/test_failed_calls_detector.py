"""When failed calls condemn a trunk, and what is normal in a telephone network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.detectors.failed_calls import FailedCalls, FailedCallsLimits
from ami_bridge.domain.names import TrunkName, Uniqueid
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NO_CIRCUIT, CONGESTION, NO_REPLY, BUSY, REFUSED, WRONG_NUMBER, HUNG_UP, ELSEWHERE = 34, 42, 18, 17, 21, 1, 16, 26
TEN_CALLS = [str(5550100 + i) for i in range(10)]


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class Trunk:
    """A detector, the channels dialled so far, and all it said."""

    def __init__(self, limits: FailedCallsLimits | None = None) -> None:
        self.detector = FailedCalls(TrunkName("acme-primary"), limits or FailedCallsLimits())
        self.said: list[Signal] = []
        self._ids = count()

    def dial(self, number: str, when: float) -> Uniqueid:
        channel = Uniqueid(f"c{next(self._ids)}")
        self.said += self.detector.dialled(channel, number, at(when))
        return channel

    def end(self, channel: Uniqueid, cause: int, when: float) -> None:
        self.said += self.detector.ended(channel, cause, at(when))

    def alert(self, channel: Uniqueid, when: float) -> None:
        self.said += self.detector.alerted(channel, at(when))

    def fails(self, number: str, when: float, cause: int = NO_CIRCUIT) -> None:
        self.end(self.dial(number, when), cause, when + 0.1)

    def works(self, number: str, when: float, took: float = 1.0) -> None:
        channel = self.dial(number, when)
        self.alert(channel, when + took)
        self.end(channel, HUNG_UP, when + took + 5)

    def tick(self, when: float) -> None:
        self.said += self.detector.tick(at(when))

    def ticks(self, since: float, until: float, step: float = 0.5) -> None:
        for i in range(int((until - since) / step) + 1):
            self.tick(since + i * step)

    @property
    def strengths(self) -> list[Strength]:
        return [signal.strength for signal in self.said]


def test_three_failed_calls_to_three_numbers_condemn_at_the_third() -> None:
    trunk = Trunk()
    for i in range(3):
        trunk.fails(TEN_CALLS[i], i)
    [down] = trunk.said
    assert down == Signal(
        subject=Subject(Kind.TRUNK, "acme-primary"),
        source=Source.CALLS,
        strength=Strength.DOWN,
        words="3 calls in a row failed, to 3 numbers: no circuit free",
    )


def test_two_numbers_are_enough_where_calls_hardly_ever_fail() -> None:
    trunk = Trunk()
    for i, number in enumerate(["5550100", "5550101", "5550100"]):
        trunk.fails(number, i)
    assert trunk.strengths == [Strength.DOWN]


@pytest.mark.parametrize(
    "numbers",
    [
        ["5550100"] * 5,
        ["+49301234567", "0049301234567", "0301234567", "1234567", "49 30 1234567"],
        [""] * 5,
    ],
    ids=["redialled", "one number, written otherwise", "unknown numbers"],
)
def test_a_customers_redial_of_one_broken_number_is_a_hint(numbers: list[str]) -> None:
    trunk = Trunk()
    for i, number in enumerate(numbers):
        trunk.fails(number, 20 * i)
    assert trunk.strengths == [Strength.HINT]
    assert trunk.said[0].words == "3 calls in a row failed, all to one number: no circuit free"


@pytest.mark.parametrize("cause", [WRONG_NUMBER, BUSY, 3, 19, 20, 22, 28, 88, 127, HUNG_UP, 0, ELSEWHERE])
def test_the_called_partys_doing_never_counts(cause: int) -> None:
    trunk = Trunk()
    for i, number in enumerate(TEN_CALLS * 3):
        trunk.fails(number, i, cause)
    assert trunk.said == []


@pytest.mark.parametrize(("refusals", "said"), [(5, []), (6, [Strength.DOWN])])
def test_calls_refused_before_they_ring_count_half(refusals: int, said: list[Strength]) -> None:
    """The account is blocked: "registered", and every call is rejected."""
    trunk = Trunk()
    for i in range(refusals):
        trunk.fails(TEN_CALLS[i], i, REFUSED)
    assert trunk.strengths == said


def test_a_phone_that_rings_before_it_refuses_shows_that_the_trunk_works() -> None:
    trunk = Trunk()
    for i, number in enumerate(TEN_CALLS):
        channel = trunk.dial(number, i)
        trunk.alert(channel, i + 0.3)
        trunk.end(channel, REFUSED, i + 0.5)
    assert trunk.said == []


def test_an_invite_nothing_answered_is_a_failure_though_its_cause_reads_no_reply() -> None:
    trunk = Trunk(FailedCallsLimits(silent=timedelta(minutes=5)))
    for i in range(3):
        trunk.end(trunk.dial(TEN_CALLS[i], 40 * i), NO_REPLY, 40 * i + 32)
    [down] = trunk.said
    assert down.strength is Strength.DOWN
    assert down.words.endswith("no answer at all")


def test_a_phone_that_rang_in_vain_is_no_failure() -> None:
    trunk = Trunk()
    for i, number in enumerate(TEN_CALLS):
        channel = trunk.dial(number, 40 * i)
        trunk.alert(channel, 40 * i + 2)
        trunk.end(channel, NO_REPLY, 40 * i + 35)
    assert trunk.said == []


def test_a_cut_network_is_known_within_five_seconds_of_traffic() -> None:
    trunk = Trunk()
    for i in range(3):
        trunk.dial(TEN_CALLS[i], 0.4 * i)
    trunk.ticks(0, 5)
    [down] = trunk.said
    assert down.strength is Strength.DOWN
    assert down.words == "3 calls in a row failed, to 3 numbers: no answer at all"


def test_phones_rung_together_that_are_slow_to_ring_count_once() -> None:
    trunk = Trunk()
    for attempt in range(2):
        together = [trunk.dial(TEN_CALLS[i], 20 * attempt + 0.01 * i) for i in range(5)]
        trunk.ticks(20 * attempt, 20 * attempt + 7)
        for channel in together:
            trunk.alert(channel, 20 * attempt + 7)
    assert trunk.said == []


def test_where_calls_are_slow_to_ring_silence_is_patience() -> None:
    trunk = Trunk()
    for i in range(10):
        trunk.works(TEN_CALLS[i], 10 * i, took=7.0)
    for i in range(3):
        trunk.dial(TEN_CALLS[i], 200 + 0.5 * i)
    trunk.ticks(200, 208)
    assert trunk.said == []
    trunk.ticks(208, 211)
    assert trunk.strengths == [Strength.DOWN]


@pytest.mark.parametrize("answer", ["alerted", BUSY, WRONG_NUMBER])
def test_any_sign_of_life_takes_silence_back(answer: str | int) -> None:
    trunk = Trunk()
    one, *_ = [trunk.dial(TEN_CALLS[i], 0.5 * i) for i in range(3)]
    trunk.ticks(0, 4.5)  # the third is not silent for long enough yet
    if isinstance(answer, str):
        trunk.alert(one, 4.8)
    else:
        trunk.end(one, answer, 4.8)
    trunk.ticks(5, 30)
    assert trunk.said == []


def test_calls_that_were_under_way_when_another_rang_are_not_silent() -> None:
    trunk = Trunk()
    before = trunk.dial(TEN_CALLS[9], 0)
    for i in range(3):
        trunk.dial(TEN_CALLS[i], 1 + 0.5 * i)
    trunk.alert(before, 3)
    trunk.ticks(3, 30)
    assert trunk.said == []


def test_callers_who_gave_up_in_silence_long_ago_are_no_row() -> None:
    trunk = Trunk()
    for i in range(6):
        channel = trunk.dial(TEN_CALLS[i], 300 * i)
        trunk.ticks(300 * i, 300 * i + 8)
        trunk.end(channel, HUNG_UP, 300 * i + 8)
    assert trunk.said == []


def test_a_phone_picked_up_in_the_house_does_not_speak_for_the_network() -> None:
    trunk = Trunk()
    for i in range(2):
        trunk.dial(TEN_CALLS[i], 0.5 * i)
    mobile = trunk.dial(TEN_CALLS[2], 0.9)
    trunk.dial(TEN_CALLS[3], 1.3)
    trunk.ticks(1, 4.5)
    trunk.end(mobile, ELSEWHERE, 4.6)
    trunk.ticks(4.6, 6)
    assert trunk.strengths == [Strength.DOWN]


def test_calls_answered_elsewhere_before_a_slow_mobile_rings_are_no_silence() -> None:
    trunk = Trunk()
    for i in range(10):
        channel = trunk.dial(TEN_CALLS[i % 3], 10 * i)
        trunk.ticks(10 * i, 10 * i + 5)
        trunk.end(channel, ELSEWHERE, 10 * i + 5.1)
    assert trunk.said == []


def test_a_call_under_way_when_the_trunk_failed_proves_nothing_about_those_dialled_later() -> None:
    trunk = Trunk()
    before = trunk.dial(TEN_CALLS[9], 0)
    trunk.fails(TEN_CALLS[0], 1)
    trunk.fails(TEN_CALLS[1], 2)
    trunk.alert(before, 2.5)
    trunk.fails(TEN_CALLS[2], 3)
    assert trunk.strengths == [Strength.DOWN]
    trunk.alert(before, 3.5)  # and is answered
    assert trunk.strengths == [Strength.DOWN]


def test_a_call_dialled_between_two_that_failed_breaks_the_row_where_it_was_dialled() -> None:
    trunk = Trunk()
    trunk.fails(TEN_CALLS[0], 0)
    good = trunk.dial(TEN_CALLS[9], 1)
    trunk.fails(TEN_CALLS[1], 2)
    trunk.fails(TEN_CALLS[2], 3)
    assert Strength.DOWN in trunk.strengths
    trunk.alert(good, 4)
    assert trunk.strengths == [Strength.DOWN]  # two that were dialled later did fail
    trunk.works(TEN_CALLS[3], 5)
    assert trunk.strengths == [Strength.DOWN, Strength.CLEAR]


def test_a_busy_phone_was_reached_and_breaks_the_row() -> None:
    trunk = Trunk()
    for i in range(5):
        trunk.fails(TEN_CALLS[i], 10 * i)
        trunk.fails(TEN_CALLS[i + 1], 10 * i + 1)
        trunk.fails(TEN_CALLS[i + 2], 10 * i + 2, BUSY)
    assert trunk.said == []


def test_a_call_that_times_out_late_says_nothing_about_a_trunk_that_has_carried_others_since() -> None:
    trunk = Trunk()
    for i in range(5):
        lost = trunk.dial(TEN_CALLS[i], 100 * i)
        trunk.works(TEN_CALLS[9], 100 * i + 5)
        trunk.end(lost, NO_REPLY, 100 * i + 32)
    assert trunk.said == []


def test_a_call_that_goes_through_breaks_the_row_and_clears() -> None:
    trunk = Trunk()
    for i in range(5):
        trunk.fails(TEN_CALLS[0], 10 * i)
        trunk.fails(TEN_CALLS[1], 10 * i + 1)
        trunk.works(TEN_CALLS[2], 10 * i + 2)
    assert trunk.said == []
    for i in range(8):
        trunk.fails(TEN_CALLS[i], 100 + i)
    trunk.works(TEN_CALLS[8], 110)
    assert trunk.strengths[-1] is Strength.CLEAR
    assert trunk.said[-1].words == "calls go through again"


def test_a_row_is_told_again_only_when_it_has_doubled() -> None:
    trunk = Trunk()
    for i in range(50):
        trunk.fails(str(5550100 + i), i)
    told = [int(signal.words.split()[0]) for signal in trunk.said]
    assert told == sorted(told)
    assert all(later >= 2 * sooner for sooner, later in pairwise(told))


def test_where_calls_often_fail_more_of_them_are_needed() -> None:
    """An autodialler works off an old list: one number in five is dead, and three in a row are nothing."""
    trunk = Trunk(FailedCallsLimits(share=1.0))
    now = 0.0
    for i in range(300):
        now += 10
        if i % 5:
            trunk.works(str(6660000 + i), now)
        else:
            trunk.fails(str(6660000 + i), now)
    for i in range(3):
        trunk.fails(TEN_CALLS[i], now + 10 + i)
    assert Strength.DOWN not in trunk.strengths
    for i in range(3, 10):
        trunk.fails(TEN_CALLS[i], now + 10 + i)
    assert trunk.strengths[-1] is Strength.DOWN


def test_half_of_the_last_calls_condemn_though_some_go_through_and_one_that_does_is_not_enough_to_acquit() -> None:
    trunk = Trunk()
    for i in range(12):
        number = str(5550100 + i)
        if i % 3 == 0:
            trunk.works(number, 10 * i)
        else:
            trunk.fails(number, 10 * i)
    assert trunk.strengths == [Strength.DOWN]
    assert trunk.said[0].words == "8 of the last 12 calls failed: no circuit free"
    trunk.works(TEN_CALLS[0], 130)
    assert trunk.strengths == [Strength.DOWN]
    trunk.works(TEN_CALLS[1], 140)
    trunk.works(TEN_CALLS[2], 150)
    assert trunk.strengths == [Strength.DOWN, Strength.CLEAR]


def test_nobody_keeps_off_a_condemned_trunk_for_ever_and_one_more_failure_condemns_it_again() -> None:
    trunk = Trunk(FailedCallsLimits(probation=timedelta(minutes=5)))
    for i in range(3):
        trunk.fails(TEN_CALLS[i], i)
    trunk.ticks(3, 310, step=1)
    assert trunk.strengths == [Strength.DOWN, Strength.CLEAR]
    assert trunk.said[1].words == "to be tried again: no call has failed for 5 min"
    trunk.fails(TEN_CALLS[5], 400)
    assert trunk.strengths[-1] is Strength.DOWN
    assert trunk.said[-1].words == "the call that tried it again failed too: no circuit free"


def test_a_trial_that_goes_well_ends_it() -> None:
    trunk = Trunk(FailedCallsLimits(probation=timedelta(minutes=5)))
    for i in range(3):
        trunk.fails(TEN_CALLS[i], i)
    trunk.ticks(3, 310, step=1)
    trunk.works(TEN_CALLS[5], 400)
    trunk.fails(TEN_CALLS[6], 410)
    assert trunk.strengths == [Strength.DOWN, Strength.CLEAR]


def test_failures_spread_over_days_are_no_row() -> None:
    trunk = Trunk()
    for i in range(10):
        trunk.fails(TEN_CALLS[i], 7200 * i)
    assert trunk.said == []


def test_reports_that_come_twice_or_in_the_wrong_order_change_nothing() -> None:
    trunk = Trunk()
    detector = trunk.detector
    for i in range(3):
        channel, now = Uniqueid(f"x{i}"), at(i)
        detector.ended(channel, NO_CIRCUIT, now)
        detector.ended(channel, NO_CIRCUIT, now)
        trunk.said += detector.dialled(channel, TEN_CALLS[i], now)
        trunk.said += detector.dialled(channel, TEN_CALLS[i], now)
        trunk.said += detector.ended(channel, NO_CIRCUIT, now)
    assert trunk.strengths == [Strength.DOWN]
    assert trunk.said[0].words.startswith("3 calls")


def test_channels_never_dialled_do_no_harm() -> None:
    trunk = Trunk()
    for i in range(100):
        trunk.end(Uniqueid(f"in{i}"), NO_CIRCUIT, i)
        trunk.alert(Uniqueid(f"other{i}"), i)
    trunk.ticks(0, 200, step=5)
    assert trunk.said == []


def test_what_was_under_way_when_sight_was_lost_is_not_silence() -> None:
    trunk = Trunk()
    for i in range(5):
        trunk.dial(TEN_CALLS[i], i)
    trunk.detector.lost_sight(at(4))
    trunk.ticks(4, 700, step=1)
    assert trunk.said == []


def test_what_an_earlier_run_said_is_cleared_by_a_call_that_goes_through() -> None:
    trunk = Trunk()
    trunk.detector.resume(T0)
    trunk.works(TEN_CALLS[0], 1)
    assert trunk.strengths == [Strength.CLEAR]


def test_one_that_is_switched_off_is_silent() -> None:
    trunk = Trunk(FailedCallsLimits(enabled=False))
    for i in range(10):
        trunk.fails(TEN_CALLS[i], i)
    assert trunk.said == []


def test_thousands_of_calls_at_once_take_bounded_memory() -> None:
    trunk = Trunk()
    for i in range(12_000):
        trunk.dial(str(5550000 + i), 0)
    detector = trunk.detector
    assert max(len(detector._pending), len(detector._hushed)) <= 5_000
    assert len(detector._over) <= 1_024


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["dialled", "alerted", "ended", "tick", "lost_sight"]),
            st.integers(0, 8),
            st.sampled_from(["", "5550100", "5550101", "sip:x", "²³"]),
            st.integers(-1, 200),
            st.sampled_from([-3.0, 0.0, 0.1, 1.0, 5.0, 700.0]),
        ),
        max_size=80,
    )
)
def test_whatever_happens_it_condemns_only_for_enough_failures_and_is_convinced_by_enough_good_calls(
    steps: list[tuple[str, int, str, int, float]],
) -> None:
    detector = FailedCalls(TrunkName("t"), FailedCallsLimits())
    now, since_good, said = T0, 0, Strength.CLEAR
    for what, channel, number, cause, passes in steps:
        now += timedelta(seconds=passes)
        name = Uniqueid(str(channel))
        if what == "dialled":
            since_good += 1
            signals = detector.dialled(name, number, now)
        elif what == "alerted":
            signals = detector.alerted(name, now)
        elif what == "ended":
            signals = detector.ended(name, cause, now)
        elif what == "tick":
            signals = detector.tick(now)
        else:
            detector.lost_sight(now)
            signals = []
        for signal in signals:
            assert signal.strength is not Strength.SUSPECT
            assert signal.strength is not Strength.DOWN or since_good >= 3
            assert (signal.strength, signal.words) != (said, "")
            said = signal.strength
    for i in range(4):
        good = Uniqueid(f"good{i}")
        detector.dialled(good, "5550199", now)
        said = next((signal.strength for signal in detector.alerted(good, now)), said)
    assert said is Strength.CLEAR
