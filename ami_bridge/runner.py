"""One PBX's consumer: takes what its session received, feeds the watch, performs what follows, stores before it says.

One runner, inbox and watch per PBX, so that a sick PBX never slows another: after a few milliseconds of work a runner
lets the others have theirs. What must happen at once and in order (incidents, steps of promises) is done here; what
asks the PBX for more than one thing (pushing announcements, placing calls) runs in workers that are told there is
something to do, so that reading never waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.decode import decode
from ami_bridge.ami.errors import LoginRefused, Undecodable
from ami_bridge.ami.inbox import Inbox, LinkUp
from ami_bridge.ami.session import Session
from ami_bridge.announcing import Announcer
from ami_bridge.calling import Callbacks
from ami_bridge.domain.effects import Effect, SaveIncident
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import LineName, PbxName, Uniqueid
from ami_bridge.domain.status import Link
from ami_bridge.domain.watch import Watch
from ami_bridge.history.records import Records
from ami_bridge.knowing import KnownCallers
from ami_bridge.performing import Performer, Workers
from ami_bridge.sight import OF_THE_PBX, LinkState, Sight
from ami_bridge.store import Store
from ami_bridge.troubles import Troubles, Unwritten
from ami_bridge.turns import Turn
from ami_bridge.upkeep import Upkeep
from ami_bridge.whispering import Whisperer

log = structlog.get_logger(__name__)

TICK = 0.5  # seconds; the resolution of holds and patience
# Seconds between two looks for what was left undone, such as key presses the PBX kept while we were slow.
LOOK_EVERY = 5.0


class Runner:
    """Everything that happens on one PBX. `drain` moves key presses the PBX kept into the ledger."""

    def __init__(
        self,
        pbx: PbxName,
        *,
        session: Session,
        inbox: Inbox,
        watch: Watch,
        records: Records,
        numbers: Collection[str],
        announcer: Announcer,
        whisperer: Whisperer,
        known: KnownCallers,
        callbacks: Callbacks,
        store: Store,
        drain: Callable[[PbxName], Awaitable[int]],
        changed: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.pbx = pbx
        self.watch = watch
        self.announcer = announcer
        self.whisperer = whisperer
        self.known = known
        self.session = session
        self._inbox = inbox
        self.calls = callbacks
        self._store = store
        self._drain = drain
        self._changed = changed
        self._clock = clock
        self._log = log.bind(pbx=pbx)
        self._workers = Workers.of(watch.lines, watch.trunks.detectors)
        self._unwritten = Unwritten()
        self._handling: float | None = None  # when what is being handled came (monotonic)
        self.sight = Sight(
            pbx,
            session=session,
            watch=watch,
            records=records,
            numbers=numbers,
            store=store,
            unwritten=self._unwritten,
            changed=changed,
            clock=clock,
        )
        self._performer = Performer(
            self._workers,
            callbacks=callbacks,
            store=store,
            unwritten=self._unwritten,
            changed=changed,
            clock=clock,
            logger=self._log,
        )
        self._upkeep = Upkeep(
            pbx,
            session=session,
            watch=watch,
            performer=self._performer,
            store=store,
            unwritten=self._unwritten,
            watched=lambda: session.up and self.state.link is Link.UP,
            clock=clock,
        )

    @property
    def state(self) -> LinkState:
        return self.sight.state

    @property
    def lag(self) -> float:
        """Seconds between receiving and handling an event: of the last one, or of the one that is being handled.

        It is the age in our own inbox. The PBX's own Timestamp is not used: few PBXs send it, and their clocks differ
        from ours by more than the lags that matter.
        """
        return self.state.lag if self._handling is None else max(self.state.lag, monotonic() - self._handling)

    @property
    def watched_until(self) -> datetime | None:
        """The moment up to which all that happened on the PBX has been seen; None while it is not watched.

        None also before it is known until when an earlier run watched, which this would be written over.
        """
        watched = self.state.link is Link.UP and self.sight.awake
        return self._clock() - timedelta(seconds=self.lag) if watched else None

    async def run(self) -> None:
        """Work until cancelled, or until the PBX refuses our login, which `state` then tells."""
        await self.sight.wake()
        # An order that was stored and not yet carried out when the run before was killed has opened its incident now.
        self._performer.soon(SaveIncident(incident) for incident in self.watch.incidents)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hold_link(), name=f"{self.pbx}: link")
                tasks.create_task(self._consume(), name=f"{self.pbx}: events")
                tasks.create_task(self._tick(), name=f"{self.pbx}: clock")
                # Not where events are handled: a PBX that cannot fetch what it should play takes its time to say so.
                tasks.create_task(self._work(self._workers.renew, self.announcer.renew), name=f"{self.pbx}: renew")
                tasks.create_task(self._upkeep.measure(), name=f"{self.pbx}: round trips")
                tasks.create_task(self._work(self._workers.know, self.known.prepare), name=f"{self.pbx}: known callers")
                learn = self._upkeep.learn(self._workers.learn)
                tasks.create_task(learn, name=f"{self.pbx}: what is usual")
                for trunk, asked in self._workers.ask.items():
                    ask = partial(actions.qualify, self.session, trunk)
                    tasks.create_task(self._work(asked, ask), name=f"{self.pbx}: ask {trunk}")
                for line in self.watch.lines:
                    push, place = self._workers.push[line], self._workers.place[line]
                    brief, prepare = self._workers.brief[line], partial(self._prepare, line)
                    told, restored = self._workers.news[line], partial(self.calls.tell, line)
                    tell, news = self._workers.tell[line], partial(self.whisperer.tell, line)
                    say, call = partial(self._say, line), partial(self.calls.place, line)
                    tasks.create_task(self._work(push, say), name=f"{self.pbx}: say {line}")
                    tasks.create_task(self._work(tell, news), name=f"{self.pbx}: tell who waits on {line}")
                    tasks.create_task(self._work(place, call), name=f"{self.pbx}: call {line}")
                    tasks.create_task(self._work(told, restored), name=f"{self.pbx}: news for {line}")
                    tasks.create_task(self._work(brief, prepare), name=f"{self.pbx}: words for {line}")
                tasks.create_task(self.calls.pops.run(), name=f"{self.pbx}: screens")
        except* _Refused:
            pass  # said in `state`, where operators and the composition root look

    def promised(self, line: LineName) -> None:
        """A promise was made on `line`: see whether it can be kept at once."""
        self._performer.call(line)
        self._workers.know.set()
        self._changed()

    def in_vain(self, uniqueid: Uniqueid) -> None:
        """A caller asks at the desk because nobody answered; the line they are on may be one nobody answers."""
        # What has to be stored is stored soon, and not while this caller waits for an answer.
        self._performer.soon(self.watch.caller_in_vain(uniqueid, self._clock()))

    async def carry_out(self, effects: list[Effect]) -> None:
        """Perform what follows from an order, as if it had been seen on the PBX."""
        await self._performer.perform(effects)

    async def keep(self, incident: Incident) -> None:
        """Store `incident` as it is; raise StoreError when that cannot be now."""
        await self._performer.keep(incident)

    async def leave(self) -> None:
        """Once `run` is over: write down what is still only remembered."""
        with self._troubles():
            await self._upkeep.keep()

    async def _hold_link(self) -> None:
        try:
            await self.session.run()
        except LoginRefused as refused:
            await self._performer.perform(await self.sight.refused(str(refused)))
            raise _Refused from None

    async def _consume(self) -> None:
        turn = Turn()
        while True:
            received, item = await self._inbox.take()
            self._handling = received
            if isinstance(item, bytes):
                self.state.lag = monotonic() - received
                await self._handle(item)
            elif isinstance(item, LinkUp):
                await self._link_up(item)
            else:
                await self._performer.perform(
                    await self.sight.lose(item, self._clock() - timedelta(seconds=monotonic() - received))
                )
            self._handling = None
            await turn.over()

    async def _handle(self, raw: bytes) -> None:
        try:
            event = decode(raw)
        except Undecodable as problem:
            self._log.warning("An event could not be read", problem=str(problem))
            return
        if event is not None:
            if type(event) in OF_THE_PBX:
                self.sight.heed(event)
            if effects := self.watch.feed(event, self._clock()):
                await self._performer.perform(effects)
            self._changed()

    async def _tick(self) -> None:
        looked = monotonic()
        while True:
            await asyncio.sleep(TICK)
            if self._handling is None and not len(self._inbox):
                self.state.lag = 0.0  # all is handled: that it was late once is history
            await self._performer.perform(self.watch.tick(self._clock()))
            self._workers.renew.set()
            with self._troubles():
                await self.calls.expire()
                if self.state.link is Link.UP:
                    await self.calls.missing()
            if monotonic() - looked >= LOOK_EVERY:
                looked = monotonic()
                self._workers.know.set()
                with self._troubles():
                    await self._catch_up()
            with self._troubles():
                for line in await self.calls.due():
                    self._performer.call(line)
            for line, tell in self._workers.tell.items():
                if self.watch.lines[line].waiting or self.whisperer.is_at_it(line):
                    tell.set()

    async def _catch_up(self) -> None:
        """What could not be done when it was due: writing things down, taking key presses over, releasing promises."""
        await self._unwritten.write()
        if self.state.link is Link.UP:
            await self._take_over()
            await self.calls.catch_up()
        await self._store.promises.release_restored(None, self._clock())

    async def _say(self, line: LineName) -> None:
        """Whoever calls from now on hears it, and then those who wait already."""
        try:
            await self.announcer.push(line)
        finally:
            self._workers.tell[line].set()

    async def _prepare(self, line: LineName) -> None:
        """Whose words are there now may be waited for."""
        if await self.calls.prepare(line):
            self._workers.place[line].set()
            self._workers.news[line].set()

    async def _work(self, wake: asyncio.Event, job: Callable[[], Awaitable[None]]) -> None:
        """Do `job` whenever woken; wakes during it make one more round, so the last state always wins."""
        while True:
            await wake.wait()
            wake.clear()
            if self.session.up and self.state.link is Link.UP:
                with self._troubles():
                    await job()
                self._changed()

    async def _link_up(self, up: LinkUp) -> None:
        """Find out what is true, take up what was owed, and make every line say what it should."""
        effects = await self.sight.regain(up)
        if effects is None:
            return
        await self._performer.perform(effects)
        with self._troubles():
            await self.calls.reconcile()
        self.announcer.link_up()
        self.calls.link_up()
        if not await self.sight.watched(up):
            return
        self._workers.renew.set()
        self._workers.know.set()
        with self._troubles():
            await self._catch_up()
        self._changed()

    async def _take_over(self) -> None:
        """Move key presses the PBX kept into the ledger."""
        if count := await self._drain(self.pbx):
            self._log.info("Key presses kept by the PBX were taken over", count=count)

    def _troubles(self) -> Troubles:
        return Troubles(self._log)


class _Refused(Exception):
    """Ends a runner whose PBX will not let us in."""
