"""An event loop whose time jumps to the next thing that is due: days of simulated time in seconds of real time.

Nothing waits for the world outside: threads' work is done on the spot, and connections are made to peers in memory.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from ami_bridge import runner

# Whom a connection may be made to: takes our protocol, returns the transport to it or raises OSError.
Peer = Callable[[asyncio.BaseProtocol], asyncio.BaseTransport]

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday; the loop's time 0


class Stuck(RuntimeError):
    """Everybody waits for somebody, and nothing will ever be due."""


class _Skipping(selectors.SelectSelector):
    """Asked to wait, it moves the time on instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise Stuck
            self.now += max(0.0, timeout)
        return ready


class Clockwork(asyncio.SelectorEventLoop):
    """Seconds here are simulated ones. `peers` are those one can connect to, by port."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)
        self.peers: dict[int, Peer] = {}

    def time(self) -> float:
        return self._skipping.now

    def clock(self) -> datetime:
        """The time of day."""
        return MORNING + timedelta(seconds=self.time())

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """What a thread would do is done here and now."""
        done: asyncio.Future[Any] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
            done.set_exception(error)
        return done

    async def create_connection(self, factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:  # type: ignore[override]
        protocol = factory()
        if (peer := self.peers.get(port)) is None:
            raise ConnectionRefusedError(f"nobody listens on {port}")
        transport = peer(protocol)
        protocol.connection_made(transport)
        return transport, protocol


@contextmanager
def simulated(tick: float) -> Iterator[Clockwork]:
    """A loop of simulated time, by which the companion's modules measure; its runner looks round every `tick` s."""
    loop, before = Clockwork(), runner.TICK
    patched = [
        (module, module.monotonic)
        for name, module in list(sys.modules.items())
        if name.startswith("ami_bridge") and hasattr(module, "monotonic")
    ]
    runner.TICK = tick
    for module, _real in patched:
        module.monotonic = loop.time
    try:
        yield loop
    finally:
        runner.TICK = before
        for module, real in patched:
            module.monotonic = real
        leftover = asyncio.all_tasks(loop)
        for task in leftover:
            task.cancel()
        if leftover:
            loop.run_until_complete(asyncio.wait(leftover))
        loop.close()
