"""An outage as it is told to people: its scope, its state, what is known, and when the next word comes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from ami_bridge.domain.names import IncidentId, LineName, PbxName, TenantName, TrunkName


class IncidentState(Enum):
    SUSPECTED = "suspected"
    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"  # it works again; watched until the hold has passed
    RESOLVED = "resolved"


_ALLOWED = {
    IncidentState.SUSPECTED: {IncidentState.INVESTIGATING, IncidentState.IDENTIFIED, IncidentState.RESOLVED},
    IncidentState.INVESTIGATING: {IncidentState.IDENTIFIED, IncidentState.MONITORING, IncidentState.RESOLVED},
    IncidentState.IDENTIFIED: {IncidentState.INVESTIGATING, IncidentState.MONITORING, IncidentState.RESOLVED},
    IncidentState.MONITORING: {IncidentState.INVESTIGATING, IncidentState.IDENTIFIED, IncidentState.RESOLVED},
    IncidentState.RESOLVED: set[IncidentState](),
}


class IllegalChange(Exception):
    """An incident was asked for a change its state does not allow; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One outage with one cause. `lines` are those whose callers are told; `evidence` is what was seen, in words."""

    id: IncidentId
    tenant: TenantName
    pbx: PbxName
    trunk: TrunkName | None
    lines: tuple[LineName, ...]
    state: IncidentState
    since: datetime
    changed: datetime
    next_word: datetime
    evidence: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        return self.state is not IncidentState.RESOLVED


def change(incident: Incident, state: IncidentState, now: datetime, *evidence: str) -> Incident:
    """Return `incident` moved to `state` at `now`, with what was seen added; raise IllegalChange if it cannot."""
    if state not in _ALLOWED[incident.state]:
        raise IllegalChange(f"incident {incident.id} is {incident.state.value}: it cannot become {state.value}")
    return replace(incident, state=state, changed=now, evidence=incident.evidence + evidence)
