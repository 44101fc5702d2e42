"""The AMI link to a PBX is lost: it is not watched, which does not mean that it is down.

A restart of Asterisk and a short break of the network are over within half a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ami_bridge.domain.detectors.opinion import Opinion
from ami_bridge.domain.names import PbxName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

_KEPT = 5  # different reasons told of one loss


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLimits:
    """When a lost link is worth a word."""

    enabled: bool = True
    grace: timedelta = timedelta(seconds=30)  # how long it may be lost: restarts and reconnections take less
    alone: Strength = Strength.SUSPECT  # how much it says by itself; not watched is not down


class Link:
    """The AMI link to one PBX under watch."""

    def __init__(self, pbx: PbxName, limits: LinkLimits) -> None:
        self.limits = limits
        self._opinion = Opinion(Subject(Kind.PBX, pbx), Source.LINK, limits.enabled)
        self._since: datetime | None = None
        self._reason = ""
        self._told: list[str] = []

    def lost(self, reason: str, now: datetime) -> list[Signal]:
        """The link is lost, or could not be had again for `reason`; the first of several in a row counts."""
        self._since = self._since or now
        self._reason = reason
        return self.tick(now)

    def regained(self, now: datetime) -> list[Signal]:  # noqa: ARG002 - an observation has its time
        """The link is up, and the PBX is watched again."""
        self._since = None
        self._told.clear()
        return self._opinion.become(Strength.CLEAR, "the link is up again")

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: a link that stays lost is told, and each other reason why once."""
        if self._since is None or now - self._since < self.limits.grace:
            return []
        if self._reason in self._told or len(self._told) >= _KEPT:
            return []
        self._told.append(self._reason)
        words = "not watched: the link is lost" + (f" ({self._reason})" if self._reason else "")
        return self._opinion.become(self.limits.alone, words)

    def lost_sight(self, now: datetime) -> None:
        """Told by `lost`, with the reason."""

    def resume(self, now: datetime) -> None:
        """An earlier run said that the link is lost: that it is up is news."""
        self._opinion.resume(self.limits.alone)
        self._since = self._since or now
