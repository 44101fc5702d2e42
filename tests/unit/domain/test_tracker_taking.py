"""Calls that are taken by others than they were meant for: picked up, parked and taken out again, handed over."""

from __future__ import annotations

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
    hangs_up,
    leaves,
    local,
    parked,
    part,
    phone,
    picks_up,
    queues,
    rings,
    sends_on,
    talk,
    up,
)

STARTED = "a: a (+4930123) calls 5550100"


def ringing() -> Story:
    story = Story()
    assert story.tell(comes("a"), phone("b", "a"), dials("a", "b"), rings("b")) == [STARTED, "a: b rings for a"]
    return story


# ---- picked up


def test_who_picks_up_a_ringing_phone_answers_its_caller() -> None:
    """By SIP (INVITE with Replaces) or by feature code; the code's own call is not one."""
    story = ringing()
    assert story.tell(comes("c", dialled="*8"), up("c"), picks_up("c", "b"), dialled("a", "b", CANCEL)) == []
    assert story.tell(dials("a", "c"), gone("b", 26), dialled("a", "c", ANSWER), enters("b1", "c", "a")) == [
        "a: b cancelled to a",
        "a: c answered to a",
        "a: a talks with c",
    ]
    assert story.tell(part("b1", "a", "c")) == ["a: ends for a, completed, answered"]
    assert story.tracker.empty


def test_a_pickup_is_understood_from_the_dial_alone() -> None:
    story = ringing()
    assert story.tell(comes("c", dialled="*8"), up("c"), dialled("a", "b", CANCEL), dials("a", "c")) == []
    assert story.tell(gone("b", 26), dialled("a", "c", ANSWER), enters("b1", "c", "a"))[-1] == "a: a talks with c"
    assert story.tell(part("b1", "a", "c")) == ["a: ends for a, completed, answered"]
    assert story.tracker.empty


def test_a_pickup_behind_a_pipe() -> None:
    story = Story()
    story.tell(comes("a"), local("l", "a"), dials("a", "l1"), phone("b", "a"), dials("l2", "b"), rings("b"))
    story.tell(comes("c", dialled="*8"), up("c"), picks_up("c", "b"), dialled("l2", "b", CANCEL), dials("l2", "c"))
    assert story.tell(gone("b", 26), dialled("l2", "c", ANSWER), enters("b1", "c", "l2"), enters("b2", "l1", "a")) == [
        "a: b cancelled to a",
        "a: c answered to a",
        "a: a talks with c",
    ]


def test_a_pickup_that_comes_too_late_is_a_call_to_the_code() -> None:
    story = ringing()
    story.tell(hangs_up("a"), dialled("a", "b", CANCEL), gone("b", 26))
    assert story.tell(comes("c", dialled="*8"), picks_up("c", "b"), gone("c", 16)) == [
        "c: c (+4930123) calls *8",
        "c: ends for c, cancelled, unanswered",
    ]
    assert story.tracker.empty


def test_who_picks_up_in_the_middle_of_a_call_of_their_own_ends_that() -> None:
    story = ringing()
    story.tell(comes("c", dialled="102"), phone("d", "c"), dials("c", "d"), rings("d"), dialled("c", "d", BUSY))
    story.tell(gone("d", 17))
    assert story.tell(picks_up("c", "b")) == ["c: ends for c, busy, unanswered"]
    assert story.tell(dials("a", "c"), dialled("a", "c", ANSWER), enters("b1", "a", "c"))[-1] == "a: a talks with c"
    story.tell(gone("b", 26), part("b1", "a", "c"))
    assert story.tracker.empty


def test_who_picks_up_a_phone_of_their_own_call_or_a_strangers_changes_nothing() -> None:
    story = ringing()
    assert story.tell(picks_up("a", "b"), picks_up("b", "b"), picks_up("x", "b"), picks_up("a", "x")) == []
    assert story.tell(dialled("a", "b", ANSWER), enters("b1", "b", "a"))[-1] == "a: a talks with b"


# ---- parked


def parked_by_the_called() -> Story:
    """A transfer to the parking extension: the caller goes into a holding bridge, of which nothing is heard here."""
    story = Story()
    story.tell(talk("a", "b"))
    assert story.tell(sends_on("b", "a"), leaves("b1", "a", "b"), parked("a"), gone("b")) == []
    return story


def test_a_parked_caller_is_answered_anew_by_who_takes_them_out() -> None:
    """Their own call, to the parking space, begins and is answered too: they called somebody and reached a person."""
    story = parked_by_the_called()
    story.tell(comes("c", dialled="701"), up("c"))
    assert story.tell(enters("b2", "c", "a")) == [
        "c: c (+4930123) calls 701",
        "c: c talks with a",
        "a: a talks with c",
    ]
    assert story.tell(part("b2", "a", "c")) == [
        "a: ends for a, completed, answered",
        "c: ends for c, completed, answered",
    ]
    assert story.tracker.empty


def test_parking_is_not_a_transfer() -> None:
    story = parked_by_the_called()
    assert story.tell(hangs_up("a")) == ["a: ends for a, completed, answered"]


def test_a_parked_caller_nobody_takes_out_rings_the_one_who_parked_them_again() -> None:
    story = parked_by_the_called()
    assert story.tell(phone("e", "a"), dials("a", "e"), rings("e")) == ["a: e rings for a"]
    assert story.tell(dialled("a", "e", ANSWER), enters("b2", "e", "a")) == ["a: e answered to a", "a: a talks with e"]


def test_a_parked_caller_whose_parker_does_not_answer_again_met_that() -> None:
    story = parked_by_the_called()
    story.tell(phone("e", "a"), dials("a", "e"), rings("e"), dialled("a", "e", NO_ANSWER), gone("e", 19))
    assert story.tell(gone("a", 19)) == ["a: ends for a, no-answer, answered"]


def test_who_was_sent_to_phones_and_is_parked_by_them_was_still_sent_there() -> None:
    story = Story()
    story.tell(talk("a", "b"), sends_on("b", "a"), leaves("b1", "a", "b"), gone("b"), phone("c", "a"), dials("a", "c"))
    assert story.tell(parked("a"), gone("c", 17), gone("a"))[0] == "a: blind, b sends a to c"


def test_parking_strangers_tells_nothing() -> None:
    assert Story().tell(parked("a")) == []


# ---- whose call it is when the caller goes first


def test_what_the_caller_left_behind_and_talks_with_another_caller_is_theirs_now() -> None:
    """A transfer Asterisk did without a word: `b`, whom `a` had called, is bridged with `c` when `a` goes."""
    story = Story()
    story.tell(talk("a", "b"), comes("c"), leaves("b1", "a", "b"))
    assert story.tell(enters("b2", "c", "b")) == ["c: c (+4930123) calls 5550100", "c: c talks with b"]
    assert story.tell(gone("a")) == ["a: ends for a, completed, answered"]
    assert story.tell(leaves("b2", "c", "b"), gone("c")) == []
    assert story.tell(gone("b")) == ["c: ends for c, completed, answered"]
    assert story.tracker.empty


def test_a_channel_of_another_tree_that_is_dialled_joins_the_call_with_all_it_dials() -> None:
    """Linkedids merge without a word: the tree below a channel that another dials belongs to that one."""
    story = Story()
    story.tell(comes("a"), local("l"), phone("b", "l1"), dials("l2", "b"))
    assert story.tell(dials("a", "l1"), rings("b")) == [STARTED, "a: b rings for a"]
    assert set(story.tracker.calls) == {"a"}
    story.tell(gone("b", 17), gone("l1"), gone("l2"), gone("a"))
    assert story.tracker.empty


def test_a_caller_with_a_story_who_is_dialled_by_another_ends_it_there() -> None:
    story = Story()
    story.tell(comes("c"), up("c"), queues("c"), comes("a"))
    assert story.tell(dials("a", "c")) == [
        "c: c leaves support, transferred",
        "c: ends for c, no-answer, unanswered",
        STARTED,
    ]
    story.tell(asks_to_hang_up("a"), gone("c"), gone("a"))
    assert story.tracker.empty


def test_a_channel_made_in_a_tree_that_has_joined_another_belongs_to_that() -> None:
    """The picker's tree is the older one: what is made later is named after a channel that now is the caller's."""
    story = Story()
    story.tell(comes("c", dialled="*8"), up("c"), comes("a"), phone("b", "a"), dials("a", "b"), rings("b"))
    story.tell(picks_up("c", "b"), dials("a", "c"), dialled("a", "c", ANSWER), gone("b", 26), enters("b1", "c", "a"))
    story.tell(sends_on("c", "a"), leaves("b1", "a"))
    assert story.tell(phone("d", "c"), dials("a", "d"), rings("d")) == ["a: blind, c sends a to d", "a: d rings for a"]
    assert set(story.tracker.calls) == {"a"}
