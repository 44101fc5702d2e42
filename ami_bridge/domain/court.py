"""Where testimonies are heard: a judge for each subject, the incidents that follow, and what people order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ami_bridge.domain import expecting
from ami_bridge.domain.bulletins import Bulletins
from ami_bridge.domain.detectors.declared import Declared
from ami_bridge.domain.effects import Effect, PushLine, SaveIncident
from ami_bridge.domain.incident import IllegalChange, Incident, IncidentState
from ami_bridge.domain.names import IncidentId, LineName, MaintenanceId
from ami_bridge.domain.orders import Declaration, Maintenance, Refused, Report
from ami_bridge.domain.outage import Outages
from ami_bridge.domain.signal import Kind, Signal, Source, Subject
from ami_bridge.domain.verdict import Judge, Verdict, VerdictChanged

# What is ordered stands by itself over a restart, and attendance begins anew: neither is what an earlier run has seen.
_NOT_RESUMED = frozenset({Source.OPERATOR, Source.WEBHOOK, Source.UNANSWERED})
_RESUMED = {IncidentState.SUSPECTED: Verdict.SUSPECT, IncidentState.MONITORING: Verdict.RECOVERING}


@dataclass(slots=True)
class Court:
    """The verdicts on all subjects of one PBX."""

    judges: Mapping[Subject, Judge]
    outages: Outages
    off: frozenset[Source] = frozenset()  # witnesses that are not heard
    declared: Declared = field(default_factory=Declared)
    works: dict[MaintenanceId, Maintenance] = field(default_factory=dict)  # planned or running
    bulletins: Bulletins = field(init=False)
    _restless: set[Subject] = field(default_factory=set)  # for whom time alone may change something
    _running: set[MaintenanceId] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.bulletins = Bulletins(self.outages.cases, self.outages.limits.word_every)

    def is_restless(self, subject: Subject) -> bool:
        """Whether a verdict other than up stands about `subject`, or may soon."""
        return subject in self._restless

    def hear(self, signals: Iterable[Signal], now: datetime) -> list[Effect]:
        """Take testimonies given at `now`."""
        effects: list[Effect] = []
        for signal in signals:
            judge = self.judges.get(signal.subject)
            if judge is not None and signal.source not in self.off:
                effects += self._follow(judge, judge.hear(signal, now), now)
        return effects

    def tick(self, now: datetime, *, blind: bool = False) -> list[Effect]:
        """Let time pass: holds, suspicions, declarations, planned work, next words.

        While the PBX cannot be seen, nothing counts as having lasted, save that it cannot be seen.
        """
        effects = self.hear(self.declared.tick(now), now) + self._work(now)
        for subject in list(self._restless):
            judge = self.judges[subject]
            if blind and subject.kind is not Kind.PBX:
                judge.not_seen(now)
                continue
            changes = judge.tick(now)
            if not changes and judge.bad and self.outages.cases.incident_of(subject) is None:
                changes = [judge.stated(now)]  # what explained it so far (work, an outage) may not do so any more
            effects += self._follow(judge, changes, now)
        return effects + self.bulletins.tick(now)

    def adopt(self, incident: Incident) -> list[tuple[Subject, frozenset[Source]]]:
        """Take over an incident left open by an earlier run; return who had testified, to be asked to go on from there.

        Its subjects are as they were until those sources say otherwise.
        """
        self.outages.cases.adopt(incident)
        resumed = []
        for cause in incident.lasting():
            judge = self.judges.get(cause.subject)
            if judge is None:
                continue
            mine = frozenset(cause.sources) - _NOT_RESUMED - self.off
            verdict = _RESUMED.get(incident.state, Verdict.DOWN)
            if verdict is Verdict.RECOVERING:
                mine = frozenset()  # they had been good already
            judge.resume(incident.evidence, cause.since, verdict, mine)
            self._restless.add(cause.subject)
            resumed.append((cause.subject, mine))
        return resumed

    # ---- orders

    def check(self, order: Declaration | Report | Maintenance, now: datetime) -> None:
        """Raise Refused for an order that cannot be carried out; nothing is changed."""
        if order.subject not in self.judges:
            raise Refused(f"there is no {order.subject} on the PBX {order.pbx}; the settings name all there are")
        match order:
            case Declaration() if not self.outages.estate.lines_of(order.subject):
                raise Refused(f"no line's callers are told about {order.subject}; name it in a line's settings first")
            case Declaration() if order.until <= now:
                raise Refused("the outage would be over already; declare it for at least a minute")
            case Declaration():
                expecting.check(order.expected, now)
                if order.expected is not None and order.expected > order.until:
                    raise Refused("the outage would be over before it should be fixed; declare it for longer")
            case Maintenance() if order.end <= max(order.begin, now):
                raise Refused("the work would end before it begins, or has ended already; mend its times")
            case _:
                pass

    def declare(self, order: Declaration, now: datetime) -> tuple[Incident, list[Effect]]:
        """An operator knows of an outage; raise Refused as `check` does."""
        self.check(order, now)
        signals = self.declared.declare(order, now)
        self.bulletins.name(order)
        effects = self.hear(signals, now)
        incident = self.bulletins.lasting(order, now)
        if incident is None:
            raise Refused(f"{order.subject} cannot be declared out of order now")
        return incident, [*effects, SaveIncident(incident), *(PushLine(line) for line in incident.lines)]

    def stand_by(self, order: Declaration, now: datetime) -> tuple[Incident, list[Effect]]:
        """Take up what an earlier run was told. When it should be fixed was named since, maybe: its incident knows."""
        stale = order.expected is not None and order.expected <= now
        named = self.outages.cases.incident_of(order.subject) is not None
        return self.declare(replace(order, expected=None) if stale or named else order, now)

    def expect(self, id_: IncidentId, expected: datetime | None, by: str, now: datetime) -> list[Effect]:
        """An operator says when an incident should be fixed, or takes that back; raise Refused, and change nothing."""
        return self.bulletins.expect(self._open(id_).id, expected, by, now)

    def report(self, order: Report, now: datetime) -> list[Effect]:
        """Take what another system says; raise Refused as `check` does."""
        self.check(order, now)
        return self.hear(self.declared.report(order, now), now)

    def move(self, id_: IncidentId, state: IncidentState, by: str, now: datetime) -> list[Effect]:
        """An operator confirms an incident, which callers are then told of, or looks into it."""
        incident = self._open(id_)
        confirmed = state is IncidentState.IDENTIFIED
        why = f"confirmed by {by}" if confirmed else f"{by} looks into it"
        try:
            return self.bulletins.move(id_, state, now, why, told=incident.told or confirmed)
        except IllegalChange as illegal:
            raise Refused(str(illegal)) from None

    def end(self, id_: IncidentId, by: str, now: datetime) -> list[Effect]:
        """An operator ends an incident: what still speaks for it is passed over until it was good once."""
        incident = self._open(id_)
        for subject in self.outages.cases.subjects_of(id_):
            withdrawn = self.declared.withdraw(subject, by)
            if (judge := self.judges.get(subject)) is not None:
                for signal in withdrawn:
                    judge.hear(signal, now)  # else the next declaration would be passed over with the rest
                judge.pardon()
                self._restless.discard(subject)
        return self.outages.cases.end(incident.id, now, f"ended by {by}")

    def plan(self, order: Maintenance, now: datetime) -> list[Effect]:
        """Planned work, now or later; raise Refused as `check` does."""
        self.check(order, now)
        replaced = self.works.get(order.id)
        self.works[order.id] = order
        return (self._finished(replaced) if replaced else []) + self._work(now)

    def cancel(self, id_: MaintenanceId, now: datetime) -> list[Effect]:
        """The work is over, or will not be done; what is bad all the same is an outage with the next tick."""
        work = self.works.pop(id_, None)
        if work is None:
            raise Refused("there is no such planned work; it may be over already")
        return self._finished(work) if now >= work.begin else []

    def work_on(self, line: LineName, now: datetime) -> Maintenance | None:
        """The announced work that callers of `line` are told of now; the one that lasts longest."""
        subject = Subject(Kind.LINE, line)
        mine = [
            work
            for work in self.works.values()
            if work.announced and work.begin <= now < work.end and self.outages.estate.contains(work.subject, subject)
        ]
        return max(mine, key=lambda work: work.end, default=None)

    # ----

    def _open(self, id_: IncidentId) -> Incident:
        incident = self.outages.open.get(id_)
        if incident is None:
            raise Refused("there is no such open incident; it may be over already")
        return incident

    def _follow(self, judge: Judge, changes: Iterable[VerdictChanged], now: datetime) -> list[Effect]:
        effects: list[Effect] = []
        for changed in changes:
            if not changed.bad or not self._is_silenced(changed, now):
                effects += self.outages.verdict(changed, now)
        if judge.quiet:
            self._restless.discard(judge.subject)
        else:
            self._restless.add(judge.subject)
        return effects

    def _is_silenced(self, changed: VerdictChanged, now: datetime) -> bool:
        """Whether planned work explains it. What is open already stays open, and an operator's word counts always."""
        if Source.OPERATOR in changed.sources or self.outages.cases.incident_of(changed.subject) is not None:
            return False
        return any(
            work.begin <= now < work.end and self.outages.estate.contains(work.subject, changed.subject)
            for work in self.works.values()
        )

    def _work(self, now: datetime) -> list[Effect]:
        """Planned work is told from its begin to its end."""
        effects: list[Effect] = []
        for id_, work in list(self.works.items()):
            if now >= work.end:
                del self.works[id_]
                effects += self._finished(work)
            elif now >= work.begin and id_ not in self._running:
                self._running.add(id_)
                effects += [PushLine(line) for line in self._lines(work)]
        return effects

    def _finished(self, work: Maintenance) -> list[Effect]:
        self._running.discard(work.id)
        return [PushLine(line) for line in self._lines(work)]

    def _lines(self, work: Maintenance) -> tuple[LineName, ...]:
        if work.subject.kind is Kind.PBX:
            return tuple(self.outages.estate.tenant_of)
        return self.outages.estate.lines_of(work.subject)
