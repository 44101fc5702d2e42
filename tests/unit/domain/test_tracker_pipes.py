"""Local channels are pipes between what is real: looked through, never parties. So are those that click to dial."""

from __future__ import annotations

import pytest

from ami_bridge.domain import events as ev
from tests.unit.domain.stories import (
    ANSWER,
    BUSY,
    NO_ANSWER,
    Story,
    alerts,
    comes,
    dialled,
    dials,
    enters,
    gone,
    leaves,
    local,
    part,
    phone,
    rings,
    up,
)

STARTED = "a: a (+4930123) calls 5550100"


# ---- Local channels are pipes


@pytest.mark.parametrize("last", ["pair", "caller", "agent"])
def test_a_pipe_is_looked_through_in_whatever_order_it_is_told(last: str) -> None:
    story = Story()
    *halves, pair = local("l", "a")
    story.tell(comes("a"), halves, phone("b", "a"))
    steps: dict[str, list[ev.Event]] = {
        "pair": [pair],
        "caller": enters("b1", "a", "l1"),
        "agent": enters("b2", "l2", "b"),
    }
    assert story.tell(event for step, events in steps.items() if step != last for event in events) == []
    assert story.tell(steps[last]) == [STARTED, "a: a talks with b"]


def test_pipes_in_a_row_are_looked_through() -> None:
    story = Story()
    story.tell(comes("a"), *(local(pipe, "a") for pipe in "xyz"), phone("b", "a"))
    assert story.tell(enters("b1", "a", "x1"), enters("b2", "x2", "y1"), enters("b3", "y2", "z1")) == []
    assert story.tell(enters("b4", "z2", "b")) == [STARTED, "a: a talks with b"]


def test_a_pipe_that_is_taken_out_answers_nobody_again() -> None:
    story = Story()
    story.tell(comes("a"), local("l", "a"), phone("b", "a"), enters("b1", "a", "l1"), enters("b2", "l2", "b"))
    assert story.tell(leaves("b1", "l1"), leaves("b2", "b"), enters("b1", "b"), part("b2", "l2"), gone("l1")) == []
    assert story.tell(part("b1", "a", "b")) == ["a: ends for a, completed, answered"]


def test_a_pipe_that_leads_nowhere_or_back_joins_nobody() -> None:
    story = Story()
    assert story.tell(comes("a"), local("l", "a"), enters("b1", "a", "l1")) == []
    assert story.tell(enters("b1", "l2")) == []
    assert story.tell(local("m", "a"), leaves("b1", "l2"), enters("b2", "l2", "m1"), enters("b1", "m2")) == []


def test_phones_dialled_through_a_pipe_ring_for_the_caller() -> None:
    story = Story()
    assert story.tell(comes("a"), local("l", "a"), dials("a", "l1"), phone("b", "a"), dials("l2", "b")) == [STARTED]
    assert story.tell(rings("b"), rings("l1"), alerts("l1")) == ["a: b rings for a"]
    assert story.tell(dialled("l2", "b", ANSWER), dialled("a", "l1", ANSWER)) == ["a: b answered to a"]


# ---- click to dial


def click_to_dial() -> list[ev.Event]:
    """Originate rings the caller first, through the pipe `l`, without anybody who dials."""
    return [
        *local("l", dialled="202"),
        dials(None, "l1"),
        phone("a", "l1"),
        dials("l2", "a", "202"),
        rings("a"),
    ]


def test_who_clicks_to_dial_is_the_caller_and_their_own_phone_rings_for_nobody() -> None:
    story = Story()
    assert story.tell(click_to_dial(), up("a"), dialled("l2", "a", ANSWER), dialled(None, "l1", ANSWER)) == []
    assert story.tell(enters("b1", "a", "l2"), phone("b", "l1"), dials("l1", "b", "202")) == [
        "l1: a (withheld) calls 202"
    ]
    assert story.tell(rings("b"), dialled("l1", "b", ANSWER), enters("b2", "b", "l1")) == [
        "l1: b rings for a",
        "l1: b answered to a",
        "l1: a talks with b",
    ]
    assert story.tell(part("b2", "b"), part("b2", "l1"), part("b1", "l2"), part("b1", "a")) == [
        "l1: ends for a, completed, answered"
    ]
    assert story.tracker.empty


def test_who_clicks_and_does_not_pick_up_is_told_with_the_end() -> None:
    story = Story()
    assert story.tell(click_to_dial(), dialled("l2", "a", BUSY)) == []
    assert story.tell(gone("a", 17), gone("l1", 17), gone("l2", 17)) == [
        "l1: a (withheld) calls 202",
        "l1: ends for a, busy, unanswered",
    ]


def test_who_clicks_and_is_refused_by_the_other_side_was_not_answered() -> None:
    story = Story()
    story.tell(
        click_to_dial(), up("a"), dialled("l2", "a", ANSWER), dialled(None, "l1", ANSWER), enters("b1", "a", "l2")
    )
    story.tell(phone("b", "l1"), dials("l1", "b", "202"), rings("b"), dialled("l1", "b", NO_ANSWER), gone("b", 21))
    assert story.tell(gone("l1", 21), part("b1", "l2"), part("b1", "a")) == ["l1: ends for a, rejected, unanswered"]


def test_an_originate_straight_to_a_phone_calls_what_that_phone_then_dials() -> None:
    story = Story()
    assert story.tell(phone("a", "a"), dials(None, "a"), rings("a"), up("a"), dialled(None, "a", ANSWER)) == []
    assert story.tell(phone("b", "a"), dials("a", "b", "202")) == ["a: a (withheld) calls 202"]
