"""What a line and a number are owed, and how fast a line keeps what it promised."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ami_bridge.domain.names import LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import Kind, Promise, Step
from ami_bridge.store import LineKey, Store
from tests.contract.making import IN_TURN, LINE, RESTORED, T0, a_promise, a_restored, after, attempt

SALES = LineKey(tenant=LINE.tenant, pbx=LINE.pbx, line=LineName("sales"))
GLOBEX = TenantName("globex")
ANNA, BERT = "+4930111", "+4930222"


async def made(store: Store, *promises: Promise) -> None:
    for promise in promises:
        assert await store.promises.make(promise) == (promise, True)


async def kept(store: Store, line: LineKey, seconds: float, *, told: bool = False) -> PromiseId:
    """Keep the oldest promise of `line` at that moment, by an agent's call or by news."""
    name = attempt(f"{line.line}-{seconds}")
    claimed = await store.promises.claim(line, RESTORED if told else IN_TURN, after(seconds - 9), name)
    assert claimed is not None
    steps = [Step.ANSWERED, Step.TOLD] if told else [Step.ANSWERED, Step.ACCEPTED, Step.JOINED]
    for step in steps:
        await store.promises.step(claimed.id, step, after(seconds), "so it was", name)
    return claimed.id


async def test_what_a_line_owes_is_in_order_of_arrival_whatever_its_state(store: Store) -> None:
    first, second, flying, restored = a_promise(1), a_promise(2), a_promise(0), a_restored(3)
    await made(
        store,
        restored,
        second,
        first,
        flying,
        a_promise(4, line=SALES.line),
        a_promise(5, tenant=GLOBEX),
        a_promise(6, pbx=PbxName("hamburg")),
        a_promise(7),
    )
    await store.promises.step(PromiseId("p7"), Step.DECLINED, after(8), "called again")
    claimed = await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    assert claimed is not None
    assert await store.promises.open_on(LINE) == [claimed, first, second, restored]
    assert [promise.id for promise in await store.promises.open_on(SALES)] == ["p4"]
    assert await store.promises.open_on(LineKey(tenant=GLOBEX, pbx=LINE.pbx, line=SALES.line)) == []


async def test_what_a_number_is_owed_by_a_tenant_is_found_on_all_of_its_lines_and_pbxs(store: Store) -> None:
    mine = [
        a_promise(1, number=ANNA, pbx=PbxName("hamburg"), line=LineName("there")),
        a_promise(2, number=ANNA),
        a_restored(3, number=ANNA),
        a_promise(4, number=ANNA, line=SALES.line),
    ]
    await made(store, *reversed(mine), a_promise(5, number=BERT), a_promise(6, number=ANNA, tenant=GLOBEX))
    assert await store.promises.open_of(LINE.tenant, ANNA) == mine
    assert [promise.id for promise in await store.promises.open_of(GLOBEX, ANNA)] == ["p6"]
    assert await store.promises.open_of(LINE.tenant, "4930111") == []
    await store.promises.step(mine[1].id, Step.DECLINED, T0, "not needed")
    assert await store.promises.open_of(LINE.tenant, ANNA) == [mine[0], *mine[2:]]


async def test_when_callbacks_in_turn_were_kept_is_known_from_a_moment_on(store: Store) -> None:
    """News, what was kept on other lines, and what ended otherwise say nothing of how fast this one moves."""
    await made(store, *(a_promise(n) for n in range(4)), a_promise(8, line=SALES.line))
    await made(store, replace(a_restored(9), not_before=after(9)))
    assert await kept(store, LINE, 300) == "p0"
    assert await kept(store, LINE, 100) == "p1"
    await store.promises.step(PromiseId("p2"), Step.DECLINED, after(200), "called again")
    await kept(store, SALES, 150)
    await kept(store, LINE, 160, told=True)
    assert await store.promises.kept_since(LINE, T0) == [after(100), after(300)]
    assert await store.promises.kept_since(LINE, after(100)) == [after(100), after(300)]
    assert await store.promises.kept_since(LINE, after(100) + timedelta(microseconds=1)) == [after(300)]
    assert await store.promises.kept_since(LINE, after(301)) == []
    assert [promise.kind for promise in await store.promises.open_on(LINE)] == [Kind.IN_TURN]
