"""What is owed, as operators ask after it and change it: the ledger read, and one promise called off or tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import AmiError
from ami_bridge.domain.names import PbxName, PromiseId, Uniqueid
from ami_bridge.domain.orders import Refused
from ami_bridge.domain.promise import ENDS, IN_FLIGHT, IllegalStep, Promise, Step
from ami_bridge.domain.standing import Account, Entry, Wanted, standing, waits_for_its_incident
from ami_bridge.runner import Runner
from ami_bridge.store import LedgerEntry, Store, StoreError, UnknownPromise

log = structlog.get_logger(__name__)

_HANG_UP_WITHIN = 4.0  # seconds; who ordered it waits for the answer


class Bookkeeper:
    """Implements `web.promises.Book` over the store, and over the runners of all PBXs for calls under way."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._promises = store.promises
        self._runners: dict[PbxName, Runner] = {}
        self._clock = clock

    def add(self, runner: Runner) -> None:
        """Reach calls on this runner's PBX from now on."""
        self._runners[runner.pbx] = runner

    async def listed(self, wanted: Wanted, limit: int, after: PromiseId | None) -> Sequence[Account]:
        if after is not None and await self._get(after) is None:
            raise Refused(f"there is no promise {after}; begin the list anew")
        with _ledger():
            found = await self._promises.listed(
                wanted.tenant,
                states=wanted.states,
                line=wanted.line,
                number=wanted.number,
                kinds=wanted.kinds,
                since=wanted.since,
                until=wanted.until,
                limit=limit,
                after=after,
            )
            entries = await self._promises.ledgers([promise.id for promise in found])
        now = self._clock()
        return [_account(promise, entries.get(promise.id, ()), now) for promise in found]

    async def meant(self, beginning: str, limit: int) -> Sequence[PromiseId]:
        with _ledger():
            found = await self._promises.beginning(beginning, limit)
        return [id_ for id_ in found if id_ == beginning] or found

    async def account(self, promise: PromiseId) -> Account | None:
        with _ledger():
            found = await self._promises.get(promise)
            entries = await self._promises.ledger(promise)
        return None if found is None else _account(found, entries, self._clock())

    async def cancel(self, promise: PromiseId, why: str, by: str) -> str:
        before = await self._open(promise)
        with _ledger():
            try:
                await self._promises.step(promise, Step.WITHDRAW, self._clock(), f"withdrawn by {by}: {why}")
            except IllegalStep:
                raise Refused("it has ended at this very moment; see `keepline promises show`") from None
        log.info("A promise is called off", promise_id=promise, by=by)
        return await self._hang_up(before) if before.state in IN_FLIGHT else ""

    async def retry(self, promise: PromiseId, by: str) -> Promise:
        before = await self._found(promise)
        if before.state in IN_FLIGHT:
            raise Refused("it is being called right now; see `keepline promises show`")
        with _ledger():
            try:
                owed = await self._again(before, by)
            except IllegalStep:
                raise Refused("it has been called or has ended at this very moment; try again") from None
        log.info("A promise is to be tried again", promise_id=owed.id, by=by)
        if owed.pbx in self._runners and owed.line in self._runners[owed.pbx].watch.lines:
            self._runners[owed.pbx].promised(owed.line)
        return owed

    async def _again(self, before: Promise, by: str) -> Promise:
        if before.state in ENDS:
            return await self._promises.retry(before.id, self._clock())
        if waits_for_its_incident(before, self._clock()):
            raise Refused("it waits for an outage to end, and is due then; say that the outage is over")
        return await self._promises.step(before.id, Step.RETRY, self._clock(), f"{by} wants it tried now")

    async def _open(self, id_: PromiseId) -> Promise:
        found = await self._found(id_)
        if found.state in ENDS:
            raise Refused(f"it has ended already: {standing(found, self._clock()).words}")
        return found

    async def _found(self, id_: PromiseId) -> Promise:
        found = await self._get(id_)
        if found is None:
            raise Refused("it has been forgotten meanwhile")
        return found

    async def _get(self, id_: PromiseId) -> Promise | None:
        with _ledger():
            return await self._promises.get(id_)

    async def _hang_up(self, called: Promise) -> str:
        """End the call that was to keep it; what became of it, in words."""
        runner = self._runners.get(called.pbx)
        if runner is None:
            return f"its call goes on: no PBX {called.pbx} is in the settings"
        try:
            async with asyncio.timeout(_HANG_UP_WITHIN):
                await actions.hang_up(runner.session, Uniqueid(called.attempt or ""))
        except (AmiError, TimeoutError) as error:
            log.warning("The call of a promise called off goes on", promise_id=called.id, problem=str(error))
            return "its call may go on: the PBX could not be asked to hang it up"
        return "its call is hung up"


def _account(promise: Promise, entries: Sequence[LedgerEntry], now: datetime) -> Account:
    return Account(
        promise=promise,
        standing=standing(promise, now),
        entries=tuple(
            Entry(at=one.at, what=one.what, state=one.state, reason=one.reason, attempt=one.attempt) for one in entries
        ),
    )


@contextmanager
def _ledger() -> Iterator[None]:
    """What the store cannot do is refused in a sentence."""
    try:
        yield
    except UnknownPromise:
        raise Refused("it has been forgotten meanwhile") from None
    except StoreError as error:
        raise Refused(f"the ledger cannot be read or written: {error}; try again") from None
