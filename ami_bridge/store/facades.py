"""What may be asked of the store about each of its subjects; `Store` holds one of each.

Every method returns after its change is committed, and raises StoreBusy or StoreFailed when it could not be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import AttemptId, IncidentId, MaintenanceId, PbxName, PromiseId, TenantName
from ami_bridge.domain.orders import Declaration, Maintenance, Report
from ami_bridge.domain.promise import Kind, Policy, Promise, Step
from ami_bridge.domain.signal import Subject
from ami_bridge.domain.status import BlindSpot
from ami_bridge.store import baselines, blind_spots, incidents, maintenance, orders, promises
from ami_bridge.store.backend import Backend
from ami_bridge.store.values import Beat, LedgerEntry, LineKey, PlannedWork, TimelineEntry

_OVERDUE_AT_ONCE = 200
_EVERY_KIND = frozenset(Kind)


class Promises:
    """What is owed to callers, the attempts to keep it, and the ledger that says why each ended as it did."""

    def __init__(self, backend: Backend, policy: Policy) -> None:
        self._backend = backend
        self._policy = policy

    async def make(self, promise: Promise, at: datetime | None = None) -> tuple[Promise, bool]:
        """Write `promise` down and return it with True; `at` dates its ledger entry, else the caller's arrival does.

        However often one origin is reported, it yields one promise of a kind; and while one is open for the same
        tenant, line, kind and number, it stands for all of them. Then the stored one is returned, with False.
        """
        return await self._backend.write(partial(promises.make, promise=promise, at=at or promise.arrived))

    async def claim(self, line: LineKey, kinds: Iterable[Kind], now: datetime, attempt: AttemptId) -> Promise | None:
        """Bind the oldest promise of `line` that may be tried now to `attempt`, the Uniqueid its channel will have.

        Once this returns, attempt, promise and ledger are on disk: dial then, and not before. Promises whose number is
        in flight for anyone are passed over. None when there is nothing to claim; AttemptTaken if the id was used.
        """
        wanted = frozenset(kinds)
        return await self._backend.write(
            lambda conn: promises.claim(conn, line, wanted, now, attempt, self._policy),
        )

    async def step(
        self, id_: PromiseId, what: Step, now: datetime, reason: str, attempt: AttemptId | None = None
    ) -> Promise:
        """Move a promise by one step and return it; `reason` goes to the ledger.

        With `attempt`, news of any but the current one raises StaleAttempt. IllegalStep and UnknownPromise change
        nothing either. Claims are made by `claim` alone.
        """
        return await self._backend.write(
            lambda conn: promises.take_step(conn, id_, what, now, reason, attempt, self._policy)
        )

    async def end_overdue(self, now: datetime) -> list[Promise]:
        """End every waiting promise that has expired or used up its attempts; return them as they ended."""
        ended: list[Promise] = []
        while True:
            some = await self._backend.write(
                lambda conn: promises.end_overdue(conn, now, self._policy, _OVERDUE_AT_ONCE)
            )
            ended += some
            if len(some) < _OVERDUE_AT_ONCE:
                return ended

    async def release_restored(self, incident: IncidentId | None, now: datetime) -> list[Promise]:
        """Make due what was promised for the end of `incident`, and return it; None stands for all resolved ones.

        Run it with None at the start and now and then, for a crash between resolving an incident and this call.
        """
        return await self._backend.write(lambda conn: promises.release_restored(conn, incident, now))

    async def get(self, id_: PromiseId) -> Promise | None:
        return await self._backend.read(lambda conn: promises.get(conn, id_))

    async def by_attempt(self, attempt: AttemptId) -> Promise | None:
        """The promise this attempt was ever made for; it is the current one only if `promise.attempt` says so."""
        return await self._backend.read(lambda conn: promises.by_attempt(conn, attempt))

    async def open(self, pbx: PbxName | None = None) -> list[Promise]:
        """All that have not ended, in order of arrival."""
        return await self._backend.read(lambda conn: promises.open_(conn, pbx))

    async def open_on(self, line: LineKey) -> list[Promise]:
        """All of `line` that have not ended, in order of arrival."""
        return await self._backend.read(lambda conn: promises.open_on(conn, line))

    async def open_of(self, tenant: TenantName, number: str) -> list[Promise]:
        """All that `tenant` owes to `number` and that have not ended, on whichever line, in order of arrival."""
        return await self._backend.read(lambda conn: promises.open_of(conn, tenant, number))

    async def kept_since(self, line: LineKey, since: datetime) -> list[datetime]:
        """When callbacks in turn of `line` were kept from `since` on, in order: how fast its queue moves."""
        return await self._backend.read(lambda conn: promises.kept_since(conn, line, since))

    async def recent(self, limit: int) -> list[Promise]:
        """Those that have ended, the latest first."""
        return await self._backend.read(lambda conn: promises.recent(conn, limit))

    async def in_flight(self, pbx: PbxName) -> list[Promise]:
        """Those with an attempt whose channel may exist: to be asked about after a restart or a lost link."""
        return await self._backend.read(lambda conn: promises.in_flight(conn, pbx))

    async def waiting_count(self, line: LineKey, kinds: Iterable[Kind] = _EVERY_KIND) -> int:
        wanted = frozenset(kinds)
        return await self._backend.read(lambda conn: promises.waiting_count(conn, line, wanted))

    async def due(self, pbx: PbxName, now: datetime, kinds: Iterable[Kind] = _EVERY_KIND) -> list[LineKey]:
        """The lines of `pbx` for which `claim` would find something, the longest-waiting caller's first."""
        wanted = frozenset(kinds)
        return await self._backend.read(lambda conn: promises.due(conn, pbx, now, wanted, self._policy))

    async def ledger(self, id_: PromiseId) -> list[LedgerEntry]:
        """All that happened to a promise, in order."""
        return await self._backend.read(lambda conn: promises.entries(conn, id_))


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
