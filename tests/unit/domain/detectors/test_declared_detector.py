"""Declarations and reports: each stands by itself until it is withdrawn or nobody renews it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.detectors.declared import Declared
from ami_bridge.domain.names import PbxName
from ami_bridge.domain.orders import Declaration, Refused, Report
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

T0 = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
PBX = PbxName("pbx-1")
TRUNK, SITE = Subject(Kind.TRUNK, "acme"), Subject(Kind.SITE, "north")
CLEAR, SUSPECT, DOWN = Strength.CLEAR, Strength.SUSPECT, Strength.DOWN


def minute(n: float) -> datetime:
    return T0 + timedelta(minutes=n)


def declaration(until: float, by: str = "Anna", what: str = "", subject: Subject = TRUNK) -> Declaration:
    return Declaration(pbx=PBX, subject=subject, until=minute(until), what=what, by=by)


def report(
    until: float, strength: Strength = SUSPECT, told_by: str = "alerts/1", words: str = "packets are lost"
) -> Report:
    return Report(pbx=PBX, subject=TRUNK, strength=strength, words=words, until=minute(until), told_by=told_by)


def strengths(signals: list[Signal]) -> list[tuple[str, Strength]]:
    return [(signal.told_by, signal.strength) for signal in signals]


def test_an_operators_word_is_down_until_it_is_withdrawn() -> None:
    declared = Declared()
    (signal,) = declared.declare(declaration(60, what="calls to mobile phones"), minute(0))
    assert signal == Signal(
        subject=TRUNK,
        source=Source.OPERATOR,
        strength=DOWN,
        words="declared out of order by Anna: calls to mobile phones",
        told_by="operator",
    )
    assert declared.tick(minute(59)) == []
    (over,) = declared.withdraw(TRUNK, "Ben")
    assert (over.strength, over.words, over.told_by) == (CLEAR, "the declaration was withdrawn by Ben", "operator")
    assert declared.withdraw(TRUNK) == []
    assert declared.tick(minute(60)) == []


def test_what_nobody_renews_ends_and_what_is_renewed_is_no_news() -> None:
    declared = Declared()
    declared.declare(declaration(60), minute(0))
    assert declared.declare(declaration(90), minute(50)) == []
    assert declared.tick(minute(60)) == []
    (over,) = declared.tick(minute(90))
    assert (over.strength, over.words) == (CLEAR, "the declaration was not renewed")
    assert len(declared) == 0


def test_another_operator_takes_a_declaration_over() -> None:
    declared = Declared()
    declared.declare(declaration(60), minute(0))
    (other,) = declared.declare(declaration(30, by="Ben"), minute(10))
    assert (other.words, len(declared)) == ("declared out of order by Ben", 1)
    assert [s.strength for s in declared.tick(minute(30))] == [CLEAR]


def test_reports_stand_and_fall_each_by_itself() -> None:
    declared = Declared()
    assert strengths(declared.report(report(10), minute(0))) == [("alerts/1", SUSPECT)]
    assert strengths(declared.report(report(20, DOWN, "alerts/2"), minute(0))) == [("alerts/2", DOWN)]
    assert declared.report(report(10), minute(1)) == []
    assert declared.report(report(12), minute(2)) == []
    assert strengths(declared.report(report(12, words="more packets are lost"), minute(3))) == [("alerts/1", SUSPECT)]
    assert strengths(declared.report(report(12, DOWN), minute(4))) == [("alerts/1", DOWN)]
    assert strengths(declared.report(report(0, CLEAR, "alerts/2", "recovered"), minute(5))) == [("alerts/2", CLEAR)]
    assert declared.report(report(0, CLEAR, "alerts/2"), minute(6)) == []
    (over,) = declared.tick(minute(12))
    assert (over.told_by, over.strength, over.words) == ("alerts/1", CLEAR, "the report of alerts/1 was not renewed")


def test_an_operator_ends_the_declaration_and_not_what_others_report() -> None:
    declared = Declared()
    declared.declare(declaration(60), minute(0))
    declared.declare(declaration(60, subject=SITE), minute(0))
    declared.report(report(60), minute(0))
    assert strengths(declared.withdraw(TRUNK)) == [("operator", CLEAR)]
    assert strengths(declared.tick(minute(60))) == [("operator", CLEAR), ("alerts/1", CLEAR)]


def test_what_is_over_when_it_comes_says_nothing_or_ends_what_stood() -> None:
    declared = Declared()
    assert declared.report(report(0), minute(0)) == []
    assert declared.declare(declaration(1), minute(2)) == []
    declared.report(report(60), minute(2))
    assert strengths(declared.report(report(1), minute(3))) == [("alerts/1", CLEAR)]


def test_a_flood_of_reports_is_refused_and_renewals_are_not() -> None:
    declared = Declared()
    for n in range(1000):
        declared.report(report(60, told_by=f"alerts/{n}"), minute(0))
    with pytest.raises(Refused, match="1000 declarations and reports stand already"):
        declared.report(report(60, told_by="alerts/1000"), minute(1))
    assert declared.report(report(90, told_by="alerts/5"), minute(1)) == []
    assert len(declared.tick(minute(60))) == 999
    assert strengths(declared.report(report(90, told_by="alerts/1000"), minute(61))) == [("alerts/1000", SUSPECT)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["declare", "report", "withdraw", "tick"]),
            st.integers(0, 20),
            st.integers(-5, 60),
            st.sampled_from(Strength),
            st.sampled_from("xyz"),
        ),
        max_size=60,
    )
)
def test_whatever_comes_only_what_was_said_stands_and_only_until_its_time(
    steps: list[tuple[str, int, int, Strength, str]],
) -> None:
    declared, now = Declared(), 0
    told: dict[str, Strength] = {}
    stands: dict[str, tuple[Strength, int]] = {}
    for what, passed, lasts, strength, who in steps:
        now += passed
        signals = declared.tick(minute(now))
        stands = {key: said for key, said in stands.items() if said[1] > now}
        if what == "declare":
            signals += declared.declare(declaration(now + lasts), minute(now))
            stands["operator"] = (DOWN, now + lasts)
        elif what == "report":
            signals += declared.report(report(now + lasts, strength, who), minute(now))
            stands[who] = (strength, now + lasts)
        elif what == "withdraw":
            signals += declared.withdraw(TRUNK)
            stands.pop("operator", None)
        for signal in signals:
            assert signal.strength is not CLEAR or told.get(signal.told_by, CLEAR) is not CLEAR
            told[signal.told_by] = signal.strength
        expected = {key: said for key, (said, until) in stands.items() if until > now and said is not CLEAR}
        assert {key: said for key, said in told.items() if said is not CLEAR} == expected
        assert len(declared) == len(expected)
