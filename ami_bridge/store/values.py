"""What the store returns beside the domain's own values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.names import AttemptId, IncidentId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.orders import Maintenance
from ami_bridge.domain.promise import State
from ami_bridge.domain.signal import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class LineKey:
    """Which support line: its name is unique only for its tenant on its PBX."""

    tenant: TenantName
    pbx: PbxName
    line: LineName


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One thing that happened to a promise. `what` is the value of the domain's Step, or one of these.

    `made`; `released`: its incident is over; `asked`: somebody being called uninvited asked for a call; `solved`: what
    they answered afterwards.
    """

    promise: PromiseId
    at: datetime
    what: str
    state: State  # after it happened
    reason: str
    attempt: AttemptId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One state of an incident, when it was entered, and the evidence added since the state before."""

    incident: IncidentId
    tenants: tuple[TenantName, ...]  # whom it had touched by then
    at: datetime
    state: IncidentState
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """Until when a PBX was watched for certain, and since when it runs, by its own clock, as it said."""

    pbx: PbxName
    at: datetime
    started: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWork:
    """A maintenance window as it was planned, and when it was called off, if it was."""

    planned: Maintenance
    cancelled: datetime | None = None
