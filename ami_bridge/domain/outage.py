"""From verdicts to incidents: one incident for one cause, however many subjects it shows itself in.

What belongs together is `belonging`'s business; here it becomes one incident, is widened, recast, watched and ended.

Pure. What is to be done comes back as effects: the runner stores first and then tells the PBX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ami_bridge.domain import expecting
from ami_bridge.domain.announcement import next_word_after
from ami_bridge.domain.belonging import Belonging, explains, story_of
from ami_bridge.domain.effects import Effect, PushLine, ReleaseRestored, SaveIncident
from ami_bridge.domain.estate import Estate
from ami_bridge.domain.incident import EVIDENCE_KEPT, Cause, Incident, IncidentState, Story, change, lines_of
from ami_bridge.domain.names import IncidentId, LineName, TenantName
from ami_bridge.domain.orders import Declaration
from ami_bridge.domain.signal import Evidence, Kind, Source, Subject
from ami_bridge.domain.telling import Telling
from ami_bridge.domain.verdict import Verdict, VerdictChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageLimits:
    """How incidents are put together and told."""

    word_every: timedelta = timedelta(minutes=30)  # between two words to callers
    together: timedelta = timedelta(seconds=90)  # trunks and sites that fail so close to each other have one cause
    consequence: timedelta = timedelta(minutes=40)  # how long before and after a fault its consequences are looked for
    announce_suspected: bool = False  # callers are told of what is only suspected


@dataclass(slots=True)
class Outages:
    """The open incidents of one PBX."""

    estate: Estate
    limits: OutageLimits
    new_id: Callable[[], IncidentId]
    open: dict[IncidentId, Incident] = field(default_factory=dict)
    _belonging: Belonging = field(init=False)
    _telling: Telling = field(init=False)
    _of: dict[Subject, IncidentId] = field(default_factory=dict)  # causes, and what was found to be a consequence
    _good: set[Subject] = field(default_factory=set)  # causes that work again, for now
    _sure: set[IncidentId] = field(default_factory=set)  # those that were more than suspected at some time

    def __post_init__(self) -> None:
        self._belonging = Belonging(self.estate, self.limits.together, self.limits.consequence)
        self._telling = Telling(self.estate, self.limits.announce_suspected)

    def incident_of(self, subject: Subject) -> Incident | None:
        """The open incident that `subject` is a cause or a consequence in."""
        return self.open.get(self._of.get(subject, IncidentId("")))

    def subjects_of(self, id_: IncidentId) -> list[Subject]:
        """The causes of an incident that last, and its consequences."""
        return [subject for subject, of in self._of.items() if of == id_]

    def adopt(self, incident: Incident) -> None:
        """Take over an incident that was open when the companion stopped.

        The settings may have changed meanwhile: it touches the lines its causes touch now. One whose causes nobody is
        told about any more is closed with the next tick.
        """
        known = tuple(
            replace(cause, lines=lines, what=cause.what or self.estate.what(cause.subject))
            for cause in incident.causes
            if (lines := self.estate.lines_of(cause.subject))
        )
        self.open[incident.id] = replace(incident, causes=known, lines=lines_of(known))
        lasting = [cause.subject for cause in known if not cause.over]
        self._of.update(dict.fromkeys(lasting, incident.id))
        if incident.state is IncidentState.MONITORING:
            self._good.update(lasting)
        if incident.state in (IncidentState.IDENTIFIED, IncidentState.MONITORING):
            self._sure.add(incident.id)

    def name(self, order: Declaration) -> None:
        """An operator says how callers hear of a subject, and whether they do; until that declaration ends."""
        self._telling.declare(order)
        incident = self.incident_of(order.subject)
        if incident is not None and (cause := incident.cause_of(order.subject)) is not None:
            renamed = incident.with_cause(replace(cause, what=self._telling.what(order.subject)))
            self.open[incident.id] = replace(renamed, told=order.told)

    def lasting(self, order: Declaration, now: datetime) -> Incident | None:
        """The incident of what was declared, as the declaration wants it from now on."""
        incident = self.incident_of(order.subject)
        if incident is None:
            return None
        if order.expected is not None:
            incident = expecting.expect(incident, order.expected, order.by, now)
        incident = replace(incident, until=order.until, recording=self._telling.recording(incident))
        self.open[incident.id] = incident
        return incident

    def expect(self, id_: IncidentId, expected: datetime | None, by: str, now: datetime) -> list[Effect]:
        """An operator says when it should be fixed, or takes that back; raise Refused and change nothing."""
        incident = self.open[id_]
        named = expecting.expect(incident, expected, by, now)
        return [] if named == incident else self._keep(named, tell=True)

    def verdict(self, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """What follows from a subject's new verdict."""
        incident = self.incident_of(changed.subject)
        if incident is None:
            return self._found(changed, now) if changed.bad else []
        cause = incident.cause_of(changed.subject)
        if cause is None:
            return self._consequence(incident, changed, now)
        if changed.bad:
            return self._known(incident, cause, changed, now)
        if changed.verdict is Verdict.RECOVERING:
            return self._better(incident, changed, now)
        return self._over(incident, cause, changed, now)

    def tick(self, now: datetime) -> list[Effect]:
        """A next word that has come due is given: callers are never told a time that has passed."""
        effects: list[Effect] = []
        for incident in list(self.open.values()):
            if not incident.lasting():
                effects += self.end(incident.id, now, "not watched any more")
                continue
            due = expecting.passed(incident, now)
            if now >= due.next_word:
                due = replace(due, next_word=next_word_after(now, self.limits.word_every))
            if due is not incident:
                effects += self._keep(due, tell=True)
        return effects

    def move(self, id_: IncidentId, state: IncidentState, now: datetime, why: str, *, told: bool) -> list[Effect]:
        """An operator sets the state of an open incident; raise IllegalChange if that cannot be."""
        incident = self.open[id_]
        if incident.state is state and incident.told == told:
            return []
        said = Evidence(at=now, source=Source.OPERATOR, words=why)
        moved = replace(incident.with_word(said), state=state, changed=now)
        if state is not incident.state:
            moved = change(incident, state, now, said)
        return self._keep(replace(moved, told=told), tell=True)

    def end(self, id_: IncidentId, now: datetime, why: str, source: Source = Source.OPERATOR) -> list[Effect]:
        """The incident is over."""
        incident = self.open.pop(id_)
        self._belonging.passes(incident.lasting(), now)
        self._forget(self.subjects_of(id_))
        self._sure.discard(id_)
        said = Evidence(at=now, source=source, words=why)
        resolved = change(incident, IncidentState.RESOLVED, now, said)
        return [SaveIncident(resolved), *_push(resolved.lines), ReleaseRestored(resolved)]

    # ---- what is bad

    def _found(self, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """A subject is at fault that no open incident has: it belongs to one of them, or is a new one."""
        if not self.estate.lines_of(changed.subject):
            return []  # nobody is told about it: shown on the page, no outage for any caller
        larger = self._belonging.consequence_of(changed, self.open.values())
        if larger is not None:
            self._of[changed.subject] = larger.id
            return self._keep(larger.with_evidence(changed.news))
        if self._belonging.is_aftermath(changed, now):
            return []
        seen = [incident for incident in self.open.values() if not self._telling.is_declared(incident)]
        begun = self._belonging.consequences(changed, seen, now)
        declared = Source.OPERATOR in changed.sources
        same = None if declared else self._belonging.same_cause(changed, seen, now)
        if same is not None:
            incident = self._widened(same, changed, now)
        elif begun:
            incident = self._recast(begun.pop(0), changed, now)
        else:
            incident = self._new(changed, now)
        self._of[changed.subject] = incident.id
        effects = self._keep(incident, tell=True)
        for other in begun:
            effects += self._absorbed(other, incident, now)
        return effects

    def _consequence(self, incident: Incident, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """A consequence goes on, is over, or has become a fault of its own, which the incident does not explain."""
        if changed.verdict is Verdict.UP:
            del self._of[changed.subject]
        if not changed.bad:
            return []
        if explains(incident, changed):
            return self._update(incident, incident.with_evidence(changed.news))
        del self._of[changed.subject]
        return self._found(changed, now)

    def _known(self, incident: Incident, cause: Cause, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """More is known of a cause of an open incident."""
        self._good.discard(changed.subject)
        lapsed = self._telling.lapses(changed)
        now_known = self._telling.cause(changed)
        updated = incident.with_cause(replace(cause, what=now_known.what, sources=now_known.sources))
        story = story_of(changed)
        if len(incident.lasting()) > 1 and story is not Story.OUTAGE:
            story = incident.story  # the other causes have their say
        updated = replace(
            updated.with_evidence(changed.news),
            story=story,
            told=self._telling.is_told(changed, incident),
            until=None if lapsed else incident.until,
            recording=self._telling.recording(incident) if lapsed else incident.recording,
        )
        return self._update(incident, self._worse(updated, changed, now))

    def _new(self, changed: VerdictChanged, now: datetime) -> Incident:
        cause = self._telling.cause(changed)
        return Incident(
            id=self.new_id(),
            pbx=self.estate.pbx,
            tenants=self.estate.tenants_of(cause.lines),
            causes=(cause,),
            lines=cause.lines,
            story=story_of(changed),
            what=cause.what,
            told=self._telling.is_told(changed),
            state=IncidentState.IDENTIFIED if changed.verdict is Verdict.DOWN else IncidentState.SUSPECTED,
            since=changed.since,
            changed=now,
            next_word=next_word_after(now, self.limits.word_every),
            evidence=changed.news[-EVIDENCE_KEPT:],
        )

    def _widened(self, incident: Incident, changed: VerdictChanged, now: datetime) -> Incident:
        """`incident` with one more cause; sure if either is."""
        wider = incident.with_evidence(changed.news).with_cause(self._telling.cause(changed))
        wider = replace(
            wider,
            tenants=self._tenants(incident, wider.lines),
            told=self._telling.is_told(changed, incident),
            since=min(incident.since, changed.since),
        )
        return self._worse(wider, changed, now)

    def _recast(self, incident: Incident, changed: VerdictChanged, now: datetime) -> Incident:
        """`incident`, opened for what it did to callers, now that its cause is known; promises hang on its name."""
        self._good.difference_update(cause.subject for cause in incident.causes)
        cause = self._telling.cause(changed)
        known = replace(
            incident.with_evidence(changed.news),
            causes=(cause,),
            lines=cause.lines,
            tenants=self._tenants(incident, cause.lines),
            story=story_of(changed),
            what=cause.what,
            told=self._telling.is_told(changed, incident),
            changed=now,
        )
        return self._worse(known, changed, now)

    def _absorbed(self, incident: Incident, by: Incident, now: datetime) -> list[Effect]:
        """`incident` turned out to be part of another."""
        subjects = self.subjects_of(incident.id)
        effects = self.end(incident.id, now, "part of a larger outage, which is told instead")
        self._of.update(dict.fromkeys(subjects, by.id))
        return effects

    def _worse(self, incident: Incident, changed: VerdictChanged, now: datetime) -> Incident:
        """In the state that follows from one of its causes being bad; nothing becomes less sure than it was."""
        state = incident.state
        if changed.verdict is Verdict.DOWN or (state is IncidentState.MONITORING and incident.id in self._sure):
            state = state if state is IncidentState.INVESTIGATING else IncidentState.IDENTIFIED
        elif state is IncidentState.MONITORING:
            state = IncidentState.SUSPECTED
        return incident if state is incident.state else change(incident, state, now)

    # ---- what is good again

    def _better(self, incident: Incident, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """One cause works again, for now; the incident is watched when all of them do."""
        self._good.add(changed.subject)
        return self._update(incident, self._watched(incident.with_evidence(changed.news), now))

    def _over(self, incident: Incident, cause: Cause, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """One cause is stable again: its callers are not told any more, and with the last of them it is over."""
        updated = incident.with_evidence(changed.news).with_cause(replace(cause, over=True))
        self._belonging.passes([cause], now)
        if not updated.lasting():
            self.open[incident.id] = updated
            source = changed.news[-1].source if changed.news else _source(incident)
            return self.end(incident.id, now, "stable again", source)
        touched = {Subject(Kind.LINE, line) for line in cause.lines}  # what is seen there is to be explained anew
        self._forget(
            subject
            for subject in self.subjects_of(incident.id)
            if subject == cause.subject or (subject in touched and incident.cause_of(subject) is None)
        )
        if not self._telling.is_declared(updated):
            updated = replace(updated, until=None)
        updated = replace(updated, recording=self._telling.recording(updated))
        return [*self._keep(self._watched(updated, now)), *_push(incident.lines)]

    def _watched(self, incident: Incident, now: datetime) -> Incident:
        """As it is, or watched from now on when all of its causes work again."""
        good = all(cause.subject in self._good for cause in incident.lasting())
        if not good or incident.state is IncidentState.MONITORING:
            return incident
        return change(incident, IncidentState.MONITORING, now)

    # ---- shared

    def _tenants(self, incident: Incident, lines: Iterable[LineName]) -> tuple[TenantName, ...]:
        return tuple(dict.fromkeys((*incident.tenants, *self.estate.tenants_of(lines))))

    def _update(self, before: Incident, after: Incident) -> list[Effect]:
        """Keep what has changed, and tell callers if that changes what they hear."""
        if after == before:
            return []
        heard = [(i.state, i.told, i.story, i.what, i.lines, i.recording) for i in (before, after)]
        return self._keep(after, tell=heard[0] != heard[1])

    def _keep(self, incident: Incident, *, tell: bool = False) -> list[Effect]:
        self.open[incident.id] = incident
        if incident.state is IncidentState.IDENTIFIED:
            self._sure.add(incident.id)
        return [SaveIncident(incident), *(_push(incident.lines) if tell else [])]

    def _forget(self, subjects: Iterable[Subject]) -> None:
        for subject in subjects:
            self._of.pop(subject, None)
            self._good.discard(subject)
            self._telling.forget([subject])


def _source(incident: Incident) -> Source:
    return incident.evidence[-1].source if incident.evidence else Source.OPERATOR


def _push(lines: Iterable[LineName]) -> list[Effect]:
    return [PushLine(line) for line in lines]
