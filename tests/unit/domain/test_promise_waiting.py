"""A promise that waits: how long it rests, why it is held, and what its customer or an operator changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ami_bridge.domain.causes import fault
from ami_bridge.domain.names import AttemptId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import (
    IN_FLIGHT,
    UNREACHED,
    IllegalStep,
    Kind,
    Policy,
    Promise,
    State,
    Step,
    overdue,
    step,
    unreached,
)

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LATER = T0 + timedelta(hours=5)
POLICY = Policy(attempts=3, spacing=timedelta(minutes=10), lifetime=timedelta(hours=96))
ATTEMPT = AttemptId("keepline-1")


def a_promise(state: State = State.WAITING, **other: Any) -> Promise:
    values: dict[str, Any] = {
        "id": PromiseId("p1"),
        "tenant": TenantName("acme"),
        "pbx": PbxName("berlin"),
        "line": LineName("support"),
        "kind": Kind.IN_TURN,
        "number": "+4930123456",
        "origin": "call-1",
        "arrived": T0,
        "expires": T0 + POLICY.lifetime,
        "not_before": T0,
        "state": state,
        "attempt": ATTEMPT if state in IN_FLIGHT else None,
    }
    return Promise(**values | other)


def then(promise: Promise, what: Step, now: datetime = T0, **how: Any) -> Promise:
    return step(promise, what, now, reason=f"saw {what.value}", policy=POLICY, **how)


@pytest.mark.parametrize(
    ("what", "minutes"),
    [(Step.BUSY, 3), (Step.NO_ANSWER, 10), (Step.REFUSED, 10), (Step.MACHINE, 10), (Step.FAILED, 1)],
)
def test_how_long_it_rests_depends_on_what_became_of_the_attempt(what: Step, minutes: int) -> None:
    waiting = then(a_promise(State.RINGING, attempts=1), what, LATER)
    assert (waiting.state, waiting.attempt) == (State.WAITING, None)
    assert waiting.not_before == LATER + timedelta(minutes=minutes)
    assert waiting.tries == (0 if what is Step.FAILED else 1)


def test_what_is_no_fault_of_theirs_is_tried_ever_more_slowly_and_never_counts() -> None:
    promise, rests = a_promise(), []
    for _ in range(40):
        promise = then(then(promise, Step.CLAIM, attempt=ATTEMPT), Step.FAILED)
        rests.append((promise.not_before - T0) // timedelta(minutes=1))
    assert rests[:6] == [1, 2, 4, 8, 15, 15]
    assert set(rests[6:]) == {15}
    assert (promise.attempts, promise.tries) == (40, 0)
    assert overdue(promise, T0, POLICY) is None


def test_a_pause_longer_than_the_longest_is_kept_as_it_is_set() -> None:
    slow = replace(POLICY, failed=timedelta(hours=1))
    assert {slow.pause(Step.FAILED, failures) for failures in range(9)} == {timedelta(hours=1)}


def test_who_did_not_ask_is_called_less_often_and_for_less_long() -> None:
    missed = a_promise(kind=Kind.MISSED, attempts=POLICY.missed_attempts)
    assert overdue(missed, T0, POLICY) is Step.EXHAUST
    assert overdue(replace(missed, failures=1), T0, POLICY) is None
    assert overdue(replace(missed, kind=Kind.SCHEDULED), T0, POLICY) is None
    assert POLICY.lifetime_of(Kind.MISSED) == timedelta(hours=24)
    assert {POLICY.lifetime_of(kind) for kind in set(Kind) - {Kind.MISSED}} == {timedelta(hours=96)}


def test_a_hold_says_why_and_until_when_and_ends_with_the_next_step() -> None:
    held = then(a_promise(), Step.HOLD, not_before=LATER)
    assert held == replace(a_promise(), held=True, reason="saw hold", not_before=LATER)
    assert then(held, Step.HOLD).not_before == LATER, "until when is not known: as it was"
    assert then(held, Step.RETRY).not_before == T0
    assert not then(held, Step.RETRY).held
    assert not then(held, Step.CLAIM, attempt=ATTEMPT).held


def test_a_chosen_time_is_its_turn_and_can_be_kept() -> None:
    far = T0 + timedelta(days=5)
    moved = then(a_promise(), Step.MOVE, not_before=far)
    assert (moved.kind, moved.chosen, moved.turn, moved.not_before) == (Kind.SCHEDULED, far, far, far)
    assert moved.arrived == T0
    assert moved.expires == far + POLICY.lifetime
    tried = then(then(moved, Step.CLAIM, far, attempt=ATTEMPT), Step.BUSY, far)
    assert tried.turn == far, "a try does not cost them their place"


def test_as_soon_as_possible_is_in_turn_again() -> None:
    moved = then(then(a_promise(), Step.MOVE, not_before=LATER), Step.MOVE, not_before=T0)
    assert (moved.kind, moved.chosen, moved.turn) == (Kind.IN_TURN, None, T0)


def test_another_number_keeps_the_place_in_line_and_makes_a_missed_call_a_wanted_one() -> None:
    moved = then(a_promise(), Step.MOVE, number="+43123")
    assert moved == replace(a_promise(), number="+43123", reason="saw move", expires=moved.expires)
    wanted = then(a_promise(kind=Kind.MISSED, expires=T0 + timedelta(hours=1)), Step.MOVE, number="+43123")
    assert (wanted.kind, wanted.expires) == (Kind.IN_TURN, T0 + POLICY.lifetime)
    assert then(a_promise(kind=Kind.RESTORED), Step.MOVE, number="+43123").kind is Kind.RESTORED


def test_later_may_name_the_time() -> None:
    confirming = a_promise(State.CONFIRMING, attempts=1)
    assert then(confirming, Step.LATER).not_before == T0 + POLICY.spacing
    chosen = then(confirming, Step.LATER, not_before=LATER)
    assert (chosen.kind, chosen.turn, chosen.attempt, chosen.not_before) == (Kind.SCHEDULED, LATER, None, LATER)
    news = then(replace(confirming, kind=Kind.RESTORED), Step.LATER, not_before=LATER)
    assert (news.kind, news.not_before, news.attempt) == (Kind.RESTORED, LATER, None)


@pytest.mark.parametrize("state", [State.WAITING, *IN_FLIGHT])
def test_it_can_be_withdrawn_at_any_moment_before_its_end(state: State) -> None:
    withdrawn = then(a_promise(state), Step.WITHDRAW)
    assert (withdrawn.state, withdrawn.attempt) == (State.WITHDRAWN, None)


@pytest.mark.parametrize("state", IN_FLIGHT)
@pytest.mark.parametrize("what", [Step.HOLD, Step.MOVE, Step.RETRY])
def test_nothing_is_rearranged_while_it_is_being_called(state: State, what: Step) -> None:
    with pytest.raises(IllegalStep):
        then(a_promise(state), what)


@pytest.mark.parametrize(
    ("state", "what", "how"),
    [
        (State.WAITING, Step.MOVE, {}),
        (State.WAITING, Step.HOLD, {"number": "+43123"}),
        (State.WAITING, Step.RETRY, {"not_before": LATER}),
        (State.WAITING, Step.WITHDRAW, {"number": "+43123"}),
        (State.RINGING, Step.BUSY, {"not_before": LATER}),
        (State.CLAIMED, Step.DIALLED, {"attempt": ATTEMPT}),
    ],
)
def test_a_step_takes_only_what_it_can_use(state: State, what: Step, how: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"takes no such|names"):
        then(a_promise(state), what, **how)


@pytest.mark.parametrize(
    ("cause", "answered", "rang", "what"),
    [
        (17, False, True, Step.BUSY),
        (21, False, True, Step.REFUSED),
        (18, False, True, Step.NO_ANSWER),
        (18, False, False, Step.FAILED),  # nothing answered the INVITE at all
        (16, False, True, Step.NO_ANSWER),  # rung out: we hung up
        (16, True, True, Step.MACHINE),
        (17, True, True, Step.MACHINE),
        (1, False, False, Step.NO_ANSWER),
        (34, False, False, Step.FAILED),
        (38, True, True, Step.FAILED),
    ],
)
def test_what_a_hang_up_says_of_the_attempt(cause: int, what: Step, *, answered: bool, rang: bool) -> None:
    assert unreached(cause, answered=answered, rang=rang) is what


@pytest.mark.parametrize("cause", range(128))
def test_an_attempt_counts_against_nobody_exactly_when_the_network_failed(cause: int) -> None:
    for rang in (True, False):
        said = unreached(cause, rang=rang)
        assert said in UNREACHED
        assert (said is Step.FAILED) == (fault(cause, alerted=rang).value == "network")
