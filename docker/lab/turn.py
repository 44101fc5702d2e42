"""One driver at a time: a demonstration and a test run on the same containers would hang up each other's calls."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import time
from collections.abc import AsyncIterator
from pathlib import Path

_held: dict[Path, int] = {}  # by this process, and how often: it may connect more than once


class NotOurTurn(Exception):
    """Another process drives the lab and did not finish within the deadline."""


@contextlib.asynccontextmanager
async def our_turn(lock: Path, *, deadline: float = 600) -> AsyncIterator[None]:
    """Hold `lock` for this process; wait while another process has it, at most `deadline` seconds.

    The lock is the kernel's (flock), so a driver that was killed does not keep it.
    """
    with contextlib.ExitStack() as cleanup:
        if not _held.get(lock):
            file = cleanup.enter_context(lock.open("w"))
            await _take(file.fileno(), lock, deadline)
        _held[lock] = _held.get(lock, 0) + 1
        try:
            yield
        finally:
            _held[lock] -= 1


async def _take(descriptor: int, lock: Path, deadline: float) -> None:
    end = time.monotonic() + deadline
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise NotOurTurn(f"another demonstration or test run holds {lock} since {deadline:.0f} s") from None
            await asyncio.sleep(0.2)
        else:
            return
