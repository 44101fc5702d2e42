"""A look at a database from outside the store, and a hand on it, as another program would have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

T = TypeVar("T")


async def outside(url: str, work: Callable[[Connection], T]) -> T:
    """Run `work` in a transaction of its own over a connection the store knows nothing of."""
    parsed = make_url(url)
    driver = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}[parsed.get_backend_name()]
    engine = create_async_engine(parsed.set(drivername=driver))
    try:
        async with engine.begin() as conn:
            return await conn.run_sync(work)
    finally:
        await engine.dispose()


async def execute(url: str, sql: str) -> None:
    await outside(url, lambda conn: conn.execute(text(sql)).close())
