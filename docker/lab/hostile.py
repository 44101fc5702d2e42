"""Runs by itself inside the companion's container, in its place or against it. Standard library only.

    hostile.py hang|garbage|dribble PORT   a FastAGI server that never helps anybody
    hostile.py slow PORT HOST:PORT         a relay that lets one byte through at a time
    hostile.py lock FILE                   takes a SQLite file for itself

It writes its process id to /tmp/hostile once it is at work, and ends by SIGTERM or after ten minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

AT_WORK = Path("/tmp/hostile")
ENDS_AFTER = 600  # seconds, should nobody come to end it
BYTE_EVERY = 0.4  # seconds, where bytes dribble
HELPFUL = b'ANSWER\nSET VARIABLE "KL_NEXT" "continue"\nSTREAM FILE "silence/10" "1"\n'  # too late, one byte at a time

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Read all that comes and never answer."""
    with contextlib.suppress(OSError):
        while await reader.read(4096):
            pass


def garbage() -> Serve:
    """Each caller gets another kind: noise, unknown commands, one endless line, commands that cannot be done."""
    kinds: Iterator[Callable[[], bytes]] = itertools.cycle(
        [
            lambda: os.urandom(512),
            lambda: b"200 result=1\nGIVE UP NOW\nSTREAM FIEL x\n" + b"\xff\xfe\n",
            lambda: b"SAY " * 500,
            lambda: b'STREAM FILE "no/such/file" ""\nEXEC NoSuch "\\"\n',
        ]
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind = next(kinds)
        reading = asyncio.create_task(hang(reader, writer))
        while not reading.done():
            writer.write(kind())
            await writer.drain()
            await asyncio.sleep(0.2)

    return serve


async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What a companion might say, so slowly that it does not count."""
    reading = asyncio.create_task(hang(reader, writer))
    for byte in itertools.cycle(HELPFUL):
        if reading.done():
            return
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(BYTE_EVERY)


def slow(host: str, port: int) -> Serve:
    """Pass on what both sides say, a byte at a time."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while byte := await reader.read(1):
            writer.write(byte)
            await writer.drain()
            await asyncio.sleep(BYTE_EVERY)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, port)
        await asyncio.gather(trickle(reader, back), trickle(there, writer))

    return serve


def closing(serve: Serve) -> Serve:
    """Serve one caller until they have had enough."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await serve(reader, writer)
        writer.close()

    return one


async def listen(port: int, serve: Serve) -> None:
    async with await asyncio.start_server(closing(serve), "0.0.0.0", port):
        at_work()
        await asyncio.sleep(ENDS_AFTER)


def lock(file: str) -> None:
    """Hold the file as a backup does that hangs: others may read it and not write."""
    with sqlite3.connect(file, isolation_level=None, timeout=10) as store:
        store.execute("BEGIN EXCLUSIVE")
        at_work()
        time.sleep(ENDS_AFTER)


def at_work() -> None:
    """Whoever started this may go on, and knows whom to end."""
    AT_WORK.write_text(str(os.getpid()))


def main(mode: str, *how: str) -> None:
    if mode == "lock":
        lock(*how)
        return
    port, *to = how
    if mode == "slow":
        host, _, their_port = to[0].rpartition(":")
        serve = slow(host, int(their_port))
    else:
        serve = garbage() if mode == "garbage" else {"hang": hang, "dribble": dribble}[mode]
    asyncio.run(listen(int(port), serve))


if __name__ == "__main__":
    main(*sys.argv[1:])
