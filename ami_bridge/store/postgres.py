"""PostgreSQL: a pool of connections, each unit of work a transaction of its own."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import create_async_engine

from ami_bridge.store.errors import StoreBusy, StoreFailed, is_worth_repeating, translate

T = TypeVar("T")

# Pauses, in seconds, before a transaction that lost a race is run again; jittered so that two losers part.
_REPEATS = (0.01, 0.02, 0.05, 0.1, 0.2)
_POOL = 5


class PostgresBackend:
    """A Backend over a server. The server itself ends a statement that outlasts the deadline."""

    def __init__(self, url: URL, deadline: float) -> None:
        self._deadline = deadline
        self._closed = False
        milliseconds = str(int(deadline * 1000))
        self._engine = create_async_engine(
            url.set(drivername="postgresql+asyncpg"),
            pool_size=_POOL,
            max_overflow=_POOL,
            pool_timeout=deadline,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={
                "timeout": deadline,
                "server_settings": {"application_name": "keepline", "statement_timeout": milliseconds},
            },
        )

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.write(work)

    async def write(self, work: Callable[[Connection], T], deadline: float | None = None) -> T:
        if self._closed:
            raise StoreFailed("the store is closed")
        # A little more than the server's own limit, which leaves the connection usable where ours would drop it.
        seconds = (self._deadline if deadline is None else deadline) + 0.5
        try:
            async with asyncio.timeout(seconds):
                return await self._repeat(work)
        except TimeoutError:
            raise StoreBusy(f"the database did not answer within {seconds:g} s") from None

    async def _repeat(self, work: Callable[[Connection], T]) -> T:
        for pause in (*_REPEATS, None):
            try:
                async with self._engine.begin() as conn:
                    return await conn.run_sync(work)
            except Exception as error:
                if pause is None or not is_worth_repeating(error):
                    raise translate(error) from error
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries, guards nothing
        raise AssertionError("unreachable: the last round returns or raises")

    async def close(self) -> None:
        self._closed = True
        # A server that does not answer is left to notice by itself that we are gone.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._deadline):
                await self._engine.dispose()
