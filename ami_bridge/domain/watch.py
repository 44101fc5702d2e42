"""One PBX under watch: events, orders and time in, effects out. Calls, callers, trunks, sites and verdicts meet here.

Pure: nothing is performed. Which effects must be stored before they are said is the runner's business; their order
here is the order in which they follow from each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.baseline import Rhythm
from ami_bridge.domain.callers import Callers, device_of
from ami_bridge.domain.causes import words
from ami_bridge.domain.court import Court
from ami_bridge.domain.detectors.link import Link
from ami_bridge.domain.dispatch import asks_agent_first
from ami_bridge.domain.effects import AskTrunk, Effect, KeepRhythms, MovePromise, PopScreen
from ami_bridge.domain.ending import EndedUnseen, Ending
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.line import Line
from ami_bridge.domain.names import AttemptId, LineName, Linkedid, SiteName, TenantName, TrunkName, Uniqueid
from ami_bridge.domain.orders import Declaration, Refused, Report
from ami_bridge.domain.promise import Step, is_attempt, unreached
from ami_bridge.domain.reaching import MARKS, Reached
from ami_bridge.domain.signal import Detector, Kind, Signal, Source, Subject
from ami_bridge.domain.sites import Sites
from ami_bridge.domain.tracker import Tracker
from ami_bridge.domain.trunks import Trunks
from ami_bridge.domain.verdict import Verdict


@dataclass(slots=True)
class Watch:
    """The live picture of one PBX. `rhythms` are what is usual there, by series, and `owners` whose series they are."""

    tracker: Tracker
    court: Court
    trunks: Trunks
    callers: Callers
    sites: Sites
    link: Link
    rhythms: Mapping[str, Rhythm] = field(default_factory=dict)
    owners: Mapping[str, TenantName] = field(default_factory=dict)
    blind: bool = False  # the link is down: what is remembered may no longer be so
    _hour: int | None = None  # the hour whose traffic is being counted
    _reached: Reached = field(init=False)

    def __post_init__(self) -> None:
        self._reached = Reached(self.tracker)

    @property
    def lines(self) -> Mapping[LineName, Line]:
        return self.callers.lines

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """The open ones, the oldest first."""
        return tuple(sorted(self.court.outages.open.values(), key=lambda incident: incident.since))

    def feed(self, event: ev.Event, now: datetime) -> list[Effect]:
        """Take one event seen at `now` (aware); return what is to be done about it."""
        if isinstance(event, ev.AudioReported):  # the most frequent of all, and nobody else's business
            return self._testified(self.trunks.audio_reported(event, now), now)
        kind = type(event)
        effects: list[Effect] = []
        if isinstance(event, ev.ChannelHungUp):
            effects += self.court.hear(self.trunks.hanging_up(event, now), now)
        if (on_event := _ON_EVENT.get(kind)) is not None:
            effects += on_event(self, event, now)
        if facts := self.tracker.feed(event, now):
            effects += self._follow(facts, now)
        if kind in _OF_TRUNKS:
            effects += self._of_trunks(event, now)
        if isinstance(event, ev.ChannelCreated):
            effects += self.callers.arrives(event.uniqueid, now)
        elif isinstance(event, ev.ChannelHungUp):
            self._reached.hung_up(event)
            self.callers.forget_swallowed(Linkedid(event.uniqueid))
        return effects

    def tick(self, now: datetime) -> list[Effect]:
        """Let time pass: holds and patience run out, what is suspected lasts, next words come due."""
        effects = self.court.hear(self.link.tick(now), now)
        if not self.blind:  # nothing lasts, and nobody's patience is spent, while nobody can see whether it still is so
            effects += self.court.hear(self.trunks.tick(now), now)
            effects += [AskTrunk(trunk) for trunk in self.trunks.questions(now)]
            effects += self.callers.tick(now)
            effects += self.court.hear(self.sites.tick(now), now)
        return effects + self.court.tick(now, blind=self.blind) + self._learn(now)

    def adopt(self, incident: Incident, now: datetime) -> None:
        """Take over an incident left open by an earlier run: its causes are as they were until they show otherwise."""
        for subject, sources in self.court.adopt(incident):
            for source, detector in self._of(subject).items():
                if source in sources:
                    detector.resume(now)

    def stand_by(self, order: Declaration | Report, now: datetime) -> None:
        """Take up again what was ordered before the companion stopped; what its incident says is stored already."""
        with suppress(Refused):  # the settings may have changed: there is no such subject any more
            if isinstance(order, Declaration):
                self.court.stand_by(order, now)
            else:
                self.court.report(order, now)

    def lost_sight(self, now: datetime, why: str) -> list[Effect]:
        """The link is down. Calls are kept: what has become of them is found out when it is up again."""
        self.blind = True
        for rhythm in self.rhythms.values():
            rhythm.skip(now)
        for subject in self.court.judges:
            for detector in self._of(subject).values():
                detector.lost_sight(now)
        return self.court.hear(self.link.lost(why, now), now)

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
        self.callers.lost_sight()
        self.trunks.lost_sight()
        for facts in self.tracker.resync_steps(snapshot, now, endings):
            yield self._follow(facts, now)
        self.callers.swallowed()
        self._reached.lost_sight()
        for event in snapshot:
            if type(event) is ev.ChannelCreated:
                yield self.callers.arrives(event.uniqueid, now)
        for rhythm in self.rhythms.values():
            rhythm.skip(now)  # the hour of a gap was not counted whole
        for event in snapshot:
            if type(event) in _OF_DEVICES:
                yield self._on_device(event, now)
        yield self.court.hear([*self.trunks.seen_again(snapshot, now), *self.link.regained(now)], now)
        self.blind = False

    def caller_in_vain(self, uniqueid: Uniqueid, now: datetime) -> list[Effect]:
        """The dialplan asks what to say to a caller whom nobody answered."""
        return self.callers.in_vain(uniqueid, now)

    def trunk_is_down(self, name: TrunkName) -> bool:
        return self.court.judges[Subject(Kind.TRUNK, name)].verdict is Verdict.DOWN

    def channels_on(self, trunk: TrunkName) -> int:
        """How many calls a trunk carries now, whoever's they are."""
        return sum(channel.endpoint == trunk for channel in self.tracker.channels.values())

    # ---- attempts: the calls we place

    def call_answered(self, fact: fa.Answered, now: datetime) -> list[Effect]:
        effects = self.callers.answered(fact, now)
        if is_attempt(fact.call):
            agent = next((d for d in map(device_of, (fact.by, fact.caller)) if self.callers.lines_of(d)), "")
            return [*effects, MovePromise(AttemptId(fact.call), Step.JOINED, f"talking with {agent or 'an agent'}")]
        return effects + self.callers.reached(fact, self._reached.number_of(fact))

    def dial_begun(self, event: ev.DialBegun, now: datetime) -> list[Effect]:
        """An agent whose phone begins to ring for a customer we called is shown who that is."""
        self._reached.dial_begun(event)
        call, target = self.tracker.call_of(event.target), self.tracker.channels.get(event.target)
        if call is None or target is None or not is_attempt(call.id):
            return self.callers.dial_begun(event, now)
        if not self.callers.lines_of(device_of(target.name)):
            return []
        return [PopScreen(AttemptId(call.id), "ringing", target.name)]

    def callback_came(self, event: ev.CallbackCame, _now: datetime) -> list[Effect]:
        """The dialplan says how far a call of ours came; how it ended is asked for once it has."""
        if not is_attempt(event.attempt):
            return []
        attempt, effects = AttemptId(event.attempt), list[Effect]()
        if (steps := MARKS.get(event.step)) is not None:
            effects.append(MovePromise(attempt, steps[-1], f"{event.step}, as the PBX says"))
        if event.step in ("agent", "joined"):
            effects.append(PopScreen(attempt, event.step, event.channel))
        return effects

    def call_ended(self, fact: fa.CallEnded, now: datetime) -> list[Effect]:
        """An attempt that ended unseen is asked about elsewhere."""
        if not is_attempt(fact.call):
            return self.callers.ended(fact, now)
        if fact.outcome is fa.CallOutcome.UNSEEN:
            return []
        end = _UNREACHED.get(fact.outcome) or unreached(fact.cause)
        return [MovePromise(AttemptId(fact.call), end, words(fact.cause))]

    def channel_state(self, event: ev.ChannelStateChanged, _now: datetime) -> list[Effect]:
        """An attempt's channel moves its promise; a place-holder's is no customer's."""
        if not is_attempt(event.uniqueid) or asks_agent_first(event.uniqueid):
            return []
        if event.state is ev.ChannelState.RINGING:
            return [MovePromise(AttemptId(event.uniqueid), Step.RANG, "ringing")]
        if event.state is ev.ChannelState.UP:
            return [MovePromise(AttemptId(event.uniqueid), Step.ANSWERED, "answered")]
        return []

    def originate_ended(self, event: ev.OriginateEnded, _now: datetime) -> list[Effect]:
        """Speaks for attempts that never had a channel; the hang-up of one that has tells why."""
        if event.answered or not is_attempt(event.uniqueid) or event.uniqueid in self.tracker.channels:
            return []
        return [MovePromise(AttemptId(event.uniqueid), Step.FAILED, "the PBX could not place the call")]

    # ----

    def device_changed(self, event: ev.DeviceChanged, now: datetime) -> list[Effect]:
        present = event.state is not ev.DeviceState.ABSENT
        effects = self.callers.device_changed(event, now)
        return effects + self.court.hear(self.sites.observe(event.device, now, present=present), now)

    def queue_joined(self, fact: fa.QueueJoined, now: datetime) -> list[Effect]:
        return self.callers.queue_joined(fact, now)

    def _of(self, subject: Subject) -> Mapping[Source, Detector]:
        """The detectors that testify about `subject`."""
        match subject.kind:
            case Kind.TRUNK:
                return self.trunks.detectors[TrunkName(subject.name)].by_source()
            case Kind.LINE:
                return self.callers.detectors[LineName(subject.name)].by_source()
            case Kind.SITE:
                return {Source.PHONES: self.sites.detectors[SiteName(subject.name)]}
            case Kind.TENANT:
                return {}
            case Kind.PBX:
                return {Source.LINK: self.link}

    def _follow(self, facts: Iterable[fa.Fact], now: datetime) -> list[Effect]:
        effects: list[Effect] = []
        for fact in facts:
            if (on_fact := _ON_FACT.get(type(fact))) is not None:
                effects += on_fact(self, fact, now)
        return effects

    def _of_trunks(self, event: ev.Event, now: datetime) -> list[Effect]:
        return self._testified(self.trunks.feed(event, now), now)

    def _testified(self, signals: list[Signal], now: datetime) -> list[Effect]:
        """Follow what was said of trunks."""
        if not signals:
            return []
        return self.court.hear(signals, now) + [AskTrunk(trunk) for trunk in self.trunks.questions(now)]

    def _on_device(self, event: ev.Event, now: datetime) -> list[Effect]:
        on_event = _ON_EVENT.get(type(event))
        return on_event(self, event, now) if on_event is not None else self._of_trunks(event, now)

    def _learn(self, now: datetime) -> list[Effect]:
        """With each full hour what was counted becomes knowledge; hours of sickness are no example of what is usual."""
        for incident in self.court.outages.open.values():
            for series in _series(incident):
                if (rhythm := self.rhythms.get(series)) is not None:
                    rhythm.skip(now)
        hour = int(now.timestamp()) // 3600
        if self._hour == hour:
            return []
        first, self._hour = self._hour is None, hour
        for rhythm in self.rhythms.values():
            rhythm.close(now)
        return [] if first else [KeepRhythms()]


def calls_in(trunk: str) -> str:
    """The series of calls that come in over a trunk."""
    return f"trunk/{trunk}/in"


def calls_out(trunk: str) -> str:
    """The series of calls that go out over a trunk."""
    return f"trunk/{trunk}/out"


def callers_of(line: str) -> str:
    """The series of callers of a line."""
    return f"line/{line}"


def _series(incident: Incident) -> Iterator[str]:
    """The series that an open incident makes unusual."""
    for cause in incident.causes:
        if cause.subject.kind is Kind.TRUNK:
            yield calls_in(cause.subject.name)
            yield calls_out(cause.subject.name)
    for line in incident.lines:
        yield callers_of(line)


_ON_EVENT: dict[type, Callable[[Watch, Any, datetime], list[Effect]]] = {
    ev.CallerIdChanged: lambda watch, event, now: watch.callers.caller_id_changed(event, now),
    ev.ChannelStateChanged: Watch.channel_state,
    ev.OriginateEnded: Watch.originate_ended,
    ev.CallbackCame: Watch.callback_came,
    ev.QueueMemberChanged: lambda watch, event, now: watch.callers.member_changed(event, now),
    ev.QueueMemberRemoved: lambda watch, event, now: watch.callers.member_removed(event, now),
    ev.AgentRangOut: lambda watch, event, now: watch.callers.agent_rang_out(event, now),
    ev.DeviceChanged: Watch.device_changed,
    ev.DialBegun: Watch.dial_begun,
    ev.DialEnded: lambda watch, event, now: watch.callers.dial_ended(event, now),
}
_ON_FACT: dict[type, Callable[[Watch, Any, datetime], list[Effect]]] = {
    fa.QueueJoined: Watch.queue_joined,
    fa.Answered: Watch.call_answered,
    fa.CallEnded: Watch.call_ended,
}
_OF_TRUNKS = frozenset(
    {
        ev.ChannelCreated,
        ev.DialBegun,
        ev.DialAlerted,
        ev.ChannelStateChanged,
        ev.ContactChanged,
        ev.RegistrationChanged,
    }
)
# What a snapshot holds beside calls and registrations.
_OF_DEVICES = frozenset({ev.ContactChanged, ev.QueueMemberChanged, ev.DeviceChanged})

_UNREACHED = {
    fa.CallOutcome.BUSY: Step.BUSY,
    fa.CallOutcome.REJECTED: Step.REFUSED,
}
