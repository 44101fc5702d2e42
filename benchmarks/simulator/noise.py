"""What goes wrong every day in a telephone network without being an outage. None of it may be announced."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

from ami_bridge.domain.events import RegistrationState
from ami_bridge.domain.names import Device, MaintenanceId
from ami_bridge.domain.orders import Maintenance
from ami_bridge.domain.signal import Kind, Subject
from benchmarks.simulator.calendar import DAY, HOUR, MINUTE, WEEK, moment
from benchmarks.simulator.carrier import QUALIFY_TIMEOUT, SENT_AGAIN, Trunk
from benchmarks.simulator.topology import TenantPlan
from benchmarks.simulator.world import World

LOST_OPTIONS_EVERY = 4 * WEEK  # per trunk
LAPSE_MEAN = 1.0  # seconds for which nothing comes through, as it goes on after the last time OPTIONS was sent
HICCUP_EVERY = 6 * WEEK  # of a trunk's registration
BROKEN_NUMBER_EVERY = 4 * WEEK  # per tenant: somebody dials one dead number again and again
LINK_LOSS_EVERY = 2 * WEEK  # per PBX: seconds
RESTART_EVERY = 13 * WEEK  # per PBX: in a planned window


class Noise:
    """One PBX's everyday troubles, each at random times with the mean distance above."""

    def __init__(self, world: World, seed: object) -> None:
        self.world, self.engine = world, world.engine
        self.dice = random.Random(f"{seed}/noise/{world.plan.name}")

    def begin(self) -> None:
        for trunk in self.world.trunks.values():
            self._again(LOST_OPTIONS_EVERY, self._loses_options, trunk)
            self._again(HICCUP_EVERY, self._hiccup, trunk)
        for tenant in self.world.plan.tenants:
            self._again(BROKEN_NUMBER_EVERY, self._broken_number, tenant)
        self._again(LINK_LOSS_EVERY, self._link_loss)
        self._again(RESTART_EVERY, self._plans_restart)

    def _again(self, every: float, act: Callable[..., None], *arguments: Any) -> None:
        self.engine.after(self.dice.expovariate(1 / every), act, *arguments)

    def _loses_options(self, trunk: Trunk) -> None:
        """A second or so in which nothing comes through, just when OPTIONS is sent, and sent again.

        Asterisk gives up a second and a half after it has sent it for the last time; often all is well by then.
        """
        self._again(LOST_OPTIONS_EVERY, self._loses_options, trunk)
        if trunk.reachable and not trunk.dead and self.world.up:
            trunk.lapse = True
            lasts = self.dice.expovariate(1 / LAPSE_MEAN) - (QUALIFY_TIMEOUT - SENT_AGAIN[-1])
            self.engine.after(max(0.0, lasts), self._through_again, trunk)
            trunk.loses()
            self.engine.after(MINUTE, trunk.answers)

    @staticmethod
    def _through_again(trunk: Trunk) -> None:
        trunk.lapse = False

    def _hiccup(self, trunk: Trunk) -> None:
        """A registration that is not renewed at the first try."""
        self._again(HICCUP_EVERY, self._hiccup, trunk)
        if trunk.registration is RegistrationState.REGISTERED and self.world.up:
            bad = self.dice.choice((RegistrationState.UNREGISTERED, RegistrationState.REJECTED))
            trunk.registers(bad)
            seconds = min(40.0, 1 + self.dice.expovariate(1 / 8))
            self.engine.after(seconds, self._registered_again, trunk, bad)

    @staticmethod
    def _registered_again(trunk: Trunk, bad: RegistrationState) -> None:
        """Unless something worse has come over it meanwhile."""
        if trunk.registration is bad and not trunk.forgotten:
            trunk.registers(RegistrationState.REGISTERED)

    def _broken_number(self, tenant: TenantPlan) -> None:
        self._again(BROKEN_NUMBER_EVERY, self._broken_number, tenant)
        number, cause, at = self.world.number(), self.dice.choice((38, 27, 34, 41)), 0.0
        for _ in range(self.dice.randint(3, 8)):
            self.engine.after(at, self.world.call_out, tenant, number, cause)
            at += self.dice.uniform(8, 90)

    def _link_loss(self) -> None:
        """The link to the PBX drops, and comes back within seconds."""
        self._again(LINK_LOSS_EVERY, self._link_loss)
        if self.engine.sighted and self.world.up:
            self.engine.lose_link("the connection was reset")
            self.engine.after(self.dice.uniform(1, 20), self.engine.regain_link, self.world.snapshot)

    def _plans_restart(self) -> None:
        """An operator plans an update for the coming Sunday night, two hours, and restarts the PBX in it."""
        self._again(RESTART_EVERY, self._plans_restart)
        now = self.engine.now
        begin = (now // WEEK + 1) * WEEK - DAY + 2 * HOUR
        if begin <= now:
            return
        name = self.world.plan.name
        work = Maintenance(
            id=MaintenanceId(UUID(int=self.dice.getrandbits(128)).hex),
            pbx=name,
            subject=Subject(Kind.PBX, name),
            begin=moment(begin),
            end=moment(begin + 2 * HOUR),
            what="our telephone system",
            announced=False,
        )
        self.engine.perform(self.engine.detection.order(work, self.engine.when))
        self.engine.at(begin + self.dice.uniform(5, 60) * MINUTE, self._restart)

    def _restart(self) -> None:
        """Calls are gone; registrations and phones come back one after the other."""
        if not (self.world.up and self.engine.sighted):
            return
        world = self.world
        self.engine.lose_link("the PBX shut down")
        world.dies()
        here = [phone for phone, present in world.present.items() if present]
        for phone in here:
            world.appears(phone, present=False)
        for trunk in world.trunks.values():
            trunk.registers(RegistrationState.UNREGISTERED)
        self.engine.after(self.dice.uniform(20, 90), self._is_back, here)

    def _is_back(self, here: list[Device]) -> None:
        self.world.up = True
        self.engine.regain_link(self.world.snapshot)
        for trunk in self.world.trunks.values():
            self.engine.after(self.dice.uniform(1, 6), trunk.registers, RegistrationState.REGISTERED)
        for phone in here:
            self.engine.after(self.dice.uniform(1, 120), self._phone_is_back, phone)

    def _phone_is_back(self, phone: Device) -> None:
        self.world.appears(phone, present=True)
