"""`store.url`, read and judged before anything is opened. No message repeats the password."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ami_bridge.store.errors import StoreUnavailable

_FORMS = "write sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"

_PG_OPTIONS = frozenset({"ssl"})  # asyncpg's name; its values are libpq's sslmode


def parse(url: str) -> URL:
    """Return `store.url` parsed; raise StoreUnavailable if it names no database that can keep a ledger."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreUnavailable(f"store.url is not a database address: {_FORMS}") from None
    backend = parsed.get_backend_name()
    driver = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}.get(backend)
    if driver is None or parsed.drivername not in (backend, driver):
        raise StoreUnavailable(f"store.url names {parsed.drivername}, which is not supported: {_FORMS}")
    if backend == "sqlite":
        _check_file_url(parsed)
    elif not parsed.database:
        raise StoreUnavailable(f"store.url names no database: {_FORMS}")
    elif not _PG_OPTIONS.issuperset(parsed.query):
        raise StoreUnavailable(f"store.url: the only option it takes is {', '.join(_PG_OPTIONS)}")
    return parsed


def _check_file_url(url: URL) -> None:
    name = url.database or ""
    if name in ("", ":memory:") or name.startswith("file:"):
        raise StoreUnavailable(
            "store.url names an in-memory or special SQLite database: what is owed to callers would be lost "
            "at the first restart; write sqlite:///PATH"
        )
    if url.query or url.host:
        raise StoreUnavailable("store.url: an SQLite address takes a path and no host or options; write sqlite:///PATH")


def describe(url: URL) -> str:
    """Say which database `url` means, without credentials or options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"database {url.database!r} at {url.host or 'the local socket'}:{url.port or 5432} as {url.username or '?'}"


def prepare_file(path: Path) -> None:
    """Make sure `path` can be an SQLite file: create it and, if its parent is there, its directory.

    Files are created for their owner alone, since they hold callers' numbers. An existing file is not opened here:
    closing it again would drop the locks this process may hold on it through SQLite (POSIX locks belong to a process).
    """
    folder = path.parent
    try:
        folder.mkdir(mode=0o750, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        if isinstance(error, FileExistsError) and path.is_file():
            return
        why = error.strerror or str(error)
        raise StoreUnavailable(
            f"store.url: {path} cannot be created ({why}); name a path in a directory this user can write to"
        ) from None
    if not path.is_file():
        raise StoreUnavailable(f"store.url: {path} is not a file; name a file")
    needs = {path: os.R_OK | os.W_OK, folder: os.W_OK | os.X_OK}  # the folder too: SQLite keeps its log beside the file
    if not all(os.access(place, need, effective_ids=True) for place, need in needs.items()):
        raise StoreUnavailable(
            f"store.url: {path} or its directory is not writable by this user; change their owner or name another path"
        )
