"""Incidents and planned work in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.domain.incident import Cause, Incident, IncidentState, Story
from ami_bridge.domain.names import IncidentId, LineName, MaintenanceId, PbxName, TenantName
from ami_bridge.domain.orders import Maintenance
from ami_bridge.domain.signal import Evidence, Kind, Source, Subject
from ami_bridge.domain.status import LineStatus, Link, PbxStatus, Status
from ami_bridge.web import words
from ami_bridge.web.outages import incident, maintenance
from ami_bridge.web.view import present

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PBX, SUPPORT = PbxName("pbx1"), LineName("support")
INCIDENT = Incident(
    id=IncidentId("i1"), tenants=(TenantName("acme"),), pbx=PBX, lines=(SUPPORT,), story=Story.OUTAGE, what="our line",
    causes=(), told=True, state=IncidentState.IDENTIFIED, since=T0, changed=T0, next_word=T0 + timedelta(minutes=30),
)  # fmt: skip
WORK = Maintenance(
    id=MaintenanceId("m1"), pbx=PBX, subject=Subject(Kind.TRUNK, "a"), begin=T0, end=T0 + timedelta(hours=1), what="",
    announced=False,
)  # fmt: skip


def cause(kind: Kind, name: str, *, over: bool = False) -> Cause:
    return Cause(subject=Subject(kind, name), since=T0, lines=(SUPPORT,), over=over)


@pytest.mark.parametrize(
    ("causes", "title"),
    [
        ((cause(Kind.TRUNK, "a"),), "Trunk a on pbx1"),
        ((cause(Kind.SITE, "vienna"), cause(Kind.LINE, "support")), "Site vienna and line support on pbx1"),
        ((cause(Kind.TRUNK, "a", over=True), cause(Kind.LINE, "b")), "Line b and trunk a on pbx1"),
        (tuple(cause(Kind.TRUNK, name) for name in "abcd"), "Trunk a, trunk b and 2 more on pbx1"),
        ((cause(Kind.PBX, "pbx1"),), "The PBX pbx1"),
        ((cause(Kind.TRUNK, "a"), cause(Kind.PBX, "pbx1")), "Trunk a and the PBX pbx1 on pbx1"),
        ((), "our line on pbx1"),
    ],
)
def test_an_incident_is_called_by_what_is_at_fault(causes: tuple[Cause, ...], title: str) -> None:
    assert incident(replace(INCIDENT, causes=causes), T0)["title"] == title


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "told to callers of: support"),
        ({"lines": ()}, "touches no line now: no caller is told"),
        ({"told": False, "state": IncidentState.SUSPECTED}, "callers are not told: waiting for an operator"),
        ({"told": False}, "callers are not told"),
        ({"told": False, "state": IncidentState.RESOLVED}, "callers were not told"),
        ({"lines": (), "state": IncidentState.RESOLVED}, "touched no line: no caller was told"),
    ],
)
def test_it_is_said_who_hears_of_it(change: dict[str, object], told: str) -> None:
    row = incident(replace(INCIDENT, **change), T0)  # type: ignore[arg-type]
    assert row["told_words"] == told
    assert (row["next_word"] is None) == (not row["told"] or row["state"] == "resolved")


def test_what_an_operator_may_do_follows_the_state() -> None:
    may = {
        state: tuple(
            incident(replace(INCIDENT, state=state), T0)[f"can_{step}"] for step in ("confirm", "investigate", "end")
        )
        for state in IncidentState
    }
    assert may == {
        IncidentState.SUSPECTED: (True, True, True),
        IncidentState.INVESTIGATING: (False, False, True),
        IncidentState.IDENTIFIED: (False, True, True),
        IncidentState.MONITORING: (False, True, True),
        IncidentState.RESOLVED: (False, False, False),
    }
    assert incident(replace(INCIDENT, told=False), T0)["can_confirm"]


def test_every_source_story_and_subject_has_words() -> None:
    assert set(words.SOURCE) == set(Source)
    assert set(words.STORY) == set(Story)
    assert set(words.SUBJECT) == set(Kind)


def test_evidence_has_its_time_its_witness_and_no_caller_s_number() -> None:
    seen = Evidence(at=T0, source=Source.CALLS, words="calls to 5551230142 fail")
    [row] = incident(replace(INCIDENT, evidence=(seen,)), T0)["evidence"]
    assert (row["at"], row["source_words"], row["text"]) == (
        "2026-03-01T09:00:00.000Z", "calls out", "calls to •••142 fail")  # fmt: skip


def test_work_is_running_planned_or_gone() -> None:
    later = replace(WORK, id=MaintenanceId("m2"), begin=T0 + timedelta(hours=2), end=T0 + timedelta(hours=3))
    rows = maintenance((later, WORK), T0 + timedelta(minutes=30))
    assert [(row["key"], row["words"]) for row in rows] == [("m1", "running"), ("m2", "planned")]
    assert [row["key"] for row in maintenance((later, WORK), WORK.end)] == ["m2"]
    [row] = maintenance((replace(WORK, subject=Subject(Kind.PBX, "pbx1")),), T0)
    assert row["title"] == "The PBX pbx1 and all that is on it"


def test_a_line_that_answers_but_is_suspect_is_not_shown_as_well() -> None:
    line = LineStatus(
        name=SUPPORT, tenant=TenantName("acme"), pbx=PBX, verdict="answered", health="suspect", free_agents=1, agents=1
    )
    status = Status(now=T0, pbxs=(PbxStatus(name=PBX, link=Link.UP, since=T0, verdict="down"),), lines=(line,))
    document = present(status)
    assert (document["lines"][0]["tone"], document["lines"][0]["health_words"]) == ("warn", "judged suspect")
    assert (document["pbxs"][0]["tone"], document["pbxs"][0]["health_words"]) == ("bad", "judged down")


def test_what_is_only_suspected_is_counted_apart() -> None:
    suspected = replace(INCIDENT, id=IncidentId("i2"), state=IncidentState.SUSPECTED, told=False)
    said = [row["words"] for row in present(Status(now=T0, incidents=(INCIDENT, suspected)))["summary"]]
    assert "1 open incident" in said
    assert "1 suspected incident" in said
    assert "no open incident" not in said
