"""What is particular to PostgreSQL: other sessions' locks, deadlocks, lost connections, a pool that is used up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import Connection, text

from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.names import PromiseId
from ami_bridge.domain.promise import Policy
from ami_bridge.store import Store, StoreBusy, StoreFailed, orders
from ami_bridge.store import promises as statements
from tests.contract.databases import execute, outside
from tests.contract.making import POLICY, T0, a_promise, a_restored, after, an_incident
from tests.contract.test_store_orders import reported

OURS = "application_name = 'keepline' AND pid <> pg_backend_pid() AND datname = current_database()"


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(postgres_url, POLICY, deadline=5)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def hasty(store: Store, postgres_url: str) -> AsyncIterator[Store]:
    """A store that waits no longer than half a second."""
    opened = await Store.open(postgres_url, POLICY, deadline=0.5)
    try:
        yield opened
    finally:
        await opened.close()


async def works_again(store: Store) -> None:
    """Within reason: on a busy machine half a second can be too short for a healthy server too."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(StoreBusy):
                await store.promises.make(a_promise(1))
                return


async def test_a_table_locked_by_another_session_is_busy_and_then_free_again(hasty: Store, postgres_url: str) -> None:
    locked, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def hold() -> None:
        import asyncpg  # type: ignore[import-untyped]

        connection = await asyncpg.connect(postgres_url)
        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE promises IN ACCESS EXCLUSIVE MODE")
                locked.set()
                await release.wait()
        finally:
            await connection.close()

    holder = loop.create_task(hold())
    await locked.wait()
    with pytest.raises(StoreBusy, match="locked"):
        await hasty.promises.make(a_promise(1))
    with pytest.raises(StoreBusy, match="locked"):
        await hasty.promises.open()
    release.set()
    await holder
    await works_again(hasty)


async def test_more_work_than_connections_is_busy_and_then_free_again(hasty: Store) -> None:
    def slow(conn: Connection) -> None:
        conn.execute(text("SELECT pg_sleep(30)"))

    outcomes = await asyncio.gather(*(hasty._backend.read(slow) for _ in range(15)), return_exceptions=True)
    assert [type(o) for o in outcomes] == [StoreBusy] * 15
    await works_again(hasty)


async def test_connections_ended_by_the_server_are_replaced(store: Store, postgres_url: str) -> None:
    await store.promises.make(a_promise(1))
    ended = await outside(
        postgres_url,
        lambda conn: conn.scalar(text(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {OURS}")),
    )
    assert ended
    assert (await store.promises.make(a_promise(2)))[1]


async def test_a_connection_lost_in_the_middle_leaves_nothing_and_is_one_line(store: Store) -> None:
    def lost(conn: Connection) -> None:
        statements.make(conn, a_promise(1), T0, Policy())
        conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StoreFailed) as failed:
        await store._backend.write(lost)
    assert "\n" not in str(failed.value)
    assert await store.promises.open() == []


async def test_a_unit_of_work_that_fails_leaves_nothing(store: Store) -> None:
    def half(conn: Connection) -> None:
        statements.make(conn, a_promise(1), T0, Policy())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store._backend.write(half)
    assert await store.promises.open() == []


async def test_the_loser_of_a_deadlock_is_run_again(store: Store) -> None:
    """Each takes one row, waits until the other has the second, and wants that: the server aborts one of them."""
    for n in (1, 2):
        await store.promises.make(a_promise(n))
    runs: list[str] = []
    touch = "UPDATE promises SET reason = reason || 'x' WHERE id = :id"
    advisory = "locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"

    def touching(*ids: str) -> Callable[[Connection], None]:
        def work(conn: Connection) -> None:
            runs.append(ids[0])
            conn.execute(text(touch), {"id": ids[0]})
            conn.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": int(ids[0][1:])})
            while len(runs) < 3 and not conn.scalar(text(f"SELECT count(*) > 1 FROM pg_locks WHERE {advisory}")):
                conn.execute(text("SELECT pg_sleep(0.01)"))
            conn.execute(text(touch), {"id": ids[1]})

        return work

    await asyncio.gather(store._backend.write(touching("p1", "p2")), store._backend.write(touching("p2", "p1")))
    assert len(runs) == 3
    for id_ in ("p1", "p2"):
        promise = await store.promises.get(PromiseId(id_))
        assert promise is not None
        assert promise.reason == "xx"


async def test_a_server_that_went_away_is_one_line(store: Store, postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    await execute(postgres_url.replace(name, "postgres"), f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await execute(
        postgres_url.replace(name, "postgres"),
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )
    with pytest.raises(StoreFailed) as failed:
        await store.promises.make(a_promise(1))
    assert "\n" not in str(failed.value)
    await execute(postgres_url.replace(name, "postgres"), f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert (await store.promises.make(a_promise(1)))[1]


@contextlib.asynccontextmanager
async def uncommitted(store: Store, work: Callable[[Connection], object]) -> AsyncIterator[asyncio.Event]:
    """Another session that has done `work` and commits at the end, or when the event is set."""
    done, commit = asyncio.Event(), asyncio.Event()

    async def session() -> None:
        async with store._backend._engine.begin() as conn:  # type: ignore[attr-defined]
            await conn.run_sync(work)
            done.set()
            await commit.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(session())
        await done.wait()
        try:
            yield commit
        finally:
            commit.set()


async def test_an_incident_for_which_a_promise_is_just_being_made_is_not_forgotten(store: Store) -> None:
    over = an_incident(state=IncidentState.RESOLVED)
    await store.incidents.save(over)
    async with uncommitted(store, lambda conn: statements.make(conn, a_restored(1), T0, Policy())):
        assert await store.prune(after(days=1)) == 0
    assert await store.prune(after(days=1)) == 0
    assert await store.incidents.get(over.id) == over
    [promise] = await store.promises.open()
    assert promise.not_before == promise.arrived


async def test_an_order_that_is_just_being_renewed_is_not_forgotten(store: Store, postgres_url: str) -> None:
    await store.orders.keep(reported(until=after(hours=1)))
    renewed = reported(until=after(days=9))

    def waits_for_a_lock(conn: Connection) -> bool:
        waiting = f"SELECT count(*) FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock'"
        return bool(conn.scalar(text(waiting)))

    async with uncommitted(store, lambda conn: orders.keep(conn, renewed)) as commit:
        pruning = asyncio.create_task(store.prune(after(days=1)))
        async with asyncio.timeout(30):
            while not await outside(postgres_url, waits_for_a_lock):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.02)
        commit.set()
        assert await pruning == 0
    assert await store.orders.standing(renewed.pbx, T0) == [renewed]
