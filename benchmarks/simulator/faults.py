"""Faults: what breaks, for how long, how it is mended, and what an honest announcement would then say of whom."""

from __future__ import annotations

from dataclasses import dataclass, field

from ami_bridge.domain.names import LineName, TenantName, TrunkName
from ami_bridge.domain.signal import Kind, Subject
from benchmarks.simulator.carrier import Trunk
from benchmarks.simulator.desk import Desk
from benchmarks.simulator.people import People
from benchmarks.simulator.topology import LinePlan, TenantPlan
from benchmarks.simulator.world import World


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault as injected: the truth to judge by. `may` are subjects that may be named beside those that must."""

    kind: str
    pbx: str
    begin: float
    end: float
    must: frozenset[Subject]
    may: frozenset[Subject] = frozenset()
    lines: frozenset[LineName] = frozenset()
    tenants: frozenset[TenantName] = frozenset()
    told: bool = True
    trunk: TrunkName | None = None  # whose calls are counted until it is known
    failed: list[float] = field(default_factory=list)  # when calls over that trunk were seen to fail


@dataclass(slots=True)
class Stage:
    """Where a fault is put on: a tenant of a PBX, its first trunk and one of its lines."""

    world: World
    people: People
    tenant: TenantPlan
    line: LinePlan

    @property
    def desk(self) -> Desk:
        return self.world.desks[self.line.name]

    @property
    def trunk(self) -> Trunk:
        return self.world.trunks[self.tenant.trunks[0]]

    def fault(self, kind: str, lasts: float, must: set[Subject], may: set[Subject] | None = None) -> Fault:
        """A fault that begins now, with the scope that its subjects have."""
        plan, now = self.world.plan, self.world.engine.now
        lines = {
            (tenant.name, line.name)
            for tenant in plan.tenants
            for line in tenant.lines
            if Subject(Kind.LINE, line.name) in must
            or Subject(Kind.SITE, tenant.site) in must
            or any(Subject(Kind.TRUNK, trunk) in must for trunk in tenant.trunks)
        }
        return Fault(
            kind=kind,
            pbx=plan.name,
            begin=now,
            end=now + lasts,
            must=frozenset(must),
            may=frozenset(may or ()),
            lines=frozenset(line for _tenant, line in lines),
            tenants=frozenset(tenant for tenant, _line in lines),
        )

    def trunk_fault(self, kind: str, least: float, most: float, trunk: Trunk | None = None) -> Fault:
        """One of a trunk. Calls over it are counted, and qualifying is told each time, some while before and after."""
        trunk = trunk or self.trunk
        fault = self.fault(kind, self.lasts(least, most), {Subject(Kind.TRUNK, trunk.name)})
        fault.trunk, trunk.failed = trunk.name, fault.failed
        self.world.engine.at(fault.end, trunk.mend)
        return fault

    def lasts(self, least: float, most: float) -> float:
        return self.world.dice.uniform(least, most)

    def line_fault(self, kind: str, least: float, most: float) -> Fault:
        return self.fault(kind, self.lasts(least, most), {Subject(Kind.LINE, self.line.name)})
