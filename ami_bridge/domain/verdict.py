"""What all testimonies about one subject come to: up, suspect, down or recovering.

Testimonies are added up, one per source: one that is sure condemns alone, two that are not corroborate each other. A
suspicion has to last before it becomes an incident, and a return has to last before it is believed; each relapse
doubles that time, so that what flaps is told once and not at every turn. Source of the idea of damping: RFC 2439.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from ami_bridge.domain.signal import Evidence, Signal, Source, Strength, Subject

_KEPT = 20  # lines of evidence a verdict shows


class Verdict(Enum):
    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"
    RECOVERING = "recovering"  # good again, and not yet for long enough


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictLimits:
    """When a verdict changes, once the detectors have spoken."""

    suspected_after: timedelta = timedelta(seconds=30)  # a suspicion that lasts so long opens a suspected incident
    hold: timedelta = timedelta(seconds=30)  # good for so long is up again
    hold_at_most: timedelta = timedelta(minutes=30)  # where doubling the hold ends
    flap_window: timedelta = timedelta(hours=1)  # a relapse within this time doubles the hold


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictChanged:
    """A verdict, or what it rests on, has changed.

    `firm`: a suspicion that has lasted. `sources` are those that speak against the subject now, hints aside, and `news`
    is what was seen since the last of these.
    """

    subject: Subject
    verdict: Verdict
    since: datetime
    sources: frozenset[Source]
    news: tuple[Evidence, ...]
    firm: bool = False

    @property
    def bad(self) -> bool:
        """Whether it is, or belongs into, an incident."""
        return self.verdict is Verdict.DOWN or self.firm


@dataclass(slots=True)
class Judge:
    """The verdict on one subject."""

    subject: Subject
    limits: VerdictLimits
    verdict: Verdict = Verdict.UP
    since: datetime | None = None
    evidence: deque[Evidence] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _standing: dict[tuple[Source, str], Signal] = field(default_factory=dict)
    _pardoned: set[tuple[Source, str]] = field(default_factory=set)
    _earlier: set[Source] = field(default_factory=set)  # spoke against it to an earlier run, and not since
    _news: list[Evidence] = field(default_factory=list)
    _firm: bool = False
    _was_down: bool = False  # since it was up last
    _doubtful_since: datetime | None = None  # since when enough speaks against it to be a suspicion
    _good_since: datetime | None = None
    _condemned: deque[datetime] = field(default_factory=lambda: deque(maxlen=16))

    @property
    def quiet(self) -> bool:
        """Whether time alone changes nothing."""
        return self.verdict is Verdict.UP

    @property
    def bad(self) -> bool:
        """Whether it is, or belongs into, an incident."""
        return self.verdict is Verdict.DOWN or self._firm

    def hear(self, signal: Signal, now: datetime) -> list[VerdictChanged]:
        """Take a testimony given at `now` (aware)."""
        key = signal.source, signal.told_by
        if signal.strength is Strength.CLEAR:
            self._pardoned.discard(key)
            if self._standing.pop(key, None) is None and signal.source not in self._earlier:
                return []
        elif key in self._pardoned:
            return []
        else:
            self._standing[key] = signal
        self._earlier.discard(signal.source)
        self._note(Evidence(at=now, source=signal.source, words=signal.words, about=self.subject))
        return self._judge(now)

    def tick(self, now: datetime) -> list[VerdictChanged]:
        """Let time pass: what lasted is believed, the bad and the good."""
        return [] if self.quiet else self._judge(now)

    def resume(
        self, evidence: Iterable[Evidence], since: datetime, verdict: Verdict, sources: Iterable[Source] = ()
    ) -> None:
        """Go on where an earlier run left off: what `sources` came to together stands until they all have spoken."""
        self._earlier = set(sources)
        self.evidence.extend(evidence)
        self.verdict, self.since = verdict, since
        self._was_down = verdict is not Verdict.SUSPECT
        self._firm = verdict is Verdict.SUSPECT
        self._doubtful_since = None if verdict is Verdict.RECOVERING else since

    def not_seen(self, now: datetime) -> None:
        """Nobody could see until now: nothing has lasted, neither the good nor the bad."""
        self._good_since = self._good_since and now
        self._doubtful_since = self._doubtful_since and now

    def pardon(self) -> None:
        """An operator says that it is over: what is still said against it is passed over until it was good once."""
        self._pardoned |= self._standing.keys() | {(source, "") for source in self._earlier}
        self._standing.clear()
        self._earlier.clear()
        self._become_up()

    def stated(self, now: datetime) -> VerdictChanged:
        """The verdict as it stands, with all that is known."""
        return self._changed(now, tuple(self.evidence))

    def sources(self) -> frozenset[Source]:
        """Who speaks against the subject now, hints aside."""
        now = {said.source for said in self._standing.values() if said.strength >= Strength.SUSPECT}
        return frozenset(now | self._earlier)

    def _weight(self) -> int:
        earlier = Strength.CLEAR
        if self._earlier:
            earlier = Strength.DOWN if self._was_down else Strength.SUSPECT
        by_source: dict[Source, int] = {}
        for said in self._standing.values():
            by_source[said.source] = max(by_source.get(said.source, 0), said.strength)
        if max(by_source.values(), default=0) < Strength.SUSPECT:
            return max(earlier, min(len(by_source), Strength.HINT))  # hints corroborate a suspicion, and make none
        return max(earlier, sum(by_source.values()))

    def _judge(self, now: datetime) -> list[VerdictChanged]:
        weight = self._weight()
        if weight >= Strength.SUSPECT:
            self._good_since = None
            self._doubtful_since = self._doubtful_since or now
        else:
            self._doubtful_since = None
            self._good_since = self._good_since or now
        verdict, firm = self._next(weight, now)
        if verdict is Verdict.UP and self.verdict is Verdict.UP:
            self._become_up()  # a hint that has gone, of what was up all the time: no part of what may come
            return []
        if verdict is self.verdict and firm is self._firm:
            return [self._changed(now)] if self._news and (firm or verdict is Verdict.DOWN) else []
        was_bad = self.bad
        if verdict is not self.verdict:
            self.since = now
        self.verdict, self._firm = verdict, firm
        self._was_down = self._was_down or verdict is Verdict.DOWN
        if self.bad and not was_bad:
            self._condemned.append(now)
        if verdict is Verdict.SUSPECT and not firm:
            return []  # nobody's business yet; should it become so, what was seen until then is told as well
        changed = self._changed(now)
        if verdict is Verdict.UP:
            self._become_up()
        return [changed]

    def _next(self, weight: int, now: datetime) -> tuple[Verdict, bool]:
        """The verdict that follows from the present one, and whether it is a firm suspicion."""
        held = self.verdict in (Verdict.DOWN, Verdict.RECOVERING) or self._firm
        if weight >= Strength.DOWN or (weight >= Strength.SUSPECT and self._was_down):
            return Verdict.DOWN, False
        if weight >= Strength.SUSPECT:
            if self.verdict is Verdict.RECOVERING:
                return Verdict.SUSPECT, True
            return Verdict.SUSPECT, self._firm or _passed(self._doubtful_since, self.limits.suspected_after, now)
        if held and not (self.verdict is Verdict.RECOVERING and _passed(self._good_since, self._hold(now), now)):
            return Verdict.RECOVERING, False
        return (Verdict.SUSPECT if weight and not held else Verdict.UP), False

    def _hold(self, now: datetime) -> timedelta:
        """How long it has to be good: doubled for each time it was condemned again within the flap window."""
        while self._condemned and now - self._condemned[0] > self.limits.flap_window:
            self._condemned.popleft()
        doubled: timedelta = self.limits.hold * 2 ** max(0, len(self._condemned) - 1)
        return min(doubled, max(self.limits.hold, self.limits.hold_at_most))

    def _note(self, evidence: Evidence) -> None:
        self.evidence.append(evidence)
        self._news.append(evidence)
        del self._news[:-_KEPT]

    def _changed(self, now: datetime, news: tuple[Evidence, ...] | None = None) -> VerdictChanged:
        told, self._news = (tuple(self._news) if news is None else news), []
        return VerdictChanged(
            subject=self.subject,
            verdict=self.verdict,
            since=self._doubtful_since or self.since or now,
            sources=self.sources(),
            news=told,
            firm=self._firm,
        )

    def _become_up(self) -> None:
        self.verdict, self._firm, self._doubtful_since, self._good_since = Verdict.UP, False, None, None
        self.since, self._was_down = None, False
        self.evidence.clear()
        self._news.clear()


def _passed(since: datetime | None, span: timedelta, now: datetime) -> bool:
    return since is not None and now - since >= span
