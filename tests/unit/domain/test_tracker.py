"""One call, one outcome: who is called, who rings, who talks with whom. Each test is one caller's story."""

from __future__ import annotations

import pytest

from ami_bridge.domain import facts as fa
from ami_bridge.domain.events import DialOutcome
from ami_bridge.domain.names import ChannelName, Linkedid, Uniqueid
from tests.unit.domain.stories import (
    ANSWER,
    BUSY,
    CANCEL,
    FAILED,
    NO_ANSWER,
    Story,
    alerts,
    asks_to_hang_up,
    comes,
    dialled,
    dials,
    enters,
    gone,
    hangs_up,
    leaves,
    local,
    part,
    phone,
    renamed,
    rings,
    shows,
    talk,
    up,
)

STARTED = "a: a (+4930123) calls 5550100"


# ---- a call that is answered


def test_a_call_that_is_answered_is_told_whole() -> None:
    story = Story()
    call, caller, agent = Linkedid("a"), ChannelName("PJSIP/a-01"), ChannelName("PJSIP/b-01")
    assert story.facts(talk("a", "b"), leaves("b1", "a"), gone("a"), leaves("b1", "b"), gone("b")) == [
        fa.CallStarted(call=call, caller=caller, caller_number="+4930123", dialled="5550100"),
        fa.Ringing(call=call, caller=caller, targets=(agent,)),
        fa.DialEnded(call=call, caller=caller, targets=(agent,), outcome=DialOutcome.ANSWERED),
        fa.Answered(call=call, caller=caller, by=agent),
        fa.CallEnded(
            call=call,
            caller=caller,
            outcome=fa.CallOutcome.COMPLETED,
            answered=True,
            cause=16,
            dialled="5550100",
            lasted=12.0,
        ),
    ]
    assert story.tracker.empty


def test_a_call_starts_when_somebody_is_dialled_and_not_before() -> None:
    story = Story()
    assert story.tell(comes("a"), up("a"), phone("b", "a")) == []
    assert story.tell(dials("a", "b")) == [STARTED]
    assert story.tell(phone("c", "a"), dials("a", "c")) == []


def test_a_call_nobody_was_dialled_for_starts_and_ends_with_its_end() -> None:
    story = Story()
    assert story.tell(comes("a"), up("a")) == []
    assert story.tell(gone("a")) == [STARTED, "a: ends for a, completed, unanswered"]


def test_who_hangs_up_in_a_menu_gave_up() -> None:
    assert Story().tell(comes("a"), up("a"), hangs_up("a")) == [STARTED, "a: ends for a, cancelled, unanswered"]


def test_a_number_that_is_withheld_in_time_is_never_told() -> None:
    """Newchannel still carries it; what the caller wishes comes next."""
    story = Story()
    assert story.tell(comes("a"), shows("a", ""), phone("b", "a"), dials("a", "b")) == ["a: a (withheld) calls 5550100"]
    assert story.tell(shows("a", "+49304711"), rings("b")) == ["a: b rings for a"]


def test_the_number_a_phone_shows_is_its_own_and_not_the_callers() -> None:
    assert Story().tell(comes("a"), phone("b", "a"), shows("b", "101"), dials("a", "b")) == [STARTED]


def test_a_phone_rings_once_however_often_it_is_said() -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"))
    assert story.tell(rings("b"), alerts("b"), rings("b")) == ["a: b rings for a"]


def test_early_media_is_alerting() -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"))
    assert story.tell(alerts("b")) == ["a: b rings for a"]


def test_an_answer_implies_that_it_rang() -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"))
    assert story.tell(up("b"), dialled("a", "b", ANSWER)) == ["a: b rings for a", "a: b answered to a"]


def test_a_phone_that_rings_before_it_is_said_to_be_dialled_rings_once() -> None:
    story = Story()
    assert story.tell(comes("a"), phone("b", "a"), rings("b"), dials("a", "b"), rings("b")) == [
        STARTED,
        "a: b rings for a",
    ]


def test_answer_in_the_dialplan_is_not_a_person() -> None:
    assert Story().tell(comes("a"), up("a"), enters("music", "a")) == []


def test_an_agent_who_waits_alone_in_the_bridge_answers_nobody_until_the_caller_comes() -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), dialled("a", "b", ANSWER))
    assert story.tell(enters("b1", "b")) == []
    assert story.tell(enters("b1", "a")) == ["a: a talks with b"]


def test_asterisks_own_helpers_are_nobody() -> None:
    helpers = [
        comes(f"h{n}", "a", name=f"{kind}/bridge-0{n}")
        for n, kind in enumerate(("Announcer", "CBAnn", "Recorder", "UnicastRTP"))
    ]
    assert Story().tell(comes("a"), helpers, enters("b1", "a", *(str(helper.uniqueid) for helper in helpers))) == []


def test_a_caller_who_is_put_on_hold_and_back_is_answered_once() -> None:
    story = Story()
    story.tell(talk("a", "b"))
    assert story.tell(leaves("b1", "a"), enters("b1", "a"), enters("b2", "b", "a")) == []


# ---- what became of the phones


@pytest.mark.parametrize(
    ("told", "cause", "outcome"),
    [
        (NO_ANSWER, 21, "rejected"),  # 603, which DialEnd calls no answer
        (BUSY, 17, "busy"),
        (BUSY, 21, "rejected"),
        (BUSY, 19, "no-answer"),
        (NO_ANSWER, 16, "no-answer"),
        (CANCEL, 26, "cancelled"),  # answered elsewhere
        (CANCEL, 16, "cancelled"),
        (DialOutcome.FAILED, 3, "failed"),
        (DialOutcome.FAILED, 20, "failed"),
        (None, 16, "cancelled"),
        (None, 38, "failed"),
        (None, 17, "busy"),
    ],
)
def test_what_became_of_a_phone_is_told_at_its_hang_up_by_the_cause(
    told: DialOutcome | None, cause: int, outcome: str
) -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), rings("b"))
    assert story.tell([dialled("a", "b", told)] if told else []) == []
    assert story.tell(gone("b", cause)) == [f"a: b {outcome} to a"]
    [end] = story.tell(gone("a", cause))
    assert end.endswith(f"{outcome}, unanswered")
    assert story.tracker.empty


def test_a_group_where_one_answers_is_answered_by_that_one() -> None:
    story = Story()
    story.tell(comes("a"), (e for p in ("b", "c") for e in (phone(p, "a"), dials("a", p), rings(p))))
    assert story.tell(dialled("a", "c", ANSWER), dialled("a", "b", CANCEL), gone("b", 26)) == [
        "a: c answered to a",
        "a: b cancelled to a",
    ]
    assert story.tell(enters("b1", "c", "a"), gone("c"), gone("a")) == [
        "a: a talks with c",
        "a: ends for a, completed, answered",
    ]


@pytest.mark.parametrize(
    ("causes", "outcome"),
    [
        ((17, 17), "busy"),
        ((17, 19), "no-answer"),
        ((17, 21), "no-answer"),
        ((21, 38), "rejected"),
        ((38, 38), "failed"),
    ],
)
def test_several_phones_give_the_outcome_they_agree_on_and_else_nobody_was_there(
    causes: tuple[int, ...], outcome: str
) -> None:
    story = Story()
    phones = [f"p{n}" for n in range(len(causes))]
    story.tell(comes("a"), (e for p in phones for e in (phone(p, "a"), dials("a", p))))
    story.tell(e for p, cause in zip(phones, causes, strict=True) for e in (dialled("a", p, FAILED), gone(p, cause)))
    assert story.tell(gone("a", 19)) == [f"a: ends for a, {outcome}, unanswered"]


def test_the_last_attempt_is_what_the_caller_met() -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), rings("b"), dialled("a", "b", NO_ANSWER), gone("b"))
    story.tell(phone("c", "a"), dials("a", "c"), dialled("a", "c", BUSY), gone("c", 17))
    assert story.tell(gone("a", 17)) == ["a: ends for a, busy, unanswered"]


def test_a_caller_who_hangs_up_while_it_rings_has_cancelled() -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), rings("b"))
    assert story.tell(asks_to_hang_up("a"), dialled("a", "b", CANCEL), gone("b", 0), gone("a", 0)) == [
        "a: b cancelled to a",
        "a: ends for a, cancelled, unanswered",
    ]


def test_a_caller_who_hears_it_was_busy_and_hangs_up_has_not_cancelled() -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), dialled("a", "b", BUSY), gone("b", 17), up("a"))
    assert story.tell(hangs_up("a")) == ["a: ends for a, busy, unanswered"]


@pytest.mark.parametrize(
    ("cause", "answered_by_the_dialplan", "outcome"),
    [
        (16, True, "completed"),
        (16, False, "cancelled"),
        (0, False, "cancelled"),
        (17, False, "busy"),
        (21, False, "rejected"),
        (19, False, "no-answer"),
        (20, False, "failed"),  # the phone is not there: nobody was dialled
        (34, False, "failed"),
    ],
)
def test_a_call_without_a_phone_ends_as_the_dialplan_ended_it(
    cause: int, answered_by_the_dialplan: bool, outcome: str
) -> None:
    story = Story()
    story.tell(comes("a"), [up("a")] if answered_by_the_dialplan else [])
    assert story.tell(gone("a", cause)) == [STARTED, f"a: ends for a, {outcome}, unanswered"]


def test_a_phone_that_forwards_is_told_and_does_not_count_for_the_caller() -> None:
    """302: DialEnd names the forward; the next phone is dialled through a pipe. The first had not refused anybody."""
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), rings("b"))
    story.tell(local("f", "a"), dialled("a", "b", CANCEL, forwarded=True), dials("a", "f1"))
    assert story.tell(gone("b", 16)) == ["a: b cancelled to a"]
    assert story.tell(phone("c", "a"), dials("f2", "c"), rings("c"), dialled("f2", "c", BUSY), gone("c", 17)) == [
        "a: c rings for a",
        "a: c busy to a",
    ]
    assert story.tell(gone("f1", 17), gone("f2", 17), gone("a", 17)) == ["a: ends for a, busy, unanswered"]


def test_a_leg_that_picks_up_and_never_confirms_was_no_answer() -> None:
    """The mobile has to press a key before it is joined: it sits in a bridge with a pipe whose other half does not."""
    story = Story()
    story.tell(comes("a"), local("l", "a"), dials("a", "l1"), phone("m", "a"), dials("l2", "m"))
    assert story.tell(rings("m"), up("m"), dialled("l2", "m", ANSWER), enters("b1", "m", "l2")) == [
        "a: m rings for a",
        "a: m answered to a",
    ]
    assert story.tell(part("b1", "m"), part("b1", "l2"), dialled("a", "l1", NO_ANSWER), gone("l1"), gone("a", 19)) == [
        "a: ends for a, no-answer, unanswered"
    ]
    assert story.tracker.empty


# ---- names


def test_a_channel_that_takes_over_anothers_phone_takes_its_name() -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), dialled("a", "b", ANSWER))
    story.tell(renamed("b", "PJSIP/b-01<MASQ>"), renamed("b", "PJSIP/c-01"))
    assert story.tell(enters("b1", "a", "b")) == ["a: a talks with c"]


def test_a_zombie_is_nobody_and_keeps_its_callers_name() -> None:
    story = Story()
    story.tell(comes("a"), phone("b", "a"), dials("a", "b"), renamed("a", "PJSIP/c-01<ZOMBIE>"))
    assert story.tell(enters("b1", "a", "b")) == []
    assert story.tell(gone("b", 26), gone("a")) == ["a: b cancelled to a", "a: ends for a, cancelled, unanswered"]


def test_a_caller_who_is_renamed_is_told_by_the_new_name() -> None:
    story = Story()
    story.tell(comes("a"), renamed("a", "PJSIP/z-01"), phone("b", "a"))
    assert story.tell(dials("a", "b"), gone("b"), gone(Uniqueid("a")))[0] == "a: z (+4930123) calls 5550100"
