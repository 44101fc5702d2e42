"""Planned work, times in which nobody can see, restarts: what a court makes of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ami_bridge.domain.court import Court
from ami_bridge.domain.effects import PushLine
from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.names import IncidentId, MaintenanceId
from ami_bridge.domain.outage import OutageLimits, Outages
from ami_bridge.domain.signal import Kind, Source, Subject
from ami_bridge.domain.verdict import Judge
from tests.unit.domain.courts import (
    CLEAR,
    DOWN,
    ESTATE,
    HINT,
    HOLD,
    MAIN,
    OFFICE,
    ON_SUPPORT,
    ON_VIP,
    PATIENCE,
    PBX,
    SALES,
    SHARED,
    SUPPORT,
    SUSPECT,
    VERDICTS,
    VIP,
    a_court,
    a_declaration,
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
NOWHERE = Subject(Kind.TRUNK, "nowhere")


def states(court: Court, since: float, until: float) -> list[str]:
    return [incident.state.value for incident in saved(ticks(court, since, until))]


# ---- planned work


def test_work_silences_what_it_explains_and_what_stays_bad_is_an_outage() -> None:
    court = a_court()
    assert court.plan(work(MAIN, 0, 600), at(0)) == [PushLine(SUPPORT)]
    assert hear(court, 10, TRUNK_DOWN, says(ON_SUPPORT, SURGE, DOWN)) == []
    assert ticks(court, 10, 599) == []
    effects = ticks(court, 599, 600)
    assert causes(only(court)) == {MAIN}
    assert (only(court).since, only(court).told) == (at(10), True)
    assert pushed(effects) == {SUPPORT}
    assert not court.works


def test_what_was_mended_by_the_work_is_none() -> None:
    court = a_court()
    court.plan(work(MAIN, 0, 600), at(0))
    hear(court, 10, TRUNK_DOWN)
    hear(court, 590, TRUNK_UP)
    assert saved(ticks(court, 590, 700)) == []


def test_work_elsewhere_explains_nothing() -> None:
    court = a_court()
    court.plan(work(SHARED, 0, 600), at(0))
    hear(court, 10, TRUNK_DOWN)
    assert causes(only(court)) == {MAIN}


def test_work_on_the_pbx_explains_everything_but_an_operators_word() -> None:
    court = a_court()
    assert pushed(court.plan(work(PBX, 0, 600), at(0))) == {SUPPORT, SALES, VIP}
    assert hear(court, 10, TRUNK_DOWN, says(PBX, LINK, DOWN), says(ON_VIP, SURGE, DOWN)) == []
    court.declare(a_declaration(MAIN, 300), at(20))
    assert causes(only(court)) == {MAIN}


def test_an_incident_that_was_open_before_stays() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    court.plan(work(MAIN, 10, 600), at(5))
    ticks(court, 5, 100)
    hear(court, 100, says(MAIN, CALLS, DOWN, "calls fail, too"))
    assert only(court).evidence[-1].words == "calls fail, too"
    hear(court, 200, TRUNK_UP, says(MAIN, CALLS, CLEAR))
    assert states(court, 200, 300) == ["resolved"]


@pytest.mark.parametrize("announced", [True, False])
def test_work_is_told_from_its_begin_to_its_end(announced: bool) -> None:
    court = a_court()
    planned = work(OFFICE, 100, 200, announced=announced)
    assert court.plan(planned, at(0)) == []
    assert ticks(court, 0, 99) == []
    assert court.work_on(SUPPORT, at(99)) is None
    assert pushed(court.tick(at(100))) == {SUPPORT, SALES}
    assert court.work_on(SUPPORT, at(100)) == (planned if announced else None)
    assert court.work_on(VIP, at(100)) is None
    assert pushed(court.tick(at(200))) == {SUPPORT, SALES}
    assert court.work_on(SUPPORT, at(200)) is None


def test_of_several_works_the_longest_is_told() -> None:
    court = a_court()
    for planned in (work(MAIN, 0, 100, id_="m1"), work(PBX, 0, 300, id_="m2"), work(OFFICE, 0, 200, id_="m3")):
        court.plan(planned, at(0))
    told = court.work_on(SUPPORT, at(1))
    assert told is not None
    assert told.id == "m2"


def test_work_that_is_cancelled_explains_nothing_any_more() -> None:
    court = a_court()
    court.plan(work(MAIN, 0, 600), at(0))
    hear(court, 10, TRUNK_DOWN)
    assert court.cancel(MaintenanceId("m1"), at(20)) == [PushLine(SUPPORT)]
    court.tick(at(20))
    assert causes(only(court)) == {MAIN}


def test_work_that_never_began_is_cancelled_without_a_word() -> None:
    court = a_court()
    court.plan(work(MAIN, 100, 600), at(0))
    assert court.cancel(MaintenanceId("m1"), at(20)) == []
    assert ticks(court, 20, 700) == []


def test_work_that_is_put_off_is_told_when_it_begins() -> None:
    court = a_court()
    court.plan(work(MAIN, 0, 600), at(0))
    court.tick(at(0))
    assert pushed(court.plan(work(MAIN, 300, 900), at(10))) == {SUPPORT}
    assert court.work_on(SUPPORT, at(20)) is None
    assert pushed(ticks(court, 299, 300)) == {SUPPORT}


# ---- what is not seen


def test_while_nobody_watches_nothing_lasts_but_that() -> None:
    court = a_court()
    hear(court, 0, says(MAIN, QUALIFY, SUSPECT), says(PBX, LINK, SUSPECT))
    for n in range(1, 600):
        court.tick(at(n), blind=True)
    assert causes(only(court)) == {PBX}
    assert only(court).state is IncidentState.SUSPECTED
    hear(court, 600, says(PBX, LINK, CLEAR))
    ticks(court, 600, 598 + PATIENCE)
    assert MAIN not in set().union(*map(causes, opened(court).values()))
    ticks(court, 598 + PATIENCE, 601 + PATIENCE)
    assert MAIN in set().union(*map(causes, opened(court).values()))


def test_a_link_lost_while_a_trunk_recovers_makes_it_wait_anew() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    hear(court, 60, TRUNK_UP)
    for n in range(61, 300):
        court.tick(at(n), blind=True)
    assert only(court).state is IncidentState.MONITORING
    assert states(court, 299, 298 + HOLD) == []
    assert states(court, 298 + HOLD, 300 + HOLD) == ["resolved"]


def test_a_witness_that_is_switched_off_is_not_heard_and_not_waited_for() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    outages = Outages(ESTATE, OutageLimits(), lambda: IncidentId("new"))
    deaf = Court({subject: Judge(subject, VERDICTS) for subject in ESTATE.touched}, outages, frozenset({QUALIFY}))
    assert deaf.adopt(only(court)) == [(MAIN, frozenset())]
    assert hear(deaf, 10, TRUNK_DOWN) == []
    assert states(deaf, 10, 60) == ["monitoring", "resolved"]


def test_what_is_ordered_stands_by_itself_over_a_restart() -> None:
    court = a_court()
    order = a_declaration(MAIN, 600, what="our hotline")
    court.declare(order, at(0))
    renewed, lapsed = a_court(), a_court()
    for again in (renewed, lapsed):
        assert again.adopt(only(court)) == [(MAIN, frozenset())]
    renewed.declare(order, at(60))
    assert states(renewed, 60, 599) == []
    assert only(renewed).what == "our hotline"
    assert list(dict.fromkeys(states(lapsed, 601, 700))) == ["monitoring", "resolved"]


def test_hints_alone_are_shown_and_nothing_more() -> None:
    court = a_court()
    hear(court, 0, says(MAIN, QUALIFY, HINT), says(MAIN, CALLS, HINT))
    assert ticks(court, 0, timedelta(hours=1).total_seconds(), 60) == []
    assert len(court.judges[MAIN].evidence) == 2
