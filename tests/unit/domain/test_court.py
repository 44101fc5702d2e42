"""What people order: declarations, reports, and an operator's word on an incident."""

from __future__ import annotations

import pytest

from ami_bridge.domain.court import Court
from ami_bridge.domain.effects import SaveIncident
from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.names import AnnouncementHash, IncidentId, MaintenanceId
from ami_bridge.domain.orders import Declaration, Maintenance, Refused, Report
from ami_bridge.domain.signal import Kind, Source, Subject
from ami_bridge.domain.verdict import Verdict
from tests.unit.domain.courts import (
    CLEAR,
    DOWN,
    HOLD,
    LONE,
    MAIN,
    OFFICE,
    ON_SUPPORT,
    PATIENCE,
    SALES,
    SHARED,
    SUPPORT,
    SUSPECT,
    VIP,
    a_court,
    a_declaration,
    a_report,
    at,
    causes,
    hear,
    only,
    opened,
    pushed,
    saved,
    says,
    ticks,
    work,
)

QUALIFY, CALLS, SURGE, LINK = Source.QUALIFY, Source.CALLS, Source.SURGE, Source.LINK
TRUNK_DOWN, TRUNK_UP = says(MAIN, QUALIFY, DOWN), says(MAIN, QUALIFY, CLEAR)
OWN, OTHER = AnnouncementHash("a" * 64), AnnouncementHash("b" * 64)
NOWHERE = Subject(Kind.TRUNK, "nowhere")


def states(court: Court, since: float, until: float) -> list[str]:
    return [incident.state.value for incident in saved(ticks(court, since, until))]


# ---- what is refused


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (a_declaration(NOWHERE, 60), "there is no trunk nowhere on the PBX lab"),
        (a_declaration(LONE, 60), "no line's callers are told about trunk lone"),
        (a_declaration(MAIN, 0), "over already"),
        (a_report(NOWHERE, DOWN, 60), "there is no trunk nowhere"),
        (work(NOWHERE, 0, 60), "there is no trunk nowhere"),
        (work(MAIN, 60, 60), "would end before it begins"),
        (work(MAIN, -60, 0), "has ended already"),
    ],
)
def test_an_order_that_cannot_be_carried_out_changes_nothing(
    order: Declaration | Report | Maintenance, why: str
) -> None:
    court = a_court()
    with pytest.raises(Refused, match=why):
        court.check(order, at(0))
    assert (opened(court), court.works, len(court.declared)) == ({}, {}, 0)


def test_orders_about_what_is_not_there_are_refused() -> None:
    court = a_court()
    with pytest.raises(Refused, match="no such open incident"):
        court.end(IncidentId("i1"), "ann", at(0))
    with pytest.raises(Refused, match="no such open incident"):
        court.move(IncidentId("i1"), IncidentState.IDENTIFIED, "ann", at(0))
    with pytest.raises(Refused, match="no such planned work"):
        court.cancel(MaintenanceId("m1"), at(0))


# ---- declarations and reports


@pytest.mark.parametrize("told", [True, False])
def test_a_declared_outage_is_told_in_the_operators_words_until_it_lapses(told: bool) -> None:
    court = a_court()
    incident, effects = court.declare(a_declaration(SHARED, 600, what="our hotline", told=told, by="ann"), at(0))
    assert (incident.what, incident.told, incident.until) == ("our hotline", told, at(600))
    assert "declared out of order by ann" in incident.evidence[0].words
    assert isinstance(effects[0], SaveIncident)
    assert saved(effects)[-1] == incident == only(court)
    assert pushed(effects) == {SALES, VIP}
    assert states(court, 0, 599) == []
    assert states(court, 599, 601 + HOLD) == ["monitoring", "resolved"]


def test_what_was_declared_once_is_not_told_so_when_it_fails_by_itself() -> None:
    court = a_court()
    court.declare(a_declaration(MAIN, 60, what="our hotline", told=False), at(0))
    ticks(court, 0, 200)
    assert not opened(court)
    hear(court, 1000, TRUNK_DOWN)
    assert (only(court).id, only(court).what, only(court).told) == ("i2", "our main line", True)


def test_a_declaration_that_lapses_while_it_is_seen_to_be_down_leaves_what_is_seen() -> None:
    court = a_court()
    court.declare(a_declaration(MAIN, 60, what="our hotline", told=False), at(0))
    hear(court, 10, TRUNK_DOWN)
    assert (only(court).what, only(court).told) == ("our hotline", False)
    effects = ticks(court, 59, 60)
    assert (only(court).what, only(court).told, only(court).until) == ("our main line", True, None)
    assert pushed(effects) == {SUPPORT}
    hear(court, 100, TRUNK_UP)
    assert states(court, 100, 100 + HOLD) == ["resolved"]


def test_what_is_open_already_is_taken_over_and_renewing_it_moves_its_end() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    incident, effects = court.declare(a_declaration(MAIN, 600, what="our hotline"), at(10))
    assert (incident.id, incident.what, only(court)) == ("i1", "our hotline", incident)
    assert pushed(effects) == {SUPPORT}
    incident, _effects = court.declare(a_declaration(MAIN, 1200, what="our hotline"), at(20))
    assert incident.until == at(1200)


def test_what_is_declared_is_an_incident_of_its_own() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN, says(ON_SUPPORT, SURGE, DOWN))
    court.declare(a_declaration(SHARED, 600, what="our hotline"), at(1))
    court.declare(a_declaration(ON_SUPPORT, 600, what="our help desk"), at(2))
    hear(court, 3, says(OFFICE, Source.PHONES, DOWN))
    told = {frozenset(causes(incident)): incident.what for incident in opened(court).values()}
    assert told == {
        frozenset({MAIN, OFFICE}): "our main line",
        frozenset({SHARED}): "our hotline",
        frozenset({ON_SUPPORT}): "our help desk",
    }


def test_a_declared_line_and_a_trunk_that_fails_end_each_by_itself() -> None:
    court = a_court()
    court.declare(a_declaration(ON_SUPPORT, 60), at(0))
    hear(court, 10, TRUNK_DOWN)
    ticks(court, 10, 61 + HOLD)
    assert causes(only(court)) == {MAIN}


def test_a_report_weighs_what_its_sender_says_until_it_lapses() -> None:
    court = a_court()
    court.report(a_report(MAIN, SUSPECT, 300, "a"), at(0))
    ticks(court, 0, PATIENCE)
    assert (only(court).state, only(court).told) == (IncidentState.SUSPECTED, False)
    court.report(a_report(MAIN, DOWN, 200, "b"), at(60))
    assert (only(court).state, only(court).told) == (IncidentState.IDENTIFIED, True)
    court.report(a_report(MAIN, CLEAR, 200, "a"), at(70))
    assert states(court, 70, 199) == []
    assert states(court, 199, 201 + HOLD) == ["monitoring", "resolved"]


def test_a_report_of_what_nobody_is_told_about_is_no_outage() -> None:
    court = a_court()
    assert court.report(a_report(LONE, DOWN, 300), at(0)) == []
    assert court.judges[LONE].verdict is Verdict.DOWN


# ---- an operator's word


def suspected() -> Court:
    court = a_court()
    hear(court, 0, says(MAIN, QUALIFY, SUSPECT))
    ticks(court, 0, PATIENCE)
    return court


def test_a_suspicion_that_is_confirmed_is_told_and_ends_by_itself() -> None:
    court = suspected()
    effects = court.move(IncidentId("i1"), IncidentState.IDENTIFIED, "ann", at(60))
    assert (only(court).state, only(court).told) == (IncidentState.IDENTIFIED, True)
    assert only(court).evidence[-1].words == "confirmed by ann"
    assert pushed(effects) == {SUPPORT}
    assert court.move(IncidentId("i1"), IncidentState.IDENTIFIED, "bob", at(61)) == []
    hear(court, 70, TRUNK_UP)
    hear(court, 80, says(MAIN, QUALIFY, SUSPECT))
    assert only(court).state is IncidentState.IDENTIFIED
    hear(court, 90, TRUNK_UP)
    assert states(court, 90, 300) == ["resolved"]


def test_what_somebody_looks_into_is_told_once_it_is_known() -> None:
    court = suspected()
    court.move(IncidentId("i1"), IncidentState.INVESTIGATING, "ann", at(60))
    assert (only(court).state, only(court).told) == (IncidentState.INVESTIGATING, False)
    effects = hear(court, 70, TRUNK_DOWN)
    assert (only(court).state, only(court).told) == (IncidentState.INVESTIGATING, True)
    assert pushed(effects) == {SUPPORT}


def test_what_cannot_be_is_refused() -> None:
    court = suspected()
    hear(court, 60, TRUNK_DOWN)
    with pytest.raises(Refused, match="cannot become suspected"):
        court.move(IncidentId("i1"), IncidentState.SUSPECTED, "ann", at(61))


def test_a_confirmed_crowd_turns_out_to_be_the_doing_of_a_trunk() -> None:
    court = a_court()
    hear(court, 0, says(ON_SUPPORT, SURGE, DOWN))
    court.move(IncidentId("i1"), IncidentState.INVESTIGATING, "ann", at(10))
    hear(court, 300, TRUNK_DOWN)
    assert (only(court).id, causes(only(court))) == ("i1", {MAIN})


def test_what_an_operator_ended_is_passed_over_until_it_was_good_once() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN, says(ON_SUPPORT, SURGE, DOWN))
    effects = court.end(IncidentId("i1"), "ann", at(10))
    assert [(one.state.value, one.evidence[-1].words) for one in saved(effects)] == [("resolved", "ended by ann")]
    assert pushed(effects) == {SUPPORT}
    more = [says(MAIN, QUALIFY, DOWN, "still down"), says(ON_SUPPORT, SURGE, DOWN, "more callers")]
    assert hear(court, 20, *more) + ticks(court, 20, 2000) == []
    assert hear(court, 2000, TRUNK_UP) == []
    hear(court, 2001, TRUNK_DOWN)
    assert (only(court).id, causes(only(court))) == ("i2", {MAIN})


def test_what_was_declared_ended_and_declared_again_is_declared() -> None:
    court = a_court()
    for n in range(3):
        incident, _effects = court.declare(a_declaration(MAIN, 600), at(n))
        court.end(incident.id, "ann", at(n))
    assert not opened(court)
    assert ticks(court, 10, 700) == []
