"""What is seen to every now and then: asking trunks for round trips, keeping what is usual, forgetting what is old."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.session import Session
from ami_bridge.domain.names import AnnouncementHash, PbxName
from ami_bridge.domain.watch import Watch
from ami_bridge.performing import Performer
from ami_bridge.sounds import Sounds
from ami_bridge.store import Store, StoreError
from ami_bridge.troubles import Troubles, Unwritten
from ami_bridge.voice.library import AudioLibrary

log = structlog.get_logger(__name__)

MEASURE_EVERY = 30.0  # seconds between two looks at the round trips to a PBX's trunks
FORGET_EVERY = 24 * 3600.0  # seconds between two looks for what is old enough to be forgotten
TIDY_EVERY = 3600.0  # seconds between two looks for recordings that can go
FORGET_AGAIN = 3600.0  # the same, when the store could not
AT_ONCE = 500  # forgotten in one transaction: others want to write too


class Upkeep:
    """The upkeep of one PBX; `watched` says whether it is there to be asked."""

    def __init__(
        self,
        pbx: PbxName,
        *,
        session: Session,
        watch: Watch,
        performer: Performer,
        store: Store,
        unwritten: Unwritten,
        watched: Callable[[], bool],
        clock: Callable[[], datetime],
    ) -> None:
        self._pbx = pbx
        self._session = session
        self._watch = watch
        self._performer = performer
        self._store = store
        self._unwritten = unwritten
        self._watched = watched
        self._clock = clock
        self._log = log.bind(pbx=pbx)

    async def measure(self) -> None:
        """Ask now and then how long the trunks' far ends take to answer: a PBX tells only when they come or go."""
        while True:
            await asyncio.sleep(MEASURE_EVERY)
            for trunk in self._watch.trunks.detectors:
                if not self._watched():
                    break
                with Troubles(self._log):
                    answers = await actions.round_trips(self._session, trunk)
                    for found in answers if self._watched() else ():  # nothing is fed while it is being found again
                        await self._performer.perform(self._watch.feed(found, self._clock()))

    async def learn(self, wake: asyncio.Event) -> None:
        """Whenever woken, write down what is usual on this PBX; what the store cannot take now it is given later."""
        while True:
            await wake.wait()
            wake.clear()
            with Troubles(self._log):
                await self.keep()

    async def keep(self) -> None:
        """Write down what is usual here, and all that is still unwritten; raise StoreError when it cannot be now."""
        await self._unwritten.write("what is usual", self._keep)

    async def _keep(self) -> None:
        """As it is known when it is written."""
        known = {series: (self._watch.owners[series], rhythm.dump()) for series, rhythm in self._watch.rhythms.items()}
        await self._store.baselines.save(self._pbx, known, self._clock())


async def forget(store: Store, keep: timedelta, clock: Callable[[], datetime]) -> None:
    """Once a day, forget what was over longer than `keep` ago. Works until cancelled."""
    while True:
        done = False
        try:
            gone = forgotten = await store.prune(clock() - keep, AT_ONCE)
            while forgotten == AT_ONCE:
                forgotten = await store.prune(clock() - keep, AT_ONCE)
                gone += forgotten
            done = True
            if gone:
                log.info("What was over long ago is forgotten", count=gone, days=keep.days)
        except StoreError as error:
            log.warning("What is old could not be forgotten; tried again later", problem=str(error))
        await asyncio.sleep(FORGET_EVERY if done else FORGET_AGAIN)


async def tidy(
    library: AudioLibrary, sounds: Iterable[Sounds], in_use: Callable[[], set[AnnouncementHash]], keep: timedelta
) -> None:
    """Every hour, delete recordings that nobody has needed for as long as `keep`. Works until cancelled."""
    shared = tuple(sounds)
    while True:
        await asyncio.sleep(TIDY_EVERY)
        try:
            if gone := await library.tidy(in_use(), keep):
                log.info("Recordings that nobody needs any more are deleted", count=gone, days=keep.days)
            for one in shared:
                await one.tidy(in_use(), keep)
        except OSError as error:
            log.warning("Old recordings could not be deleted; tried again later", problem=str(error))
