"""What is said to whom, and how a PBX is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain import announcement as say
from ami_bridge.domain.announcement import for_line, next_word_after
from ami_bridge.domain.incident import Cause, Incident, IncidentState, Story
from ami_bridge.domain.line import Attendance
from ami_bridge.domain.names import AnnouncementHash, IncidentId, LineName, MaintenanceId, PbxName, TenantName
from ami_bridge.domain.orders import Maintenance
from ami_bridge.domain.saying import LineState, Saying
from ami_bridge.domain.signal import SCOPES, Kind, Source, Subject

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SUPPORT, SALES = LineName("support"), LineName("sales")
WORD = T0 + timedelta(minutes=30)
FAULTS = (Story.OUTAGE, Story.AUDIO)
THAT_LAST = (IncidentState.SUSPECTED, IncidentState.INVESTIGATING, IncidentState.IDENTIFIED)
OWN = AnnouncementHash("c" * 64)
WORK = Maintenance(
    id=MaintenanceId("m1"),
    pbx=PbxName("lab"),
    subject=Subject(Kind.PBX, "lab"),
    begin=T0,
    end=T0 + timedelta(hours=1),
    what="our switchboard",
    announced=True,
)


def an_incident(
    story: Story = Story.OUTAGE,
    state: IncidentState = IncidentState.IDENTIFIED,
    *,
    since: datetime = T0,
    told: bool = True,
    lines: tuple[LineName, ...] = (SUPPORT,),
    causes: tuple[Cause, ...] = (),
) -> Incident:
    return Incident(
        id=IncidentId("i1"),
        pbx=PbxName("lab"),
        tenants=(TenantName("acme"),),
        causes=causes,
        lines=lines,
        story=story,
        what="our main line",
        told=told,
        state=state,
        since=since,
        changed=since,
        next_word=WORD,
    )


def said(
    *incidents: Incident,
    work: Maintenance | None = None,
    attendance: Attendance = Attendance.ANSWERED,
    line: LineName = SUPPORT,
) -> tuple[str, str] | None:
    told = for_line(line, incidents, work, attendance, T0)
    return (told[0].phrase, told[1].phrase) if told else None


def test_a_healthy_line_has_nothing_to_say() -> None:
    resolved, silent = an_incident(state=IncidentState.RESOLVED), an_incident(told=False)
    assert said(resolved, silent, an_incident(lines=(SALES,))) is None


@pytest.mark.parametrize("state", [*THAT_LAST, IncidentState.MONITORING])
@pytest.mark.parametrize(("story", "sure"), [(Story.OUTAGE, "incident"), (Story.AUDIO, "incident_audio")])
def test_a_fault_is_told_until_it_has_held_and_a_suspicion_is_called_one(
    story: Story, sure: str, state: IncidentState
) -> None:
    phrase = "incident_suspected" if state is IncidentState.SUSPECTED else sure
    assert said(an_incident(story, state)) == (phrase, f"{phrase}_first")


@pytest.mark.parametrize("state", THAT_LAST)
def test_that_nobody_is_there_or_many_call_is_told_while_it_lasts(state: IncidentState) -> None:
    assert said(an_incident(Story.UNANSWERED, state)) == ("line_unanswered", "line_unanswered")
    assert said(an_incident(Story.SURGE, state)) == ("incident_surge", "incident_surge_first")


@pytest.mark.parametrize("story", [Story.UNANSWERED, Story.SURGE])
def test_whoever_is_back_is_there_at_once(story: Story) -> None:
    assert said(an_incident(story, IncidentState.MONITORING)) is None


def test_a_fault_names_what_is_disturbed_since_when_and_when_the_next_word_comes() -> None:
    told = for_line(SUPPORT, [an_incident()], None, Attendance.ANSWERED, T0)
    assert told is not None
    full, timeless = told
    assert full.params == {"what": "our main line", "since": T0}
    assert full.then == (Saying(phrase="next_word", params={"next_word": WORD}), say.KEYS_TURN_FIXED)
    assert full.true_until == WORD
    assert timeless in say.first_words("our main line", suspected=False)


def test_callers_hear_of_the_cause_that_touches_their_line() -> None:
    causes = tuple(
        Cause(subject=Subject(Kind.TRUNK, name), since=T0, lines=(line,), what=f"line {name}")
        for name, line in (("a", SUPPORT), ("b", SALES))
    )
    incident = an_incident(causes=causes, lines=(SUPPORT, SALES))
    whats = [for_line(line, [incident], None, Attendance.ANSWERED, T0) for line in (SUPPORT, SALES)]
    assert [told[0].params["what"] for told in whats if told] == ["line a", "line b"]
    assert [told[1].params["what"] for told in whats if told] == ["line a", "line b"]


def test_of_faults_alike_the_oldest_leads() -> None:
    newer, older = an_incident(since=T0 + timedelta(minutes=1)), an_incident(Story.AUDIO)
    assert said(newer, older) == said(older, newer) == ("incident_audio", "incident_audio_first")


def a_cause(kind: Kind, *, over: bool = False) -> Cause:
    return Cause(subject=Subject(kind, kind.value), since=T0, lines=(SUPPORT,), what=f"the {kind.value}", over=over)


@pytest.mark.parametrize(("narrow", "wide"), [*pairwise(SCOPES)])
def test_what_concerns_the_line_more_closely_leads_however_new_it_is(narrow: Kind, wide: Kind) -> None:
    late, early = an_incident(since=T0, causes=(a_cause(narrow),)), an_incident(causes=(a_cause(wide),))
    late = replace(late, since=T0 + timedelta(minutes=9))
    for incidents in ([late, early], [early, late]):
        assert [i.causes[0].subject.kind for i in say.leading(SUPPORT, incidents)] == [narrow, wide]
        told = for_line(SUPPORT, incidents, None, Attendance.ANSWERED, T0)
        assert told is not None
        assert told[0].params["what"] == f"the {narrow.value}"


def test_a_cause_that_is_over_makes_no_incident_narrow() -> None:
    was_line = an_incident(causes=(a_cause(Kind.LINE, over=True), a_cause(Kind.PBX)))
    trunk = an_incident(since=T0 + timedelta(minutes=1), causes=(a_cause(Kind.TRUNK),))
    assert say.leading(SUPPORT, [was_line, trunk]) == [trunk, was_line]


def test_what_is_known_leads_before_what_is_suspected() -> None:
    suspected = an_incident(state=IncidentState.SUSPECTED, causes=(a_cause(Kind.LINE),))
    known = an_incident(causes=(a_cause(Kind.PBX),), since=T0 + timedelta(minutes=1))
    assert said(suspected, known) == ("incident", "incident_first")


def test_several_faults_become_one_message_that_names_each_thing_once_and_three_at_most() -> None:
    kinds = (Kind.LINE, Kind.SITE, Kind.TENANT, Kind.TRUNK)
    incidents = [an_incident(causes=(a_cause(kind),)) for kind in kinds]
    incidents[1] = replace(incidents[1], story=Story.AUDIO, next_word=WORD - timedelta(minutes=10))
    incidents.append(an_incident(causes=(replace(a_cause(Kind.PBX), what="the line"),)))
    told = for_line(SUPPORT, incidents, None, Attendance.ANSWERED, T0)
    assert told is not None
    assert [(part.phrase, part.params.get("what")) for part in told[0].parts()] == [
        ("incident", "the line"),
        ("also_audio", "the site"),
        ("also_incident", "the tenant"),
        ("next_word", None),
        ("keys_turn_fixed", None),
    ]
    assert told[0].true_until == WORD - timedelta(minutes=10)  # the first next word of them all


def test_when_it_should_be_fixed_is_told_until_then_and_after_it_that_it_takes_longer() -> None:
    expected = T0 + timedelta(minutes=20)
    incident = replace(an_incident(), expected=expected)
    for now, phrase in ((T0, "expected"), (expected, "expected_passed"), (WORD, "expected_passed")):
        told = for_line(SUPPORT, [incident], None, Attendance.ANSWERED, now)
        assert told is not None
        assert told[0].then[0].phrase == phrase
        assert told[0].true_until is not None
        assert (told[0].true_until == expected) is (phrase == "expected")
        assert told[0].true_until > now or now == WORD  # by when the next word is renamed


def test_an_operators_own_words_stand_in_place_of_ours_and_the_times_stay() -> None:
    sales = LineName("sales")
    causes = tuple(
        Cause(subject=Subject(Kind.TRUNK, line), since=T0, lines=(line,), sources=(source,))
        for line, source in ((SUPPORT, Source.OPERATOR), (sales, Source.QUALIFY))
    )
    incident = replace(an_incident(lines=(SUPPORT, sales), causes=causes), recording=OWN)
    told = for_line(SUPPORT, [incident], None, Attendance.ANSWERED, T0)
    assert told is not None
    assert told[0].recording == OWN
    others = for_line(sales, [incident], None, Attendance.ANSWERED, T0)
    assert others is not None
    assert not others[0].recording  # what was declared does not touch them
    assert [part.phrase for part in told[0].then] == ["next_word", "keys_turn_fixed"]
    assert not any(part.recording for part in told[1].parts())  # what stands by knows no time of theirs


def test_who_waits_is_told_the_same_without_keys_and_that_they_keep_their_place() -> None:
    told = for_line(SUPPORT, [an_incident()], None, Attendance.ANSWERED, T0)
    assert told is not None
    news = say.while_waiting(told[0])
    assert [part.phrase for part in news.parts()] == ["waiting_news", "incident", "next_word", "waiting_place"]
    assert not any(part.keys for part in news.parts())
    assert news.true_until == WORD
    assert say.over_while_waiting(told[0]).params == {"what": "our main line"}
    assert say.is_news(told[0])
    assert not say.is_news(say.LINE_UNANSWERED)
    assert not say.is_news(None)


def test_faults_come_before_work_work_before_nobody_and_that_before_a_crowd() -> None:
    fault, nobody, crowd = (an_incident(story) for story in (Story.OUTAGE, Story.UNANSWERED, Story.SURGE))
    unanswered = Attendance.UNANSWERED
    assert said(crowd, nobody, fault, work=WORK, attendance=unanswered) == ("incident", "incident_first")
    assert said(crowd, nobody, work=WORK, attendance=unanswered) == ("maintenance", "maintenance_first")
    assert said(crowd, nobody) == said(crowd, attendance=unanswered) == ("line_unanswered", "line_unanswered")
    assert said(crowd) == ("incident_surge", "incident_surge_first")


def test_work_is_told_with_its_end() -> None:
    told = for_line(SUPPORT, [], WORK, Attendance.ANSWERED, T0)
    assert told is not None
    assert told[0].params == {"what": "our switchboard", "until": T0 + timedelta(hours=1)}
    assert told[1].params == {"what": "our switchboard"}
    assert [saying.keys for saying in told] == ["01", "01"]


@pytest.mark.parametrize(
    ("incident", "keys"),
    [
        (an_incident(), "012"),
        (an_incident(Story.AUDIO), "012"),
        (an_incident(state=IncidentState.SUSPECTED), "01"),
        (an_incident(Story.UNANSWERED), "01"),
        (an_incident(Story.SURGE), "01"),
    ],
)
def test_only_what_is_known_to_be_broken_has_an_end_to_wait_for(incident: Incident, keys: str) -> None:
    told = for_line(SUPPORT, [incident], None, Attendance.ANSWERED, T0)
    assert told is not None
    assert [saying.keys for saying in told] == [keys, keys]


@pytest.mark.parametrize("suspected", [True, False])
def test_words_prepared_for_a_failure_name_no_time(suspected: bool) -> None:
    first = say.first_words("it", suspected=suspected)
    assert not any(isinstance(value, datetime) for saying in first for value in saying.params.values())
    assert ("incident_suspected_first" in {saying.phrase for saying in first}) is suspected


def test_an_unanswered_line_says_so_and_offers_a_callback() -> None:
    told = for_line(SUPPORT, [], None, Attendance.UNANSWERED, T0)
    assert told == (say.LINE_UNANSWERED, say.LINE_UNANSWERED)
    assert say.LINE_UNANSWERED.keys == "01"


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
    assert LineState.decoded(SUPPORT, state.encoded()) == replace(state, until=datetime.fromtimestamp(99, UTC))


@pytest.mark.parametrize("hours", [3, -3])
def test_a_pbx_whose_clock_is_off_is_told_in_its_own_time(hours: int) -> None:
    at, ahead = datetime.fromtimestamp(1_800_000_000, UTC), timedelta(hours=hours)
    state = LineState(
        line=SUPPORT,
        recording=AnnouncementHash("a"),
        keys="1",
        until=at,
        standby=AnnouncementHash("b"),
        standby_until=at + timedelta(hours=1),
    )
    told = state.encoded(ahead)
    assert told == f"{1_800_000_000 + hours * 3600}-a-1-{1_800_000_000 + (hours + 1) * 3600}-b"
    assert LineState.decoded(SUPPORT, told, ahead) == state
    assert state.encoded(-timedelta(days=30_000)) == "0000000000-a-1-0000000000-b", "no time before 1970 has a sign"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1-a-12-2",
        "1-a-12-2-b-c",
        "soon-a-12-2-b",
        "1-a-12-later-b",
        "1-a-12-\u00b2-b",
        f"{'9' * 12}-a-12-1-b",
        f"1-a-12-{'9' * 30}-b",
    ],
)
def test_what_is_no_state_of_a_line_is_not_taken_for_one(text: str) -> None:
    assert LineState.decoded(SUPPORT, text) is None


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
    tails = {say.KEYS_TURN.phrase, say.KEYS_TURN_FIXED.phrase, say.WAITING_PLACE.phrase}  # said after something else
    sayings = {value.phrase for value in vars(say).values() if isinstance(value, Saying)}
    assert sorted(sayings - tails) == sorted(saying.phrase for saying in say.STANDING)
