"""What is true on a PBX by its own events, kept without any notion of a call: who lives, is where, hears whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.ending import Ending
from ami_bridge.domain.names import Bridgeid, Linkedid, QueueName, Uniqueid
from ami_bridge.domain.tracker import Tracker

PIPE = "Local/"
HELPERS = ("Announcer/", "AsyncGoto/", "CBAnn/", "CBRec/", "Message/", "Recorder/", "Surrogate/", "UnicastRTP/")


@dataclass
class Mirror:
    """Feed it every event as it happens; ask for a snapshot, as a PBX would give it, at any time."""

    channels: dict[Uniqueid, ev.ChannelCreated] = field(default_factory=dict)
    bridges: dict[Uniqueid, Bridgeid] = field(default_factory=dict)
    pairs: dict[Uniqueid, Uniqueid] = field(default_factory=dict)
    queues: dict[Uniqueid, QueueName] = field(default_factory=dict)
    talked: set[frozenset[str]] = field(default_factory=set)  # names of two who heard each other at some time

    def take(self, event: ev.Event) -> None:
        match event:
            case ev.ChannelCreated():
                self.channels[event.uniqueid] = event
            case ev.ChannelRenamed() if event.uniqueid in self.channels and not event.name.endswith("<MASQ>"):
                self.channels[event.uniqueid] = replace(self.channels[event.uniqueid], name=event.name)
            case ev.ChannelStateChanged() if event.uniqueid in self.channels:
                self.channels[event.uniqueid] = replace(self.channels[event.uniqueid], state=event.state)
            case ev.ChannelHungUp():
                for known in (self.channels, self.bridges, self.queues):
                    known.pop(event.uniqueid, None)
                self.pairs.pop(self.pairs.pop(event.uniqueid, Uniqueid("")), None)
            case ev.LocalPaired():
                self.pairs[event.one], self.pairs[event.two] = event.two, event.one
            case ev.BridgeEntered():
                self.bridges[event.uniqueid] = event.bridge
            case ev.BridgeLeft() if self.bridges.get(event.uniqueid) == event.bridge:
                del self.bridges[event.uniqueid]
            case ev.QueueCallerJoined():
                self.queues[event.uniqueid] = event.queue
            case ev.QueueCallerLeft():
                self.queues.pop(event.uniqueid, None)
        if isinstance(event, ev.BridgeEntered | ev.LocalPaired | ev.ChannelRenamed):
            self._note_talk()

    def name(self, uniqueid: Uniqueid) -> str:
        return self.channels[uniqueid].name

    def hears(self, bridge: Bridgeid) -> set[Uniqueid]:
        """The parties who hear each other through `bridge` and what pipes join it with."""
        joined, before = {bridge}, 0
        while len(joined) > before:
            before = len(joined)
            joined |= {
                self.bridges[far]
                for near, far in self.pairs.items()
                if self.bridges.get(near) in joined and far in self.bridges
            }
        return {c for c, b in self.bridges.items() if b in joined and c in self.channels and is_party(self.name(c))}

    def _note_talk(self) -> None:
        for bridge in set(self.bridges.values()):
            names = sorted(self.name(c) for c in self.hears(bridge))
            self.talked |= {frozenset((one, two)) for one in names for two in names if one < two}

    def snapshot(self) -> list[ev.Event]:
        """Founders of trees first, as `ami.snapshot` lists them."""
        alive = sorted(self.channels.values(), key=lambda c: str(c.uniqueid) != str(c.linkedid))
        return [
            *alive,
            *(ev.LocalPaired(one=one, two=two) for one, two in self.pairs.items() if one < two),
            *(ev.BridgeEntered(bridge=b, uniqueid=c) for c, b in self.bridges.items() if c in self.channels),
            *(
                ev.QueueCallerJoined(uniqueid=c, queue=q, position=1)
                for c, q in self.queues.items()
                if c in self.channels
            ),
        ]


def is_party(name: str) -> bool:
    return not name.startswith((PIPE, *HELPERS)) and not name.endswith("<ZOMBIE>")


class RecordingTracker(Tracker):
    """The tracker, and all it ever said."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[fa.Fact] = []

    def feed(self, event: ev.Event, now: datetime) -> list[fa.Fact]:
        facts = super().feed(event, now)
        self.facts += facts
        return facts

    def resync(
        self, snapshot: Sequence[ev.Event], now: datetime, endings: Mapping[Linkedid, Ending] | None = None
    ) -> list[fa.Fact]:
        return [fact for facts in self.resync_steps(snapshot, now, endings) for fact in facts]

    def resync_steps(
        self, snapshot: Sequence[ev.Event], now: datetime, endings: Mapping[Linkedid, Ending] | None = None
    ) -> Iterator[list[fa.Fact]]:
        for facts in super().resync_steps(snapshot, now, endings):
            self.facts += facts
            yield facts

    def cut(self, now: datetime) -> list[fa.Fact]:
        facts = super().cut(now)
        self.facts += facts
        return facts


def contradictions(facts: list[fa.Fact]) -> list[str]:
    """What is wrong with a whole story, however it was seen: nothing, if all is well. All calls have to be over."""
    return [*_about_calls(facts), *_about_parties(facts)]


def by_call(facts: list[fa.Fact]) -> dict[str, list[fa.Fact]]:
    told: dict[str, list[fa.Fact]] = {}
    for fact in facts:
        told.setdefault(fact.call, []).append(fact)
    return told


def _about_calls(facts: list[fa.Fact]) -> Iterator[str]:
    for call, told in by_call(facts).items():
        kinds = [type(fact) for fact in told]
        if kinds.count(fa.CallStarted) != 1 or kinds[0] is not fa.CallStarted:
            yield f"{call}: it does not start once, and first"
        if kinds.count(fa.CallEnded) != 1 or kinds[-1] is not fa.CallEnded:
            yield f"{call}: it does not end once, and last"
        end = told[-1]
        if isinstance(end, fa.CallEnded) and fa.Answered in kinds and not end.answered:
            yield f"{call}: it was answered, and its end says that it was not"
        waits: set[str] = set()
        for fact in told:
            if isinstance(fact, fa.QueueJoined):
                if fact.queue in waits:
                    yield f"{call}: it joins {fact.queue} twice"
                waits.add(fact.queue)
            if isinstance(fact, fa.QueueLeft):
                if fact.queue not in waits:
                    yield f"{call}: it leaves {fact.queue} without having joined"
                waits.discard(fact.queue)
        if waits:
            yield f"{call}: it never leaves {waits}"


def _about_parties(facts: list[fa.Fact]) -> Iterator[str]:
    rung: set[str] = set()
    done: set[str] = set()
    for fact in facts:
        names = [fact.caller]
        if isinstance(fact, fa.Ringing | fa.DialEnded):
            seen = rung if isinstance(fact, fa.Ringing) else done
            for target in fact.targets:
                if (key := f"{fact.call} {target}") in seen:
                    yield f"{fact.call}: {type(fact).__name__} of {target} is told twice"
                seen.add(key)
            names += fact.targets
        elif isinstance(fact, fa.Answered):
            names.append(fact.by)
            if fact.by == fact.caller:
                yield f"{fact.call}: {fact.by} talks with themselves"
        elif isinstance(fact, fa.Transferred):
            names += [fact.by, *fact.to]
        for name in names:
            if not name or not is_party(name):
                yield f"{fact.call}: {name!r} is a party of {type(fact).__name__}"
