"""What may be asked of the store about each of its subjects but promises; `Store` holds one of each.

Every method returns after its change is committed, and raises StoreBusy or StoreFailed when it could not be.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import IncidentId, MaintenanceId, PbxName, TenantName
from ami_bridge.domain.orders import Declaration, Maintenance, Report
from ami_bridge.domain.signal import Subject
from ami_bridge.domain.status import BlindSpot
from ami_bridge.store import baselines, blind_spots, incidents, maintenance, orders
from ami_bridge.store.backend import Backend
from ami_bridge.store.values import Beat, PlannedWork, TimelineEntry


class Incidents:
    """Outages as told to people."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def save(self, incident: Incident) -> None:
        """Store `incident` as it is now; each change of its state adds a line to its timeline."""
        await self._backend.write(lambda conn: incidents.save(conn, incident))

    async def get(self, id_: IncidentId) -> Incident | None:
        return await self._backend.read(lambda conn: incidents.get(conn, id_))

    async def open(self, pbx: PbxName | None = None) -> list[Incident]:
        """Those not resolved, the oldest first."""
        return await self._backend.read(lambda conn: incidents.open_(conn, pbx))

    async def recent(self, limit: int) -> list[Incident]:
        """Those resolved, the latest first."""
        return await self._backend.read(lambda conn: incidents.recent(conn, limit))

    async def timeline(self, id_: IncidentId) -> list[TimelineEntry]:
        return await self._backend.read(lambda conn: incidents.timeline(conn, id_))


class BlindSpots:
    """When which PBX was not watched."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def begin(self, pbx: PbxName, at: datetime, reason: str) -> None:
        """Open a blind spot; one that is open already stays as it is."""
        await self._backend.write(lambda conn: blind_spots.begin(conn, pbx, at, reason))

    async def end(self, pbx: PbxName, at: datetime, found: str = "") -> None:
        """Close the open one, if there is one; what was `found` when the PBX was seen again is added to its reason."""
        await self._backend.write(lambda conn: blind_spots.end(conn, pbx, at, found))

    async def beat(self, beats: Sequence[Beat]) -> None:
        """Write down until when each of these PBXs was watched, all in one transaction."""
        await self._backend.write(lambda conn: blind_spots.beat(conn, beats))

    async def last_beat(self, pbx: PbxName) -> Beat | None:
        """Until when `pbx` was watched for certain, by this or an earlier run; None if it never was."""
        return await self._backend.read(lambda conn: blind_spots.last_beat(conn, pbx))

    async def recent(self, limit: int) -> list[BlindSpot]:
        """The latest first, open ones included."""
        return await self._backend.read(lambda conn: blind_spots.recent(conn, limit))


class Baselines:
    """What is normal, as far as it was learnt."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def save(self, pbx: PbxName, learnt: Mapping[str, tuple[TenantName, Any]], at: datetime) -> None:
        """Store each series' blob (plain JSON data) with the tenant it belongs to, all in one transaction.

        Series that are not among them stay as they are.
        """
        await self._backend.write(lambda conn: baselines.save(conn, pbx, learnt, at))

    async def load(self, pbx: PbxName) -> dict[str, Any]:
        """The blob of each series of `pbx`."""
        return await self._backend.read(lambda conn: baselines.load(conn, pbx))

    async def forget(self, pbx: PbxName, keep: Collection[str]) -> int:
        """Drop the series of `pbx` that are not among `keep`; return how many."""
        return await self._backend.write(lambda conn: baselines.forget(conn, pbx, keep))


class Windows:
    """Planned work."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def save(self, planned: Maintenance) -> None:
        """Store `planned`, in place of the one with the same id, even if that was cancelled."""
        await self._backend.write(lambda conn: maintenance.save(conn, planned))

    async def current(self, now: datetime, pbx: PbxName | None = None) -> list[Maintenance]:
        """Those that have neither ended by `now` nor been cancelled, what begins first first."""
        return await self._backend.read(lambda conn: maintenance.current(conn, now, pbx))

    async def recent(self, limit: int) -> list[PlannedWork]:
        """All of them, cancelled ones included, what begins last first."""
        return await self._backend.read(lambda conn: maintenance.recent(conn, limit))

    async def cancel(self, id_: MaintenanceId, at: datetime) -> bool:
        """Call it off; False if it was over by `at`, cancelled before, or is not known."""
        return await self._backend.write(lambda conn: maintenance.cancel(conn, id_, at))


class StandingOrders:
    """What operators and other systems said of a subject, to be heard again after a restart."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def keep(self, order: Declaration | Report) -> None:
        """Store `order` in place of what the same witness said of the same subject; a CLEAR report withdraws that.

        Operators are one witness; each `told_by` of a report is another.
        """
        await self._backend.write(lambda conn: orders.keep(conn, order))

    async def standing(self, pbx: PbxName, now: datetime) -> list[Declaration | Report]:
        """Those that still hold at `now`, by subject."""
        return await self._backend.read(lambda conn: orders.standing(conn, pbx, now))

    async def withdraw(self, pbx: PbxName, subject: Subject, told_by: str | None = None) -> bool:
        """Drop what `told_by` reported of `subject`, or else what an operator declared; False if there is none."""
        return await self._backend.write(lambda conn: orders.withdraw(conn, pbx, subject, told_by))
