"""What people and other machines may tell the house: an outage they know of, what they think of ours, planned work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ami_bridge.domain.names import NO_RECORDING, AnnouncementHash, IncidentId, MaintenanceId, PbxName
from ami_bridge.domain.signal import Strength, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """An operator says that `subject` is out of order, until `until` at the latest.

    `what` names the disturbed thing in the customer's terms, as callers hear it; empty takes the subject's own words
    from the settings. `told` is whether callers hear of it. `by` is who says so, as the timeline shows it.
    `expected` is when it should be fixed; None leaves what was named before. `recording` is played in place of our
    words about it.
    """

    pbx: PbxName
    subject: Subject
    until: datetime
    what: str = ""
    told: bool = True
    by: str = "an operator"
    expected: datetime | None = None
    recording: AnnouncementHash = NO_RECORDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Another system says how `subject` is. CLEAR withdraws what it said before; else it holds until `until`.

    `told_by` tells its reports apart: each stands and falls by itself.
    """

    pbx: PbxName
    subject: Subject
    strength: Strength
    words: str
    until: datetime
    told_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """Planned work on `subject` (a PBX stands for all that is on it) from `begin` to `end`.

    Meanwhile nothing that is seen of it opens an incident. `announced`: its callers are told of the work, with `what`
    naming what is worked on in their terms.
    """

    id: MaintenanceId
    pbx: PbxName
    subject: Subject
    begin: datetime
    end: datetime
    what: str
    announced: bool
    by: str = "an operator"


class Refused(Exception):
    """An order that cannot be carried out. The message says what is wrong with it and what would be right."""


class Orders(Protocol):
    """Where orders are taken. Each returns after what it changes is stored, and raises Refused otherwise."""

    async def declare(self, declaration: Declaration) -> IncidentId:
        """Open an incident, or take over the one open for this subject, which then ends with the declaration."""

    async def confirm(self, incident: IncidentId, by: str) -> None:
        """A suspected incident is real: callers are told."""

    async def look_into(self, incident: IncidentId, by: str) -> None:
        """Somebody is at it."""

    async def end(self, incident: IncidentId, by: str) -> None:
        """It is over, or never was. What is still seen of it is passed over until it has been good once."""

    async def expect(self, incident: IncidentId, expected: datetime | None, by: str) -> None:
        """It should be fixed by `expected`, which callers are told; None takes back what was named."""

    async def report(self, report: Report) -> None:
        """Take what another system says."""

    async def plan(self, maintenance: Maintenance) -> None:
        """Planned work, from now on or later; one with the same id is replaced."""

    async def cancel(self, maintenance: MaintenanceId) -> None:
        """The work is over, or will not be done."""
