"""Placing the calls that are owed on one PBX: ask the rules, claim, commit, then dial.

Nothing is dialled that is not on disk first. What takes long was done before (`briefing`): from the moment an agent is
free it takes two reads of the ledger, the commit of the claim, and one action.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import ActionRefused, LinkLost, LinkSilent, Unsendable
from ami_bridge.ami.session import Session
from ami_bridge.attempts import Attempts
from ami_bridge.briefing import Briefs
from ami_bridge.callplan import CallPlan
from ami_bridge.clearing import Clearance
from ami_bridge.clocks import Clocks
from ami_bridge.domain.callers import device_of
from ami_bridge.domain.dispatch import (
    CALLS,
    HOLD_PREFIX,
    NEWS,
    Demand,
    News,
    Pace,
    asks_agent_first,
    next_calls,
    wanted_elsewhere,
)
from ami_bridge.domain.events import ChannelState
from ami_bridge.domain.names import AttemptId, LineName, Linkedid, PbxName, PromiseId, TrunkName, Uniqueid
from ami_bridge.domain.numbers import dial_string, masked
from ami_bridge.domain.promise import ATTEMPT_PREFIX, Kind, Promise, Step
from ami_bridge.domain.saying import CALLBACK_KEYS
from ami_bridge.domain.watch import Watch
from ami_bridge.store import LineKey, Store
from dialplan_templates import contract

log = structlog.get_logger(__name__)

CHANNEL_WITHIN = 5.0  # seconds after the PBX accepted an Originate in which its channel comes to be
LOOKED_AT = 16  # promises at first; more where these are all held
BARRED = timedelta(seconds=30)  # after a PBX refused to place a call at all
Claim = tuple[Promise, TrunkName]


class Placer:
    """Who is called next on one PBX, and the dialling."""

    def __init__(
        self,
        pbx: PbxName,
        session: Session,
        store: Store,
        watch: Watch,
        plans: Mapping[LineName, CallPlan],
        briefs: Briefs,
        attempts: Attempts,
        clocks: Clocks,
        clock: Callable[[], datetime],
    ) -> None:
        self.problem = ""  # what keeps calls from being placed, and what to do; empty when nothing does
        self._pbx = pbx
        self._session = session
        self._store = store
        self._watch = watch
        self._plans = plans
        self._briefs = briefs
        self._attempts = attempts
        self._clocks = clocks
        self._clock = clock
        self._clearance = Clearance(store, watch, briefs, clock)
        self._claiming = asyncio.Lock()
        self._pace = Pace()
        self._barred: datetime | None = None  # since when the PBX refuses

    def link_up(self) -> None:
        """The PBX is there (again), and may have been set right."""
        self._barred, self.problem = None, ""

    async def place(self, line: LineName) -> None:
        """Call as many of the line's customers as there is room for."""
        while await self._place_one(self._plans[line], CALLS):
            pass

    async def tell(self, line: LineName) -> None:
        """Bring the news to those who asked for it, at the pace that the trunk carries."""
        plan = self._plans[line]
        while True:
            await asyncio.sleep(self._news(plan, 0, plan.trunks).wait(plan.limits).total_seconds())
            if not await self._place_one(plan, NEWS):
                return

    async def _place_one(self, plan: CallPlan, kinds: frozenset[Kind]) -> bool:
        """Claim the next promise of `kinds` and dial it; False when nothing more can be done for now."""
        if self._barred is not None and self._clock() - self._barred < BARRED:
            return False
        held = plan.agent_first and kinds is CALLS
        attempt = AttemptId(f"{HOLD_PREFIX if held else ATTEMPT_PREFIX}{uuid4().hex}")
        self._attempts.dialling.add(attempt)
        try:
            claimed = await self._claim(plan, kinds, attempt)
            return claimed is not None and await self._dial(*claimed, attempt, plan)
        finally:
            # The channel comes to be a moment after Originate is answered: the attempt stays known that much longer.
            asyncio.get_running_loop().call_later(CHANNEL_WITHIN, self._attempts.settled, attempt)

    async def _claim(self, plan: CallPlan, kinds: frozenset[Kind], attempt: AttemptId) -> Claim | None:
        """The promise whose turn it is, on disk as claimed, if there is room for its call and nothing against it.

        One line at a time, since lines may share agents.
        """
        async with self._claiming:
            passed: set[PromiseId] = set()
            looked_at = LOOKED_AT
            while self._session.up:
                due = await self._next(plan, kinds, looked_at, passed)
                if due is None:
                    return None
                for promise in due:
                    if kinds is CALLS and self._briefs.awaited(promise):
                        return None  # in a moment the words are there; nobody who came later goes before
                    if (trunk := await self._clearance.trunk_for(promise, plan)) is not None:
                        claimed = await self._store.promises.claim_this(promise.id, self._clock(), attempt)
                        if claimed is not None:
                            return claimed, trunk
                    passed.add(promise.id)
                looked_at = max(looked_at, len(passed) * 2 + LOOKED_AT)
            return None

    async def _next(
        self, plan: CallPlan, kinds: frozenset[Kind], looked_at: int, passed: Iterable[PromiseId]
    ) -> list[Promise] | None:
        """Whose turn it is, of those not `passed` over; None when nobody's is, or there is no room."""
        key, now = LineKey(tenant=plan.tenant, pbx=self._pbx, line=plan.line), self._clock()
        here = self._watch.lines[plan.line]
        if kinds is CALLS and here.free(now) <= len(here.waiting):
            return None  # as things are most of the time: nothing to ask the ledger for
        flying, due = await asyncio.gather(
            self._store.promises.in_flight(self._pbx), self._store.promises.peek(key, kinds, now, looked_at)
        )
        demand = self._demand(plan.line, flying)
        others = [self._demand(name, flying) for name in self._watch.lines if name != plan.line]
        told = sum(p.line == plan.line and p.kind in NEWS for p in flying)
        picked = next_calls(
            here.free(self._clock()) - wanted_elsewhere(demand, others),
            demand.waiting,
            demand.in_flight,
            [promise for promise in due if promise.id not in passed],
            plan.limits,
            self._news(plan, told, plan.trunks),
        )
        return picked or None

    def _demand(self, line: LineName, flying: Iterable[Promise]) -> Demand:
        here = self._watch.lines[line]
        wanting = sum(p.line == line and p.kind in CALLS and not self._is_served(p, here.agents) for p in flying)
        return Demand(line, frozenset(here.agents), len(here.waiting), wanting)

    def _is_served(self, promise: Promise, agents: Iterable[str]) -> bool:
        """Whether an agent has taken the call for this one, so that it wants none of those who are free."""
        call = self._watch.tracker.calls.get(Linkedid(promise.attempt or ""))
        channels = [self._watch.tracker.channels[uniqueid] for uniqueid in call.channels] if call else []
        return any(channel.state is ChannelState.UP and device_of(channel.name) in agents for channel in channels)

    def _news(self, plan: CallPlan, in_flight: int, trunks: tuple[TrunkName, ...]) -> News:
        counted = plan.limits.channels is not None
        used = max((self._watch.channels_on(trunk) for trunk in trunks[:1]), default=0) if counted else 0
        return News(now=self._clock(), in_flight=in_flight, channels_in_use=used, begun=self._pace.begun(plan.trunks))

    async def _dial(self, promise: Promise, trunk: TrunkName, attempt: AttemptId, plan: CallPlan) -> bool:
        """Dial what was claimed; False when the PBX cannot be reached or refuses, as it would the next one."""
        if attempt in self._attempts.unwanted:
            return True  # they reached an agent while it was being claimed
        if promise.kind in NEWS:
            self._pace.begin(trunk, self._clock())
        try:
            await actions.originate(self._session, self._origination(promise, attempt, plan, trunk))
        except (ActionRefused, Unsendable) as refused:
            self._refused(str(refused))
            await self._attempts.take(promise, Step.FAILED, str(refused))
            return False
        except (LinkLost, LinkSilent) as unknown:
            # Whether it was dialled is not known: it stays claimed until the PBX has been asked about its channel.
            log.warning("A callback's fate is unknown for now", promise_id=promise.id, why=str(unknown))
            return False
        self.link_up()
        first = "an agent is asked first, then" if asks_agent_first(attempt) else ""
        await self._attempts.take(promise, Step.DIALLED, f"{first} over {trunk}".strip())
        if attempt in self._attempts.unwanted:
            await self._attempts.hang_up(attempt, "withdrawn while it was being dialled")
        log.info("Calling back", pbx=self._pbx, promise_id=promise.id, number=masked(promise.number))
        return True

    def _refused(self, why: str) -> None:
        self._barred = self._clock()
        self.problem = (
            f"the PBX does not place calls for us, so that nobody is called back: {why}; is the rendered dialplan "
            "loaded, and does our AMI account have write = originate?"
        )
        log.warning("The PBX refused to place a call", pbx=self._pbx, problem=self.problem)

    def _origination(
        self, promise: Promise, attempt: AttemptId, plan: CallPlan, trunk: TrunkName
    ) -> actions.Origination:
        words = self._briefs.customer(promise)
        since = int((promise.arrived + self._clocks.ahead()).timestamp())  # places go by the PBX's clock
        inherited = {  # by the channels of those who are called in turn: they mark how far the call came
            "ATTEMPT": attempt,
            "PROMISE": promise.id,
            "LINE": plan.line,
            "NUMBER": promise.number,
            "SINCE": str(since),
            "INCIDENT": promise.incident or "",
            "TELL": self._briefs.agent(promise),
            "SAY": words.hash if words is not None else "",
            "LANGUAGE": promise.language,
        }
        own = {
            "KEYS": "" if promise.kind in NEWS else CALLBACK_KEYS,
            "PLACE": str(contract.PRIORITY_STEP - 1 - since % contract.PRIORITY_STEP),
        }
        held = asks_agent_first(attempt)
        if held:
            own |= {"FROM": plan.caller_id, "TRUNK": trunk, "RING": str(int(plan.ring))}
        dialled = dial_string(promise.number, trunk)
        return actions.Origination(
            uniqueid=Uniqueid(attempt),
            channel=contract.HOLD_CHANNEL if held else dialled,
            context=contract.HOLD_CONTEXT if held else contract.CALLBACK_CONTEXT,
            exten=f"line-{plan.line}" if held else "s",
            caller_id=promise.number if held else plan.caller_id,
            ring=plan.ring,
            variables=(
                *((f"__KL_{name}", value) for name, value in inherited.items()),
                *((f"KL_{name}", value) for name, value in own.items()),
            ),
        )
