"""Whether the way to a trunk's far end has become slow: its round trip, as measured by qualifying.

What is slow is a matter of where the far end is, so a trunk is compared with its own usual round trip (the median of
what it took lately, which a few odd values do not move), and with a floor: below that nobody on the telephone notices
(ITU-T G.114 calls 150 ms one way good, and more than 400 ms unacceptable). Single values are nothing: a lost packet
is sent again after 500 ms and looks like a slow one; so several in a row are wanted, which takes minutes with the usual
qualify_frequency. A link that is full at times (a backup every night) is slow every time: what came and went
six times within two weeks is remembered and hinted at, no more. What stays slow for long is the new normal.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from ami_bridge.domain.detectors.opinion import Opinion
from ami_bridge.domain.names import TrunkName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

_MS = timedelta(milliseconds=1)
_MEMORY = 201  # values of ordinary times kept
_ENOUGH = 10  # values before a median is worth something: until then whatever comes is taken as usual
_APART = timedelta(seconds=1)  # two values closer together are one, reported twice


_HABIT = 6  # times as slow within that time, and it is a habit of the link


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTripLimits:
    """What is slow, for how many values, and what is merely a habit of the link."""

    enabled: bool = True
    times: int = 4  # so many times its usual round trip is slow
    floor: timedelta = timedelta(milliseconds=400)  # nothing faster is slow: a conversation does not suffer yet
    row: int = 4  # slow values in a row: two may be packets sent again
    stale: timedelta = timedelta(minutes=15)  # no value for so long: nothing is known any more
    habit: timedelta = timedelta(days=14)  # as slow six times within this: a habit of the link, and only a hint
    normal: timedelta = timedelta(hours=6)  # slow for so long: that is how it is now
    alone: Strength = Strength.SUSPECT  # the most it says by itself: "suspect" or "hint"


class RoundTrip:
    """The round trip to one trunk's far end."""

    def __init__(self, trunk: TrunkName, limits: RoundTripLimits) -> None:
        self.limits = limits
        self._opinion = Opinion(Subject(Kind.TRUNK, trunk), Source.ROUND_TRIP, limits.enabled)
        self._usual: deque[float] = deque()  # in ms, in the order they came
        self._sorted: list[float] = []
        self._slow: deque[float] = deque(maxlen=max(limits.row, 1))
        self._fast = 0  # ordinary values in a row
        self._slow_since: datetime | None = None
        self._last: datetime | None = None
        self._episodes: deque[tuple[datetime, float]] = deque(maxlen=_HABIT)

    def observe(self, round_trip: timedelta, now: datetime) -> list[Signal]:
        """Take one measured round trip; what is negative is a mistake and passed over."""
        if round_trip < timedelta() or (self._last is not None and abs(now - self._last) < _APART):
            return []
        self._last = now
        value = round_trip / _MS
        if len(self._sorted) < _ENOUGH or value < self._bar():
            return self._ordinary(value, now)
        self._slow.append(value)
        self._fast = 0
        if self._slow_since is None:
            self._slow_since = now
        if now - self._slow_since >= self.limits.normal:
            return self._new_normal()
        return self._complain(now) if len(self._slow) == self._slow.maxlen else []

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: without new values there is nothing to complain about."""
        if self._last is None or self._slow_since is None or now - self._last < self.limits.stale:
            return []
        self._slow.clear()
        self._slow_since = None
        return self._opinion.become(Strength.CLEAR, "the round trip is not measured any more")

    def lost_sight(self, now: datetime) -> None:  # noqa: ARG002 - all detectors are told alike
        """The PBX was not watched: slow values from before and after do not make a row."""
        if self._opinion.strength is Strength.CLEAR:
            self._slow.clear()
            self._slow_since = None

    def resume(self, now: datetime) -> None:
        """An earlier run said that the way is slow: that it is not is news."""
        self._opinion.resume(min(Strength.SUSPECT, self.limits.alone))
        self._slow_since = self._last = now

    def _bar(self) -> float:
        """From how many ms on a value is slow."""
        return max(self.limits.floor / _MS, self.limits.times * self._median())

    def _median(self) -> float:
        return self._sorted[len(self._sorted) // 2]

    def _ordinary(self, value: float, now: datetime) -> list[Signal]:
        self._remember(value)
        self._fast += 1
        if self._opinion.strength is Strength.CLEAR:
            self._slow.clear()
            self._slow_since = None
            return []
        if self._fast < self.limits.row:
            return []
        if self._slow:
            self._episodes.append((now, median(self._slow)))
        self._slow.clear()
        self._slow_since = None
        return self._opinion.become(Strength.CLEAR, f"the round trip is back at {value:.0f} ms")

    def _complain(self, now: datetime) -> list[Signal]:
        """Say how slow it is, once."""
        if self._opinion.strength is not Strength.CLEAR:
            return []
        level = median(self._slow)
        words = f"the round trip takes {level:.0f} ms, usually {self._median():.0f} ms"
        habit = [was for at, was in self._episodes if now - at <= self.limits.habit and level <= 1.5 * was]
        if len(habit) >= _HABIT:
            return self._opinion.become(Strength.HINT, f"{words}; it has been so before, and passed")
        return self._opinion.become(min(Strength.SUSPECT, self.limits.alone), words)

    def _new_normal(self) -> list[Signal]:
        level = median(self._slow)
        self._usual = deque([level] * _ENOUGH)
        self._sorted = [level] * _ENOUGH
        self._slow.clear()
        self._slow_since = None
        return self._opinion.become(Strength.CLEAR, f"the round trip has stayed at {level:.0f} ms: taken as usual")

    def _remember(self, value: float) -> None:
        self._usual.append(value)
        insort(self._sorted, value)
        if len(self._usual) > _MEMORY:
            del self._sorted[bisect_left(self._sorted, self._usual.popleft())]
