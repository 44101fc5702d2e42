"""The servers that the fault matrix puts in the companion's place are as unhelpful as they are said to be."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from docker.lab import hostile

LOCKS = """
import sys
from docker.lab import hostile
hostile.at_work = lambda: print("at work", flush=True)
hostile.main("lock", sys.argv[1])
"""


@asynccontextmanager
async def connected(serve: hostile.Serve) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    over = asyncio.Event()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hostile.closing(serve)(reader, writer)
        over.set()

    async with await asyncio.start_server(one, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"agi_network: yes\n\n")
        try:
            yield reader, writer
        finally:
            writer.close()
            await asyncio.wait_for(over.wait(), 5)


async def test_who_hangs_reads_everything_and_says_nothing() -> None:
    async with connected(hostile.hang) as (reader, writer):
        writer.write(b"x" * 1_000_000)
        await asyncio.wait_for(writer.drain(), 5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.3)


async def test_garbage_is_of_another_kind_for_each_caller() -> None:
    serve = hostile.garbage()
    seen = set()
    for _ in range(4):
        async with connected(serve) as (reader, _writer):
            seen.add(await asyncio.wait_for(reader.readexactly(16), 5))
    assert len(seen) == 4


async def test_bytes_dribble_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "BYTE_EVERY", 0.05)
    async with connected(hostile.dribble) as (reader, _writer):
        pieces = [await asyncio.wait_for(reader.read(100), 5) for _ in range(6)]
    assert pieces == [b"A", b"N", b"S", b"W", b"E", b"R"]


async def test_a_slow_line_passes_on_what_both_sides_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "BYTE_EVERY", 0.0)

    async def companion(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\n\n") == b"agi_network: yes\n\n"
        writer.write(b"VERBOSE hello 1\n")
        await writer.drain()
        await reader.read()

    async with (
        await asyncio.start_server(hostile.closing(companion), "127.0.0.1", 0) as server,
        connected(hostile.slow(*server.sockets[0].getsockname())) as (reader, _writer),
    ):
        assert await asyncio.wait_for(reader.readline(), 5) == b"VERBOSE hello 1\n"


async def test_a_ledger_that_is_locked_is_read_and_not_written(tmp_path: Path) -> None:
    ledger = tmp_path / "keepline.db"
    with sqlite3.connect(ledger) as store:
        store.execute("PRAGMA journal_mode=WAL")
        store.execute("CREATE TABLE promises (number TEXT)")
    store.close()
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", LOCKS, str(ledger), stdout=PIPE)
    assert holder.stdout is not None
    try:
        assert await asyncio.wait_for(holder.stdout.readline(), 10) == b"at work\n"
        store = sqlite3.connect(ledger, timeout=0.1)
        assert store.execute("SELECT count(*) FROM promises").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            store.execute("INSERT INTO promises VALUES ('1')")
        store.close()
    finally:
        holder.terminate()
        await holder.wait()
