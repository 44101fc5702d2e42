"""What is told of open incidents as time passes and people speak: in whose words, until when, and when more is said.

Callers are never told a time that has passed: a next word is given when it is due, and of a time by which it should
have been fixed they hear that it takes longer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ami_bridge.domain import expecting
from ami_bridge.domain.announcement import next_word_after
from ami_bridge.domain.casebook import Casebook
from ami_bridge.domain.effects import Effect
from ami_bridge.domain.incident import Incident, IncidentState, change
from ami_bridge.domain.names import NO_RECORDING, IncidentId
from ami_bridge.domain.orders import Declaration
from ami_bridge.domain.signal import Evidence, Source


@dataclass(slots=True)
class Bulletins:
    """The words on the open incidents of one PBX; `every` is between two of them to callers."""

    cases: Casebook
    every: timedelta

    def name(self, order: Declaration) -> None:
        """An operator says how callers hear of a subject, and whether they do; until that declaration ends."""
        self.cases.telling.declare(order)
        incident = self.cases.incident_of(order.subject)
        if incident is not None and (cause := incident.cause_of(order.subject)) is not None:
            renamed = incident.with_cause(replace(cause, what=self.cases.telling.what(order.subject)))
            self.cases.open[incident.id] = replace(renamed, told=order.told)

    def lasting(self, order: Declaration, now: datetime) -> Incident | None:
        """The incident of what was declared, as the declaration wants it from now on."""
        incident = self.cases.incident_of(order.subject)
        if incident is None:
            return None
        if order.expected is not None:
            incident = expecting.expect(incident, order.expected, order.by, now)
        incident = replace(incident, until=order.until, recording=self.cases.telling.recording(incident))
        self.cases.open[incident.id] = incident
        return incident

    def expect(self, id_: IncidentId, expected: datetime | None, by: str, now: datetime) -> list[Effect]:
        """An operator says when it should be fixed, or takes that back; raise Refused and change nothing."""
        incident = self.cases.open[id_]
        named = expecting.expect(incident, expected, by, now)
        return [] if named == incident else self.cases.keep(named, tell=True)

    def move(self, id_: IncidentId, state: IncidentState, now: datetime, why: str, *, told: bool) -> list[Effect]:
        """An operator sets the state of an open incident; raise IllegalChange if that cannot be."""
        incident = self.cases.open[id_]
        if incident.state is state and incident.told == told:
            return []
        said = incident.with_word(Evidence(at=now, source=Source.OPERATOR, words=why))
        moved = replace(said, changed=now) if state is incident.state else change(said, state, now)
        return self.cases.keep(replace(moved, told=told), tell=True)

    def tick(self, now: datetime) -> list[Effect]:
        """Give the words that have come due, and say of a time by which it should be fixed that it has passed."""
        effects: list[Effect] = []
        for incident in list(self.cases.open.values()):
            if not incident.lasting():
                effects += self.cases.end(incident.id, now, "not watched any more")
                continue
            due = expecting.passed(self._undeclared(incident, now), now)
            if now >= due.next_word:
                due = replace(due, next_word=next_word_after(now, self.every))
            if due is not incident:
                effects += self.cases.keep(due, tell=True)
        return effects

    def _undeclared(self, incident: Incident, now: datetime) -> Incident:
        """Without the words and the end of a declaration that lapsed while the companion was away."""
        if incident.until is None or now < incident.until or self.cases.telling.is_declared(incident):
            return incident
        return replace(incident, until=None, recording=NO_RECORDING)
