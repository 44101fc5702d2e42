"""Calls that ended while nobody watched: who is asked about, and what is told of them."""

from __future__ import annotations

import pytest

from ami_bridge.domain.ending import EndedUnseen, Ending
from ami_bridge.domain.events import ChannelState
from ami_bridge.domain.facts import CallOutcome, QueueExit
from ami_bridge.domain.names import ChannelName, Linkedid
from tests.unit.domain.stories import (
    T0,
    Story,
    comes,
    dials,
    gone,
    phone,
    queues,
    rings,
    snapshot,
    talk,
    up,
)

UP, RINGING = ChannelState.UP, ChannelState.RINGING
A, B = Linkedid("a"), ChannelName("PJSIP/b-01")


def waiting() -> Story:
    story = Story()
    story.tell(comes("a"), up("a"), queues("a"))
    return story


def ringing() -> Story:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), rings("b"))
    return story


def test_a_call_that_is_over_is_closed_as_unseen_and_never_guessed() -> None:
    for story, told in (
        (ringing(), ["a: ends for a, unseen, unanswered"]),
        (waiting(), ["a: a leaves support, unseen", "a: ends for a, unseen, unanswered"]),
    ):
        assert story.resync() == told
        assert story.tracker.empty


def test_a_call_nobody_was_dialled_for_yet_is_closed_too() -> None:
    story = Story()
    story.tell(comes("a"))
    assert story.resync() == ["a: a (+4930123) calls 5550100", "a: ends for a, unseen, unanswered"]


def test_a_call_that_was_answered_before_was_answered() -> None:
    story = Story()
    story.tell(talk("a", "b"))
    assert story.resync() == ["a: ends for a, unseen, answered"]


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        (
            Ending(
                outcome=CallOutcome.COMPLETED,
                answered=True,
                by=B,
                queue_exit=QueueExit.ANSWERED,
            ),
            ["a: a leaves support, answered", "a: a talks with b", "a: ends for a, completed, answered"],
        ),
        (
            Ending(outcome=CallOutcome.COMPLETED, answered=True),
            ["a: a leaves support, unseen", "a: ends for a, completed, answered"],
        ),
        (
            Ending(outcome=CallOutcome.ABANDONED, answered=False, queue_exit=QueueExit.ABANDONED),
            ["a: a leaves support, abandoned", "a: ends for a, abandoned, unanswered"],
        ),
        (
            Ending(outcome=CallOutcome.NO_ANSWER, answered=False, queue_exit=QueueExit.TIMED_OUT),
            ["a: a leaves support, timeout", "a: ends for a, no-answer, unanswered"],
        ),
    ],
)
def test_a_call_that_is_over_is_closed_as_the_pbx_wrote_it_down(ending: Ending, told: list[str]) -> None:
    story = waiting()
    assert story.resync(endings={A: ending}) == told
    assert story.tracker.empty


def test_who_was_seen_to_be_answered_is_not_answered_again_by_the_records() -> None:
    story = Story()
    story.tell(talk("a", "b"))
    ending = Ending(outcome=CallOutcome.COMPLETED, answered=False, by=B)
    assert story.resync(endings={A: ending}) == ["a: ends for a, completed, answered"]


def test_records_about_calls_that_live_or_were_never_known_change_nothing() -> None:
    story = waiting()
    ending = Ending(outcome=CallOutcome.FAILED, answered=False)
    assert story.resync(comes("a", state=UP), queues("a"), endings={A: ending, Linkedid("x"): ending}) == []


def test_a_call_of_which_only_the_called_one_is_left_is_not_over() -> None:
    story = Story()
    story.tell(talk("a", "b"))
    assert story.resync(phone("b", "a", UP)) == []
    assert story.tell(gone("b")) == ["a: ends for a, completed, answered"]


def test_who_is_asked_about_are_the_calls_that_are_over() -> None:
    story = Story()
    story.tell(comes("a"), up("a"), queues("a"), phone("p", "a"), talk("c", "d"), comes("e"), phone("z", "half seen"))
    [over, also] = story.tracker.ended_unseen(snapshot(comes("e", state=UP), comes("f")))
    assert over == EndedUnseen(
        call=A, caller=over.caller, channels=frozenset(over.channels), began=T0, answered=False, waited_in_queue=True
    )
    assert (over.caller, sorted(over.channels)) == ("a", ["a", "p"])
    assert (also.caller, sorted(also.channels)) == ("c", ["c", "d"])
    assert (also.answered, also.waited_in_queue) == (True, False)


def test_a_half_seen_call_that_is_over_is_forgotten_without_a_word() -> None:
    story = Story()
    story.tell(phone("b", "unseen"), queues("b"))
    assert story.resync() == []
    assert story.tracker.empty
