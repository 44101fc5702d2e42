"""One PBX's consumer: takes what its session received, feeds the watch, performs what follows, stores before it says.

One runner, inbox and watch per PBX, so that a sick PBX never slows another. What must happen at once and in order
(incidents, steps of promises) is done here; what asks the PBX for more than one thing (pushing announcements, placing
calls) runs in workers that are told there is something to do, so that reading never waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import monotonic

import structlog

from ami_bridge.ami.decode import decode
from ami_bridge.ami.errors import AmiError, LoginRefused, Undecodable
from ami_bridge.ami.inbox import Inbox, LinkDown, LinkUp
from ami_bridge.ami.session import Session
from ami_bridge.ami.snapshot import snapshot
from ami_bridge.announcing import Announcer
from ami_bridge.calling import Callbacks
from ami_bridge.domain.effects import Effect, MovePromise, PlaceCalls, PushLine, ReleaseRestored, SaveIncident
from ami_bridge.domain.names import LineName, PbxName, Uniqueid
from ami_bridge.domain.status import Link
from ami_bridge.domain.watch import Watch
from ami_bridge.store import Store, StoreError
from ami_bridge.voice.errors import VoiceError

log = structlog.get_logger(__name__)

TICK = 0.5  # seconds; the resolution of holds and patience
# Seconds between two looks for what was left undone, such as key presses the PBX kept while we were slow.
LOOK_EVERY = 5.0


@dataclass(slots=True)
class LinkState:
    """What operators are shown about the link."""

    link: Link = Link.CONNECTING
    since: datetime | None = None
    detail: str = ""
    version: str = ""
    lag: float = 0.0  # seconds between receiving and handling the last event


@dataclass(slots=True)
class Workers:
    """What a runner tells others to do: see to all announcements; per line, bring its own up to date, place calls."""

    renew: asyncio.Event = field(default_factory=asyncio.Event)
    push: dict[LineName, asyncio.Event] = field(default_factory=dict)
    place: dict[LineName, asyncio.Event] = field(default_factory=dict)


class Runner:
    """Everything that happens on one PBX. `drain` moves key presses the PBX kept into the ledger."""

    def __init__(
        self,
        pbx: PbxName,
        *,
        session: Session,
        inbox: Inbox,
        watch: Watch,
        announcer: Announcer,
        callbacks: Callbacks,
        store: Store,
        drain: Callable[[PbxName], Awaitable[int]],
        changed: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.pbx = pbx
        self.state = LinkState(since=clock())
        self.watch = watch
        self.announcer = announcer
        self._session = session
        self._inbox = inbox
        self._callbacks = callbacks
        self._store = store
        self._drain = drain
        self._changed = changed
        self._clock = clock
        self._log = log.bind(pbx=pbx)
        self._workers = Workers(
            push={line: asyncio.Event() for line in watch.lines}, place={line: asyncio.Event() for line in watch.lines}
        )
        self._unwritten = Unwritten()

    async def run(self) -> None:
        """Work until cancelled, or until the PBX refuses our login, which `state` then tells."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hold_link(), name=f"{self.pbx}: link")
                tasks.create_task(self._consume(), name=f"{self.pbx}: events")
                tasks.create_task(self._tick(), name=f"{self.pbx}: clock")
                # Not where events are handled: a PBX that cannot fetch what it should play takes its time to say so.
                tasks.create_task(self._work(self._workers.renew, self.announcer.renew), name=f"{self.pbx}: renew")
                for line in self.watch.lines:
                    push, place = self._workers.push[line], self._workers.place[line]
                    say, call = partial(self.announcer.push, line), partial(self._callbacks.place, line)
                    tasks.create_task(self._work(push, say), name=f"{self.pbx}: say {line}")
                    tasks.create_task(self._work(place, call), name=f"{self.pbx}: call {line}")
        except* _Refused:
            pass  # said in `state`, where operators and the composition root look

    def promised(self, line: LineName) -> None:
        """A promise was made on `line`: see whether it can be kept at once."""
        self._workers.place[line].set()
        self._changed()

    def in_vain(self, uniqueid: Uniqueid) -> None:
        """A caller asks at the desk because nobody answered; the line they are on may be one nobody answers."""
        for effect in self.watch.caller_in_vain(uniqueid):
            if isinstance(effect, PushLine):
                self._workers.push[effect.line].set()
        self._changed()

    async def _hold_link(self) -> None:
        try:
            await self._session.run()
        except LoginRefused as refused:
            self._log.error("Login refused", problem=str(refused))
            self._show(Link.REFUSED, str(refused))
            with self._troubles():
                await self._store.blind_spots.begin(self.pbx, self._clock(), str(refused))
            raise _Refused from None

    async def _consume(self) -> None:
        while True:
            received, item = await self._inbox.take()
            if isinstance(item, bytes):
                self.state.lag = monotonic() - received
                await self._handle(item)
            elif isinstance(item, LinkUp):
                await self._link_up(item)
            else:
                await self._link_down(item)

    async def _handle(self, raw: bytes) -> None:
        try:
            event = decode(raw)
        except Undecodable as problem:
            self._log.warning("An event could not be read", problem=str(problem))
            return
        if event is not None:
            await self._perform(self.watch.feed(event, self._clock()))
            self._changed()

    async def _tick(self) -> None:
        looked = monotonic()
        while True:
            await asyncio.sleep(TICK)
            await self._perform(self.watch.tick(self._clock()))
            self._workers.renew.set()
            with self._troubles():
                await self._callbacks.expire()
                if self.state.link is Link.UP:
                    await self._callbacks.missing()
            if monotonic() - looked >= LOOK_EVERY:
                looked = monotonic()
                with self._troubles():
                    await self._catch_up()
            for event in self._workers.place.values():
                event.set()

    async def _catch_up(self) -> None:
        """What could not be done when it was due: writing things down, taking key presses over, releasing promises."""
        await self._unwritten.write()
        if self.state.link is Link.UP:
            await self._take_over()
        await self._store.promises.release_restored(None, self._clock())

    async def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            with self._troubles():
                await self._perform_one(effect)
        if effects:
            self._changed()

    async def _perform_one(self, effect: Effect) -> None:
        match effect:
            case SaveIncident(incident):
                self._log.info("Incident", incident=incident.id, state=incident.state.value, trunk=incident.trunk)
                await self._unwritten.write(incident.id, partial(self._store.incidents.save, incident))
            case PushLine(line):
                self._workers.push[line].set()
            case ReleaseRestored(incident):
                await self._store.promises.release_restored(incident.id, self._clock())
                for line in incident.lines:
                    self._workers.place[line].set()
            case MovePromise(attempt, step, reason):
                moved = await self._callbacks.moved(attempt, step, reason)
                if moved is not None:
                    self._log.info("A promise moved", promise_id=moved.id, state=moved.state.value, reason=moved.reason)
                    self._workers.place[moved.line].set()
            case PlaceCalls(line):
                self._workers.place[line].set()

    async def _work(self, wake: asyncio.Event, job: Callable[[], Awaitable[None]]) -> None:
        """Do `job` whenever woken; wakes during it make one more round, so the last state always wins."""
        while True:
            await wake.wait()
            wake.clear()
            if self._session.up and self.state.link is Link.UP:
                with self._troubles():
                    await job()
                self._changed()

    async def _link_up(self, up: LinkUp) -> None:
        """Ask what is true, take up what was owed, and make every line say what it should."""
        now = self._clock()
        try:
            true_now = await snapshot(self._session, self.watch.trunks)
        except AmiError as error:
            self._session.give_up(f"what is true on the PBX could not be asked: {error}")
            return
        await self._perform(self.watch.seen_again(true_now, now))
        self.state.version = up.version
        with self._troubles():
            await self._callbacks.reconcile()
        self.announcer.link_up()
        self._show(Link.UP, "")
        self._workers.renew.set()
        self._log.info("Watching", version=up.version, calls=len(self.watch.tracker.calls))
        with self._troubles():
            await self._unwritten.write(f"seen again {now}", partial(self._store.blind_spots.end, self.pbx, now))
        with self._troubles():
            await self._catch_up()
        self._changed()

    async def _take_over(self) -> None:
        """Move key presses the PBX kept into the ledger."""
        if count := await self._drain(self.pbx):
            self._log.info("Key presses kept by the PBX were taken over", count=count)

    async def _link_down(self, down: LinkDown) -> None:
        if self.state.link is Link.UP or not self.state.detail:
            with self._troubles():
                begin = partial(self._store.blind_spots.begin, self.pbx, self._clock(), down.reason)
                await self._unwritten.write(f"blind since {self._clock()}", begin)
            self._log.warning("The AMI link is down", reason=down.reason)
        self.watch.lost_sight()
        self._show(Link.CONNECTING, down.reason)

    def _show(self, link: Link, detail: str) -> None:
        if link is not self.state.link or self.state.since is None:
            self.state.since = self._clock()
        self.state.link, self.state.detail = link, detail
        self._changed()

    def _troubles(self) -> _Troubles:
        return _Troubles(self._log)


class Unwritten:
    """What must be written down and is not yet, because the store could not: the first comes first.

    Of what has the same name, such as the states of one incident, only the latest is kept.
    """

    def __init__(self) -> None:
        self._left: dict[str, Callable[[], Awaitable[None]]] = {}
        self._writing = asyncio.Lock()

    async def write(self, name: str = "", what: Callable[[], Awaitable[None]] | None = None) -> None:
        """Write all that is left and then `what`; raise StoreError, and keep what is left, when the store fails."""
        if what is not None:
            self._left.pop(name, None)
            self._left[name] = what
        async with self._writing:
            while self._left:
                first, write = next(iter(self._left.items()))
                await write()
                if self._left.get(first) is write:
                    del self._left[first]


class _Refused(Exception):
    """Ends a runner whose PBX will not let us in."""


class _Troubles:
    """Faults of our peers: logged in one line, survived. A bug is none of them and ends the program loudly."""

    def __init__(self, logger: structlog.typing.FilteringBoundLogger) -> None:
        self._log = logger

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, StoreError | AmiError | VoiceError):
            self._log.warning("Put off", problem=str(error), kind=type(error).__name__)
            return True
        return False
