"""What became of the calls that were placed on one PBX, seen as it happens or found out afterwards.

Nothing whose outcome is unknown is dialled again before the PBX has been asked about its channel. What the dialplan did
while we were away, or faster than we looked, stands in AstDB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import AmiError
from ami_bridge.ami.session import Session
from ami_bridge.callplan import CallPlan
from ami_bridge.domain.dispatch import asks_agent_first
from ami_bridge.domain.names import AttemptId, LineName, PbxName, PromiseId, Uniqueid
from ami_bridge.domain.promise import IN_FLIGHT, UNREACHED, IllegalStep, Promise, State, Step
from ami_bridge.domain.reaching import BEFORE_THE_CUSTOMER, MARKS, by_dial, ended
from ami_bridge.domain.watch import Watch
from ami_bridge.store import StaleAttempt, Store
from dialplan_templates import contract

log = structlog.get_logger(__name__)

_NOTED = "as the PBX noted"
_UNWATCHED = "ended while it was not watched"
# Steps that may be heard of before those that lead to them: our desk is slow, or its store busy.
_IMPLIED: Mapping[Step, tuple[Step, ...]] = {
    Step.ACCEPTED: MARKS["accepted"],
    Step.JOINED: MARKS["joined"],
    Step.TOLD: MARKS["told"],
}


class Attempts:
    """The attempts of one PBX. `dialling` are those whose channel may still come to be."""

    def __init__(
        self,
        pbx: PbxName,
        session: Session,
        store: Store,
        watch: Watch,
        plans: Mapping[LineName, CallPlan],
        clock: Callable[[], datetime],
    ) -> None:
        self.dialling: set[AttemptId] = set()
        self.unwanted: set[AttemptId] = set()  # of those that are dialled: withdrawn meanwhile
        self._pbx = pbx
        self._session = session
        self._store = store
        self._watch = watch
        self._plans = plans
        self._clock = clock
        self._flew: dict[AttemptId, PromiseId] = {}  # in flight when last looked

    def lives(self, attempt: AttemptId | None) -> bool:
        """Whether the channel of `attempt` is there, as far as is seen."""
        return attempt is not None and Uniqueid(attempt) in self._watch.tracker.channels

    async def moved(self, attempt: AttemptId, step: Step, reason: str) -> Promise | None:
        """Something happened to an attempt's call; return the promise if that moved it. Late news changes nothing.

        A step of UNREACHED says that the call is over, and what it came to if the customer had not answered.
        """
        promise = await self._store.promises.by_attempt(attempt)
        if promise is None:
            return None
        current = promise.attempt == attempt
        if step not in UNREACHED:
            if current:
                return await self._steps(promise, _IMPLIED.get(step, (step,)), reason)
            return await self._talked_after_all(promise) if step is Step.JOINED else None
        moved: Promise | None = None
        if current:
            marks = await actions.tree(self._session, contract.ATTEMPTS)
            moved = await self._settle(promise, marks.get(attempt, ""), step, reason)
        await self._charge(promise, attempt)
        return moved

    async def take(self, promise: Promise, step: Step, reason: str) -> Promise | None:
        """Take `step` for the attempt that `promise` was read with; None for one overtaken by a later event."""
        try:
            return await self._store.promises.step(promise.id, step, self._clock(), reason, promise.attempt)
        except (IllegalStep, StaleAttempt):
            return None

    async def _steps(self, promise: Promise, steps: Iterable[Step], reason: str) -> Promise | None:
        """Take those of `steps` that can be taken; return the promise if one was. Its mark goes when the call is over.

        A mark that could not be deleted does no harm: the next `reconcile` finds it is nobody's.
        """
        moved: Promise | None = None
        for step in steps:
            moved = await self.take(promise, step, reason) or moved
        if moved is not None and moved.state not in IN_FLIGHT and promise.attempt is not None:
            with suppress(AmiError):
                await actions.delete(self._session, contract.ATTEMPTS, promise.attempt)
        return moved

    async def _settle(self, promise: Promise, mark: str, unanswered: Step, reason: str) -> Promise | None:
        """The call is over: its promise ends where the mark says, and waits again if that is not an end.

        Where an agent was asked first, how their call ended says nothing of the customer: the mark alone does.
        """
        noted = await self._steps(promise, MARKS.get(mark, ()), _NOTED)
        now = noted or promise
        if now.state not in IN_FLIGHT:
            return noted
        if asks_agent_first(promise.attempt):
            unanswered, reason = _of_held(mark, reason)
        return await self._steps(promise, (ended(now.state, unanswered), Step.UNMET), reason) or noted

    async def _charge(self, promise: Promise, attempt: AttemptId) -> None:
        """Write down what a call that is over has cost, from its answer until now."""
        plan = self._plans.get(promise.line)
        answers = [
            entry.at
            for entry in await self._store.promises.ledger(promise.id)
            if entry.attempt == attempt and entry.what == Step.ANSWERED.value
        ]
        if plan is not None and answers:
            seconds = (self._clock() - min(answers)).total_seconds()
            await self._store.promises.charge(attempt, plan.rules.cost(plan.facts(promise.number), seconds))

    async def reconcile(self) -> None:
        """After a (re)connection and its snapshot: every attempt in flight ends where its channel or its mark did.

        One that is being dialled right now and has no channel is passed over: it may come yet, else `missing` ends it.
        """
        marks = await actions.tree(self._session, contract.ATTEMPTS)
        for promise in await self._store.promises.in_flight(self._pbx):
            mark = marks.pop(promise.attempt or "", "")
            if promise.attempt not in self.dialling or self.lives(promise.attempt):
                await self._look_up(promise, mark)
        for stray, mark in marks.items():
            if mark == "joined" and (met := await self._store.promises.by_attempt(AttemptId(stray))) is not None:
                await self._talked_after_all(met)
            await actions.delete(self._session, contract.ATTEMPTS, stray)

    async def _talked_after_all(self, promise: Promise) -> Promise | None:
        """On a call that had ended for the ledger: they asked for a later one, our desk died before it could confirm
        that, and to the dialplan, which asked again, they said that they would talk now."""
        return await self.take(promise, Step.WITHDRAW, "talked with an agent on the call before")

    async def missing(self) -> None:
        """End attempts that have been silent for longer than ringing lasts, and whose channel is not there; hang up
        those whose promise was withdrawn meanwhile.

        Only while the tracker holds what is true: before the snapshot after a reconnection nothing is there.
        """
        flying = await self._store.promises.in_flight(self._pbx)
        await self._hang_up_withdrawn(flying)
        silent = [p for p in flying if await self._is_silent(p)]
        marks = await actions.tree(self._session, contract.ATTEMPTS) if silent else {}
        for promise in silent:
            await self._look_up(promise, marks.get(promise.attempt or "", ""))

    def settled(self, attempt: AttemptId) -> None:
        """If its channel has not come to be by now, it never will."""
        self.dialling.discard(attempt)
        self.unwanted.discard(attempt)

    async def hang_up(self, attempt: AttemptId, why: str) -> None:
        """End the call of an attempt that nobody wants any more, however far it came."""
        log.info("A callback is hung up", pbx=self._pbx, attempt=attempt, why=why)
        if attempt in self.dialling:
            self.unwanted.add(attempt)
        await actions.hang_up(self._session, Uniqueid(attempt))
        with suppress(AmiError):
            await actions.delete(self._session, contract.ATTEMPTS, attempt)

    async def take_answers(self) -> None:
        """Move what customers answered after the talk, whether it is solved, from the PBX into the ledger."""
        for key, value in (await actions.tree(self._session, contract.SOLVED)).items():
            if value in ("1", "2"):
                await self._store.promises.solved(AttemptId(key), value == "1", self._clock())
            await actions.delete(self._session, contract.SOLVED, key)

    async def _hang_up_withdrawn(self, flying: Iterable[Promise]) -> None:
        """An operator, or the customer on another PBX, may have withdrawn what was being tried here."""
        before, self._flew = self._flew, {p.attempt: p.id for p in flying if p.attempt is not None}
        for attempt in before.keys() - self._flew.keys():
            last = (await self._store.promises.ledger(before[attempt]))[-1]
            unwanted = last.what == Step.WITHDRAW.value and last.attempt == attempt
            if unwanted and (self.lives(attempt) or attempt in self.dialling):
                await self.hang_up(attempt, last.reason)

    async def _is_silent(self, promise: Promise) -> bool:
        """Not while it is being dialled: making the words may take long, and it would be dialled after its end."""
        if promise.attempt is None or promise.attempt in self.dialling or self.lives(promise.attempt):
            return False
        last = (await self._store.promises.ledger(promise.id))[-1].at
        plan = self._plans.get(promise.line)  # none when the settings have lost the line
        return self._clock() - last > timedelta(seconds=(plan.ring if plan else 0) + 30)

    async def _look_up(self, promise: Promise, mark: str) -> None:
        """Move `promise` to where the dialplan noted it got, and end its attempt if its channel is gone."""
        if self.lives(promise.attempt):
            await self._steps(promise, MARKS.get(mark, ()), _NOTED)
            return
        # Of one whose Originate was never answered no more is known than that it was to be dialled.
        unknown = Step.FAILED if promise.state is State.CLAIMED else Step.NO_ANSWER
        await self._settle(promise, mark, unknown, _UNWATCHED)


def _of_held(mark: str, reason: str) -> tuple[Step, str]:
    """What an attempt that asked an agent first came to, by how far the dialplan marked it.

    From `dialling` on the customer's phone may have rung: that counts as an attempt to reach them, whatever came of it.
    """
    if mark in BEFORE_THE_CUSTOMER:
        return Step.FAILED, "no agent took it" if mark == "unattended" else f"not dialled: {reason}"
    return by_dial(mark) or (Step.NO_ANSWER, "the agent left while the customer was being dialled")
