"""When a trunk is condemned, and what it takes to be believed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ami_bridge.domain.names import TrunkName
from ami_bridge.domain.trunk import Limits, Signal, Trunk, Verdict, VerdictChanged, Witness

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LIMITS = Limits(failures=3, hold=timedelta(seconds=30))


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def call(*, good: bool) -> Signal:
    return Signal(witness=Witness.CALL, good=good, detail="a call was answered" if good else "congestion")


def qualify(*, good: bool) -> Signal:
    return Signal(witness=Witness.QUALIFY, good=good, detail="answers" if good else "does not answer")


def a_trunk() -> Trunk:
    return Trunk(TrunkName("acme-primary"), LIMITS)


def verdicts(changes: list[VerdictChanged]) -> list[Verdict]:
    return [change.verdict for change in changes]


def test_a_lost_qualify_condemns_at_once_and_is_the_evidence() -> None:
    [down] = a_trunk().observe(qualify(good=False), T0)
    assert down.verdict is Verdict.DOWN
    assert down.since == T0
    assert down.evidence == ("09:00:00 qualify: does not answer",)


def test_three_failed_calls_condemn() -> None:
    trunk = a_trunk()
    changes = [change for i in range(3) for change in trunk.observe(call(good=False), at(i))]
    assert verdicts(changes) == [Verdict.SUSPECT, Verdict.DOWN]
    assert changes[-1].evidence == tuple(f"09:00:0{i} call: congestion" for i in range(3))


def test_a_call_that_goes_through_breaks_the_row() -> None:
    trunk = a_trunk()
    for i in range(10):
        trunk.observe(call(good=False), at(4 * i))
        trunk.observe(call(good=False), at(4 * i + 1))
        trunk.observe(call(good=True), at(4 * i + 2))
    assert trunk.verdict is Verdict.SUSPECT


def test_a_qualify_does_not_break_a_row_of_failed_calls() -> None:
    """The far end answers OPTIONS and refuses every call: that is an outage."""
    trunk = a_trunk()
    for i in range(3):
        trunk.observe(qualify(good=True), at(2 * i))
        trunk.observe(call(good=False), at(2 * i + 1))
    assert trunk.verdict is Verdict.DOWN


def test_a_suspicion_that_nothing_confirms_for_the_hold_is_dropped() -> None:
    trunk = a_trunk()
    trunk.observe(call(good=False), T0)
    assert trunk.tick(at(29)) == []
    assert verdicts(trunk.tick(at(30))) == [Verdict.UP]
    assert not trunk.evidence


def test_a_trunk_that_only_failed_calls_condemned_is_tried_again_and_up_only_when_a_call_is_answered() -> None:
    trunk = a_trunk()
    for i in range(3):
        trunk.observe(call(good=False), at(i))
    probation = LIMITS.probation.total_seconds()
    assert trunk.tick(at(1 + probation)) == []
    assert verdicts(trunk.tick(at(2 + probation))) == [Verdict.RECOVERING]
    assert trunk.tick(at(3600)) == []
    trunk.observe(call(good=True), at(3601))
    assert verdicts(trunk.tick(at(3601 + 30))) == [Verdict.UP]


def test_a_trunk_whose_far_end_is_unreachable_is_not_tried() -> None:
    trunk = a_trunk()
    trunk.observe(qualify(good=False), T0)
    assert trunk.tick(at(86400)) == []


def test_what_returns_is_watched_for_the_hold_before_it_counts_as_up() -> None:
    trunk = a_trunk()
    trunk.observe(qualify(good=False), T0)
    assert verdicts(trunk.observe(qualify(good=True), at(10))) == [Verdict.RECOVERING]
    assert trunk.observe(qualify(good=True), at(25)) == []
    assert trunk.tick(at(39)) == []
    assert verdicts(trunk.tick(at(40))) == [Verdict.UP]


def test_what_fails_again_while_it_is_watched_is_down_at_once_and_the_hold_begins_anew() -> None:
    trunk = a_trunk()
    trunk.observe(qualify(good=False), T0)
    trunk.observe(qualify(good=True), at(10))
    assert verdicts(trunk.observe(call(good=False), at(20))) == [Verdict.DOWN]
    assert verdicts(trunk.observe(qualify(good=True), at(21))) == [Verdict.RECOVERING]
    assert trunk.tick(at(50)) == []
    assert verdicts(trunk.tick(at(51))) == [Verdict.UP]


def test_a_flapping_trunk_never_gets_up() -> None:
    trunk = a_trunk()
    changes = [
        change
        for second in range(0, 600, 10)
        for change in [*trunk.observe(qualify(good=second % 20 == 10), at(second)), *trunk.tick(at(second + 9))]
    ]
    assert Verdict.UP not in verdicts(changes)
    assert len(trunk.evidence) == 10


def test_time_alone_does_not_mend_a_dead_trunk() -> None:
    trunk = a_trunk()
    trunk.observe(qualify(good=False), T0)
    assert trunk.tick(at(86400)) == []


def test_the_same_verdict_is_told_once() -> None:
    trunk = a_trunk()
    trunk.observe(qualify(good=False), T0)
    assert trunk.observe(qualify(good=False), at(5)) == []


def test_after_an_outage_old_failures_are_forgotten() -> None:
    trunk = a_trunk()
    trunk.observe(qualify(good=False), T0)
    trunk.observe(qualify(good=True), at(1))
    trunk.tick(at(31))
    assert verdicts(trunk.observe(call(good=False), at(40))) == [Verdict.SUSPECT]


def test_a_clock_set_back_does_not_end_the_hold_early() -> None:
    trunk = a_trunk()
    trunk.observe(qualify(good=False), T0)
    trunk.observe(qualify(good=True), at(10))
    assert trunk.tick(at(-3600)) == []
    assert trunk.verdict is Verdict.RECOVERING
