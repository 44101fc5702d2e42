"""Callers who are sent on: blind, attended, blonde; by whom they had called and by themselves; whether it works or not.

`a` calls `b`. Where there is a second call, its caller `c` is another channel of whoever sends on, and calls `d`.
"""

from __future__ import annotations

import pytest

from ami_bridge.domain import events as ev
from tests.unit.domain.stories import (
    ANSWER,
    BUSY,
    CANCEL,
    NO_ANSWER,
    Story,
    asks_to_hang_up,
    comes,
    dialled,
    dials,
    enters,
    gone,
    joins,
    leaves,
    let_go,
    local,
    part,
    phone,
    queue_status,
    queues,
    rings,
    sends_on,
    talk,
    up,
)


def talking() -> Story:
    story = Story()
    assert story.tell(talk("a", "b"))[-1] == "a: a talks with b"
    return story


def sent_on(by: str, stays: str) -> list[ev.Event]:
    return [sends_on(by, stays), *leaves("b1", by, stays), gone(by)]


def answers(caller: str, target: str, bridge: str = "b2") -> list[ev.Event]:
    return [up(target), dialled(caller, target, ANSWER), *enters(bridge, target, caller)]


# ---- blind


@pytest.mark.parametrize(("by", "stays"), [("a", "b"), ("b", "a")])
def test_who_is_sent_on_blind_stays_the_caller_and_is_answered_by_the_next(by: str, stays: str) -> None:
    story = talking()
    assert story.tell(sent_on(by, stays), phone("c", "a"), dials(stays, "c")) == []
    assert story.tell(rings("c")) == [f"a: blind, {by} sends {stays} to c", f"a: c rings for {stays}"]
    assert story.tell(answers(stays, "c")) == [f"a: c answered to {stays}", f"a: {stays} talks with c"]
    assert story.tell(part("b2", "c", stays)) == [f"a: ends for {stays}, completed, answered"]
    assert story.tracker.empty


def test_a_blind_transfer_to_a_group_names_all_phones_when_the_first_rings() -> None:
    story = talking()
    story.tell(sent_on("b", "a"), phone("c", "a"), dials("a", "c"), phone("d", "a"), dials("a", "d"))
    assert story.tell(rings("d"), rings("c")) == [
        "a: blind, b sends a to c d",
        "a: d rings for a",
        "a: c rings for a",
    ]
    assert story.tell(answers("a", "c"), dialled("a", "d", CANCEL), gone("d", 26)) == [
        "a: c answered to a",
        "a: a talks with c",
        "a: d cancelled to a",
    ]


@pytest.mark.parametrize(("told", "cause", "outcome"), [(NO_ANSWER, 21, "rejected"), (BUSY, 17, "busy")])
def test_a_blind_transfer_nobody_takes_ends_as_the_phone_ended_it(
    told: ev.DialOutcome, cause: int, outcome: str
) -> None:
    story = talking()
    story.tell(sent_on("b", "a"), phone("c", "a"), dials("a", "c"), rings("c"))
    assert story.tell(dialled("a", "c", told), gone("c", cause)) == [f"a: c {outcome} to a"]
    assert story.tell(gone("a", cause)) == [f"a: ends for a, {outcome}, answered"]


def test_a_blind_transfer_to_a_phone_that_never_rings_is_told_with_its_refusal() -> None:
    story = talking()
    story.tell(sent_on("b", "a"), phone("c", "a"), dials("a", "c"), dialled("a", "c", BUSY))
    assert story.tell(gone("c", 17)) == ["a: blind, b sends a to c", "a: c busy to a"]


def test_a_blind_transfer_to_nobody_is_told_with_the_end() -> None:
    story = talking()
    assert story.tell(sent_on("b", "a")) == []
    assert story.tell(gone("a")) == ["a: blind, b sends a to nobody", "a: ends for a, completed, answered"]


def test_a_caller_who_gives_up_while_the_next_phone_rings_has_cancelled() -> None:
    story = talking()
    story.tell(sent_on("b", "a"), phone("c", "a"), dials("a", "c"), rings("c"), asks_to_hang_up("a"))
    assert story.tell(asks_to_hang_up("a"), dialled("a", "c", CANCEL), gone("c", 26), gone("a")) == [
        "a: c cancelled to a",
        "a: ends for a, cancelled, answered",
    ]


def test_who_is_sent_on_twice_is_told_twice() -> None:
    story = talking()
    story.tell(sent_on("b", "a"), phone("c", "a"), dials("a", "c"), rings("c"), answers("a", "c", "b1"))
    story.tell(sent_on("c", "a"), phone("d", "a"), dials("a", "d"))
    assert story.tell(rings("d"), answers("a", "d")) == [
        "a: blind, c sends a to d",
        "a: d rings for a",
        "a: d answered to a",
        "a: a talks with d",
    ]


def test_a_transfer_out_of_a_pipe_names_the_person_who_sent() -> None:
    """The called phone stands behind a Local pair that is not taken out: Asterisk names the pipe's near half."""
    story = Story()
    story.tell(comes("a"), local("l", "a"), dials("a", "l1"), phone("b", "a"), dials("l2", "b"), rings("b"))
    story.tell(dialled("l2", "b", ANSWER), dialled("a", "l1", ANSWER), enters("b2", "b", "l2"), enters("b1", "l1", "a"))
    story.tell(sends_on("l1", "a"), leaves("b1", "l1", "a"), phone("c", "a"), dials("a", "c"))
    assert story.tell(rings("c"))[0] == "a: blind, b sends a to c"


def test_a_whole_bridge_that_is_sent_on_is_known_by_who_was_in_it() -> None:
    story = talking()
    story.tell(sends_on("b", None), part("b1", "b"), phone("c", "a"), dials("a", "c"))
    assert story.tell(rings("c"))[0] == "a: blind, b sends a to c"


def test_a_caller_an_agent_sends_to_another_queue_waits_again() -> None:
    story = Story()
    story.tell(comes("a"), up("a"), queues("a"), phone("b", "a"), dials("a", "b"), dialled("a", "b", ANSWER))
    story.tell(let_go("a"), enters("b1", "b", "a"), sent_on("b", "a"))
    assert story.tell(queues("a", "sales"), phone("c", "a"), dials("a", "c"), rings("c")) == [
        "a: a joins sales",
        "a: blind, b sends a to c",
        "a: c rings for a",
    ]
    assert story.tell(dialled("a", "c", ANSWER), let_go("a", "sales"), enters("b2", "c", "a"))[-2:] == [
        "a: a leaves sales, answered",
        "a: a talks with c",
    ]
    assert story.tell(part("b2", "a", "c")) == ["a: ends for a, completed, answered"]


# ---- attended


def consulting(*, dialling: str = "c", target: str = "d") -> Story:
    """`a` talks with `b`, and `b`'s second channel `c` with `d`."""
    story = talking()
    assert story.tell(talk(dialling, target, "b2"))[-1] == f"{dialling}: {dialling} talks with {target}"
    return story


def test_the_called_joins_the_caller_with_whom_they_consulted() -> None:
    story = consulting()
    assert story.tell(leaves("b1", "a"), leaves("b2", "c"), enters("b2", "a")) == []
    assert story.tell(joins("b", "c", "a", "d", "b2")) == ["a: attended, c sends a to d"]
    assert story.tell(part("b1", "b"), gone("c")) == ["c: ends for c, completed, answered"]
    assert story.tell(part("b2", "a", "d")) == ["a: ends for a, completed, answered"]
    assert story.tracker.empty


def test_the_caller_joins_whom_they_had_called_with_another() -> None:
    """`a` called `b`, and with a second channel `d`; `b` stays, and the call is theirs from then on."""
    story = consulting()
    story.tell(leaves("b1", "b"), leaves("b2", "c"), enters("b2", "b"))
    assert story.tell(joins("a", "c", "b", "d", "b2")) == ["a: attended, c sends b to d"]
    assert story.tell(part("b1", "a"), gone("c")) == ["c: ends for c, completed, answered"]
    assert story.tell(part("b2", "d", "b")) == ["a: ends for b, completed, answered"]
    assert story.tracker.empty


def test_an_event_that_names_nobody_is_understood_by_the_bridge() -> None:
    story = consulting()
    story.tell(leaves("b1", "a"), leaves("b2", "c"), enters("b2", "a"))
    assert story.tell(joins("b", "c", None, None, "b2")) == ["a: attended, c sends a to d"]
    assert story.tell(part("b1", "b"), gone("c"), part("b2", "a", "d"))[-1] == "a: ends for a, completed, answered"


def test_two_callers_who_are_joined_keep_their_calls() -> None:
    """`a` had called `b`, and `d` the same phone's `c`; `b` joins them. Nobody had called the other."""
    story = talking()
    story.tell(talk("d", "c", "b2"))
    story.tell(leaves("b1", "a"), leaves("b2", "c"), enters("b2", "a"))
    assert story.tell(joins("b", "c", "a", "d", "b2")) == ["a: attended, c sends a to d"]
    assert story.tell(part("b1", "b"), gone("c"), part("b2", "a", "d")) == [
        "a: ends for a, completed, answered",
        "d: ends for d, completed, answered",
    ]


def test_a_far_end_behind_a_pipe_is_looked_up_through_it() -> None:
    """By feature code the target is dialled through a Local pair of the same call, and named by its near half."""
    story = talking()
    story.tell(local("l", "a"), phone("d", "a"), dials("l2", "d"), rings("d"), dialled("l2", "d", ANSWER))
    story.tell(enters("b3", "l2", "d"), enters("b2", "b", "l1"))
    story.tell(leaves("b2", "b"), enters("b2", "a"))
    assert story.tell(joins("b", "b", "a", "l1", "b2")) == ["a: attended, b sends a to d"]


def test_a_transfer_by_strangers_tells_nothing() -> None:
    story = talking()
    assert story.tell(joins("x", "y", "a", "b"), sends_on("x", "a"), joins("b", "y", "a", None)) == []


# ---- blonde


def ringing_for_the_second() -> Story:
    story = talking()
    told = story.tell(comes("c", dialled="102"), phone("d", "c"), dials("c", "d", "102"), rings("d"))
    assert told == ["c: c (+4930123) calls 102", "c: d rings for c"]
    return story


def let_go_while_it_rings(redialled: bool) -> list[ev.Event]:
    """Asterisk puts the transferee in the dialler's place; some versions tell that as another dial."""
    again: list[ev.Event] = [dialled("c", "d", NO_ANSWER), dials("a", "d")] if redialled else []
    return [joins("b", "c", "a", None), *leaves("b1", "b", "a"), gone("b"), *again, gone("c")]


BLONDE = ["a: blonde, c sends a to d", "c: ends for c, cancelled, unanswered"]


@pytest.mark.parametrize("redialled", [True, False])
def test_who_is_let_go_while_it_rings_is_answered_when_it_is(redialled: bool) -> None:
    story = ringing_for_the_second()
    assert story.tell(let_go_while_it_rings(redialled)) == BLONDE
    assert story.tell(rings("d"), answers("a", "d")) == ["a: d answered to a", "a: a talks with d"]
    assert story.tell(part("b2", "a", "d")) == ["a: ends for a, completed, answered"]
    assert story.tracker.empty


@pytest.mark.parametrize("redialled", [True, False])
def test_who_is_let_go_and_refused_has_met_a_refusal(redialled: bool) -> None:
    story = ringing_for_the_second()
    story.tell(let_go_while_it_rings(redialled))
    assert story.tell(dialled("a", "d", NO_ANSWER), gone("d", 21)) == ["a: d rejected to a"]
    assert story.tell(gone("a", 21)) == ["a: ends for a, rejected, answered"]
    assert story.tracker.empty


def test_a_caller_who_lets_go_leaves_the_call_to_the_one_they_had_called() -> None:
    story = ringing_for_the_second()
    assert story.tell(joins("a", "c", "b", None), leaves("b1", "a", "b"), gone("a"), gone("c")) == [
        "a: blonde, c sends b to d",
        "c: ends for c, cancelled, unanswered",
    ]
    assert story.tell(answers("b", "d"), part("b2", "b", "d")) == [
        "a: d answered to b",
        "a: b talks with d",
        "a: ends for b, completed, answered",
    ]


@pytest.mark.parametrize("redialled", [True, False])
def test_a_blonde_transfer_to_a_group_behind_pipes(redialled: bool) -> None:
    story = talking()
    story.tell(comes("c", dialled="102"))
    for pipe, target in (("l", "d"), ("m", "e")):
        story.tell(
            local(pipe, "c"), dials("c", f"{pipe}1"), phone(target, "c"), dials(f"{pipe}2", target), rings(target)
        )
    again: list[ev.Event] = [e for pipe in "lm" for e in (dialled("c", f"{pipe}1", NO_ANSWER), dials("a", f"{pipe}1"))]
    assert story.tell(joins("b", "c", "a", None), leaves("b1", "b", "a"), gone("b"), again if redialled else []) == [
        "a: blonde, c sends a to d e"
    ]
    assert story.tell(gone("c")) == ["c: ends for c, cancelled, unanswered"]
    assert story.tell(dialled("l2", "d", BUSY), gone("d", 17), gone("l2", 17), gone("l1", 17)) == ["a: d busy to a"]
    assert story.tell(dialled("m2", "e", BUSY), gone("e", 21), gone("m2", 21), gone("m1", 21)) == ["a: e rejected to a"]
    assert story.tell(gone("a", 17)) == ["a: ends for a, no-answer, answered"]
    assert story.tracker.empty


def test_a_blonde_transfer_within_one_call_through_a_pipe() -> None:
    """By feature code the target rings behind a Local pair that belongs to the call it is taken from."""
    story = talking()
    story.tell(local("l", "a"), dials("b", "l1"), phone("d", "a"), dials("l2", "d"), rings("d"))
    assert story.tell(joins("b", "b", "a", None), leaves("b1", "b", "a"), gone("b")) == ["a: blonde, b sends a to d"]
    assert story.tell(dialled("l2", "d", ANSWER), enters("b3", "d", "l2"), enters("b2", "l1", "a")) == [
        "a: d answered to a",
        "a: a talks with d",
    ]


def test_a_caller_who_is_sent_into_a_queue_while_the_sender_waits_in_it_waits_there_now() -> None:
    """The sender's second channel `c` stands in the queue and hangs up from it; the one who stays joins."""
    story = talking()
    assert story.tell(comes("c", dialled="support"), up("c"), queues("c"))[-1] == "c: c joins support"
    story.tell(joins("b", "c", "a", None), leaves("b1", "b", "a"), gone("b"))
    assert story.tell(let_go("c"), gone("c"))[-1].startswith("c: ends for c, ")
    assert story.tell(queues("a"), queue_status("a", "TIMEOUT"))[-2:] == [
        "a: a joins support",
        "a: a leaves support, timeout",
    ]
