"""Callers an agent took from a queue and sends on."""

from __future__ import annotations

from docker.lab.play import Leg, Play
from docker.lab.scenarios.attended import consult, consulted
from docker.lab.scenarios.blind import ends_with
from docker.lab.scenarios.blind import rings as rings_blind
from docker.lab.scenarios.queues import ONE, join, rings, taken
from docker.lab.scenarios.registry import scenario
from docker.lab.truth import CallTruth


async def served(play: Play) -> tuple[Leg, Leg, CallTruth]:
    """101 has taken the caller from the queue, and they talk."""
    caller, call = await join(play, ONE, "lab-one")
    (agent,) = await rings(play, call, "101")
    await agent.answer()
    taken(call, "lab-one", agent)
    await play.talk(caller, agent)
    return caller, agent, call


@scenario()
async def queue_onward_blind(play: Play) -> None:
    """The agent sends the caller to 102 by REFER."""
    caller, agent, call = await served(play)
    await agent.refer("102")
    (target,) = await rings_blind(play, "102")
    call.transferred("blind", agent, [target])
    call.ringing(target)
    await ends_with(play, call, caller, target)


@scenario()
async def queue_onward_blind_by_code(play: Play) -> None:
    """The agent sends the caller to 102 by feature code."""
    caller, agent, call = await served(play)
    await agent.press_code("#1", "102")
    (target,) = await rings_blind(play, "102")
    call.transferred("blind", agent, [target])
    call.ringing(target)
    await ends_with(play, call, caller, target)


@scenario()
async def queue_onward_attended(play: Play) -> None:
    """The agent talks with 102 and joins the caller with 102."""
    caller, agent, call = await served(play)
    asking, target, second = await consulted(play, "101", "102")
    await agent.refer_to(asking, "102")
    await agent.gone()
    call.transferred("attended", asking, [target])
    second.ended()
    await play.talk(caller, target)
    await caller.hangup()
    call.ended()


@scenario()
async def queue_onward_attended_by_code(play: Play) -> None:
    """The agent talks with 102 through the PBX's feature and leaves."""
    caller, agent, call = await served(play)
    await agent.press_code("*2", "102")
    (target,) = await rings_blind(play, "102")
    call.ringing(target)
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(agent, target)
    await agent.hangup()
    call.transferred("attended", agent, [target])
    await play.talk(caller, target)
    await caller.hangup()
    call.ended()


@scenario()
async def queue_onward_blonde(play: Play) -> None:
    """The agent lets go while 102 still rings; 102 answers the caller."""
    caller, agent, call = await served(play)
    asking, target, second = await consult(play, "101", "102", "102")
    await agent.refer_to(asking, "102")
    await agent.gone()
    call.transferred("blonde", asking, [target])
    second.ended("cancelled")
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(caller, target)
    await caller.hangup()
    call.ended()
