"""Who is talking, ringing and waiting on one PBX: AMI events in, facts about calls out.

A call is everything under one Linkedid, from its first channel to its last. It is answered when its caller is bridged
with somebody: Local channels are pipes, looked through, and `Answer()` in the dialplan is not a person. The tracker
holds nothing about a call whose channels are gone; events about channels it never saw are ignored, since a link
that came up in the middle of calls reports their ends too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ami_bridge.domain import events as ev
from ami_bridge.domain.names import Bridgeid, ChannelName, Linkedid, QueueName, Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted:
    call: Linkedid
    caller: ChannelName
    number: str
    dialled: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRinging:
    """A channel of the call is alerting."""

    call: Linkedid
    channel: ChannelName


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueJoined:
    call: Linkedid
    queue: QueueName


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLeft:
    """Out of the queue, whether to an agent, by giving up, or because the queue let go of them."""

    call: Linkedid
    queue: QueueName


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswered:
    """The caller is bridged with `by` for the first time."""

    call: Linkedid
    caller: ChannelName
    by: ChannelName


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """The last channel is gone. `cause` is the Q.850 cause of the caller's own channel."""

    call: Linkedid
    answered: bool
    cause: int
    dialled: str
    lasted: float  # seconds


Fact = CallStarted | CallRinging | QueueJoined | QueueLeft | CallAnswered | CallEnded


@dataclass(slots=True)
class Channel:
    uniqueid: Uniqueid
    name: ChannelName
    call: Call
    state: ev.ChannelState
    bridge: Bridgeid | None = None
    pair: Uniqueid | None = None

    @property
    def is_pipe(self) -> bool:
        return self.name.startswith("Local/")


@dataclass(slots=True)
class Call:
    """One caller's whole experience. `caller` is the channel it began with."""

    id: Linkedid
    caller: Uniqueid
    number: str
    dialled: str
    began: datetime
    channels: set[Uniqueid] = field(default_factory=set)
    queues: dict[QueueName, datetime] = field(default_factory=dict)  # where it waits, and since when
    answered: bool = False
    cause: int = 0


@dataclass(slots=True)
class Tracker:
    """The live state of one PBX. `feed` never raises on events that are late, doubled or about unknown channels."""

    channels: dict[Uniqueid, Channel] = field(default_factory=dict)
    calls: dict[Linkedid, Call] = field(default_factory=dict)
    bridges: dict[Bridgeid, set[Uniqueid]] = field(default_factory=dict)

    def feed(self, event: ev.Event, now: datetime) -> list[Fact]:
        """Take one event seen at `now` (aware); return what it means for calls, in order."""
        handle = _HANDLERS.get(type(event))
        return handle(self, event, now) if handle else []

    def call_of(self, uniqueid: Uniqueid) -> Call | None:
        """The call a channel belongs to, if that channel is known."""
        channel = self.channels.get(uniqueid)
        return channel.call if channel else None

    def forget(self) -> None:
        """Drop everything: the link was lost, and what is remembered may no longer be so."""
        self.channels.clear()
        self.calls.clear()
        self.bridges.clear()

    def created(self, event: ev.ChannelCreated, now: datetime) -> list[Fact]:
        if event.uniqueid in self.channels:
            return []
        facts: list[Fact] = []
        call = self.calls.get(event.linkedid)
        if call is None:
            call = Call(event.linkedid, event.uniqueid, event.caller_number, event.dialled, now)
            self.calls[event.linkedid] = call
            facts.append(
                CallStarted(call=call.id, caller=event.name, number=event.caller_number, dialled=event.dialled)
            )
        self.channels[event.uniqueid] = Channel(event.uniqueid, event.name, call, event.state)
        call.channels.add(event.uniqueid)
        return facts

    def state_changed(self, event: ev.ChannelStateChanged, _now: datetime) -> list[Fact]:
        channel = self.channels.get(event.uniqueid)
        if channel is None or channel.state is event.state:
            return []
        channel.state = event.state
        if event.state is ev.ChannelState.RINGING:
            return [CallRinging(call=channel.call.id, channel=channel.name)]
        return []

    def hung_up(self, event: ev.ChannelHungUp, now: datetime) -> list[Fact]:
        channel = self.channels.get(event.uniqueid)
        if channel is None:
            return []
        self._leave_bridge(event.uniqueid)
        del self.channels[event.uniqueid]
        call = channel.call
        call.channels.discard(event.uniqueid)
        if event.uniqueid == call.caller:
            call.cause = event.cause
        facts: list[Fact] = []
        if event.uniqueid == call.caller or not call.channels:
            facts += [QueueLeft(call=call.id, queue=queue) for queue in call.queues]
            call.queues.clear()
        if not call.channels:
            del self.calls[call.id]
            lasted = (now - call.began).total_seconds()
            facts.append(
                CallEnded(call=call.id, answered=call.answered, cause=call.cause, dialled=call.dialled, lasted=lasted)
            )
        return facts

    def paired(self, event: ev.LocalPaired, _now: datetime) -> list[Fact]:
        one, two = self.channels.get(event.one), self.channels.get(event.two)
        if one is None or two is None:
            return []
        one.pair, two.pair = two.uniqueid, one.uniqueid
        return [fact for end in (one, two) if end.bridge for fact in self._answers(self._parties(end.bridge))]

    def entered(self, event: ev.BridgeEntered, _now: datetime) -> list[Fact]:
        channel = self.channels.get(event.uniqueid)
        if channel is None:
            return []
        self._leave_bridge(event.uniqueid)
        channel.bridge = event.bridge
        self.bridges.setdefault(event.bridge, set()).add(event.uniqueid)
        return self._answers(self._parties(event.bridge))

    def _answers(self, parties: list[Channel]) -> list[Fact]:
        """Facts for each caller among `parties` who now hears a person for the first time."""
        facts: list[Fact] = []
        for party in parties:
            call = party.call
            if call.answered or party.uniqueid != call.caller:
                continue
            other = next((p for p in parties if p is not party), None)
            if other is not None:
                call.answered = True
                facts.append(CallAnswered(call=call.id, caller=party.name, by=other.name))
        return facts

    def _parties(self, bridge: Bridgeid) -> list[Channel]:
        """The real channels that hear each other through `bridge`, Local pipes looked through."""
        found: dict[Uniqueid, Channel] = {}
        seen: set[Bridgeid] = set()
        todo = [bridge]
        while todo:
            here = todo.pop()
            if here in seen:
                continue
            seen.add(here)
            for uniqueid in self.bridges.get(here, ()):
                channel = self.channels[uniqueid]
                if not channel.is_pipe:
                    found[uniqueid] = channel
                    continue
                far = self.channels.get(channel.pair) if channel.pair else None
                if far is not None and far.bridge is not None:
                    todo.append(far.bridge)
        return list(found.values())

    def left(self, event: ev.BridgeLeft, _now: datetime) -> list[Fact]:
        """Leaving a bridge they are in no more, late news of a move, takes nobody out of another."""
        channel = self.channels.get(event.uniqueid)
        if channel is not None and channel.bridge == event.bridge:
            self._leave_bridge(event.uniqueid)
        return []

    def _leave_bridge(self, uniqueid: Uniqueid) -> None:
        channel = self.channels.get(uniqueid)
        if channel is None or channel.bridge is None:
            return
        members = self.bridges.get(channel.bridge)
        if members is not None:
            members.discard(uniqueid)
            if not members:
                del self.bridges[channel.bridge]
        channel.bridge = None

    def queue_joined(self, event: ev.QueueCallerJoined, now: datetime) -> list[Fact]:
        call = self.call_of(event.uniqueid)
        if call is None or event.queue in call.queues:
            return []
        call.queues[event.queue] = now - timedelta(seconds=event.waited)
        return [QueueJoined(call=call.id, queue=event.queue)]

    def queue_left(self, event: ev.QueueCallerLeft, _now: datetime) -> list[Fact]:
        call = self.call_of(event.uniqueid)
        if call is None or call.queues.pop(event.queue, None) is None:
            return []
        return [QueueLeft(call=call.id, queue=event.queue)]


# Events about dials, agents, devices and trunks say nothing about who hears whom; others read those.
_HANDLERS: dict[type, Callable[[Tracker, Any, datetime], list[Fact]]] = {
    ev.ChannelCreated: Tracker.created,
    ev.ChannelStateChanged: Tracker.state_changed,
    ev.ChannelHungUp: Tracker.hung_up,
    ev.LocalPaired: Tracker.paired,
    ev.BridgeEntered: Tracker.entered,
    ev.BridgeLeft: Tracker.left,
    ev.QueueCallerJoined: Tracker.queue_joined,
    ev.QueueCallerLeft: Tracker.queue_left,
}
