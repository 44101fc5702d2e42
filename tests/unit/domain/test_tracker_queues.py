"""Callers in queues: that they wait, that they go, and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ami_bridge.domain.names import Linkedid, QueueName
from tests.unit.domain.stories import (
    ANSWER,
    CANCEL,
    NO_ANSWER,
    T0,
    Story,
    abandoned,
    asks_to_hang_up,
    comes,
    dialled,
    dials,
    enters,
    gone,
    hangs_up,
    leaves,
    let_go,
    part,
    phone,
    queue_status,
    queues,
    rings,
    talk,
    up,
)

STARTED = "a: a (+4930123) calls 5550100"
JOINED = "a: a joins support"


def waiting() -> Story:
    story = Story()
    story.tell(asks_to_hang_up("somebody"))  # this PBX tells who hangs up
    assert story.tell(comes("a"), up("a"), queues("a")) == [STARTED, JOINED]
    return story


def test_a_caller_whom_an_agent_answers_leaves_the_queue_once_and_talks() -> None:
    story = waiting()
    assert story.tell(phone("b", "a"), dials("a", "b"), rings("b"), dialled("a", "b", ANSWER)) == [
        "a: b rings for a",
        "a: b answered to a",
    ]
    assert story.tell(let_go("a"), enters("b1", "b", "a"), let_go("a")) == [
        "a: a leaves support, answered",
        "a: a talks with b",
    ]
    assert story.tell(part("b1", "b", "a")) == ["a: ends for a, completed, answered"]
    assert story.tracker.empty


def test_who_is_joined_before_the_queue_says_so_has_left_it() -> None:
    story = waiting()
    story.tell(phone("b", "a"), dials("a", "b"), dialled("a", "b", ANSWER))
    assert story.tell(enters("b1", "b", "a"), let_go("a")) == ["a: a leaves support, answered", "a: a talks with b"]


def test_a_caller_who_hangs_up_in_a_queue_abandons() -> None:
    story = waiting()
    assert story.tell(asks_to_hang_up("a"), abandoned("a"), gone("a")) == [
        "a: a leaves support, abandoned",
        "a: ends for a, abandoned, unanswered",
    ]
    assert story.tracker.empty


def test_a_caller_who_hangs_up_while_agents_ring_abandons_and_nothing_else() -> None:
    story = waiting()
    story.tell(phone("b", "a"), dials("a", "b"), rings("b"), asks_to_hang_up("a"))
    assert story.tell(dialled("a", "b", CANCEL), gone("b", 26), abandoned("a"), gone("a")) == [
        "a: b cancelled to a",
        "a: a leaves support, abandoned",
        "a: ends for a, abandoned, unanswered",
    ]


def test_the_queue_may_say_it_after_the_hang_up() -> None:
    story = waiting()
    assert story.tell(gone("a"), abandoned("a"), queue_status("a", "TIMEOUT")) == [
        "a: a leaves support, abandoned",
        "a: ends for a, abandoned, unanswered",
    ]
    assert story.tracker.empty


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("TIMEOUT", "timeout"),
        ("LEAVEEMPTY", "empty"),
        ("LEAVEUNAVAIL", "empty"),
        ("WITHDRAW", "withdrawn"),
    ],
)
def test_the_queues_own_word_tells_why_it_let_go(status: str, reason: str) -> None:
    story = waiting()
    assert story.tell(abandoned("a")) == []
    assert story.tell(queue_status("a", status)) == [f"a: a leaves support, {reason}"]
    assert story.tell(gone("a")) == ["a: ends for a, no-answer, unanswered"]


def test_an_unknown_word_tells_nothing() -> None:
    story = waiting()
    story.tell(abandoned("a"))
    assert story.tell(queue_status("a", "UNKNOWN")) == []


@pytest.mark.parametrize("status", ["JOINEMPTY", "JOINUNAVAIL"])
def test_a_queue_that_takes_nobody_in_is_not_left(status: str) -> None:
    assert Story().tell(comes("a"), up("a"), queue_status("a", status), gone("a")) == [
        STARTED,
        "a: ends for a, no-answer, unanswered",
    ]


def test_without_the_queues_word_going_on_tells_a_time_out() -> None:
    """Another phone is dialled, or another queue joined: whoever does that has not hung up."""
    story = waiting()
    assert story.tell(abandoned("a")) == []
    assert story.tell(phone("b", "a"), dials("a", "b")) == ["a: a leaves support, timeout"]
    story = waiting()
    assert story.tell(abandoned("a"), queues("a", "night")) == ["a: a leaves support, timeout", "a: a joins night"]


def test_without_the_queues_word_and_a_hang_up_it_was_a_time_out() -> None:
    story = waiting()
    assert story.tell(abandoned("a"), gone("a")) == [
        "a: a leaves support, timeout",
        "a: ends for a, no-answer, unanswered",
    ]


def test_a_pbx_that_tells_of_no_hang_up_is_taken_to_mean_one() -> None:
    story = Story()
    story.tell(comes("a"), up("a"), queues("a"), abandoned("a"))
    assert story.tell(gone("a")) == ["a: a leaves support, abandoned", "a: ends for a, abandoned, unanswered"]


def test_agents_who_let_it_ring_are_told_one_by_one_and_the_caller_waits_on() -> None:
    story = waiting()
    for agent in ("b", "c"):
        assert story.tell(phone(agent, "a"), dials("a", agent), rings(agent)) == [f"a: {agent} rings for a"]
        assert story.tell(dialled("a", agent, NO_ANSWER), gone(agent, 19)) == [f"a: {agent} no-answer to a"]
    assert story.tell(hangs_up("a"), abandoned("a"))[-1] == "a: ends for a, abandoned, unanswered"


def test_a_second_queue_is_another_wait() -> None:
    story = waiting()
    assert story.tell(abandoned("a"), queue_status("a", "TIMEOUT"), queues("a"), let_go("a")) == [
        "a: a leaves support, timeout",
        JOINED,
        "a: a leaves support, answered",
    ]


def test_the_same_queue_again_is_another_wait_without_the_queues_word_too() -> None:
    story = waiting()
    assert story.tell(abandoned("a"), queues("a")) == ["a: a leaves support, timeout", JOINED]
    assert story.tell(let_go("a")) == ["a: a leaves support, answered"]


def test_phones_dialled_after_a_queue_give_the_outcome() -> None:
    story = waiting()
    story.tell(abandoned("a"), queue_status("a", "TIMEOUT"), phone("b", "a"), dials("a", "b"), rings("b"))
    story.tell(dialled("a", "b", NO_ANSWER), gone("b", 21))
    assert story.tell(gone("a", 21)) == ["a: ends for a, rejected, unanswered"]


def test_a_queue_after_phones_gives_the_outcome() -> None:
    story = Story()
    story.tell(asks_to_hang_up("somebody"))
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), dialled("a", "b", NO_ANSWER), gone("b", 21))
    story.tell(up("a"), queues("a"), abandoned("a"), queue_status("a", "TIMEOUT"))
    assert story.tell(gone("a")) == ["a: ends for a, no-answer, unanswered"]


def test_a_caller_an_agent_had_answered_and_who_waits_again_may_abandon() -> None:
    story = Story()
    story.tell(talk("a", "b"), leaves("b1", "a", "b"), gone("b"))
    assert story.tell(queues("a")) == [JOINED]
    assert story.tell(asks_to_hang_up("a"), gone("a")) == [
        "a: a leaves support, abandoned",
        "a: ends for a, abandoned, answered",
    ]


def test_a_caller_an_agent_had_answered_and_who_waits_again_may_be_let_go() -> None:
    story = Story()
    story.tell(talk("a", "b"), leaves("b1", "a", "b"), gone("b"), queues("a"))
    assert story.tell(abandoned("a"), queue_status("a", "TIMEOUT")) == ["a: a leaves support, timeout"]


def test_a_caller_an_agent_had_answered_and_who_waits_again_is_answered_again() -> None:
    story = Story()
    story.tell(talk("a", "b"), leaves("b1", "a", "b"), gone("b"), queues("a"), phone("c", "a"), dials("a", "c"))
    story.tell(dialled("a", "c", ANSWER), let_go("a"))
    assert story.tell(enters("b2", "c", "a")) == ["a: a talks with c"]


def test_who_already_waited_has_waited_that_long() -> None:
    story = Story()
    story.tell(comes("a"))
    story.tracker.feed(queues("a", waited=42), T0)
    assert story.tracker.calls[Linkedid("a")].queues == {QueueName("support"): T0 - timedelta(seconds=42)}


def test_what_queues_say_of_strangers_tells_nothing() -> None:
    story = Story()
    assert story.tell(queues("a"), let_go("a"), abandoned("a"), queue_status("a", "TIMEOUT")) == []
    assert story.tell(comes("a"), let_go("a")) == []
    assert story.tracker.calls[Linkedid("a")].queues == {}
