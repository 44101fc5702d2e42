"""What the PBX said in every recorded scenario, replayed, is what was true of it (recorded by docker/lab/traces.py)."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

from ami_bridge.fact_lines import as_line
from ami_bridge.replaying import Replay, Told
from docker.lab.scenarios import SCENARIOS
from docker.lab.truth import Fields, by_call

HERE = Path(__file__).parent
TRACES = sorted(HERE.glob("asterisk-*/*.ami")) + sorted(HERE.glob("history/*/*.ami"))


def replayed(stream: bytes) -> list[Fields]:
    replay = Replay()
    told = itertools.chain(replay.feed(stream), replay.finish())
    return [json.loads(as_line(item.fact, None)) for item in told if isinstance(item, Told)]


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: f"{trace.parent.name}/{trace.stem}")
def test_the_facts_are_the_truth(trace: Path) -> None:
    expected = [json.loads(line) for line in trace.with_suffix(".facts.jsonl").read_text().splitlines()]
    assert by_call(replayed(trace.read_bytes())) == by_call(expected)


@pytest.mark.parametrize("version", [16, 22])
def test_every_scenario_of_a_version_is_recorded(version: int) -> None:
    there = {trace.stem for trace in TRACES if trace.parent == HERE / f"asterisk-{version}"}
    assert there == {scenario.name for scenario in SCENARIOS.values() if version in scenario.versions}


def test_traces_name_nobody_outside_the_lab() -> None:
    for trace in TRACES:
        text = trace.read_text("utf-8")
        assert not re.search(r"(?i)secret|password", text), trace
        assert set(re.findall(r"\b\d+\.\d+\.\d+(?=\.\d+\b)", text)) <= {"10.213.77"}, trace
