"""The ledger as operators ask for it: by kind, time and the beginning of an id, on both databases."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ami_bridge.domain.names import PromiseId
from ami_bridge.domain.promise import Kind, Step
from ami_bridge.store import Store
from tests.contract.making import a_promise, a_restored, after


async def test_promises_are_listed_by_kind_and_by_when_their_callers_came(store: Store) -> None:
    for promise in (a_promise(1), a_restored(2), a_promise(3, kind=Kind.MISSED), a_promise(4)):
        await store.promises.make(promise)

    async def found(
        kinds: Collection[Kind] | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> list[str]:
        return [one.id for one in await store.promises.listed(None, kinds=kinds, since=since, until=until, limit=9)]

    assert await found() == ["p4", "p3", "p2", "p1"]
    assert await found({Kind.RESTORED, Kind.MISSED}) == ["p3", "p2"]
    assert await found(since=after(2), until=after(4)) == ["p3", "p2"]  # `since` belongs to it, `until` does not
    assert await found({Kind.IN_TURN}, since=after(2)) == ["p4"]
    assert await found(frozenset()) == []


async def test_ids_are_found_by_how_they_begin_letter_by_letter(store: Store) -> None:
    for n, name in enumerate(("4f0a", "4f9b", "4f9", "_f", "%f", "4F9")):
        await store.promises.make(a_promise(n, id=PromiseId(name)))
    assert set(await store.promises.beginning("4f", 9)) == {"4f0a", "4f9", "4f9b"}
    assert await store.promises.beginning("4f9", 9) == ["4f9", "4f9b"]
    assert await store.promises.beginning("4f9", 1) == ["4f9"]
    assert await store.promises.beginning("4F", 9) == ["4F9"]
    assert await store.promises.beginning("%", 9) == ["%f"]
    assert await store.promises.beginning("_", 9) == ["_f"]
    assert await store.promises.beginning("4f9bc", 9) == []


async def test_several_ledgers_are_read_at_once_each_in_order(store: Store) -> None:
    for n in (1, 2, 3):
        await store.promises.make(a_promise(n))
    await store.promises.step(PromiseId("p1"), Step.HOLD, after(10), "at night")
    await store.promises.step(PromiseId("p2"), Step.WITHDRAW, after(11), "they came by")
    await store.promises.step(PromiseId("p1"), Step.RETRY, after(12), "now")
    one, two, none = PromiseId("p1"), PromiseId("p2"), PromiseId("p9")
    read = await store.promises.ledgers([two, one, none])
    assert {id_: [entry.what for entry in entries] for id_, entries in read.items()} == {
        one: ["made", "hold", "retry"], two: ["made", "withdraw"], none: [],
    }  # fmt: skip
    assert read[one] == await store.promises.ledger(one)
    assert await store.promises.ledgers([]) == {}
