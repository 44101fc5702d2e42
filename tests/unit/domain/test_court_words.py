"""When an outage should be fixed, and in whose words it is told: as people say, and no longer than it is true."""

from __future__ import annotations

import pytest

from ami_bridge.domain.expecting import PASSED
from ami_bridge.domain.incident import EVIDENCE_KEPT, IncidentState
from ami_bridge.domain.names import NO_RECORDING, AnnouncementHash, IncidentId
from ami_bridge.domain.orders import Refused
from ami_bridge.domain.signal import Kind, Source, Subject
from tests.unit.domain.courts import (
    CLEAR,
    DOWN,
    HOLD,
    MAIN,
    SALES,
    SHARED,
    SUPPORT,
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
)

QUALIFY, CALLS, SURGE, LINK = Source.QUALIFY, Source.CALLS, Source.SURGE, Source.LINK
TRUNK_DOWN, TRUNK_UP = says(MAIN, QUALIFY, DOWN), says(MAIN, QUALIFY, CLEAR)
OWN, OTHER = AnnouncementHash("a" * 64), AnnouncementHash("b" * 64)
NOWHERE = Subject(Kind.TRUNK, "nowhere")


def test_a_time_that_was_named_is_kept_until_it_passes_which_is_noted_once() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    effects = court.expect(IncidentId("i1"), at(600), "ann", at(10))
    assert (saved(effects), pushed(effects)) == ([only(court)], {SUPPORT})
    assert (only(court).expected, only(court).overdue(at(599)), only(court).overdue(at(600))) == (at(600), False, True)
    assert only(court).evidence[-1].words == "it should be fixed by 2026-03-01 09:10 UTC, says ann"
    assert court.expect(IncidentId("i1"), at(600), "bob", at(11)) == []
    assert ticks(court, 11, 599) == []
    effects = court.tick(at(600))
    assert (saved(effects), pushed(effects)) == ([only(court)], {SUPPORT})
    assert (only(court).expected, only(court).evidence[-1].words) == (at(600), PASSED)
    assert ticks(court, 600, 1700) == []


def test_a_new_time_or_none_ends_what_is_overdue_and_may_pass_again() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    court.expect(IncidentId("i1"), at(60), "ann", at(0))
    ticks(court, 0, 61)
    effects = court.expect(IncidentId("i1"), at(120), "bob", at(70))
    assert (only(court).overdue(at(70)), pushed(effects)) == (False, {SUPPORT})
    ticks(court, 70, 130)
    assert [seen.words for seen in only(court).evidence].count(PASSED) == 2
    effects = court.expect(IncidentId("i1"), None, "ann", at(140))
    assert (only(court).expected, pushed(effects)) == (None, {SUPPORT})
    assert only(court).evidence[-1].words == "ann takes back when it should be fixed"
    assert court.expect(IncidentId("i1"), None, "ann", at(141)) == ticks(court, 141, 500) == []


@pytest.mark.parametrize(
    ("seconds", "why"), [(0, "has passed already"), (-60, "has passed already"), (30 * 86400 + 1, "more than 30 days")]
)
def test_a_time_that_cannot_be_told_is_refused(seconds: float, why: str) -> None:
    court = a_court()
    with pytest.raises(Refused, match=why):
        court.declare(a_declaration(MAIN, 600, expected=at(seconds)), at(0))
    assert not opened(court)
    hear(court, 0, TRUNK_DOWN)
    before = only(court)
    with pytest.raises(Refused, match=why):
        court.expect(IncidentId("i1"), at(seconds), "ann", at(0))
    with pytest.raises(Refused, match="no such open incident"):
        court.expect(IncidentId("i2"), at(60), "ann", at(0))
    assert only(court) == before


def test_an_outage_that_would_be_over_before_it_is_fixed_is_not_declared() -> None:
    court = a_court()
    with pytest.raises(Refused, match="declare it for longer"):
        court.declare(a_declaration(MAIN, 600, expected=at(601)), at(0))
    assert court.declare(a_declaration(MAIN, 600, expected=at(600)), at(0))[0].expected == at(600)


def test_a_declaration_without_a_time_leaves_the_one_that_was_named() -> None:
    court = a_court()
    court.declare(a_declaration(MAIN, 600, expected=at(300), by="ann"), at(0))
    assert "should be fixed by 2026-03-01 09:05 UTC, says ann" in only(court).evidence[-1].words
    court.declare(a_declaration(MAIN, 1200), at(10))
    assert (only(court).expected, only(court).until) == (at(300), at(1200))
    court.declare(a_declaration(MAIN, 1200, expected=at(900)), at(20))
    assert only(court).expected == at(900)


def test_names_of_times_without_end_do_not_make_a_story_without_end() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    for n in range(3 * EVIDENCE_KEPT):
        court.expect(IncidentId("i1"), at(1000 + n), "ann", at(1))
    assert len(only(court).evidence) == 2 * EVIDENCE_KEPT
    assert only(court).evidence[0].source is QUALIFY
    ticks(court, 1, 1400, 10)
    assert [seen.words for seen in only(court).evidence].count(PASSED) == 1


def test_an_operators_own_words_go_with_the_declaration_that_brought_them() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN)
    _incident, effects = court.declare(a_declaration(MAIN, 600, recording=OWN), at(10))
    assert (only(court).recording, only(court).recording_on(SUPPORT), pushed(effects)) == (OWN, OWN, {SUPPORT})
    assert only(court).evidence[-1].words == "declared out of order by an operator, in their own words"
    court.declare(a_declaration(MAIN, 600, recording=OTHER), at(20))
    assert only(court).recording == OTHER
    court.declare(a_declaration(MAIN, 600), at(30))
    assert only(court).recording == NO_RECORDING
    court.declare(a_declaration(MAIN, 600, recording=OWN), at(40))
    effects = ticks(court, 40, 601)
    assert (only(court).recording, pushed(effects)) == (NO_RECORDING, {SUPPORT})
    assert only(court).open


def test_own_words_are_dropped_at_once_when_they_lapse_and_stay_so() -> None:
    court = a_court()
    court.declare(a_declaration(MAIN, 600, recording=OWN), at(0))
    effects = ticks(court, 0, 600)
    assert (only(court).state, only(court).recording) == (IncidentState.MONITORING, NO_RECORDING)
    assert pushed(effects) == {SUPPORT}
    court.move(IncidentId("i1"), IncidentState.IDENTIFIED, "ann", at(601))
    assert only(court).recording == NO_RECORDING


def test_own_words_are_for_those_whom_what_was_declared_touches() -> None:
    court = a_court()
    hear(court, 0, TRUNK_DOWN, says(SHARED, QUALIFY, DOWN))
    court.declare(a_declaration(MAIN, 600, recording=OWN), at(10))
    [incident] = opened(court).values()
    assert [incident.recording_on(line) for line in (SUPPORT, SALES, VIP)] == [OWN, NO_RECORDING, NO_RECORDING]
    court.declare(a_declaration(SHARED, 900, recording=OTHER), at(20))
    assert only(court).recording == OTHER
    court.declare(a_declaration(MAIN, 600, recording=OWN), at(21))
    assert only(court).recording == OWN  # what was declared last
    hear(court, 30, TRUNK_UP)
    ticks(court, 30, 600 + HOLD + 1)
    assert (causes(only(court)), only(court).recording) == ({SHARED}, OTHER)
    court.end(IncidentId("i1"), "ann", at(800))
    hear(court, 810, TRUNK_DOWN)
    assert only(court).recording == NO_RECORDING


@pytest.mark.parametrize("named_since", [True, False])
def test_over_a_restart_the_incident_knows_the_time_and_the_order_the_words(named_since: bool) -> None:
    court, again = a_court(), a_court()
    order = a_declaration(MAIN, 600, expected=at(60), recording=OWN)
    incident, _effects = court.declare(order, at(0))
    if named_since:
        court.expect(incident.id, at(120), "ann", at(30))
    again.adopt(only(court))
    again.stand_by(order, at(100))
    assert (only(again).expected, only(again).recording) == (at(120) if named_since else at(60), OWN)
    assert only(again).overdue(at(100)) is not named_since
    ticks(again, 100, 130)
    assert [seen.words for seen in only(again).evidence].count(PASSED) == 1


@pytest.mark.parametrize(("restarted", "expected"), [(30, 60), (100, None)])
def test_an_order_whose_incident_was_never_stored_stands_by_itself(restarted: float, expected: float | None) -> None:
    court = a_court()
    court.stand_by(a_declaration(MAIN, 600, expected=at(60), recording=OWN), at(restarted))
    assert (only(court).expected, only(court).recording) == (None if expected is None else at(expected), OWN)


def test_own_words_that_lapsed_while_nobody_watched_are_not_heard_again() -> None:
    court, again = a_court(), a_court()
    hear(court, 0, TRUNK_DOWN)
    court.declare(a_declaration(MAIN, 600, recording=OWN), at(10))
    again.adopt(only(court))
    effects = again.tick(at(700))
    assert (only(again).recording, only(again).until) == (NO_RECORDING, None)
    assert (saved(effects), pushed(effects)) == ([only(again)], {SUPPORT})
