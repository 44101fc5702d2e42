"""Bodies of any kind become reports or a Misread, never anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from ami_bridge.domain.names import PbxName
from ami_bridge.domain.orders import Report
from ami_bridge.domain.signal import Kind, Strength, Subject
from ami_bridge.integrations.hooks import LONGEST_WORDS, Heard, HookSettings, Rule, alertmanager, plain
from ami_bridge.integrations.reading import MOST_FAULTS, Fault, Misread

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
TRUNK = Subject(Kind.TRUNK, "carrier")
HOOK = HookSettings(
    name="prometheus",
    token=SecretStr("x"),
    rules=(Rule(labels={"job": "carrier"}, pbx=PbxName("pbx1"), subject=TRUNK),),
    lifetime=timedelta(hours=1),
)


def body(*alerts: object, **more: object) -> bytes:
    return json.dumps({"version": "4", "alerts": alerts, **more}).encode()


def test_a_rule_wants_all_its_labels_exactly() -> None:
    rule = Rule(labels={"job": "carrier", "severity": "page"}, pbx=PbxName("pbx1"), subject=TRUNK)
    assert rule.matches({"job": "carrier", "severity": "page", "more": "x"})
    assert not rule.matches({"job": "carrier"})
    assert not rule.matches({"job": "Carrier", "severity": "page"})


def test_two_rules_that_name_one_subject_make_one_report_of_an_alert() -> None:
    twice = HookSettings(name="p", token=SecretStr("x"), rules=HOOK.rules * 2)
    heard = alertmanager(twice, body({"status": "firing", "labels": {"job": "carrier"}}), T0)
    assert len(heard.reports) == 1


def test_without_a_fingerprint_the_labels_tell_alerts_apart_in_any_order() -> None:
    one = {"status": "firing", "labels": {"job": "carrier", "a": "1"}}
    turned = {"status": "firing", "labels": {"a": "1", "job": "carrier"}}
    other = {"status": "firing", "labels": {"a": "2", "job": "carrier"}}
    told = [report.told_by for report in alertmanager(HOOK, body(one, turned, other), T0).reports]
    assert told[0] == told[1] != told[2]


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        ({"summary": "gone", "description": "long"}, "gone"),
        ({"summary": " ", "description": "long"}, "long"),
        ({}, "CarrierDown"),
        ({"summary": "x" * 500}, "x" * (LONGEST_WORDS - 1) + "…"),
    ],
)
def test_the_words_are_the_summary_the_description_or_the_name(annotations: dict[str, str], said: str) -> None:
    alert = {"status": "firing", "labels": {"alertname": "CarrierDown", "job": "carrier"}, "annotations": annotations}
    [report] = alertmanager(HOOK, body(alert), T0).reports
    assert (report.words, report.until) == (f"prometheus says: {said}", T0 + timedelta(hours=1))


def test_what_the_sender_left_out_is_known() -> None:
    assert alertmanager(HOOK, body(truncatedAlerts=7), T0).truncated == 7


def test_a_hook_that_only_suspects_cannot_be_made_to_condemn() -> None:
    said = b'{"pbx": "pbx1", "kind": "trunk", "name": "carrier", "state": "down"}'
    assert plain(HOOK, said, T0).reports[0].strength is Strength.SUSPECT


def test_no_more_faults_are_told_than_anybody_reads() -> None:
    with pytest.raises(Misread) as misread:
        alertmanager(HOOK, body(*[{"status": "ringing", "labels": {}}] * 500), T0)
    assert len(misread.value.faults) == MOST_FAULTS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NEARLY = st.fixed_dictionaries(
    {"version": st.just("4"), "alerts": st.lists(st.fixed_dictionaries({"status": JSON, "labels": JSON}), max_size=2)}
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | NEARLY.map(lambda v: json.dumps(v).encode()))
def test_whatever_comes_is_read_or_refused_by_name(raw: bytes) -> None:
    for reader in (alertmanager, plain):
        faults, reports = _outcome(reader, raw)
        assert all(fault.field and fault.problem for fault in faults)
        assert all(report.until > T0 for report in reports)


def _outcome(
    reader: Callable[[HookSettings, bytes, datetime], Heard], raw: bytes
) -> tuple[tuple[Fault, ...], tuple[Report, ...]]:
    try:
        return (), reader(HOOK, raw, T0).reports
    except Misread as misread:
        return misread.faults, ()
