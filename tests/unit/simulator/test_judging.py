"""What counts as detected, as missed and as false."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ami_bridge.domain.effects import PushLine, SaveIncident
from ami_bridge.domain.incident import Cause, Incident, IncidentState, Story
from ami_bridge.domain.names import IncidentId, LineName, PbxName, TenantName, TrunkName
from ami_bridge.domain.signal import Kind, Subject
from benchmarks.simulator.calendar import moment
from benchmarks.simulator.faults import Fault
from benchmarks.simulator.judge import Ear, Finding, judge

TRUNK, OTHER = Subject(Kind.TRUNK, "main"), Subject(Kind.TRUNK, "spare")
LINE = LineName("support")
FAULT = Fault(
    kind="network_cut",
    pbx="pbx-1",
    begin=1000.0,
    end=2000.0,
    must=frozenset({TRUNK}),
    may=frozenset({Subject(Kind.LINE, LINE)}),
    lines=frozenset({LINE}),
    tenants=frozenset({TenantName("acme")}),
    trunk=TrunkName("main"),
    failed=[1010.0, 1012.0, 1013.0, 1100.0],
)


def incident(at: float, *subjects: Subject, name: str = "i", told: bool = True) -> Incident:
    since = moment(at)
    return Incident(
        id=IncidentId(name),
        pbx=PbxName("pbx-1"),
        tenants=(TenantName("acme"),),
        causes=tuple(Cause(subject=subject, since=since, lines=(LINE,)) for subject in subjects or (TRUNK,)),
        lines=(LINE,),
        story=Story.OUTAGE,
        what="our main line",
        told=told,
        state=IncidentState.IDENTIFIED,
        since=since,
        changed=since,
        next_word=since + timedelta(minutes=30),
    )


def heard(*incidents: Incident, closed_after: float = 300.0) -> Ear:
    ear = Ear()
    for one in incidents:
        at = (one.since - moment(0)).total_seconds()
        ear.perform(SaveIncident(one), at)
        ear.perform(PushLine(LINE), at + 0.5)
        ear.perform(SaveIncident(replace(one, state=IncidentState.RESOLVED)), at + closed_after)
    return ear


def found(ear: Ear, fault: Fault = FAULT) -> Finding:
    return judge([fault], ear.heard.values())[0][0]


def test_the_time_is_until_the_line_is_brought_up_to_date() -> None:
    finding = found(heard(incident(1014.0)))
    assert finding.verdict == "detected"
    assert finding.seconds == 14.5
    assert (finding.calls, finding.in_time) == (3, True)


def test_a_fourth_call_long_after_the_first_is_not_in_time() -> None:
    finding = found(heard(incident(1101.0)))
    assert (finding.calls, finding.in_time) == (4, False)


@pytest.mark.parametrize(
    ("ear", "verdict"),
    [
        (heard(), "nothing heard"),
        (heard(incident(900.0), closed_after=200), "already open"),
        (heard(incident(900.0), closed_after=50), "nothing heard"),
        (heard(incident(2200.0)), "too late"),
        (heard(incident(1010.0), incident(1400.0, name="j")), "more than one incident"),
        (heard(incident(1010.0), incident(2300.0, name="j")), "more than one incident"),
        (heard(incident(1010.0, TRUNK, OTHER)), "wrong causes"),
        (heard(incident(1010.0, Subject(Kind.LINE, LINE))), "wrong causes"),
        (heard(incident(1010.0, OTHER)), "nothing heard"),
        (heard(replace(incident(1010.0), tenants=())), "wrong tenants"),
        (heard(incident(1010.0, told=False)), "not told"),
    ],
)  # fmt: skip
def test_what_is_not_exactly_right_is_missed(ear: Ear, verdict: str) -> None:
    assert found(ear).verdict == verdict


def test_lines_must_be_exactly_those_touched() -> None:
    fault = replace(FAULT, lines=frozenset({LINE, LineName("sales")}))
    assert found(heard(incident(1010.0)), fault).verdict == "wrong lines"


def test_a_consequence_may_be_named_beside_its_cause() -> None:
    assert found(heard(incident(1010.0, TRUNK, Subject(Kind.LINE, LINE)))).verdict == "detected"


def test_what_was_announced_without_a_fault_is_false() -> None:
    ear = heard(incident(1010.0), incident(1010.0, OTHER, name="j"), incident(9000.0, name="k", told=False))
    assert [one.id for one in judge([FAULT], ear.heard.values())[1]] == ["j"]
