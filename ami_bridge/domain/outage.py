"""From verdicts to incidents: one incident for one dead trunk, from its failure to its resolution.

Pure. What is to be done comes back as effects: the runner stores first and then tells the PBX.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ami_bridge.domain.announcement import next_word_after
from ami_bridge.domain.effects import Effect, PushLine, ReleaseRestored, SaveIncident
from ami_bridge.domain.incident import Incident, IncidentState, change
from ami_bridge.domain.names import IncidentId, LineName, PbxName, TenantName, TrunkName
from ami_bridge.domain.trunk import Verdict, VerdictChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Whom a trunk's failure touches: the tenant it serves and the lines whose callers are told."""

    tenant: TenantName
    lines: tuple[LineName, ...]


@dataclass(slots=True)
class Outages:
    """The open incidents of one PBX, at most one per trunk."""

    pbx: PbxName
    touched: Mapping[TrunkName, Touched]
    word_every: timedelta
    new_id: Callable[[], IncidentId]
    open: dict[TrunkName, Incident] = field(default_factory=dict)

    def adopt(self, incident: Incident) -> None:
        """Take over an incident that was open when the companion stopped.

        The settings may have changed meanwhile: its lines are those that are told about the trunk now. One whose trunk
        nobody is told about any more touches no line and is closed with the next tick.
        """
        if incident.trunk is not None:
            touched = self.touched.get(incident.trunk)
            self.open[incident.trunk] = replace(incident, lines=touched.lines if touched else ())

    def verdict(self, changed: VerdictChanged, now: datetime) -> list[Effect]:
        """What follows from a trunk's new verdict."""
        incident = self.open.get(changed.trunk)
        if changed.verdict is Verdict.DOWN:
            return self._down(changed, incident, now)
        if incident is None:
            return []
        if changed.verdict is Verdict.RECOVERING:
            return self._move(incident, IncidentState.MONITORING, now, changed.evidence[-1:])
        if changed.verdict is Verdict.UP:
            return self._resolve(incident, now, "stable again")
        return []

    def tick(self, now: datetime) -> list[Effect]:
        """A next word that has come due is given: callers are never told a time that has passed."""
        effects: list[Effect] = []
        for trunk, incident in list(self.open.items()):
            if trunk not in self.touched:
                effects += self._resolve(incident, now, "not watched any more")
            elif now >= incident.next_word:
                renewed = replace(incident, next_word=next_word_after(now, self.word_every))
                self.open[trunk] = renewed
                effects += [SaveIncident(renewed), *self._push(renewed)]
        return effects

    def _resolve(self, incident: Incident, now: datetime, why: str) -> list[Effect]:
        if incident.trunk is not None:
            del self.open[incident.trunk]
        resolved = change(incident, IncidentState.RESOLVED, now, f"{now:%H:%M:%S} {why}")
        return [SaveIncident(resolved), *self._push(resolved), ReleaseRestored(resolved)]

    def _down(self, changed: VerdictChanged, incident: Incident | None, now: datetime) -> list[Effect]:
        if incident is not None:
            return self._move(incident, IncidentState.IDENTIFIED, now, changed.evidence[-1:])
        touched = self.touched.get(changed.trunk)
        if touched is None:
            return []
        incident = Incident(
            id=self.new_id(),
            tenant=touched.tenant,
            pbx=self.pbx,
            trunk=changed.trunk,
            lines=touched.lines,
            state=IncidentState.IDENTIFIED,
            since=changed.since,
            changed=now,
            next_word=next_word_after(now, self.word_every),
            evidence=changed.evidence,
        )
        self.open[changed.trunk] = incident
        return [SaveIncident(incident), *self._push(incident)]

    def _move(self, incident: Incident, state: IncidentState, now: datetime, evidence: tuple[str, ...]) -> list[Effect]:
        if incident.trunk is None or incident.state is state:
            return []
        moved = change(incident, state, now, *evidence)
        self.open[incident.trunk] = moved
        return [SaveIncident(moved)]

    @staticmethod
    def _push(incident: Incident) -> list[Effect]:
        return [PushLine(line) for line in incident.lines]
