"""Whether calls out over a trunk fail for the network's fault.

This is how a dead trunk shows first where people telephone: within seconds, while a registration still holds and the
next qualify is a minute off. What makes one failed call worth little: carriers answer "congestion" for numbers abroad
that do not exist, and whoever got no connection dials the same number again, and again written otherwise. So a row
needs different numbers, and as many of them as chance would not bring about (`chance`): two are enough where calls
hardly ever fail, more where many do. A call that is refused before it rings counts half: a carrier that has blocked
the account refuses all of them, and so may one called person.

A network that was cut answers nothing at all, and the causes come 32 s later; so a dial that gets no sign of life for
`silent` counts already. Mobiles abroad take long to ring, so it is longer on a trunk where that is usual; phones that
are rung together count once; and any sign of life from the network takes such counts back.

"In a row" goes by when calls were dialled: one that was under way when the trunk failed may still ring afterwards
and proves nothing about those dialled later, just as one that times out late says nothing about a trunk that
has carried others since.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ami_bridge.domain import causes
from ami_bridge.domain.causes import Fault, fault
from ami_bridge.domain.detectors.chance import Background
from ami_bridge.domain.detectors.dials import Dial, Patience, reasons, same
from ami_bridge.domain.detectors.dials import numbers as numbers_of
from ami_bridge.domain.detectors.opinion import Opinion, span
from ami_bridge.domain.names import TrunkName, Uniqueid
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

_TOGETHER = timedelta(milliseconds=250)  # dialled within this: phones rung together, one caller's doing
_MOST_PENDING = 5_000  # calls being set up; more are not followed
_MOST_OVER = 1_024  # ends remembered, for reports that come twice or in the wrong order
_MOST_IN_A_ROW = 64
_SILENCE_COUNTS = timedelta(minutes=2)  # after dialling: given up in silence is weak, and only many at a time count
_FORGOTTEN = timedelta(minutes=10)  # a call being set up for so long was lost sight of
_FIRST_GUESS = 0.005  # share of calls that fail on ordinary days, until it is known


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCallsLimits:
    """How many calls have to fail, to how many numbers, and for how long that is remembered."""

    enabled: bool = True
    row: int = 3  # calls that fail in a row: fewer are a redial
    numbers: int = 2  # different numbers among them, at least; more on a trunk where calls often fail (years)
    years: int = 2  # a row that chance brings about more than once in so many years does not count; 0: every row does
    silent: timedelta = timedelta(seconds=4)  # no sign of life after dialling: counts as failed; most calls ring in 3 s
    share: float = 0.5  # or this share of the last calls failed, though some went through
    of: int = 12  # so many last calls are looked at for that
    window: timedelta = timedelta(minutes=10)  # that lie no further back than this
    lasts: timedelta = timedelta(hours=1)  # a failed call is forgotten after this
    probation: timedelta = timedelta(hours=1)  # nobody has tried for so long: whether it works again is not known
    alone: Strength = Strength.DOWN  # the most it says by itself: "down", "suspect" or "hint"


class FailedCalls:
    """The calls out over one trunk."""

    def __init__(self, trunk: TrunkName, limits: FailedCallsLimits) -> None:
        self.limits = limits
        self._opinion = Opinion(Subject(Kind.TRUNK, trunk), Source.CALLS, limits.enabled)
        self._usual = Background(_FIRST_GUESS)
        self._serial = 0
        self._pending: dict[Uniqueid, Dial] = {}
        self._hushed: deque[Dial] = deque(maxlen=_MOST_PENDING)  # those not silent for long yet, as dialled
        self._over: dict[Uniqueid, int | None] = {}  # the cause where a call ended before we knew it was dialled
        self._row: deque[Dial] = deque(maxlen=_MOST_IN_A_ROW)
        self._length = 0  # of the row, those dropped from it included
        self._told = 0  # how long the row was when it was last told
        self._recent: deque[tuple[datetime, str | None]] = deque(maxlen=max(limits.of, 1))  # the number if it failed
        self._patience = Patience(limits.silent)
        self._good_serial = 0  # of the newest call that went through
        self._good = 0  # calls that went through since the last failure
        self._heard: datetime | None = None  # when the network last showed life
        self._bad_at: datetime | None = None
        self._mixed = False  # condemned by the share: some calls do go through
        self._trial_until: datetime | None = None

    def dialled(self, channel: Uniqueid, number: str, now: datetime) -> list[Signal]:
        """A call out begins on `channel`."""
        if channel in self._pending:
            return []
        if channel in self._over and self._over[channel] is None:
            return []
        self._serial += 1
        dial = Dial(self._serial, channel, same(number), now)
        if (cause := self._over.pop(channel, None)) is not None:
            self._be_over(channel)
            return self._judge(dial, cause, now)
        self._pending[channel] = dial
        self._hushed.append(dial)
        if len(self._pending) > _MOST_PENDING:
            self._forget_oldest()
        return []

    def alerted(self, channel: Uniqueid, now: datetime) -> list[Signal]:
        """The far end rings, plays something or answers."""
        dial = self._pending.pop(channel, None)
        self._be_over(channel)
        if dial is None:
            return []
        dial.over = True
        self._patience.learn(now - dial.at)
        return self._went_through(dial, now)

    def ended(self, channel: Uniqueid, cause: int, now: datetime) -> list[Signal]:
        """`channel` was hung up with this Q.850 cause. Channels that were never dialled do no harm."""
        dial = self._pending.pop(channel, None)
        if dial is None:
            if channel not in self._over:
                self._be_over(channel, cause)
            return []
        self._be_over(channel)
        dial.over = True
        return self._judge(dial, cause, now)

    def lost_sight(self, now: datetime) -> None:  # noqa: ARG002 - all detectors are told alike
        """The PBX is not watched any more: what became of the calls under way will not be seen."""
        for dial in self._pending.values():
            dial.over = True
        self._pending.clear()
        self._hushed.clear()

    def resume(self, now: datetime) -> None:
        """An earlier run said that calls fail: one that goes through is news, or that nobody tries any more."""
        self._opinion.resume(self.limits.alone)
        self._bad_at = now

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: dials become silent, a trunk nobody tries any more is given another chance."""
        signals: list[Signal] = []
        while self._hushed and (self._hushed[0].over or now - self._hushed[0].at >= self._patience.wait):
            dial = self._hushed.popleft()
            if not dial.over:
                signals += self._silent(dial, now)
        if self._pending and now - next(iter(self._pending.values())).at >= _FORGOTTEN:
            self._forget_oldest()
        if self._opinion.strength is not Strength.CLEAR:
            signals += self._fade(now)
        return signals

    def _silent(self, dial: Dial, now: datetime) -> list[Signal]:
        if self._heard is not None and self._heard > dial.at:
            return []
        if any(one.cause is None and abs(dial.at - one.at) < _TOGETHER for one in self._row):
            return []
        return self._failed(dial, now)

    def _judge(self, dial: Dial, cause: int, now: datetime) -> list[Signal]:
        """Weigh a call that ended without having alerted."""
        if cause == causes.BUSY:
            return self._went_through(dial, now)
        if cause == causes.ANSWERED_ELSEWHERE:
            self._keep(one for one in self._row if one is not dial)
            return []
        whose = fault(cause, alerted=False)
        if whose is Fault.NETWORK or cause == causes.REFUSED:
            dial.cause = cause
            return self._failed(dial, now)
        if whose is Fault.USER:
            self._shows_life(now)
        return []

    def _failed(self, dial: Dial, now: datetime) -> list[Signal]:
        if dial.serial < self._good_serial:
            if self._opinion.strength < Strength.SUSPECT:
                self._usual.learn(1, 1, now)
            return []
        self._bad_at, self._good = now, 0
        if dial.cause is not None and not dial.refused:
            self._recent.append((now, dial.number))
        if dial not in self._row:
            self._row.append(dial)
            self._length += 1
        return self._weigh(now)

    def _went_through(self, dial: Dial, now: datetime) -> list[Signal]:
        self._good_serial = max(self._good_serial, dial.serial)
        self._good += 1
        broken = [one for one in self._row if one.serial < dial.serial]
        if self._opinion.strength < Strength.SUSPECT:
            failed = len(numbers_of(broken)) if broken else 0
            self._usual.learn(failed, 1 + failed, now)
        self._recent.append((now, None))
        if broken:
            self._keep(one for one in self._row if one.serial > dial.serial)
        self._trial_until = None
        self._shows_life(now)
        return self._believe() if self._opinion.strength is not Strength.CLEAR else []

    def _believe(self) -> list[Signal]:
        """A call went through while we complain: enough, unless others still fail beside it or were dialled later."""
        if self._row or (self._mixed and self._good < max(self.limits.row, 1)):
            return []
        self._mixed = False
        self._recent.clear()
        return self._say(Strength.CLEAR, "calls go through again")

    def _shows_life(self, now: datetime) -> None:
        """The network answered something: nobody's silence means that it is cut."""
        self._heard = now
        if any(one.cause is None for one in self._row):
            self._keep(one for one in self._row if one.cause is not None)

    def _keep(self, those: Iterable[Dial]) -> None:
        self._row = deque(those, maxlen=_MOST_IN_A_ROW)
        self._length = len(self._row)

    def _weigh(self, now: datetime) -> list[Signal]:
        """What the row and the share come to, after one more failure."""
        while self._row and now - self._row[0].at > self.limits.lasts:
            self._row.popleft()
            self._length -= 1
        if self._opinion.strength < Strength.SUSPECT and any(_faded(one, now) for one in self._row):
            self._keep(one for one in self._row if not _faded(one, now))
        refused = [one for one in self._row if one.refused]
        failed = [one for one in self._row if not one.refused]
        calls = len(failed) + len(refused) // 2
        numbers = len(numbers_of(failed)) + len(numbers_of(refused) - numbers_of(failed)) // 2
        if self._trial_until is not None and now < self._trial_until and self._proven(failed):
            return self._say(self.limits.alone, f"the call that tried it again failed too: {reasons(self._row)}")
        if calls >= self.limits.row:
            enough = numbers >= self.limits.numbers and not self._usual.by_chance(numbers, numbers, self.limits.years)
            if enough or self._opinion.strength > Strength.HINT:
                return self._tell_row(self.limits.alone if enough else self._opinion.strength)
        if self._too_many(now):
            self._mixed = True
            bad = sum(number is not None for _, number in self._recent)
            words = f"{bad} of the last {len(self._recent)} calls failed: {reasons(self._row)}"
            return self._say(self.limits.alone, words) if self._opinion.strength < self.limits.alone else []
        return self._tell_row(Strength.HINT) if calls >= self.limits.row else []

    @staticmethod
    def _proven(failed: list[Dial]) -> bool:
        """Whether a trial came to nothing: a call that is merely slow to ring does not say so yet."""
        return len(failed) > 1 or any(one.cause is not None for one in failed)

    def _tell_row(self, strength: Strength) -> list[Signal]:
        """Tell of the row; again only when it has doubled."""
        if strength is self._opinion.strength and self._length < 2 * self._told:
            return []
        self._told = self._length
        different = len(numbers_of(self._row))
        to = "all to one number" if different == 1 else f"to {different} numbers"
        words = f"{self._length} calls in a row failed, {to}: {reasons(self._row)}"
        return self._say(strength, words)

    def _too_many(self, now: datetime) -> bool:
        """Whether too large a share of the last calls failed, to more numbers than chance would have it."""
        while self._recent and now - self._recent[0][0] > self.limits.window:
            self._recent.popleft()
        of = len(self._recent)
        if of < max(self.limits.of, 1):
            return False
        bad = [number for _, number in self._recent if number is not None]
        different = len(set(bad))
        enough = len(bad) >= self.limits.share * of and different >= self.limits.numbers
        return enough and not self._usual.by_chance(different, of, self.limits.years)

    def _fade(self, now: datetime) -> list[Signal]:
        """Nobody is told to keep off a trunk for ever because of calls nobody makes any more."""
        quiet = now - self._bad_at if self._bad_at is not None else timedelta()
        if self._opinion.strength is Strength.HINT:
            return self._say(Strength.CLEAR, "no more calls failed") if quiet >= self.limits.window else []
        if quiet < self.limits.probation:
            return []
        self._keep(())
        self._recent.clear()
        self._mixed = False
        self._trial_until = now + self.limits.lasts
        words = f"to be tried again: no call has failed for {span(self.limits.probation.total_seconds())}"
        return self._say(Strength.CLEAR, words)

    def _say(self, strength: Strength, words: str) -> list[Signal]:
        if strength is Strength.CLEAR:
            self._told = 0
        return self._opinion.become(strength, words)

    def _be_over(self, channel: Uniqueid, cause: int | None = None) -> None:
        self._over[channel] = cause
        if len(self._over) > _MOST_OVER:
            del self._over[next(iter(self._over))]

    def _forget_oldest(self) -> None:
        oldest = next(iter(self._pending))
        self._pending.pop(oldest).over = True
        self._be_over(oldest)


def _faded(dial: Dial, now: datetime) -> bool:
    """Whether a caller gave up in silence too long ago: in a cut network others do the same soon."""
    return dial.cause is None and now - dial.at > _SILENCE_COUNTS
