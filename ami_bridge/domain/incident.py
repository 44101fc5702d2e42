"""An outage as it is told to people: its causes, its scope, its state, what is known, and when the next word comes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from ami_bridge.domain.names import IncidentId, LineName, PbxName, TenantName
from ami_bridge.domain.signal import Evidence, Subject


class IncidentState(Enum):
    SUSPECTED = "suspected"  # not sure enough; an operator confirms it or dismisses it
    INVESTIGATING = "investigating"  # an operator looks into it
    IDENTIFIED = "identified"  # known to be so
    MONITORING = "monitoring"  # it works again; watched until the hold has passed
    RESOLVED = "resolved"


class Story(Enum):
    """Which words it is told in."""

    OUTAGE = "outage"  # something does not work: `what`
    AUDIO = "audio"  # calls are hard to understand
    UNANSWERED = "unanswered"  # nobody is there to answer the line
    SURGE = "surge"  # more callers than usual, and no other cause known


_ALLOWED = {
    IncidentState.SUSPECTED: {
        IncidentState.INVESTIGATING,
        IncidentState.IDENTIFIED,
        IncidentState.MONITORING,
        IncidentState.RESOLVED,
    },
    IncidentState.INVESTIGATING: {IncidentState.IDENTIFIED, IncidentState.MONITORING, IncidentState.RESOLVED},
    IncidentState.IDENTIFIED: {IncidentState.INVESTIGATING, IncidentState.MONITORING, IncidentState.RESOLVED},
    IncidentState.MONITORING: {IncidentState.INVESTIGATING, IncidentState.IDENTIFIED, IncidentState.RESOLVED},
    IncidentState.RESOLVED: set[IncidentState](),
}


class IllegalChange(Exception):
    """An incident was asked for a change its state does not allow; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One subject at fault. `lines` are those whose callers it touches; `over` once it has been stable again."""

    subject: Subject
    since: datetime
    lines: tuple[LineName, ...]
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One outage of one PBX with one cause, which may show itself in several subjects at once.

    `lines` are those whose callers it touches now, `tenants` all whose lines it ever touched; `told` is whether the
    callers hear of it; `what` names the disturbed thing in the customer's terms. `until` is when a declaration that
    nobody renews ends by itself.
    """

    id: IncidentId
    pbx: PbxName
    tenants: tuple[TenantName, ...]
    causes: tuple[Cause, ...]
    lines: tuple[LineName, ...]
    story: Story
    what: str
    told: bool
    state: IncidentState
    since: datetime
    changed: datetime
    next_word: datetime
    evidence: tuple[Evidence, ...] = ()
    until: datetime | None = None

    @property
    def open(self) -> bool:
        return self.state is not IncidentState.RESOLVED


def change(incident: Incident, state: IncidentState, now: datetime, *evidence: Evidence) -> Incident:
    """Return `incident` moved to `state` at `now`, with what was seen added; raise IllegalChange if it cannot."""
    if state not in _ALLOWED[incident.state]:
        raise IllegalChange(f"incident {incident.id} is {incident.state.value}: it cannot become {state.value}")
    return replace(incident, state=state, changed=now, evidence=incident.evidence + evidence)
