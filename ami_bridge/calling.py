"""Placing the calls that are owed on one PBX: claim, commit, then dial; and finding out what became of each.

Nothing is dialled that is not on disk first, and nothing whose outcome is unknown is dialled again before the PBX
has been asked about its channel. What the dialplan did while we were away stands in AstDB.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import ActionRefused, LinkLost, LinkSilent, Unsendable
from ami_bridge.ami.session import Session
from ami_bridge.announcing import Announcer
from ami_bridge.domain.announcement import CALLBACK_KEYS, Saying
from ami_bridge.domain.names import AttemptId, LineName, PbxName, TenantName, TrunkName, Uniqueid
from ami_bridge.domain.numbers import NumberPolicy, masked
from ami_bridge.domain.promise import ATTEMPT_PREFIX, IN_FLIGHT, IllegalStep, Kind, Promise, State, Step
from ami_bridge.domain.watch import Watch
from ami_bridge.store import LineKey, StaleAttempt, Store
from dialplan_templates import contract

log = structlog.get_logger(__name__)

CHANNEL_WITHIN = 5.0  # seconds after the PBX accepted an Originate in which its channel comes to be

# The steps that lead to where the dialplan says a callback came while nobody watched.
_MARKS: Mapping[str, tuple[Step, ...]] = {
    "answered": (Step.ANSWERED,),
    "accepted": (Step.ANSWERED, Step.ACCEPTED),
    "joined": (Step.ANSWERED, Step.ACCEPTED, Step.JOINED),
    "unmet": (Step.ANSWERED, Step.ACCEPTED, Step.UNMET),
    "told": (Step.ANSWERED, Step.TOLD),
    "later": (Step.ANSWERED, Step.LATER),
    "declined": (Step.ANSWERED, Step.DECLINED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """How customers of one line are called back: over which trunks, as whom, ringing how many seconds."""

    tenant: TenantName
    line: LineName
    trunks: tuple[TrunkName, ...]
    caller_id: str
    ring: float
    numbers: NumberPolicy
    greeting: Saying
    news_at_once: int


class Callbacks:
    """The promises of one PBX on their way to being kept."""

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
        self._pbx = pbx
        self._session = session
        self._store = store
        self._watch = watch
        self._announcer = announcer
        self._plans = plans
        self._news = news
        self._clock = clock
        self._dialling: set[AttemptId] = set()
        self._placing: dict[LineName, asyncio.Lock] = {line: asyncio.Lock() for line in plans}

    async def place(self, line: LineName) -> None:
        """Dial as many of the line's promises as there is room for: free agents for callbacks, a few lines for news."""
        plan = self._plans[line]
        async with self._placing[line]:
            if not self._session.up:
                return
            key = LineKey(tenant=plan.tenant, pbx=self._pbx, line=line)
            mine = [p for p in await self._store.promises.in_flight(self._pbx) if p.line == line]
            for kind, room in self._room(line, plan, mine).items():
                for _ in range(room):
                    trunk = next((t for t in plan.trunks if not self._watch.trunk_is_down(t)), None)
                    if trunk is None or not await self._place_one(key, kind, plan, trunk):
                        break

    def _room(self, line: LineName, plan: CallPlan, in_flight: Sequence[Promise]) -> dict[Kind, int]:
        """Callers on the line now come before those who hung up; nobody is called for an agent who is not there."""
        under_way = {kind: sum(p.kind is kind for p in in_flight) for kind in Kind}
        watched = self._watch.lines[line]
        free = watched.free(self._clock()) - len(watched.waiting) - under_way[Kind.IN_TURN]
        return {Kind.IN_TURN: max(free, 0), Kind.RESTORED: max(plan.news_at_once - under_way[Kind.RESTORED], 0)}

    async def _place_one(self, key: LineKey, kind: Kind, plan: CallPlan, trunk: TrunkName) -> bool:
        """Claim the next promise of `kind` and dial it; False when there is none or the PBX is out of reach."""
        attempt = AttemptId(f"{ATTEMPT_PREFIX}{uuid4().hex}")
        self._dialling.add(attempt)
        try:
            promise = await self._store.promises.claim(key, {kind}, self._clock(), attempt)
            return promise is not None and await self._dial(promise, attempt, plan, trunk)
        finally:
            # The channel comes to be a moment after Originate is answered: the attempt stays known that much longer.
            asyncio.get_running_loop().call_later(CHANNEL_WITHIN, self._dialling.discard, attempt)

    async def _dial(self, promise: Promise, attempt: AttemptId, plan: CallPlan, trunk: TrunkName) -> bool:
        """Dial what was claimed; False when the PBX is out of reach."""
        refusal = plan.numbers.refuses(promise.number)
        if refusal is not None:  # the tenant's policy may have changed since it was promised
            await self._take(promise, Step.UNREACHED, refusal)
            await self._store.promises.step(promise.id, Step.BLOCK, self._clock(), refusal)
            return True
        try:
            await actions.originate(self._session, await self._origination(promise, attempt, plan, trunk))
        except (ActionRefused, Unsendable) as refused:
            await self._take(promise, Step.UNREACHED, str(refused))
        except (LinkLost, LinkSilent) as unknown:
            # Whether it was dialled is not known: it stays claimed until the PBX has been asked about its channel.
            log.warning("A callback's fate is unknown for now", promise_id=promise.id, why=str(unknown))
            return False
        else:
            await self._take(promise, Step.DIALLED, f"over {trunk}")
            log.info("Calling back", pbx=self._pbx, promise_id=promise.id, number=masked(promise.number))
        return True

    async def _origination(
        self, promise: Promise, attempt: AttemptId, plan: CallPlan, trunk: TrunkName
    ) -> actions.Origination:
        saying = plan.greeting if promise.kind is Kind.IN_TURN else await self._news(promise)
        recording = await self._announcer.record(plan.line, saying)
        variables = (
            ("__KL_ATTEMPT", attempt),  # inherited: the agent's channel marks the promise kept
            ("KL_LINE", plan.line),
            ("KL_SAY", recording.hash),
            ("KL_KEYS", CALLBACK_KEYS if promise.kind is Kind.IN_TURN else ""),
        )
        return actions.Origination(
            uniqueid=Uniqueid(attempt),
            channel=f"PJSIP/{promise.number}@{trunk}",
            context=contract.CALLBACK_CONTEXT,
            caller_id=plan.caller_id,
            ring=plan.ring,
            variables=variables,
        )

    async def moved(self, attempt: AttemptId, step: Step, reason: str) -> Promise | None:
        """Something happened to an attempt's call; return the promise if that moved it. Late news changes nothing."""
        promise = await self._store.promises.by_attempt(attempt)
        if promise is None or promise.attempt != attempt:
            return None
        if step is Step.UNREACHED and promise.state is State.CONNECTING:
            step = Step.UNMET
        moved = await self._take(promise, step, reason)
        if moved is not None and moved.state not in IN_FLIGHT and self._session.up:
            await actions.delete(self._session, contract.ATTEMPTS, attempt)
        return moved

    async def _take(self, promise: Promise, step: Step, reason: str) -> Promise | None:
        try:
            return await self._store.promises.step(promise.id, step, self._clock(), reason, promise.attempt)
        except (IllegalStep, StaleAttempt):
            return None  # an event overtaken by a later one

    async def reconcile(self) -> None:
        """After a (re)connection and its snapshot: every attempt in flight ends where its channel or its mark did.

        One that is being dialled right now has no channel yet and is passed over; `missing` finds it if it has none.
        """
        marks = await actions.tree(self._session, contract.ATTEMPTS)
        for promise in await self._store.promises.in_flight(self._pbx):
            mark = marks.pop(promise.attempt or "", "")
            if promise.attempt not in self._dialling:
                await self._settle(promise, mark)
        for stray in marks:
            await actions.delete(self._session, contract.ATTEMPTS, stray)

    async def missing(self) -> None:
        """End attempts that have been silent for longer than ringing lasts, and whose channel is not there.

        Only while the tracker holds what is true: before the snapshot after a reconnection nothing is there.
        """
        silent = [p for p in await self._store.promises.in_flight(self._pbx) if await self._is_silent(p)]
        marks = await actions.tree(self._session, contract.ATTEMPTS) if silent else {}
        for promise in silent:
            await self._settle(promise, marks.get(promise.attempt or "", ""))

    async def _is_silent(self, promise: Promise) -> bool:
        if promise.attempt is None or Uniqueid(promise.attempt) in self._watch.tracker.channels:
            return False
        last = (await self._store.promises.ledger(promise.id))[-1].at
        return self._clock() - last > timedelta(seconds=self._plans[promise.line].ring + 30)

    async def _settle(self, promise: Promise, mark: str) -> None:
        """Move `promise` to where the dialplan noted it got, and end its attempt if its channel is gone."""
        for step in _MARKS.get(mark, ()):
            await self._take(promise, step, "as the PBX noted while it was not watched")
        if promise.attempt is not None and Uniqueid(promise.attempt) not in self._watch.tracker.channels:
            await self.moved(promise.attempt, Step.UNREACHED, "ended while it was not watched")

    async def expire(self) -> None:
        """End what can no longer be kept."""
        for promise in await self._store.promises.end_overdue(self._clock()):
            log.warning("A promise could not be kept", promise_id=promise.id, why=promise.reason)
