"""From verdicts to incidents: what belongs together, whom it touches, what callers hear of it, and its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ami_bridge.domain.court import Court
from ami_bridge.domain.effects import PushLine, ReleaseRestored, SaveIncident
from ami_bridge.domain.incident import EVIDENCE_KEPT, Incident, IncidentState, Story
from ami_bridge.domain.outage import OutageLimits
from ami_bridge.domain.signal import Kind, Signal, Source, Subject
from tests.unit.domain.courts import (
    ACME,
    CLEAR,
    DOWN,
    HOLD,
    LONE,
    MAIN,
    OFFICE,
    ON_SALES,
    ON_SUPPORT,
    ON_VIP,
    PATIENCE,
    PBX,
    SALES,
    SHARED,
    SUPPORT,
    SUSPECT,
    T0,
    VIP,
    ZETA,
    a_court,
    at,
    causes,
    hear,
    only,
    opened,
    pushed,
    saved,
    says,
    ticks,
)

QUALIFY, CALLS, PHONES, AUDIO = Source.QUALIFY, Source.CALLS, Source.PHONES, Source.AUDIO
SURGE, WAITING, AGENTS, LINK = Source.SURGE, Source.WAITING, Source.AGENTS, Source.LINK
TOGETHER = OutageLimits().together.total_seconds()
TRUNK_DOWN, TRUNK_UP = says(MAIN, QUALIFY, DOWN), says(MAIN, QUALIFY, CLEAR)
SHARED_DOWN, SHARED_UP = says(SHARED, QUALIFY, DOWN), says(SHARED, QUALIFY, CLEAR)
SITE_DOWN, SITE_UP = says(OFFICE, PHONES, DOWN), says(OFFICE, PHONES, CLEAR)
CROWD, CALM = says(ON_SUPPORT, SURGE, DOWN), says(ON_SUPPORT, SURGE, CLEAR)
NOBODY = says(ON_SUPPORT, AGENTS, DOWN)


def restarted(court: Court) -> Court:
    """Another run of the companion, which finds what the first had stored."""
    again = a_court(iter(range(100, 200)))
    for incident in court.outages.open.values():
        again.adopt(incident)
    return again


# ---- one fault


def test_a_fault_is_stored_before_its_lines_are_told() -> None:
    court = a_court()
    effects = hear(court, 0, SHARED_DOWN)
    incident = only(court)
    assert effects == [SaveIncident(incident), PushLine(SALES), PushLine(VIP)]
    assert (incident.state, incident.told, incident.story) == (IncidentState.IDENTIFIED, True, Story.OUTAGE)
    assert (incident.what, incident.lines, incident.tenants) == ("our second line", (SALES, VIP), (ACME, ZETA))
    assert (incident.since, incident.next_word) == (T0, T0.replace(hour=9, minute=30))
    assert [evidence.words for evidence in incident.evidence] == ["qualify DOWN"]


def test_what_nobody_is_told_about_is_no_outage() -> None:
    court = a_court()
    assert hear(court, 0, says(LONE, QUALIFY, DOWN)) + ticks(court, 0, 100) == []


def test_from_failure_to_its_end_it_is_one_incident() -> None:
    court = a_court()
    effects = hear(court, 0, TRUNK_DOWN) + hear(court, 60, TRUNK_UP) + hear(court, 70, TRUNK_DOWN)
    effects += hear(court, 120, TRUNK_UP) + ticks(court, 120, 119 + 2 * HOLD)
    assert opened(court)
    effects += ticks(court, 119 + 2 * HOLD, 121 + 2 * HOLD)
    stories = saved(effects)
    assert {incident.id for incident in stories} == {"i1"}
    assert [incident.state.value for incident in stories] == [
        "identified",
        "monitoring",
        "identified",
        "monitoring",
        "resolved",
    ]
    last = stories[-1]
    assert effects[-3:] == [SaveIncident(last), PushLine(SUPPORT), ReleaseRestored(last)]
    assert (last.lines, last.evidence[-1].words) == ((SUPPORT,), "stable again")
    hear(court, 4000, TRUNK_DOWN)
    assert only(court).id == "i2"


@pytest.mark.parametrize("announced", [False, True])
def test_a_suspicion_is_told_where_the_settings_say_so(announced: bool) -> None:
    court = a_court(announce_suspected=announced)
    hear(court, 0, says(MAIN, QUALIFY, SUSPECT))
    assert not opened(court)
    ticks(court, 0, PATIENCE)
    assert (only(court).state, only(court).told) == (IncidentState.SUSPECTED, announced)
    assert pushed(hear(court, 60, says(MAIN, CALLS, SUSPECT))) == {SUPPORT}
    assert (only(court).state, only(court).told) == (IncidentState.IDENTIFIED, True)


def test_a_suspicion_that_comes_back_is_still_one() -> None:
    court = a_court()
    hear(court, 0, says(MAIN, QUALIFY, SUSPECT))
    ticks(court, 0, PATIENCE)
    hear(court, 60, TRUNK_UP)
    assert only(court).state is IncidentState.MONITORING
    hear(court, 61, says(MAIN, QUALIFY, SUSPECT))
    assert only(court).state is IncidentState.SUSPECTED
    hear(court, 62, TRUNK_UP)
    assert [incident.state.value for incident in saved(ticks(court, 62, 300))] == ["resolved"]


def test_a_link_that_is_lost_is_suspected_and_never_told() -> None:
    for strength in (SUSPECT, DOWN):
        court = a_court(announce_suspected=True)
        hear(court, 0, says(PBX, LINK, strength))
        ticks(court, 0, PATIENCE)
        assert only(court).told is False


def test_poor_audio_is_told_as_such_until_it_is_worse() -> None:
    court = a_court()
    hear(court, 0, says(MAIN, AUDIO, DOWN))
    assert only(court).story is Story.AUDIO
    effects = hear(court, 60, TRUNK_DOWN)
    assert only(court).story is Story.OUTAGE
    assert pushed(effects) == {SUPPORT}


def test_the_same_again_is_no_news_and_evidence_ends_somewhere() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    assert hear(court, 1, TRUNK_DOWN) == []
    for n in range(2 * EVIDENCE_KEPT):
        hear(court, n, says(MAIN, CALLS, DOWN, f"{n} calls failed"))
    assert len(only(court).evidence) == EVIDENCE_KEPT
    hear(court, 500, says(MAIN, CALLS, CLEAR), TRUNK_UP)
    assert saved(ticks(court, 500, 600))[-1].state is IncidentState.RESOLVED


def test_a_next_word_that_is_due_is_given_and_not_before() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    assert ticks(court, 1790, 1799) == []
    effects = court.tick(at(1800))
    assert [incident.next_word for incident in saved(effects)] == [at(3600)]
    assert pushed(effects) == {SUPPORT}
    assert court.tick(at(1801)) == []


# ---- several subjects, one cause


@pytest.mark.parametrize("later", [SHARED_DOWN, SITE_DOWN])
@pytest.mark.parametrize("first", [0, 1])
def test_what_fails_in_the_same_moment_has_one_cause(later: Signal, first: int) -> None:
    signals = [TRUNK_DOWN, later] if first == 0 else [later, TRUNK_DOWN]
    court = a_court()
    hear(court, 0, signals[0])
    effects = hear(court, TOGETHER, signals[1])
    incident = only(court)
    assert causes(incident) == {MAIN, later.subject}
    assert pushed(effects) == set(incident.lines) == {SUPPORT} | set(court.outages.estate.lines_of(later.subject))
    assert incident.since == T0


def test_what_fails_later_has_another() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    hear(court, TOGETHER + 1, SHARED_DOWN)
    assert [causes(incident) for incident in opened(court).values()] == [{MAIN}, {SHARED}]


def test_lines_are_freed_as_the_causes_that_touch_them_end() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN, SHARED_DOWN)
    assert (only(court).lines, only(court).tenants) == ((SUPPORT, SALES, VIP), (ACME, ZETA))
    hear(court, 100, TRUNK_UP)
    assert only(court).state is IncidentState.IDENTIFIED
    effects = ticks(court, 100, 100 + HOLD)
    assert pushed(effects) == {SUPPORT, SALES, VIP}
    assert (only(court).lines, only(court).what) == ((SALES, VIP), "our second line")
    assert only(court).tenants == (ACME, ZETA)
    hear(court, 200, SHARED_UP)
    assert only(court).state is IncidentState.MONITORING
    [over] = saved(ticks(court, 200, 200 + HOLD))
    assert (over.state, over.lines) == (IncidentState.RESOLVED, (SALES, VIP))


def test_one_of_two_causes_may_fail_again_before_the_other_is_mended() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN, SHARED_DOWN)
    hear(court, 10, TRUNK_UP)
    ticks(court, 10, 10 + HOLD)
    assert causes(only(court)) == {SHARED}
    hear(court, 50, TRUNK_DOWN)
    assert (causes(only(court)), len(only(court).causes)) == ({SHARED, MAIN}, 2)
    hear(court, 60, SHARED_UP, TRUNK_UP)
    assert saved(ticks(court, 60, 300))[-1].state is IncidentState.RESOLVED
    assert not opened(court)


def test_a_surge_on_several_lines_of_one_tenant_is_one_and_another_tenants_is_its_own() -> None:
    court = a_court()
    hear(court, 0, CROWD)
    hear(court, 600, says(ON_SALES, SURGE, DOWN), says(ON_VIP, SURGE, DOWN))
    assert [causes(incident) for incident in opened(court).values()] == [{ON_SUPPORT, ON_SALES}, {ON_VIP}]
    assert all(incident.story is Story.SURGE for incident in opened(court).values())


# ---- what a fault does to callers


@pytest.mark.parametrize("fault", [TRUNK_DOWN, SITE_DOWN])
@pytest.mark.parametrize("crowd_first", [False, True])
def test_a_crowd_is_the_doing_of_the_fault_that_touches_its_line(fault: Signal, crowd_first: bool) -> None:
    court = a_court()
    for seconds, signal in zip((0, 600), (CROWD, fault) if crowd_first else (fault, CROWD), strict=True):
        hear(court, seconds, signal)
    incident = only(court)
    assert (incident.id, causes(incident), incident.story) == ("i1", {fault.subject}, Story.OUTAGE)
    assert {evidence.source for evidence in incident.evidence} == {SURGE, fault.source}
    assert incident.lines == court.outages.estate.lines_of(fault.subject)
    hear(court, 700, CALM)
    ticks(court, 700, 800)
    assert causes(only(court)) == {fault.subject}
    hear(court, 900, TRUNK_UP, SITE_UP)
    assert [over.id for over in saved(ticks(court, 900, 1000))] == ["i1"]


def test_what_a_fault_began_on_several_lines_becomes_part_of_it() -> None:
    court = a_court()
    hear(court, 0, says(ON_SALES, WAITING, DOWN))
    hear(court, 60, says(ON_VIP, SURGE, DOWN))
    effects = hear(court, 120, SHARED_DOWN)
    assert (only(court).id, causes(only(court))) == ("i1", {SHARED})
    assert [(one.id, one.open) for one in saved(effects)] == [("i1", True), ("i2", False)]
    assert "part of a larger outage" in saved(effects)[-1].evidence[-1].words


@pytest.mark.parametrize("agents_first", [False, True])
def test_agents_are_missing_for_a_reason_of_their_own_unless_their_phones_are(agents_first: bool) -> None:
    for fault, together in ((TRUNK_DOWN, False), (SITE_DOWN, True)):
        court = a_court()
        for signal in (NOBODY, fault) if agents_first else (fault, NOBODY):
            hear(court, 0, signal)
        expected = [{fault.subject}] if together else [{ON_SUPPORT}, {MAIN}]
        assert sorted(map(sorted_names, opened(court).values())) == sorted(sorted(map(str, one)) for one in expected)


def sorted_names(incident: Incident) -> list[str]:
    return sorted(str(subject) for subject in causes(incident))


def test_a_crowd_on_a_line_that_the_fault_does_not_touch_is_its_own() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN, says(ON_VIP, SURGE, DOWN))
    assert [causes(incident) for incident in opened(court).values()] == [{MAIN}, {ON_VIP}]


def test_a_consequence_that_the_fault_does_not_explain_any_more_is_a_fault() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN, CROWD, NOBODY)
    assert [causes(incident) for incident in opened(court).values()] == [{MAIN}, {ON_SUPPORT}]
    assert opened(court)["i2"].story is Story.UNANSWERED


def test_trunk_down_agents_missing_then_their_site() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    hear(court, 10, NOBODY)
    assert [causes(incident) for incident in opened(court).values()] == [{MAIN}, {ON_SUPPORT}]
    hear(court, 20, SITE_DOWN)
    assert causes(only(court)) == {MAIN, OFFICE}
    hear(court, 100, SITE_UP)
    ticks(court, 100, 150)
    assert causes(only(court)) == {MAIN}
    ticks(court, 2500, 2600)  # the site's doing explains agents who are missing for a while
    assert [causes(incident) for incident in opened(court).values()] == [{MAIN}, {ON_SUPPORT}]


def test_what_a_fault_leaves_behind_is_no_outage_at_once_and_one_if_it_stays() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN, CROWD)
    hear(court, 60, TRUNK_UP)
    ticks(court, 60, 100)
    assert not opened(court)
    hear(court, 200, says(ON_SUPPORT, SURGE, DOWN, "even more call"))
    assert [effect for effect in ticks(court, 200, 2400) if isinstance(effect, SaveIncident)] == []
    effects = ticks(court, 2400, 2500)
    assert causes(only(court)) == {ON_SUPPORT}
    assert pushed(effects) == {SUPPORT}


def test_that_nobody_watches_explains_nothing_and_is_part_of_nothing() -> None:
    court = a_court()
    hear(court, 0, CROWD)
    hear(court, 1, says(PBX, LINK, DOWN))
    hear(court, 2, TRUNK_DOWN)
    assert {frozenset(causes(incident)): incident.told for incident in opened(court).values()} == {
        frozenset({MAIN}): True,
        frozenset({PBX}): False,
    }
    hear(court, 3, says(ON_VIP, SURGE, DOWN))
    assert {ON_VIP} in [causes(incident) for incident in opened(court).values()]


# ---- after a restart


def test_an_incident_is_taken_over_with_the_lines_of_today() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    found = only(court)
    again = a_court()
    again.outages.cases.adopt(replace(found, lines=(VIP,), causes=(replace(found.causes[0], lines=(VIP,)),)))
    assert only(again).lines == (SUPPORT,)


@pytest.mark.parametrize("subject", [LONE, Subject(Kind.TRUNK, "gone")])
def test_an_incident_that_nobody_is_told_about_any_more_is_closed(subject: Subject) -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN, SHARED_DOWN)
    over, lasting = only(court).causes
    again = a_court()
    again.adopt(replace(only(court), causes=(replace(over, over=True), replace(lasting, subject=subject))))
    [closed] = saved(again.tick(at(100)))
    assert closed.state is IncidentState.RESOLVED
    assert ticks(again, 100, 200) == []


def test_each_cause_waits_for_those_who_spoke_against_it_and_for_nobody_else() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN, SITE_DOWN, CROWD, says(ON_SUPPORT, Source.UNANSWERED, SUSPECT))
    again = a_court()
    assert again.adopt(only(court)) == [(MAIN, frozenset({QUALIFY})), (OFFICE, frozenset({PHONES}))]
    assert ticks(again, 0, 600) == []
    hear(again, 600, TRUNK_UP, SITE_UP)
    assert saved(ticks(again, 600, 700))[-1].state is IncidentState.RESOLVED


def test_a_suspicion_is_still_one_after_a_restart() -> None:
    court = a_court()
    hear(court, 0, says(MAIN, QUALIFY, SUSPECT))
    ticks(court, 0, PATIENCE)
    again = restarted(court)
    ticks(again, 60, 600)
    assert (only(again).state, only(again).told) == (IncidentState.SUSPECTED, False)


def test_what_was_watched_is_watched_on() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    hear(court, 60, TRUNK_UP)
    again = restarted(court)
    assert ticks(again, 1000, 1000 + HOLD - 1) == []
    assert saved(ticks(again, 1000 + HOLD - 1, 1002 + HOLD))[-1].state is IncidentState.RESOLVED
