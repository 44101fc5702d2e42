"""What is particular to SQLite: commits shared by many, locks held by others, a disk that fills up."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from ami_bridge.domain.names import PromiseId
from ami_bridge.domain.promise import IllegalStep, Policy, Promise, Step
from ami_bridge.store import Store, StoreBusy, StoreFailed
from ami_bridge.store import promises as statements
from tests.contract.making import IN_TURN, LINE, POLICY, T0, a_promise, after, attempt

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(sqlite_url, POLICY, deadline=30)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def hasty(store: Store, sqlite_url: str) -> AsyncIterator[Store]:
    """A store over the same file that waits no longer than a second."""
    opened = await Store.open(sqlite_url, POLICY, deadline=1)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def other(store: Store, sqlite_url: str) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the same file."""
    path = sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


@contextmanager
def counting_commits(store: Store) -> Iterator[list[int]]:
    commits: list[int] = []

    def count(_connection: Connection) -> None:
        commits.append(1)

    engine = store._backend._engine.sync_engine  # type: ignore[attr-defined]
    event.listen(engine, "commit", count)
    try:
        yield commits
    finally:
        event.remove(engine, "commit", count)


async def test_a_commit_survives_a_power_cut_and_readers_do_not_wait_for_writers(store: Store) -> None:
    def pragmas(conn: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    full = 2
    assert await store._backend.read(pragmas) == ["wal", full, 1]


async def test_concurrent_writes_share_commits(store: Store) -> None:
    with counting_commits(store) as commits:
        await asyncio.gather(*(store.promises.make(a_promise(n)) for n in range(100)))
    assert len(commits) <= 3
    assert len(await store.promises.open()) == 100


async def test_each_is_answered_only_after_its_commit(store: Store, other: sqlite3.Connection) -> None:
    async def make(n: int) -> int:
        await store.promises.make(a_promise(n))
        return int(other.execute("SELECT count(*) FROM promises WHERE id = ?", (f"p{n}",)).fetchone()[0])

    assert await asyncio.gather(*(make(n) for n in range(30))) == [1] * 30


async def test_a_write_that_fails_undoes_itself_and_none_of_its_neighbours(store: Store) -> None:
    def half(conn: Connection) -> None:
        statements.make(conn, a_promise(1000), T0, Policy())
        raise ZeroDivisionError

    await store.promises.make(a_promise(999))
    with counting_commits(store) as commits:
        good = [store.promises.make(a_promise(n)) for n in range(10)]
        bad = [store._backend.write(half), store.promises.step(PromiseId("p999"), Step.JOINED, T0, "impossible")]
        outcomes = await asyncio.gather(*good[:5], *bad, *good[5:], return_exceptions=True)
    assert len(commits) == 1
    assert [type(o) for o in outcomes[5:7]] == [ZeroDivisionError, IllegalStep]
    assert all(isinstance(o, tuple) for o in outcomes[:5] + outcomes[7:])
    assert {p.id for p in await store.promises.open()} == {f"p{n}" for n in [*range(10), 999]}


async def test_a_lock_held_by_another_program_is_busy_for_writers_only_and_only_as_long_as_it_is_held(
    store: Store, hasty: Store, other: sqlite3.Connection
) -> None:
    promise, _ = await store.promises.make(a_promise(1))
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(hasty.promises.make(a_promise(2)))
    assert await hasty.promises.open() == [promise]
    with pytest.raises(StoreBusy, match="within 1 s"):
        await writing
    waiting = asyncio.create_task(store.promises.make(a_promise(3)))
    await store.promises.open()
    other.execute("ROLLBACK")
    assert (await waiting)[1]
    assert [p.id for p in await hasty.promises.open()] == ["p1", "p3"]


async def test_a_write_waits_out_a_lock_shorter_than_its_deadline(store: Store, other: sqlite3.Connection) -> None:
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(store.promises.make(a_promise(1)))
    await store.promises.open()  # the write was queued before, so it has met the lock once by now
    assert not writing.done()
    other.execute("COMMIT")
    assert (await writing)[1]


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_fails_writes_in_one_line_and_the_store_lives_on(store: Store) -> None:
    long = "x" * 100_000
    with no_file_grows_beyond(400_000):
        outcomes = await asyncio.gather(
            *(store.promises.make(a_promise(n, reason=long)) for n in range(8)), return_exceptions=True
        )
        failures = [o for o in outcomes if isinstance(o, BaseException)]
        assert failures
        assert all(isinstance(o, StoreFailed) for o in failures)
        assert all("disk" in str(o) and "\n" not in str(o) for o in failures)
        assert long not in str(failures[0])
        kept = [o[0] for o in outcomes if not isinstance(o, BaseException)]
        assert await store.promises.open() == kept
    made, is_new = await store.promises.make(a_promise(50, reason=long))
    assert is_new
    assert await store.promises.open() == [*kept, made]


async def test_a_write_too_large_for_the_disk_fails_alone(store: Store) -> None:
    """SQLITE_FULL ends SQLite's whole transaction: those in the same batch must be neither lost nor told a lie."""

    def cap(conn: Connection) -> None:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar()
        conn.exec_driver_sql(f"PRAGMA max_page_count = {int(str(pages)) + 5}")

    await store._backend.read(cap)
    promises = [a_promise(1), a_promise(2, reason="x" * 100_000), a_promise(3)]
    outcomes = await asyncio.gather(*(store.promises.make(p) for p in promises), return_exceptions=True)
    assert outcomes[::2] == [(promises[0], True), (promises[2], True)]
    assert isinstance(outcomes[1], StoreFailed)
    assert "the disk is full" in str(outcomes[1])
    assert await store.promises.open() == [promises[0], promises[2]]


async def test_a_caller_who_gives_up_does_not_disturb_the_others(store: Store) -> None:
    tasks = [asyncio.create_task(store.promises.make(a_promise(n))) for n in range(10)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(o, asyncio.CancelledError) for o in outcomes] == [True, False] * 5
    assert {f"p{n}" for n in range(1, 10, 2)} <= {p.id for p in await store.promises.open()}


async def test_closing_finishes_what_was_accepted_and_leaves_no_thread(sqlite_url: str) -> None:
    before = set(threading.enumerate())
    store = await Store.open(sqlite_url, POLICY)
    tasks = [asyncio.create_task(store.promises.make(a_promise(n))) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert all(is_new for _, is_new in await asyncio.gather(*tasks))
    await store.close()
    async with asyncio.timeout(10):
        while set(threading.enumerate()) - before:  # noqa: ASYNC110 - a thread's last instructions tell nobody
            await asyncio.sleep(0.01)
    with pytest.raises(StoreFailed, match="closed"):
        await store.promises.make(a_promise(99))


async def test_a_store_left_open_does_not_hang_the_exit(sqlite_url: str) -> None:
    program = (
        "import asyncio, sys; from ami_bridge.store import Store; from tests.contract.making import POLICY\n"
        "async def main(): await Store.open(sys.argv[1], POLICY); raise SystemExit(7)\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", program, sqlite_url]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, timeout=30, check=False, capture_output=True)
    assert done.returncode == 7


async def test_a_busy_claim_can_be_asked_about_and_repeated(
    store: Store, hasty: Store, other: sqlite3.Connection
) -> None:
    await store.promises.make(a_promise(1))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy):
        await hasty.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    other.execute("ROLLBACK")
    assert await store.promises.by_attempt(attempt(1)) is None
    claimed = await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    assert isinstance(claimed, Promise)
