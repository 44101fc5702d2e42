"""The PIN that gives orders about a line, and what guessing it costs. Time is an argument.

A telephone keypad makes short secrets, so it is the number of guesses that has to be small. Wrong PINs are counted per
line whoever keys them in: a caller ID is what a stranger says it is.
"""

from __future__ import annotations

import hmac
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinLimits:
    """`quick` wrong PINs within `window`, or `daily` within a day, lock a line for `locked`; each further lock lasts
    twice as long as the one before, up to a day, until the right PIN comes or a day has passed without a wrong one."""

    quick: int = 10
    window: timedelta = timedelta(minutes=10)
    daily: int = 30
    locked: timedelta = timedelta(minutes=10)


class PinGuard:
    """One line's PIN and the guesses at it. It forgets them when the companion restarts."""

    __slots__ = ("_digest", "_key", "_limits", "_locks", "_until", "_wrong")

    def __init__(self, pin: str, limits: PinLimits) -> None:
        # Digests of one length, under a key of this process: comparing tells nothing, not even how long the PIN is.
        self._key = token_bytes(32)
        self._digest = self._digest_of(pin)
        self._limits = limits
        self._wrong: deque[datetime] = deque(maxlen=max(limits.quick, limits.daily))
        self._locks = 0
        self._until: datetime | None = None

    def locked_until(self, now: datetime) -> datetime | None:
        """Until when no PIN is looked at, not even the right one; None when they are."""
        return self._until if self._until is not None and now < self._until else None

    def is_right(self, keyed: str, now: datetime) -> bool:
        """Whether `keyed` is the PIN; it never is while the line is locked. A wrong one counts, except meanwhile."""
        if self.locked_until(now) is not None:
            return False
        if hmac.compare_digest(self._digest_of(keyed), self._digest):
            self._wrong.clear()
            self._locks = 0
            return True
        if self._wrong and now - self._wrong[-1] > DAY:
            self._locks = 0
        self._wrong.append(now)
        if self._within(self._limits.window) >= self._limits.quick or self._within(DAY) >= self._limits.daily:
            self._until = now + min(self._limits.locked * 2**self._locks, DAY)
            self._locks += 1
        return False

    def _within(self, window: timedelta) -> int:
        newest = self._wrong[-1]
        return sum(newest - at <= window for at in self._wrong)

    def _digest_of(self, digits: str) -> bytes:
        return hmac.digest(self._key, digits.encode(), "sha256")
