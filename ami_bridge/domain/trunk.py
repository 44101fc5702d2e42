"""Whether a SIP trunk can carry calls, judged from more than one witness.

A registration can say "registered" while every call is refused, and one failed call proves nothing; so signals are
weighed. Asterisk reports a contact unreachable only after its own retries, so a lost qualify weighs as much as a full
row of failed calls; a row is broken by a call that went through, and not by a qualify. Pure: time comes in as an
argument, what should happen goes out as values.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from ami_bridge.domain.names import TrunkName


class Verdict(Enum):
    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"
    RECOVERING = "recovering"


class Witness(Enum):
    QUALIFY = "qualify"
    CALL = "call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One observation of a trunk: who saw it, what it testifies, and the detail in words."""

    witness: Witness
    good: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictChanged:
    trunk: TrunkName
    verdict: Verdict
    since: datetime
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When to change one's mind: `failures` calls in a row condemn; a quiet `hold` after the return acquits.

    `probation` is how long a trunk condemned by calls alone is left alone before one is tried again.
    """

    failures: int = 3
    hold: timedelta = timedelta(seconds=30)
    probation: timedelta = timedelta(minutes=5)


@dataclass(slots=True)
class Trunk:
    """One trunk under observation."""

    name: TrunkName
    limits: Limits
    verdict: Verdict = Verdict.UP
    since: datetime | None = None
    evidence: deque[str] = field(default_factory=lambda: deque(maxlen=10))
    _failures: int = 0
    _unreachable: bool = False  # what the last qualify said
    _last_bad: datetime | None = None
    _quiet_since: datetime | None = None

    def observe(self, signal: Signal, now: datetime) -> list[VerdictChanged]:
        """Weigh `signal`, seen at `now` (aware); return the new verdict with its evidence, or nothing."""
        if signal.good:
            return self._acquit(signal, now)
        self.evidence.append(f"{now:%H:%M:%S} {signal.witness.value}: {signal.detail}")
        self._failures += self.limits.failures if signal.witness is Witness.QUALIFY else 1
        self._unreachable = self._unreachable or signal.witness is Witness.QUALIFY
        self._last_bad, self._quiet_since = now, None
        if self._failures >= self.limits.failures or self.verdict is Verdict.RECOVERING:
            return self._become(Verdict.DOWN, now)
        return self._become(Verdict.SUSPECT, now) if self.verdict is Verdict.UP else []

    def tick(self, now: datetime) -> list[VerdictChanged]:
        """Let time pass: what came back and stayed quiet for the hold is up; a suspicion nothing confirmed is dropped.

        Nobody calls over a trunk that is down, so one that only failed calls condemned would stay so for ever: after
        the probation it counts as recovering, and is up only when a call over it is answered.
        """
        if self.verdict is Verdict.DOWN:
            if self._unreachable or not _passed(self._last_bad, self.limits.probation, now):
                return []
            self.evidence.append(f"{now:%H:%M:%S} to be tried again")
            return self._become(Verdict.RECOVERING, now)
        quiet = self._last_bad if self.verdict is Verdict.SUSPECT else self._quiet_since
        if self.verdict is Verdict.UP or not _passed(quiet, self.limits.hold, now):
            return []
        self._failures = 0
        changes = self._become(Verdict.UP, now)
        self.evidence.clear()
        return changes

    def _acquit(self, signal: Signal, now: datetime) -> list[VerdictChanged]:
        if signal.witness is Witness.QUALIFY:
            self._unreachable = False
        if self._quiet_since is None:
            self._quiet_since = now
        if self.verdict is Verdict.DOWN:
            self.evidence.append(f"{now:%H:%M:%S} {signal.witness.value}: {signal.detail}")
            return self._become(Verdict.RECOVERING, now)
        if signal.witness is Witness.CALL:
            self._failures = 0
        return self.tick(now)

    def _become(self, verdict: Verdict, now: datetime) -> list[VerdictChanged]:
        if verdict is self.verdict:
            return []
        self.verdict, self.since = verdict, now
        return [VerdictChanged(trunk=self.name, verdict=verdict, since=now, evidence=tuple(self.evidence))]


def _passed(since: datetime | None, span: timedelta, now: datetime) -> bool:
    return since is not None and now - since >= span
