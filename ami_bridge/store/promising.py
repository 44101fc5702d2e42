"""What may be asked of the store about promises.

Every method returns after its change is committed, and raises StoreBusy or StoreFailed when it could not be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from ami_bridge.domain.names import AttemptId, IncidentId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import CALLBACKS, Kind, Policy, Promise, State, Step, Usage
from ami_bridge.store import claiming, owed, promises
from ami_bridge.store.backend import Backend
from ami_bridge.store.values import LedgerEntry, LineKey

_OVERDUE_AT_ONCE = 50
_EVERY_KIND = frozenset(Kind)


class Promises:
    """What is owed to callers, the attempts to keep it, and the ledger that says why each ended as it did."""

    def __init__(self, backend: Backend, policy: Policy) -> None:
        self._backend = backend
        self._policy = policy

    async def make(self, promise: Promise, at: datetime | None = None) -> tuple[Promise, bool]:
        """Write `promise` down and return it with True; `at` dates its ledger entry, else the caller's arrival does.

        However often one origin is reported, it yields one promise of a kind. While a callback is open for the same
        tenant, line and number, it stands for all of them, whatever their kinds; a call with news may be owed beside
        it. Then the stored one is returned, with False. Who asks for a call that would have come uninvited has that one
        withdrawn; if they are being called at that moment, it becomes the call they ask for.
        """
        return await self._backend.write(
            lambda conn: promises.make(conn, promise, at or promise.arrived, self._policy),
        )

    async def claim(
        self,
        line: LineKey,
        kinds: Iterable[Kind],
        now: datetime,
        attempt: AttemptId,
        *,
        but: Collection[PromiseId] = (),
    ) -> Promise | None:
        """Bind the promise of `line` whose turn it is to `attempt`, the Uniqueid its channel will have.

        Once this returns, attempt, promise and ledger are on disk: dial then, and not before. Passed over are those in
        `but` and those whose number is in flight for anyone. None when there is nothing to claim; AttemptTaken if the
        id was used.
        """
        wanted = frozenset(kinds)
        return await self._backend.write(
            lambda conn: claiming.claim(conn, line, wanted, now, attempt, self._policy, but),
        )

    async def peek(self, line: LineKey, kinds: Iterable[Kind], now: datetime, limit: int) -> list[Promise]:
        """The first `limit` that claims would take, in their order: for questions that are asked before a claim."""
        wanted = frozenset(kinds)
        return await self._backend.read(lambda conn: claiming.peek(conn, line, wanted, now, limit, self._policy))

    async def claim_this(self, id_: PromiseId, now: datetime, attempt: AttemptId) -> Promise | None:
        """Bind this one to `attempt`, as `claim` does; None if it may not be tried now or its number is in flight."""
        return await self._backend.write(lambda conn: claiming.claim_this(conn, id_, now, attempt, self._policy))

    async def step(
        self,
        id_: PromiseId,
        what: Step,
        now: datetime,
        reason: str,
        attempt: AttemptId | None = None,
        *,
        not_before: datetime | None = None,
        number: str | None = None,
    ) -> Promise:
        """Move a promise by one step and return it; `reason` goes to the ledger.

        With `attempt`, news of any but the current one raises StaleAttempt. A MOVE to a number that is owed a call of
        its own on that line raises AlreadyOwed. IllegalStep and UnknownPromise change nothing either. Claims are made
        by `claim` and `claim_this` alone.
        """
        return await self._backend.write(
            lambda conn: promises.take_step(conn, id_, what, now, reason, attempt, self._policy, not_before, number)
        )

    async def hold(self, id_: PromiseId, now: datetime, reason: str, until: datetime | None) -> bool:
        """Say why a waiting promise is not called now; it is not claimed before `until`, if that is known.

        False, and nothing in the ledger, for the reason it is held for already (a new `until` counts all the same), and
        for one that waits for the end of its incident. IllegalStep if it is not waiting.
        """
        return await self._backend.write(lambda conn: promises.hold(conn, id_, now, reason, until, self._policy))

    async def withdraw_open(
        self,
        tenant: TenantName,
        number: str,
        now: datetime,
        reason: str,
        lines: Collection[LineName] | None = None,
        *,
        kinds: Iterable[Kind] = CALLBACKS,
    ) -> list[Promise]:
        """End all that is open of `kinds` for this number, on `lines` or all of them; return it as it ended.

        Those that were in flight are returned with their `attempt`, so that its channel can be hung up.
        """
        wanted = frozenset(kinds)
        return await self._backend.write(
            lambda conn: promises.withdraw_open(conn, tenant, number, now, reason, lines, wanted, self._policy)
        )

    async def retry(self, id_: PromiseId, now: datetime) -> Promise:
        """Have it tried now, and return what is open for that: itself while it waits, else a new one in its place.

        An ended promise stays ended. However often it is retried there is one open promise for it; IllegalStep while it
        is being tried.
        """
        return await self._backend.write(lambda conn: promises.retry(conn, id_, now, self._policy))

    async def solved(self, attempt: AttemptId, answer: bool, at: datetime | None = None) -> Promise | None:
        """Write down whether the talk this attempt led to solved it; None for an attempt nobody knows.

        The same answer again changes nothing. `at` dates the entry in the ledger, else the end of the attempt does.
        """
        return await self._backend.write(lambda conn: promises.solved(conn, attempt, answer, at))

    async def charge(self, attempt: AttemptId, cost: int, channel: str | None = None) -> bool:
        """Set what an attempt costs, in ten-thousandths of the currency, and its channel; False for an unknown one."""
        return await self._backend.write(lambda conn: promises.charge(conn, attempt, cost, channel))

    async def usage(self, tenant: TenantName, number: str, since: datetime) -> Usage:
        """What was begun from `since` on: attempts to `number`, whoever's they were, and all of `tenant`'s."""
        return await self._backend.read(lambda conn: owed.usage(conn, tenant, number, since))

    async def end_overdue(self, now: datetime) -> list[Promise]:
        """End every waiting promise that has expired or used up its attempts; return them as they ended."""
        ended: list[Promise] = []
        if not await self._backend.read(lambda conn: promises.any_overdue(conn, now, self._policy)):
            return ended  # as almost always: no write for nothing
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
        return await self._backend.read(lambda conn: owed.get(conn, id_))

    async def by_attempt(self, attempt: AttemptId) -> Promise | None:
        """The promise this attempt was ever made for; it is the current one only if `promise.attempt` says so."""
        return await self._backend.read(lambda conn: owed.by_attempt(conn, attempt))

    async def open(self, pbx: PbxName | None = None) -> list[Promise]:
        """All that have not ended, in order of arrival."""
        return await self._backend.read(lambda conn: owed.open_(conn, pbx))

    async def open_on(self, line: LineKey) -> list[Promise]:
        """All of `line` that have not ended, in order of arrival."""
        return await self._backend.read(lambda conn: owed.open_on(conn, line))

    async def open_of(self, tenant: TenantName, number: str) -> list[Promise]:
        """All that `tenant` owes to `number` and that have not ended, on whichever line, in order of arrival."""
        return await self._backend.read(lambda conn: owed.open_of(conn, tenant, number))

    async def kept_since(self, line: LineKey, since: datetime) -> list[datetime]:
        """When callbacks in turn of `line` were kept from `since` on, in order: how fast its queue moves."""
        return await self._backend.read(lambda conn: owed.kept_since(conn, line, since))

    async def recent(self, limit: int) -> list[Promise]:
        """Those that have ended, the latest first."""
        return await self._backend.read(lambda conn: owed.recent(conn, limit))

    async def in_flight(self, pbx: PbxName) -> list[Promise]:
        """Those with an attempt whose channel may exist: to be asked about after a restart or a lost link."""
        return await self._backend.read(lambda conn: owed.in_flight(conn, pbx))

    async def waiting_count(self, line: LineKey, kinds: Iterable[Kind] = _EVERY_KIND) -> int:
        wanted = frozenset(kinds)
        return await self._backend.read(lambda conn: owed.waiting_count(conn, line, wanted))

    async def due(self, pbx: PbxName, now: datetime, kinds: Iterable[Kind] = _EVERY_KIND) -> list[LineKey]:
        """The lines of `pbx` for which `claim` would find something, the longest-waiting caller's first."""
        wanted = frozenset(kinds)
        return await self._backend.read(lambda conn: claiming.due(conn, pbx, now, wanted, self._policy))

    async def listed(
        self,
        tenant: TenantName | None,
        *,
        states: Collection[State] | None = None,
        line: LineName | None = None,
        number: str | None = None,
        kinds: Collection[Kind] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int,
        after: PromiseId | None = None,
    ) -> list[Promise]:
        """At most `limit` promises of `tenant`, or of all tenants, the latest arrivals first: since <= arrived < until.

        `after` is the last one of the page before; UnknownPromise if there is no such.
        """
        return await self._backend.read(
            lambda conn: owed.listed(conn, tenant, states, line, number, kinds, since, until, limit, after),
        )

    async def ledger(self, id_: PromiseId) -> list[LedgerEntry]:
        """All that happened to a promise, in order."""
        return (await self.ledgers((id_,)))[id_]

    async def ledgers(self, ids: Collection[PromiseId]) -> dict[PromiseId, list[LedgerEntry]]:
        """All that happened to each of these promises, in order."""
        return await self._backend.read(lambda conn: owed.entries(conn, ids))

    async def beginning(self, text: str, limit: int) -> list[PromiseId]:
        """At most `limit` of the ids that begin with `text`; the one that is `text` itself comes first."""
        return await self._backend.read(lambda conn: owed.beginning(conn, text, limit))
