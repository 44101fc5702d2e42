"""The state of the house at one moment, as operators are shown it. Values only; the composition root fills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import LineName, PbxName, SiteName, TenantName, TrunkName
from ami_bridge.domain.orders import Maintenance
from ami_bridge.domain.promise import Promise
from ami_bridge.domain.signal import Evidence


class Link(Enum):
    """The AMI link to one PBX."""

    UP = "up"
    CONNECTING = "connecting"
    REFUSED = "refused"  # the PBX answers but will not let us in: an operator must act


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxStatus:
    name: PbxName
    link: Link
    since: datetime
    detail: str = ""  # what is wrong and what to do, in words; empty when up
    version: str = ""
    started: str = ""  # when the PBX was started, by its own clock; empty when it did not say
    calls: int = 0  # calls in progress
    lag_ms: float = 0.0  # age of the last event when it was handled, or of the one that is being handled
    verdict: str = "up"  # "up", "suspect", "down", "recovering" (see verdict.py)
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCaller:
    number: str  # as masked for display
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStatus:
    name: LineName
    tenant: TenantName
    pbx: PbxName
    verdict: str  # "answered", "unanswered" (see line.py)
    free_agents: int
    agents: int
    waiting: tuple[WaitingCaller, ...] = ()
    # The words callers hear now, by language, the one of most callers first; empty when the line is healthy.
    announcing: Mapping[str, str] = field(default_factory=dict)
    announced_until: datetime | None = None
    told_waiting: int = 0  # callers who were told something new while they waited, since the companion started
    health: str = "up"  # "up", "suspect", "down", "recovering" (see verdict.py)
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkStatus:
    name: TrunkName
    pbx: PbxName
    health: str  # "up", "suspect", "down", "recovering" (see verdict.py)
    registration: str = ""  # "registered", "rejected", "stopped", "unregistered"; empty when there is none
    since: datetime | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatus:
    """A group of a tenant's phones at one place."""

    name: SiteName
    tenant: TenantName
    pbx: PbxName
    verdict: str  # "up", "suspect", "down", "recovering" (see verdict.py)
    since: datetime | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindSpot:
    """An interval in which a PBX was not watched. `end` is None while it lasts."""

    pbx: PbxName
    begin: datetime
    end: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    now: datetime
    pbxs: tuple[PbxStatus, ...] = ()
    trunks: tuple[TrunkStatus, ...] = ()
    sites: tuple[SiteStatus, ...] = ()
    lines: tuple[LineStatus, ...] = ()
    incidents: tuple[Incident, ...] = ()  # open ones, then the most recent ended ones
    promises: tuple[Promise, ...] = ()  # open ones, then the most recent ended ones; numbers unmasked
    blind_spots: tuple[BlindSpot, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()  # running and planned; what is over is not listed
