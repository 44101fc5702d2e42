"""A watch that loses sight of its PBX and sees it again: what it keeps, what it forgets, and what it does not guess."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from ami_bridge.domain import events as ev
from ami_bridge.domain.effects import CallMissed, CustomerReached, MovePromise, PushLine
from ami_bridge.domain.ending import Ending
from ami_bridge.domain.events import ChannelState, DeviceState
from ami_bridge.domain.facts import CallOutcome, QueueExit
from ami_bridge.domain.line import Attendance
from ami_bridge.domain.names import ChannelName, Device, LineName, Linkedid, Uniqueid
from ami_bridge.domain.promise import Step
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
    member,
    play,
    state,
    waiting,
)

CALLER = created("c1", "PJSIP/acme-primary-01", dialled="5550100")
BOB = Device("PJSIP/102")


def blind_with_a_caller() -> Watch:
    watch = a_watch()
    play(watch, CALLER, joins("c1"))
    watch.lost_sight(T0, "gone")
    assert watch.blind
    return watch


# ---- callers


def test_who_waits_on_is_remembered_and_since_when() -> None:
    watch = blind_with_a_caller()
    assert waiting(watch) == {SUPPORT: ["c1"]}
    watch.seen_again([CALLER, joins("c1")], at(15))
    assert not watch.blind
    assert waiting(watch) == {SUPPORT: ["c1"]}
    assert watch.tick(at(19)) == []
    assert watch.tick(at(20)) == [PushLine(SUPPORT)]


def test_no_patience_is_spent_while_nobody_can_see_whether_they_wait() -> None:
    watch = blind_with_a_caller()
    assert watch.tick(at(3600)) == []
    assert watch.lines[SUPPORT].attendance is Attendance.ANSWERED


def test_who_went_unseen_is_not_held_against_the_line() -> None:
    watch = blind_with_a_caller()
    assert watch.seen_again([], at(3600)) == []
    assert waiting(watch) == {}
    assert watch.lines[SUPPORT].attendance is Attendance.ANSWERED
    assert play(watch, hung_up("c1"), now=at(3601)) == []


def test_who_by_the_records_waited_in_vain_is_held_against_it() -> None:
    watch = blind_with_a_caller()
    [over] = watch.ended_unseen([])
    assert (over.call, over.waited_in_queue) == ("c1", True)
    ending = Ending(outcome=CallOutcome.ABANDONED, answered=False, queue_exit=QueueExit.ABANDONED)
    missed = CallMissed(SUPPORT, "+4930123", T0, over.call)
    assert watch.seen_again([], at(60), {over.call: ending}) == [missed, PushLine(SUPPORT)]
    assert watch.lines[SUPPORT].attendance is Attendance.UNANSWERED


def test_who_by_the_records_was_answered_is_not() -> None:
    watch = a_watch()
    play(watch, CALLER, joins("c1"))
    watch.tick(at(20))
    watch.lost_sight(T0, "gone")
    ending = Ending(outcome=CallOutcome.COMPLETED, answered=True, by=ChannelName("PJSIP/101-02"))
    reached = CustomerReached((SUPPORT,), "+4930123", ANN, Linkedid("c1"))
    assert watch.seen_again([], at(60), {Linkedid("c1"): ending}) == [reached, PushLine(SUPPORT)]
    assert watch.lines[SUPPORT].attendance is Attendance.ANSWERED


def test_who_was_answered_meanwhile_waits_no_more() -> None:
    watch = blind_with_a_caller()
    agent = created("g1", "PJSIP/101-02", linkedid="c1")
    watch.seen_again([CALLER, agent, enters("c1"), enters("g1")], at(60))
    assert waiting(watch) == {}
    assert watch.tick(at(90)) == []


def test_who_went_to_another_lines_queue_meanwhile_waits_there() -> None:
    watch = blind_with_a_caller()
    watch.seen_again([CALLER, joins("c1", VIP_QUEUE)], at(5))
    assert waiting(watch) == {VIP: ["c1"]}


@pytest.mark.parametrize(("number", "line"), [("5550100", SUPPORT), ("5550200", SALES)])
def test_who_came_meanwhile_waits_on_the_line_they_called(number: str, line: LineName) -> None:
    watch = blind_with_a_caller()
    came = created("c2", "PJSIP/acme-primary-02", dialled=number)
    watch.seen_again([CALLER, came], at(5))
    assert waiting(watch)[line][-1] == "c2"


def test_who_came_meanwhile_and_talks_already_does_not_wait() -> None:
    watch = a_watch()
    watch.lost_sight(T0, "gone")
    agent = created("g1", "PJSIP/101-02", linkedid="c1")
    watch.seen_again([CALLER, agent, enters("c1"), enters("g1")], at(5))
    assert waiting(watch) == {}


def test_a_second_look_at_the_same_changes_nothing() -> None:
    watch = blind_with_a_caller()
    lives: list[ev.Event] = [
        CALLER,
        joins("c1"),
        created("c2", "PJSIP/acme-primary-02", dialled="5550200"),
        member(DeviceState.FREE),
    ]
    watch.seen_again(lives, at(5))
    before = waiting(watch)
    watch.seen_again(lives, at(6))
    assert waiting(watch) == before
    assert watch.lines[SUPPORT].free(at(6)) == 1


# ---- agents


def test_agents_who_left_while_nobody_watched_are_not_counted() -> None:
    watch = a_watch()
    play(watch, member(DeviceState.FREE), member(DeviceState.FREE, device=BOB))
    watch.lost_sight(T0, "gone")
    watch.seen_again([member(DeviceState.FREE)], at(5))
    assert list(watch.lines[SUPPORT].agents) == [ANN]
    assert watch.lines[SUPPORT].free(at(5)) == 1


def test_an_agent_who_let_it_ring_is_still_shy() -> None:
    watch = a_watch()
    play(watch, member(DeviceState.FREE), ev.AgentRangOut(queue=QUEUE, device=ANN))
    watch.lost_sight(T0, "gone")
    watch.seen_again([member(DeviceState.FREE)], at(5))
    assert watch.lines[SUPPORT].free(at(5)) == 0


def test_a_member_rung_over_another_device_is_learnt_anew() -> None:
    watch = a_watch()
    rung = Device("Local/101@agents/n")
    play(watch, member(DeviceState.FREE, rung=rung))
    watch.lost_sight(T0, "gone")
    watch.seen_again([member(DeviceState.FREE)], at(5))
    play(watch, ev.AgentRangOut(queue=QUEUE, device=rung), now=at(6))
    assert watch.lines[SUPPORT].free(at(6)) == 1


# ---- trunks


def test_contacts_are_learnt_anew() -> None:
    watch = a_watch()
    play(watch, contact(reachable=True, uri="sip:a"))
    watch.lost_sight(T0, "gone")
    watch.seen_again([contact(reachable=False, uri="sip:b")], at(5))
    assert watch.trunk_is_down(MAIN)


# ---- our own attempts


def test_an_attempt_that_ended_unseen_moves_nothing() -> None:
    """What became of it is asked elsewhere: a mark in AstDB tells whether the customer was reached."""
    watch = a_watch()
    play(watch, created(ATTEMPT, "PJSIP/acme-primary-01"), state(ATTEMPT, ChannelState.RINGING))
    watch.lost_sight(T0, "gone")
    assert watch.seen_again([], at(30)) == []
    assert watch.tracker.empty


def test_an_attempt_the_records_know_the_end_of_is_unreached_by_that() -> None:
    watch = a_watch()
    play(watch, created(ATTEMPT, "PJSIP/acme-primary-01"))
    watch.lost_sight(T0, "gone")
    ending = Ending(outcome=CallOutcome.BUSY, answered=False)
    [effect] = watch.seen_again([], at(30), {Linkedid(ATTEMPT): ending})
    assert isinstance(effect, MovePromise)
    assert (effect.attempt, effect.step) == (ATTEMPT, Step.BUSY)


def test_an_attempt_that_was_joined_meanwhile_is_kept() -> None:
    watch = a_watch()
    attempt = created(ATTEMPT, "PJSIP/acme-primary-01")
    play(watch, attempt, state(ATTEMPT, ChannelState.UP))
    watch.lost_sight(T0, "gone")
    agent = created("g1", "PJSIP/101-02", linkedid=ATTEMPT)
    assert watch.seen_again([attempt, agent, enters(ATTEMPT), enters("g1")], at(30)) == [
        MovePromise(ATTEMPT, Step.JOINED, "talking with PJSIP/101")  # type: ignore[arg-type]
    ]
    assert waiting(watch) == {}


# ---- calls that are swallowed by others


def swallowed(watch: Watch) -> None:
    """A call to a line's number is taken into another before anybody was dialled for it: nothing is said of it."""
    play(
        watch,
        created("k", "PJSIP/102-01", dialled="103"),
        created("p", "PJSIP/103-01", linkedid="k"),
        ev.DialBegun(caller=Uniqueid("k"), target=Uniqueid("p")),
        CALLER,
        ev.PickedUp(picker=Uniqueid("c1"), target=Uniqueid("p")),
    )


def test_a_caller_whose_call_is_swallowed_waits_until_they_go() -> None:
    watch = a_watch()
    swallowed(watch)
    play(watch, hung_up("c1"), hung_up("p"), hung_up("k"), now=T0 + timedelta(seconds=60))
    assert waiting(watch) == {}
    assert not watch.callers._line_of
    assert watch.tracker.empty


def test_a_caller_whose_call_is_swallowed_and_who_goes_unseen_does_not_wait() -> None:
    watch = a_watch()
    swallowed(watch)
    watch.lost_sight(T0, "gone")
    watch.seen_again([], at(60))
    assert waiting(watch) == {}
    assert not watch.callers._line_of


def test_thousands_of_calls_are_found_again_a_few_at_a_time_and_no_patience_is_spent_before_the_last() -> None:
    """Between two steps others have their turn; a tick that falls there sees callers who may be gone."""
    watch = blind_with_a_caller()
    lives = [CALLER, *(created(f"n{n}", f"PJSIP/acme-primary-9{n}", dialled="elsewhere") for n in range(50))]
    known, ticked = [], []
    for _effects in watch.seeing_again([*lives, joins("c1")], at(60)):
        known.append(len(watch.tracker.channels))
        ticked += watch.tick(at(60))
    assert max(after - before for before, after in pairwise(known)) == 1
    assert ticked == []
    assert not watch.blind
    assert len(watch.tracker.calls) == 51
