"""What is said to whom, and how a PBX is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain import announcement as say
from ami_bridge.domain.announcement import LineState, for_line, next_word_after
from ami_bridge.domain.incident import Incident, IncidentState
from ami_bridge.domain.line import Attendance
from ami_bridge.domain.names import AnnouncementHash, IncidentId, LineName, PbxName, TenantName, TrunkName

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SUPPORT = LineName("support")
WHAT = {"main": "our main telephone line", "spare": "our second telephone line"}


def an_incident(
    trunk: str = "main",
    since: datetime = T0,
    state: IncidentState = IncidentState.IDENTIFIED,
    lines: tuple[LineName, ...] = (SUPPORT,),
) -> Incident:
    return Incident(
        id=IncidentId(trunk),
        tenant=TenantName("acme"),
        pbx=PbxName("lab"),
        trunk=TrunkName(trunk),
        lines=lines,
        state=state,
        since=since,
        changed=since,
        next_word=since + timedelta(minutes=30),
    )


def test_a_healthy_line_has_nothing_to_say() -> None:
    resolved = an_incident(state=IncidentState.RESOLVED)
    elsewhere = an_incident(lines=(LineName("sales"),))
    assert for_line(SUPPORT, [resolved, elsewhere], WHAT, Attendance.ANSWERED) is None


def test_an_outage_is_told_before_an_unanswered_line_and_the_oldest_first() -> None:
    newer, older = an_incident("spare", T0 + timedelta(minutes=1)), an_incident("main")
    told = for_line(SUPPORT, [newer, older], WHAT, Attendance.UNANSWERED)
    assert told is not None
    full, timeless = told
    assert full.phrase == "incident"
    assert full.params == {"what": WHAT["main"], "since": T0, "next_word": T0 + timedelta(minutes=30)}
    assert timeless == say.first_word(WHAT["main"])


def test_both_ways_of_telling_an_outage_offer_the_same_keys() -> None:
    told = for_line(SUPPORT, [an_incident()], WHAT, Attendance.ANSWERED)
    assert told is not None
    assert [saying.keys for saying in told] == ["12", "12"]


def test_words_without_a_time_name_no_time() -> None:
    assert not any(isinstance(value, datetime) for value in say.first_word("it").params.values())


def test_an_unanswered_line_says_so_and_offers_a_callback() -> None:
    assert for_line(SUPPORT, [], WHAT, Attendance.UNANSWERED) == (say.LINE_UNANSWERED, say.LINE_UNANSWERED)
    assert say.LINE_UNANSWERED.keys == "1"


@pytest.mark.parametrize("keys", ["12", ""])
def test_what_a_pbx_is_told_has_five_fields_whatever_stands_in_them(keys: str) -> None:
    recording, standby = AnnouncementHash("a" * 64), AnnouncementHash("b" * 64)
    state = LineState(
        line=SUPPORT,
        recording=recording,
        keys=keys,
        until=datetime.fromtimestamp(99.9, UTC),
        standby=standby,
        standby_until=datetime.fromtimestamp(1_800_000_000, UTC),
    )
    assert state.encoded().split("-") == ["0000000099", recording, keys, "1800000000", standby]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("09:00:00", "09:30:00"),
        ("09:00:01", "09:35:00"),
        ("09:04:59", "09:35:00"),
        ("09:05:00", "09:35:00"),
        ("09:28:30", "10:00:00"),
        ("23:45:00", "00:15:00"),
    ],
)
def test_the_next_word_is_named_in_steps_of_five_minutes(now: str, due: str) -> None:
    at = datetime.combine(T0.date(), datetime.strptime(now, "%H:%M:%S").time(), UTC)  # noqa: DTZ007
    assert next_word_after(at, timedelta(minutes=30)).strftime("%H:%M:%S") == due


@given(
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))])),
    st.integers(300, 86400),
)
def test_a_next_word_is_never_early_and_at_most_five_minutes_late(now: datetime, every: int) -> None:
    if now.year == 9999:
        return
    late = next_word_after(now, timedelta(seconds=every)) - now - timedelta(seconds=every)
    assert timedelta() <= late < timedelta(minutes=5)


def test_everything_a_line_may_have_to_say_at_once_is_prepared_ahead() -> None:
    sayings = [value for value in vars(say).values() if isinstance(value, say.Saying)]
    assert sorted(saying.phrase for saying in sayings) == sorted(saying.phrase for saying in say.STANDING)
