"""What came from one PBX and has not been handled yet, in order, with the time it came.

Bounded, in events and in bytes: reading must never pause, so when handling cannot keep up the link is given up and what
is true is asked for anew. A gap that is known beats facts that are wrong.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

CAPACITY = 100_000  # items; minutes of what a large PBX says about calls
SIZE = 64 << 20  # bytes of raw events; an event may be as large as wire.MESSAGE_LIMIT


@dataclass(frozen=True, slots=True)
class LinkUp:
    version: str


@dataclass(frozen=True, slots=True)
class LinkDown:
    reason: str


Item = bytes | LinkUp | LinkDown


class Inbox:
    """A queue with one reader. `put` never blocks; it says False when the inbox overflowed and was emptied."""

    def __init__(self, capacity: int = CAPACITY, size: int = SIZE) -> None:
        self._items: deque[tuple[float, Item]] = deque()
        self._capacity = capacity
        self._room = self._size_limit = size  # bytes that are free, and that there are
        self._filled = asyncio.Event()
        self.overflows = 0

    def put(self, item: Item, at: float) -> bool:
        """Append `item`, received at `at` (seconds, monotonic).

        After an overflow events are no use any more, the one that did not fit included; LinkUp and LinkDown always
        get in.
        """
        size = len(item) if isinstance(item, bytes) else 0
        fits = size <= self._room and len(self._items) < self._capacity
        if not fits:
            self._items.clear()
            self._room = self._size_limit
            self.overflows += 1
        if fits or not isinstance(item, bytes):
            self._items.append((at, item))
            self._room -= size
            self._filled.set()
        return fits

    async def take(self) -> tuple[float, Item]:
        """The oldest item, waiting for one if need be."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        at, item = self._items.popleft()
        if isinstance(item, bytes):
            self._room += len(item)
        return at, item

    @property
    def size(self) -> int:
        """Bytes of the events that wait."""
        return self._size_limit - self._room

    def __len__(self) -> int:
        return len(self._items)
