"""What the store needs of a database: run a unit of work, whole and within a deadline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Backend(Protocol):
    """One database. `work` is a plain function over a connection in a transaction; it may be run again after a lost
    race or a busy database, so it changes nothing but the database.

    Both methods raise what `work` raises, StoreBusy after the deadline and StoreFailed when the database fails.
    """

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return what `work`, which only reads, found."""

    async def write(self, work: Callable[[Connection], T], deadline: float | None = None) -> T:
        """Return what `work` returned, once its changes are committed. `deadline` in seconds, else the store's own."""

    async def close(self) -> None:
        """Finish what was accepted, within the deadline, and close every connection."""
