"""What is normal at this hour of the week: the rhythm of one series of counts, learnt from what was seen.

A series is something that happens: calls in over a trunk, calls out over it, callers of a line. Its hours are counted
in the tenant's own zone, so that nine o'clock stays nine o'clock when the clocks change, and of each hour of the week
the last few are kept. Order statistics of so few numbers shrug off what is odd for once (a holiday, a mail shot) and
follow what stays (growth, new opening hours). docs/detection/baselines.md tells how to read it.

Hours that were not watched whole are not learnt, nor those `skip` was called in, nor the hours of a day on which hardly
anything happens that normally would: holidays and closings are told from a day's level, not learnt as normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from math import exp
from statistics import median
from typing import Final

HOURS: Final = 168  # of a week
HOUR: Final = timedelta(hours=1)
LATE: Final = timedelta(hours=1)  # an hour that was closed later than this after its end was not watched to its end
PUNCTUAL: Final = timedelta(minutes=2)  # an hour first looked at within this time of its begin was watched whole
FADING: Final = exp(-1 / 3)  # what was seen of a day fades with a time constant of three hours
FEW: Final = 5  # happenings expected of a day so far, below which its level cannot be told
DEAD: Final = 0.2  # of the normal: a day below this is a holiday or a closing
CLOSED_AT_MOST: Final = 4 * HOURS  # hours: what lasts longer than four weeks is no closing, it is the new normal
OWN: Final = 2  # weeks after which an hour speaks for itself
BORROWED: Final = 3  # values of the same hour on other working days, below which nothing is known
EDGE: Final = 0.6  # an hour below this share of the next one is at an edge: its calls may lie in a part of it
PART: Final = 1 / 3  # of an hour's least calls, counted on where they may lie in another part of it
BURST_AT_FIRST: Final = 0.15
BURST_LEAST: Final = 0.02
BURST_WEIGHT: Final = 1 / 128  # of the newest hour
CAP: Final = 1_000_000  # counted of one hour at most: what is kept stays bounded whatever arrives
FORMAT: Final = 1
HEAD: Final = 3  # numbers before the cells in what `dump` returns


class Unreadable(ValueError):
    """What was kept of a rhythm is not in a format this version writes; learning starts anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """What an hour of the week normally brings, per hour.

    `low` and `high` hold at the hour's edges too, where the hour before or after shines in: a desk that opens at half
    past eight has neither a silent half hour nor a rush. About a quarter of ordinary hours lies beyond either.
    `own` is False if they are borrowed from the same hour of other days, as long as this one was not seen often enough.
    """

    low: float
    median: float
    high: float
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """A finished hour: when it began, what was counted, and whether it was learnt."""

    begin: datetime
    count: int
    learnt: bool


class Rhythm:
    """The rhythm of one series. `count` and an idle `close` cost a comparison; the rest happens once an hour."""

    __slots__ = (
        "_begin",
        "_burst",
        "_cell",
        "_cells",
        "_closed_hours",
        "_count",
        "_due",
        "_happened",
        "_normal",
        "_since",
        "_skipped",
        "_weeks",
        "_zone",
        "day",
        "learnt",
        "until",
    )

    def __init__(self, zone: tzinfo, *, weeks: int = 8) -> None:
        """`zone` is the tenant's; `weeks` how many of each hour of the week are remembered, at least 2."""
        if weeks < OWN:
            raise ValueError(f"a rhythm needs {OWN} weeks or more, not {weeks}")
        self._zone = zone
        self._weeks = weeks
        self._cells: list[list[int]] = [[] for _ in range(HOURS)]
        self._burst = BURST_AT_FIRST
        self._closed_hours = 0
        self._cell = 0
        self._begin: datetime | None = None
        self._since = datetime.min.replace(tzinfo=UTC)
        self._count = 0
        self._skipped = False
        self._happened = self._due = 0.0  # of this day, fading
        self._normal: Normal | None = None
        self.until = self._since  # the end of the hour that is being counted
        self.day = date.min  # the day, in the tenant's zone, that hour belongs to
        self.learnt = 0  # goes up with each hour learnt: when it changed there is something to store

    @property
    def burst(self) -> float:
        """How much more hours vary than independent calls would: 0 is not at all; the 1/k of a gamma-Poisson."""
        return self._burst

    def count(self, now: datetime, n: int = 1) -> None:
        """`n` more happened."""
        if now >= self.until:
            self._turn(now)
        self._count += n

    def close(self, now: datetime) -> Hour | None:
        """Let time pass; return the hour this ended, if it did. A `count` may have ended it before: watch `learnt`."""
        return self._turn(now) if now >= self.until else None

    def expected(self, now: datetime) -> Normal | None:
        """What is normal in the present hour; None as long as that is not known."""
        if now >= self.until:
            self._turn(now)
        return self._normal

    def level(self, now: datetime) -> float | None:
        """How today compares with normal so far, the last three hours above all: 1 is normal, 0 is a holiday.

        None until enough would normally have happened since midnight to tell.
        """
        if now >= self.until:
            self._turn(now)
        due, happened = self._due, self._happened
        if self._normal is not None and not self._skipped:
            due += self._normal.median * ((now - self._since) / HOUR)
            happened += self._count
        return happened / due if due >= FEW else None

    def skip(self, now: datetime) -> None:
        """The present hour is unlike others (not watched, an outage): it is not learnt and tells nothing of today."""
        if now >= self.until:
            self._turn(now)
        self._skipped = True

    def dump(self) -> list[int]:
        """All that was learnt, as at most `weeks` * 168 + 171 plain numbers. The unfinished hour is not among them."""
        kept = [FORMAT, round(self._burst * 1000), self._closed_hours]
        for cell in self._cells:
            kept.append(len(cell))
            kept.extend(cell)
        return kept

    @classmethod
    def load(cls, kept: Sequence[int], zone: tzinfo, *, weeks: int = 8) -> Rhythm:
        """A rhythm as it was dumped; of more weeks than `weeks` the newest. Raises `Unreadable`."""
        if any(type(number) is not int or not 0 <= number <= CAP for number in kept):
            raise Unreadable("a rhythm is kept in whole numbers from 0 on")
        if len(kept) < HEAD + HOURS or kept[0] != FORMAT:
            raise Unreadable("a rhythm of another format, or a broken one")
        rhythm = cls(zone, weeks=weeks)
        rhythm._burst = max(BURST_LEAST, kept[1] / 1000)
        rhythm._closed_hours = kept[2]
        at = HEAD
        for cell in rhythm._cells:
            if at >= len(kept) or at + kept[at] >= len(kept):
                raise Unreadable("a rhythm that is cut off")
            cell.extend(kept[at + 1 : at + 1 + kept[at]][-weeks:])
            at += 1 + kept[at]
        if at != len(kept):
            raise Unreadable("a rhythm with something behind its end")
        return rhythm

    def _turn(self, now: datetime) -> Hour | None:
        """Finish the hour that is over and begin the one that is on."""
        finished = None
        watched_to_end = self._begin is not None and now < self.until + LATE
        if self._begin is not None:
            finished = Hour(begin=self._begin, count=self._count, learnt=watched_to_end and self._finish(self.until))
        local = now.astimezone(self._zone)
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        now = now.astimezone(UTC)
        begin = now - into
        if local.date() != self.day:
            self.day = local.date()
            self._due = self._happened = 0.0
        gapless = watched_to_end and begin <= self.until
        self._since = self.until if gapless else begin if into <= PUNCTUAL else now
        self._begin, self.until = begin, begin + HOUR
        self._count = 0
        self._skipped = False
        self._cell = local.weekday() * 24 + local.hour
        self._normal = self._normal_of(self._cell)
        return finished

    def _finish(self, end: datetime) -> bool:
        """Learn the hour that ended, if it was an ordinary one that was watched whole."""
        watched = (end - self._since) / HOUR
        if self._skipped:
            return False
        if self._normal is not None:
            self._due = FADING * self._due + self._normal.median * watched
            self._happened = FADING * self._happened + self._count
        if watched < 1:  # begun late, or cut short by clocks that are put by half an hour
            return False
        if self._due >= FEW:
            self._closed_hours = self._closed_hours + 1 if self._happened < DEAD * self._due else 0
            if 0 < self._closed_hours <= CLOSED_AT_MOST:
                return False
        self._learn(min(self._count, CAP))
        return True

    def _learn(self, count: int) -> None:
        cell = self._cells[self._cell]
        if self._normal is not None:
            self._weigh(count, self._normal.median, max(len(cell), BORROWED))
        cell.append(count)
        del cell[: -self._weeks]
        self.learnt += 1

    def _weigh(self, count: int, middle: float, n: int) -> None:
        """Follow the variation beyond chance by the method of moments; one odd hour moves it only so far.

        The median of `n` counts varies too, by pi/2 of what their mean would.
        """
        if middle < 2:
            return
        beyond = ((count - middle) ** 2 - middle * (1 + 1.57 / n)) / middle**2
        self._burst += (min(4.0, max(-1.0, beyond)) - self._burst) * BURST_WEIGHT
        self._burst = max(BURST_LEAST, self._burst)

    def _normal_of(self, cell: int) -> Normal | None:
        here = self._spread(cell)
        if here is None:
            return None
        low, middle, high, own = here
        for beside in (self._spread((cell - 1) % HOURS), self._spread((cell + 1) % HOURS)):
            edge = beside or (0.0, 0.0, 0.0, False)
            if edge[0] < here[0] * EDGE:
                low = min(low, edge[0])
            if edge[0] * EDGE > here[0]:
                low = min(low, here[0] * PART)
            if edge[2] * EDGE > here[2]:
                high = max(high, edge[2])
        return Normal(low=low, median=middle, high=high, own=own)

    def _spread(self, cell: int) -> tuple[float, float, float, bool] | None:
        """Low, median and high of an hour of the week: of its own, else borrowed; None if nobody can lend."""
        values = self._cells[cell]
        if len(values) >= OWN:
            return (*quartiles(values), True)
        working = [count for day in range(5) for count in self._cells[day * 24 + cell % 24]]
        if len(working) < BORROWED:
            return None
        if cell >= 5 * 24:  # a weekend is nobody's like: at most as busy as the busiest hour, at least nothing at all
            return 0.0, 0.0, float(max(max(seen, default=0) for seen in self._cells)), False
        return (*quartiles(working), False)


def quartiles(values: Sequence[int]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper one, without one in four of the odd values at each end.

    Of fewer than four values, the least and the greatest."""
    ordered = sorted(values)
    aside = len(ordered) // 4
    return float(ordered[aside]), float(median(ordered)), float(ordered[-1 - aside])
