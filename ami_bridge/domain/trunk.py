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
    """When to change one's mind: `failures` calls in a row condemn; a quiet `hold` after the return acquits."""

    failures: int = 3
    hold: timedelta = timedelta(seconds=30)


@dataclass(slots=True)
class Trunk:
    """One trunk under observation."""

    name: TrunkName
    limits: Limits
    verdict: Verdict = Verdict.UP
    since: datetime | None = None
    evidence: deque[str] = field(default_factory=lambda: deque(maxlen=10))
    _failures: int = 0
    _quiet_since: datetime | None = None

    def observe(self, signal: Signal, now: datetime) -> list[VerdictChanged]:
        """Weigh `signal`, seen at `now` (aware); return the new verdict with its evidence, or nothing."""
        if signal.good:
            return self._acquit(signal, now)
        self.evidence.append(f"{now:%H:%M:%S} {signal.witness.value}: {signal.detail}")
        self._failures += self.limits.failures if signal.witness is Witness.QUALIFY else 1
        self._quiet_since = None
        if self._failures >= self.limits.failures or self.verdict is Verdict.RECOVERING:
            return self._become(Verdict.DOWN, now)
        return self._become(Verdict.SUSPECT, now) if self.verdict is Verdict.UP else []

    def tick(self, now: datetime) -> list[VerdictChanged]:
        """Let time pass: a trunk that came back and stayed quiet for the hold is up again."""
        if self.verdict not in (Verdict.RECOVERING, Verdict.SUSPECT):
            return []
        if self._quiet_since is None or now - self._quiet_since < self.limits.hold:
            return []
        self._failures = 0
        changes = self._become(Verdict.UP, now)
        self.evidence.clear()
        return changes

    def _acquit(self, signal: Signal, now: datetime) -> list[VerdictChanged]:
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
