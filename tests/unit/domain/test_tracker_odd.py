"""News that is late, doubled, lost, out of order or absurd: passed over, and nothing of it stays."""

from __future__ import annotations

import pytest

from ami_bridge.domain import calls as live
from ami_bridge.domain import events as ev
from ami_bridge.domain.events import ChannelState
from ami_bridge.domain.names import Uniqueid
from tests.unit.domain.stories import (
    ANSWER,
    BUSY,
    CANCEL,
    NO_ANSWER,
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
    leaves,
    let_go,
    local,
    parked,
    part,
    phone,
    picks_up,
    queue_status,
    queues,
    renamed,
    rings,
    sends_on,
    shows,
    talk,
    up,
)

CALL = [
    comes("a"),
    up("a"),
    queues("a"),
    phone("b", "a"),
    dials("a", "b"),
    rings("b"),
    alerts("b"),
    up("b"),
    dialled("a", "b", ANSWER),
    let_go("a"),
    *enters("b1", "b", "a"),
    asks_to_hang_up("a"),
    *part("b1", "a", "b"),
]
TOLD = Story().tell(CALL)


# ---- doubled and late


def test_every_event_doubled_tells_the_same_story() -> None:
    story = Story()
    assert story.tell(e for event in CALL for e in (event, event)) == TOLD
    assert story.tracker.empty


def test_a_transfer_that_is_said_twice_is_one() -> None:
    story = Story()
    story.tell(talk("a", "b"), sends_on("b", "a"), sends_on("b", "a"), part("b1", "b"))
    assert story.tell(phone("c", "a"), dials("a", "c"), rings("c"))[0] == "a: blind, b sends a to c"
    story = Story()
    story.tell(talk("a", "b"), talk("c", "d", "b2"), enters("b2", "a"))
    attended = joins("b", "c", "a", "d", "b2")
    assert len(story.tell(attended, attended)) == 1


@pytest.mark.parametrize("which", range(len(CALL)), ids=lambda n: type(CALL[n]).__name__)
def test_news_that_comes_again_after_the_end_tells_nothing(which: int) -> None:
    story = Story()
    assert story.tell(CALL) == TOLD
    assert story.tell(CALL[which]) == []
    assert story.tracker.empty


def test_who_has_hung_up_does_not_come_back_by_a_late_event() -> None:
    story = Story()
    story.tell(talk("a", "b"), part("b1", "b"))
    assert story.tell(phone("b", "a"), enters("b1", "b"), dials("a", "b"), rings("b"), gone("b")) == []
    assert story.tell(gone("a")) == ["a: ends for a, completed, answered"]


def test_an_answered_phone_that_is_said_to_be_dialled_again_is_not() -> None:
    story = Story()
    story.tell(talk("a", "b"))
    assert story.tell(dials("a", "b"), dialled("a", "b", CANCEL)) == []
    assert story.tell(part("b1", "b", "a")) == ["a: ends for a, completed, answered"]


def test_a_phone_that_answered_is_not_dialled_again_by_late_news_of_who_lets_go() -> None:
    story = Story()
    story.tell(talk("a", "b"), comes("c"), phone("d", "c"), dials("c", "d"), rings("d"), joins("b", "c", "a", None))
    assert story.tell(up("d"), dialled("a", "d", ANSWER), gone("b"), gone("c"))[0] == "a: d answered to a"
    assert story.tell(dials("a", "d"), dials(None, "d"), gone("d"), gone("a")) == ["a: ends for a, no-answer, answered"]


def test_a_phone_that_answered_one_who_is_gone_is_not_dialled_by_strangers() -> None:
    story = Story()
    story.tell(talk("a", "b"), gone("a"))
    assert story.tell(dials("nobody known", "b"), gone("b")) == ["a: ends for a, completed, answered"]


def test_of_two_words_about_a_phone_the_first_counts() -> None:
    """A group says CANCEL of every phone in the end, of those too that had refused."""
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), dialled("a", "b", BUSY), dialled("a", "b", CANCEL))
    assert story.tell(gone("b", 17)) == ["a: b busy to a"]


def test_two_requests_to_hang_up_are_one() -> None:
    """Asterisk asks a caller's channel again once its phones are told to stop ringing: that is no later decision."""
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), rings("b"), asks_to_hang_up("a"))
    story.tell(dialled("a", "b", NO_ANSWER), asks_to_hang_up("a"), gone("b", 19))
    assert story.tell(gone("a")) == ["a: ends for a, cancelled, unanswered"]


def test_late_news_of_leaving_the_old_bridge_takes_nobody_out_of_the_new_one() -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), enters("b1", "a"), enters("b2", "a"), leaves("b1", "a"))
    assert story.tell(enters("b2", "b"))[-1] == "a: a talks with b"


def test_the_memory_of_who_hung_up_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "REMEMBERED", 3)
    story = Story()
    for n in range(10):
        story.tell(comes(f"c{n}"), gone(f"c{n}"))
    assert list(story.tracker._calls._hung_up) == [f"c{n}" for n in (7, 8, 9)]


# ---- half seen


@pytest.mark.parametrize("missed", range(1, len(CALL)))
def test_a_call_whose_beginning_was_not_seen_is_not_told(missed: int) -> None:
    story = Story()
    assert story.tell(CALL[missed:]) == []
    assert story.tracker.empty


def test_a_call_whose_beginning_is_told_late_is_told() -> None:
    story = Story()
    assert story.tell(phone("b", "a"), comes("a"), dials("a", "b"), rings("b")) == [
        "a: a (+4930123) calls 5550100",
        "a: b rings for a",
    ]


def test_who_talks_with_somebody_of_a_call_that_is_not_told_talks_with_a_person() -> None:
    story = Story()
    story.tell(phone("x", "unseen"), comes("a"))
    assert story.tell(enters("b1", "x", "a"))[-1] == "a: a talks with x"
    assert story.tell(gone("a"), gone("x")) == ["a: ends for a, completed, answered"]
    assert story.tracker.empty


def test_an_answer_whose_end_of_dialling_was_lost_is_no_refusal() -> None:
    """The phone is up and talks: that it was dialled in vain is not what its hang-up means."""
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), rings("b"))
    assert story.tell(up("b"), enters("b1", "b", "a")) == ["a: b answered to a", "a: a talks with b"]
    assert story.tell(dialled("a", "b", ANSWER), part("b1", "b", "a")) == ["a: ends for a, completed, answered"]


# ---- absurd


def every_event_about(*who: str) -> list[ev.Event]:
    """Each kind of event with each of `who` in each of its places."""
    events: list[ev.Event] = [ev.PbxStopping()]
    for x in who:
        events += [comes(x), renamed(x, "Local/x@y-1;1"), renamed(x, "PJSIP/x-01<ZOMBIE>"), shows(x, ""), alerts(x)]
        events += [ev.ChannelStateChanged(uniqueid=Uniqueid(x), state=s) for s in ChannelState]
        events += [asks_to_hang_up(x), queues(x), let_go(x), *abandoned(x), queue_status(x, "TIMEOUT"), parked(x)]
        events += [*enters("b1", x), *leaves("b1", x), *enters("b2", x)]
        for y in who:
            events += [dials(x, y), dialled(x, y, BUSY), dialled(x, y, ANSWER), picks_up(x, y), sends_on(x, y)]
            events += [ev.LocalPaired(one=Uniqueid(x), two=Uniqueid(y)), sends_on(x, None), dials(None, x)]
            events += [joins(x, y, x, y, "b1"), joins(x, y, None, None), joins(x, x, y, None, "b2"), joins(x, y, y, x)]
    return events


@pytest.mark.parametrize("start", ["strangers", "one call", "two calls", "pipes"])
@pytest.mark.parametrize("step", [1, 7, 31, 101])
def test_no_event_about_anybody_in_any_order_raises_or_stays(start: str, step: int) -> None:
    """Channels that dial, transfer, pick up or pair with themselves and each other, round and round."""
    story = Story()
    beginnings: dict[str, list[ev.Event]] = {
        "strangers": [],
        "one call": talk("a", "b"),
        "two calls": [*talk("a", "b"), *talk("c1", "c2", "b2")],
        "pipes": [comes("a"), *local("b", "a"), *local("c", "a")],
    }
    story.tell(beginnings[start])
    events = every_event_about("a", "b", "b1", "c1", "c2")
    for n in range(0, len(events) * step, step):
        story.tell(events[n % len(events)])
    for x in ("a", "b", "b1", "b2", "c1", "c2"):
        story.tell(gone(x))
    assert story.tracker.empty


def test_pipes_that_dial_each_other_in_a_ring_end() -> None:
    story = Story()
    story.tell(comes("a"), local("l", "a"), local("m", "a"), comes("c"), phone("d", "c"))
    story.tell(dials("l2", "m1"), dials("m2", "l1"))
    assert story.tell(joins("d", "l2", "c", None), joins("d", "m2", "c", None)) == []
    story.tell(gone(x) for x in ("l1", "l2", "m1", "m2", "a", "c", "d"))
    assert story.tracker.empty


def test_events_about_devices_and_trunks_are_left_to_others() -> None:
    assert Story().tell(ev.PbxStopping(), ev.OriginateEnded(uniqueid=Uniqueid("x"), answered=True)) == []
