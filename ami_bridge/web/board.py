"""Where the page reads the state of the house, and how it learns that there is a newer one."""

from __future__ import annotations

import asyncio
from typing import Protocol

from ami_bridge.domain.status import Status


class Board(Protocol):
    def status(self) -> Status:
        """Return the newest state, at once."""
        ...

    async def changed(self, since: int) -> int:
        """Wait for a version newer than `since` and return it; at once if there is one. -1 is older than any."""
        ...


class LiveBoard:
    """The board the companion writes on: `publish` replaces the state and wakes whoever waits.

    One event loop only. A state published between a reader's `changed` and its `status` is read early and announced
    again: a reader may see one state twice, and never misses the newest. Readers hold no queue, so a slow one costs
    nothing and sees the newest state when it comes back.
    """

    def __init__(self, status: Status) -> None:
        self._status = status
        self._version = 0
        self._newer = asyncio.Event()

    @property
    def version(self) -> int:
        return self._version

    def status(self) -> Status:
        return self._status

    def publish(self, status: Status) -> None:
        self._status = status
        self._version += 1
        woken, self._newer = self._newer, asyncio.Event()
        woken.set()

    async def changed(self, since: int) -> int:
        while self._version <= since:
            await self._newer.wait()
        return self._version
