"""What was over long ago is forgotten, a bounded number at a time; what is open or waited for is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from ami_bridge.domain.incident import Incident, IncidentState, change
from ami_bridge.domain.names import IncidentId, MaintenanceId
from ami_bridge.domain.promise import Step
from ami_bridge.store import Store
from tests.contract.databases import outside
from tests.contract.making import LINE, T0, a_promise, a_restored, after, an_incident, attempt, seen
from tests.contract.test_store_orders import LONG_AGO, declared, reported, work

LONG_AFTER = after(days=30)


async def ended(store: Store, id_: str, at: datetime) -> Incident:
    incident = an_incident(id_)
    await store.incidents.save(incident)
    over = change(incident, IncidentState.RESOLVED, at, seen("stable again"))
    await store.incidents.save(over)
    return over


async def lines_left(url: str) -> int:
    return int(str(await outside(url, lambda c: c.exec_driver_sql("SELECT count(*) FROM incident_timeline").scalar())))


async def test_incidents_that_ended_before_go_with_their_timelines(store: Store, url: str) -> None:
    kept = await ended(store, "i1", after(10))
    await ended(store, "i2", after(9))
    assert await store.prune(after(10)) == 1
    assert await store.incidents.get(IncidentId("i2")) is None
    assert await store.incidents.timeline(IncidentId("i2")) == []
    assert await store.incidents.recent(5) == [kept]
    assert await lines_left(url) == len(await store.incidents.timeline(kept.id)) == 2


@pytest.mark.parametrize("state", [state for state in IncidentState if state is not IncidentState.RESOLVED])
async def test_an_incident_that_is_open_stays_however_old(store: Store, state: IncidentState) -> None:
    incident = replace(an_incident(), state=state, since=LONG_AGO, changed=LONG_AGO)
    await store.incidents.save(incident)
    assert await store.prune(LONG_AFTER) == 0
    assert await store.incidents.open() == [incident]
    assert len(await store.incidents.timeline(incident.id)) == 1


async def test_an_incident_somebody_waits_for_stays_until_that_promise_has_ended(store: Store) -> None:
    over = await ended(store, "i1", after(10))
    waiting, _ = await store.promises.make(a_restored(1, "i1"))
    in_flight, _ = await store.promises.make(a_promise(2, incident=IncidentId("i1")))
    assert await store.promises.claim(LINE, {in_flight.kind}, after(60), attempt(2))
    await store.promises.step(waiting.id, Step.DECLINED, after(61), "called by herself")
    assert await store.prune(LONG_AFTER) == 0
    assert await store.incidents.recent(5) == [over]
    await store.promises.step(in_flight.id, Step.DECLINED, after(62), "called by himself", attempt(2))
    assert await store.prune(LONG_AFTER) == 1
    assert {p.id for p in await store.promises.recent(5)} == {waiting.id, in_flight.id}
    assert len(await store.promises.ledger(waiting.id)) == 2


async def test_work_and_orders_go_when_they_are_over(store: Store) -> None:
    past, future = work("m1"), work("m2", end=after(hours=8))
    for planned in (past, future, work("m3", end=after(hours=9))):
        await store.maintenance.save(planned)
    await store.maintenance.cancel(MaintenanceId("m3"), after(60))
    for order in (declared(), reported(until=after(hours=9)), reported(told_by="other", until=after(hours=8))):
        await store.orders.keep(order)
    assert await store.prune(after(hours=8)) == 3
    assert [kept.planned for kept in await store.maintenance.recent(5)] == [future]
    assert [order.until for order in await store.orders.standing(LINE.pbx, T0)] == [after(hours=9), after(hours=8)]
    assert await store.prune(after(days=1)) == 3
    assert await store.maintenance.recent(5) == []


async def test_no_more_go_at_once_than_asked_and_the_oldest_incidents_first(store: Store) -> None:
    for n in (3, 1, 2):
        await ended(store, f"i{n}", after(n))
        await store.maintenance.save(work(f"m{n}"))
        await store.orders.keep(reported(told_by=str(n)))
    assert await store.prune(LONG_AFTER, at_once=2) == 2
    assert [i.id for i in await store.incidents.recent(5)] == ["i3"]
    assert len(await store.maintenance.recent(5)) == 3
    assert [await store.prune(LONG_AFTER, at_once=2) for _ in range(5)] == [2, 2, 2, 1, 0]
    assert await store.orders.standing(LINE.pbx, T0) == []


async def test_what_is_renewed_while_others_are_forgotten_is_not_lost(store: Store) -> None:
    """Prunes race with promises made for the incidents they would forget, and with orders that are given again."""
    for n in range(20):
        await ended(store, f"i{n}", after(n))
        await store.orders.keep(reported(told_by=str(n)))
        await store.maintenance.save(work(f"m{n}"))
    until = after(days=60)
    work_of = [
        coroutine
        for n in range(20)
        for coroutine in (
            store.promises.make(a_restored(n, f"i{n}")),
            store.orders.keep(reported(told_by=str(n), until=until)),
            store.maintenance.save(work(f"m{n}", end=until)),
            store.prune(LONG_AFTER, at_once=5),
        )
    ]
    await asyncio.gather(*work_of)
    left = {incident.id for incident in await store.incidents.recent(50)}
    for promise in await store.promises.open():
        assert (promise.incident in left) == (promise.not_before == promise.arrived)
    assert len(await store.orders.standing(LINE.pbx, LONG_AFTER)) == 20
    assert len(await store.maintenance.current(LONG_AFTER)) == 20
