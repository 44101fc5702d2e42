"""Many at once, in one process and in several stores over one database: nothing twice, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ami_bridge.domain.names import LineName, PromiseId
from ami_bridge.domain.promise import IllegalStep, Promise, State, Step
from ami_bridge.store import LineKey, StaleAttempt, Store
from tests.contract.making import IN_TURN, LINE, POLICY, a_promise, after, an_incident, attempt

SALES = LineKey(tenant=LINE.tenant, pbx=LINE.pbx, line=LineName("sales"))
LATER = after(3600)


@pytest.fixture
async def stores(url: str) -> AsyncIterator[list[Store]]:
    """Three stores over one new database, opened at the same moment."""
    opened = await asyncio.gather(*(Store.open(url, POLICY, deadline=20) for _ in range(3)))
    try:
        yield opened
    finally:
        for store in opened:
            await store.close()


async def test_no_promise_is_claimed_twice(stores: list[Store]) -> None:
    for n in range(20):
        await stores[0].promises.make(a_promise(n))
    claims = [stores[i % 3].promises.claim(LINE, IN_TURN, LATER, attempt(i)) for i in range(30)]
    claimed = [promise for promise in await asyncio.gather(*claims) if promise is not None]
    assert sorted(p.id for p in claimed) == sorted(f"p{n}" for n in range(20))
    assert len({p.attempt for p in claimed}) == 20
    assert all(p.attempts == 1 for p in claimed)


async def test_no_number_is_twice_in_flight(stores: list[Store]) -> None:
    """Two lines owe the same numbers, so that their claims reach for the same phone at the same moment."""
    for n in range(10):
        await stores[0].promises.make(a_promise(n))
        await stores[0].promises.make(a_promise(100 + n, number=a_promise(n).number, line=SALES.line))
    claims = [stores[i % 3].promises.claim((LINE, SALES)[i % 2], IN_TURN, LATER, attempt(i)) for i in range(40)]
    numbers = [promise.number for promise in await asyncio.gather(*claims) if promise is not None]
    assert sorted(numbers) == sorted(a_promise(n).number for n in range(10))
    assert sorted(p.number for p in await stores[0].promises.in_flight(LINE.pbx)) == sorted(numbers)


async def test_one_origin_reported_many_times_at_once_is_one_promise(stores: list[Store]) -> None:
    reports = [stores[n % 3].promises.make(a_promise(n, origin="call-1", number="+49301")) for n in range(15)]
    answers = await asyncio.gather(*reports)
    assert [made for _, made in answers].count(True) == 1
    assert len({promise.id for promise, _ in answers}) == 1
    [stored] = await stores[0].promises.open()
    assert [e.what for e in await stores[0].promises.ledger(stored.id)] == ["made"]


async def test_one_number_asking_many_times_at_once_is_one_promise(stores: list[Store]) -> None:
    answers = await asyncio.gather(*(stores[n % 3].promises.make(a_promise(n, number="+49301")) for n in range(15)))
    assert [made for _, made in answers].count(True) == 1
    assert len({promise.id for promise, _ in answers}) == 1


async def test_of_many_who_end_an_attempt_at_once_one_succeeds(stores: list[Store]) -> None:
    await stores[0].promises.make(a_promise(1))
    await stores[0].promises.claim(LINE, IN_TURN, LATER, attempt(1))
    ends = [
        stores[i % 3].promises.step(
            PromiseId("p1"), (Step.NO_ANSWER, Step.DECLINED)[i % 2], LATER, f"witness {i}", attempt(1)
        )
        for i in range(12)
    ]
    outcomes = await asyncio.gather(*ends, return_exceptions=True)
    [moved] = [outcome for outcome in outcomes if isinstance(outcome, Promise)]
    assert all(isinstance(o, Promise | StaleAttempt | IllegalStep) for o in outcomes)
    assert moved.state in (State.WAITING, State.WITHDRAWN)
    assert await stores[1].promises.get(moved.id) == moved
    assert len(await stores[1].promises.ledger(moved.id)) == 3


async def test_an_incident_saved_many_times_at_once_has_one_line_per_state(stores: list[Store]) -> None:
    await asyncio.gather(*(stores[n % 3].incidents.save(an_incident()) for n in range(9)))
    assert await stores[0].incidents.open() == [an_incident()]
    assert len(await stores[0].incidents.timeline(an_incident().id)) == 1
