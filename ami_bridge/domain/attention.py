"""Which of many subjects time has to pass for twice a second, so that ten thousand quiet ones cost next to nothing.

Where something has happened lately, and where something is wrong, deadlines are kept to the tick. The others are looked
at once a minute: what changes there without an event is a matter of hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

SPAN = timedelta(minutes=5)  # awake after an event: longer than what an event sets going by itself takes
SWEEP = timedelta(minutes=1)

N = TypeVar("N")


class Attention(Generic[N]):
    """The names among `everyone` that are awake; one for which `stays` is true when its time is over goes on."""

    def __init__(self, everyone: Iterable[N], stays: Callable[[N], bool]) -> None:
        self._everyone = tuple(everyone)
        self._stays = stays
        self._until: dict[N, datetime] = {}
        self._swept: datetime | None = None

    def heed(self, name: N, now: datetime) -> None:
        """Something happened to `name`."""
        self._until[name] = now + SPAN

    def due(self, now: datetime) -> Iterable[N]:
        """Those for whom time is to pass now."""
        if self._swept is None or now - self._swept >= SWEEP:
            self._swept = now
            for name in [name for name, until in self._until.items() if until <= now]:
                del self._until[name]
            for name in self._everyone:
                if name not in self._until and self._stays(name):
                    self.heed(name, now)
            return self._everyone
        return tuple(self._until)
