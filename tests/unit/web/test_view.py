import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.domain.incident import Cause, Incident, IncidentState, Story
from ami_bridge.domain.names import IncidentId, LineName, PbxName, PromiseId, TenantName, TrunkName
from ami_bridge.domain.promise import ENDS, Kind, Promise, State
from ami_bridge.domain.signal import Evidence, Source, Subject
from ami_bridge.domain.signal import Kind as Of
from ami_bridge.domain.status import BlindSpot, LineStatus, Link, PbxStatus, Status, TrunkStatus, WaitingCaller
from ami_bridge.web import words
from ami_bridge.web.rows import EVIDENCE_SHOWN
from ami_bridge.web.view import SHOWN, present

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PBX, ACME, SUPPORT = PbxName("pbx1"), TenantName("acme"), LineName("support")
LINE = LineStatus(name=SUPPORT, tenant=ACME, pbx=PBX, verdict="answered", free_agents=1, agents=3)
TRUNK = TrunkStatus(name=TrunkName("t1"), pbx=PBX, health="up")
UP = PbxStatus(name=PBX, link=Link.UP, since=T0 - timedelta(hours=1))
PROMISE = Promise(
    id=PromiseId("p1"), tenant=ACME, pbx=PBX, line=SUPPORT, kind=Kind.IN_TURN, number="+15551230142", origin="1.1",
    arrived=T0, expires=T0 + timedelta(hours=96), not_before=T0,
)  # fmt: skip
INCIDENT = Incident(
    id=IncidentId("i1"), tenants=(ACME,), pbx=PBX, lines=(SUPPORT,), story=Story.OUTAGE, what="our line", told=True,
    causes=(Cause(subject=Subject(Of.TRUNK, "t1"), since=T0, lines=(SUPPORT,)),),
    state=IncidentState.IDENTIFIED, since=T0, changed=T0, next_word=T0 + timedelta(minutes=30),
)  # fmt: skip


def seen_at(words: str) -> Evidence:
    return Evidence(at=T0, source=Source.CALLS, words=words)


def test_no_whole_number_leaves_the_companion() -> None:
    caller = WaitingCaller(number="+15551230142", since=T0)
    said = replace(PROMISE, reason="+15551230142 was busy")
    seen = replace(INCIDENT, evidence=(seen_at("call from 5551230142: 503"),))
    lines = (replace(LINE, waiting=(caller,)),)
    document = present(Status(now=T0, pbxs=(UP,), lines=lines, promises=(said,), incidents=(seen,)))
    assert "5551230142" not in str(document)
    assert document["waiting"][0]["number"] == document["owed"][0]["number"] == "•••142"
    assert document["owed"][0]["reason"] == "•••142 was busy"
    assert document["incidents"][0]["evidence"][0]["text"] == "call from •••142: 503"


def test_every_state_has_words_and_no_bad_end_a_good_tone() -> None:
    promises = tuple(replace(PROMISE, id=PromiseId(s.value), state=s) for s in State)
    incidents = tuple(replace(INCIDENT, id=IncidentId(s.value), state=s) for s in IncidentState)
    pbxs = tuple(replace(UP, name=PbxName(link.value), link=link) for link in Link)
    document = present(Status(now=T0, pbxs=pbxs, promises=promises, incidents=incidents))
    assert {p["state"] for p in document["ended_promises"]} == {s.value for s in ENDS}
    assert [i["state"] for i in document["ended_incidents"]] == ["resolved"]
    rows = document["owed"] + document["ended_promises"] + document["incidents"] + document["pbxs"]
    assert all(row["words"] for row in rows)
    assert [p["state"] for p in document["ended_promises"] if p["tone"] == "good"] == ["kept"]


@pytest.mark.parametrize(
    "blind",
    [
        Status(now=T0, pbxs=(replace(UP, link=Link.REFUSED),), lines=(LINE,), trunks=(TRUNK,)),
        Status(now=T0, pbxs=(replace(UP, link=Link.CONNECTING),), lines=(LINE,), trunks=(TRUNK,)),
        Status(now=T0, lines=(LINE,), trunks=(TRUNK,)),  # no such PBX is listed
        Status(
            now=T0, pbxs=(UP,), lines=(LINE,), trunks=(TRUNK,),
            blind_spots=(BlindSpot(pbx=PBX, begin=T0, end=None, reason="catching up"),),
        ),
    ],
)  # fmt: skip
def test_what_is_not_watched_is_never_shown_as_well(blind: Status) -> None:
    document = present(blind)
    for row in (*document["lines"], *document["trunks"]):
        assert row["tone"] == "unknown"
        assert row["words"].startswith("not watched, last known: ")
    assert re.search("but (no|not every) PBX is watched", document["waiting_none"])
    assert "good" not in {row["tone"] for row in (*document["summary"], *document["pbxs"])}


def test_a_blind_spot_that_has_ended_does_not_blind() -> None:
    over = BlindSpot(pbx=PBX, begin=T0 - timedelta(minutes=2), end=T0 - timedelta(seconds=75), reason="reset")
    document = present(Status(now=T0, pbxs=(UP,), lines=(LINE,), blind_spots=(over,)))
    assert document["lines"][0]["tone"] == "good"
    assert document["blind_spots"][0]["span"] == "for 45 s"


def test_an_unanswered_line_without_words_says_that_callers_are_told_nothing() -> None:
    silent = replace(LINE, verdict="unanswered")
    [row] = present(Status(now=T0, pbxs=(UP,), lines=(silent,)))["lines"]
    assert row["silence"] == "No announcement. Nobody answers, and callers are told nothing."
    telling = replace(silent, announcing={"en": "We call you back."})
    [row] = present(Status(now=T0, pbxs=(UP,), lines=(telling,)))["lines"]
    assert (row["silence"], row["announcing"]) == ("", "We call you back.")


def test_an_unknown_verdict_is_shown_as_it_is_and_not_as_a_good_one() -> None:
    [row] = present(Status(now=T0, pbxs=(UP,), trunks=(replace(TRUNK, health="wobbling"),)))["trunks"]
    assert (row["words"], row["tone"]) == ("wobbling", "unknown")


def test_callers_are_listed_longest_wait_first_and_twins_have_their_own_keys() -> None:
    twins = (WaitingCaller(number="+15551230142", since=T0), WaitingCaller(number="+49301110142", since=T0))
    late = WaitingCaller(number="anonymous", since=T0 - timedelta(minutes=3))
    other = replace(LINE, name=LineName("sales"), waiting=(late,))
    rows = present(Status(now=T0, pbxs=(UP,), lines=(replace(LINE, waiting=twins), other)))["waiting"]
    assert [row["number"] for row in rows] == ["withheld", "•••142", "•••142"]
    assert len({row["key"] for row in rows}) == 3


def test_a_long_ledger_is_cut_and_counted_whole() -> None:
    promises = tuple(replace(PROMISE, id=PromiseId(str(i))) for i in range(SHOWN + 5))
    waiting = tuple(WaitingCaller(number="", since=T0 - timedelta(seconds=i)) for i in range(SHOWN + 1))
    lines = (replace(LINE, waiting=waiting),)
    document = present(Status(now=T0, pbxs=(UP,), lines=lines, promises=promises))
    assert [row["key"] for row in document["owed"]] == [p.id for p in promises[:SHOWN]]
    assert (document["owed_more"], document["waiting_more"]) == (
        "and 5 more, not shown here", "and 1 more, not shown here")  # fmt: skip
    assert document["waiting"][0]["since"] == "2026-03-01T08:56:40.000Z"
    said = [row["words"] for row in document["summary"]]
    assert f"{SHOWN + 5} promises open" in said
    assert f"{SHOWN + 1} callers waiting" in said


def test_a_long_story_keeps_its_newest_observations() -> None:
    seen = tuple(seen_at(f"call: 503 #{i}") for i in range(EVIDENCE_SHOWN + 3))
    [row] = present(Status(now=T0, incidents=(replace(INCIDENT, evidence=seen),)))["incidents"]
    assert [e["text"] for e in row["evidence"]] == [one.words for one in seen[3:]]
    assert row["earlier"] == "3 earlier observations not shown"


def test_late_events_are_an_alarm_on_an_otherwise_healthy_link() -> None:
    [row] = present(Status(now=T0, pbxs=(replace(UP, lag_ms=2300.0),)))["pbxs"]
    assert (row["tone"], row["lag_words"]) == ("warn", "events 2.3 s late")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (3660, "1 h 01 min"), (172800, "2 days")],
)
def test_spans_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert words.elapsed(timedelta(seconds=seconds)) == said


def test_what_a_pbx_says_of_a_trunks_registration_is_told_beside_the_verdict() -> None:
    said = ("registered", "rejected", "wobbling", "")
    trunks = tuple(replace(TRUNK, name=TrunkName(state or "none"), registration=state) for state in said)
    rows = present(Status(now=T0, pbxs=(UP,), trunks=trunks))["trunks"]
    assert [row["registration_words"] for row in rows] == [
        "registered with the carrier",
        "registration rejected by the carrier",
        "wobbling",
        "",
    ]
    assert {row["tone"] for row in rows} == {"good"}  # it is one witness, and the verdict is "up"
    unseen = replace(UP, link=Link.CONNECTING)
    [row] = present(Status(now=T0, pbxs=(unseen,), trunks=trunks[:1]))["trunks"]
    assert row["registration_words"] == "last known: registered with the carrier"


def test_since_when_a_pbx_runs_is_told_by_its_own_clock() -> None:
    [row] = present(Status(now=T0, pbxs=(replace(UP, started="2026-03-01 08:00:00"),)))["pbxs"]
    assert row["started"] == "2026-03-01 08:00:00"
