"""Runs: one PBX from its plan to what was heard of it, and many of them on all processors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context

from ami_bridge.domain.effects import AskTrunk, Effect
from benchmarks.simulator.calendar import WEEK
from benchmarks.simulator.engine import Detection, Engine
from benchmarks.simulator.judge import Ear, Finding, Heard, judge
from benchmarks.simulator.noise import Noise
from benchmarks.simulator.people import People
from benchmarks.simulator.real import Real
from benchmarks.simulator.schedule import Schedule
from benchmarks.simulator.topology import BUSY, EVERYDAY, PbxPlan, Traffic, plan, settings_of
from benchmarks.simulator.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One PBX to be simulated. Faults of `kinds` come from the week `learning` on."""

    seed: int
    number: int
    tenants: int
    weeks: float
    suspected: str = "announce"
    kinds: tuple[str, ...] = ()
    learning: float = 0.0

    @property
    def plan(self) -> PbxPlan:
        return plan(self.seed, self.number, self.tenants, BUSY if self.kinds else EVERYDAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it. `without_place` are faults for which no tenant was fit."""

    number: int
    tenants: dict[str, Traffic]
    weeks: float
    events: int
    ticks: int
    calls: int
    findings: list[Finding] = field(default_factory=list)
    false: list[Heard] = field(default_factory=list)
    suspected: int = 0  # incidents that never were more than that
    left_open: int = 0
    without_place: list[str] = field(default_factory=list)


class Simulation:
    """One PBX with everything that happens on it, and whatever listens to it."""

    def __init__(self, order: Order, detection: Detection) -> None:
        self.order, self.ear = order, Ear()
        self.engine = Engine(detection, self._perform)
        self.world = World(order.plan, self.engine, order.seed)
        self.people = {t.name: People(self.world, t, order.seed) for t in order.plan.tenants}
        self.schedule = Schedule(self.world, self.people, order.kinds, order.seed)
        self.noise = Noise(self.world, order.seed)

    def run(self) -> None:
        for people in self.people.values():
            people.begin()
        self.world.begin()
        self.noise.begin()
        end = self.order.weeks * WEEK
        if self.order.kinds:
            self.schedule.plan(self.order.learning * WEEK, end - WEEK / 7)
        self.engine.run(end)

    def _perform(self, effect: Effect, now: float) -> None:
        if isinstance(effect, AskTrunk):
            self.world.trunks[effect.trunk].ask()
        else:
            self.ear.perform(effect, now)

    def result(self) -> Result:
        findings, false = judge(self.schedule.faults, self.ear.heard.values())
        return Result(
            number=self.order.number,
            tenants={tenant.name: tenant.traffic for tenant in self.world.plan.tenants},
            weeks=self.order.weeks,
            events=self.engine.fed,
            ticks=self.engine.ticked,
            calls=self.world.made // 2,
            findings=findings,
            false=false,
            suspected=sum(not heard.sure for heard in self.ear.heard.values()),
            left_open=sum(heard.closed is None for heard in self.ear.heard.values()),
            without_place=[demand.kind for demand in self.schedule.left],
        )


def simulate(order: Order) -> Result:
    """Run one PBX through the detection that ships."""
    simulation = Simulation(order, Real(settings_of(order.plan, order.suspected)))
    simulation.run()
    return simulation.result()


def simulate_all(orders: Iterable[Order]) -> Iterator[Result]:
    """Run many, on all processors there are; results come as they are done."""
    orders = list(orders)
    workers = min(len(orders), os.cpu_count() or 1)
    with get_context("spawn").Pool(workers, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(simulate, orders)
