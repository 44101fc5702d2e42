"""Callers of a line who wait longer than anybody should.

One long wait is an agent in a long call, and a short spike is a busy minute. Several callers who wait too long at the
same time, and go on doing so, are a line that does not keep up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from ami_bridge.domain.detectors.opinion import Opinion, span
from ami_bridge.domain.names import LineName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingLimits:
    """When waiting is too long."""

    enabled: bool = True
    limit: timedelta = timedelta(minutes=10)  # the wait that is too long; most callers give up within half of it
    callers: int = 3  # so many must have waited longer at the same time; one or two wait for one long call to end
    hold: timedelta = timedelta(seconds=60)  # how long that has to go on
    over: timedelta = timedelta(minutes=10)  # how long waits have to be half as long: a queue comes in waves
    alone: Strength = Strength.SUSPECT  # how much it says by itself


class Waiting:
    """The waits of one line's callers under watch."""

    def __init__(self, line: LineName, limits: WaitingLimits) -> None:
        self.limits = limits
        self._opinion = Opinion(Subject(Kind.LINE, line), Source.WAITING, limits.enabled)
        self._longest: datetime | None = None  # since when the one who waits longest has waited
        self._counts: datetime | None = None  # and the last one of as many as count
        self._turned: datetime | None = None  # since when it has not been as we last said
        self._told = timedelta(0)  # the longest wait that was told

    def look(self, since: Iterable[datetime], now: datetime) -> list[Signal]:
        """Take since when those who wait have waited, oldest first; call it whenever one comes or goes.

        Only the first few are looked at, so that a long queue costs no more than a short one.
        """
        oldest = list(islice(since, max(1, self.limits.callers)))
        self._longest = min(oldest, default=None)
        self._counts = max(oldest) if len(oldest) >= self.limits.callers else None
        return self.tick(now)

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: waits grow, and what has lasted is said."""
        said = self._opinion.strength is not Strength.CLEAR
        # Between two long waits the line has not caught up: it has once they are half as long.
        limit = self.limits.limit / 2 if said else self.limits.limit
        too_long = self._counts is not None and now - self._counts >= limit
        if too_long is said:
            self._turned = None
            return self._grown(now) if said else []
        self._turned = self._turned or now
        if now - self._turned < (self.limits.over if said else self.limits.hold):
            return []
        self._turned = None
        if said:
            half = span((self.limits.limit / 2).total_seconds())
            return self._opinion.become(Strength.CLEAR, f"callers wait less than {half} again")
        return self._say(now)

    def lost_sight(self, now: datetime) -> None:  # noqa: ARG002 - all detectors are told alike
        """The PBX was not watched: who waits is unknown until it is seen anew."""
        self._longest = self._counts = self._turned = None

    def resume(self, now: datetime) -> None:  # noqa: ARG002
        """An earlier run said that waits are too long: that they are not is news."""
        self._opinion.resume(self.limits.alone)

    def _grown(self, now: datetime) -> list[Signal]:
        """Waits that have doubled are told again, if it is still so many who wait too long."""
        still = self._counts is not None and now - self._counts >= self.limits.limit
        return self._say(now) if still and self._wait(now) >= 2 * self._told else []

    def _say(self, now: datetime) -> list[Signal]:
        self._told = max(self._wait(now), self.limits.limit)
        limit, longest = span(self.limits.limit.total_seconds()), span(self._told.total_seconds())
        words = f"{self.limits.callers} callers or more wait longer than {limit}, the longest {longest}"
        return self._opinion.become(self.limits.alone, words)

    def _wait(self, now: datetime) -> timedelta:
        return now - self._longest if self._longest else timedelta(0)
