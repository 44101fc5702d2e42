"""From the settings to the rooms of one PBX: its session, watch, announcer, callbacks, desk and runner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from uuid import uuid4

import structlog

from ami_bridge.ami.decode import wanted_with
from ami_bridge.ami.inbox import Inbox
from ami_bridge.ami.session import Address, Session
from ami_bridge.announcing import Announcer
from ami_bridge.calling import Callbacks
from ami_bridge.callplan import CallPlan, Place
from ami_bridge.declaring import STANDING as OPERATORS
from ami_bridge.declaring import OperatorDesk, OperatorLine
from ami_bridge.domain import announcement as say
from ami_bridge.domain import arranging
from ami_bridge.domain.baseline import Rhythm, Unreadable
from ami_bridge.domain.dispatch import Limits
from ami_bridge.domain.estate import Estate
from ami_bridge.domain.hours import Hours
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import IncidentId, LineName, PbxName, TenantName, TrunkName
from ami_bridge.domain.numbers import NumberPolicy
from ami_bridge.domain.orders import Orders
from ami_bridge.domain.promise import Promise
from ami_bridge.domain.saying import Saying
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.domain.tickets import Tickets
from ami_bridge.domain.watch import Watch
from ami_bridge.history.records import Files, Records
from ami_bridge.knowing import KnownCallers
from ami_bridge.places import Line as LineSettings
from ami_bridge.places import Pbx, Tenant
from ami_bridge.popping import Screen
from ami_bridge.promising import LineDesk, PbxDesk
from ami_bridge.rulebook import rulebook_of
from ami_bridge.runner import Runner
from ami_bridge.settings import Settings, seconds
from ami_bridge.sounds import Sounds
from ami_bridge.speaking import Voice
from ami_bridge.store import Store
from ami_bridge.voice.library import AudioLibrary, Recording
from ami_bridge.voice.phrases import Phrases
from ami_bridge.voice.wavs import of_telephone
from ami_bridge.watching import owners_of, watch_of
from ami_bridge.whispering import Whisperer
from ami_bridge.windows import Windows

log = structlog.get_logger(__name__)


class Furnisher:
    """Makes what one PBX needs; `changed` is called whenever the picture operators see may be old."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        library: AudioLibrary,
        *,
        orders: Orders,
        changed: Callable[[], None],
        clock: Callable[[], datetime],
        tickets: Tickets | None = None,
    ) -> None:
        self._settings = settings
        self._orders = orders
        self._store = store
        self._library = library
        self._phrases = Phrases(own=settings.voice.phrases)
        self._changed = changed
        self._clock = clock
        self._tickets = tickets
        self._rulebooks = {tenant.name: rulebook_of(settings, tenant.name) for tenant in settings.tenant}

    async def furnish(self, pbx: Pbx, drain: Callable[[PbxName], Awaitable[int]]) -> tuple[Runner, PbxDesk]:
        """The runner and the desk of `pbx`, with all words prepared that may be needed at once. Raise VoiceError."""
        name, lines = PbxName(pbx.name), self._settings.lines_of(pbx.name)
        inbox = Inbox()
        address = Address(host=pbx.host, port=pbx.port, username=pbx.username, secret=pbx.secret.get_secret_value())
        session = Session(pbx.name, address, wanted_with(trunk.name for trunk in pbx.trunk), inbox)
        watch = watch_of(self._settings, pbx, new_id=lambda: IncidentId(uuid4().hex), rhythms=await self._rhythms(pbx))
        await self._remember(name, watch)

        def wanted(line: LineName) -> tuple[Saying, Saying] | None:
            now = self._clock()
            work = watch.court.work_on(line, now)
            return say.for_line(line, watch.incidents, work, watch.lines[line].attendance, now)

        def what_of(promise: Promise) -> str:
            incident = watch.court.outages.open.get(promise.incident) if promise.incident else None
            return incident.what_on(promise.line) if incident else self._settings.tenant_named(promise.tenant).service

        async def news(promise: Promise) -> Saying:
            incident = await self._store.incidents.get(promise.incident) if promise.incident else None
            what = incident.what if incident else "our service"
            fixed = incident.changed if incident else self._clock()
            return say.restored(self._settings.tenant_named(promise.tenant).spoken, what, fixed)

        announcer = Announcer(
            session,
            {LineName(line.name): self._voice(line) for line in lines},
            wanted,
            seconds(self._settings.announcement.lifetime_seconds),
            self._sounds(pbx),
            self._clock,
        )
        for line in lines:
            await announcer.prepared.prepare(LineName(line.name), self._standing(line, watch.court.outages.estate))
            announcer.prepared.later(LineName(line.name), arranging.standing())
        whisperer = Whisperer(session, watch, announcer)
        tenants = {LineName(line.name): self._settings.tenant_named(line.tenant) for line in lines}
        hours = {LineName(line.name): found for line in lines if (found := self._hours(line)) is not None}
        windows = Windows(tenants, hours, self._clock)
        known = KnownCallers(name, announcer, self._store, tenants, self._tickets, what_of, windows, self._clock)
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
            whisperer=whisperer,
            known=known,
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
            whisperer=whisperer,
            known=known,
            callbacks=callbacks,
            lines={LineName(line.name): self._line_desk(line) for line in lines},
            news=news,
            promised=runner.promised,
            in_vain=runner.in_vain,
            operators=self._operators(pbx, lines, watch, announcer),
        )
        return runner, desk

    def _voice(self, line: LineSettings) -> Voice:
        tenant = self._settings.tenant_named(line.tenant)
        return Voice(
            library=self._library,
            phrases=self._phrases,
            languages=tenant.spoken_languages,
            zone=tenant.zone,
            names=self._names(line.pbx, tenant),
        )

    def _names(self, pbx: str, tenant: Tenant) -> Mapping[str, Mapping[str, str]]:
        """What is spoken of to this tenant's callers, by its name in their own language, in the others."""
        one = next(p for p in self._settings.pbx if p.name == pbx)
        named = [
            (tenant.spoken, tenant.spoken_in),
            (tenant.service, tenant.service_in),
            (one.spoken, one.spoken_in),
            *((trunk.spoken, trunk.spoken_in) for trunk in one.trunk),
            *((site.spoken, site.spoken_in) for site in self._settings.sites_of(pbx) if site.tenant == tenant.name),
        ]
        return {spoken: {tag[:2]: text for tag, text in others.items()} for spoken, others in named}

    def _sounds(self, pbx: Pbx) -> Sounds:
        shared = pbx.sounds
        return Sounds(
            audio_url=self._settings.audio.url,
            wide=pbx.wide,
            here=shared.here if shared else None,
            there=shared.there if shared else None,
        )

    async def _remember(self, pbx: PbxName, watch: Watch) -> None:
        """What earlier runs left: open incidents, what was declared and reported, planned work."""
        now = self._clock()
        for incident in await self._store.incidents.open(pbx):
            watch.adopt(incident, now)
        for order in await self._store.orders.standing(pbx, now):
            watch.stand_by(order, now)
        for work in await self._store.maintenance.current(now):
            if work.pbx == pbx:
                watch.court.works[work.id] = work

    async def _rhythms(self, pbx: Pbx) -> Mapping[str, Rhythm]:
        """What is known to be usual on `pbx`; what cannot be read is learnt anew."""
        kept, owners = await self._store.baselines.load(PbxName(pbx.name)), owners_of(self._settings, pbx)
        rhythms = {}
        for series in kept.keys() & owners.keys():
            try:
                rhythms[series] = Rhythm.load(kept[series], self._settings.tenant_named(owners[series]).zone)
            except Unreadable as problem:
                log.warning("What is usual is learnt anew", pbx=pbx.name, series=series, problem=str(problem))
        return rhythms

    def _standing(self, line: LineSettings, estate: Estate) -> list[Saying]:
        """What must be said of this line the moment it is true, so that nobody waits for a rendering."""
        suspected = self._settings.announcement.suspected == "announce"
        whats = {touched.what for touched in estate.touched.values() if LineName(line.name) in touched.lines}
        first = [saying for what in sorted(whats) for saying in say.first_words(what, suspected=suspected)]
        orders = OPERATORS if line.declare_code is not None else ()
        return [*first, *orders, say.callback_greeting(self._settings.tenant_named(line.tenant).spoken), *say.STANDING]

    def _operators(
        self, pbx: Pbx, lines: tuple[LineSettings, ...], watch: Watch, announcer: Announcer
    ) -> OperatorDesk | None:
        """Who takes orders by telephone; None where no line has a code for it."""
        coded = {}
        for line in lines:
            pin = self._settings.tenant_named(line.tenant).pin
            if line.declare_code is not None and pin is not None:
                coded[LineName(line.name)] = OperatorLine(
                    tenant=TenantName(line.tenant),
                    pin=pin.get_secret_value(),
                    lasts=seconds(self._settings.announcement.declared_seconds),
                )

        def touching(line: LineName) -> list[Incident]:
            return [incident for incident in watch.incidents if line in incident.lines]

        async def keep(line: LineName, mulaw: bytes) -> Recording:
            return await self._library.keep(of_telephone(mulaw), announcer.voice(line).own)

        if not coded:
            return None
        return OperatorDesk(
            PbxName(pbx.name),
            coded,
            orders=self._orders,
            touching=touching,
            speaker=announcer.prepared,
            sounds=announcer.sounds,
            keep=keep,
            clock=self._clock,
        )

    def _plan(self, line: LineSettings) -> CallPlan:
        tenant, callback = self._settings.tenant_named(line.tenant), self._settings.callback
        book = self._rulebooks[tenant.name]
        return CallPlan(
            tenant=TenantName(line.tenant),
            line=LineName(line.name),
            trunks=tuple(TrunkName(trunk) for trunk in line.callback_trunks),
            caller_id=line.caller_id,
            ring=callback.ring_seconds,
            greeting=say.callback_greeting(tenant.spoken),
            facts=book.facts,
            rules=book.rules,
            limits=Limits(
                at_once=callback.news_at_once, per_second=callback.news_per_second, channels=callback.channels
            ),
            agent_first=line.callback_way == "agent-first",
            places=tuple(
                Place(subject=Subject(Kind.SITE, site.name), numbers=NumberPolicy(site.numbers), spoken=site.spoken)
                for site in self._settings.sites_of(line.pbx)
                if site.tenant == tenant.name and site.numbers
            ),
            missed=seconds(callback.missed_lifetime_seconds) if line.missed_calls else None,
            screen=_screen(tenant),
        )

    def _line_desk(self, line: LineSettings) -> LineDesk:
        tenant, rulebook = self._settings.tenant_named(line.tenant), self._rulebooks[line.tenant]
        return LineDesk(
            tenant=TenantName(line.tenant),
            spoken=tenant.spoken,
            lifetime=seconds(self._settings.callback.lifetime_seconds),
            zone=tenant.zone,
            hours=self._hours(line),
            rules=rulebook.rules,
            facts=rulebook.facts,
        )

    def _hours(self, line: LineSettings) -> Hours | None:
        """When somebody should be there to answer; None where it was not said."""
        return Hours(line.open, self._settings.tenant_named(line.tenant).zone) if line.open else None


def _screen(tenant: Tenant) -> Screen | None:
    """Where the tenant's agents' screens are told, if they are."""
    if tenant.screen_pop is None or tenant.screen_pop_secret is None:
        return None
    return Screen(tenant.screen_pop, tenant.screen_pop_secret.get_secret_value())
