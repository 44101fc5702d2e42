"""A support line's people: agents of a queue, or phones that ring together, and the callers who wait for them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ami_bridge.domain import events as ev
from ami_bridge.domain.events import DeviceState, DialOutcome
from ami_bridge.domain.names import Device, QueueName, Uniqueid
from benchmarks.simulator.calls import Call
from benchmarks.simulator.topology import TALK, LinePlan

if TYPE_CHECKING:
    from benchmarks.simulator.world import World

RING = 15.0  # seconds a queue rings an agent
GROUP_RING = 30.0  # and the dialplan a group
ABANDON_MEAN, ABANDON_LEAST = 240.0, 30.0  # patience of callers in a queue
WRONG_NUMBER = 0.03  # of callers, who hang up within seconds


@dataclass(slots=True)
class Agent:
    """Somebody with a phone. `member`: logged in; a group's phones always are."""

    device: Device
    member: bool = False
    paused: bool = False
    present: bool = True  # the phone is registered
    busy: bool = False
    rests_until: float = 0.0

    def can_take(self, now: float) -> bool:
        return self.member and self.present and not self.paused and not self.busy and now >= self.rests_until

    @property
    def state(self) -> DeviceState:
        if not self.present:
            return DeviceState.ABSENT
        return DeviceState.BUSY if self.busy else DeviceState.FREE


class Desk:
    """The queue or ring group of a line. Faults set `deaf`, `talk` and `patience`."""

    def __init__(self, world: World, plan: LinePlan) -> None:
        self.world, self.plan = world, plan
        self.agents = [Agent(device, member=plan.queue is None) for device in plan.phones]
        self.waiting: deque[tuple[Call, float]] = deque()
        self.deaf = False  # nobody picks up
        self.talk: float | None = None  # seconds a call takes, about
        self.patience = 1.0

    # ---- callers

    def arrives(self, call: Call) -> None:
        if self.plan.queue is not None:
            call.join_queue(self.plan.queue, len(self.waiting) + 1)
            self.waiting.append((call, self.world.engine.now))
            self.world.engine.after(self._patience(), self._gives_up, call)
            self.match()
        else:
            self._ring_all(call)

    def _patience(self) -> float:
        dice = self.world.dice
        if dice.random() < WRONG_NUMBER:
            return dice.uniform(1, 8)
        return (ABANDON_LEAST + dice.expovariate(1 / ABANDON_MEAN)) * self.patience

    def match(self) -> None:
        """Give callers to agents who can take one, first come, first served."""
        now = self.world.engine.now
        while self.waiting:
            agent = next((agent for agent in self.agents if agent.can_take(now)), None)
            if agent is None:
                return
            call, _since = self.waiting.popleft()
            if call.queue is not None and not call.over:
                self._ring(call, agent)

    def _ring(self, call: Call, agent: Agent) -> None:
        dice, engine = self.world.dice, self.world.engine
        leg = call.dial(agent.device)
        call.alert(leg)
        self._occupied(agent, busy=True)
        if self.deaf or dice.random() < 0.02:
            engine.after(RING, self._rings_out, call, agent, leg)
        else:
            engine.after(dice.uniform(2, 9), self._picks_up, call, agent, leg)

    def _rings_out(self, call: Call, agent: Agent, leg: Uniqueid) -> None:
        if leg not in call.channels or self.plan.queue is None:
            return
        self.world.emit(ev.AgentRangOut(queue=self.plan.queue, device=agent.device))
        call.dial_ends(leg, DialOutcome.NO_ANSWER)
        call.hang_up(leg, 0)
        self._occupied(agent, busy=False)
        agent.rests_until = self.world.engine.now + 8
        self.waiting.appendleft((call, call.queued_at))
        self.match()
        self.world.engine.after(8.1, self.match)

    def _picks_up(self, call: Call, agent: Agent, leg: Uniqueid) -> None:
        if leg not in call.channels:
            return
        call.answer(leg)
        dice = self.world.dice
        talk = max(10.0, dice.expovariate(1 / TALK)) if self.talk is None else dice.uniform(0.7, 1.3) * self.talk
        self.world.talks(call, call.caller, talk, self._talked, agent)

    def _talked(self, agent: Agent) -> None:
        agent.rests_until = self.world.engine.now + 5
        self._occupied(agent, busy=False)
        self.world.engine.after(5.1, self.match)

    def _gives_up(self, call: Call) -> None:
        if call.queue is None or call.over:
            return
        call.far_end_goes()
        rung = [agent for agent in self.agents if agent.busy and self._leg(call, agent) is not None]
        for agent in rung:
            leg = self._leg(call, agent)
            if leg is not None:
                call.refuse(leg, DialOutcome.CANCELLED, 26)
            self._occupied(agent, busy=False)
        call.leave_queue(answered=False)
        call.ends()
        if rung:
            self.match()

    @staticmethod
    def _leg(call: Call, agent: Agent) -> Uniqueid | None:
        prefix = f"{agent.device}-"
        return next(
            (leg for leg, made in call.channels.items() if leg != call.caller and made.name.startswith(prefix)), None
        )

    # ---- ring groups

    def _ring_all(self, call: Call) -> None:
        engine, dice = self.world.engine, self.world.dice
        free = [agent for agent in self.agents if agent.can_take(engine.now)][:3]
        if not free:
            engine.after(4, call.ends, 17)
            return
        legs = [(agent, call.dial(agent.device)) for agent in free]
        for agent, leg in legs:
            call.alert(leg)
            self._occupied(agent, busy=True)
        if self.deaf or dice.random() < 0.03:
            engine.after(GROUP_RING, self._nobody, call, legs)
        elif dice.random() < WRONG_NUMBER:
            engine.after(dice.uniform(1, 6), self._nobody, call, legs)
        else:
            engine.after(dice.uniform(2, 12), self._one_takes, call, legs)

    def _one_takes(self, call: Call, legs: list[tuple[Agent, Uniqueid]]) -> None:
        if call.over:
            return
        winner, taken = self.world.dice.choice(legs)
        for agent, leg in legs:
            if agent is not winner:
                call.refuse(leg, DialOutcome.CANCELLED, 26)
                self._occupied(agent, busy=False)
        self._picks_up(call, winner, taken)

    def _nobody(self, call: Call, legs: list[tuple[Agent, Uniqueid]]) -> None:
        if call.over:
            return
        for agent, leg in legs:
            call.refuse(leg, DialOutcome.NO_ANSWER, 19)
            self._occupied(agent, busy=False)
        call.far_end_goes()
        call.ends()

    # ---- agents

    def _occupied(self, agent: Agent, *, busy: bool) -> None:
        agent.busy = busy
        if agent.present:
            self._tell(agent)

    def _tell(self, agent: Agent) -> None:
        if self.plan.queue is None:
            self.world.emit(ev.DeviceChanged(device=agent.device, state=agent.state))
        elif agent.member:
            self.world.emit(member(self.plan.queue, agent))

    def log(self, agent: Agent, *, on: bool) -> None:
        """The agent becomes a member of the queue, or ceases to be one."""
        if self.plan.queue is None or agent.member is on:
            return
        agent.member, agent.paused = on, False
        if on:
            self._tell(agent)
            self.match()
        else:
            self.world.emit(ev.QueueMemberRemoved(queue=self.plan.queue, device=agent.device))

    def pause(self, agent: Agent, *, on: bool) -> None:
        if self.plan.queue is None or agent.paused is on or not agent.member:
            return
        agent.paused = on
        self._tell(agent)
        if not on:
            self.match()

    def appears(self, agent: Agent, *, present: bool) -> None:
        """The agent's phone registers, or is gone; its device is told of by the world."""
        agent.present = present
        if self.plan.queue is not None and agent.member:
            self._tell(agent)
        if present:
            self.match()

    def winds_up(self) -> None:
        """Calls that would go on for long end within some minutes."""
        for call in tuple(self.world.live.values()):
            if call.bridge is not None and any(self._leg(call, agent) for agent in self.agents):
                self.world.talks(call, call.caller, self.world.dice.uniform(10, 200), self._talked, self._with(call))

    def _with(self, call: Call) -> Agent:
        return next(agent for agent in self.agents if self._leg(call, agent) is not None)

    def restarts(self) -> None:
        """The PBX forgot all calls."""
        self.waiting.clear()
        for agent in self.agents:
            agent.busy = False

    def listed(self) -> list[ev.Event]:
        queue = self.plan.queue
        return [member(queue, agent) for agent in self.agents if agent.member] if queue is not None else []


def member(queue: QueueName, agent: Agent) -> ev.QueueMemberChanged:
    return ev.QueueMemberChanged(queue=queue, device=agent.device, state=agent.state, paused=agent.paused)
