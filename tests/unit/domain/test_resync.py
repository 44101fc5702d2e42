"""What a snapshot after a time of not watching tells: who lives on, who came, who went, and how, if anybody knows."""

from __future__ import annotations

from ami_bridge.domain.events import ChannelState
from ami_bridge.domain.names import ChannelName, Linkedid
from tests.unit.domain.stories import (
    ANSWER,
    T0,
    Story,
    abandoned,
    alerts,
    asks_to_hang_up,
    comes,
    dialled,
    dials,
    enters,
    gone,
    joins,
    local,
    part,
    phone,
    picks_up,
    queue_status,
    queues,
    rings,
    sends_on,
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


# ---- calls that live on


def test_a_call_that_lives_on_is_the_same_call_still() -> None:
    story = Story()
    story.tell(talk("a", "b"))
    assert story.resync(comes("a", state=UP), phone("b", "a", UP), enters("b1", "a", "b")) == []
    assert story.tell(part("b1", "b", "a")) == ["a: ends for a, completed, answered"]
    assert story.tracker.empty


def test_a_caller_who_waits_on_waits_on() -> None:
    story = waiting()
    assert story.resync(comes("a", state=UP), queues("a", waited=60)) == []
    assert story.tell(asks_to_hang_up("a"), abandoned("a"), gone("a")) == [
        "a: a leaves support, abandoned",
        "a: ends for a, abandoned, unanswered",
    ]


def test_who_was_answered_meanwhile_talks_now() -> None:
    story = ringing()
    assert story.resync(comes("a", state=UP), phone("b", "a", UP), enters("b1", "b", "a")) == [
        "a: b answered to a",
        "a: a talks with b",
    ]
    assert story.tell(part("b1", "b", "a")) == ["a: ends for a, completed, answered"]


def test_who_was_answered_out_of_the_queue_meanwhile_left_it_for_that() -> None:
    story = waiting()
    assert story.resync(comes("a", state=UP), phone("b", "a", UP), enters("b1", "b", "a")) == [
        "a: a leaves support, answered",
        "a: a talks with b",
    ]


def test_who_left_the_queue_meanwhile_left_it_unseen() -> None:
    story = waiting()
    assert story.resync(comes("a", state=UP)) == ["a: a leaves support, unseen"]
    assert story.tell(
        phone("b", "a"), dials("a", "b"), rings("b"), dialled("a", "b", ANSWER), enters("b1", "a", "b")
    ) == [
        "a: b rings for a",
        "a: b answered to a",
        "a: a talks with b",
    ]
    assert story.tell(part("b1", "a", "b")) == ["a: ends for a, completed, answered"]


def test_who_went_to_another_queue_meanwhile_waits_there() -> None:
    story = waiting()
    assert story.resync(comes("a", state=UP), queues("a", "night", waited=5)) == [
        "a: a leaves support, unseen",
        "a: a joins night",
    ]


def test_a_phone_that_began_to_ring_meanwhile_rings() -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"))
    assert story.resync(comes("a"), phone("b", "a", RINGING)) == ["a: b rings for a"]


def test_a_phone_that_is_gone_is_not_talked_about() -> None:
    story = ringing()
    assert story.resync(comes("a")) == []
    assert story.tell(phone("c", "a"), dials("a", "c"), rings("c")) == ["a: c rings for a"]


def test_who_left_a_bridge_meanwhile_hears_nobody_who_comes_into_it() -> None:
    story = Story()
    story.tell(comes("a"), up("a"), phone("b", "a"), enters("announcements", "a"))
    assert story.resync(comes("a", state=UP), phone("b", "a", UP)) == []
    assert story.tell(enters("announcements", "b")) == []
    assert story.tell(enters("b1", "a", "b"))[-1] == "a: a talks with b"


def test_a_pipe_taken_out_meanwhile_is_no_second_answer() -> None:
    story = Story()
    story.tell(comes("a"), local("l", "a"), dials("a", "l1"), phone("b", "a"), dials("l2", "b"), rings("b"), up("b"))
    story.tell(dialled("l2", "b", ANSWER), dialled("a", "l1", ANSWER), enters("b1", "a", "l1"), enters("b2", "b", "l2"))
    assert story.resync(comes("a", state=UP), phone("b", "a", UP), enters("b1", "a", "b")) == []
    assert set(story.tracker.channels) == {"a", "b"}


def test_a_channel_that_was_renamed_meanwhile_is_told_by_its_new_name() -> None:
    story = ringing()
    assert story.resync(comes("a", name="PJSIP/z-01"), phone("b", "a", RINGING)) == []
    assert story.tell(gone("b", 17), gone("a", 17))[-1] == "a: ends for z, busy, unanswered"


def test_a_transfer_begun_before_goes_on_after() -> None:
    story = Story()
    story.tell(talk("a", "b"), sends_on("b", "a"))
    assert story.resync(comes("a", state=UP), phone("c", "a")) == []
    assert story.tell(dials("a", "c"), rings("c")) == ["a: blind, b sends a to c", "a: c rings for a"]


def test_phones_that_ring_for_a_transfer_are_told_at_the_first_look() -> None:
    """Live, a transfer is told when all its phones are known to be dialled; a snapshot knows no dials."""
    story = Story()
    story.tell(talk("a", "b"), alerts("b"), sends_on("b", "a"), phone("c", "a"), dials("a", "c"), phone("d", "a"))
    story.tell(dials("a", "d"))
    lives = snapshot(comes("a", state=UP), phone("c", "a", RINGING), phone("d", "a", RINGING))
    assert story.resync(lives) == ["a: blind, b sends a to c d", "a: c rings for a", "a: d rings for a"]
    assert story.resync(lives) == []


# ---- calls that are new


def test_calls_that_began_meanwhile_are_told_as_they_stand() -> None:
    story = Story()
    assert story.resync(
        comes("a", state=UP),
        comes("c", state=UP, number=""),
        phone("d", "c", UP),
        comes("e"),
        enters("b1", "d", "c"),
        queues("a", waited=30),
    ) == [
        "a: a (+4930123) calls 5550100",
        "c: c (withheld) calls 5550100",
        "e: e (+4930123) calls 5550100",
        "c: c talks with d",
        "a: a joins support",
    ]
    assert story.tell(part("b1", "c", "d"), gone("a"), gone("e"))[0] == "c: ends for c, completed, answered"
    assert story.tracker.empty


def test_a_call_behind_pipes_that_began_meanwhile_is_the_persons() -> None:
    story = Story()
    assert story.resync(
        local("l"), phone("a", "l1", UP), phone("b", "l1", UP), enters("b1", "a", "l2"), enters("b2", "b", "l1")
    ) == [
        "l1: a (withheld) calls s",
        "l1: a talks with b",
    ]


def test_of_a_tree_whose_first_channel_is_gone_the_oldest_is_the_caller() -> None:
    assert Story().resync(phone("b", "gone", UP), phone("c", "gone", UP))[0] == "gone: b (withheld) calls s"


def test_what_is_left_of_a_call_whose_end_was_told_does_not_begin_it_anew() -> None:
    story = Story()
    story.tell(talk("a", "b"))
    assert story.resync(phone("x", "a", UP)) == ["a: ends for a, unseen, answered"]
    assert story.tell(gone("x")) == []
    assert story.tracker.empty


def test_a_first_channel_that_went_unseen_does_not_begin_its_call_anew_by_late_news() -> None:
    story = Story()
    assert story.resync(phone("b", "a", UP)) == ["a: b (withheld) calls s"]
    assert story.tell(gone("b")) == ["a: ends for b, completed, unanswered"]
    assert story.tell(comes("a"), gone("a")) == []
    assert story.tracker.empty


def test_what_was_made_in_a_tree_that_has_joined_another_belongs_to_that() -> None:
    story = Story()
    story.tell(comes("c", dialled="*8"), up("c"), comes("a"), phone("b", "a"), dials("a", "b"), rings("b"))
    story.tell(picks_up("c", "b"), dials("a", "c"), dialled("a", "c", ANSWER), gone("b", 26), enters("b1", "c", "a"))
    assert story.resync(comes("a", state=UP), comes("c", state=UP), phone("d", "c", UP), enters("b1", "a", "d")) == []
    assert set(story.tracker.calls) == {"a"}


# ---- again, and the end of watching


def test_a_second_look_at_the_same_tells_nothing() -> None:
    story = waiting()
    story.tell(talk("c", "d"), comes("g"))
    lives = snapshot(
        comes("c", state=UP),
        phone("d", "c", UP),
        comes("e", state=UP),
        phone("f", "e", RINGING),
        local("l"),
        enters("b1", "c", "d"),
        queues("e"),
    )
    assert story.resync(lives) != []
    before = (set(story.tracker.channels), set(story.tracker.calls))
    assert story.resync(lives) == []
    assert (set(story.tracker.channels), set(story.tracker.calls)) == before


def test_the_end_of_watching_closes_everything_and_once() -> None:
    story = waiting()
    story.tell(talk("c", "d"), phone("z", "half seen"))
    facts = story.tracker.cut(T0)
    assert [type(fact).__name__ for fact in facts] == ["QueueLeft", "CallEnded", "CallEnded"]
    assert story.tracker.empty
    assert story.tracker.cut(T0) == []


def test_late_news_after_a_look_does_not_bring_back_who_is_gone() -> None:
    story = waiting()
    story.resync()
    assert story.tell(comes("a"), queues("a"), abandoned("a"), queue_status("a", "TIMEOUT"), gone("a")) == []
    assert story.tracker.empty


def test_a_consultation_that_was_joined_meanwhile_goes_on_as_it_is() -> None:
    story = Story()
    story.tell(talk("a", "b"), talk("c", "d", "b2"))
    told = story.resync(comes("a", state=UP), phone("d", "c", UP), enters("b2", "a", "d"))
    assert told == []
    assert story.tell(joins("b", "c", "a", "d", "b2"), part("b2", "a", "d")) == [
        "a: ends for a, completed, answered",
        "c: ends for c, completed, answered",
    ]
    assert story.tracker.empty
