"""Agents' phones that ring while nobody picks up.

One agent who has forgotten to pause is one phone; a group of phones that ring for one caller are one ring; and phones
ring unheard every evening after everybody has gone home.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ami_bridge.domain.detectors.opinion import Opinion, span
from ami_bridge.domain.hours import Hours
from ami_bridge.domain.names import Device, LineName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

_TOGETHER = timedelta(seconds=3)  # phones that stop ringing within this time rang for the same caller
_KEPT = 100  # devices remembered of one row


@dataclass(frozen=True, slots=True, kw_only=True)
class RingingLimits:
    """When phones that ring in vain are an outage."""

    enabled: bool = True
    row: int = 3  # rings in a row that nobody picked up, phones that ring together counted once
    devices: int = 2  # by so many different phones, or by all there are; one is an agent who has forgotten to pause
    lasting: timedelta = timedelta(minutes=2)  # from the first of the row to the last; coffee takes less
    recent: timedelta = timedelta(hours=2)  # somebody must have picked up so lately before; else all have gone home
    forget: timedelta = timedelta(minutes=30)  # after so long without a ring nothing is known any more
    alone: Strength = Strength.SUSPECT  # how much it says by itself


class Ringing:
    """The ringing of one line's phones under watch; rings outside of `hours` do not count."""

    def __init__(self, line: LineName, limits: RingingLimits, hours: Hours | None = None) -> None:
        self.limits = limits
        self._hours = hours
        self._opinion = Opinion(Subject(Kind.LINE, line), Source.RINGING, limits.enabled)
        self._first: datetime | None = None  # ring of the row
        self._last: datetime | None = None
        self._rings = 0
        self._devices: set[Device] = set()
        self._picked_up: datetime | None = None
        self._told = 0  # how many rings were told

    def rang_out(self, device: Device, now: datetime, present: int = 0) -> list[Signal]:
        """A phone rang and nobody picked up; `present` is how many agents' phones are there, 0 when unknown."""
        if not self._is_open(now):
            return self.tick(now)
        if self._last is not None and now - self._last >= self.limits.forget:
            self._begin_anew()
        if self._last is None or now - self._last > _TOGETHER:
            self._rings += 1
        self._first, self._last = self._first or now, now
        if len(self._devices) < _KEPT:
            self._devices.add(device)
        needed = min(self.limits.devices, present or self.limits.devices)
        if self._rings < self.limits.row or len(self._devices) < needed or not self._was_attended():
            return []
        if now - self._first < self.limits.lasting or self._is_told():
            return []
        self._told = self._rings
        phones = "1 phone" if len(self._devices) == 1 else f"{len(self._devices)} phones"
        words = f"{phones} rang {self._rings} times in a row and nobody picked up"
        return self._opinion.become(self.limits.alone, words)

    def picked_up(self, now: datetime) -> list[Signal]:
        """An agent took a call of this line."""
        self._picked_up = now
        self._begin_anew()
        return self._opinion.become(Strength.CLEAR, "an agent picked up")

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: the line closes, and what nobody tried again is not known any more."""
        if self._opinion.strength is Strength.CLEAR:
            return []
        if not self._is_open(now):
            self._begin_anew()
            return self._opinion.become(Strength.CLEAR, "the line has closed")
        if self._last is None or now - self._last >= self.limits.forget:
            self._begin_anew()
            words = f"no phone has rung in vain for {span(self.limits.forget.total_seconds())}"
            return self._opinion.become(Strength.CLEAR, words)
        return []

    def lost_sight(self, now: datetime) -> None:
        """The PBX was not watched: somebody may have picked up, so a row begins anew. What was said stands."""
        self._begin_anew()
        self._last = now

    def resume(self, now: datetime) -> None:
        """An earlier run said that phones ring in vain: that one is picked up is news."""
        self._opinion.resume(self.limits.alone)
        self._last = now

    def _is_told(self) -> bool:
        """Whether it has been said already, and there are not twice as many rings since."""
        return self._opinion.strength is not Strength.CLEAR and self._rings < 2 * self._told

    def _was_attended(self) -> bool:
        """Whether somebody picked up not long before the row began."""
        if self._first is None or self._picked_up is None:
            return False
        return self._first - self._picked_up <= self.limits.recent

    def _begin_anew(self) -> None:
        self._first = self._last = None
        self._rings = 0
        self._devices.clear()

    def _is_open(self, now: datetime) -> bool:
        return self._hours is None or self._hours.is_open(now)
