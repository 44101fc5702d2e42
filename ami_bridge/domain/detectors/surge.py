"""Far more people than usual ring a line: often the first that anybody hears of an outage of what the line supports.

Callers are counted, not calls: one who rings again within a while is the same. How many new ones may come by chance in
five, ten or twenty minutes follows from the line's rhythm, its busiest side; a gamma-Poisson tail allows for callers
who come in bursts. A crowd that is answered as it comes is worth a hint; it is suspected to be trouble when callers
wait or ring again.
docs/detection/surge.md has the numbers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, exp, log1p
from typing import Final

from ..baseline import HOUR, Rhythm
from ..names import LineName
from ..signal import Kind, Signal, Source, Strength, Subject

MINUTE: Final = timedelta(minutes=1)
WINDOWS: Final = (timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20))
MEMORY: Final = WINDOWS[-1]  # who rang within this time is no new caller
RINGING: Final = timedelta(seconds=20)  # who came within this time does not wait yet, their call rings
BUSY: Final = 2.0  # times normal that a busy day may be, with what it brought so far for proof
KEPT: Final = 5_000  # newest callers kept in mind, whoever floods the line


@dataclass(frozen=True, slots=True, kw_only=True)
class SurgeLimits:
    """When callers are far more than usual. See docs/detection/surge.md."""

    enabled: bool = True  # whether surges are watched for; what is normal is learnt all the same
    alone: Strength = Strength.SUSPECT  # the most it says by itself; many callers prove no outage
    factor: float = 3.0  # times as many callers as this hour's busy side, at least
    least: int = 8  # different callers, at least, within 5, 10 or 20 minutes
    odds: int = 300_000  # and a number that comes once in so many windows by chance
    waiting: int = 3  # callers waiting longer than a phone rings, from which a crowd is trouble
    again: float = 0.25  # share of calls by people who rang before, from which a crowd is trouble
    calm: timedelta = timedelta(minutes=10)  # so long few enough new callers: it is over
    at_most: timedelta = timedelta(days=1)  # a surge longer than this is a change of habits, and no more told

    def __post_init__(self) -> None:
        if self.factor < 1 or self.odds <= 1 or self.least < 2:
            raise ValueError("surge: factor must be 1 or more, odds above 1, and least 2 or more")
        if not 0 < self.again <= 1:
            raise ValueError("surge: again must be above 0 and at most all calls")


class Surge:
    """The callers of one line against their rhythm, which this feeds; others may read it."""

    __slots__ = (
        "_again",
        "_begun",
        "_busy",
        "_crowds",
        "_due",
        "_known_until",
        "_limits",
        "_new",
        "_normal",
        "_rang",
        "_rhythm",
        "_strength",
        "_subject",
        "_told",
        "_waiting",
    )

    def __init__(self, line: LineName, limits: SurgeLimits, callers: Rhythm) -> None:
        self._subject = Subject(Kind.LINE, line)
        self._limits = limits
        self._rhythm = callers
        self._strength = Strength.CLEAR
        self._told = 0  # callers when words were last found for it
        self._begun: datetime | None = None
        self._busy: datetime | None = None  # when there was last a crowd
        self._due: datetime | None = None
        self._new: deque[datetime] = deque(maxlen=KEPT)  # when callers came who had not rung within MEMORY
        self._again: deque[datetime] = deque(maxlen=KEPT)  # when callers came who had
        self._rang: dict[str, datetime] = {}  # when they rang last, oldest first
        self._waiting: int | None = None  # None: nobody looks
        self._known_until = datetime.min.replace(tzinfo=UTC)
        self._crowds: tuple[int, ...] = ()  # for each window, how many new callers make a crowd
        self._normal = 0.0

    def arrived(self, number: str, now: datetime) -> list[Signal]:
        """A caller came. `number` tells callers apart; those without one count as different people."""
        self._forget(now - MEMORY)
        if number in self._rang:
            del self._rang[number]
            self._rang[number] = now
            self._again.append(now)
            return self._judge(now) if self._strength else []
        if number:
            self._rang[number] = now
        self._rhythm.count(now)
        self._new.append(now)
        if not self._limits.enabled:
            return []
        return self._judge(now)

    def look(self, waiting: int, now: datetime) -> list[Signal]:
        """So many callers wait now. Without this, a crowd is suspected to be trouble whether they wait or not."""
        if waiting == self._waiting:
            return []
        self._waiting = waiting
        return self._judge(now) if self._strength else []

    def lost_sight(self, now: datetime) -> None:
        """Callers are not, or were not, seen: this hour is not learnt. What was said stands."""
        self._rhythm.skip(now)

    def resume(self, now: datetime) -> None:
        """An earlier run said that far too many call: that they do not is news."""
        self._strength = self._limits.alone
        self._begun = self._busy = self._due = now

    def tick(self, now: datetime) -> list[Signal]:
        """Look once a minute while there is a crowd, once an hour else."""
        if self._due is not None and now < self._due:
            return []
        self._rhythm.close(now)
        self._due = self._rhythm.until
        self._forget(now - MEMORY)
        if not self._strength or self._begun is None or self._busy is None:
            return []
        self._due = min(self._due, now + MINUTE)
        if self._strength >= Strength.SUSPECT:
            self._rhythm.skip(now)
        if now - self._begun > self._limits.at_most:
            return self._clear("so many callers for so long that this is taken for normal from now on")
        if now - self._busy >= self._limits.calm:
            return self._clear("no more callers than on other days")
        return self._judge(now)

    def _forget(self, before: datetime) -> None:
        for times in (self._new, self._again):
            while times and times[0] < before:
                times.popleft()
        rang = self._rang
        while rang:
            oldest = next(iter(rang))
            if rang[oldest] >= before and len(rang) <= KEPT:
                break
            del rang[oldest]

    def _judge(self, now: datetime) -> list[Signal]:
        if now >= self._known_until:
            self._learn_crowds(now)
        crowd = 1.0 if not self._strength else 0.5  # it lasts until half of what made it
        if not self._crowded(now, crowd):
            return []
        self._busy = now
        if not self._crowded(now, 1.0):
            return []
        strength = min(self._limits.alone, Strength.SUSPECT if self._in_trouble(now) else Strength.HINT)
        if strength <= self._strength and len(self._new) < 2 * self._told:
            return []
        if not self._strength:
            self._begun = now
        self._strength = max(strength, self._strength)
        self._told = len(self._new)
        self._due = now
        return [self._signal(self._words())]

    def _crowded(self, now: datetime, part: float) -> bool:
        new = self._new
        for window, crowd in zip(WINDOWS, self._crowds, strict=False):
            many = max(2, ceil(crowd * part))
            if len(new) >= many and now - new[-many] <= window:
                return True
        return False

    def _in_trouble(self, now: datetime) -> bool:
        if self._waiting is None:
            return True
        rung = sum(len(times) - bisect_left(times, now - RINGING) for times in (self._new, self._again))
        if self._waiting - rung >= self._limits.waiting:
            return True
        calls = len(self._new) + len(self._again)
        return len(self._again) >= self._limits.again * calls

    def _learn_crowds(self, now: datetime) -> None:
        """What makes a crowd in this hour; () while nobody knows what is normal."""
        normal = self._rhythm.expected(now)
        self._known_until = self._rhythm.until
        self._crowds = ()
        if normal is None:
            return
        self._normal = normal.median
        limits, level = self._limits, self._rhythm.level(now) or 1.0
        for window in WINDOWS:
            due = normal.high * min(BUSY, max(1.0, level)) * (window / HOUR)
            chance = tail(due, self._rhythm.burst, 1 / limits.odds)
            self._crowds += (max(limits.least, ceil(limits.factor * due), chance),)

    def _words(self) -> str:
        minutes = MEMORY // MINUTE
        said = f"{len(self._new)} different callers within {minutes} minutes; {self._normal:.0f} in an hour are normal"
        again = len(self._again)
        if again and again >= self._limits.again * (again + len(self._new)):
            said = f"{said}; many ring again"
        if self._waiting:
            said = f"{said}; {self._waiting} wait"
        return said

    def _clear(self, words: str) -> list[Signal]:
        self._strength = Strength.CLEAR
        self._told = 0
        self._begun = self._busy = None
        return [self._signal(words)]

    def _signal(self, words: str) -> Signal:
        return Signal(subject=self._subject, source=Source.SURGE, strength=self._strength, words=words)


def tail(due: float, burst: float, rare: float) -> int:
    """The least number that chance exceeds or reaches with a probability of at most `rare` where `due` are expected.

    The number is gamma-Poisson with variance due + burst * due**2, `burst` above 0.
    """
    shape = 1 / burst
    chance = exp(-shape * log1p(due / shape))
    left = 1.0 - chance
    number = 0
    while left > rare:
        chance *= (number + shape) / (number + 1) * due / (due + shape)
        left -= chance
        number += 1
        if number > 100 * due + 1000:  # beyond what rounding lets one see
            break
    return number + 1
