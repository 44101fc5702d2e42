"""A real ledger with promises in it, for the page's API and the command to tell of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ami_bridge.bookkeeping import Bookkeeper
from ami_bridge.domain.names import AttemptId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import Kind, Policy, Promise, Step
from ami_bridge.store import LineKey, Store

ACME, GLOBEX, PBX1, SUPPORT = TenantName("acme"), TenantName("globex"), PbxName("pbx1"), LineName("support")
T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
ATTEMPT = AttemptId("keepline-7")


class Ledger:
    """A store, and the book over it. `now` is what the book's clock says."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = T0 + timedelta(hours=1)
        self.book = Bookkeeper(store, lambda: self.now)

    async def owe(self, id_: str, number: str, at: timedelta = timedelta(), **changes: object) -> Promise:
        values: dict[str, object] = {
            "id": PromiseId(id_), "tenant": ACME, "pbx": PBX1, "line": SUPPORT, "kind": Kind.IN_TURN,
            "number": number, "origin": id_, "arrived": T0 + at, "expires": T0 + at + timedelta(hours=96),
            "not_before": T0 + at, "reason": "pressed 1", "language": "en",
        }  # fmt: skip
        made, new = await self.store.promises.make(Promise(**values | changes))  # type: ignore[arg-type]
        assert new
        return made

    async def ring(self, promise: Promise, attempt: AttemptId = ATTEMPT) -> None:
        """Have `promise`, the only one of its line that is due, called: the phone rings."""
        at = promise.arrived + timedelta(minutes=1)
        line = LineKey(tenant=promise.tenant, pbx=promise.pbx, line=promise.line)
        claimed = await self.store.promises.claim(line, {promise.kind}, at, attempt)
        assert claimed is not None
        assert claimed.id == promise.id
        await self.step(promise, Step.RANG, "the phone rings", timedelta(minutes=1))

    async def step(self, promise: Promise, what: Step, reason: str, after: timedelta, **more: object) -> Promise:
        at = promise.arrived + after
        return await self.store.promises.step(promise.id, what, at, reason, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def a_ledger(directory: Path) -> AsyncIterator[Ledger]:
    store = await Store.open(f"sqlite:///{directory / 'ledger.db'}", Policy())
    try:
        yield Ledger(store)
    finally:
        await store.close()
