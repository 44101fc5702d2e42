"""The callers and agents of one PBX's support lines: who waits where, and who could answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.attention import Attention
from ami_bridge.domain.court import Court
from ami_bridge.domain.detectors.abandons import Abandons
from ami_bridge.domain.detectors.agents import Agents
from ami_bridge.domain.detectors.ringing import Ringing
from ami_bridge.domain.detectors.surge import Surge
from ami_bridge.domain.detectors.waiting import Waiting
from ami_bridge.domain.effects import CallMissed, CustomerReached, Effect, PlaceCalls, PushLine
from ami_bridge.domain.line import Attendance, AttendanceChanged, Line
from ami_bridge.domain.names import Device, LineName, Linkedid, QueueName, Uniqueid
from ami_bridge.domain.promise import is_attempt
from ami_bridge.domain.signal import Detector, Kind, Signal, Source, Strength, Subject
from ami_bridge.domain.tracker import Tracker


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """How a line's callers and agents are recognised on the PBX: its numbers, and its queue or the phones that ring."""

    line: LineName
    dids: tuple[str, ...]
    queue: QueueName | None = None
    ring: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDetectors:
    """All that watches one line, beside its own attendance."""

    surge: Surge
    agents: Agents
    waiting: Waiting
    abandons: Abandons
    ringing: Ringing

    def by_source(self) -> dict[Source, Detector]:
        return {
            Source.SURGE: self.surge,
            Source.AGENTS: self.agents,
            Source.WAITING: self.waiting,
            Source.ABANDONS: self.abandons,
            Source.RINGING: self.ringing,
        }


@dataclass(slots=True)
class Callers:
    """The lines of one PBX. The tracker knows the calls and is fed before this is."""

    tracker: Tracker
    court: Court
    lines: Mapping[LineName, Line]
    routes: Iterable[Routes]
    detectors: Mapping[LineName, LineDetectors]
    _by_did: dict[str, Line] = field(default_factory=dict)
    _by_queue: dict[QueueName, Line] = field(default_factory=dict)
    _by_device: dict[Device, list[Line]] = field(default_factory=dict)
    _lines_of_agent: dict[Device, set[LineName]] = field(default_factory=dict)
    _device_of: dict[tuple[QueueName, Device], Device] = field(default_factory=dict)  # by what a queue rings
    _line_of: dict[Linkedid, Line] = field(default_factory=dict)
    _attention: Attention[LineName] = field(init=False)
    _ticking: dict[LineName, tuple[Detector, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self._attention = Attention(self.lines, self._stays_awake)
        self._ticking = {name: tuple(watching.by_source().values()) for name, watching in self.detectors.items()}
        for route in self.routes:
            line = self.lines[route.line]
            self._by_did.update(dict.fromkeys(route.dids, line))
            if route.queue is not None:
                self._by_queue[route.queue] = line
            for device in route.ring:
                self._by_device.setdefault(device, []).append(line)
                self._lines_of_agent.setdefault(device, set()).add(line.name)

    def tick(self, now: datetime) -> list[Effect]:
        """Let time pass: patience runs out, shy agents are given another chance, waits grow long."""
        effects: list[Effect] = []
        for name in self._attention.due(now):
            effects += self._attendance(self.lines[name].tick(now), now)
            signals: list[Signal] = []
            for detector in self._ticking[name]:
                signals += detector.tick(now)
            if signals:
                effects += self.court.hear(signals, now)
        return effects

    def _stays_awake(self, name: LineName) -> bool:
        return bool(self.lines[name].waiting) or self.court.is_restless(Subject(Kind.LINE, name))

    def lost_sight(self) -> None:
        """Who is there has to be seen anew."""
        self._device_of.clear()
        for line in self.lines.values():
            line.lost_sight()

    def swallowed(self) -> None:
        """After a gap: forget the calls that became part of others meanwhile."""
        for call in tuple(self._line_of):
            self.forget_swallowed(call)

    # ---- callers

    def arrives(self, uniqueid: Uniqueid, now: datetime) -> list[Effect]:
        """A call to a line's number is that line's from its first channel on, before anybody is dialled."""
        call = self.tracker.call_of(uniqueid)
        if call is None or call.caller != uniqueid or call.answered or call.id in self._line_of:
            return []
        line = self._by_did.get(call.dialled)
        if line is None or is_attempt(call.id):
            return []
        self._line_of[call.id] = line
        line.caller_waits(call.id, call.number, now)
        return self._came(line, call.number, now)

    def forget_swallowed(self, call: Linkedid) -> None:
        """A call that became part of another before anything was said of it has no end of its own."""
        if call in self._line_of and call not in self.tracker.calls:
            self._line_of.pop(call).caller_unseen(call)

    def in_vain(self, uniqueid: Uniqueid, now: datetime) -> list[Effect]:
        """The dialplan asks what to say to a caller whom nobody answered."""
        call = self.tracker.call_of(uniqueid)
        line = self._line_of.get(call.id) if call else None
        return self._attendance(line.caller_in_vain(call.id), now) if call and line else []

    def caller_id_changed(self, event: ev.CallerIdChanged, _now: datetime) -> list[Effect]:
        call = self.tracker.call_of(event.uniqueid)
        if call is not None and call.caller == event.uniqueid and (line := self._line_of.get(call.id)) is not None:
            line.caller_shows(call.id, event.number)
        return []

    def dial_begun(self, event: ev.DialBegun, now: datetime) -> list[Effect]:
        call = self.tracker.call_of(event.caller) if event.caller else None
        if event.target not in self.tracker.channels:
            return []  # the dialplan asks us about this caller: nobody is rung
        if call is not None and (line := self._line_of.get(call.id)) is not None:
            self._attention.heed(line.name, now)
            line.caller_tries(call.id, now)
        return []

    def queue_joined(self, fact: fa.QueueJoined, now: datetime) -> list[Effect]:
        """A queue's callers are the line's, by whatever number they came."""
        line = self._by_queue.get(fact.queue)
        call = self.tracker.calls.get(fact.call)
        if line is None or call is None or call.answered or is_attempt(fact.call):
            return []
        before = self._line_of.get(fact.call)
        self._line_of[fact.call] = line
        changes = before.caller_gone(fact.call, now) if before is not None and before is not line else []
        since = min(call.queues[fact.queue], now)
        line.caller_waits(fact.call, call.number, since)
        line.caller_tries(fact.call, since)
        effects = self._attendance(changes, now)
        return effects if before is line else effects + self._came(line, call.number, now)

    def answered(self, fact: fa.Answered, now: datetime) -> list[Effect]:
        """Whoever talks is alive, having answered or having called."""
        effects: list[Effect] = []
        for device in (device_of(fact.by), device_of(fact.caller)):
            for name in self._lines_of_agent.get(device, ()):
                self.lines[name].agent_talks(device)
                effects += self.court.hear(self.detectors[name].ringing.picked_up(now), now)
        line = self._line_of.get(fact.call)
        if line is None:
            return effects
        number = line.waiting[fact.call].number if fact.call in line.waiting else ""
        effects += [] if not number else [CustomerReached((line.name,), number, device_of(fact.by), fact.call)]
        effects += self._left(line, fact.call, now, answered=True)
        effects += self._attendance(line.caller_answered(fact.call), now)
        return effects + self._look(line, now)

    def ended(self, fact: fa.CallEnded, now: datetime) -> list[Effect]:
        """A caller whose end was not seen is not held against the line."""
        line = self._line_of.pop(fact.call, None)
        if line is None:
            return []
        if fact.outcome is fa.CallOutcome.UNSEEN:
            line.caller_unseen(fact.call)
            return []
        waited = line.waiting.get(fact.call)
        effects = self._left(line, fact.call, now, answered=False)
        if waited is not None and waited.tried is not None:
            effects.append(CallMissed(line.name, waited.number, waited.since, fact.call))
        effects += self._attendance(line.caller_gone(fact.call, now), now)
        return effects + self._look(line, now)

    def lines_of(self, device: Device) -> tuple[LineName, ...]:
        """The lines for which `device` is an agent's."""
        return tuple(sorted(self._lines_of_agent.get(device, ())))

    def reached(self, fact: fa.Answered, asked: str) -> list[Effect]:
        """Whom an agent talks with on a call that came over no line; `asked` is the number that was dialled for it."""
        call = self.tracker.calls.get(fact.call)
        if call is None or fact.call in self._line_of:
            return []
        by, caller = device_of(fact.by), device_of(fact.caller)
        if asked and (lines := self.lines_of(caller)):
            return [CustomerReached(lines, asked, caller, fact.call)]
        if call.number and (lines := self.lines_of(by)):
            return [CustomerReached(lines, call.number, by, fact.call)]
        return []

    # ---- agents

    def member_changed(self, event: ev.QueueMemberChanged, now: datetime) -> list[Effect]:
        line = self._by_queue.get(event.queue)
        if line is None:
            return []
        if event.rung is not None:
            self._device_of[event.queue, event.rung] = event.device
        self._lines_of_agent.setdefault(event.device, set()).add(line.name)
        changes = line.agent_seen(event.device, now, state=event.state, paused=event.paused)
        return [*self._attendance(changes, now), *self._look(line, now), PlaceCalls(line.name)]

    def member_removed(self, event: ev.QueueMemberRemoved, now: datetime) -> list[Effect]:
        line = self._by_queue.get(event.queue)
        if line is None:
            return []
        line.agent_gone(event.device, now)
        return self._look(line, now)

    def agent_rang_out(self, event: ev.AgentRangOut, now: datetime) -> list[Effect]:
        line = self._by_queue.get(event.queue)
        if line is None:
            return []
        return self._rang_out(line, self._device_of.get((event.queue, event.device), event.device), now)

    def device_changed(self, event: ev.DeviceChanged, now: datetime) -> list[Effect]:
        effects: list[Effect] = []
        for line in self._by_device.get(event.device, ()):
            effects += self._attendance(line.agent_seen(event.device, now, state=event.state), now)
            effects += self._look(line, now)
            effects.append(PlaceCalls(line.name))
        return effects

    def dial_ended(self, event: ev.DialEnded, now: datetime) -> list[Effect]:
        """A ring-group phone that rang in vain is as good as an agent who did not pick up."""
        channel = self.tracker.channels.get(event.target)
        if event.outcome is not ev.DialOutcome.NO_ANSWER or channel is None:
            return []
        device = device_of(channel.name)
        return [effect for line in self._by_device.get(device, ()) for effect in self._rang_out(line, device, now)]

    # ----

    def _came(self, line: Line, number: str, now: datetime) -> list[Effect]:
        return self.court.hear(self.detectors[line.name].surge.arrived(number, now), now) + self._look(line, now)

    def _left(self, line: Line, call: Linkedid, now: datetime, *, answered: bool) -> list[Effect]:
        """A caller who waits no longer, told before the line forgets them."""
        waiting = line.waiting.get(call)
        if waiting is None:
            return []
        left = self.detectors[line.name].abandons.left(answered, now - waiting.since, now, waiting.number)
        return self.court.hear(left, now)

    def _rang_out(self, line: Line, device: Device, now: datetime) -> list[Effect]:
        self._attention.heed(line.name, now)
        line.agent_rang_out(device, now)
        return self.court.hear(self.detectors[line.name].ringing.rang_out(device, now, _present(line)), now)

    def _look(self, line: Line, now: datetime) -> list[Effect]:
        """Who is there, or who waits for them, has changed."""
        self._attention.heed(line.name, now)
        watching, waiting = self.detectors[line.name], len(line.waiting)
        signals = watching.agents.look(line.agents, waiting, now) + watching.surge.look(waiting, now)
        signals += watching.waiting.look((caller.since for caller in line.waiting.values()), now)
        return self.court.hear(signals, now)

    def _attendance(self, changes: Iterable[AttendanceChanged], now: datetime) -> list[Effect]:
        """What callers hear changes at once; that nobody answers also speaks against the line."""
        effects: list[Effect] = []
        for change in changes:
            unanswered = change.attendance is Attendance.UNANSWERED
            effects.append(PushLine(change.line))
            effects += self.court.hear(
                [
                    Signal(
                        subject=Subject(Kind.LINE, change.line),
                        source=Source.UNANSWERED,
                        strength=Strength.HINT if unanswered else Strength.CLEAR,
                        words=change.why,
                    )
                ],
                now,
            )
        return effects


def _present(line: Line) -> int:
    """How many agents' phones could ring."""
    return sum(agent.state is not ev.DeviceState.ABSENT and not agent.paused for agent in line.agents.values())


def device_of(channel: str) -> Device:
    """`PJSIP/101-00000012` is a channel of the device PJSIP/101."""
    return Device(channel.rpartition("-")[0])
