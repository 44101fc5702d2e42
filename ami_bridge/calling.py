"""The promises of one PBX on their way to being kept: who is called, what became of it, and who need not be called.

Here meet the words (`briefing`), the dialling (`placing`), the calls under way (`attempts`) and agents' screens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from ami_bridge.ami.session import Session
from ami_bridge.announcing import Announcer
from ami_bridge.attempts import Attempts
from ami_bridge.briefing import Briefs
from ami_bridge.callplan import CallPlan
from ami_bridge.domain.effects import CallMissed, CustomerReached, PopScreen
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import AnnouncementHash, AttemptId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.numbers import masked
from ami_bridge.domain.permission import Allowed
from ami_bridge.domain.promise import Kind, Promise, Step
from ami_bridge.domain.saying import Saying
from ami_bridge.domain.watch import Watch
from ami_bridge.integrations.screen_pop import Pop
from ami_bridge.placing import Placer
from ami_bridge.popping import Pops
from ami_bridge.store import Store

log = structlog.get_logger(__name__)

MISSED_AFTER = timedelta(minutes=2)  # who was missed may be dialling again this moment


class Callbacks:
    """What is owed to the callers of one PBX's lines. `news` are the words that what failed works again."""

    def __init__(
        self,
        pbx: PbxName,
        session: Session,
        store: Store,
        watch: Watch,
        announcer: Announcer,
        plans: Mapping[LineName, CallPlan],
        news: Callable[[Promise], Awaitable[Saying]],
        clock: Callable[[], datetime],
    ) -> None:
        self.pops = Pops(clock)
        self._pbx = pbx
        self._store = store
        self._watch = watch
        self._plans = plans
        self._clock = clock
        self._written: dict[tuple[TenantName, str], set[str]] = {}  # how numbers that are owed a call were written
        self.attempts = Attempts(pbx, session, store, watch, plans, clock)
        self.briefs = Briefs(pbx, announcer, store, plans, news, self._about, clock)
        self._placer = Placer(pbx, session, store, watch, plans, self.briefs, self.attempts, announcer.clocks, clock)

    @property
    def problem(self) -> str:
        """What keeps callbacks from being placed, and what to do; empty when nothing does."""
        return self._placer.problem

    def link_up(self) -> None:
        """The PBX is there (again)."""
        self._placer.link_up()

    async def place(self, line: LineName) -> None:
        """Call as many of the line's customers as there is room for."""
        await self._placer.place(line)

    async def tell(self, line: LineName) -> None:
        """Bring the news to who asked for it, at the pace the trunk carries."""
        await self._placer.tell(line)

    async def prepare(self, line: LineName) -> bool:
        """Make the words for those who are called next on `line`; True if there are new ones."""
        return await self.briefs.prepare(line, len(self._watch.lines[line].agents))

    def in_use(self) -> set[AnnouncementHash]:
        return self.briefs.in_use()

    async def moved(self, attempt: AttemptId, step: Step, reason: str) -> Promise | None:
        """Something happened to an attempt's call; return the promise if that moved it."""
        return await self.attempts.moved(attempt, step, reason)

    async def reconcile(self) -> None:
        """After a (re)connection and its snapshot: find out what became of the calls that were under way."""
        await self.attempts.reconcile()

    async def missing(self) -> None:
        """End attempts whose channel is not there, and hang up those that nobody wants any more."""
        await self.attempts.missing()

    async def due(self) -> list[LineName]:
        """The lines of which somebody is to be called, once there is room."""
        return [key.line for key in await self._store.promises.due(self._pbx, self._clock()) if key.line in self._plans]

    async def expire(self) -> None:
        """End what can no longer be kept."""
        for promise in await self._store.promises.end_overdue(self._clock()):
            log.warning("A promise could not be kept", promise_id=promise.id, why=promise.reason)

    async def catch_up(self) -> None:
        """What need not be done at once: take over what customers answered, see whose numbers are owed a call."""
        await self.attempts.take_answers()
        written: dict[tuple[TenantName, str], set[str]] = {}
        for promise in await self._store.promises.open(self._pbx):
            plan = self._plans.get(promise.line)
            if plan is not None:
                identity = plan.facts(promise.number).identity
                written.setdefault((promise.tenant, identity), set()).add(promise.number)
        self._written = written

    async def reached(self, seen: CustomerReached) -> None:
        """Whoever talks with an agent needs no call back: what was promised them ends, and a phone that rings for it
        stops."""
        why = f"the customer talks with {seen.agent}"
        for tenant, plan in {self._plans[line].tenant: self._plans[line] for line in seen.lines}.items():
            identity = plan.facts(seen.number).identity
            for number in {seen.number, identity} | self._written.get((tenant, identity), set()):
                await self._withdraw(tenant, number, why)

    async def _withdraw(self, tenant: TenantName, number: str, why: str) -> None:
        if not await self._store.promises.open_of(tenant, number):
            return  # as almost always: no write for nothing
        for promise in await self._store.promises.withdraw_open(tenant, number, self._clock(), why):
            log.info("A promise needs not be kept any more", promise_id=promise.id, why=why)
            if promise.attempt is not None and promise.pbx == self._pbx:
                await self.attempts.hang_up(promise.attempt, why)

    async def missed(self, seen: CallMissed) -> Promise | None:
        """Owe a call to who gave up, where the line's settings and the rules allow it; None if nothing is owed anew.

        Nothing while they are on a line again, and nothing beside what they asked for.
        """
        plan, now = self._plans[seen.line], self._clock()
        if plan.missed is None or self._waits(seen.number):
            return None
        facts = plan.facts(seen.number)
        usage = await self._store.promises.usage(plan.tenant, seen.number, plan.rules.day_began(now))
        if not isinstance(plan.rules.offers(facts, usage, now), Allowed):
            return None
        promise, new = await self._store.promises.make(
            Promise(
                id=PromiseId(uuid4().hex),
                tenant=plan.tenant,
                pbx=self._pbx,
                line=seen.line,
                kind=Kind.MISSED,
                number=seen.number,
                origin=seen.call,
                arrived=seen.since,
                expires=now + plan.missed,
                not_before=now + MISSED_AFTER,
                reason="hung up, or found nobody, and asked for nothing",
            ),
            now,
        )
        if new:
            log.info("A missed call is owed a call", promise_id=promise.id, number=masked(promise.number))
        return promise if new else None

    def _waits(self, number: str) -> bool:
        return any(caller.number == number for line in self._watch.lines.values() for caller in line.waiting.values())

    async def pop(self, seen: PopScreen) -> None:
        """Tell the agent's screen whom they have to do with."""
        promise = await self._store.promises.by_attempt(seen.attempt)
        plan = self._plans.get(promise.line) if promise is not None else None
        if promise is None or plan is None or plan.screen is None:
            return
        self.pops.tell(
            plan.screen,
            Pop(
                step=seen.step,
                tenant=promise.tenant,
                line=promise.line,
                number=promise.number,
                agent=seen.channel,
                asked=promise.arrived,
                promise=promise.id,
                attempt=seen.attempt,
                kind=promise.kind.value,
                incident=promise.incident,
                about=await self._about(promise),
            ),
        )

    async def _about(self, promise: Promise) -> str | None:
        """What was out of order for the customer when they asked: for the agent to know."""
        incident = await self._incident(promise)
        return incident.what_on(promise.line) if incident is not None else None

    async def _incident(self, promise: Promise) -> Incident | None:
        if promise.incident is not None:
            return await self._store.incidents.get(promise.incident)
        touching = [i for i in self._watch.incidents if promise.line in i.lines and i.since <= promise.arrived]
        return touching[0] if touching else None
