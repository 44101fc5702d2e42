"""The promise's table of moves, and what each does to the rest of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.domain.names import AttemptId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import (
    ENDS,
    IN_FLIGHT,
    NEXT,
    UNREACHED,
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
POLICY = Policy(attempts=3, spacing=timedelta(minutes=10), lifetime=timedelta(hours=96))
ATTEMPT = AttemptId("keepline-1")


def a_promise(state: State = State.WAITING, attempts: int = 0) -> Promise:
    return Promise(
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
        state=state,
        attempts=attempts,
        attempt=ATTEMPT if state in IN_FLIGHT else None,
    )


def through(promise: Promise, *steps: Step) -> Promise:
    for what in steps:
        attempt = ATTEMPT if what is Step.CLAIM else None
        to = T0 + timedelta(days=1) if what is Step.MOVE else None
        reason = f"saw {what.value}"
        promise = step(promise, what, T0, reason=reason, policy=POLICY, attempt=attempt, not_before=to)
    return promise


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ((Step.CLAIM, Step.DIALLED, Step.RANG, Step.ANSWERED, Step.ACCEPTED, Step.JOINED), State.KEPT),
        ((Step.CLAIM, Step.ANSWERED, Step.TOLD), State.KEPT),
        ((Step.CLAIM, Step.DIALLED, Step.DECLINED), State.WITHDRAWN),
        ((Step.CLAIM, Step.ANSWERED, Step.ACCEPTED, Step.UNMET), State.WAITING),
        ((Step.CLAIM, Step.RANG, Step.NO_ANSWER), State.WAITING),
        ((Step.CLAIM, Step.ANSWERED, Step.LATER), State.WAITING),
        ((Step.EXPIRE,), State.EXPIRED),
        ((Step.EXHAUST,), State.EXHAUSTED),
        ((Step.BLOCK,), State.BLOCKED),
    ],
)
def test_where_a_story_ends(steps: tuple[Step, ...], end: State) -> None:
    promise = through(a_promise(), *steps)
    assert (promise.state, promise.attempt) == (end, None)
    assert promise.reason == f"saw {steps[-1].value}"


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("what", Step)
def test_what_the_table_does_not_name_is_refused(state: State, what: Step) -> None:
    before = a_promise(state)
    if (state, what) in NEXT:
        assert through(before, what).state is NEXT[state, what]
    else:
        with pytest.raises(IllegalStep, match=f"p1 is {state.value}.*'{what.value}'"):
            through(before, what)


def test_an_end_is_final_and_every_other_state_leads_on() -> None:
    leads_on = {state for state, _ in NEXT}
    assert leads_on == set(State) - ENDS
    assert ENDS.isdisjoint(IN_FLIGHT)
    assert {State.WAITING} == set(State) - ENDS - IN_FLIGHT


@pytest.mark.parametrize("what", UNREACHED)
def test_once_accepted_a_customer_is_not_called_unreached(what: Step) -> None:
    with pytest.raises(IllegalStep):
        through(a_promise(State.CONNECTING), what)


def test_a_claim_names_its_attempt_and_counts_it() -> None:
    with pytest.raises(ValueError, match="names its attempt"):
        step(a_promise(), Step.CLAIM, T0, reason="", policy=POLICY)
    claimed = through(a_promise(attempts=1), Step.CLAIM)
    assert (claimed.attempt, claimed.attempts) == (ATTEMPT, 2)


def test_news_in_flight_keeps_the_attempt_and_when_it_may_be_tried() -> None:
    claimed = through(a_promise(), Step.CLAIM)
    ringing = step(claimed, Step.RANG, T0 + timedelta(seconds=9), reason="ringing", policy=POLICY)
    assert ringing == replace(claimed, state=State.RINGING, reason="ringing")


def test_back_to_waiting_is_for_the_policys_spacing_and_keeps_the_place_in_line() -> None:
    now = T0 + timedelta(hours=1)
    waiting = step(through(a_promise(), Step.CLAIM), Step.NO_ANSWER, now, reason="busy", policy=POLICY)
    assert waiting == replace(a_promise(), reason="busy", attempts=1, not_before=now + POLICY.spacing)


@pytest.mark.parametrize(
    ("attempts", "age", "ends_by"),
    [
        (0, timedelta(0), None),
        (2, POLICY.lifetime - timedelta(microseconds=1), None),
        (2, POLICY.lifetime, Step.EXPIRE),
        (3, timedelta(0), Step.EXHAUST),
        (3, POLICY.lifetime, Step.EXHAUST),
    ],
)
def test_when_a_waiting_promise_can_no_longer_be_kept(attempts: int, age: timedelta, ends_by: Step | None) -> None:
    assert overdue(a_promise(attempts=attempts), T0 + age, POLICY) is ends_by


@pytest.mark.parametrize("state", [state for state in State if state is not State.WAITING])
def test_only_a_waiting_promise_is_overdue(state: State) -> None:
    assert overdue(a_promise(state, attempts=9), T0 + 2 * POLICY.lifetime, POLICY) is None
