"""Events of one PBX in, things to do out: lines, trunks, incidents and attempts meeting as they do in the runner."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ami_bridge.domain import events as ev
from ami_bridge.domain.effects import (
    AskTrunk,
    CallMissed,
    CustomerReached,
    Effect,
    MovePromise,
    PlaceCalls,
    PushLine,
    ReleaseRestored,
    SaveIncident,
)
from ami_bridge.domain.events import DeviceState
from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.line import Attendance
from ami_bridge.domain.names import (
    Device,
    Linkedid,
    Uniqueid,
)
from ami_bridge.domain.promise import Step
from ami_bridge.domain.signal import Kind
from ami_bridge.domain.verdict import Verdict
from ami_bridge.domain.watch import Watch
from tests.unit.domain.watching import (
    ANN,
    ATTEMPT,
    MAIN,
    QUEUE,
    SALES,
    SUPPORT,
    T0,
    VIP,
    VIP_QUEUE,
    a_watch,
    at,
    contact,
    created,
    enters,
    hung_up,
    joins,
    judge,
    member,
    pass_time,
    play,
    state,
    waiting,
)

# ---- who waits on which line


def test_a_caller_of_a_lines_number_waits_on_it_until_they_go() -> None:
    watch = a_watch()
    play(watch, created("c1", "PJSIP/acme-primary-01", dialled="5550200"))
    assert waiting(watch) == {SALES: ["c1"]}
    play(watch, hung_up("c1"))
    assert waiting(watch) == {}


def test_a_queues_callers_are_the_lines_by_whatever_number_they_came() -> None:
    watch = a_watch()
    play(watch, created("c1", "PJSIP/other-01", dialled="999999"), joins("c1"))
    assert waiting(watch) == {SUPPORT: ["c1"]}


def test_who_is_passed_on_to_another_lines_queue_waits_there_only() -> None:
    watch = a_watch()
    play(watch, created("c1", "PJSIP/acme-primary-01", dialled="5550100"), joins("c1"), joins("c1", VIP_QUEUE))
    assert waiting(watch) == {VIP: ["c1"]}
    play(watch, hung_up("c1"))
    assert waiting(watch) == {}


def test_nobody_answers_and_the_pbx_is_told_then_somebody_does() -> None:
    watch = a_watch()
    play(watch, created("c1", "PJSIP/acme-primary-01", dialled="5550100"), joins("c1"))
    assert watch.tick(at(19)) == []
    assert watch.tick(at(20)) == [PushLine(SUPPORT)]
    assert watch.lines[SUPPORT].attendance is Attendance.UNANSWERED
    answered = play(watch, created("g1", "PJSIP/101-02", linkedid="c1"), enters("c1"), enters("g1"), now=at(30))
    assert answered == [CustomerReached((SUPPORT,), "+4930123", ANN, Linkedid("c1")), PushLine(SUPPORT)]
    assert watch.lines[SUPPORT].attendance is Attendance.ANSWERED
    assert waiting(watch) == {}


def test_a_ring_groups_patience_begins_when_its_phones_ring() -> None:
    watch = a_watch()
    play(watch, created("c1", "PJSIP/acme-primary-01", dialled="5550200"))
    assert watch.tick(at(60)) == []
    asks = created("q1", "Local/ask@keepline-question-00000001;1", linkedid="c1")  # the dialplan, about this caller
    play(watch, asks, ev.DialBegun(caller=Uniqueid("c1"), target=Uniqueid("q1")), now=at(20))
    assert watch.tick(at(60)) == []
    phone = created("g1", "PJSIP/101-02", linkedid="c1")
    play(watch, phone, ev.DialBegun(caller=Uniqueid("c1"), target=Uniqueid("g1")), now=at(60))
    assert watch.tick(at(80)) == [PushLine(SALES)]


def test_a_caller_who_withholds_their_number_is_not_shown_by_it() -> None:
    watch = a_watch()
    play(watch, created("c1", "PJSIP/acme-primary-01", dialled="5550100"), created("g1", "PJSIP/101-02", linkedid="c1"))
    play(watch, ev.CallerIdChanged(uniqueid=Uniqueid("g1"), number="101"))
    assert watch.lines[SUPPORT].waiting[Linkedid("c1")].number == "+4930123"
    play(watch, ev.CallerIdChanged(uniqueid=Uniqueid("c1"), number=""))
    assert watch.lines[SUPPORT].waiting[Linkedid("c1")].number == ""


def test_our_own_callbacks_never_count_as_callers() -> None:
    watch = a_watch()
    play(watch, created(ATTEMPT, "PJSIP/acme-primary-01", dialled="5550100"), joins(ATTEMPT))
    assert waiting(watch) == {}


# ---- agents


def test_a_queues_agents_are_its_members_and_a_free_one_may_mean_a_callback() -> None:
    watch = a_watch()
    assert play(watch, member(DeviceState.FREE)) == [PlaceCalls(SUPPORT)]
    assert watch.lines[SUPPORT].free(T0) == 1
    play(watch, ev.QueueMemberRemoved(queue=QUEUE, device=ANN))
    assert watch.lines[SUPPORT].free(T0) == 0


def test_a_ring_groups_agents_are_its_phones() -> None:
    watch = a_watch()
    assert play(watch, ev.DeviceChanged(device=ANN, state=DeviceState.FREE)) == [PlaceCalls(SALES)]
    assert play(watch, ev.DeviceChanged(device=Device("PJSIP/199"), state=DeviceState.FREE)) == []
    assert watch.lines[SALES].free(T0) == 1


def test_a_member_rung_over_a_local_channel_who_lets_it_ring_is_found_by_their_device() -> None:
    watch = a_watch()
    rung = Device("Local/101@agents/n")
    play(watch, member(DeviceState.FREE, rung=rung), ev.AgentRangOut(queue=QUEUE, device=rung))
    assert watch.lines[SUPPORT].free(T0) == 0
    assert list(watch.lines[SUPPORT].agents) == [ANN]


@pytest.mark.parametrize(
    ("outcome", "free"),
    [(ev.DialOutcome.NO_ANSWER, 0), (ev.DialOutcome.CANCELLED, 1), (ev.DialOutcome.BUSY, 1)],
)
def test_a_ring_group_phone_that_rang_in_vain_is_not_free(outcome: ev.DialOutcome, free: int) -> None:
    watch = a_watch()
    play(
        watch,
        ev.DeviceChanged(device=ANN, state=DeviceState.FREE),
        created("c1", "PJSIP/acme-primary-01", dialled="5550200"),
        created("g1", "PJSIP/101-0000000a", linkedid="c1"),
        ev.DialEnded(caller=Uniqueid("c1"), target=Uniqueid("g1"), outcome=outcome),
    )
    assert watch.lines[SALES].free(T0) == free


@pytest.mark.parametrize("called", [True, False])
def test_an_agent_who_talks_is_alive_whoever_called_whom(called: bool) -> None:
    watch = a_watch()
    play(watch, member(DeviceState.FREE), ev.AgentRangOut(queue=QUEUE, device=ANN))
    caller, other = ("PJSIP/acme-primary-01", "PJSIP/101-02") if called else ("PJSIP/101-02", "PJSIP/acme-primary-01")
    play(watch, created("c1", caller), created("g1", other, linkedid="c1"), enters("c1"), enters("g1"))
    assert watch.lines[SUPPORT].free(T0) == 1


# ---- trunks


def test_a_trunk_out_of_reach_is_an_incident_and_its_return_ends_it_after_the_hold() -> None:
    watch = a_watch()
    kinds = [type(effect) for effect in play(watch, contact(reachable=False))]
    assert kinds == [SaveIncident, PushLine, AskTrunk]
    assert watch.trunk_is_down(MAIN)
    assert [type(effect) for effect in play(watch, contact(reachable=True), now=at(10))] == [SaveIncident, PushLine]
    assert pass_time(watch, 10, 39) == []
    assert [type(effect) for effect in pass_time(watch, 39, 40)] == [SaveIncident, PushLine, ReleaseRestored]
    assert not watch.trunk_is_down(MAIN)


def test_a_trunk_with_two_contacts_is_out_of_reach_when_neither_answers() -> None:
    watch = a_watch()
    play(watch, contact(reachable=True, uri="sip:a"), contact(reachable=True, uri="sip:b"))
    assert play(watch, contact(reachable=False, uri="sip:a")) == []
    assert play(watch, contact(reachable=False, uri="sip:b"))


def test_a_contact_that_is_removed_or_not_qualified_proves_nothing() -> None:
    watch = a_watch()
    assert play(watch, contact(reachable=None)) == []
    play(watch, contact(reachable=True, uri="sip:a"), contact(reachable=None, uri="sip:a"))
    assert play(watch, contact(reachable=False, uri="sip:b"))


def test_contacts_of_other_endpoints_are_nobodys_business() -> None:
    assert play(a_watch(), ev.ContactChanged(endpoint="101", uri="sip:x", reachable=False)) == []


def calls_out(watch: Watch, n: int, cause: int, now: float = 0) -> list[Effect]:
    """An extension dials out over the trunk and the call ends with `cause`."""
    return play(
        watch,
        created(f"c{n}", "PJSIP/101-01"),
        created(f"o{n}", "PJSIP/acme-primary-02", linkedid=f"c{n}"),
        ev.DialBegun(caller=Uniqueid(f"c{n}"), target=Uniqueid(f"o{n}"), number=f"1555000{n}"),
        hung_up(f"o{n}", cause),
        hung_up(f"c{n}", cause),
        now=at(now),
    )


def test_three_calls_the_network_failed_are_an_incident() -> None:
    watch = a_watch()
    assert [type(effect) for n in range(3) for effect in calls_out(watch, n, 38)] == [SaveIncident, PushLine]


def test_busy_and_wrong_numbers_are_none() -> None:
    watch = a_watch()
    assert [effect for n in range(9) for effect in calls_out(watch, n, 17 if n % 2 else 1)] == []
    assert judge(watch, Kind.TRUNK, MAIN).verdict is Verdict.UP


def test_a_call_that_was_answered_breaks_the_row() -> None:
    watch = a_watch()
    for n in range(2):
        calls_out(watch, n, 38)
    play(watch, created("c9", "PJSIP/101-01"), created("o9", "PJSIP/acme-primary-02", linkedid="c9"))
    play(watch, ev.DialBegun(caller=Uniqueid("c9"), target=Uniqueid("o9"), number="15559"))
    play(watch, state("o9", ev.ChannelState.UP))
    assert calls_out(watch, 3, 38) == []


def test_an_incoming_call_says_nothing_about_calling_out() -> None:
    watch = a_watch()
    for n in range(9):
        play(watch, created(f"c{n}", "PJSIP/acme-primary-01"), hung_up(f"c{n}", 38))
    assert judge(watch, Kind.TRUNK, MAIN).verdict is Verdict.UP


def test_a_callback_the_network_failed_counts_against_its_trunk() -> None:
    watch = a_watch()
    for n in range(3):
        dialled = ev.DialBegun(caller=None, target=Uniqueid(f"keepline-{n}"), number=f"1555000{n}")
        play(watch, created(f"keepline-{n}", "PJSIP/acme-primary-01"), dialled, hung_up(f"keepline-{n}", 38))
    assert watch.trunk_is_down(MAIN)


def test_an_incident_of_an_earlier_run_goes_on_until_the_trunk_is_seen_to_be_well() -> None:
    before = a_watch()
    play(before, contact(reachable=False))
    [incident] = before.incidents
    watch = a_watch()
    watch.adopt(incident, at(60))
    assert pass_time(watch, 60, 600) == []
    assert watch.trunk_is_down(MAIN)
    [saved] = watch.seen_again([contact(reachable=True)], at(600))[:1]
    assert isinstance(saved, SaveIncident)
    assert saved.incident.state is IncidentState.MONITORING
    assert [type(effect) for effect in pass_time(watch, 600, 640)] == [SaveIncident, PushLine, ReleaseRestored]
    assert not watch.incidents


# ---- our own attempts


def test_an_attempt_from_ringing_to_its_end_moves_its_promise() -> None:
    watch = a_watch()
    effects = play(
        watch,
        created(ATTEMPT, "PJSIP/acme-primary-01"),
        state(ATTEMPT, ev.ChannelState.RINGING),
        state(ATTEMPT, ev.ChannelState.UP),
        created("g1", "PJSIP/101-02", linkedid=ATTEMPT),
        enters(ATTEMPT),
        enters("g1"),
        hung_up("g1"),
        hung_up(ATTEMPT),
    )
    moves = [effect for effect in effects if isinstance(effect, MovePromise)]
    assert {move.attempt for move in moves} == {ATTEMPT}
    assert [(move.step, move.reason) for move in moves] == [
        (Step.RANG, "ringing"),
        (Step.ANSWERED, "answered"),
        (Step.JOINED, "talking with PJSIP/101"),
        (Step.NO_ANSWER, "hung up"),
    ]


def test_an_attempt_that_failed_says_why_it_did() -> None:
    """OriginateResponse comes first and knows no cause; the hang-up does."""
    effects = play(
        a_watch(),
        created(ATTEMPT, "PJSIP/acme-primary-01"),
        ev.OriginateEnded(uniqueid=Uniqueid(ATTEMPT), answered=False),
        hung_up(ATTEMPT, 17),
    )
    assert effects == [MovePromise(ATTEMPT, Step.BUSY, "busy")]  # type: ignore[arg-type]


def test_an_attempt_that_never_had_a_channel_has_failed() -> None:
    effects = play(a_watch(), ev.OriginateEnded(uniqueid=Uniqueid(ATTEMPT), answered=False))
    assert effects == [MovePromise(ATTEMPT, Step.FAILED, "the PBX could not place the call")]  # type: ignore[arg-type]


def test_other_peoples_originates_move_no_promise() -> None:
    other = Uniqueid("1795310344.16")
    assert play(a_watch(), ev.OriginateEnded(uniqueid=other, answered=False)) == []
    assert play(a_watch(), created(other, "Local/x@y-01;1"), state(other, ev.ChannelState.UP), hung_up(other)) == []


def test_a_dialler_s_calls_out_are_no_calls_in_and_their_failures_count() -> None:
    watch = a_watch()
    for n in range(3):
        placed = replace(created(f"d{n}", "PJSIP/acme-primary-01"), incoming=False)
        dialled = ev.DialBegun(caller=None, target=Uniqueid(f"d{n}"), number=f"1555000{n}")
        play(watch, placed, dialled, hung_up(f"d{n}", 38))
    assert watch.trunk_is_down(MAIN)


# ---- who is reached, and who was missed


def test_a_customer_whom_an_agent_calls_is_reached_under_the_number_that_was_dialled() -> None:
    watch = a_watch()
    play(
        watch,
        member(DeviceState.FREE),
        created("c1", "PJSIP/101-01"),
        created("o1", "PJSIP/acme-primary-02", linkedid="c1"),
        ev.DialBegun(caller=Uniqueid("c1"), target=Uniqueid("o1"), number="+15550001"),
    )
    reached = CustomerReached((SALES, SUPPORT), "+15550001", ANN, Linkedid("c1"))
    assert play(watch, enters("c1"), enters("o1")) == [reached]


def test_who_gave_up_after_somebody_was_rung_for_them_was_missed() -> None:
    watch = a_watch()
    play(watch, created("c1", "PJSIP/acme-primary-01", dialled="5550100"), joins("c1"))
    assert CallMissed(SUPPORT, "+4930123", T0, Linkedid("c1")) in play(watch, hung_up("c1"))


def test_who_only_heard_the_announcement_was_not_missed() -> None:
    watch = a_watch()
    play(watch, created("c1", "PJSIP/acme-primary-01", dialled="5550100"))
    assert not [effect for effect in play(watch, hung_up("c1")) if isinstance(effect, CallMissed)]
