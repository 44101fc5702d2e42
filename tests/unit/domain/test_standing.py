"""How a promise stands, in words: every state has some, and nothing that may come to nothing goes unsaid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.domain.names import IncidentId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import ENDS, IN_FLIGHT, Kind, Policy, Promise, State, Step, step
from ami_bridge.domain.standing import Standing, endangered, standing, waits_for_its_incident

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LIFETIME = timedelta(hours=96)
NEVER = T0 + timedelta(days=3650)
PROMISE = Promise(
    id=PromiseId("p1"), tenant=TenantName("acme"), pbx=PbxName("pbx1"), line=LineName("support"), kind=Kind.IN_TURN,
    number="+15551230142", origin="1.1", arrived=T0, expires=T0 + LIFETIME, not_before=T0, reason="pressed 1",
)  # fmt: skip
FIXED = replace(PROMISE, kind=Kind.RESTORED, incident=IncidentId("i1"), not_before=NEVER)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("attempts", [0, 2])
def test_every_promise_stands_somehow(kind: Kind, state: State, attempts: int) -> None:
    how = standing(replace(PROMISE, kind=kind, state=state, attempts=attempts), T0)
    assert how.words
    if state in ENDS | IN_FLIGHT:
        assert (how.held, how.danger, how.until) == (False, "", None)


@pytest.mark.parametrize("state", sorted(ENDS, key=lambda state: state.value))
def test_an_end_says_why(state: State) -> None:
    assert standing(replace(PROMISE, state=state, reason="because"), T0).words.endswith(": because")


def test_what_is_due_waits_for_an_agent_and_what_is_not_says_until_when() -> None:
    assert standing(PROMISE, T0) == Standing(words="waits for a free agent, in the order of arrival")
    later = T0 + timedelta(hours=3)
    chosen = replace(PROMISE, kind=Kind.SCHEDULED, not_before=later, reason="this afternoon")
    assert standing(chosen, T0) == Standing(words="not called yet: this afternoon", until=later)
    assert standing(chosen, later).words == "waits for a free agent: the time they chose has come"


def test_an_attempt_that_came_to_nothing_is_told_with_the_next() -> None:
    policy, moved = Policy(), PROMISE
    moved = step(moved, Step.CLAIM, T0, reason="its turn", policy=policy, attempt="keepline-1")  # type: ignore[arg-type]
    moved = step(moved, Step.BUSY, T0, reason="the line was busy", policy=policy)
    how = standing(moved, T0)
    assert (how.words, how.until) == ("will be tried again: the line was busy", T0 + policy.busy)
    again = standing(moved, T0 + policy.busy)
    assert again == Standing(words="waits to be called again: the line was busy")


def test_what_a_rule_holds_back_says_which_and_until_when() -> None:
    policy, nine = Policy(), T0 + timedelta(hours=12)
    held = step(PROMISE, Step.HOLD, T0, reason="outside calling hours", policy=policy, not_before=nine)
    assert standing(held, T0) == Standing(words="held: outside calling hours", until=nine, held=True)
    unknown = step(PROMISE, Step.HOLD, T0, reason="their own trunk is down", policy=policy)
    assert standing(unknown, T0) == Standing(words="held: their own trunk is down", held=True)


def test_what_waits_for_an_outage_s_end_has_no_time_until_it_is_over() -> None:
    assert waits_for_its_incident(FIXED, T0)
    assert standing(FIXED, T0) == Standing(words="waits until the outage is over")
    over = replace(FIXED, not_before=T0, reason="service restored")
    assert standing(over, T0).words == "the outage is over: waits for its turn to be called"
    assert not waits_for_its_incident(over, T0)
    assert not waits_for_its_incident(replace(FIXED, not_before=T0 + timedelta(minutes=10), attempts=1), T0)


@pytest.mark.parametrize(
    ("left", "lifetime", "danger"),
    [
        (timedelta(hours=5), LIFETIME, ""),
        (timedelta(hours=4), LIFETIME, "about to expire"),
        (timedelta(hours=3, minutes=1), timedelta(hours=24), ""),
        (timedelta(hours=3), timedelta(hours=24), "about to expire"),
        (timedelta(minutes=8), timedelta(hours=1), ""),
        (timedelta(0), timedelta(hours=1), "about to expire"),
        (-timedelta(hours=1), timedelta(hours=1), "about to expire"),
    ],
)
def test_the_last_part_of_a_lifetime_is_a_danger(left: timedelta, lifetime: timedelta, danger: str) -> None:
    for promise in (PROMISE, FIXED, replace(PROMISE, held=True)):
        aged = replace(promise, expires=promise.arrived + lifetime)
        assert endangered(aged, aged.expires - left) == standing(aged, aged.expires - left).danger == danger


def test_what_may_not_be_called_before_it_expires_is_in_danger_at_once() -> None:
    held = replace(PROMISE, held=True, not_before=PROMISE.expires, reason="the day's calls are used up")
    how = standing(held, T0)
    assert (how.danger, how.until) == ("expires before it may be called", None)
    assert endangered(FIXED, T0) == ""
