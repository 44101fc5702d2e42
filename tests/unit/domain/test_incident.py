"""How an incident may change, and what a change leaves alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.domain.incident import IllegalChange, Incident, IncidentState, change
from ami_bridge.domain.names import IncidentId, LineName, PbxName, TenantName, TrunkName

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LATER = T0 + timedelta(minutes=5)


def an_incident(state: IncidentState = IncidentState.SUSPECTED) -> Incident:
    return Incident(
        id=IncidentId("i1"),
        tenant=TenantName("acme"),
        pbx=PbxName("berlin"),
        trunk=TrunkName("acme-primary"),
        lines=(LineName("support"),),
        state=state,
        since=T0,
        changed=T0,
        next_word=T0 + timedelta(minutes=30),
        evidence=("qualify: unreachable",),
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
    identified = change(before, IncidentState.IDENTIFIED, LATER, "call: 503", "registration: rejected")
    assert identified == replace(
        before,
        state=IncidentState.IDENTIFIED,
        changed=LATER,
        evidence=("qualify: unreachable", "call: 503", "registration: rejected"),
    )


def test_what_works_again_may_fail_again_while_it_is_watched() -> None:
    monitored = an_incident(IncidentState.MONITORING)
    assert change(monitored, IncidentState.IDENTIFIED, LATER, "call: 503").open


def test_a_suspicion_is_not_watched_for_recovery_before_it_is_looked_into() -> None:
    with pytest.raises(IllegalChange, match="i1 is suspected: it cannot become monitoring"):
        change(an_incident(), IncidentState.MONITORING, LATER)


@pytest.mark.parametrize("state", IncidentState)
def test_what_is_resolved_stays_resolved(state: IncidentState) -> None:
    with pytest.raises(IllegalChange, match="resolved"):
        change(an_incident(IncidentState.RESOLVED), state, LATER)


@pytest.mark.parametrize("state", IncidentState)
def test_no_state_follows_itself_or_returns_to_suspicion(state: IncidentState) -> None:
    for after in {state, IncidentState.SUSPECTED}:
        with pytest.raises(IllegalChange):
            change(an_incident(state), after, LATER)
