"""When which fault comes: at random, in hours in which it can matter, one at a time on each PBX."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ami_bridge.domain.names import TenantName
from benchmarks.simulator import line_faults, trunk_faults
from benchmarks.simulator.calendar import DAY, HOUR, MINUTE
from benchmarks.simulator.faults import Fault, Stage
from benchmarks.simulator.people import People
from benchmarks.simulator.topology import LinePlan, TenantPlan, Traffic
from benchmarks.simulator.traffic import is_open, profile
from benchmarks.simulator.world import FIRST_TRUNK, World

REST = 90 * MINUTE  # after a fault, before the next on the same PBX
LIVELY_BEFORE, LIVELY_AFTER = 10.0, 6 * MINUTE
CLOSE_BEFORE, CLOSE_AFTER = 40 * MINUTE, 30 * MINUTE  # about a fault every qualify is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A kind of fault, and where it can matter: calls an hour at that time, a queue, a second trunk, hours it lasts."""

    inject: Callable[[Stage], Fault]
    callers: float = 0.0
    calls_out: float = 0.0
    calls_on_trunk: float = 0.0
    queue: bool = False
    tells_hours: bool = False  # on a line that may be empty at any time, nobody there is an outage only to many callers
    two_trunks: bool = False
    steady: bool = False  # not for tenants whose hours are hardly ever alike
    hours: float = 1.0

    @property
    def kind(self) -> str:
        return self.inject.__name__

    def suits(self, tenant: TenantPlan, line: LinePlan, at: float) -> bool:
        """Whether the tenant is at work from `at` on for as long as it lasts, with the traffic it takes."""
        share = min(profile(tenant, at + h * HOUR) for h in (0.0, self.hours / 2, self.hours))
        times = [at, at + self.hours * HOUR]
        if not all(is_open(tenant, time) for time in times) or share < 0.4:
            return False
        if (self.queue and line.queue is None) or (self.two_trunks and len(tenant.trunks) < 2):
            return False
        if (self.tells_hours and not tenant.tells_hours) or (self.steady and tenant.traffic is Traffic.BURSTY):
            return False
        on_trunk = tenant.callers * (FIRST_TRUNK if len(tenant.trunks) > 1 else 1.0) + tenant.calls_out
        enough_out = tenant.calls_out * share >= self.calls_out and on_trunk * share >= self.calls_on_trunk
        return enough_out and tenant.callers * line.share * share >= self.callers


DEMANDS = (
    Demand(inject=trunk_faults.registration_rejected),
    Demand(inject=trunk_faults.registration_failed),
    Demand(inject=trunk_faults.registration_stopped),
    Demand(inject=trunk_faults.qualify_lost),
    Demand(inject=trunk_faults.network_cut, calls_out=6),
    Demand(inject=trunk_faults.round_trip),
    Demand(inject=trunk_faults.calls_failing, calls_out=6, hours=2.5),
    Demand(inject=trunk_faults.inbound_silence, callers=4, calls_on_trunk=12, steady=True, hours=4),
    Demand(inject=trunk_faults.poor_audio, calls_on_trunk=18, steady=True, hours=2),
    Demand(inject=trunk_faults.trunk_and_surge, callers=4, two_trunks=True),
    Demand(inject=trunk_faults.both_trunks),
    Demand(inject=line_faults.inbound_surge, callers=4),
    Demand(inject=line_faults.site_phones),
    Demand(inject=line_faults.nobody_logged_in, callers=3, queue=True, tells_hours=True),
    Demand(inject=line_faults.everybody_paused, callers=3, queue=True, tells_hours=True),
    Demand(inject=line_faults.longest_wait, callers=6, queue=True, hours=2.5),
    Demand(inject=line_faults.abandons, callers=6, queue=True, hours=2.5),
    Demand(inject=line_faults.ring_no_answer, callers=4, queue=True),
    Demand(inject=line_faults.link_lost),
    Demand(inject=line_faults.declared),
    Demand(inject=line_faults.webhook),
)
KINDS = tuple(demand.kind for demand in DEMANDS)


def deal(seed: int, each: int, pbxs: int) -> list[list[str]]:
    """`each` faults of every kind, shuffled and dealt to the PBXs."""
    kinds = [kind for kind in KINDS for _ in range(each)]
    random.Random(f"{seed}/deal").shuffle(kinds)
    return [kinds[n::pbxs] for n in range(pbxs)]


class Schedule:
    """Puts faults on one PBX from `begin` to `end`; what found no place is in `left`."""

    def __init__(self, world: World, people: dict[TenantName, People], kinds: Sequence[str], seed: object) -> None:
        self.world, self.people = world, people
        self.left = [next(demand for demand in DEMANDS if demand.kind == kind) for kind in kinds]
        self.faults: list[Fault] = []
        self.dice = random.Random(f"{seed}/schedule/{world.plan.name}")

    def plan(self, begin: float, end: float) -> None:
        """Go through the days, and give each fault a random time in one of them at which it can matter."""
        free = begin
        while free < end and self.left:
            day_ends = (free // DAY + 1) * DAY
            choices = [
                (demand, tenant, line, at)
                for demand in self.dice.sample(self.left, min(6, len(self.left)))
                for at in [self.dice.uniform(free, min(day_ends, free + 5 * HOUR)) for _ in range(3)]
                for tenant, line in self._places()
                if demand.suits(tenant, line, at)
            ]
            if not choices:
                free += HOUR
                continue
            demand, tenant, line, at = self.dice.choice(choices)
            self.left.remove(demand)
            self._set(demand, tenant, line, at)
            free = at + demand.hours * HOUR + REST

    def _places(self) -> Iterable[tuple[TenantPlan, LinePlan]]:
        return ((tenant, line) for tenant in self.world.plan.tenants for line in tenant.lines)

    def _set(self, demand: Demand, tenant: TenantPlan, line: LinePlan, at: float) -> None:
        engine = self.world.engine
        stage = Stage(self.world, self.people[tenant.name], tenant, line)
        engine.at(at - CLOSE_BEFORE * self.dice.uniform(0.5, 1), self._close, True)
        engine.at(at - LIVELY_BEFORE, engine.lively, at + LIVELY_AFTER)
        engine.at(at, self._begins, demand, stage)

    def _begins(self, demand: Demand, stage: Stage) -> None:
        engine = self.world.engine
        fault = demand.inject(stage)
        self.faults.append(fault)
        engine.at(fault.end - 1, engine.lively, fault.end + 2 * MINUTE)
        engine.at(fault.end + CLOSE_AFTER, self._close, False)
        engine.at(fault.end + CLOSE_AFTER, self._stop_counting, fault)

    def _close(self, close: bool) -> None:
        for trunk in self.world.trunks.values():
            trunk.close = close

    def _stop_counting(self, fault: Fault) -> None:
        if fault.trunk is not None:
            self.world.trunks[fault.trunk].failed = None
