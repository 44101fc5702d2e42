"""One incident for one dead trunk, its next word always ahead, and its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from ami_bridge.domain.effects import Effect, PushLine, ReleaseRestored, SaveIncident
from ami_bridge.domain.incident import Incident, IncidentState
from ami_bridge.domain.names import IncidentId, LineName, PbxName, TenantName, TrunkName
from ami_bridge.domain.outage import Outages, Touched
from ami_bridge.domain.trunk import Verdict, VerdictChanged

T0 = datetime(2026, 3, 1, 9, 2, tzinfo=UTC)
MAIN, SPARE = TrunkName("acme-primary"), TrunkName("acme-backup")
SUPPORT, SALES = LineName("support"), LineName("sales")


def outages() -> Outages:
    numbers = count(1)
    return Outages(
        pbx=PbxName("lab"),
        touched={MAIN: Touched(tenant=TenantName("acme"), lines=(SUPPORT, SALES))},
        word_every=timedelta(minutes=30),
        new_id=lambda: IncidentId(f"i{next(numbers)}"),
    )


def verdict(which: Verdict, trunk: TrunkName = MAIN, at: datetime = T0) -> VerdictChanged:
    return VerdictChanged(trunk=trunk, verdict=which, since=at, evidence=(f"qualify: {which.value}",))


def saved(effects: list[Effect]) -> Incident:
    [incident] = [effect.incident for effect in effects if isinstance(effect, SaveIncident)]
    return incident


def test_a_dead_trunk_is_saved_before_its_lines_are_told() -> None:
    effects = outages().verdict(verdict(Verdict.DOWN), T0)
    incident = saved(effects)
    assert effects == [SaveIncident(incident), PushLine(SUPPORT), PushLine(SALES)]
    assert incident == Incident(
        id=IncidentId("i1"),
        tenant=TenantName("acme"),
        pbx=PbxName("lab"),
        trunk=MAIN,
        lines=(SUPPORT, SALES),
        state=IncidentState.IDENTIFIED,
        since=T0,
        changed=T0,
        next_word=T0.replace(hour=9, minute=35),
        evidence=("qualify: down",),
    )


def test_a_suspicion_or_a_trunk_nobody_is_told_about_makes_no_incident() -> None:
    house = outages()
    assert house.verdict(verdict(Verdict.SUSPECT), T0) == []
    assert house.verdict(verdict(Verdict.UP), T0) == []
    assert house.verdict(verdict(Verdict.DOWN, SPARE), T0) == []
    assert not house.open


def test_from_failure_to_resolution_it_is_one_incident() -> None:
    house = outages()
    stories = [
        saved(house.verdict(verdict(which), T0 + timedelta(minutes=minute)))
        for minute, which in enumerate((Verdict.DOWN, Verdict.RECOVERING, Verdict.DOWN, Verdict.RECOVERING, Verdict.UP))
    ]
    assert {incident.id for incident in stories} == {"i1"}
    assert [incident.state.value for incident in stories] == [
        "identified",
        "monitoring",
        "identified",
        "monitoring",
        "resolved",
    ]
    assert stories[-1].evidence[-1] == "09:06:00 stable again"
    assert not house.open


def test_its_end_frees_the_lines_and_calls_those_who_asked() -> None:
    house = outages()
    house.verdict(verdict(Verdict.DOWN), T0)
    effects = house.verdict(verdict(Verdict.UP), T0 + timedelta(minutes=9))
    resolved = saved(effects)
    assert effects == [SaveIncident(resolved), PushLine(SUPPORT), PushLine(SALES), ReleaseRestored(resolved)]


def test_the_next_outage_is_another_incident() -> None:
    house = outages()
    house.verdict(verdict(Verdict.DOWN), T0)
    house.verdict(verdict(Verdict.UP), T0)
    assert saved(house.verdict(verdict(Verdict.DOWN), T0)).id == "i2"


def test_a_next_word_that_is_due_is_given_and_not_before() -> None:
    house = outages()
    due = saved(house.verdict(verdict(Verdict.DOWN), T0)).next_word
    assert house.tick(due - timedelta(seconds=1)) == []
    effects = house.tick(due)
    assert saved(effects).next_word == due + timedelta(minutes=30)
    assert effects[1:] == [PushLine(SUPPORT), PushLine(SALES)]
    assert house.tick(due) == []


def test_an_incident_found_open_is_taken_over_with_the_lines_of_today_and_its_overdue_word_is_given() -> None:
    house = outages()
    found = replace(
        saved(outages().verdict(verdict(Verdict.DOWN), T0)), lines=(SUPPORT, LineName("gone")), id=IncidentId("old")
    )
    house.adopt(found)
    later = T0 + timedelta(days=1)
    effects = house.tick(later)
    assert saved(effects).next_word > later
    assert effects[1:] == [PushLine(SUPPORT), PushLine(SALES)]
    assert saved(house.verdict(verdict(Verdict.RECOVERING), later)).id == "old"


def test_an_incident_about_a_trunk_that_left_the_settings_is_closed() -> None:
    house = outages()
    house.adopt(replace(saved(outages().verdict(verdict(Verdict.DOWN), T0)), trunk=SPARE))
    effects = house.tick(T0)
    resolved = saved(effects)
    assert resolved.state is IncidentState.RESOLVED
    assert effects == [SaveIncident(resolved), ReleaseRestored(resolved)]
    assert house.tick(T0) == []
