"""Placing the calls that are owed on one PBX: claim, commit, then dial; and finding out what became of each.

Nothing is dialled that is not on disk first, and nothing whose outcome is unknown is dialled again before the PBX
has been asked about its channel. What the dialplan did while we were away stands in AstDB.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import ActionRefused, AmiError, LinkLost, LinkSilent, Unsendable
from ami_bridge.ami.session import Session
from ami_bridge.announcing import Announcer
from ami_bridge.domain.names import AttemptId, LineName, PbxName, TenantName, TrunkName, Uniqueid
from ami_bridge.domain.numbers import NotDialable, NumberPolicy, dial_string, masked
from ami_bridge.domain.promise import ATTEMPT_PREFIX, IN_FLIGHT, UNREACHED, IllegalStep, Kind, Promise, State, Step
from ami_bridge.domain.saying import CALLBACK_KEYS, Saying
from ami_bridge.domain.watch import Watch
from ami_bridge.store import LineKey, StaleAttempt, Store
from ami_bridge.voice.errors import VoiceError
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
_NOTED = "as the PBX noted"


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
        self._claiming = asyncio.Lock()
        self._placing: dict[LineName, asyncio.Lock] = {line: asyncio.Lock() for line in plans}

    async def place(self, line: LineName) -> None:
        """Dial as many of the line's promises as there is room for: free agents for callbacks, a few lines for news."""
        plan = self._plans[line]
        async with self._placing[line]:
            for kind in (Kind.IN_TURN, Kind.RESTORED):
                while await self._place_one(kind, plan):
                    pass

    async def _place_one(self, kind: Kind, plan: CallPlan) -> bool:
        """Claim the next promise of `kind` and dial it; False when nothing more can be done for now."""
        trunk = next((t for t in plan.trunks if not self._watch.trunk_is_down(t)), None)
        # Nobody is called to hear silence: words that the PBX is known not to play are waited for.
        if trunk is None or self._announcer.rehearsals.cannot_play(
            self._announcer.prepared.get(plan.line, plan.greeting)
        ):
            return False
        attempt = AttemptId(f"{ATTEMPT_PREFIX}{uuid4().hex}")
        self._dialling.add(attempt)
        try:
            promise = await self._claim(kind, plan, attempt)
            return promise is not None and await self._dial(promise, attempt, plan, trunk)
        finally:
            # The channel comes to be a moment after Originate is answered: the attempt stays known that much longer.
            asyncio.get_running_loop().call_later(CHANNEL_WITHIN, self._dialling.discard, attempt)

    async def _claim(self, kind: Kind, plan: CallPlan, attempt: AttemptId) -> Promise | None:
        """The next promise, if there is room for its call. One line at a time, since lines may share agents."""
        key = LineKey(tenant=plan.tenant, pbx=self._pbx, line=plan.line)
        async with self._claiming:
            if not self._session.up or await self._room(kind, plan) < 1:
                return None
            return await self._store.promises.claim(key, {kind}, self._clock(), attempt)

    async def _room(self, kind: Kind, plan: CallPlan) -> int:
        """Callers on the line now come before those who hung up; nobody is called for an agent who is not there."""
        flying = Counter((p.line, p.kind) for p in await self._store.promises.in_flight(self._pbx))
        if kind is Kind.RESTORED:
            return plan.news_at_once - flying[plan.line, kind]
        here = self._watch.lines[plan.line]
        room = here.free(self._clock())
        for line in self._watch.lines.values():
            wanted = len(line.waiting) + flying[line.name, kind]
            room -= wanted if line is here else min(wanted, len(line.agents.keys() & here.agents.keys()))
        return room

    async def _dial(self, promise: Promise, attempt: AttemptId, plan: CallPlan, trunk: TrunkName) -> bool:
        """Dial what was claimed; False when the PBX cannot be reached or refuses, as it would the next one."""
        refusal = plan.numbers.refuses(promise.number)
        if refusal is not None:  # the tenant's policy may have changed since it was promised
            await self._take(promise, Step.FAILED, refusal)
            await self._store.promises.step(promise.id, Step.BLOCK, self._clock(), refusal)
            return True
        try:
            await actions.originate(self._session, await self._origination(promise, attempt, plan, trunk))
        except (ActionRefused, Unsendable, VoiceError, NotDialable) as refused:
            await self._take(promise, Step.FAILED, str(refused))
            return False
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
        if self._announcer.rehearsals.cannot_play(recording):
            raise VoiceError("the PBX cannot play what is to be said")
        variables = (
            ("__KL_ATTEMPT", attempt),  # inherited: the agent's channel marks the promise kept
            ("KL_LINE", plan.line),
            ("KL_SAY", recording.hash),
            ("KL_KEYS", CALLBACK_KEYS if promise.kind is Kind.IN_TURN else ""),
        )
        return actions.Origination(
            uniqueid=Uniqueid(attempt),
            channel=dial_string(promise.number, trunk),
            context=contract.CALLBACK_CONTEXT,
            caller_id=plan.caller_id,
            ring=plan.ring,
            variables=variables,
        )

    async def moved(self, attempt: AttemptId, step: Step, reason: str) -> Promise | None:
        """Something happened to an attempt's call; return the promise if that moved it. Late news changes nothing.

        While our desk is slow or its store busy, the dialplan serves the customer alone: whoever talks with an agent
        has accepted, and a call that ended did so where its mark says.
        """
        promise = await self._store.promises.by_attempt(attempt)
        if promise is None or promise.attempt != attempt:
            return None
        if step in UNREACHED:
            marks = await actions.tree(self._session, contract.ATTEMPTS)
            return await self._settle(promise, marks.get(attempt, ""), step, reason)
        return await self._steps(promise, _MARKS["joined"] if step is Step.JOINED else (step,), reason)

    async def _steps(self, promise: Promise, steps: Iterable[Step], reason: str) -> Promise | None:
        """Take those of `steps` that can be taken; return the promise if one was. Its mark goes when the call is over.

        A mark that could not be deleted does no harm: the next `reconcile` finds it is nobody's.
        """
        moved: Promise | None = None
        for step in steps:
            moved = await self._take(promise, step, reason) or moved
        if moved is not None and moved.state not in IN_FLIGHT and promise.attempt is not None:
            with suppress(AmiError):
                await actions.delete(self._session, contract.ATTEMPTS, promise.attempt)
        return moved

    async def _take(self, promise: Promise, step: Step, reason: str) -> Promise | None:
        try:
            return await self._store.promises.step(promise.id, step, self._clock(), reason, promise.attempt)
        except (IllegalStep, StaleAttempt):
            return None  # an event overtaken by a later one

    async def reconcile(self) -> None:
        """After a (re)connection and its snapshot: every attempt in flight ends where its channel or its mark did.

        One that is being dialled right now and has no channel is passed over: it may come yet, else `missing` ends it.
        """
        marks = await actions.tree(self._session, contract.ATTEMPTS)
        for promise in await self._store.promises.in_flight(self._pbx):
            mark = marks.pop(promise.attempt or "", "")
            if promise.attempt not in self._dialling or self._lives(promise):
                await self._look_up(promise, mark)
        for stray in marks:
            await actions.delete(self._session, contract.ATTEMPTS, stray)

    async def missing(self) -> None:
        """End attempts that have been silent for longer than ringing lasts, and whose channel is not there.

        Only while the tracker holds what is true: before the snapshot after a reconnection nothing is there.
        """
        silent = [p for p in await self._store.promises.in_flight(self._pbx) if await self._is_silent(p)]
        marks = await actions.tree(self._session, contract.ATTEMPTS) if silent else {}
        for promise in silent:
            await self._look_up(promise, marks.get(promise.attempt or "", ""))

    async def _is_silent(self, promise: Promise) -> bool:
        """Not while it is being dialled: making the words may take long, and it would be dialled after its end."""
        if promise.attempt is None or promise.attempt in self._dialling or self._lives(promise):
            return False
        last = (await self._store.promises.ledger(promise.id))[-1].at
        plan = self._plans.get(promise.line)  # none when the settings have lost the line
        return self._clock() - last > timedelta(seconds=(plan.ring if plan else 0) + 30)

    def _lives(self, promise: Promise) -> bool:
        return promise.attempt is not None and Uniqueid(promise.attempt) in self._watch.tracker.channels

    async def _look_up(self, promise: Promise, mark: str) -> None:
        """Move `promise` to where the dialplan noted it got, and end its attempt if its channel is gone."""
        if self._lives(promise):
            await self._steps(promise, _MARKS.get(mark, ()), _NOTED)
        else:
            # Claimed is all that is known of one whose Originate was never answered; the others may well have rung.
            end = Step.FAILED if promise.state is State.CLAIMED else Step.NO_ANSWER
            await self._settle(promise, mark, end, "ended while it was not watched")

    async def _settle(self, promise: Promise, mark: str, end: Step, reason: str) -> Promise | None:
        """The call is over: its promise ends where the mark says, and waits again if that is not an end.

        One that was answered did not go unanswered: nobody pressed a key, unless the line failed.
        """
        noted = await self._steps(promise, _MARKS.get(mark, ()), _NOTED)
        if (noted or promise).state is State.CONFIRMING and end is not Step.FAILED:
            end = Step.MACHINE
        return await self._steps(promise, (end, Step.UNMET), reason) or noted

    async def expire(self) -> None:
        """End what can no longer be kept."""
        for promise in await self._store.promises.end_overdue(self._clock()):
            log.warning("A promise could not be kept", promise_id=promise.id, why=promise.reason)
