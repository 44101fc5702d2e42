"""What was dialled and what it cost, what customers said of it afterwards, and lists of all of it."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from ami_bridge.domain.names import LineName, PromiseId, TenantName
from ami_bridge.domain.promise import Kind, State, Step, Usage
from ami_bridge.store import LineKey, Store, UnknownPromise
from tests.contract.databases import outside
from tests.contract.making import IN_TURN, LINE, a_promise, after, attempt

GLOBEX = LineKey(tenant=TenantName("globex"), pbx=LINE.pbx, line=LINE.line)
ANNA = "+4930111"


async def tried(store: Store, line: LineKey, second: float, *, number: str = "", cost: int = 0) -> PromiseId:
    """An attempt begun at `second`."""
    n = round(second)
    made, _ = await store.promises.make(
        a_promise(n, tenant=line.tenant, number=number or f"+49{n}", not_before=after(0), arrived=after(0))
    )
    claimed = await store.promises.claim(line, IN_TURN, after(second), attempt(n))
    assert claimed is not None
    assert claimed.id == made.id
    assert await store.promises.charge(attempt(n), cost, f"PJSIP/trunk-{n}")
    await store.promises.step(made.id, Step.WITHDRAW, after(second + 1), "done")
    return made.id


async def test_usage_counts_what_was_begun_since(store: Store) -> None:
    for second in (10, 20, 30):
        await tried(store, LINE, second, number=ANNA, cost=second)
    await tried(store, LINE, 40, cost=500)
    await tried(store, GLOBEX, 50, number=ANNA, cost=7)
    usage = await store.promises.usage(LINE.tenant, ANNA, after(20))
    assert usage == Usage(number_attempts=3, tenant_attempts=3, tenant_cost=550)
    assert await store.promises.usage(GLOBEX.tenant, ANNA, after(51)) == Usage()
    assert await store.promises.usage(TenantName("nobody"), ANNA, after(0)) == Usage(number_attempts=4)
    assert await store.promises.charge(attempt(20), 1000)
    assert (await store.promises.usage(LINE.tenant, "", after(20))).tenant_cost == 1530
    assert not await store.promises.charge(attempt("nobody's"), 1)


async def test_an_attempt_keeps_when_it_was_answered_its_channel_and_its_cost(store: Store, url: str) -> None:
    await store.promises.make(a_promise(1))
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    await store.promises.charge(attempt(1), 120, "PJSIP/acme-primary-00000001")
    await store.promises.step(PromiseId("p1"), Step.ANSWERED, after(65), "answered", attempt(1))
    await store.promises.charge(attempt(1), 240)
    await store.promises.step(PromiseId("p1"), Step.MACHINE, after(70), "hung up", attempt(1))

    def stored(conn: Connection) -> tuple[object, ...]:
        row = conn.execute(text("SELECT outcome, cost, channel, answered IS NOT NULL AS answered FROM attempts")).one()
        return row.outcome, row.cost, row.channel, bool(row.answered)

    assert await outside(url, stored) == ("machine", 240, "PJSIP/acme-primary-00000001", True)


async def test_what_the_customer_says_afterwards_is_noted_once_and_ends_nothing_anew(store: Store) -> None:
    await store.promises.make(a_promise(1))
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    for what in (Step.ANSWERED, Step.ACCEPTED, Step.JOINED):
        kept = await store.promises.step(PromiseId("p1"), what, after(70), what.value, attempt(1))
    told = await store.promises.solved(attempt(1), False)
    assert told is not None
    assert (told.solved, told.state, told.reason) == (False, State.KEPT, kept.reason)
    assert await store.promises.solved(attempt(1), False, after(99)) == told
    assert (await store.promises.solved(attempt(1), True, after(100))) is not None
    assert [(e.what, e.at, e.reason) for e in await store.promises.ledger(PromiseId("p1"))][-2:] == [
        ("solved", after(70), "not solved, they say"),
        ("solved", after(100), "solved, they say"),
    ]
    assert await store.promises.kept_since(LINE, after(70)) == [after(70)]
    assert await store.promises.kept_since(LINE, after(71)) == []
    assert await store.promises.solved(attempt("nobody's"), True) is None


async def test_lists_come_in_pages_the_latest_first(store: Store) -> None:
    for n in range(7):
        await store.promises.make(a_promise(n, arrived=after(n // 2)))
    pages, last = [], None
    while page := await store.promises.listed(LINE.tenant, limit=3, after=last):
        pages.append([p.id for p in page])
        last = page[-1].id
    assert pages == [["p6", "p5", "p4"], ["p3", "p2", "p1"], ["p0"]]
    with pytest.raises(UnknownPromise):
        await store.promises.listed(None, limit=3, after=PromiseId("p404"))


async def test_lists_are_narrowed_by_tenant_line_number_and_state(store: Store) -> None:
    await store.promises.make(a_promise(1, number=ANNA))
    await store.promises.make(a_promise(2, line=LineName("sales")))
    await store.promises.make(a_promise(3, tenant=GLOBEX.tenant, number=ANNA))
    await store.promises.make(a_promise(4, kind=Kind.MISSED))
    await store.promises.step(PromiseId("p4"), Step.WITHDRAW, after(9), "cancelled")

    async def ids(tenant: TenantName | None, **narrowed: object) -> list[str]:
        return [p.id for p in await store.promises.listed(tenant, limit=9, **narrowed)]  # type: ignore[arg-type]

    assert await ids(None) == ["p4", "p3", "p2", "p1"]
    assert await ids(LINE.tenant) == ["p4", "p2", "p1"]
    assert await ids(None, number=ANNA) == ["p3", "p1"]
    assert await ids(LINE.tenant, line=LineName("sales")) == ["p2"]
    assert await ids(None, states={State.WITHDRAWN}) == ["p4"]
    assert await ids(None, states=()) == []
