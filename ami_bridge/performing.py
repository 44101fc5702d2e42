"""Performing what follows from events, orders and time on one PBX: in the order in which it followed.

What must be stored is stored here; what asks the PBX for more than one thing (pushing announcements, placing calls) is
left to workers, which are only told that there is something to do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog

from ami_bridge.calling import Callbacks
from ami_bridge.domain.effects import (
    AskTrunk,
    CallMissed,
    CustomerReached,
    Effect,
    KeepRhythms,
    MovePromise,
    PlaceCalls,
    PopScreen,
    PushLine,
    ReleaseRestored,
    SaveIncident,
)
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import LineName, TrunkName
from ami_bridge.store import Store
from ami_bridge.troubles import Troubles, Unwritten


@dataclass(slots=True)
class Workers:
    """Whom a runner wakes: who sees to all announcements, and to callers who are known; per line, to its own, to those
    who wait on it and to its calls; per trunk, asks."""

    renew: asyncio.Event = field(default_factory=asyncio.Event)
    push: dict[LineName, asyncio.Event] = field(default_factory=dict)
    tell: dict[LineName, asyncio.Event] = field(default_factory=dict)
    know: asyncio.Event = field(default_factory=asyncio.Event)
    place: dict[LineName, asyncio.Event] = field(default_factory=dict)
    news: dict[LineName, asyncio.Event] = field(default_factory=dict)
    brief: dict[LineName, asyncio.Event] = field(default_factory=dict)
    ask: dict[TrunkName, asyncio.Event] = field(default_factory=dict)
    learn: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(cls, lines: Iterable[LineName], trunks: Iterable[TrunkName]) -> Workers:
        named = tuple(lines)
        return cls(
            push={line: asyncio.Event() for line in named},
            tell={line: asyncio.Event() for line in named},
            place={line: asyncio.Event() for line in named},
            news={line: asyncio.Event() for line in named},
            brief={line: asyncio.Event() for line in named},
            ask={trunk: asyncio.Event() for trunk in trunks},
        )


class Performer:
    """Performs effects one after the other, whoever brings them: else an old state might be stored over a newer."""

    def __init__(
        self,
        workers: Workers,
        *,
        callbacks: Callbacks,
        store: Store,
        unwritten: Unwritten,
        changed: Callable[[], None],
        clock: Callable[[], datetime],
        logger: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._workers = workers
        self._callbacks = callbacks
        self._store = store
        self._unwritten = unwritten
        self._changed = changed
        self._clock = clock
        self._log = logger
        self._due: deque[Effect] = deque()
        self._performing = asyncio.Lock()

    def call(self, line: LineName) -> None:
        """Somebody may be called now, be it back or with news; what is said to those after them is made meanwhile."""
        for wake in (self._workers.place, self._workers.news, self._workers.brief):
            wake[line].set()

    def soon(self, effects: Iterable[Effect]) -> None:
        """Perform `effects` before the next ones; what callers hear is seen to at once."""
        for effect in effects:
            if isinstance(effect, PushLine):
                self._workers.push[effect.line].set()
            elif isinstance(effect, PlaceCalls):
                self._workers.place[effect.line].set()
            else:
                self._due.append(effect)
        self._changed()

    async def perform(self, effects: Iterable[Effect]) -> None:
        """Perform what is due and then `effects`; returns when that is done, or put off and told."""
        for effect in effects:
            if isinstance(effect, PlaceCalls):  # nothing that is stored first concerns it, and an agent is free now
                self._workers.place[effect.line].set()
            else:
                self._due.append(effect)
        if not self._due and not self._performing.locked():
            return
        async with self._performing:
            while self._due:
                effect = self._due.popleft()
                with Troubles(self._log):
                    await self._one(effect)
        self._changed()

    async def keep(self, incident: Incident) -> None:
        """Store `incident`; raise StoreError, and store it later, when that cannot be now."""
        await self._unwritten.write(incident.id, partial(self._store.incidents.save, incident))

    async def _one(self, effect: Effect) -> None:
        match effect:
            case SaveIncident(incident):
                self._log.info(
                    "Incident",
                    incident=incident.id,
                    state=incident.state.value,
                    causes=[str(cause.subject) for cause in incident.causes],
                    told=incident.told,
                )
                await self.keep(incident)
            case PushLine(line):
                self._workers.push[line].set()
            case ReleaseRestored(incident):
                await self._store.promises.release_restored(incident.id, self._clock())
                for line in incident.lines:
                    self.call(line)
            case MovePromise(attempt, step, reason):
                moved = await self._callbacks.moved(attempt, step, reason)
                if moved is not None:
                    self._log.info("A promise moved", promise_id=moved.id, state=moved.state.value, reason=moved.reason)
                    self.call(moved.line)
            case PlaceCalls(line):
                self._workers.place[line].set()
            case CustomerReached() | CallMissed() | PopScreen():
                await self._of_customer(effect)
            case AskTrunk(trunk):
                self._workers.ask[trunk].set()
            case KeepRhythms():
                self._workers.learn.set()

    async def _of_customer(self, effect: CustomerReached | CallMissed | PopScreen) -> None:
        match effect:
            case CustomerReached():
                await self._callbacks.reached(effect)
            case CallMissed(line):
                if await self._callbacks.missed(effect) is not None:
                    self.call(line)
            case PopScreen():
                await self._callbacks.pop(effect)
