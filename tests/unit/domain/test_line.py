"""When a line counts as unanswered, and what makes it answered again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.domain.events import DeviceState
from ami_bridge.domain.line import Attendance, AttendanceChanged, Line, LineLimits
from ami_bridge.domain.names import Device, LineName, Linkedid

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
ANN, BOB = Device("PJSIP/101"), Device("PJSIP/102")
FREE, BUSY, ABSENT = DeviceState.FREE, DeviceState.BUSY, DeviceState.ABSENT


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def a_line(callers: int = 1) -> Line:
    return Line(
        LineName("support"),
        LineLimits(callers=callers, patience=timedelta(seconds=20), shy_for=timedelta(seconds=60)),
    )


def waits(line: Line, call: str, since: datetime) -> None:
    """A caller reaches the line and phones ring for them at once."""
    line.caller_waits(Linkedid(call), "+4930123", since)
    line.caller_tries(Linkedid(call), since)


def verdicts(changes: list[AttendanceChanged]) -> list[Attendance]:
    return [change.attendance for change in changes]


def test_a_line_is_unanswered_once_a_callers_patience_is_spent() -> None:
    line = a_line()
    waits(line, "c1", T0)
    assert line.tick(at(19)) == []
    assert verdicts(line.tick(at(20))) == [Attendance.UNANSWERED]
    assert line.tick(at(21)) == []


def test_patience_begins_with_the_first_ring_and_not_with_an_announcement() -> None:
    line = a_line()
    line.caller_waits(Linkedid("c1"), "", T0)
    assert line.tick(at(600)) == []
    line.caller_tries(Linkedid("c1"), at(600))
    line.caller_tries(Linkedid("c1"), at(610))  # the next round of ringing
    assert line.tick(at(619)) == []
    assert verdicts(line.tick(at(620))) == [Attendance.UNANSWERED]


def test_a_caller_who_hangs_up_early_does_not_count() -> None:
    line = a_line()
    waits(line, "c1", T0)
    assert line.caller_gone(Linkedid("c1"), at(19)) == []


def test_a_caller_who_hangs_up_after_that_counts_once() -> None:
    line = a_line(callers=2)
    waits(line, "c1", T0)
    line.tick(at(20))
    assert line.caller_gone(Linkedid("c1"), at(25)) == []
    waits(line, "c2", at(30))
    assert verdicts(line.caller_gone(Linkedid("c2"), at(50))) == [Attendance.UNANSWERED]


def test_it_takes_so_many_callers_in_a_row() -> None:
    line = a_line(callers=2)
    waits(line, "c1", T0)
    line.tick(at(20))
    waits(line, "c2", at(21))
    assert line.caller_answered(Linkedid("c2")) == []
    waits(line, "c3", at(30))
    assert line.tick(at(50)) == []
    waits(line, "c4", at(51))
    assert verdicts(line.tick(at(71))) == [Attendance.UNANSWERED]


def test_a_caller_who_reaches_somebody_makes_it_answered() -> None:
    line = a_line()
    waits(line, "c1", T0)
    line.tick(at(20))
    [change] = line.caller_answered(Linkedid("c1"))
    assert change == AttendanceChanged(
        line=LineName("support"), attendance=Attendance.ANSWERED, why="a caller was answered"
    )
    assert not line.waiting


def test_an_answer_to_somebody_who_is_not_waiting_says_nothing_about_the_line() -> None:
    line = a_line()
    waits(line, "c1", T0)
    line.tick(at(20))
    assert line.caller_answered(Linkedid("stranger")) == []
    assert line.attendance is Attendance.UNANSWERED


def test_an_agent_who_comes_free_makes_it_answered() -> None:
    line = a_line()
    line.agent_seen(ANN, T0, state=BUSY)
    waits(line, "c1", T0)
    line.tick(at(20))
    assert verdicts(line.agent_seen(ANN, at(25), state=FREE)) == [Attendance.ANSWERED]


def test_only_an_agent_who_could_take_a_call_is_free() -> None:
    line = a_line()
    line.agent_seen(ANN, T0, state=FREE)
    line.agent_seen(BOB, T0, state=FREE, paused=True)
    line.agent_seen(Device("PJSIP/103"), T0, state=BUSY)
    line.agent_seen(Device("PJSIP/104"), T0, state=ABSENT)
    assert line.free(T0) == 1
    line.agent_seen(BOB, T0, paused=False)
    assert line.free(T0) == 2


def test_an_agent_who_let_it_ring_is_not_free_whatever_the_device_says() -> None:
    line = a_line()
    line.agent_seen(ANN, T0, state=FREE)
    line.agent_seen(ANN, at(1), state=BUSY)  # it rings
    line.agent_rang_out(ANN, at(10))
    waits(line, "c1", T0)
    line.tick(at(20))
    assert line.agent_seen(ANN, at(21), state=FREE) == []
    assert line.free(at(21)) == 0
    assert verdicts(line.tick(at(70))) == [Attendance.ANSWERED]  # given another chance
    assert line.free(at(70)) == 1


@pytest.mark.parametrize("sign", ["came back", "paused and returned", "talked"])
def test_a_sign_of_life_is_believed_at_once(sign: str) -> None:
    line = a_line()
    line.agent_seen(ANN, T0, state=FREE)
    line.agent_rang_out(ANN, at(10))
    if sign == "came back":
        line.agent_seen(ANN, at(11), state=ABSENT)
        line.agent_seen(ANN, at(12), state=FREE)
    elif sign == "talked":
        line.agent_talks(ANN)
    else:
        line.agent_seen(ANN, at(11), paused=True)
        line.agent_seen(ANN, at(12), paused=False)
    assert line.free(at(13)) == 1


def test_an_agent_who_is_taken_off_the_line_is_not_counted_and_returns_with_a_clean_slate() -> None:
    line = a_line()
    line.agent_seen(ANN, T0, state=FREE)
    line.agent_rang_out(ANN, at(1))
    line.agent_gone(ANN, at(2))
    assert line.free(at(2)) == 0
    line.agent_seen(ANN, at(3), state=FREE)
    assert line.free(at(3)) == 1


def test_ringing_out_somebody_unknown_makes_no_agent() -> None:
    line = a_line()
    line.agent_rang_out(ANN, T0)
    line.agent_talks(BOB)
    assert not line.agents


def test_who_is_there_is_forgotten_with_the_link_but_not_who_waits_or_let_it_ring() -> None:
    line = a_line()
    waits(line, "c1", T0)
    line.agent_seen(ANN, T0, state=FREE)
    line.agent_seen(BOB, T0, state=FREE)
    line.agent_rang_out(ANN, at(10))
    line.lost_sight()
    assert list(line.waiting) == ["c1"]
    assert line.free(at(11)) == 0
    line.agent_seen(ANN, at(12), state=FREE)
    assert line.free(at(12)) == 0
    line.agent_seen(BOB, at(12), state=FREE)
    assert line.free(at(12)) == 1


def test_a_caller_who_went_unseen_is_not_held_against_the_line() -> None:
    line = a_line()
    waits(line, "c1", T0)
    line.caller_unseen(Linkedid("c1"))
    line.caller_unseen(Linkedid("stranger"))
    assert line.waiting == {}
    assert line.tick(at(60)) == []


def test_a_caller_is_known_by_the_number_they_show_last() -> None:
    line = a_line()
    waits(line, "c1", T0)
    line.caller_shows(Linkedid("c1"), "")
    line.caller_shows(Linkedid("stranger"), "+49304711")
    assert [waiting.number for waiting in line.waiting.values()] == [""]


def test_a_free_agent_does_not_hide_callers_who_wait_in_vain() -> None:
    line = a_line()
    line.agent_seen(ANN, T0, state=FREE)
    waits(line, "c1", T0)
    assert verdicts(line.tick(at(20))) == [Attendance.UNANSWERED]
