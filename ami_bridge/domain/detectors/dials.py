"""Calls out while they are being set up: whom they are for, how they failed, how long setting up usually takes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import nlargest

from ami_bridge.domain import causes
from ami_bridge.domain.names import Uniqueid

_MARGIN = 1.25  # a call may take so much longer than those lately


@dataclass(slots=True, eq=False)
class Dial:
    """One call out that has neither alerted nor ended yet, or one that failed. `number` is as `same` has it."""

    serial: int
    channel: Uniqueid
    number: str
    at: datetime
    cause: int | None = None  # None among failures: silent so far
    over: bool = False

    @property
    def refused(self) -> bool:
        return self.cause == causes.REFUSED


@dataclass(slots=True)
class Patience:
    """How long after dialling no sign of life is ordinary: at least `least`, at most four times that.

    In between it is a bit more than the calls of late took, the slowest one aside.
    """

    least: timedelta
    _delays: deque[float] = field(default_factory=lambda: deque(maxlen=100))  # seconds
    _wait: timedelta | None = None

    def learn(self, took: timedelta) -> None:
        """A call rang or was answered so long after it was dialled."""
        self._delays.append(took.total_seconds())
        self._wait = None

    @property
    def wait(self) -> timedelta:
        if self._wait is None:
            usual = nlargest(2, self._delays)[-1] * _MARGIN if len(self._delays) > 1 else 0.0
            self._wait = max(self.least, min(timedelta(seconds=min(usual, 3600)), 4 * self.least))
        return self._wait


def same(number: str) -> str:
    """What tells numbers apart however they are written: +49 30 1234567, 0301234567 and 1234567 are one."""
    if number.isascii() and number.isdigit():
        return number[-7:]
    digits = "".join(one for one in number[:64] if one.isascii() and one.isdigit())
    return digits[-7:] or number[:32]


def numbers(dials: Iterable[Dial]) -> set[str]:
    """To how many different numbers they were."""
    return {dial.number for dial in dials}


def reasons(dials: Iterable[Dial]) -> str:
    """Why they failed, as people say it, the most frequent first."""
    silent = (None, causes.NO_REPLY)
    counted = Counter("no answer at all" if one.cause in silent else causes.words(one.cause or 0) for one in dials)
    return ", ".join(words for words, _ in counted.most_common(3))
