"""A tenant's service, of which people and systems speak and which nobody watches."""

from __future__ import annotations

import pytest

from ami_bridge.domain.incident import IncidentState, Story
from ami_bridge.domain.names import AnnouncementHash
from ami_bridge.domain.signal import Kind, Source, Subject
from tests.unit.domain.courts import (
    ACME,
    CLEAR,
    DOWN,
    HOLD,
    MAIN,
    OF_ACME,
    OF_ZETA,
    OFFICE,
    ON_SALES,
    ON_SUPPORT,
    ON_VIP,
    PBX,
    SALES,
    SUPPORT,
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


def test_a_tenants_service_is_declared_for_exactly_its_lines() -> None:
    court = a_court()
    incident, effects = court.declare(a_declaration(OF_ACME, 600), at(0))
    assert (incident.lines, incident.tenants, incident.what) == ((SUPPORT, SALES), (ACME,), "our hosting")
    assert (incident.told, incident.story, pushed(effects)) == (True, Story.OUTAGE, {SUPPORT, SALES})
    effects = ticks(court, 0, 601 + HOLD)
    assert (saved(effects)[-1].state, pushed(effects)) == (IncidentState.RESOLVED, {SUPPORT, SALES})


def test_what_is_reported_of_a_tenant_does_to_callers_what_outages_do() -> None:
    court = a_court()
    court.report(a_report(OF_ACME, DOWN, 600), at(0))
    hear(court, 10, says(ON_SUPPORT, SURGE, DOWN), says(ON_VIP, SURGE, DOWN))
    told = {frozenset(causes(incident)): incident.lines for incident in opened(court).values()}
    assert told == {frozenset({OF_ACME}): (SUPPORT, SALES), frozenset({ON_VIP}): (VIP,)}


@pytest.mark.parametrize("tenant_first", [True, False])
def test_what_fails_in_the_same_moment_as_a_tenants_service_has_a_cause_of_its_own(tenant_first: bool) -> None:
    court = a_court()
    for of_tenant in (tenant_first, not tenant_first):
        if of_tenant:
            court.report(a_report(OF_ACME, DOWN, 600), at(0))
        else:
            hear(court, 0, TRUNK_DOWN)
    court.report(a_report(OF_ZETA, DOWN, 600, "other"), at(1))
    assert sorted(map(str, (subject for one in opened(court).values() for subject in causes(one)))) == sorted(
        map(str, (OF_ACME, MAIN, OF_ZETA))
    )
    assert all(len(causes(one)) == 1 for one in opened(court).values())


def test_work_on_a_tenants_service_is_work_on_its_lines_and_sites_and_no_others() -> None:
    court = a_court()
    effects = court.plan(work(OF_ACME, 0, 600), at(0))
    assert pushed(effects) == {SUPPORT, SALES}
    assert [court.work_on(line, at(1)) is not None for line in (SUPPORT, SALES, VIP)] == [True, True, False]
    hear(court, 1, says(OFFICE, Source.PHONES, DOWN), says(ON_SALES, Source.AGENTS, DOWN))
    court.report(a_report(OF_ACME, DOWN, 500), at(1))
    assert not opened(court)
    hear(court, 2, TRUNK_DOWN)
    assert causes(only(court)) == {MAIN}
    other = a_court()
    other.plan(work(OF_ZETA, 0, 600), at(0))
    hear(other, 1, says(OFFICE, Source.PHONES, DOWN))
    assert causes(only(other)) == {OFFICE}
    court.plan(work(PBX, 0, 600, id_="m2"), at(3))
    court.report(a_report(OF_ZETA, DOWN, 500), at(4))
    assert causes(only(court)) == {MAIN}
