"""How much of what goes wrong is mere chance on this trunk.

A fixed limit is too strict for one trunk and too lax for another: three failed calls in a row are an outage where one
call in a thousand fails, and an ordinary afternoon where an autodialler works off an old list or where there are a
million calls a year. So the share that is bad on ordinary days is learnt, and a limit counts only when chance would
not pass it once in so many years.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

_PRIOR_WEIGHT = 50  # trials: what is assumed at first counts as much as so many that were seen
_MEMORY = 400  # trials: when so many are known, what is older begins to fade
_RATE_MEMORY = timedelta(days=7)  # evens out days and week-ends
_YEAR = timedelta(days=365)
_FEWEST_A_YEAR = 1000.0


@dataclass(slots=True)
class Background:
    """The share of trials (calls, say) that is bad on ordinary days, and how many trials a year has."""

    first_guess: float  # the share until something is learnt, 0 to 1
    _bad: float = 0.0
    _seen: float = 0.0
    _rate: float = 0.0  # trials, those of `_RATE_MEMORY` ago counting 1/e
    _at: datetime | None = None

    def learn(self, bad: int, seen: int, now: datetime) -> None:
        """Take `seen` more trials of an ordinary time, `bad` of which went wrong."""
        self._bad += bad
        self._seen += seen
        if self._seen > _MEMORY:
            self._bad, self._seen = self._bad / 2, self._seen / 2
        passed = max(now - self._at, timedelta()) if self._at else timedelta()
        self._rate = self._rate * math.exp(-(passed / _RATE_MEMORY)) + seen
        self._at = now

    @property
    def share(self) -> float:
        """The share of trials that is bad, 0 to 1; never quite 0."""
        return min((self.first_guess * _PRIOR_WEIGHT + self._bad) / (_PRIOR_WEIGHT + self._seen), 0.5)

    @property
    def a_year(self) -> float:
        """How many trials a year has, from the last week or so."""
        return max(self._rate * (_YEAR / _RATE_MEMORY), _FEWEST_A_YEAR)

    def by_chance(self, bad: int, of: int, years: int) -> bool:
        """Whether `bad` among `of` independent trials happens by mere chance more than once in `years` (0: never does).

        Chernoff's bound of the binomial distribution, n D(x || p): for a row (`bad` = `of`) it is exact.
        """
        usual, seen = self.share, bad / of if of else 0.0
        if years and seen <= usual:
            return True
        surprise = seen * math.log(seen / usual) if seen else 0.0
        if seen < 1:
            surprise += (1 - seen) * math.log((1 - seen) / (1 - usual))
        return of * surprise < math.log(years * self.a_year) if years else False
