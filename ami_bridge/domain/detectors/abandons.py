"""Callers of a line who give up before anybody answers.

Some always do, those who hang up at once meant another number, and one impatient caller may ring ten times. So it takes
several different callers, most of all who called, on a line that somebody has answered not long ago.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from ami_bridge.domain.detectors.opinion import Opinion, span
from ami_bridge.domain.hours import Hours
from ami_bridge.domain.names import LineName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

_KEPT = 500  # callers remembered at most; a line with more within the window is judged by its last ones


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonsLimits:
    """When too many give up."""

    enabled: bool = True
    share: float = 0.75  # of the callers within the window; a tenth is usual, a fifth happens on bad days
    least: int = 8  # so many different callers must have given up; fewer are chance on a line where a fifth does
    window: timedelta = timedelta(minutes=30)  # within which callers are counted
    short: timedelta = timedelta(seconds=10)  # who hangs up sooner meant another number, and does not count
    recent: timedelta = timedelta(hours=2)  # somebody must have been answered so lately; else it is night or a holiday
    mended: int = 5  # so many answered in a row, and it is over
    alone: Strength = Strength.SUSPECT  # how much it says by itself


class Abandons:
    """The abandonment of one line's callers under watch; callers outside of `hours` do not count."""

    def __init__(self, line: LineName, limits: AbandonsLimits, hours: Hours | None = None) -> None:
        self.limits = limits
        self._hours = hours
        self._opinion = Opinion(Subject(Kind.LINE, line), Source.ABANDONS, limits.enabled)
        self._callers: deque[tuple[datetime, bool, str]] = deque()
        self._answered = 0
        self._nameless = 0  # gave up, their number withheld
        self._named: Counter[str] = Counter()  # how often each number gave up
        self._row = 0  # answered in a row
        self._answered_at: datetime | None = None

    def left(self, answered: bool, waited: timedelta, now: datetime, number: str = "") -> list[Signal]:
        """A caller was answered, or gave up after having `waited`. `number` tells an impatient one from several."""
        if not self._is_open(now) or (not answered and waited < self.limits.short):
            return self.tick(now)
        self._callers.append((now, answered, number))
        if answered:
            self._answered += 1
            self._row += 1
            self._answered_at = now
        else:
            self._row = 0
            if number:
                self._named[number] += 1
            else:
                self._nameless += 1
        return self.tick(now)

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: old calls are forgotten, the line closes."""
        if not self._callers and self._opinion.strength is Strength.CLEAR:
            return []
        while self._callers and (len(self._callers) > _KEPT or now - self._callers[0][0] > self.limits.window):
            self._forget_oldest()
        if self._opinion.strength is Strength.CLEAR:
            return self._doubt(now)
        if not self._is_open(now):
            return self._over("the line has closed")
        if self._row >= self.limits.mended:
            return self._over(f"the last {self._row} callers were answered")
        if not self._given_up():
            return self._over(f"nobody has given up for {span(self.limits.window.total_seconds())}")
        return []

    def lost_sight(self, now: datetime) -> None:  # noqa: ARG002 - all detectors are told alike
        """The PBX was not watched: callers may have given up unseen between two who were answered."""
        self._row = 0

    def resume(self, now: datetime) -> None:
        """An earlier run said that too many give up: that callers are answered is news."""
        self._opinion.resume(self.limits.alone)
        self._answered_at = now

    def _doubt(self, now: datetime) -> list[Signal]:
        given_up = self._given_up()
        if given_up < self.limits.least or self._answered_at is None:
            return []
        if given_up < self.limits.share * (given_up + self._answered):
            return []
        if now - self._answered_at > self.limits.recent or not self._is_open(now):
            return []
        all_ = given_up + self._answered
        within = span(self.limits.window.total_seconds())
        words = f"{given_up} of {all_} callers within {within} gave up before anybody answered"
        return self._opinion.become(self.limits.alone, words)

    def _over(self, words: str) -> list[Signal]:
        self._callers.clear()
        self._named.clear()
        self._answered = self._nameless = 0
        return self._opinion.become(Strength.CLEAR, words)

    def _given_up(self) -> int:
        return self._nameless + len(self._named)

    def _forget_oldest(self) -> None:
        _, answered, number = self._callers.popleft()
        if answered:
            self._answered -= 1
        elif not number:
            self._nameless -= 1
        elif self._named[number] > 1:
            self._named[number] -= 1
        else:
            del self._named[number]

    def _is_open(self, now: datetime) -> bool:
        return self._hours is None or self._hours.is_open(now)
