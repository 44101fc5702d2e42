"""Virtual time for one PBX: what happens when, what the detection is fed with, and when it is let tick.

In production time passes for the detection twice a second, all the time. Here it does so when it can matter: just
before whatever happens next, within seconds after it, then ever more seldom, and every second while somebody asked for
that. What rests on a state that lasted is thus seen as in production, at worst some seconds later, which the figures
then show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from typing import Any, Protocol

from ami_bridge.domain import events as ev
from ami_bridge.domain.effects import Effect
from ami_bridge.domain.orders import Declaration, Maintenance, Report
from benchmarks.simulator.calendar import MINUTE, moment

_CALL_STEP = 5.0  # seconds to the first tick after something ordinary; silence after dialling counts from 4 s on
_STATE_STEP = 1.0  # and after something that rarely changes
_BEFORE = 15.0  # a tick this long before counts as one just before
_LEAST = 10 * MINUTE  # a quarter of an hour without a tick is a blind spot
Order = Declaration | Report | Maintenance
_STIRS = frozenset({ev.RegistrationChanged, ev.QueueMemberRemoved})


class Detection(Protocol):
    """What is under test, as the simulator uses it: the watch of one PBX. `real.Real` is the one that ships."""

    def feed(self, event: ev.Event, now: datetime) -> list[Effect]: ...

    def tick(self, now: datetime) -> list[Effect]: ...

    def link_lost(self, reason: str, now: datetime) -> list[Effect]: ...

    def seen_again(self, snapshot: Sequence[ev.Event], now: datetime) -> list[Effect]: ...

    def order(self, order: Order, now: datetime) -> list[Effect]: ...


class Engine:
    """The clock of one PBX and its link to the detection."""

    def __init__(self, detection: Detection, perform: Callable[[Effect, float], None]) -> None:
        self.detection = detection
        self.now = 0.0
        self.when = moment(0.0)
        self._losses = 0
        self.fed = self.ticked = 0
        self._perform = perform
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = count()
        self._lively_until = 0.0
        self._step = _LEAST
        self._last_tick = 0.0
        self._next_tick = 0.0

    @property
    def sighted(self) -> bool:
        return self._losses == 0

    def lose_link(self, reason: str) -> None:
        """Nobody hears any more what the PBX tells. May be lost twice; then it must be regained twice."""
        self._losses += 1
        if self._losses == 1:
            self.perform(self.detection.link_lost(reason, self.when))
            self.stir(_STATE_STEP)

    def regain_link(self, snapshot: Callable[[], Sequence[ev.Event]]) -> None:
        """The link is up again: a snapshot of what is true, and on from there."""
        self._losses -= 1
        if self._losses == 0:
            self.perform(self.detection.seen_again(snapshot(), self.when))
            self.stir(_STATE_STEP)

    def at(self, time: float, act: Callable[..., None], *arguments: Any) -> None:
        """Have `act` done at `time`."""
        heappush(self._heap, (time, next(self._number), act, arguments))

    def after(self, delay: float, act: Callable[..., None], *arguments: Any) -> None:
        heappush(self._heap, (self.now + delay, next(self._number), act, arguments))

    def emit(self, event: ev.Event) -> None:
        """The PBX tells this, if anybody listens."""
        if self._losses:
            return
        self.fed += 1
        effects = self.detection.feed(event, self.when)
        if effects:
            self.perform(effects)
        if type(event) in _STIRS:
            self.stir(_STATE_STEP)
        elif type(event) is not ev.ContactChanged:  # one more good answer changes nothing; a lost one stirs by itself
            self.stir(_CALL_STEP)

    def perform(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            self._perform(effect, self.now)

    def stir(self, step: float) -> None:
        """Something happened: tick again within `step` seconds."""
        if self.now + step < self._next_tick:
            self._step, self._next_tick = step, self.now + step

    def lively(self, until: float) -> None:
        """Tick every second until then."""
        self._lively_until = max(self._lively_until, until)
        self.stir(1.0)

    def run(self, until: float) -> None:
        """Let everything happen that is due before `until`."""
        heap = self._heap
        while True:  # a tick may make something happen before what was next
            time = heap[0][0] if heap else until
            if self._next_tick < min(time, until):
                self._tick(self._next_tick)
            elif time >= until:
                break
            elif time - self._last_tick > _BEFORE:
                self._tick(max(self.now, time - 0.1))
            else:
                _time, _number, act, arguments = heappop(heap)
                self._set(time)
                act(*arguments)
        self._set(until)

    def _set(self, time: float) -> None:
        if time != self.now:
            self.now, self.when = time, moment(time)

    def _tick(self, time: float) -> None:
        self._set(time)
        self.ticked += 1
        self._last_tick = time
        if effects := self.detection.tick(self.when):
            self.perform(effects)
        self._step = 1.0 if time < self._lively_until else min(self._step * 4, _LEAST)
        self._next_tick = time + self._step
