"""What people do all day: log in, take breaks in turn, go home, switch phones off. None of it is an outage."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from ami_bridge.domain.names import Device
from benchmarks.simulator.calendar import DAY, MINUTE, at_local, local
from benchmarks.simulator.desk import Agent, Desk
from benchmarks.simulator.topology import TenantPlan
from benchmarks.simulator.traffic import is_open
from benchmarks.simulator.world import World

LUNCH = 30 * MINUTE
HUDDLES_A_DAY = 0.1  # everybody is away together for a minute at most
REBOOTS_A_DAY = 1 / 30  # phones get new firmware one by one at night


class People:
    """Those of one tenant. An agent who takes a break sees to it that a colleague stays."""

    def __init__(self, world: World, tenant: TenantPlan, seed: object) -> None:
        self.world, self.tenant, self.engine = world, tenant, world.engine
        self.dice = random.Random(f"{seed}/people/{tenant.name}")
        self.desks = [world.desks[line.name] for line in tenant.lines]
        self.seats = {phone for line in tenant.lines for phone in line.phones}
        self.quiet = False  # a fault has taken the agents away: nobody comes or goes

    def begin(self) -> None:
        """Whoever would be at work at this hour is; then day by day."""
        self.are_as_usual()
        self._day()

    def are_as_usual(self) -> None:
        """Whatever kept them away or there is over."""
        self.quiet = False
        there = is_open(self.tenant, self.engine.now)
        for desk in self.desks:
            for agent in desk.agents:
                desk.log(agent, on=there)
                desk.pause(agent, on=False)

    def _day(self) -> None:
        """Plan the 24 hours from now on. They begin at midnight UTC; what is past on the wall comes tomorrow."""
        now, zone = self.engine.now, self.tenant.zone
        self.engine.after(DAY, self._day)
        today = local(now, zone).day
        for day in (today, today + timedelta(days=1)):
            for desk in self.desks:
                if is_open(self.tenant, at_local(day, 10, zone)):
                    self._desk_day(desk, day)
            self._phones_day(day)

    def _on(self, day: date, hour: float, act: Callable[..., None], *arguments: Any) -> None:
        """Do it at `hour` of `day`, if that is within the 24 hours being planned."""
        at = at_local(day, hour, self.tenant.zone)
        if self.engine.now <= at < self.engine.now + DAY:
            self.engine.at(at, act, *arguments)

    def _desk_day(self, desk: Desk, day: date) -> None:
        dice = random.Random(f"{self.tenant.name}/{desk.plan.name}/{day}")
        if self.tenant.office:
            for n, agent in enumerate(desk.agents):
                early = dice.uniform(1, 20) if n == 0 else dice.uniform(-12, 15)
                late = dice.uniform(1, 15) if n == len(desk.agents) - 1 else dice.uniform(-15, 15)
                self._on(day, 8 - early / 60, self._comes, desk, agent)
                self._on(day, 18 + late / 60, self._leaves, desk, agent)
        for n, agent in enumerate(desk.agents):
            self._on(day, 11.5 + n * 0.6 + dice.uniform(0, 0.1), self._breaks, desk, agent, LUNCH)
            for _ in range(2):
                self._on(day, dice.uniform(8.5, 17), self._breaks, desk, agent, dice.uniform(2, 10) * MINUTE)
        if dice.random() < HUDDLES_A_DAY:
            self._on(day, dice.uniform(9, 17), self._huddle, desk, dice.uniform(20, 60))

    def _comes(self, desk: Desk, agent: Agent) -> None:
        if not self.quiet:
            desk.log(agent, on=True)

    def _leaves(self, desk: Desk, agent: Agent) -> None:
        if not self.quiet:
            desk.log(agent, on=False)

    def _breaks(self, desk: Desk, agent: Agent, seconds: float) -> None:
        """Only while a colleague is there; else later, if there is time."""
        if self.quiet or not agent.member or agent.paused:
            return
        colleagues = [a for a in desk.agents if a is not agent and a.member and a.present and not a.paused]
        if not colleagues:
            if is_open(self.tenant, self.engine.now + seconds):
                self.engine.after(3 * MINUTE, self._breaks, desk, agent, seconds)
            return
        desk.pause(agent, on=True)
        self.engine.after(seconds, self._is_back, desk, agent)

    def _huddle(self, desk: Desk, seconds: float) -> None:
        if self.quiet:
            return
        for agent in desk.agents:
            if agent.member and not agent.paused:
                desk.pause(agent, on=True)
                self.engine.after(seconds + self.dice.uniform(0, 10), self._is_back, desk, agent)

    def _is_back(self, desk: Desk, agent: Agent) -> None:
        if not self.quiet:
            desk.pause(agent, on=False)

    def _phones_day(self, day: date) -> None:
        dice = random.Random(f"{self.tenant.name}/phones/{day}")
        closed = not is_open(self.tenant, at_local(day, 10, self.tenant.zone))
        for phone in self.tenant.phones:
            if self.tenant.switches_off and not closed:
                off = dice.uniform(18.35, 19.5) if phone in self.seats else dice.uniform(17, 19.5)
                self._on(day, dice.uniform(6.8, 7.6), self._switch, phone, True)
                self._on(day, off, self._switch, phone, False)
        if dice.random() < REBOOTS_A_DAY and not self.tenant.switches_off:
            for phone in self.tenant.phones:
                at = dice.uniform(2, 4)
                self._on(day, at, self._switch, phone, False)
                self._on(day, at + dice.uniform(40, 80) / 3600, self._switch, phone, True)

    def _switch(self, phone: Device, on: bool) -> None:
        if not self.quiet and self.world.up:
            self.world.appears(phone, present=on)
