"""Any order of makes, claims and news, with a crash before any commit, leaves exactly what was answered.

The model is the domain itself over a dict; the store is a real file, reopened after each crash. A commit that raises
stands for the crash: SQLite drops the transaction as it does when the process dies (see test_store_crash for that).
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Connection, event

from ami_bridge.domain.names import PromiseId
from ami_bridge.domain.promise import ENDS, IN_FLIGHT, NEXT, IllegalStep, Promise, State, Step, overdue, step
from ami_bridge.store import StaleAttempt, Store
from tests.contract.making import IN_TURN, LINE, POLICY, a_promise, after, attempt

T = TypeVar("T")
NEWS = sorted(set(Step) - {Step.CLAIM, Step.MOVE}, key=lambda what: what.value)
NUMBERS = [f"+49301{n}" for n in range(3)]


class PowerCut(Exception):
    """The transaction never reached its commit."""


class StoreAgainstItsModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="keepline-machine-"))
        self.runner = asyncio.Runner()
        self.store = self.open()
        self.model: dict[PromiseId, Promise] = {}
        self.made = self.claims = 0
        self.now = after(0)

    def open(self) -> Store:
        return self.run(Store.open(f"sqlite:///{self.folder / 'ledger.db'}", POLICY))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @rule(minutes=st.integers(0, 30))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(number=st.sampled_from(NUMBERS), crash=st.booleans())
    def caller_asks(self, number: str, crash: bool) -> None:
        self.made += 1
        asked = a_promise(self.made, number=number)
        standing = [p for p in self.model.values() if p.number == number and p.state not in ENDS]
        answer = self.perhaps(self.store.promises.make(asked), crash)
        if answer is not None:
            assert answer == ((standing[0], False) if standing else (asked, True))
            self.model[answer[0].id] = answer[0]

    @rule(crash=st.booleans())
    def agent_is_free(self, crash: bool) -> None:
        self.claims += 1
        chosen = attempt(self.claims)
        ringing = {p.number for p in self.model.values() if p.state in IN_FLIGHT}
        claimable = [
            p
            for p in sorted(self.model.values(), key=lambda p: p.arrived)
            if p.state is State.WAITING
            and p.not_before <= self.now
            and p.number not in ringing
            and overdue(p, self.now, POLICY) is None
        ]
        claimed = self.perhaps(self.store.promises.claim(LINE, IN_TURN, self.now, chosen), crash)
        if claimed is not None:
            assert claimed == step(claimable[0], Step.CLAIM, self.now, reason="its turn", policy=POLICY, attempt=chosen)
            self.model[claimed.id] = claimed
        elif not crash:
            assert claimable == []

    @rule(data=st.data(), what=st.sampled_from(NEWS), stale=st.booleans(), crash=st.booleans())
    def news_comes(self, data: st.DataObject, what: Step, stale: bool, crash: bool) -> None:
        if not self.model:
            return
        before = data.draw(st.sampled_from(sorted(self.model.values(), key=lambda p: p.id)))
        about = attempt("long-ago") if stale else before.attempt
        taking = self.store.promises.step(before.id, what, self.now, what.value, about)
        if stale or (before.state, what) not in NEXT:
            with pytest.raises(StaleAttempt if stale else IllegalStep):
                self.run(taking)
        elif (taken := self.perhaps(taking, crash)) is not None:
            assert taken == step(before, what, self.now, reason=what.value, policy=POLICY)
            self.model[before.id] = taken

    @rule(crash=st.booleans())
    def overdue_ones_end(self, crash: bool) -> None:
        late = [p.id for p in self.model.values() if overdue(p, self.now, POLICY)]
        ended = self.perhaps(self.store.promises.end_overdue(self.now), crash)
        if ended is not None:
            assert sorted(p.id for p in ended) == sorted(late)
            self.model |= {p.id: p for p in ended}

    def perhaps(self, work: Coroutine[Any, Any, T], crash: bool) -> T | None:
        """The answer; or None after a power cut before the commit, with the store opened anew."""
        if not crash:
            return self.run(work)
        engine = self.store._backend._engine.sync_engine  # type: ignore[attr-defined]
        event.listen(engine, "commit", cut_power)
        with pytest.raises(PowerCut):
            self.run(work)
        event.remove(engine, "commit", cut_power)
        self.run(self.store.close())
        self.store = self.open()
        return None

    @invariant()
    def the_store_holds_what_was_answered(self) -> None:
        stored = [*self.run(self.store.promises.open()), *self.run(self.store.promises.recent(100))]
        assert {p.id: p for p in stored} == self.model
        for promise in stored:
            assert self.run(self.store.promises.ledger(promise.id))[-1].state is promise.state

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)


def cut_power(_connection: Connection) -> None:
    raise PowerCut


TestStoreAgainstItsModel = StoreAgainstItsModel.TestCase
TestStoreAgainstItsModel.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
