"""From verdicts to incidents: one incident for one cause, however many subjects it shows itself in.

What belongs together is `belonging`'s business; here it becomes one incident, is widened, recast, watched and ended.
The `casebook` keeps what is open, and `bulletins` says more about it as time passes and people speak.

Pure. What is to be done comes back as effects: the runner stores first and then tells the PBX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ami_bridge.domain.announcement import next_word_after
from ami_bridge.domain.belonging import Belonging, explains, story_of
from ami_bridge.domain.casebook import Casebook, push, source_of
from ami_bridge.domain.effects import Effect
from ami_bridge.domain.estate import Estate
from ami_bridge.domain.incident import EVIDENCE_KEPT, Cause, Incident, IncidentState, Story, change
from ami_bridge.domain.names import IncidentId, LineName, TenantName
from ami_bridge.domain.signal import Kind, Source, Subject
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
    cases: Casebook = field(init=False)

    def __post_init__(self) -> None:
        self.cases = Casebook(
            self.estate,
            Belonging(self.estate, self.limits.together, self.limits.consequence),
            Telling(self.estate, self.limits.announce_suspected),
        )

    @property
    def open(self) -> Mapping[IncidentId, Incident]:
        """The incidents that are."""
        return self.cases.open

    def verdict(self, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """What follows from a subject's new verdict."""
        incident = self.cases.incident_of(changed.subject)
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

    # ---- what is bad

    def _found(self, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """A subject is at fault that no open incident has: it belongs to one of them, or is a new one."""
        if not self.estate.lines_of(changed.subject):
            return []  # nobody is told about it: shown on the page, no outage for any caller
        larger = self.cases.belonging.consequence_of(changed, self.cases.open.values())
        if larger is not None:
            self.cases.of[changed.subject] = larger.id
            return self.cases.keep(larger.with_evidence(changed.news))
        if self.cases.belonging.is_aftermath(changed, now):
            return []
        seen = [incident for incident in self.cases.open.values() if not self.cases.telling.is_declared(incident)]
        begun = self.cases.belonging.consequences(changed, seen, now)
        declared = Source.OPERATOR in changed.sources
        same = None if declared else self.cases.belonging.same_cause(changed, seen, now)
        if same is not None:
            incident = self._widened(same, changed, now)
        elif begun:
            incident = self._recast(begun.pop(0), changed, now)
        else:
            incident = self._new(changed, now)
        self.cases.of[changed.subject] = incident.id
        effects = self.cases.keep(incident, tell=True)
        for other in begun:
            effects += self._absorbed(other, incident, now)
        return effects

    def _consequence(self, incident: Incident, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """A consequence goes on, is over, or has become a fault of its own, which the incident does not explain."""
        if changed.verdict is Verdict.UP:
            del self.cases.of[changed.subject]
        if not changed.bad:
            return []
        if explains(incident, changed):
            return self.cases.update(incident, incident.with_evidence(changed.news))
        del self.cases.of[changed.subject]
        return self._found(changed, now)

    def _known(self, incident: Incident, cause: Cause, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """More is known of a cause of an open incident."""
        self.cases.good.discard(changed.subject)
        lapsed = self.cases.telling.lapses(changed)
        now_known = self.cases.telling.cause(changed)
        updated = incident.with_cause(replace(cause, what=now_known.what, sources=now_known.sources))
        story = story_of(changed)
        if len(incident.lasting()) > 1 and story is not Story.OUTAGE:
            story = incident.story  # the other causes have their say
        updated = replace(
            updated.with_evidence(changed.news),
            story=story,
            told=self.cases.telling.is_told(changed, incident),
            until=None if lapsed else incident.until,
            recording=self.cases.telling.recording(incident) if lapsed else incident.recording,
        )
        return self.cases.update(incident, self._worse(updated, changed, now))

    def _new(self, changed: VerdictChanged, now: datetime) -> Incident:
        cause = self.cases.telling.cause(changed)
        return Incident(
            id=self.new_id(),
            pbx=self.estate.pbx,
            tenants=self.estate.tenants_of(cause.lines),
            causes=(cause,),
            lines=cause.lines,
            story=story_of(changed),
            what=cause.what,
            told=self.cases.telling.is_told(changed),
            state=IncidentState.IDENTIFIED if changed.verdict is Verdict.DOWN else IncidentState.SUSPECTED,
            since=changed.since,
            changed=now,
            next_word=next_word_after(now, self.limits.word_every),
            evidence=changed.news[-EVIDENCE_KEPT:],
        )

    def _widened(self, incident: Incident, changed: VerdictChanged, now: datetime) -> Incident:
        """`incident` with one more cause; sure if either is."""
        wider = incident.with_evidence(changed.news).with_cause(self.cases.telling.cause(changed))
        wider = replace(
            wider,
            tenants=self._tenants(incident, wider.lines),
            told=self.cases.telling.is_told(changed, incident),
            since=min(incident.since, changed.since),
        )
        return self._worse(wider, changed, now)

    def _recast(self, incident: Incident, changed: VerdictChanged, now: datetime) -> Incident:
        """`incident`, opened for what it did to callers, now that its cause is known; promises hang on its name."""
        self.cases.good.difference_update(cause.subject for cause in incident.causes)
        cause = self.cases.telling.cause(changed)
        known = replace(
            incident.with_evidence(changed.news),
            causes=(cause,),
            lines=cause.lines,
            tenants=self._tenants(incident, cause.lines),
            story=story_of(changed),
            what=cause.what,
            told=self.cases.telling.is_told(changed, incident),
            changed=now,
        )
        return self._worse(known, changed, now)

    def _absorbed(self, incident: Incident, by: Incident, now: datetime) -> list[Effect]:
        """`incident` turned out to be part of another."""
        subjects = self.cases.subjects_of(incident.id)
        effects = self.cases.end(incident.id, now, "part of a larger outage, which is told instead")
        self.cases.of.update(dict.fromkeys(subjects, by.id))
        return effects

    def _worse(self, incident: Incident, changed: VerdictChanged, now: datetime) -> Incident:
        """In the state that follows from one of its causes being bad; nothing becomes less sure than it was."""
        state = incident.state
        if changed.verdict is Verdict.DOWN or (state is IncidentState.MONITORING and incident.id in self.cases.sure):
            state = state if state is IncidentState.INVESTIGATING else IncidentState.IDENTIFIED
        elif state is IncidentState.MONITORING:
            state = IncidentState.SUSPECTED
        return incident if state is incident.state else change(incident, state, now)

    # ---- what is good again

    def _better(self, incident: Incident, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """One cause works again, for now; the incident is watched when all of them do."""
        self.cases.good.add(changed.subject)
        self.cases.telling.hush(changed)
        better = replace(incident.with_evidence(changed.news), recording=self.cases.telling.recording(incident))
        return self.cases.update(incident, self._watched(better, now))

    def _over(self, incident: Incident, cause: Cause, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """One cause is stable again: its callers are not told any more, and with the last of them it is over."""
        updated = incident.with_evidence(changed.news).with_cause(replace(cause, over=True))
        self.cases.belonging.passes([cause], now)
        if not updated.lasting():
            self.cases.open[incident.id] = updated
            source = changed.news[-1].source if changed.news else source_of(incident)
            return self.cases.end(incident.id, now, "stable again", source)
        touched = {Subject(Kind.LINE, line) for line in cause.lines}  # what is seen there is to be explained anew
        self.cases.forget(
            subject
            for subject in self.cases.subjects_of(incident.id)
            if subject == cause.subject or (subject in touched and incident.cause_of(subject) is None)
        )
        if not self.cases.telling.is_declared(updated):
            updated = replace(updated, until=None)
        updated = replace(updated, recording=self.cases.telling.recording(updated))
        return [*self.cases.keep(self._watched(updated, now)), *push(incident.lines)]

    def _watched(self, incident: Incident, now: datetime) -> Incident:
        """As it is, or watched from now on when all of its causes work again."""
        good = all(cause.subject in self.cases.good for cause in incident.lasting())
        if not good or incident.state is IncidentState.MONITORING:
            return incident
        return change(incident, IncidentState.MONITORING, now)

    def _tenants(self, incident: Incident, lines: Iterable[LineName]) -> tuple[TenantName, ...]:
        return tuple(dict.fromkeys((*incident.tenants, *self.estate.tenants_of(lines))))
