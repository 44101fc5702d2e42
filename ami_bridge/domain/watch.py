"""One PBX under watch: events and time in, effects out. The tracker, lines, trunks and incidents meet here.

Pure: nothing is performed. Which effects must be stored before they are said is the runner's business; their order
here is the order in which they follow from each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.causes import Fault, fault, words
from ami_bridge.domain.effects import Effect, MovePromise, PlaceCalls, PushLine
from ami_bridge.domain.ending import EndedUnseen, Ending
from ami_bridge.domain.incident import Incident, IncidentState
from ami_bridge.domain.line import AttendanceChanged, Line
from ami_bridge.domain.names import AttemptId, Device, LineName, Linkedid, QueueName, TrunkName, Uniqueid
from ami_bridge.domain.outage import Outages
from ami_bridge.domain.promise import ATTEMPT_PREFIX, Step
from ami_bridge.domain.tracker import Tracker
from ami_bridge.domain.trunk import Signal, Trunk, Verdict, Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """How a line's callers and agents are recognised on the PBX: its numbers, and its queue or the phones that ring."""

    line: LineName
    dids: tuple[str, ...]
    queue: QueueName | None = None
    ring: tuple[Device, ...] = ()


@dataclass(slots=True)
class Watch:
    """The live picture of one PBX."""

    lines: Mapping[LineName, Line]
    trunks: Mapping[TrunkName, Trunk]
    outages: Outages
    routes: Iterable[Routes]
    tracker: Tracker = field(default_factory=Tracker)
    blind: bool = False  # the link is down: what is remembered may no longer be so
    _by_did: dict[str, Line] = field(default_factory=dict)
    _by_queue: dict[QueueName, Line] = field(default_factory=dict)
    _by_device: dict[Device, list[Line]] = field(default_factory=dict)
    _lines_of_agent: dict[Device, set[LineName]] = field(default_factory=dict)
    _device_of: dict[tuple[QueueName, Device], Device] = field(default_factory=dict)  # by what a queue rings
    _contacts: dict[TrunkName, dict[str, bool]] = field(default_factory=dict)
    _line_of: dict[Linkedid, Line] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for route in self.routes:
            line = self.lines[route.line]
            self._by_did.update(dict.fromkeys(route.dids, line))
            if route.queue is not None:
                self._by_queue[route.queue] = line
            for device in route.ring:
                self._by_device.setdefault(device, []).append(line)
                self._lines_of_agent.setdefault(device, set()).add(line.name)

    def feed(self, event: ev.Event, now: datetime) -> list[Effect]:
        """Take one event seen at `now` (aware); return what is to be done about it."""
        effects: list[Effect] = []
        if (on_event := _ON_EVENT.get(type(event))) is not None:
            effects += on_event(self, event, now)
        if facts := self.tracker.feed(event, now):
            effects += self._follow(facts, now)
        if type(event) is ev.ChannelCreated:
            self._caller_arrives(event.uniqueid, now)
        elif type(event) is ev.ChannelHungUp:
            self._forget_swallowed(Linkedid(event.uniqueid))
        return effects

    def _follow(self, facts: Iterable[fa.Fact], now: datetime) -> list[Effect]:
        effects: list[Effect] = []
        for fact in facts:
            if (on_fact := _ON_FACT.get(type(fact))) is not None:
                effects += on_fact(self, fact, now)
        return effects

    def tick(self, now: datetime) -> list[Effect]:
        """Let time pass: holds and patience run out, next words come due."""
        effects: list[Effect] = []
        for trunk in self.trunks.values():
            for change in trunk.tick(now):
                effects += self.outages.verdict(change, now)
        if not self.blind:  # nobody's patience is spent while nobody can see whether they still wait
            for line in self.lines.values():
                effects += self._attendance(line.tick(now))
        return effects + self.outages.tick(now)

    def adopt(self, incident: Incident) -> None:
        """Take over an incident left open by an earlier run: its trunk is as it was until the PBX says otherwise."""
        self.outages.adopt(incident)
        trunk = self.trunks.get(incident.trunk) if incident.trunk else None
        if trunk is not None:
            recovering = incident.state is IncidentState.MONITORING
            trunk.verdict = Verdict.RECOVERING if recovering else Verdict.DOWN
            trunk.since = incident.changed
            trunk.evidence.extend(incident.evidence)

    def lost_sight(self) -> None:
        """The link is down. Calls are kept: what has become of them is found out when it is up again."""
        self.blind = True

    def ended_unseen(self, snapshot: Sequence[ev.Event]) -> list[EndedUnseen]:
        """The calls that, by a `snapshot` of the PBX, ended while nobody watched."""
        return self.tracker.ended_unseen(snapshot)

    def seen_again(
        self, snapshot: Sequence[ev.Event], now: datetime, endings: Mapping[Linkedid, Ending] | None = None
    ) -> list[Effect]:
        """Go on from a `snapshot` taken at `now`; `endings` tell how calls ended that are over. Return what follows."""
        return [effect for effects in self.seeing_again(snapshot, now, endings) for effect in effects]

    def seeing_again(
        self, snapshot: Sequence[ev.Event], now: datetime, endings: Mapping[Linkedid, Ending] | None = None
    ) -> Iterator[list[Effect]]:
        """The same a little at a time: others may do something between two steps, but not feed events."""
        self._device_of.clear()
        self._contacts.clear()
        for line in self.lines.values():
            line.lost_sight()
        for facts in self.tracker.resync_steps(snapshot, now, endings):
            yield self._follow(facts, now)
        for call in tuple(self._line_of):
            self._forget_swallowed(call)
        for event in snapshot:
            if type(event) is ev.ChannelCreated:
                self._caller_arrives(event.uniqueid, now)
                yield []
        self.blind = False
        for event in snapshot:
            if type(event) in _OF_DEVICES:
                yield _ON_EVENT[type(event)](self, event, now)

    def caller_in_vain(self, uniqueid: Uniqueid) -> list[Effect]:
        """The dialplan asks what to say to a caller whom nobody answered."""
        call = self.tracker.call_of(uniqueid)
        line = self._line_of.get(call.id) if call else None
        return self._attendance(line.caller_in_vain(call.id)) if call and line else []

    def trunk_is_down(self, name: TrunkName) -> bool:
        return self.trunks[name].verdict is Verdict.DOWN

    def _caller_arrives(self, uniqueid: Uniqueid, now: datetime) -> None:
        """A call to a line's number is that line's from its first channel on, before anybody is dialled."""
        call = self.tracker.call_of(uniqueid)
        if call is None or call.caller != uniqueid or call.answered or call.id in self._line_of:
            return
        line = self._by_did.get(call.dialled)
        if line is not None and not _is_attempt(call.id):
            self._line_of[call.id] = line
            line.caller_waits(call.id, call.number, now)

    def _forget_swallowed(self, call: Linkedid) -> None:
        """A call that became part of another before anything was said of it has no end of its own."""
        if call in self._line_of and call not in self.tracker.calls:
            self._line_of.pop(call).caller_unseen(call)

    def caller_id_changed(self, event: ev.CallerIdChanged, _now: datetime) -> list[Effect]:
        call = self.tracker.call_of(event.uniqueid)
        if call is not None and call.caller == event.uniqueid and (line := self._line_of.get(call.id)) is not None:
            line.caller_shows(call.id, event.number)
        return []

    def queue_joined(self, fact: fa.QueueJoined, now: datetime) -> list[Effect]:
        """A queue's callers are the line's, by whatever number they came."""
        line = self._by_queue.get(fact.queue)
        call = self.tracker.calls.get(fact.call)
        if line is None or call is None or call.answered or _is_attempt(fact.call):
            return []
        before = self._line_of.get(fact.call)
        self._line_of[fact.call] = line
        changes = before.caller_gone(fact.call, now) if before is not None and before is not line else []
        since = min(call.queues[fact.queue], now)
        line.caller_waits(fact.call, call.number, since)
        line.caller_tries(fact.call, since)
        return self._attendance(changes)

    def call_answered(self, fact: fa.Answered, _now: datetime) -> list[Effect]:
        """Whoever talks is alive, having answered or having called."""
        device = _device(fact.by)
        for talks in (device, _device(fact.caller)):
            for name in self._lines_of_agent.get(talks, ()):
                self.lines[name].agent_talks(talks)
        if _is_attempt(fact.call):
            return [MovePromise(AttemptId(fact.call), Step.JOINED, f"talking with {device}")]
        line_of_call = self._line_of.get(fact.call)
        return self._attendance(line_of_call.caller_answered(fact.call)) if line_of_call else []

    def call_ended(self, fact: fa.CallEnded, now: datetime) -> list[Effect]:
        """An attempt that ended unseen is asked about elsewhere; a caller who did is not held against the line."""
        unseen = fact.outcome is fa.CallOutcome.UNSEEN
        if _is_attempt(fact.call):
            return [] if unseen else [MovePromise(AttemptId(fact.call), Step.UNREACHED, words(fact.cause))]
        line = self._line_of.pop(fact.call, None)
        if line is None:
            return []
        if unseen:
            line.caller_unseen(fact.call)
            return []
        return self._attendance(line.caller_gone(fact.call, now))

    def channel_state(self, event: ev.ChannelStateChanged, now: datetime) -> list[Effect]:
        """A call out over a trunk that is answered testifies for the trunk; an attempt's channel moves its promise."""
        effects: list[Effect] = []
        trunk = self._trunk_out(event.uniqueid)
        if trunk is not None and event.state is ev.ChannelState.UP:
            effects += self._signal(trunk, Signal(witness=Witness.CALL, good=True, detail="a call was answered"), now)
        if not _is_attempt(event.uniqueid):
            return effects
        if event.state is ev.ChannelState.RINGING:
            effects.append(MovePromise(AttemptId(event.uniqueid), Step.RANG, "ringing"))
        if event.state is ev.ChannelState.UP:
            effects.append(MovePromise(AttemptId(event.uniqueid), Step.ANSWERED, "answered"))
        return effects

    def originate_ended(self, event: ev.OriginateEnded, _now: datetime) -> list[Effect]:
        """Speaks for attempts that never had a channel; the hang-up of one that has tells why."""
        if event.answered or not _is_attempt(event.uniqueid) or event.uniqueid in self.tracker.channels:
            return []
        return [MovePromise(AttemptId(event.uniqueid), Step.UNREACHED, "not reached")]

    def channel_hung_up(self, event: ev.ChannelHungUp, now: datetime) -> list[Effect]:
        """A call out over a trunk that ended for the network's fault testifies against the trunk."""
        trunk = self._trunk_out(event.uniqueid)
        if trunk is None or fault(event.cause) is not Fault.NETWORK:
            return []
        return self._signal(trunk, Signal(witness=Witness.CALL, good=False, detail=words(event.cause)), now)

    def _trunk_out(self, uniqueid: Uniqueid) -> Trunk | None:
        """The trunk over which a channel goes out. The channel a call began with came in, unless it is an attempt."""
        channel = self.tracker.channels.get(uniqueid)
        if channel is None or (uniqueid == channel.call.caller and not _is_attempt(uniqueid)):
            return None
        return self.trunks.get(TrunkName(_endpoint(channel.name)))

    def contact_changed(self, event: ev.ContactChanged, now: datetime) -> list[Effect]:
        """A trunk with several contacts is out of reach when none of them answers."""
        trunk = self.trunks.get(TrunkName(event.endpoint))
        if trunk is None:
            return []
        contacts = self._contacts.setdefault(trunk.name, {})
        contacts.pop(event.uri, None)
        if event.reachable is not None:
            contacts[event.uri] = event.reachable
        if event.reachable is None or (any(contacts.values()) and not event.reachable):
            return []
        detail = "the far end answers" if event.reachable else "the far end does not answer"
        return self._signal(trunk, Signal(witness=Witness.QUALIFY, good=event.reachable, detail=detail), now)

    def member_changed(self, event: ev.QueueMemberChanged, now: datetime) -> list[Effect]:
        line = self._by_queue.get(event.queue)
        if line is None:
            return []
        if event.rung is not None:
            self._device_of[event.queue, event.rung] = event.device
        self._lines_of_agent.setdefault(event.device, set()).add(line.name)
        changes = line.agent_seen(event.device, now, state=event.state, paused=event.paused)
        return [*self._attendance(changes), PlaceCalls(line.name)]

    def member_removed(self, event: ev.QueueMemberRemoved, now: datetime) -> list[Effect]:
        if (line := self._by_queue.get(event.queue)) is not None:
            line.agent_gone(event.device, now)
        return []

    def agent_rang_out(self, event: ev.AgentRangOut, now: datetime) -> list[Effect]:
        if (line := self._by_queue.get(event.queue)) is not None:
            line.agent_rang_out(self._device_of.get((event.queue, event.device), event.device), now)
        return []

    def device_changed(self, event: ev.DeviceChanged, now: datetime) -> list[Effect]:
        effects: list[Effect] = []
        for line in self._by_device.get(event.device, ()):
            effects += self._attendance(line.agent_seen(event.device, now, state=event.state))
            effects.append(PlaceCalls(line.name))
        return effects

    def dial_begun(self, event: ev.DialBegun, now: datetime) -> list[Effect]:
        call = self.tracker.call_of(event.caller) if event.caller else None
        if call is not None and (line := self._line_of.get(call.id)) is not None:
            line.caller_tries(call.id, now)
        return []

    def dial_ended(self, event: ev.DialEnded, now: datetime) -> list[Effect]:
        """A ring-group phone that rang in vain is as good as an agent who did not pick up."""
        if event.outcome is not ev.DialOutcome.NO_ANSWER:
            return []
        channel = self.tracker.channels.get(event.target)
        if channel is not None:
            device = _device(channel.name)
            for line in self._by_device.get(device, ()):
                line.agent_rang_out(device, now)
        return []

    def _signal(self, trunk: Trunk, signal: Signal, now: datetime) -> list[Effect]:
        effects: list[Effect] = []
        for change in trunk.observe(signal, now):
            effects += self.outages.verdict(change, now)
        return effects

    @staticmethod
    def _attendance(changes: list[AttendanceChanged]) -> list[Effect]:
        return [PushLine(change.line) for change in changes]


def _is_attempt(uniqueid: Uniqueid | Linkedid) -> bool:
    return uniqueid.startswith(ATTEMPT_PREFIX)


def _device(channel: str) -> Device:
    """`PJSIP/101-00000012` is a channel of the device PJSIP/101."""
    return Device(channel.rpartition("-")[0])


def _endpoint(channel: str) -> str:
    """`PJSIP/acme-primary-00000012` is a channel of the endpoint acme-primary."""
    return channel.partition("/")[2].rpartition("-")[0]


_ON_EVENT: dict[type, Callable[[Watch, Any, datetime], list[Effect]]] = {
    ev.CallerIdChanged: Watch.caller_id_changed,
    ev.ChannelStateChanged: Watch.channel_state,
    ev.ChannelHungUp: Watch.channel_hung_up,
    ev.OriginateEnded: Watch.originate_ended,
    ev.ContactChanged: Watch.contact_changed,
    ev.QueueMemberChanged: Watch.member_changed,
    ev.QueueMemberRemoved: Watch.member_removed,
    ev.AgentRangOut: Watch.agent_rang_out,
    ev.DeviceChanged: Watch.device_changed,
    ev.DialBegun: Watch.dial_begun,
    ev.DialEnded: Watch.dial_ended,
}

_ON_FACT: dict[type, Callable[[Watch, Any, datetime], list[Effect]]] = {
    fa.QueueJoined: Watch.queue_joined,
    fa.Answered: Watch.call_answered,
    fa.CallEnded: Watch.call_ended,
}
# What a snapshot holds beside calls.
_OF_DEVICES = frozenset({ev.ContactChanged, ev.QueueMemberChanged, ev.DeviceChanged})
