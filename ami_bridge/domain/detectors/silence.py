"""A trunk that always has calls in at this hour, and has none.

A broken way in makes no event: the carrier lost the way to us, a number was ported, a router forgot its NAT. What is
left to see is that nothing comes. How long nothing may come is a matter of chance, so evidence is counted in what
chance would have to do: after a silence in which `n` calls were due, calls that come independently would have stayed
out once in exp(n) silences, and those that come in bursts more often (`Rhythm.burst`). docs/detection/silence.md has
the times.

Nobody calling is normal on holidays. A silence therefore says something only if it broke off a day that had begun like
others, or while calls out go on as usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import log, log1p
from typing import Final

from ..baseline import HOUR, Normal, Rhythm
from ..names import TrunkName
from ..signal import Kind, Signal, Source, Strength, Subject

MINUTE: Final = timedelta(minutes=1)
UNWATCHED: Final = timedelta(minutes=15)  # between two looks: nobody was looking
CALLS_ALIVE: Final = 5  # calls out during a silence, below which they prove nothing
ALIVE: Final = 0.5  # of the calls out that are normal: people are at work
CALLS_GONE: Final = 8  # calls out due during a silence, above which their absence proves something
GONE: Final = 0.25  # of the calls out that are normal: people have gone home


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceLimits:
    """When no calls in are too few. See docs/detection/silence.md."""

    enabled: bool = True  # whether silence is watched for; what is normal is learnt all the same
    alone: Strength = Strength.DOWN  # the most it says by itself
    least: timedelta = timedelta(minutes=10)  # no shorter silence counts, however busy the trunk
    odds: int = 100_000  # suspect a silence that comes once in so many by chance; ordinary days are counted cautiously
    odds_down: int = 100_000_000  # one that comes once in so many is no chance
    sound: float = 0.5  # share of the calls normal for today before the silence, from which the day counts as ordinary
    at_most: timedelta = timedelta(days=1)  # a silence longer than this is a change of habits, and no more told

    def __post_init__(self) -> None:
        if not 1 < self.odds <= self.odds_down:
            raise ValueError("silence: odds must be above 1, and odds_down not below odds")
        if not 0 < self.sound <= 1:
            raise ValueError("silence: sound must be above 0 and at most all of the normal calls")


class Silence:
    """The calls in of one trunk against their rhythm. This feeds both rhythms; others may read them."""

    __slots__ = (
        "_calls",
        "_calls_out",
        "_day",
        "_due",
        "_due_out",
        "_evidence",
        "_expected",
        "_fresh",
        "_gave_up",
        "_level",
        "_limits",
        "_looked",
        "_own",
        "_rhythm",
        "_rhythm_out",
        "_since",
        "_strength",
        "_subject",
        "_told",
    )

    def __init__(self, trunk: TrunkName, limits: SilenceLimits, calls_in: Rhythm, calls_out: Rhythm) -> None:
        self._subject = Subject(Kind.TRUNK, trunk)
        self._limits = limits
        self._rhythm = calls_in
        self._rhythm_out = calls_out
        self._strength = Strength.CLEAR
        self._told = 0.0  # how many calls were due when words were last found for it
        self._gave_up = False
        self._due: datetime | None = None  # the next look
        self._looked: datetime | None = None  # the last look
        self._since: datetime | None = None  # the silence's begin: the last call, or when watching began
        self._begin_anew()

    def arrived(self, now: datetime) -> list[Signal]:
        """A call came in over the trunk."""
        self._rhythm.count(now)
        self._since = self._looked = now
        if self._evidence or self._calls_out or not self._fresh:
            self._begin_anew()
        self._gave_up = False
        if self._strength is Strength.CLEAR:
            return []
        return self._clear("calls come in again")

    def went_out(self, now: datetime) -> list[Signal]:
        """A call went out, or tried to."""
        self._rhythm_out.count(now)
        self._calls_out += 1
        return []

    def lost_sight(self, now: datetime) -> None:
        """Calls are not seen: this hour is not learnt, the silence so far proves nothing, what was said stands."""
        self._rhythm.skip(now)
        self._rhythm_out.skip(now)
        self._since = self._looked = now
        self._begin_anew()

    def resume(self, now: datetime) -> None:
        """An earlier run said that the trunk is silent: that a call comes in is news."""
        self._strength = self._limits.alone
        self._since = self._looked = now

    def tick(self, now: datetime) -> list[Signal]:
        """Look once a minute."""
        if self._due is not None and now < self._due:
            return []
        self._due = now + MINUTE
        self._rhythm.close(now)
        self._rhythm_out.close(now)
        if self._since is None or self._looked is None:
            self._since = self._looked = now
        if now - self._looked > UNWATCHED:
            self.lost_sight(now)
            return []
        if not self._limits.enabled:
            return []
        return self._look(now, self._since)

    def _begin_anew(self) -> None:
        self._evidence = 0.0  # the negative logarithm of how often chance would do this
        self._expected = 0.0  # calls in due since
        self._calls_out = 0
        self._due_out = 0.0
        self._own = True  # all that was expected is known of these very hours of the week
        self._fresh = True  # not looked at since it began
        self._level = 0.0
        self._day = date.min

    def _look(self, now: datetime, since: datetime) -> list[Signal]:
        if self._fresh:
            self._fresh = False
            self._level = min(1.0, self._rhythm.level(now) or 0.0)
            self._day = self._rhythm.day
        self._add((now - (self._looked or since)) / HOUR, self._rhythm.expected(now), self._rhythm_out.expected(now))
        self._looked = now
        if self._strength >= Strength.SUSPECT:
            self._rhythm.skip(now)
        if self._strength and now - since > self._limits.at_most:
            self._gave_up = True
            return self._clear("no calls for so long that this is taken for a change of habits")
        strength = min(self._limits.alone, self._judge(now - since))
        if strength > self._strength or (strength and self._expected >= 2 * self._told):
            self._strength = max(strength, self._strength)
            self._told = self._expected
            return [self._signal(self._words(now - since))]
        return []

    def _add(self, hours: float, normal: Normal | None, out: Normal | None) -> None:
        if normal is None:
            self._own = False
        else:
            rate = normal.low * (self._level if self._is_sound() else 1.0)
            burst = self._rhythm.burst
            self._evidence += hours * log1p(rate * burst) / burst
            self._expected += hours * rate
            self._own = self._own and normal.own
        if out is not None:
            self._due_out += hours * out.median

    def _is_sound(self) -> bool:
        """The day had begun like others when the silence began, and it is still that day."""
        return self._level >= self._limits.sound and self._day == self._rhythm.day

    def _judge(self, silent: timedelta) -> Strength:
        if self._gave_up or silent < self._limits.least or self._evidence < log(self._limits.odds):
            return Strength.CLEAR
        if not self._is_sound() or not self._own:
            return Strength.SUSPECT if self._is_alive() else Strength.CLEAR
        fewer = self._due_out >= CALLS_GONE and not self._is_alive()
        if fewer and self._calls_out < GONE * self._due_out:
            return Strength.HINT
        return Strength.SUSPECT if fewer or self._evidence < log(self._limits.odds_down) else Strength.DOWN

    def _is_alive(self) -> bool:
        """Calls go out as on other days: people are at work."""
        return self._calls_out >= CALLS_ALIVE and self._calls_out >= ALIVE * self._due_out

    def _words(self, silent: timedelta) -> str:
        minutes = round(silent / MINUTE)
        said = f"no calls in for {minutes} minutes, in which {self._expected:.0f} or more are normal"
        if self._is_alive():
            return f"{said}; calls out go on"
        if self._due_out >= CALLS_GONE:
            return f"{said}; calls out are fewer than normal too"
        return said

    def _clear(self, words: str) -> list[Signal]:
        self._strength = Strength.CLEAR
        self._told = 0.0
        return [self._signal(words)]

    def _signal(self, words: str) -> Signal:
        return Signal(subject=self._subject, source=Source.SILENCE, strength=self._strength, words=words)
