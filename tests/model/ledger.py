"""The real statements on a real SQLite, in memory and on the spot: what outlives the companions of one run."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, StaticPool, create_engine

from ami_bridge.store import schema
from ami_bridge.store.errors import translate
from tests.model.lives import Killed, Life, named

T = TypeVar("T")


class Database:
    """A new database with nothing in it. There is one at a time: made once, and brought back to that for each run."""

    _engine: Engine | None = None
    _connection: sqlite3.Connection
    _empty: sqlite3.Connection

    def __init__(self) -> None:
        cls = type(self)
        if cls._engine is not None:
            cls._empty.backup(cls._connection)
            return
        cls._connection, cls._empty = (sqlite3.connect(":memory:", isolation_level=None) for _ in range(2))
        cls._engine = create_engine("sqlite://", creator=lambda: cls._connection, poolclass=StaticPool)
        self.run("BEGIN IMMEDIATE", schema.upgrade)
        cls._connection.backup(cls._empty)
        cls._connection.execute("PRAGMA foreign_keys=ON")

    def run(self, begin: str, work: Callable[[Connection], T]) -> T:
        assert self._engine is not None
        with self._engine.connect() as conn, conn.begin():
            conn.exec_driver_sql(begin)
            return work(conn)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What stands in it, asked from outside."""
        return self._connection.execute(sql, values).fetchall()


class LivingBackend:
    """A Backend on a Database for as long as a companion lives."""

    def __init__(self, database: Database, life: Life) -> None:
        self._database = database
        self._life = life

    async def read(self, work: Callable[[Connection], T]) -> T:
        await asyncio.sleep(0)
        if self._life.over.is_set():
            raise Killed
        return self._run("BEGIN", work)

    async def write(self, work: Callable[[Connection], T], deadline: float | None = None) -> T:
        await asyncio.sleep(0)
        if not self._life.begins(f"store {named(work)}"):
            raise Killed
        result = self._run("BEGIN IMMEDIATE", work)
        if not self._life.taken():
            raise Killed
        await asyncio.sleep(0)
        return result

    async def close(self) -> None:
        return None

    def _run(self, begin: str, work: Callable[[Connection], T]) -> T:
        try:
            return self._database.run(begin, work)
        except Exception as error:
            raise translate(error) from error
