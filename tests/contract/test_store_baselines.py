"""What is normal: kept as it was learnt, series by series, through a restart."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ami_bridge.domain.names import PbxName, TenantName
from ami_bridge.store import Store, Unstorable
from tests.contract.databases import execute, outside
from tests.contract.making import POLICY, T0, after

BERLIN, HAMBURG = PbxName("berlin"), PbxName("hamburg")
ACME, GLOBEX = TenantName("acme"), TenantName("globex")
IN, OUT, CALLERS = "trunk/acme-primary/in", "trunk/acme-primary/out", "line/globex/help/callers"


async def test_what_was_learnt_is_there_after_a_restart(store: Store, url: str) -> None:
    assert await store.baselines.load(BERLIN) == {}
    numbers = [1, 1000, 0, 2**40, *range(1500)]
    learnt: dict[str, tuple[TenantName, Any]] = {
        IN: (ACME, numbers),
        OUT: (ACME, []),
        CALLERS: (GLOBEX, {"weeks": [["mon", 1], ["a\0\ud83d'\"ö", None]], "": True}),
    }
    await store.baselines.save(BERLIN, learnt, T0)
    await store.baselines.save(HAMBURG, {IN: (GLOBEX, [7])}, T0)
    other = await Store.open(url, POLICY)
    assert await other.baselines.load(BERLIN) == {series: blob for series, (_, blob) in learnt.items()}
    assert await other.baselines.load(HAMBURG) == {IN: [7]}
    await other.close()


async def test_saving_replaces_the_series_given_and_no_others(store: Store, url: str) -> None:
    await store.baselines.save(BERLIN, {IN: (ACME, [1]), OUT: (ACME, [2])}, T0)
    await store.baselines.save(BERLIN, {}, after(1))
    await store.baselines.save(BERLIN, {IN: (GLOBEX, [3])}, after(2))
    assert await store.baselines.load(BERLIN) == {IN: [3], OUT: [2]}
    rows = await outside(
        url, lambda conn: conn.exec_driver_sql("SELECT series, tenant FROM baselines ORDER BY written").all()
    )
    assert [tuple(row) for row in rows] == [(OUT, ACME), (IN, GLOBEX)]


async def test_one_series_that_cannot_be_kept_leaves_all_as_they_were(store: Store) -> None:
    await store.baselines.save(BERLIN, {IN: (ACME, [1])}, T0)
    for wrong in (float("nan"), {1, 2}, [T0], object()):
        with pytest.raises(Unstorable, match="cannot be kept as JSON"):
            await store.baselines.save(BERLIN, {IN: (ACME, [2]), OUT: (ACME, wrong)}, after(1))
    with pytest.raises(Unstorable, match="cannot be stored"):
        await store.baselines.save(BERLIN, {IN: (ACME, [2]), "trunk/\0": (ACME, [2])}, after(1))
    assert await store.baselines.load(BERLIN) == {IN: [1]}


async def test_series_nobody_watches_any_more_are_forgotten(store: Store) -> None:
    many = {f"trunk/{n}/in": (ACME, [n]) for n in range(2000)}
    await store.baselines.save(BERLIN, many, T0)
    await store.baselines.save(HAMBURG, {"trunk/0/in": (ACME, [1])}, T0)
    kept = {f"trunk/{n}/in" for n in range(40_000) if n % 2}  # more than either takes in one statement
    assert await store.baselines.forget(BERLIN, kept) == 1000
    assert set(await store.baselines.load(BERLIN)) == kept & set(many)
    assert await store.baselines.forget(BERLIN, kept) == 0
    assert await store.baselines.forget(BERLIN, []) == 1000
    assert await store.baselines.load(HAMBURG) == {"trunk/0/in": [1]}


async def test_two_that_save_the_same_series_at_once_leave_one_of_each(store: Store) -> None:
    def all_as(n: int, names: list[int]) -> dict[str, tuple[TenantName, list[int]]]:
        return {f"line/{name}": (ACME, [n]) for name in names}

    there, back = list(range(200)), list(range(199, -1, -1))
    saves = [store.baselines.save(BERLIN, all_as(n, back if n % 2 else there), after(n)) for n in range(8)]
    await asyncio.gather(*saves)
    stored = await store.baselines.load(BERLIN)
    assert len(stored) == 200
    assert len({blob[0] for blob in stored.values()}) == 1  # all of one transaction


async def test_a_blob_damaged_from_outside_is_an_error_and_not_a_wrong_figure(store: Store, url: str) -> None:
    await store.baselines.save(BERLIN, {IN: (ACME, [1, 2, 3])}, T0)
    await execute(url, "UPDATE baselines SET blob = '[1, 2'")
    with pytest.raises(ValueError, match="Expecting"):
        await store.baselines.load(BERLIN)
