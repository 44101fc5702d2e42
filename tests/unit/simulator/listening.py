"""Something to be simulated for that only listens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ami_bridge.domain import events as ev
from ami_bridge.domain.effects import Effect
from benchmarks.simulator.engine import Order


@dataclass
class Listener:
    """Keeps what it is told, and when."""

    told: list[tuple[datetime, object]] = field(default_factory=list)
    ticks: list[datetime] = field(default_factory=list)

    def feed(self, event: ev.Event, now: datetime) -> list[Effect]:
        self.told.append((now, event))
        return []

    def tick(self, now: datetime) -> list[Effect]:
        self.ticks.append(now)
        return []

    def link_lost(self, reason: str, now: datetime) -> list[Effect]:
        self.told.append((now, reason))
        return []

    def seen_again(self, snapshot: Sequence[ev.Event], now: datetime) -> list[Effect]:
        self.told.append((now, tuple(snapshot)))
        return []

    def order(self, order: Order, now: datetime) -> list[Effect]:
        self.told.append((now, order))
        return []
