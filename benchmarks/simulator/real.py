"""The detection that ships, as `watching.watch_of` makes it, behind the few methods the simulator needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from ami_bridge.domain import events as ev
from ami_bridge.domain.effects import Effect
from ami_bridge.domain.names import IncidentId
from ami_bridge.domain.orders import Declaration, Report
from ami_bridge.settings import Settings
from ami_bridge.watching import watch_of
from benchmarks.simulator.engine import Order


class Real:
    """The watch of one PBX. Incidents are numbered, so that a seed gives the same run again."""

    def __init__(self, settings: Settings) -> None:
        numbers, pbx = count(), settings.pbx[0]
        self.watch = watch_of(settings, pbx, new_id=lambda: IncidentId(f"{pbx.name}/{next(numbers)}"))
        self.feed = self.watch.feed
        self.tick = self.watch.tick

    def link_lost(self, reason: str, now: datetime) -> list[Effect]:
        return self.watch.lost_sight(now, reason)

    def seen_again(self, snapshot: Sequence[ev.Event], now: datetime) -> list[Effect]:
        return self.watch.seen_again(snapshot, now)

    def order(self, order: Order, now: datetime) -> list[Effect]:
        if isinstance(order, Declaration):
            return self.watch.court.declare(order, now)[1]
        if isinstance(order, Report):
            return self.watch.court.report(order, now)
        return self.watch.court.plan(order, now)
