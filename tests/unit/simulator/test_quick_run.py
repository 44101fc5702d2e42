"""A short run through the detection that ships: every kind of fault once, each known for what it is, and no wolf."""

from __future__ import annotations

from collections import Counter

from benchmarks.simulator.run import Order, simulate
from benchmarks.simulator.schedule import KINDS

SEED, LEARNING, WEEKS = 3, 5, 8  # one seed, so that it is the same every time; how often is the benchmark's business


def test_every_kind_of_fault_is_known_and_nothing_else_is_announced() -> None:
    order = Order(seed=SEED, number=3, tenants=3, weeks=WEEKS, kinds=KINDS, learning=LEARNING)
    result = simulate(order)
    assert result.without_place == []
    assert Counter(finding.fault.kind for finding in result.findings) == Counter(KINDS)
    assert {f.fault.kind: f.verdict for f in result.findings if f.verdict != "detected"} == {}
    assert [heard.evidence for heard in result.false] == []
    assert result.left_open == 0
