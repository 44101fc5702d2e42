"""Callers who wait in a queue, and what becomes of them."""

from __future__ import annotations

from docker.lab.play import CALLER, Leg, Play
from docker.lab.scenarios.registry import scenario
from docker.lab.truth import CallTruth

ALL, ONE, TURNS, NOBODY, STRICT, LEAVE, LOCAL, NOBODY_2S, ONE_2S = (f"555150{digit}" for digit in range(9))


async def join(play: Play, number: str, queue: str) -> tuple[Leg, CallTruth]:
    """A caller from outside joins a queue."""
    caller = await play.from_outside(number)
    call = play.truth.call(caller, number, CALLER)
    call.queue_joined(queue)
    return caller, call


async def rings(play: Play, call: CallTruth, *phones: str) -> list[Leg]:
    """The queue rings these phones."""
    legs = [await play.rings(phone) for phone in phones]
    for leg in legs:
        await play.seen("Newstate", Channel=leg.channel, ChannelStateDesc="Ringing")
    call.ringing(*legs)
    return legs


def taken(call: CallTruth, queue: str, by: Leg, *others: Leg) -> None:
    call.dial_ended("answered", by)
    call.queue_left(queue, "answered")
    call.dial_ended("cancelled", *others)
    call.answered(by)


@scenario()
async def queue_answered(play: Play) -> None:
    """Both agents ring, 102 takes the caller, who hangs up in the end."""
    caller, call = await join(play, ALL, "lab-all")
    first, second = await rings(play, call, "101", "102")
    await second.answer()
    taken(call, "lab-all", second, first)
    await play.talk(caller, second)
    await caller.hangup()
    call.ended()


@scenario()
async def queue_answered_agent_hangs_up(play: Play) -> None:
    """The only agent takes the caller and hangs up in the end."""
    caller, call = await join(play, ONE, "lab-one")
    (agent,) = await rings(play, call, "101")
    await agent.answer()
    taken(call, "lab-one", agent)
    await play.talk(caller, agent)
    await agent.hangup()
    await caller.gone()
    call.ended()


@scenario()
async def queue_abandoned_while_ringing(play: Play) -> None:
    """The caller hangs up while the agent's phone rings."""
    caller, call = await join(play, ONE, "lab-one")
    (agent,) = await rings(play, call, "101")
    await caller.hangup()
    await agent.gone()
    call.dial_ended("cancelled", agent)
    call.queue_left("lab-one", "abandoned")
    call.ended("abandoned")


@scenario()
async def queue_abandoned_without_agents(play: Play) -> None:
    """The caller waits in a queue of nobody, and hangs up."""
    caller, call = await join(play, NOBODY, "lab-nobody")
    await play.seen("QueueCallerJoin", Channel=caller.channel)
    await caller.hangup()
    call.queue_left("lab-nobody", "abandoned")
    call.ended("abandoned")


@scenario()
async def queue_timed_out(play: Play) -> None:
    """The caller may wait for two seconds, and there is no agent."""
    caller, call = await join(play, NOBODY_2S, "lab-nobody")
    await caller.gone()
    call.queue_left("lab-nobody", "timeout")
    call.ended("no-answer")


@scenario()
async def queue_timed_out_while_ringing(play: Play) -> None:
    """The caller may wait for two seconds, in which the agent does not answer."""
    caller, call = await join(play, ONE_2S, "lab-one")
    (agent,) = await rings(play, call, "101")
    await caller.gone()
    call.dial_ended("no-answer", agent)
    call.queue_left("lab-one", "timeout")
    call.ended("no-answer")


@scenario()
async def queue_not_joined(play: Play) -> None:
    """A queue that takes nobody when it has no agents: the caller never waits."""
    caller = await play.from_outside(STRICT)
    call = play.truth.call(caller, STRICT, CALLER)
    await caller.gone()
    call.ended("no-answer")


@scenario()
async def queue_became_empty(play: Play) -> None:
    """The only agent rejects the call and pauses: the queue sends its caller away."""
    caller, call = await join(play, LEAVE, "lab-leave")
    (agent,) = await rings(play, call, "101")
    await play.lab.pbx.ami.action("QueuePause", {"Interface": "PJSIP/101", "Queue": "lab-leave", "Paused": "true"})
    try:
        await agent.busy()
        call.dial_ended("busy", agent)
        await caller.gone()
    finally:
        await play.lab.pbx.ami.action("QueuePause", {"Interface": "PJSIP/101", "Queue": "lab-leave", "Paused": "false"})
    call.queue_left("lab-leave", "empty")
    call.ended("no-answer")


@scenario(22)
async def queue_withdrawn(play: Play) -> None:
    """An administrator takes the caller out of the queue. (Asterisk 16 has no such action.)"""
    caller, call = await join(play, NOBODY, "lab-nobody")
    await play.seen("QueueCallerJoin", Channel=caller.channel)
    await play.lab.pbx.ami.action("QueueWithdrawCaller", {"Queue": "lab-nobody", "Caller": caller.channel})
    await caller.gone()
    call.queue_left("lab-nobody", "withdrawn")
    call.ended("no-answer")


@scenario()
async def queue_ring_no_answer(play: Play) -> None:
    """101 does not answer in two seconds, 102 is next and does."""
    caller, call = await join(play, TURNS, "lab-turns")
    (first,) = await rings(play, call, "101")
    await first.gone()
    call.dial_ended("no-answer", first)
    (second,) = await rings(play, call, "102")
    await second.answer()
    taken(call, "lab-turns", second)
    await play.talk(caller, second)
    await caller.hangup()
    call.ended()


@scenario()
async def queue_agent_rejects(play: Play) -> None:
    """101 declines, 102 is next and takes the caller."""
    caller, call = await join(play, TURNS, "lab-turns")
    (first,) = await rings(play, call, "101")
    await first.decline()
    call.dial_ended("rejected", first)
    (second,) = await rings(play, call, "102")
    await second.answer()
    taken(call, "lab-turns", second)
    await play.talk(caller, second)
    await caller.hangup()
    call.ended()


@scenario()
async def queue_local_member(play: Play) -> None:
    """The member is a number of the dialplan, behind which 103 answers."""
    caller, call = await join(play, LOCAL, "lab-local")
    (agent,) = await rings(play, call, "103")
    await agent.answer()
    taken(call, "lab-local", agent)
    await play.talk(caller, agent)
    await caller.hangup()
    call.ended()


@scenario()
async def queue_local_member_abandoned(play: Play) -> None:
    """The caller hangs up while a member behind the dialplan rings."""
    caller, call = await join(play, LOCAL, "lab-local")
    (agent,) = await rings(play, call, "103")
    await caller.hangup()
    await agent.gone()
    call.dial_ended("cancelled", agent)
    call.queue_left("lab-local", "abandoned")
    call.ended("abandoned")
