"""Who talks with whom, told from events as Asterisk sends them; each test is one caller's story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.domain import events as ev
from ami_bridge.domain.names import Bridgeid, ChannelName, Linkedid, QueueName, Uniqueid
from ami_bridge.domain.tracker import (
    CallAnswered,
    CallEnded,
    CallRinging,
    CallStarted,
    Fact,
    QueueJoined,
    QueueLeft,
    Tracker,
)

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CALLER, AGENT = "100.1", "100.2"


def created(uniqueid: str, name: str, linkedid: str = CALLER, dialled: str = "5550100") -> ev.ChannelCreated:
    return ev.ChannelCreated(
        uniqueid=Uniqueid(uniqueid),
        linkedid=Linkedid(linkedid),
        name=ChannelName(name),
        state=ev.ChannelState.DOWN,
        caller_number="+4930123",
        dialled=dialled,
    )


def state(uniqueid: str, to: ev.ChannelState) -> ev.ChannelStateChanged:
    return ev.ChannelStateChanged(uniqueid=Uniqueid(uniqueid), state=to)


def hung_up(uniqueid: str, cause: int = 16) -> ev.ChannelHungUp:
    return ev.ChannelHungUp(uniqueid=Uniqueid(uniqueid), cause=cause)


def enters(bridge: str, uniqueid: str) -> ev.BridgeEntered:
    return ev.BridgeEntered(bridge=Bridgeid(bridge), uniqueid=Uniqueid(uniqueid))


def leaves(bridge: str, uniqueid: str) -> ev.BridgeLeft:
    return ev.BridgeLeft(bridge=Bridgeid(bridge), uniqueid=Uniqueid(uniqueid))


def joins(queue: str, uniqueid: str, waited: float = 0) -> ev.QueueCallerJoined:
    return ev.QueueCallerJoined(uniqueid=Uniqueid(uniqueid), queue=QueueName(queue), position=1, waited=waited)


def drops_out(queue: str, uniqueid: str) -> ev.QueueCallerLeft:
    return ev.QueueCallerLeft(uniqueid=Uniqueid(uniqueid), queue=QueueName(queue))


def pair(one: str, two: str) -> ev.LocalPaired:
    return ev.LocalPaired(one=Uniqueid(one), two=Uniqueid(two))


def play(tracker: Tracker, *events: ev.Event) -> list[Fact]:
    """Feed events a second apart."""
    return [fact for second, event in enumerate(events) for fact in tracker.feed(event, T0 + timedelta(seconds=second))]


def ended(facts: list[Fact]) -> CallEnded:
    [end] = [fact for fact in facts if isinstance(fact, CallEnded)]
    return end


def is_empty(tracker: Tracker) -> bool:
    return not (tracker.channels or tracker.calls or tracker.bridges)


QUEUE_CALL = (
    created(CALLER, "PJSIP/trunk-01"),
    joins("support", CALLER),
    created(AGENT, "PJSIP/101-02", dialled="s"),
    state(AGENT, ev.ChannelState.RINGING),
    drops_out("support", CALLER),
    enters("b1", AGENT),
    enters("b1", CALLER),
    leaves("b1", CALLER),
    hung_up(CALLER),
    leaves("b1", AGENT),
    hung_up(AGENT),
)


def test_a_queue_call_that_an_agent_answers() -> None:
    tracker = Tracker()
    facts = play(tracker, *QUEUE_CALL)
    call = Linkedid(CALLER)
    assert facts == [
        CallStarted(call=call, caller=ChannelName("PJSIP/trunk-01"), number="+4930123", dialled="5550100"),
        QueueJoined(call=call, queue=QueueName("support")),
        CallRinging(call=call, channel=ChannelName("PJSIP/101-02")),
        QueueLeft(call=call, queue=QueueName("support")),
        CallAnswered(call=call, caller=ChannelName("PJSIP/trunk-01"), by=ChannelName("PJSIP/101-02")),
        CallEnded(call=call, answered=True, cause=16, dialled="5550100", lasted=10.0),
    ]
    assert is_empty(tracker)


def test_a_caller_who_gives_up_leaves_the_queue_once_and_the_call_ends_unanswered() -> None:
    tracker = Tracker()
    facts = play(
        tracker,
        created(CALLER, "PJSIP/trunk-01"),
        joins("support", CALLER),
        hung_up(CALLER),
        drops_out("support", CALLER),  # app_queue reports it after the hang-up
    )
    assert [type(fact) for fact in facts] == [CallStarted, QueueJoined, QueueLeft, CallEnded]
    assert not ended(facts).answered
    assert is_empty(tracker)


def test_answer_in_the_dialplan_is_not_a_person() -> None:
    facts = play(
        Tracker(), created(CALLER, "PJSIP/trunk-01"), state(CALLER, ev.ChannelState.UP), enters("music", CALLER)
    )
    assert [type(fact) for fact in facts] == [CallStarted]


def test_an_agent_who_waits_alone_in_the_bridge_answers_nobody_until_the_caller_comes() -> None:
    tracker = Tracker()
    play(tracker, created(CALLER, "PJSIP/trunk-01"), created(AGENT, "PJSIP/101-02"))
    assert play(tracker, enters("b1", AGENT)) == []
    assert [type(fact) for fact in play(tracker, enters("b1", CALLER))] == [CallAnswered]


@pytest.mark.parametrize("last", ["pair", "caller", "agent"])
def test_a_local_channel_is_a_pipe_that_is_looked_through(last: str) -> None:
    """The caller meets one half, the agent the other; in whatever order that is told, the agent answered."""
    tracker = Tracker()
    play(
        tracker,
        created(CALLER, "PJSIP/trunk-01"),
        created("100.3", "Local/agent@agents-01;1"),
        created("100.4", "Local/agent@agents-01;2"),
        created(AGENT, "PJSIP/101-02"),
    )
    steps = {
        "pair": [pair("100.3", "100.4")],
        "caller": [enters("b1", CALLER), enters("b1", "100.3")],
        "agent": [enters("b2", "100.4"), enters("b2", AGENT)],
    }
    before = [event for step, events in steps.items() if step != last for event in events]
    assert play(tracker, *before) == []
    [answered] = play(tracker, *steps[last])
    assert isinstance(answered, CallAnswered)
    assert answered.by == "PJSIP/101-02"


def test_a_caller_bridged_with_a_pipe_that_leads_nowhere_is_not_answered() -> None:
    facts = play(
        Tracker(),
        created(CALLER, "PJSIP/trunk-01"),
        created("100.3", "Local/agent@agents-01;1"),
        created("100.4", "Local/agent@agents-01;2"),
        pair("100.3", "100.4"),
        enters("b1", CALLER),
        enters("b1", "100.3"),
    )
    assert [type(fact) for fact in facts] == [CallStarted]


def test_pipes_in_a_ring_do_not_hang_the_tracker() -> None:
    facts = play(
        Tracker(),
        created(CALLER, "PJSIP/trunk-01"),
        created("100.3", "Local/a@x-01;1"),
        created("100.4", "Local/a@x-01;2"),
        pair("100.3", "100.4"),
        enters("b1", "100.3"),
        enters("b1", "100.4"),
        enters("b1", CALLER),
    )
    assert [type(fact) for fact in facts] == [CallStarted]


def test_a_transfer_to_another_agent_is_one_call_answered_once() -> None:
    tracker = Tracker()
    facts = play(
        tracker,
        created(CALLER, "PJSIP/trunk-01"),
        created(AGENT, "PJSIP/101-02"),
        enters("b1", CALLER),
        enters("b1", AGENT),
        leaves("b1", CALLER),
        created("100.5", "PJSIP/102-03"),
        enters("b2", "100.5"),
        enters("b2", CALLER),
        hung_up(AGENT),
        hung_up("100.5"),
        hung_up(CALLER, 17),
    )
    assert [type(fact) for fact in facts] == [CallStarted, CallAnswered, CallEnded]
    assert ended(facts).cause == 17
    assert is_empty(tracker)


def test_late_news_of_leaving_the_old_bridge_does_not_take_anybody_out_of_the_new_one() -> None:
    tracker = Tracker()
    play(tracker, created(CALLER, "PJSIP/trunk-01"), created(AGENT, "PJSIP/101-02"), enters("b1", CALLER))
    play(tracker, enters("b2", CALLER), leaves("b1", CALLER))
    [answered] = play(tracker, enters("b2", AGENT))
    assert isinstance(answered, CallAnswered)


def test_every_event_doubled_tells_the_same_story() -> None:
    once, twice = play(Tracker(), *QUEUE_CALL), play(Tracker(), *(e for event in QUEUE_CALL for e in (event, event)))
    assert [type(fact) for fact in twice] == [type(fact) for fact in once]


def test_events_about_channels_never_seen_say_nothing() -> None:
    tracker = Tracker()
    strangers = [event for event in QUEUE_CALL if not isinstance(event, ev.ChannelCreated)]
    assert play(tracker, *strangers, pair("100.3", "100.4")) == []
    assert is_empty(tracker)


def test_who_already_waited_when_the_link_came_up_has_waited_that_long() -> None:
    tracker = Tracker()
    play(tracker, created(CALLER, "PJSIP/trunk-01"))
    tracker.feed(joins("support", CALLER, waited=42), T0)
    assert tracker.calls[Linkedid(CALLER)].queues == {QueueName("support"): T0 - timedelta(seconds=42)}


def test_a_lost_link_leaves_nothing_behind() -> None:
    tracker = Tracker()
    play(tracker, *QUEUE_CALL[:7])
    tracker.forget()
    assert is_empty(tracker)


def test_events_about_devices_and_trunks_are_left_to_others() -> None:
    assert play(Tracker(), ev.PbxStopping(), ev.OriginateEnded(uniqueid=Uniqueid("x"), answered=True)) == []
