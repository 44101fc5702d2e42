"""Any order of makes, claims, news, holds, moves, retries and withdrawals leaves exactly what was answered.

It does so with a crash before any commit, or after it.

The model is the domain itself over a dict; the store is a real file, reopened after each crash. A commit that raises
stands for the crash: SQLite drops the transaction as it does when the process dies (see test_store_crash for that).
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Collection, Coroutine
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, event

from ami_bridge.domain.names import AttemptId, PromiseId
from ami_bridge.domain.promise import (
    CALLBACKS,
    ENDS,
    IN_FLIGHT,
    NEXT,
    RANK,
    UNREACHED,
    IllegalStep,
    Kind,
    Promise,
    State,
    Step,
    overdue,
    step,
)
from ami_bridge.domain.standing import waits_for_its_incident
from ami_bridge.store import AlreadyOwed, StaleAttempt, Store
from tests.contract.databases import execute
from tests.contract.making import LINE, POLICY, a_promise, after, attempt

T = TypeVar("T")
NEWS = sorted(set(Step) - {Step.CLAIM, Step.HOLD, Step.MOVE, Step.RETRY}, key=lambda what: what.value)
NUMBERS = [f"+49301{n}" for n in range(2)]  # few, so that they get into each other's way
ASKED = frozenset({Kind.IN_TURN, Kind.SCHEDULED})
ORDER = (Kind.IN_TURN, Kind.SCHEDULED, Kind.MISSED, Kind.RESTORED)
CRASHES = st.sampled_from(["", "", "", "before", "after"])  # the commit; after it the answer is lost as well
SOME_KINDS = st.frozensets(st.sampled_from(ORDER), min_size=1)


class PowerCut(Exception):
    """The transaction never reached its commit."""


class StoreAgainstItsModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="keepline-machine-"))
        self.runner = asyncio.Runner()
        self.url = self.empty_database()
        self.store = self.open()
        self.model: dict[PromiseId, Promise] = {}
        self.dialled: dict[AttemptId, str] = {}
        self.made = self.claims = 0
        self.now = after(0)

    def empty_database(self) -> str:
        return f"sqlite:///{self.folder / 'ledger.db'}"

    def open(self) -> Store:
        return self.run(Store.open(self.url, POLICY))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @rule(minutes=st.integers(0, 30))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(number=st.sampled_from(NUMBERS), kind=st.sampled_from(ORDER), wait=st.integers(0, 60), crash=CRASHES)
    def caller_asks(self, number: str, kind: Kind, wait: int, crash: str) -> None:
        self.made += 1
        to = self.now + timedelta(minutes=wait) if kind is Kind.SCHEDULED else self.now
        asked = a_promise(
            self.made, number=number, kind=kind, arrived=self.now, not_before=to, expires=self.now + POLICY.lifetime
        )
        if kind is Kind.SCHEDULED:
            asked = replace(asked, chosen=to)
        [stands] = [p for p in self.open_for(number) if (p.kind in CALLBACKS) == (kind in CALLBACKS)] or [None]
        answer = self.perhaps(self.store.promises.make(asked, self.now), crash)
        if answer is None:
            return
        if stands is None:
            assert answer == (asked, True)
        elif stands.kind is Kind.MISSED and kind in ASKED:
            if stands.state is State.WAITING:
                assert answer == (asked, True)
                self.keep(self.run(self.get(stands.id)))
                assert self.model[stands.id].state is State.WITHDRAWN
            else:
                assert answer[1] is False
                assert (answer[0].id, answer[0].kind, answer[0].attempt) == (stands.id, kind, stands.attempt)
        else:
            assert answer == (stands, False)
        self.keep(answer[0])

    def open_for(self, number: str) -> list[Promise]:
        return [p for p in self.model.values() if p.number == number and p.state not in ENDS]

    def claimable(self, kinds: Collection[Kind]) -> list[Promise]:
        """In the order in which they are to be claimed."""
        ringing = {p.number for p in self.model.values() if p.state in IN_FLIGHT}
        may = [
            p
            for p in self.model.values()
            if p.state is State.WAITING
            and p.kind in kinds
            and p.not_before <= self.now
            and p.number not in ringing
            and overdue(p, self.now, POLICY) is None
        ]
        return sorted(may, key=lambda p: (RANK[p.kind], p.turn, p.id))

    @rule(kinds=SOME_KINDS, skipped=st.integers(0, 2), crash=CRASHES)
    def agent_is_free(self, kinds: frozenset[Kind], skipped: int, crash: str) -> None:
        may = self.claimable(kinds)
        assert self.run(self.store.promises.peek(LINE, kinds, self.now, 50)) == may
        assert (self.run(self.store.promises.due(LINE.pbx, self.now, kinds)) == [LINE]) == bool(may)
        chosen = self.next_attempt()
        but = [p.id for p in may[:skipped]]
        claimed = self.perhaps(self.store.promises.claim(LINE, kinds, self.now, chosen, but=but), crash)
        if claimed is not None:
            self.was_claimed(may[skipped], claimed, chosen)
        elif crash != "before":
            assert len(may) <= skipped

    @rule(end=st.none() | st.sampled_from(sorted(UNREACHED, key=lambda what: what.value)))
    def a_call_is_placed_and_perhaps_over(self, end: Step | None) -> None:
        """The commonest of all: who is first in turn is dialled."""
        may, chosen = self.claimable(Kind), self.next_attempt()
        claimed = self.run(self.store.promises.claim(LINE, Kind, self.now, chosen))
        assert (claimed is None) == (not may)
        if claimed is None:
            return
        self.was_claimed(may[0], claimed, chosen)
        if end is not None:
            ended = self.run(self.store.promises.step(claimed.id, end, self.now, end.value, chosen))
            assert ended == step(claimed, end, self.now, reason=end.value, policy=POLICY)
            self.keep(ended)
        self.a_look_at_who_is_next()

    @rule()
    def a_look_at_who_is_next(self) -> None:
        """Of any kinds; whose numbers ring for somebody are not among them."""
        assert self.run(self.store.promises.peek(LINE, Kind, self.now, 50)) == self.claimable(Kind)

    @rule(data=st.data(), crash=CRASHES)
    def one_is_claimed_by_name(self, data: st.DataObject, crash: str) -> None:
        if (before := self.any_of(data)) is None:
            return
        chosen = self.next_attempt()
        claimed = self.perhaps(self.store.promises.claim_this(before.id, self.now, chosen), crash)
        if claimed is not None:
            assert before in self.claimable(Kind)
            self.was_claimed(before, claimed, chosen)
        elif crash != "before":
            assert before not in self.claimable(Kind)

    def next_attempt(self) -> AttemptId:
        self.claims += 1
        return attempt(self.claims)

    def was_claimed(self, before: Promise, claimed: Promise, chosen: AttemptId) -> None:
        assert claimed == step(before, Step.CLAIM, self.now, reason="its turn", policy=POLICY, attempt=chosen)
        self.dialled[chosen] = before.number
        self.keep(claimed)

    @rule(data=st.data(), what=st.sampled_from([Step.HOLD, Step.RETRY]), why=st.sampled_from("ab"), crash=CRASHES)
    def it_is_held_or_tried_again(self, data: st.DataObject, what: Step, why: str, crash: str) -> None:
        before = self.any_of(data)
        if before is None or before.state is not State.WAITING:
            return
        until = data.draw(st.none() | st.integers(0, 90).map(lambda m: self.now + timedelta(minutes=m)))
        if what is Step.RETRY:
            after_it = self.perhaps(self.store.promises.retry(before.id, self.now), crash)
            if after_it is not None:
                assert (after_it.id, after_it.not_before, after_it.held) == (before.id, self.now, False)
                self.keep(after_it)
            return
        if waits_for_its_incident(before, self.now):
            assert not self.run(self.store.promises.hold(before.id, self.now, why, until))
            return
        noted = self.perhaps(self.store.promises.hold(before.id, self.now, why, until), crash)
        if noted is not None:
            assert noted == (not before.held or before.reason != why)
            self.keep(step(before, Step.HOLD, self.now, reason=why, policy=POLICY, not_before=until))

    @rule(data=st.data(), number=st.sampled_from(NUMBERS), crash=CRASHES)
    def it_is_moved(self, data: st.DataObject, number: str, crash: str) -> None:
        before = self.any_of(data)
        if before is None or before.state is not State.WAITING:
            return
        to = data.draw(st.none() | st.integers(-10, 90).map(lambda m: self.now + timedelta(minutes=m)))
        expected = step(before, Step.MOVE, self.now, reason="moved", policy=POLICY, not_before=to, number=number)
        place = [p for p in self.open_for(number) if (p.kind in CALLBACKS) == (expected.kind in CALLBACKS)]
        moving = self.store.promises.step(before.id, Step.MOVE, self.now, "moved", not_before=to, number=number)
        if [p for p in place if p.id != before.id]:
            with pytest.raises(AlreadyOwed):
                self.run(moving)
        elif (moved := self.perhaps(moving, crash)) is not None:
            assert moved == expected
            self.keep(moved)

    @rule(number=st.sampled_from(NUMBERS), kinds=SOME_KINDS, crash=CRASHES)
    def customer_gets_through(self, number: str, kinds: frozenset[Kind], crash: str) -> None:
        mine = {p.id: p.attempt for p in self.open_for(number) if p.kind in kinds}
        withdrawing = self.store.promises.withdraw_open(LINE.tenant, number, self.now, "through", kinds=kinds)
        ended = self.perhaps(withdrawing, crash)
        if ended is not None:
            assert {p.id: p.attempt for p in ended} == mine
            for promise in ended:
                self.keep(replace(promise, attempt=None))

    @rule(data=st.data(), crash=CRASHES)
    def an_ended_one_is_tried_again(self, data: st.DataObject, crash: str) -> None:
        before = self.any_of(data)
        if before is None or before.state not in ENDS:
            return
        again = self.perhaps(self.store.promises.retry(before.id, self.now), crash)
        if again is None:
            return
        assert again.state not in ENDS
        assert again.number == before.number
        if again.id not in self.model:
            assert again.arrived == before.arrived
            for other in self.open_for(before.number):  # an uninvited one may have given way
                self.keep(self.run(self.get(other.id)))
        self.keep(again)

    @rule(data=st.data(), answer=st.booleans(), crash=CRASHES)
    def they_say_whether_it_helped(self, data: st.DataObject, answer: bool, crash: str) -> None:
        if not self.dialled:
            return
        about = data.draw(st.sampled_from(sorted(self.dialled)))
        told = self.perhaps(self.store.promises.solved(about, answer, self.now), crash)
        if told is not None:
            assert told == replace(self.model[told.id], solved=answer)
            self.keep(told)

    @rule()
    def the_companion_restarts(self) -> None:
        self.run(self.store.close())
        self.store = self.open()

    def any_of(self, data: st.DataObject) -> Promise | None:
        if not self.model:
            return None
        return data.draw(st.sampled_from(sorted(self.model.values(), key=lambda p: p.id)))

    def keep(self, promise: Promise | None) -> None:
        """Remember it as the store answered, and that it ends but once."""
        assert promise is not None
        before = self.model.get(promise.id)
        if before is not None and before.state in ENDS:
            assert promise.state is before.state
        self.model[promise.id] = promise

    async def get(self, id_: PromiseId) -> Promise | None:
        return await self.store.promises.get(id_)

    @rule(data=st.data(), what=st.sampled_from(NEWS), stale=st.sampled_from([False, False, False, True]), crash=CRASHES)
    def news_comes(self, data: st.DataObject, what: Step, stale: bool, crash: str) -> None:
        if (before := self.any_of(data)) is None:
            return
        legal = [step for step in NEWS if (before.state, step) in NEXT]
        if legal and data.draw(st.booleans()):
            what = data.draw(st.sampled_from(legal))
        about = attempt("long-ago") if stale else before.attempt
        taking = self.store.promises.step(before.id, what, self.now, what.value, about)
        if stale or (before.state, what) not in NEXT:
            with pytest.raises(StaleAttempt if stale else IllegalStep):
                self.run(taking)
        elif (taken := self.perhaps(taking, crash)) is not None:
            assert taken == step(before, what, self.now, reason=what.value, policy=POLICY)
            self.keep(taken)

    @rule(crash=CRASHES)
    def overdue_ones_end(self, crash: str) -> None:
        late = [p.id for p in self.model.values() if overdue(p, self.now, POLICY)]
        ended = self.perhaps(self.store.promises.end_overdue(self.now), crash)
        if ended is not None:
            assert sorted(p.id for p in ended) == sorted(late)
            self.model |= {p.id: p for p in ended}

    def perhaps(self, work: Coroutine[Any, Any, T], crash: str) -> T | None:
        """The answer; or None after a power cut before the commit. After any crash the store is opened anew."""
        if crash != "before":
            answer = self.run(work)
            if crash:
                self.the_companion_restarts()
            return answer
        engine = self.store._backend._engine.sync_engine  # type: ignore[attr-defined]
        event.listen(engine, "commit", cut_power)
        with pytest.raises(PowerCut):
            self.run(work)
        event.remove(engine, "commit", cut_power)
        self.the_companion_restarts()
        return None

    @invariant()
    def the_store_holds_what_was_answered(self) -> None:
        stored = [*self.run(self.store.promises.open()), *self.run(self.store.promises.recent(100))]
        assert {p.id: p for p in stored} == self.model
        assert {p.id for p in self.run(self.store.promises.listed(LINE.tenant, limit=100))} == self.model.keys()
        for promise in stored:
            self.ledger_agrees(promise)

    def ledger_agrees(self, promise: Promise) -> None:
        """Each entry follows from the one before by the domain's table, with its reason; none follows an end."""
        entries = self.run(self.store.promises.ledger(promise.id))
        assert entries[0].what == "made"
        assert entries[-1].state is promise.state
        for earlier, later in pairwise(entries):
            if later.what in {what.value for what in Step}:
                assert NEXT[earlier.state, Step(later.what)] is later.state
            else:
                assert (later.what in {"asked", "released", "solved"}, later.state) == (True, earlier.state)
            assert later.reason
        attempts = [entry.attempt for entry in entries if entry.what == "claim"]
        assert len(attempts) == len(set(attempts)) == promise.attempts
        assert promise.failures == sum(entry.what == "failed" for entry in entries)
        assert promise.tries <= POLICY.attempts
        assert (promise.attempt is not None) == (promise.state in IN_FLIGHT)
        assert promise.attempt in {None, *attempts[-1:]}

    @invariant()
    def a_number_rings_for_one_promise(self) -> None:
        flying = self.run(self.store.promises.in_flight(LINE.pbx))
        numbers = [self.dialled[promise.attempt] for promise in flying if promise.attempt]
        assert len(numbers) == len(flying) == len(set(numbers))
        for number in NUMBERS:
            kinds = [promise.kind in CALLBACKS for promise in self.open_for(number)]
            assert len(kinds) == len(set(kinds)), "one callback and one call with news"

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)


def cut_power(_connection: Connection) -> None:
    raise PowerCut


FEW = settings(max_examples=20, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TestStoreAgainstItsModel = StoreAgainstItsModel.TestCase
TestStoreAgainstItsModel.settings = FEW


def test_the_same_on_postgresql(postgres_url: str) -> None:
    class OnPostgres(StoreAgainstItsModel):
        def empty_database(self) -> str:
            self.run(self.emptied())
            return postgres_url

        async def emptied(self) -> None:
            await (await Store.open(postgres_url, POLICY)).close()
            await execute(postgres_url, "TRUNCATE promises, attempts, ledger")

    run_state_machine_as_test(OnPostgres, settings=settings(FEW, max_examples=8))
