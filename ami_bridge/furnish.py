"""From the settings to the rooms of one PBX: its session, watch, announcer, callbacks, desk and runner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import uuid4

from ami_bridge.ami.decode import WANTED
from ami_bridge.ami.inbox import Inbox
from ami_bridge.ami.session import Address, Session
from ami_bridge.announcing import Announcer, Voice
from ami_bridge.calling import Callbacks, CallPlan
from ami_bridge.desk import LineDesk, PbxDesk
from ami_bridge.domain import announcement as say
from ami_bridge.domain.announcement import Saying
from ami_bridge.domain.line import Line, LineLimits
from ami_bridge.domain.names import Device, IncidentId, LineName, PbxName, QueueName, TenantName, TrunkName
from ami_bridge.domain.outage import Outages, Touched
from ami_bridge.domain.promise import Promise
from ami_bridge.domain.trunk import Limits, Trunk
from ami_bridge.domain.watch import Routes, Watch
from ami_bridge.history.records import Files, Records
from ami_bridge.runner import Runner
from ami_bridge.settings import Line as LineSettings
from ami_bridge.settings import Pbx, Settings, seconds
from ami_bridge.store import Store
from ami_bridge.voice.library import AudioLibrary
from ami_bridge.voice.phrases import Phrases


class Furnisher:
    """Makes what one PBX needs; `changed` is called whenever the picture operators see may be old."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        library: AudioLibrary,
        *,
        changed: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._store = store
        self._library = library
        self._phrases = Phrases()
        self._changed = changed
        self._clock = clock

    async def furnish(self, pbx: Pbx, drain: Callable[[PbxName], Awaitable[int]]) -> tuple[Runner, PbxDesk]:
        """The runner and the desk of `pbx`, with all words prepared that may be needed at once. Raise VoiceError."""
        name, lines = PbxName(pbx.name), self._settings.lines_of(pbx.name)
        spoken = {trunk.name: trunk.spoken for trunk in pbx.trunk}
        inbox = Inbox()
        address = Address(host=pbx.host, port=pbx.port, username=pbx.username, secret=pbx.secret.get_secret_value())
        session = Session(pbx.name, address, WANTED, inbox)
        watch = self._watch(pbx, lines)
        for incident in await self._store.incidents.open(name):
            watch.adopt(incident)

        def wanted(line: LineName) -> tuple[Saying, Saying] | None:
            return say.for_line(line, watch.outages.open.values(), spoken, watch.lines[line].attendance)

        async def news(promise: Promise) -> Saying:
            incident = await self._store.incidents.get(promise.incident) if promise.incident else None
            what = spoken.get(incident.trunk or "", "our service") if incident else "our service"
            fixed = incident.changed if incident else self._clock()
            return say.restored(self._settings.tenant_named(promise.tenant).spoken, what, fixed)

        announcer = Announcer(
            session,
            {LineName(line.name): self._voice(line) for line in lines},
            wanted,
            seconds(self._settings.announcement.lifetime_seconds),
            self._clock,
        )
        for line in lines:
            await announcer.prepare(LineName(line.name), self._standing(line, spoken))
        plans = {LineName(line.name): self._plan(line) for line in lines}
        callbacks = Callbacks(name, session, self._store, watch, announcer, plans, news, self._clock)
        runner = Runner(
            name,
            session=session,
            inbox=inbox,
            watch=watch,
            records=Records(pbx.name, Files(**dict(pbx.records))),
            numbers=[did for line in lines for did in line.dids],
            announcer=announcer,
            callbacks=callbacks,
            store=self._store,
            drain=drain,
            changed=self._changed,
            clock=self._clock,
        )
        desk = PbxDesk(
            session=session,
            watch=watch,
            announcer=announcer,
            callbacks=callbacks,
            lines={LineName(line.name): self._line_desk(line) for line in lines},
            news=news,
            promised=runner.promised,
            in_vain=runner.in_vain,
        )
        return runner, desk

    def _watch(self, pbx: Pbx, lines: tuple[LineSettings, ...]) -> Watch:
        detection = self._settings.detection
        limits = Limits(failures=detection.trunk_failures, hold=seconds(detection.trunk_hold_seconds))
        trunks = {TrunkName(trunk.name): Trunk(TrunkName(trunk.name), limits) for trunk in pbx.trunk}
        return Watch(
            lines={LineName(line.name): Line(LineName(line.name), self._line_limits(line)) for line in lines},
            trunks=trunks,
            outages=Outages(
                pbx=PbxName(pbx.name),
                touched={trunk: touched for trunk in trunks if (touched := self._touched(trunk, lines))},
                word_every=seconds(self._settings.announcement.word_every_seconds),
                new_id=lambda: IncidentId(uuid4().hex),
            ),
            routes=[self._routes(line) for line in lines],
        )

    @staticmethod
    def _touched(trunk: TrunkName, lines: tuple[LineSettings, ...]) -> Touched | None:
        """The lines told about a trunk. They belong to one tenant, as the settings see to."""
        mine = [line for line in lines if trunk in line.trunks]
        if not mine:
            return None
        return Touched(tenant=TenantName(mine[0].tenant), lines=tuple(LineName(line.name) for line in mine))

    def _line_limits(self, line: LineSettings) -> LineLimits:
        detection = self._settings.detection
        return LineLimits(
            callers=detection.unanswered_callers,
            patience=seconds(line.patience_seconds),
            shy_for=seconds(detection.agent_shy_seconds),
        )

    @staticmethod
    def _routes(line: LineSettings) -> Routes:
        return Routes(
            line=LineName(line.name),
            dids=line.dids,
            queue=QueueName(line.queue) if line.queue else None,
            ring=tuple(Device(device) for device in line.ring),
        )

    def _voice(self, line: LineSettings) -> Voice:
        tenant = self._settings.tenant_named(line.tenant)
        return Voice(self._library, self._phrases, tenant.language, tenant.zone)

    def _standing(self, line: LineSettings, spoken: dict[str, str]) -> list[Saying]:
        first = [say.first_word(spoken[trunk]) for trunk in line.trunks]
        return [*first, say.callback_greeting(self._settings.tenant_named(line.tenant).spoken), *say.STANDING]

    def _plan(self, line: LineSettings) -> CallPlan:
        tenant, callback = self._settings.tenant_named(line.tenant), self._settings.callback
        return CallPlan(
            tenant=TenantName(line.tenant),
            line=LineName(line.name),
            trunks=tuple(TrunkName(trunk) for trunk in line.callback_trunks),
            caller_id=line.caller_id,
            ring=callback.ring_seconds,
            numbers=tenant.numbers,
            greeting=say.callback_greeting(tenant.spoken),
            news_at_once=callback.news_at_once,
        )

    def _line_desk(self, line: LineSettings) -> LineDesk:
        tenant = self._settings.tenant_named(line.tenant)
        return LineDesk(
            tenant=TenantName(line.tenant),
            numbers=tenant.numbers,
            greeting=say.callback_greeting(tenant.spoken),
            lifetime=seconds(self._settings.callback.lifetime_seconds),
        )
