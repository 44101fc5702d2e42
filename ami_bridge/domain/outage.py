"""From verdicts to incidents: one incident for one cause, however many subjects it shows itself in.

Three rules make one of what belongs together. What strikes trunks and sites of a PBX in the same moment is one cause.
What a cause does to the lines it touches (more callers, longer waits, callers who give up) is its consequence and
becomes evidence, whichever of the two was seen first. And a surge on several lines of one tenant is one surge.

Pure. What is to be done comes back as effects: the runner stores first and then tells the PBX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ami_bridge.domain.announcement import next_word_after
from ami_bridge.domain.effects import Effect, PushLine, ReleaseRestored, SaveIncident
from ami_bridge.domain.estate import Estate
from ami_bridge.domain.incident import Cause, Incident, IncidentState, Story, change
from ami_bridge.domain.names import IncidentId, LineName
from ami_bridge.domain.signal import Evidence, Kind, Source, Subject
from ami_bridge.domain.verdict import Verdict, VerdictChanged

EVIDENCE_KEPT = 100  # lines an incident collects; one that flaps for days says the same again and again

# What a fault elsewhere does to a line. Agents are missing for a reason of their own, unless their phones are.
_CONSEQUENCES = frozenset({Source.SURGE, Source.WAITING, Source.ABANDONS, Source.UNANSWERED})
_OF_MISSING_PHONES = _CONSEQUENCES | {Source.AGENTS, Source.RINGING}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageLimits:
    """How incidents are put together and told."""

    word_every: timedelta = timedelta(minutes=30)  # between two words to callers
    together: timedelta = timedelta(seconds=30)  # trunks and sites that fail within this time have one cause
    consequence: timedelta = timedelta(minutes=15)  # how long before and after a fault its consequences are looked for
    announce_suspected: bool = False  # callers are told of what is only suspected


@dataclass(slots=True)
class Outages:
    """The open incidents of one PBX."""

    estate: Estate
    limits: OutageLimits
    new_id: Callable[[], IncidentId]
    open: dict[IncidentId, Incident] = field(default_factory=dict)
    _of: dict[Subject, IncidentId] = field(default_factory=dict)  # causes, and what was found to be a consequence
    _named: dict[Subject, tuple[str, bool]] = field(default_factory=dict)  # declared: in whose words, whether told
    _good: set[Subject] = field(default_factory=set)  # causes that work again, for now

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
            replace(cause, lines=self.estate.lines_of(cause.subject))
            for cause in incident.causes
            if cause.subject in self.estate.touched
        )
        self.open[incident.id] = replace(incident, causes=known, lines=_lines(known))
        self._of.update({cause.subject: incident.id for cause in known if not cause.over})

    def name(self, subject: Subject, what: str, *, told: bool) -> None:
        """An operator says how callers hear of `subject`, and whether they do; until its incident ends."""
        self._named[subject] = (what or self.estate.what(subject), told)
        incident = self.incident_of(subject)
        if incident is not None:
            self.open[incident.id] = replace(incident, what=self._named[subject][0], told=told)

    def lasting(self, subject: Subject, until: datetime) -> Incident | None:
        """The incident of `subject`, which was declared and lasts `until` then if nobody renews that."""
        incident = self.incident_of(subject)
        if incident is not None:
            incident = self.open[incident.id] = replace(incident, until=until)
        return incident

    def verdict(self, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """What follows from a subject's new verdict."""
        if changed.bad:
            self._good.discard(changed.subject)
            incident = self.incident_of(changed.subject)
            return self._known(incident, changed, now) if incident else self._found(changed, now)
        incident = self.incident_of(changed.subject)
        if incident is None:
            return []
        if changed.subject not in {cause.subject for cause in incident.causes}:
            if changed.verdict is Verdict.UP:
                del self._of[changed.subject]  # a consequence that is over; its fault may not be
            return []
        if changed.verdict is Verdict.RECOVERING:
            return self._better(incident, changed, now)
        return self._over(incident, changed, now)

    def tick(self, now: datetime) -> list[Effect]:
        """A next word that has come due is given: callers are never told a time that has passed."""
        effects: list[Effect] = []
        for incident in list(self.open.values()):
            if not incident.causes:
                effects += self.end(incident.id, now, "not watched any more")
            elif now >= incident.next_word:
                effects += self._keep(
                    replace(incident, next_word=next_word_after(now, self.limits.word_every)), tell=True
                )
        return effects

    def move(self, id_: IncidentId, state: IncidentState, now: datetime, why: str, *, told: bool) -> list[Effect]:
        """An operator sets the state of an open incident; raise IllegalChange if that cannot be."""
        incident = self.open[id_]
        if incident.state is state and incident.told == told:
            return []
        said = Evidence(at=now, source=Source.OPERATOR, words=why)
        moved = replace(incident, state=state, changed=now, evidence=(*incident.evidence, said))
        if state is not incident.state:
            moved = change(incident, state, now, said)
        return self._keep(replace(moved, told=told), tell=True)

    def end(self, id_: IncidentId, now: datetime, why: str, source: Source = Source.OPERATOR) -> list[Effect]:
        """The incident is over."""
        incident = self.open.pop(id_)
        for subject in self.subjects_of(id_):
            del self._of[subject]
            self._named.pop(subject, None)
            self._good.discard(subject)
        said = Evidence(at=now, source=source, words=why)
        resolved = change(incident, IncidentState.RESOLVED, now, said)
        return [SaveIncident(resolved), *_push(resolved.lines), ReleaseRestored(resolved)]

    # ---- what is bad

    def _known(self, incident: Incident, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """More is known of a subject whose incident is open."""
        updated = _with(incident, changed.news)
        if changed.subject not in {cause.subject for cause in incident.causes}:
            return self._keep(updated) if updated is not incident else []
        sure = changed.verdict is Verdict.DOWN
        state = incident.state
        if state is IncidentState.MONITORING or (state is IncidentState.SUSPECTED and sure):
            state = IncidentState.IDENTIFIED if sure else IncidentState.SUSPECTED
        if state is incident.state:
            return self._keep(updated) if updated is not incident else []
        told = updated.told or self._is_told(changed)
        story = self._story(changed) if incident.state is IncidentState.SUSPECTED else incident.story
        return self._keep(replace(change(updated, state, now), told=told, story=story), tell=True)

    def _found(self, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """A subject is at fault that no open incident has: it belongs to one of them, or is a new one."""
        lines = self.estate.lines_of(changed.subject)
        if not lines:
            return []  # nobody is told about it: shown on the page, no outage for any caller
        if (cause := self._consequence_of(changed, now)) is not None:
            self._of[changed.subject] = cause.id
            return self._keep(_with(cause, changed.news))
        if (same := self._same_cause(changed, now)) is not None:
            self._of[changed.subject] = same.id
            return self._keep(self._widened(same, changed, now), tell=True)
        effects: list[Effect] = []
        begun = self._consequences(changed, now)
        if begun:
            oldest, *others = begun
            for other in others:
                effects += self._absorbed(other, oldest, now)
            incident = self._recast(oldest, changed, now)
        else:
            incident = self._new(changed, now)
        self._of[changed.subject] = incident.id
        return effects + self._keep(incident, tell=True)

    def _consequence_of(self, changed: VerdictChanged, now: datetime) -> Incident | None:
        """The open incident whose doing this is: what it does to callers shows on a line it touches."""
        if changed.subject.kind is not Kind.LINE:
            return None
        line = LineName(changed.subject.name)
        for incident in self.open.values():
            recent = incident.state is not IncidentState.MONITORING or now - incident.changed < self.limits.consequence
            if line in incident.lines and recent and changed.sources <= _explained(incident):
                return incident
        return None

    def _consequences(self, changed: VerdictChanged, now: datetime) -> list[Incident]:
        """The open incidents that, now that `changed` is known, turn out to be its doing; the oldest first."""
        if changed.subject.kind is Kind.LINE:
            return []
        lines, doing = set(self.estate.lines_of(changed.subject)), _doing(changed.subject.kind)
        found = [
            incident
            for incident in self.open.values()
            if now - incident.since < self.limits.consequence
            and all(cause.subject.kind is Kind.LINE for cause in incident.causes)
            and lines.issuperset(incident.lines)
            and {evidence.source for evidence in incident.evidence} <= doing
        ]
        return sorted(found, key=lambda incident: incident.since)

    def _same_cause(self, changed: VerdictChanged, now: datetime) -> Incident | None:
        """The open incident that has the same cause: begun in the same moment, or the same tenant's surge."""
        kind, story = changed.subject.kind, self._story(changed)
        tenants = set(self.estate.tenants_of(self.estate.lines_of(changed.subject)))
        for incident in self.open.values():
            kinds = {cause.subject.kind for cause in incident.causes}
            if kind is Kind.LINE:
                near = self.limits.consequence if story is Story.SURGE else self.limits.together
                same = kinds == {Kind.LINE} and incident.story is story and bool(tenants & set(incident.tenants))
            else:
                near = self.limits.together
                same = not kinds & {Kind.LINE} and incident.story is story and not self._is_declared(incident)
            if same and abs(changed.since - incident.since) <= near and now - incident.since <= near * 4:
                return incident
        return None

    def _is_declared(self, incident: Incident) -> bool:
        return any(cause.subject in self._named for cause in incident.causes)

    def _new(self, changed: VerdictChanged, now: datetime) -> Incident:
        cause = self._cause(changed)
        what, _told = self._named.get(changed.subject, (self.estate.what(changed.subject), True))
        return Incident(
            id=self.new_id(),
            pbx=self.estate.pbx,
            tenants=self.estate.tenants_of(cause.lines),
            causes=(cause,),
            lines=cause.lines,
            story=self._story(changed),
            what=what,
            told=self._is_told(changed),
            state=_state(changed),
            since=changed.since,
            changed=now,
            next_word=next_word_after(now, self.limits.word_every),
            evidence=changed.news[-EVIDENCE_KEPT:],
        )

    def _widened(self, incident: Incident, changed: VerdictChanged, now: datetime) -> Incident:
        """`incident` with one more cause; sure if either is."""
        causes = (*incident.causes, self._cause(changed))
        lines = _lines(causes)
        wider = replace(
            _with(incident, changed.news),
            causes=causes,
            lines=lines,
            tenants=tuple(dict.fromkeys((*incident.tenants, *self.estate.tenants_of(lines)))),
            told=incident.told or self._is_told(changed),
            since=min(incident.since, changed.since),
        )
        sure = changed.verdict is Verdict.DOWN
        return change(wider, IncidentState.IDENTIFIED, now) if sure and wider.state in _UNSURE else wider

    def _recast(self, incident: Incident, changed: VerdictChanged, now: datetime) -> Incident:
        """`incident`, opened for what it did to callers, now that its cause is known; promises hang on its name."""
        cause = self._cause(changed)
        known = replace(
            _with(incident, changed.news),
            causes=(cause,),
            lines=cause.lines,
            tenants=self.estate.tenants_of(cause.lines),
            story=self._story(changed),
            what=self.estate.what(changed.subject),
            told=incident.told or self._is_told(changed),
            changed=now,
        )
        state = _state(changed)
        return change(known, state, now) if state is not known.state and known.state in _UNSURE else known

    def _absorbed(self, incident: Incident, by: Incident, now: datetime) -> list[Effect]:
        """`incident` turned out to be part of another."""
        subjects = self.subjects_of(incident.id)
        effects = self.end(incident.id, now, "part of a larger outage, which is told instead", Source.OPERATOR)
        self._of.update(dict.fromkeys(subjects, by.id))
        return effects

    # ---- what is good again

    def _better(self, incident: Incident, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """One cause works again, for now; the incident is watched when all of them do."""
        self._good.add(changed.subject)
        updated = _with(incident, changed.news)
        if incident.state is IncidentState.MONITORING or not self._all_good(incident):
            return self._keep(updated) if updated is not incident else []
        return self._keep(change(updated, IncidentState.MONITORING, now), tell=True)

    def _over(self, incident: Incident, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """One cause is stable again: its callers are not told any more, and with the last of them it is over."""
        self._good.discard(changed.subject)
        del self._of[changed.subject]
        causes = tuple(
            replace(cause, over=True) if cause.subject == changed.subject else cause for cause in incident.causes
        )
        updated = replace(_with(incident, changed.news), causes=causes)
        if all(cause.over for cause in causes):
            self.open[incident.id] = updated
            source = changed.news[-1].source if changed.news else _source(incident)
            return self.end(incident.id, now, "stable again", source)
        updated = replace(updated, lines=_lines(causes))
        if self._all_good(updated) and updated.state is not IncidentState.MONITORING:
            updated = change(updated, IncidentState.MONITORING, now)
        return [*self._keep(updated), *_push(incident.lines)]

    def _all_good(self, incident: Incident) -> bool:
        return all(cause.over or cause.subject in self._good for cause in incident.causes)

    # ---- shared

    def _cause(self, changed: VerdictChanged) -> Cause:
        return Cause(subject=changed.subject, since=changed.since, lines=self.estate.lines_of(changed.subject))

    def _is_told(self, changed: VerdictChanged) -> bool:
        """Not being watched is no outage of anybody's; what is only suspected is told where the settings say so."""
        if changed.subject in self._named:
            return self._named[changed.subject][1]
        if changed.sources == {Source.LINK}:
            return False
        return changed.verdict is Verdict.DOWN or self.limits.announce_suspected

    def _story(self, changed: VerdictChanged) -> Story:
        sources = changed.sources
        if changed.subject.kind is Kind.LINE and not sources & {Source.OPERATOR, Source.WEBHOOK}:
            return Story.SURGE if Source.SURGE in sources and Source.AGENTS not in sources else Story.UNANSWERED
        return Story.AUDIO if sources == {Source.AUDIO} else Story.OUTAGE

    def _keep(self, incident: Incident, *, tell: bool = False) -> list[Effect]:
        self.open[incident.id] = incident
        return [SaveIncident(incident), *(_push(incident.lines) if tell else [])]


_UNSURE = (IncidentState.SUSPECTED, IncidentState.MONITORING)


def _state(changed: VerdictChanged) -> IncidentState:
    return IncidentState.IDENTIFIED if changed.verdict is Verdict.DOWN else IncidentState.SUSPECTED


def _doing(kind: Kind) -> frozenset[Source]:
    """What a fault of such a subject does to lines."""
    return _CONSEQUENCES if kind is Kind.TRUNK else _OF_MISSING_PHONES


def _explained(incident: Incident) -> frozenset[Source]:
    kinds = {cause.subject.kind for cause in incident.causes} - {Kind.LINE}
    return frozenset().union(*(_doing(kind) for kind in kinds))


def _with(incident: Incident, news: Iterable[Evidence]) -> Incident:
    """`incident` with the news that it does not have yet; the same object when there are none."""
    said = {(evidence.source, evidence.words) for evidence in incident.evidence[-10:]}
    new = tuple(evidence for evidence in news if (evidence.source, evidence.words) not in said)
    room = EVIDENCE_KEPT - len(incident.evidence)
    return replace(incident, evidence=incident.evidence + new[:room]) if new and room > 0 else incident


def _lines(causes: Iterable[Cause]) -> tuple[LineName, ...]:
    return tuple(dict.fromkeys(line for cause in causes if not cause.over for line in cause.lines))


def _source(incident: Incident) -> Source:
    return incident.evidence[-1].source if incident.evidence else Source.OPERATOR


def _push(lines: Iterable[LineName]) -> list[Effect]:
    return [PushLine(line) for line in lines]
