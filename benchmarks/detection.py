"""How surely and how soon outages are known, and how often the wolf is cried: months of simulated telephone traffic.

Two runs through the detection that ships, with its default settings, save that suspected incidents are announced too.
The first has traffic and everyday noise, and no outage: whatever is announced is false. The second has busier tenants
and, after some weeks of learning, faults of all kinds at random times; each must open exactly one incident with
exactly its causes, lines and tenants. docs/simulator.md says what is simulated, and what is not.

    python benchmarks/detection.py

SEED, WEEKS and TENANTS (of the first run), FAULTS (of each kind) and LEARNING (weeks) are taken from the environment.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from math import ceil
from statistics import median, quantiles

from benchmarks.simulator.judge import Finding
from benchmarks.simulator.run import Order, Result, simulate_all
from benchmarks.simulator.schedule import KINDS, deal

WEEKS, TENANTS = 52, 40
FAULTS, LEARNING = 25, 8  # of each kind; weeks
PER_PBX, PBXS_WITH_FAULTS, TENANTS_WITH_FAULTS = 2, 8, 3
FAULTS_A_WEEK = 13  # on one PBX, one at a time
SHOWN = 12  # misses, and false announcements, that are printed with what was seen


def setting(name: str, otherwise: float) -> float:
    return float(os.environ.get(name) or otherwise)


def quiet_run(seed: int) -> None:
    """Traffic and noise without an outage."""
    weeks, tenants = setting("WEEKS", WEEKS), int(setting("TENANTS", TENANTS))
    numbers = range(ceil(tenants / PER_PBX))
    results = run(Order(seed=seed, number=n, tenants=PER_PBX, weeks=weeks) for n in numbers)
    years: Counter[str] = Counter()
    false: Counter[str] = Counter()
    for result in results:
        for traffic in result.tenants.values():
            years[traffic.value] += 1
        for heard in result.false:
            for tenant in heard.tenants:
                false[result.tenants[tenant].value] += 1
    show_false(results)
    print(f"incidents that were never more than suspected: {sum(result.suspected for result in results)}")
    span = weeks / 52
    for kind, count in years.items():
        figure(f"false_announcements_per_tenant_year_{kind}", f"{false[kind] / count / span:.2f}", "<= 1")
    figure("false_announcements_per_tenant_year", f"{false.total() / years.total() / span:.2f}", "<= 1")


def faults_run(seed: int) -> None:
    """Faults of every kind, dealt to some PBXs."""
    each, learning = int(setting("FAULTS", FAULTS)), setting("LEARNING", LEARNING)
    hands = deal(seed, each, PBXS_WITH_FAULTS)
    weeks = learning + ceil(max(map(len, hands)) / FAULTS_A_WEEK) + 1
    results = run(
        Order(
            seed=seed,
            number=1000 + n,
            tenants=TENANTS_WITH_FAULTS,
            weeks=weeks,
            kinds=tuple(hand),
            learning=learning,
        )
        for n, hand in enumerate(hands)
    )
    findings = [finding for result in results for finding in result.findings]
    if without := Counter(kind for result in results for kind in result.without_place):
        print(f"faults for which there was no place or time: {dict(without)}")
    missed = [finding for finding in findings if finding.verdict != "detected"]
    for finding in missed[:SHOWN]:
        print(f"missed: {told_shortly(finding)}")
    of_kind: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        of_kind[finding.fault.kind].append(finding)
    for kind in KINDS:
        by_kind(kind, of_kind[kind])
    show_false(results)
    print(f"incidents left open at the end: {sum(result.left_open for result in results)}")
    for kind in ("calls_failing", "network_cut"):
        calls_needed(kind, of_kind[kind])
    figure("faults_injected", f"{len(findings)} faults", ">= 500")
    figure("fault_detection_rate", f"{100 * (1 - len(missed) / len(findings)):.2f} %", ">= 99")


def show_false(results: Iterable[Result]) -> None:
    """What was announced without a fault, and on whose word."""
    false = [heard for result in results for heard in result.false]
    print(f"announced without a fault: {len(false)}")
    for heard in false[:SHOWN]:
        print(f"false: {', '.join(map(str, heard.subjects))}: {' / '.join(heard.evidence[:4])}")
    sources = Counter(" and ".join(sorted({said.split()[2].rstrip(":") for said in heard.evidence})) for heard in false)
    for source, count in sources.most_common():
        print(f"false, by what was seen: {source}: {count}")


def told_shortly(finding: Finding) -> str:
    """A missed fault in one line: what was wrong, and what was heard when."""
    fault = finding.fault
    heard = "; ".join(
        f"after {one.opened - fault.begin:.0f} s {', '.join(map(str, one.subjects))}: {' / '.join(one.evidence[:3])}"
        for one in finding.heard
    )
    return (
        f"{fault.kind} on {fault.pbx} for {fault.end - fault.begin:.0f} s: {finding.verdict}; heard {heard or 'none'}"
    )


def by_kind(kind: str, findings: list[Finding]) -> None:
    detected = [finding for finding in findings if finding.seconds is not None]
    wrong = Counter(finding.verdict for finding in findings if finding.verdict != "detected")
    sure = sum(finding.sure for finding in detected)
    print(f"{kind}: {len(detected)} of {len(findings)} detected, {sure} of them surely {dict(wrong) if wrong else ''}")
    seconds = [finding.seconds for finding in detected if finding.seconds is not None]
    if seconds:
        figure(f"detect_p50_{kind}", f"{median(seconds):.0f} s", "printed")
        figure(f"detect_p99_{kind}", f"{p99(seconds):.0f} s", "printed")


def calls_needed(kind: str, findings: Iterable[Finding]) -> None:
    """Of trunks that failed while calls were sent over them: calls that had failed when it was known.

    A call into a cut network counts as failed after 4 s without a sign of life.
    """
    under_traffic = [finding for finding in findings if finding.calls]
    if not under_traffic:
        return
    calls = [finding.calls for finding in under_traffic if finding.calls is not None]
    in_time = sum(bool(finding.in_time) for finding in under_traffic)
    print(f"{kind} under traffic: {len(calls)}, known within 3 calls or 5 s of the first: {in_time}")
    figure(f"calls_until_known_{kind}", f"{median(calls):.0f} calls, {max(calls)} at most", "<= 3, or 5 s")


def run(orders: Iterable[Order]) -> list[Result]:
    began = time.monotonic()
    results = sorted(simulate_all(orders), key=lambda result: result.number)
    tenant_weeks = sum(len(result.tenants) * result.weeks for result in results)
    calls, events, ticks = (sum(getattr(r, what) for r in results) for what in ("calls", "events", "ticks"))
    took = time.monotonic() - began
    print(f"{tenant_weeks:.0f} tenant-weeks: {calls} calls, {events} events, {ticks} ticks in {took:.0f} s")
    return results


def p99(values: list[float]) -> float:
    """The 99th percentile, by linear interpolation between the order statistics."""
    return quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else values[0]


def figure(name: str, value: str, goal: str) -> None:
    print(f"figure: {name} = {value} (goal: {goal})", flush=True)


def main() -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    print(f"seed: {seed}", flush=True)
    faults_run(seed)
    quiet_run(seed)


if __name__ == "__main__":
    main()
