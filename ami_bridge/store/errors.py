"""What can go wrong with the store, in words for an operator. No message repeats a password or a stored value."""

from __future__ import annotations

import socket
import sqlite3

from asyncpg import InterfaceError, PostgresError  # type: ignore[import-untyped]
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ami_bridge.domain.names import AttemptId, PromiseId


class StoreError(Exception):
    """The ledger did not do what was asked; the message says why."""


class StoreUnavailable(StoreError):
    """The store cannot be opened as `store.url` is set: an operator must act."""


class StoreBusy(StoreError):
    """Not done within the deadline: the database is locked, overloaded or slow.

    Usually nothing was written. A disk or a server that stops answering in the middle of a commit can still finish it
    later, so ask (`by_attempt`, or the same `make` again) before concluding that nothing was.
    """


class StoreFailed(StoreError):
    """The disk, the file or the server failed (disk full, I/O error, connection lost); nothing was written."""


class Unstorable(StoreError, ValueError):
    """A value no database stores faithfully: text with a NUL or half a surrogate pair, a time without a zone."""


class UnknownPromise(StoreError):
    """No promise has this id."""

    def __init__(self, promise: PromiseId) -> None:
        super().__init__(f"there is no promise {promise}")


class StaleAttempt(StoreError):
    """News of an attempt that is no longer the promise's current one; nothing was changed."""

    def __init__(self, promise: PromiseId, attempt: AttemptId) -> None:
        super().__init__(f"attempt {attempt} is not the current attempt of promise {promise}")


class AttemptTaken(StoreError):
    """An attempt id was offered twice; nothing was claimed."""

    def __init__(self, attempt: AttemptId) -> None:
        super().__init__(f"attempt {attempt} exists already: each attempt needs an id of its own")


class AlreadyOwed(StoreError):
    """A promise was to take the place of another open one; nothing was changed."""

    def __init__(self, promise: PromiseId, other: PromiseId) -> None:
        super().__init__(f"promise {promise} cannot move there: promise {other} is open for that number on that line")
        self.other = other


class Raced(StoreBusy):
    """Another writer changed the same row first. Repeated by the store; seen outside only if that keeps happening."""


_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk reported an I/O error",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is not an SQLite database",
    sqlite3.SQLITE_READONLY: "the file or its directory is not writable",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_PERM: "access to the file is not permitted",
}
# serialization_failure and deadlock_detected: the transaction had no effect and may simply be run again.
_PG_AGAIN = {"40001", "40P01"}
# query_canceled (statement_timeout) and lock_not_available (lock_timeout).
_PG_BUSY = {"57014", "55P03"}
_PG_WORDS = {
    "28P01": "the server refuses this user or password",
    "28000": "the server refuses this user",
    "3D000": "this database does not exist on the server: create it",
    "42501": "this user may not create or change tables there: make it the database's owner",
    "53100": "the server's disk is full",
    "53300": "the server has no connection left",
}


def is_busy(error: BaseException) -> bool:
    """Whether SQLite refused because another connection holds the lock."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _SQLITE_BUSY


def is_worth_repeating(error: BaseException) -> bool:
    """Whether the transaction lost a race, had no effect, and may succeed when run again."""
    return isinstance(error, Raced) or _sqlstate(error) in _PG_AGAIN


def translate(error: BaseException) -> BaseException:
    """Return the store's error for a driver's or SQLAlchemy's `error`; anything else is returned as it is."""
    if isinstance(error, StatementError) and isinstance(error.orig, Unstorable):
        return error.orig
    if isinstance(error, PoolTimeout):
        return StoreBusy("every connection to the database is in use: not done within the deadline")
    if isinstance(error, TimeoutError):
        return StoreBusy("the server did not answer within the deadline")
    if isinstance(error, DBAPIError | sqlite3.Error | PostgresError | InterfaceError | OSError):
        sqlstate = _sqlstate(error)
        if is_busy(error) or sqlstate in _PG_BUSY or sqlstate in _PG_AGAIN:
            return StoreBusy("the database stayed locked by others: not done within the deadline")
        return StoreFailed(words(error))
    return error


def words(error: BaseException) -> str:
    """Say in one line what a driver reports, without SQLAlchemy's statement, parameters or links."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _SQLITE_WORDS:
        return f"{_SQLITE_WORDS[code & 0xFF]} ({getattr(cause, 'sqlite_errorname', code)})"
    known = _PG_WORDS.get(_sqlstate(error))
    if known:
        return known
    if isinstance(cause, socket.gaierror):
        return "the host's name cannot be resolved"
    if isinstance(cause, ConnectionError):
        return "the server does not answer: check host and port, and that it runs"
    said = next(iter(str(cause.__cause__ or cause).splitlines()), "") or type(cause).__name__
    return said[:200]


def _sqlstate(error: BaseException) -> str:
    return getattr(getattr(error, "orig", None) or error, "sqlstate", None) or ""
