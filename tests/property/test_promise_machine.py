"""Whatever happens to a promise, in whatever order: it ends at most once, for good, and never without its attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ami_bridge.domain.names import AttemptId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import (
    ENDS,
    IN_FLIGHT,
    NEXT,
    IllegalStep,
    Kind,
    Policy,
    Promise,
    State,
    Step,
    overdue,
    step,
)

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
POLICY = Policy(attempts=3, spacing=timedelta(minutes=10), lifetime=timedelta(hours=4))
NOT_NEWS = {Step.CLAIM, Step.EXPIRE, Step.EXHAUST, Step.HOLD, Step.MOVE, Step.RETRY}
NEWS = sorted(set(Step) - NOT_NEWS, key=lambda what: what.value)


class OnePromisesLife(RuleBasedStateMachine):
    """A dialler that asks `overdue` before each claim, a PBX that reports anything at any time, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.claims = 0
        self.ends: list[State] = []
        self.promise = Promise(
            id=PromiseId("p1"),
            tenant=TenantName("acme"),
            pbx=PbxName("berlin"),
            line=LineName("support"),
            kind=Kind.IN_TURN,
            number="+4930123456",
            origin="call-1",
            arrived=T0,
            expires=T0 + POLICY.lifetime,
            not_before=T0,
        )

    @rule(minutes=st.integers(0, 60))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.promise.state is State.WAITING)
    @rule()
    def the_dialler_looks(self) -> None:
        """End it if it is overdue, else claim it if it may be tried."""
        late = overdue(self.promise, self.now, POLICY)
        if late is not None:
            self.take(late)
        elif self.promise.not_before <= self.now:
            self.claims += 1
            self.take(Step.CLAIM, AttemptId(f"keepline-{self.claims}"))

    @rule(what=st.sampled_from(NEWS))
    def news_comes(self, what: Step) -> None:
        """Late, doubled or impossible news included."""
        self.take(what)

    def take(self, what: Step, attempt: AttemptId | None = None) -> None:
        before = self.promise
        if (before.state, what) not in NEXT:
            with pytest.raises(IllegalStep):
                step(before, what, self.now, reason=what.value, policy=POLICY, attempt=attempt)
            return
        self.promise = step(before, what, self.now, reason=what.value, policy=POLICY, attempt=attempt)
        if self.promise.state in ENDS:
            self.ends.append(self.promise.state)
        if self.promise.state is State.WAITING:
            assert self.promise.not_before == self.now + POLICY.pause(what, self.promise.failures)

    @invariant()
    def it_ends_once_and_stays_ended(self) -> None:
        assert len(self.ends) <= 1
        assert (self.promise.state in ENDS) == bool(self.ends)
        if self.ends:
            assert self.promise.state is self.ends[0]

    @invariant()
    def it_has_an_attempt_exactly_while_in_flight(self) -> None:
        assert (self.promise.attempt is not None) == (self.promise.state in IN_FLIGHT)
        if self.promise.attempt is not None:
            assert self.promise.attempt == f"keepline-{self.claims}"

    @invariant()
    def it_is_tried_no_more_often_than_the_policy_allows(self) -> None:
        assert self.promise.attempts == self.claims
        assert self.promise.tries <= POLICY.attempts

    @invariant()
    def what_is_owed_never_changes_hands(self) -> None:
        assert (self.promise.number, self.promise.origin, self.promise.arrived) == ("+4930123456", "call-1", T0)

    def teardown(self) -> None:
        """Left alone from here, a promise still ends: nothing is owed for ever."""
        if self.promise.state in IN_FLIGHT:
            self.take(Step.UNMET if self.promise.state is State.CONNECTING else Step.NO_ANSWER)
        self.now = max(self.now, T0 + POLICY.lifetime)
        if self.promise.state is State.WAITING:
            self.the_dialler_looks()
        assert self.promise.state in ENDS
        assert len(self.ends) == 1


TestOnePromisesLife = OnePromisesLife.TestCase
