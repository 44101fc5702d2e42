"""How an incident may change, and what a change leaves alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ami_bridge.domain.incident import EVIDENCE_KEPT, Cause, IllegalChange, Incident, IncidentState, Story, change
from ami_bridge.domain.names import IncidentId
from ami_bridge.domain.signal import Evidence, Source
from tests.unit.domain.courts import ACME, MAIN, PBX_NAME, SALES, SHARED, SUPPORT, T0, VIP

LATER = T0 + timedelta(minutes=5)


def seen(words: str) -> Evidence:
    return Evidence(at=LATER, source=Source.CALLS, words=words)


def an_incident(state: IncidentState = IncidentState.SUSPECTED) -> Incident:
    return Incident(
        id=IncidentId("i1"),
        pbx=PBX_NAME,
        tenants=(ACME,),
        causes=(Cause(subject=MAIN, since=T0, lines=(SUPPORT,), what="our main line"),),
        lines=(SUPPORT,),
        story=Story.OUTAGE,
        what="our main line",
        told=True,
        state=state,
        since=T0,
        changed=T0,
        next_word=T0 + timedelta(minutes=30),
        evidence=(seen("unreachable"),),
    )


def test_an_outage_from_suspicion_to_its_end() -> None:
    incident = an_incident()
    for state in (
        IncidentState.INVESTIGATING,
        IncidentState.IDENTIFIED,
        IncidentState.MONITORING,
        IncidentState.RESOLVED,
    ):
        assert incident.open
        incident = change(incident, state, LATER)
        assert incident.state is state
    assert not incident.open


def test_a_change_adds_evidence_and_keeps_when_it_began_and_what_was_promised() -> None:
    before = an_incident()
    identified = change(before, IncidentState.IDENTIFIED, LATER, seen("503"), seen("rejected"))
    assert identified == replace(
        before,
        state=IncidentState.IDENTIFIED,
        changed=LATER,
        evidence=(seen("unreachable"), seen("503"), seen("rejected")),
    )


@pytest.mark.parametrize("again", [IncidentState.SUSPECTED, IncidentState.IDENTIFIED, IncidentState.INVESTIGATING])
def test_what_works_again_may_fail_again_while_it_is_watched(again: IncidentState) -> None:
    assert change(an_incident(IncidentState.MONITORING), again, LATER).open


def test_what_is_known_does_not_become_a_suspicion() -> None:
    with pytest.raises(IllegalChange, match="i1 is identified: it cannot become suspected"):
        change(an_incident(IncidentState.IDENTIFIED), IncidentState.SUSPECTED, LATER)


@pytest.mark.parametrize("state", IncidentState)
def test_what_is_resolved_stays_resolved(state: IncidentState) -> None:
    with pytest.raises(IllegalChange, match="resolved"):
        change(an_incident(IncidentState.RESOLVED), state, LATER)


@pytest.mark.parametrize("state", IncidentState)
def test_no_state_follows_itself(state: IncidentState) -> None:
    with pytest.raises(IllegalChange):
        change(an_incident(state), state, LATER)


def test_it_touches_the_lines_of_the_causes_that_last_and_is_named_after_the_first_of_them() -> None:
    other = Cause(subject=SHARED, since=LATER, lines=(SALES, VIP), what="our second line")
    wider = an_incident().with_cause(other)
    assert (wider.lines, wider.what) == ((SUPPORT, SALES, VIP), "our main line")
    left = wider.with_cause(replace(wider.causes[0], over=True))
    assert (left.lines, left.what, left.lasting()) == ((SALES, VIP), "our second line", (other,))
    over = left.with_cause(replace(other, over=True))
    assert (over.lines, over.what, over.lasting()) == ((SALES, VIP), "our second line", ())


def test_callers_of_each_line_are_told_of_the_cause_that_touches_them() -> None:
    wider = an_incident().with_cause(Cause(subject=SHARED, since=LATER, lines=(SALES, VIP), what="our second line"))
    assert [wider.what_on(line) for line in (SUPPORT, SALES, VIP)] == [
        "our main line",
        "our second line",
        "our second line",
    ]


def test_evidence_is_neither_repeated_nor_without_end() -> None:
    incident = an_incident().with_evidence([seen("unreachable"), seen("503"), seen("503 again")])
    assert [one.words for one in incident.evidence] == ["unreachable", "503", "503 again"]
    assert incident.with_evidence([seen("503")]) == incident
    flaps = incident
    for n in range(2 * EVIDENCE_KEPT):
        flaps = flaps.with_evidence([seen(f"call {n} failed")])
    assert len(flaps.evidence) == EVIDENCE_KEPT
    assert flaps.evidence[:3] == incident.evidence
