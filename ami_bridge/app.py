"""The composition root: the one place that knows all rooms, opens them in order and closes them in reverse."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import structlog

from agi.server import Server
from agi.settings import ServerSettings
from ami_bridge.bookkeeping import Bookkeeper
from ami_bridge.controls import Controls
from ami_bridge.desk import HouseDesk
from ami_bridge.domain.names import AnnouncementHash, LineName, PbxName, TenantName
from ami_bridge.domain.promise import Policy
from ami_bridge.domain.signal import Kind, Strength, Subject
from ami_bridge.domain.status import Link
from ami_bridge.explaining import Explainer
from ami_bridge.furnish import Furnisher
from ami_bridge.integrations.hooks import HookSettings, Rule
from ami_bridge.keeping import Keeper
from ami_bridge.memory import settle_memory
from ami_bridge.picture import picture
from ami_bridge.places import Webhook
from ami_bridge.runner import Runner
from ami_bridge.settings import Callback, Settings, seconds
from ami_bridge.store import Beat, Store, StoreError
from ami_bridge.upkeep import forget, tidy
from ami_bridge.voice.library import AudioLibrary
from ami_bridge.voice.speech import Speech
from ami_bridge.web.audio import AudioServer
from ami_bridge.web.board import LiveBoard
from ami_bridge.web.page import PageServer
from ami_bridge.web.settings import AudioSettings, PageSettings

log = structlog.get_logger(__name__)

BEAT = 3.0  # seconds between two notes of until when the PBXs were watched
REPAINT = 0.1  # seconds between two pictures of the house, at the least


class NothingToWatch(Exception):
    """Every PBX refused our login: the companion can do nothing until the settings are mended."""


def now() -> datetime:
    return datetime.now(UTC)


def policy_of(callback: Callback) -> Policy:
    """How often and how long promises are tried."""
    return Policy(
        attempts=callback.attempts,
        spacing=seconds(callback.spacing_seconds),
        busy=seconds(callback.busy_seconds),
        failed=seconds(callback.failed_seconds),
        lifetime=seconds(callback.lifetime_seconds),
        missed_attempts=callback.missed_attempts,
        missed_lifetime=seconds(callback.missed_lifetime_seconds),
    )


def _hook(hook: Webhook) -> HookSettings:
    return HookSettings(
        name=hook.name,
        token=hook.token,
        strength=Strength[hook.says.upper()],
        rules=tuple(
            Rule(labels=rule.labels, pbx=PbxName(rule.pbx), subject=Subject(Kind(rule.kind), rule.name))
            for rule in hook.rule
        ),
        lifetime=seconds(hook.lifetime_seconds),
    )


def _in_use(runners: list[Runner]) -> set[AnnouncementHash]:
    """The recordings that callers may be played at any moment, or that are needed to make them."""
    used: set[AnnouncementHash] = set()
    for runner in runners:
        used |= runner.announcer.in_use() | runner.known.in_use() | runner.calls.in_use()
        used |= {incident.recording for incident in runner.watch.incidents if incident.recording}
    return used


class App:
    """The whole companion."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = asyncio.Event()
        self._dirty = asyncio.Event()
        self._tenants = {LineName(line.name): TenantName(line.tenant) for line in settings.line}

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT, then drain; raise what made it impossible to start, or NothingToWatch."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        async with AsyncExitStack() as rooms:
            await self._open(rooms)

    async def _open(self, rooms: AsyncExitStack) -> None:
        settings = self._settings
        policy = policy_of(settings.callback)
        store = await Store.open(settings.store.url, policy)
        rooms.push_async_callback(store.close)
        speech = Speech(piper_voices=settings.voice.piper_voices, flite_voice=settings.voice.flite_voice)
        library = AudioLibrary(settings.voice.directory, speech, recorded=settings.voice.recordings)
        library.open()
        desk = HouseDesk(store, now)
        controls, book = Controls(store, now), Bookkeeper(store, now)
        furnisher = Furnisher(settings, store, library, orders=controls, changed=self._dirty.set, clock=now)
        runners = []
        for pbx in settings.pbx:
            runner, room = await furnisher.furnish(pbx, desk.drain)
            desk.add(PbxName(pbx.name), room)
            controls.add(runner)
            book.add(runner)
            runners.append(runner)
        board = LiveBoard(await picture(store, runners, self._tenants, now()))  # before anybody can ask
        audio = AudioServer(
            lambda wanted: recording.path if (recording := library.get(wanted)) else None,
            AudioSettings(host=settings.audio.listen.host, port=settings.audio.listen.port),
        )
        page = PageServer(
            board,
            PageSettings(
                host=settings.web.listen.host,
                port=settings.web.listen.port,
                hosts=settings.web.hosts,
                token=settings.web.token,
                hooks=tuple(_hook(hook) for hook in settings.webhook),
            ),
            orders=controls,
            recordings=Keeper(library),
            book=book,
            callers=Explainer(
                {runner.pbx: runner for runner in runners},
                {LineName(line.name): settings.tenant_named(line.tenant) for line in settings.line},
                store,
                library,
                now,
            ),
        )
        server = Server(
            desk,
            ServerSettings(
                host=settings.agi.listen.host,
                port=settings.agi.listen.port,
                token=settings.agi.token.get_secret_value(),
                allow=settings.agi.allow,
                max_sessions=settings.agi.sessions,
            ),
        )
        for listener in (audio, page):
            await listener.start()
            rooms.push_async_callback(listener.close)
        await server.start()
        await self._serve(store, library, runners, board, server)

    async def _serve(
        self, store: Store, library: AudioLibrary, runners: list[Runner], board: LiveBoard, server: Server
    ) -> None:
        """Watch until told to stop. Callers on the line are heard out first, while everything still works."""
        settle_memory()
        log.info("Keepline is at work", pbxs=len(runners), lines=len(self._tenants))
        async with self._running(store, library, runners, board) as watching:
            stop = asyncio.create_task(self._stop.wait(), name="stop")
            done, _ = await asyncio.wait((stop, watching), return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            if stop in done:
                log.info("Stopping: running calls are heard out", sessions=server.sessions)
            await server.drain(self._settings.agi.drain_seconds)
            if watching in done:
                watching.result()
        await asyncio.gather(*(runner.leave() for runner in runners))
        try:
            for runner in runners:  # one that is open already stays as it is
                await store.blind_spots.begin(runner.pbx, now(), "the companion was stopped")
        except StoreError as error:
            log.warning("That nobody watches from now on is not in the ledger", problem=str(error))
        log.info("Stopped")

    @asynccontextmanager
    async def _running(
        self, store: Store, library: AudioLibrary, runners: list[Runner], board: LiveBoard
    ) -> AsyncIterator[asyncio.Task[None]]:
        watching = asyncio.create_task(self._watch(store, library, runners, board), name="watching")
        try:
            yield watching
        finally:
            watching.cancel()
            await asyncio.wait((watching,))

    async def _watch(self, store: Store, library: AudioLibrary, runners: list[Runner], board: LiveBoard) -> None:
        async with asyncio.TaskGroup() as tasks:
            painter = tasks.create_task(self._paint(store, runners, board), name="picture")
            heart = tasks.create_task(self._beat(store, runners), name="heart")
            keep = timedelta(days=self._settings.store.keep_days)
            forgetting = tasks.create_task(forget(store, keep, now), name="forget")
            sounds = [runner.announcer.sounds for runner in runners]
            recent = timedelta(days=self._settings.voice.keep_days)
            tidying = tasks.create_task(tidy(library, sounds, lambda: _in_use(runners), recent), name="tidy")
            watchers = [tasks.create_task(runner.run(), name=f"{runner.pbx}: runner") for runner in runners]
            await asyncio.wait(watchers)
            painter.cancel()
            heart.cancel()
            forgetting.cancel()
            tidying.cancel()
        if all(runner.state.link is Link.REFUSED for runner in runners):
            raise NothingToWatch("\n".join(runner.state.detail for runner in runners))

    async def _beat(self, store: Store, runners: list[Runner]) -> None:
        """Write down, now and then, until when each PBX was watched: a companion that is killed cannot say it then."""
        while True:
            await asyncio.sleep(BEAT)
            beats = [
                Beat(pbx=runner.pbx, at=until, started=runner.state.started)
                for runner in runners
                if (until := runner.watched_until) is not None
            ]
            try:
                await store.blind_spots.beat(beats)
            except StoreError as error:
                log.warning("Until when the PBXs were watched is not in the ledger", problem=str(error))

    async def _paint(self, store: Store, runners: list[Runner], board: LiveBoard) -> None:
        """Show the newest state whenever something changed, and once a second for what changes by itself."""
        while True:
            try:
                board.publish(await picture(store, runners, self._tenants, now()))
            except StoreError as error:
                log.warning("The page cannot be brought up to date", problem=str(error))
            await asyncio.sleep(REPAINT)
            try:
                async with asyncio.timeout(1):
                    await self._dirty.wait()
            except TimeoutError:
                pass
            self._dirty.clear()
