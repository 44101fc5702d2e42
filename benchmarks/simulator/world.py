"""One PBX with all that telephones over it: trunks, desks, phones, and the calls between them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ami_bridge.domain import events as ev
from ami_bridge.domain.events import ChannelState, DeviceState, DialOutcome
from ami_bridge.domain.names import Device, TrunkName, Uniqueid
from benchmarks.simulator.calendar import HOUR
from benchmarks.simulator.calls import Call
from benchmarks.simulator.carrier import Carriage, Trunk
from benchmarks.simulator.desk import Agent, Desk
from benchmarks.simulator.engine import Engine
from benchmarks.simulator.topology import TALK, LinePlan, PbxPlan, TenantPlan
from benchmarks.simulator.traffic import Series, arrivals, is_open

FIRST_TRUNK = 0.8  # of a tenant's callers come over its first trunk, if it has two
REPORTS = 3  # on the audio, told together; really one in each direction every five seconds
AUDIO_WELL, AUDIO_BAD = 120.0, 15.0  # seconds until the next of them
BAD_CALLER = 0.02  # calls whose audio is bad for the far end's own reasons
NETWORK_FAILURES = 0.004  # calls out that fail somewhere in the network for no fault of the trunk
_NETWORK_CAUSES = (34, 38, 41, 27, 42)
_WRONG, _BUSY, _NOBODY = 0.02, 0.06, 0.16


class World:
    """The truth. What Asterisk would tell of it goes to the engine."""

    def __init__(self, plan: PbxPlan, engine: Engine, seed: object) -> None:
        self.plan, self.engine = plan, engine
        self.dice = random.Random(f"{seed}/world/{plan.name}")
        self.live: dict[Uniqueid, Call] = {}
        self.made = 0
        self.up = True
        self.trunks = {name: Trunk(self, name, self.dice.uniform(0.012, 0.06)) for name in plan.trunks}
        self.desks = {line.name: Desk(self, line) for tenant in plan.tenants for line in tenant.lines}
        self.present = {phone: True for tenant in plan.tenants for phone in tenant.phones}
        self.agents: dict[Device, tuple[Desk, Agent]] = {
            agent.device: (desk, agent) for desk in self.desks.values() for agent in desk.agents
        }
        self.series = [Series(tenant, random.Random(f"{seed}/series/{tenant.name}")) for tenant in plan.tenants]

    def begin(self) -> None:
        """The link comes up for the first time, and traffic begins."""
        self.engine.perform(self.engine.detection.seen_again(self.snapshot(), self.engine.when))
        for trunk in self.trunks.values():
            self.engine.after(self.dice.uniform(0, 900), trunk.qualify)
        self._hour()

    def emit(self, event: ev.Event) -> None:
        if self.up:
            self.engine.emit(event)

    def uniqueid(self) -> Uniqueid:
        self.made += 1
        return Uniqueid(f"{1736121600 + int(self.engine.now)}.{self.made}")

    def _hour(self) -> None:
        now = self.engine.now
        for series in self.series:
            callers, out = series.hour(now)
            for time in arrivals(self.dice, callers, now):
                self.engine.at(time, self.call_in, series.tenant)
            for time in arrivals(self.dice, out, now):
                self.engine.at(time, self.call_out, series.tenant)
        self.engine.after(HOUR, self._hour)

    # ---- callers

    def call_in(self, tenant: TenantPlan, line: LinePlan | None = None, over: TrunkName | None = None) -> None:
        """Somebody calls one of the tenant's numbers."""
        dice = self.dice
        if line is None:
            line = dice.choices(tenant.lines, [one.share for one in tenant.lines])[0]
        if over is None:
            over = tenant.trunks[0] if dice.random() < FIRST_TRUNK else tenant.trunks[-1]
        if not self.up or not self.trunks[over].brings_calls:
            return  # they hear what the carrier has to say
        call = Call(self, self._callers_own_audio())
        call.create(f"PJSIP/{over}", self.number(), line.did)
        if is_open(tenant, self.engine.now):
            self.desks[line.name].arrives(call)
        else:
            call.state(call.caller, ChannelState.UP)
            self.engine.after(dice.uniform(6, 15), self._has_heard_enough, call)

    def _has_heard_enough(self, call: Call) -> None:
        """The dialplan tells callers when the office is open; they hang up."""
        if not call.over:
            call.far_end_goes()
            call.ends()

    def number(self) -> str:
        return f"4930{self.dice.randrange(2_000_000, 2_900_000)}"

    def _callers_own_audio(self) -> tuple[float, float] | None:
        return (
            (self.dice.uniform(0.06, 0.3), self.dice.uniform(0.03, 0.12)) if self.dice.random() < BAD_CALLER else None
        )

    def talks(self, call: Call, heard: Uniqueid, seconds: float, then: Callable[..., None], *arguments: Any) -> None:
        """Two people talk; `heard` is the channel over the trunk. `then` comes at the end, if the PBX still lives."""
        self.engine.after(min(15.0, seconds * 0.9), self._hears, call, heard)
        self.engine.after(seconds, self._parts, call, then, arguments)

    def _hears(self, call: Call, heard: Uniqueid) -> None:
        """The reports of the last quarter of a minute; of a call that sounds well they are not all told."""
        if call.over or call.bridge is None:
            return
        trunk = self.trunks.get(TrunkName(call.channels[heard].name.partition("/")[2].rpartition("-")[0]))
        if trunk is None:
            return
        well = call.audio is None and trunk.loss == 0
        for _ in range(REPORTS):
            lost, jitter = call.audio or (self.dice.uniform(0, 0.004), self.dice.uniform(0.002, 0.008))
            lost += max(0.0, self.dice.gauss(trunk.loss, trunk.loss / 5)) if trunk.loss else 0.0
            self.emit(ev.AudioReported(uniqueid=heard, lost=min(1.0, lost), jitter=jitter + trunk.jitter))
        self.engine.after(AUDIO_WELL if well else AUDIO_BAD, self._hears, call, heard)

    def _parts(self, call: Call, then: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if not call.over:
            if self.dice.random() < 0.6:
                call.far_end_goes()
            call.ends()
            then(*arguments)

    # ---- calls out

    def call_out(self, tenant: TenantPlan, number: str = "", outcome: int | None = None) -> None:
        """Somebody at a phone dials `number`, which ends with the cause `outcome` if one is given."""
        dice = self.dice
        phone = dice.choice(tenant.phones)
        if not self.up or not self.present[phone]:
            return
        if phone in self.agents:
            desk, agent = self.agents[phone]
            if agent.busy or desk.deaf:
                return
        number = number or self.number()
        call = Call(self, self._callers_own_audio())
        call.create(phone, phone.partition("/")[2], number)
        self._try(call, number, tenant.trunks, outcome)

    def _try(self, call: Call, number: str, trunks: tuple[TrunkName, ...], outcome: int | None) -> None:
        """Over the first of `trunks`, and by the others when the network fails it, as a dialplan does."""
        if call.over:
            return
        if not trunks:
            call.ends(34)
            return
        engine, dice = self.engine, self.dice
        trunk = self.trunks[trunks[0]]
        carriage = trunk.out()
        if carriage is Carriage.NO_CONTACT:
            engine.after(0.05, self._try, call, number, trunks[1:], outcome)
            return
        leg = call.dial(f"PJSIP/{trunk.name}", number)
        if carriage is Carriage.SILENT:
            patience = dice.uniform(6, 45)
            if patience < 32:
                engine.after(patience, self._caller_cancels, call, leg)
            else:
                engine.after(32, self._fails, call, leg, 18, number, trunks[1:], None)
        elif carriage is Carriage.REFUSED:
            engine.after(dice.uniform(0.05, 0.4), self._fails, call, leg, trunk.refusal, number, trunks[1:], outcome)
        elif outcome is not None:
            engine.after(dice.uniform(0.5, 4), self._fails, call, leg, outcome, number, (), None)
        else:
            self._is_carried(call, leg, trunk, number, trunks[1:])

    def _is_carried(self, call: Call, leg: Uniqueid, trunk: Trunk, number: str, others: tuple[TrunkName, ...]) -> None:
        engine, dice = self.engine, self.dice
        fate = dice.random()
        if fate < NETWORK_FAILURES:
            engine.after(
                dice.uniform(0.3, 5), self._fails, call, leg, dice.choice(_NETWORK_CAUSES), number, others, None
            )
        elif fate < _WRONG:
            engine.after(dice.uniform(0.5, 3), self._fails, call, leg, dice.choice((1, 1, 28, 22)), number, (), None)
        elif fate < _WRONG + _BUSY:
            engine.after(dice.uniform(1, 4), self._fails, call, leg, dice.choice((17, 17, 21)), number, (), None)
        else:
            rings = dice.uniform(0.8, 3.5) if dice.random() < 0.93 else dice.uniform(4, 9)
            engine.after(rings, self._alerts, call, leg, trunk)
            if fate < _WRONG + _BUSY + _NOBODY:
                engine.after(rings + dice.uniform(10, 30), self._caller_cancels, call, leg)
            else:
                engine.after(rings + dice.uniform(2, 20), self._is_answered, call, leg, trunk)

    def _alerts(self, call: Call, leg: Uniqueid, trunk: Trunk) -> None:
        if leg in call.channels and not trunk.dead:
            call.alert(leg)

    def _is_answered(self, call: Call, leg: Uniqueid, trunk: Trunk) -> None:
        if trunk.dead:  # nobody hears of it any more, and whoever called gives up
            self._caller_cancels(call, leg)
        elif leg in call.channels:
            call.answer(leg)
            self.talks(call, leg, max(5.0, self.dice.expovariate(1 / TALK)), _nothing)

    def _caller_cancels(self, call: Call, leg: Uniqueid) -> None:
        if leg in call.channels:
            call.far_end_goes()
            call.refuse(leg, DialOutcome.CANCELLED, 26)
            call.ends()

    def _fails(
        self, call: Call, leg: Uniqueid, cause: int, number: str, others: tuple[TrunkName, ...], outcome: int | None
    ) -> None:
        if leg not in call.channels:
            return
        if cause in (17, 21):
            call.refuse(leg, DialOutcome.BUSY, cause)
        elif cause in (1, 22, 28):
            call.refuse(leg, DialOutcome.FAILED, cause)
        else:
            call.refuse(leg, DialOutcome.NO_ANSWER if cause == 18 else DialOutcome.FAILED, cause)
            self._try(call, number, others, outcome)
            return
        call.ends(cause)

    # ---- phones, and the PBX as a whole

    def appears(self, phone: Device, *, present: bool) -> None:
        """A phone registers, or is gone."""
        if self.present[phone] is present:
            return
        self.present[phone] = present
        state = DeviceState.FREE if present else DeviceState.ABSENT
        self.emit(ev.DeviceChanged(device=phone, state=state))
        if phone in self.agents:
            desk, agent = self.agents[phone]
            desk.appears(agent, present=present)
        self.engine.stir(1.0)

    def dies(self) -> None:
        """The PBX stops, and every call with it."""
        self.up = False
        for call in tuple(self.live.values()):
            call.ends()
        for desk in self.desks.values():
            desk.restarts()

    def snapshot(self) -> list[ev.Event]:
        """What is true, in the order in which it is asked for."""
        now, calls = self.engine.now, tuple(self.live.values())
        events = [event for call in calls for event in call.listed()]
        events += [event for call in calls for event in call.listed_bridges()]
        events += [event for desk in self.desks.values() for event in desk.listed()]
        events += [event for call in calls for event in call.listed_queues(now)]
        events += [ev.DeviceChanged(device=phone, state=self._state(phone)) for phone in self.present]
        return events + [event for trunk in self.trunks.values() for event in trunk.listed()]

    def _state(self, phone: Device) -> DeviceState:
        if not self.present[phone]:
            return DeviceState.ABSENT
        busy = phone in self.agents and self.agents[phone][1].busy
        return DeviceState.BUSY if busy else DeviceState.FREE


def _nothing() -> None:
    """A call out leaves nobody to be told of its end."""
