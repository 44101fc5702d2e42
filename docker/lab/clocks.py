"""Clocks that are wrong: one container's time of day is moved while its programs run.

The kernel has one time of day for all containers (time namespaces cover the monotonic clocks only), so it is moved
between the kernel and the program: libfaketime, preloaded by /etc/ld.so.preload, adds what /etc/faketimerc says to the
time of day of everything in the container, and leaves the monotonic clock alone, as a clock that is set does.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from docker.lab.ami import NotSeen
from docker.lab.side import Side

_LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"  # of the Asterisks' image
_COPY = "/usr/local/lib/libfaketime.so.1"
_OFFSET, _PRELOAD = "/etc/faketimerc", "/etc/ld.so.preload"
FORGET = f"rm -f {_OFFSET} {_PRELOAD}"  # what is started after this has the kernel's time


def clock_moved(service: str, hours: int) -> Callable[[Side], AbstractAsyncContextManager[None]]:
    """Move the time of day of `keepline` or `pbx`; within a second or two its programs see it.

    Callers come when the companion has noticed that the PBX's clock was set, for which it has NOTICED seconds.

    A PBX whose clock jumps lets the registrations of its phones expire: they register again, as phones do by and by.
    """

    @contextlib.asynccontextmanager
    async def strikes(side: Side) -> AsyncIterator[None]:
        container = f"{service}{side.suffix}"
        await side.shell(container, f"echo '{hours:+d}h' > {_OFFSET}")
        await _moved(side, container, hours)
        if container == side.pbx:
            await side.phones_register()
            await side.on_time()
        try:
            yield
        finally:
            await side.shell(container, f"echo '+0' > {_OFFSET}")
            await _moved(side, container, 0)

    return strikes


@contextlib.asynccontextmanager
async def companions_clock(side: Side) -> AsyncIterator[tuple[str, ...]]:
    """The companion starts under a time of day that can be moved. Its image has no libfaketime: lend it the PBX's."""
    library = (await side.shell(side.carrier, f"gzip -9c {_LIBRARY} | base64 -w0")).strip()
    try:
        yield (f"echo {library} | base64 -d | gunzip > {_COPY}", f"echo '+0' > {_OFFSET}", f"echo {_COPY} > {_PRELOAD}")
    finally:
        await side.shell(side.keepline, FORGET)


@contextlib.asynccontextmanager
async def pbxs_clock(side: Side) -> AsyncIterator[tuple[str, ...]]:
    """The PBX is started again, under a time of day that can be moved; and once more afterwards, without it."""
    await side.shell(side.pbx, f"echo '+0' > {_OFFSET}; echo {_LIBRARY} > {_PRELOAD}")
    await side.restart_pbx()
    try:
        yield ()
    finally:
        await side.shell(side.pbx, FORGET)
        await side.restart_pbx()


async def _moved(side: Side, container: str, hours: int, deadline: float = 15) -> None:
    """Wait until a running program shows the time it is to have."""
    end = time.monotonic() + deadline
    while True:
        there = await (side.pbx_time() if container == side.pbx else side.house.time())
        if abs(there - time.time() - hours * 3600) < 5:
            return
        if time.monotonic() > end:
            raise NotSeen(f"{container}'s clock is {there - time.time():+.0f} s off, not {hours:+d} h")
        await asyncio.sleep(0.2)
