"""SQLite: one connection to the file, and one task that commits concurrent work together.

Callers queue units of work. The task takes all that wait, runs each under a SAVEPOINT inside one transaction, commits,
and only then answers: under load a hundred callers share one flush to disk, and one that fails undoes only itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from ami_bridge.store.errors import StoreBusy, StoreFailed, is_busy, translate

T = TypeVar("T")

# How long one BEGIN waits inside SQLite for another process's lock. Short, because reads wait behind it; writes are
# then put back in the queue and tried again until their own deadlines.
_LOCK_WAIT_SECONDS = 0.25
_LOCK_PAUSE_SECONDS = 0.02
_BATCH = 256
_READING, _WRITING = "BEGIN", "BEGIN IMMEDIATE"
_QUEUE = 10_000

# FULL, not NORMAL: in WAL mode NORMAL may lose the last commits at a power cut, and those are promises already spoken.
_PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON")


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    done: asyncio.Future[Any]


class SqliteBackend:
    """A Backend over one file. Belongs to the event loop it is created on."""

    def __init__(self, path: Path, deadline: float) -> None:
        self._deadline = deadline
        self._engine = _engine(path)
        self._reads: deque[_Job] = deque()
        self._writes: deque[_Job] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._server = asyncio.create_task(self._serve(), name="store-writer")

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._submit(self._reads, work, self._deadline)

    async def write(self, work: Callable[[Connection], T], deadline: float | None = None) -> T:
        return await self._submit(self._writes, work, self._deadline if deadline is None else deadline)

    async def _submit(self, queue: deque[_Job], work: Callable[[Connection], T], deadline: float) -> T:
        if self._closing:
            raise StoreFailed("the store is closed")
        if len(queue) >= _QUEUE:
            raise StoreBusy(f"the store has {_QUEUE} requests waiting and takes no more")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        queue.append(_Job(work, done))
        self._wake.set()
        try:
            async with asyncio.timeout(deadline):
                return await done
        except TimeoutError:
            raise StoreBusy(f"the database was locked or too slow: not done within {deadline:g} s") from None

    async def close(self) -> None:
        self._closing = True
        self._wake.set()
        try:
            # A disk that does not answer is left behind: the driver's thread is a daemon and does not hold up the exit.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._deadline):
                    await self._server
                    await self._engine.dispose()
        finally:
            for job in (*self._reads, *self._writes):
                _answer(job, error=StoreFailed("the store is closed"))

    async def _serve(self) -> None:
        while True:
            reads, writes = _take(self._reads), _take(self._writes)
            if not reads and not writes:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            # Reads first, in a transaction of their own that no other process's write lock can hold up.
            for batch, queue, begin in ((reads, self._reads, _READING), (writes, self._writes, _WRITING)):
                left = await self._perform(batch, begin) if batch else []
                if left:
                    queue.extendleft(reversed(left))
                    await asyncio.sleep(_LOCK_PAUSE_SECONDS)

    async def _perform(self, batch: list[_Job], begin: str) -> list[_Job]:
        """Run `batch` in one transaction and answer its callers; return those for whom the file was locked.

        Where the transaction itself failed (a full disk, an I/O error), each is run again alone, so that one write too
        large for the disk does not fail the others.
        """
        try:
            async with self._engine.connect() as conn:
                outcomes = await conn.run_sync(_transact, begin, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the callers and not to this task
            if is_busy(error):
                return batch
            if len(batch) > 1:
                return [left for job in batch for left in await self._perform([job], begin)]
            outcomes = [(None, error)] * len(batch)
        for job, (result, failure) in zip(batch, outcomes, strict=True):
            _answer(job, result, failure)
        return []


def _engine(path: Path) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        # No isolation level: the driver begins nothing by itself, `_transact` says BEGIN.
        connect_args={"isolation_level": None, "timeout": _LOCK_WAIT_SECONDS},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        try:
            for pragma in _PRAGMAS:
                cursor.execute(pragma)
        finally:
            cursor.close()

    return engine


def _take(queue: deque[_Job]) -> list[_Job]:
    """Remove and return the next jobs whose callers still wait."""
    batch: list[_Job] = []
    while queue and len(batch) < _BATCH:
        job = queue.popleft()
        if not job.done.done():
            batch.append(job)
    return batch


def _answer(job: _Job, result: Any = None, error: BaseException | None = None) -> None:
    if job.done.done():
        return  # its caller gave up waiting
    if error is None:
        job.done.set_result(result)
    else:
        job.done.set_exception(translate(error))


def _transact(conn: Connection, begin: str, batch: list[_Job]) -> list[tuple[Any, BaseException | None]]:
    """Run the batch in one transaction; return each one's result or error, once committed."""
    with conn.begin():
        conn.exec_driver_sql(begin)
        run = _guarded if begin == _WRITING else _looked_up
        return [run(conn, job) for job in batch]


def _looked_up(conn: Connection, job: _Job) -> tuple[Any, BaseException | None]:
    """A question that fails changes nothing that the others of its transaction see: it needs no savepoint."""
    if job.done.done():
        return None, None
    try:
        return job.work(conn), None
    except Exception as error:  # noqa: BLE001 - it belongs to the one who asked
        return None, error


def _guarded(conn: Connection, job: _Job) -> tuple[Any, BaseException | None]:
    if job.done.done():
        return None, None  # its caller gave up while BEGIN waited for the lock: do not write behind its back
    savepoint = conn.begin_nested()
    try:
        result = job.work(conn)
        savepoint.commit()
    except Exception as error:
        # A full disk or an I/O error makes SQLite roll back the whole transaction: then all of the batch has failed.
        driver = conn.connection.driver_connection
        if driver is None or not driver.in_transaction:
            raise
        savepoint.rollback()
        return None, error
    return result, None
