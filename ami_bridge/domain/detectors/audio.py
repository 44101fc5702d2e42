"""Whether calls over a trunk sound bad: packets lost and jitter, as RTCP reports them.

Each stream of each call is reported about every 5 s, both directions: what arrives here and what arrives there. One bad
report is a handover; so a call is judged by the third worst of its last eight reports, which sees a direction that
is bad for 15 s and leaves out two bursts. One bad call is a mobile in a lift, and among forty calls there are always
some: so several calls have to be bad, a fair share of those heard, and more of them than chance would have it
with the share of bad calls this trunk has on ordinary days (`chance`). Calls that ended within `window` count as well;
but whoever stands in a bad place rings again and again, so two calls have to be bad at the same time, or twice as
many one after the other. Fewer than `calls` are never enough: callers who hear each other badly do not
need to be told so by a recording, and a technician sees the figures of single calls in the PBX.

Jitter alone never condemns: buffers even it out, and some far ends report nonsense after a change of codec.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import nlargest

from ami_bridge.domain.detectors.chance import Background
from ami_bridge.domain.detectors.opinion import Opinion
from ami_bridge.domain.names import TrunkName, Uniqueid
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

_REPORTS = 8  # of a call that are looked at: 20 s of both directions
_BAD_ONES = 3  # so many of them have to be bad; a call with fewer reports is not judged
_AT_ONCE = 2  # bad calls at the same time: else it may be one caller who rings again and again
_MOST_CALLS = 5_000  # heard at a time; the one that was silent longest is forgotten
_NONE, _NONSENSE = timedelta(), timedelta(seconds=5)  # jitter from here up to there is jitter
_BETTER = 12  # reports in a row without a bad one, at least, and
_EACH = 4  # so many for each call: the trouble is over
_FIRST_GUESS = 0.01  # share of calls that sound bad on ordinary days, until it is known


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioLimits:
    """What sounds bad, and how many calls have to."""

    enabled: bool = True
    loss: float = 0.05  # share of packets lost from which speech suffers in spite of concealment
    loss_down: float = 0.15  # and from which nobody understands anybody
    jitter: timedelta = timedelta(milliseconds=50)  # more than the usual jitter buffers even out
    calls: int = 3  # calls that sound bad, at least
    share: float = 0.3  # and this share of all calls heard
    window: timedelta = timedelta(minutes=5)  # how long a call that ended, or is not reported on any more, counts
    years: int = 2  # as many bad calls as chance has more than once in so many years do not count; 0: all do
    probation: timedelta = timedelta(hours=1)  # no call heard for so long: whether they sound well again is not known
    alone: Strength = Strength.DOWN  # the most it says by itself: "down", "suspect" or "hint"


@dataclass(slots=True)
class _Heard:
    """One call: its last reports, and what they come to."""

    last: datetime
    lost: deque[float] = field(default_factory=lambda: deque(maxlen=_REPORTS))
    jitter: deque[timedelta] = field(default_factory=lambda: deque(maxlen=_REPORTS))
    judged: bool = False
    bad: bool = False
    awful: bool = False
    ended: bool = False


class Audio:
    """How the calls over one trunk sound."""

    def __init__(self, trunk: TrunkName, limits: AudioLimits) -> None:
        self.limits = limits
        self._opinion = Opinion(Subject(Kind.TRUNK, trunk), Source.AUDIO, limits.enabled)
        self._usual = Background(_FIRST_GUESS)
        self._calls: dict[Uniqueid, _Heard] = {}  # the one heard of longest ago first
        self._judged = self._bad = self._awful = 0
        self._bad_now = 0  # of those that have not ended
        self._good_reports = 0  # since the last bad one
        self._told = 0
        self._resumed: datetime | None = None
        self._heard: datetime | None = None  # the last report

    def report(self, channel: Uniqueid, loss: float, jitter: timedelta, now: datetime) -> list[Signal]:
        """Take one report on `channel`: the share of packets lost (0 to 1) and the jitter. Nonsense is passed over."""
        if not 0 <= loss <= 1:
            return []
        if not _NONE <= jitter < _NONSENSE:
            jitter = _NONE
        call = self._calls.get(channel)
        if call is None:
            call = _Heard(last=now)
        elif call.ended:
            return []
        else:
            del self._calls[channel]
        self._calls[channel] = call
        self._heard = now
        call.last = now
        call.lost.append(loss)
        call.jitter.append(jitter)
        bad = loss > self.limits.loss or jitter > self.limits.jitter
        self._good_reports = 0 if bad else self._good_reports + 1
        if len(self._calls) > _MOST_CALLS:
            self._drop(next(iter(self._calls)), now)
        if bad or call.bad or not call.judged:
            self._judge(call)
        return self._weigh(now) if bad or self._opinion.strength is not Strength.CLEAR else []

    def ended(self, channel: Uniqueid, now: datetime) -> list[Signal]:
        """The call on `channel` is over. It counts for a while yet, if there was enough of it to judge."""
        call = self._calls.get(channel)
        if call is not None and not call.ended:
            self._count(call, -1)
            call.ended = True
            self._count(call, 1)
            if not call.judged:
                self._drop(channel, now)
        return []

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: calls that were not heard of for a while do not count any more."""
        before = len(self._calls)
        while self._calls:
            oldest = next(iter(self._calls))
            if now - self._calls[oldest].last < self.limits.window:
                break
            self._drop(oldest, now)
        changed = len(self._calls) < before or not self._calls
        return self._weigh(now) if changed and self._opinion.strength is not Strength.CLEAR else []

    def lost_sight(self, now: datetime) -> None:
        """The PBX was not watched: which calls are over is not known. They count for `window`, then no more."""

    def resume(self, now: datetime) -> None:
        """An earlier run said that calls sound bad: that they do not is news, once enough of them were heard."""
        self._opinion.resume(min(Strength.SUSPECT, self.limits.alone))
        self._resumed = self._heard = now

    def _judge(self, call: _Heard) -> None:
        """Judge a call anew, and keep count."""
        if len(call.lost) < _BAD_ONES:
            return
        lost = nlargest(_BAD_ONES, call.lost)[-1]
        jitter = nlargest(_BAD_ONES, call.jitter)[-1]
        self._count(call, -1)
        call.judged = True
        call.bad = lost > self.limits.loss or jitter > self.limits.jitter
        call.awful = lost >= self.limits.loss_down
        self._count(call, 1)

    def _count(self, call: _Heard, by: int) -> None:
        self._judged += by * call.judged
        self._bad += by * call.bad
        self._awful += by * call.awful
        self._bad_now += by * (call.bad and not call.ended)

    def _drop(self, channel: Uniqueid, now: datetime) -> None:
        """Forget a call; what it was like in an ordinary time is learnt."""
        call = self._calls.pop(channel)
        self._count(call, -1)
        if call.judged and self._opinion.strength is Strength.CLEAR:
            self._usual.learn(int(call.bad), 1, now)

    def _weigh(self, now: datetime) -> list[Signal]:
        if self._many(self._awful):
            return self._tell(self.limits.alone, self._awful, "lose so many packets that nobody is understood")
        if self._many(self._bad):
            strength = max(min(Strength.SUSPECT, self.limits.alone), self._opinion.strength)
            return self._tell(strength, self._bad, "sound bad (packets lost or jitter)")
        if self._opinion.strength is Strength.CLEAR:
            return []
        if self._resumed is not None and now - self._resumed < self.limits.window:
            return self._clear("calls sound as they should again", now) if self._better() else []
        if not self._judged:
            quiet = self._heard is None or now - self._heard >= self.limits.probation
            return self._clear("no call was heard for long; the next will tell", now) if quiet else []
        # One call, good or bad, tells nothing where few telephone.
        enough = self._judged - self._bad >= self.limits.calls
        few = 2 * self._bad < self.limits.share * self._judged or self._bad < self.limits.calls / 2
        return self._clear("calls sound as they should again", now) if (enough and few) or self._better() else []

    def _better(self) -> bool:
        """Whether nothing bad was reported for so long that the bad calls still counted are of the past."""
        return self._good_reports >= max(_BETTER, _EACH * len(self._calls))

    def _many(self, bad: int) -> bool:
        if self._better() or bad < max(self.limits.calls, 1) or bad < self.limits.share * self._judged:
            return False
        if self._bad_now < _AT_ONCE and bad < 2 * self.limits.calls:
            return False
        return not self._usual.by_chance(bad, self._judged, self.limits.years)

    def _tell(self, strength: Strength, bad: int, how: str) -> list[Signal]:
        """Tell of it; again only when twice as many calls are bad."""
        if strength is self._opinion.strength and bad < 2 * self._told:
            return []
        self._told = bad
        return self._opinion.become(strength, f"{bad} of {self._judged} calls {how}")

    def _clear(self, words: str, now: datetime) -> list[Signal]:
        """Complain no more, nor of the calls that made us."""
        self._told = 0
        said = self._opinion.strength
        for channel in [one for one, call in self._calls.items() if call.ended and call.bad]:
            self._drop(channel, now)
        return self._opinion.become(Strength.CLEAR, words) if said is not Strength.CLEAR else []
