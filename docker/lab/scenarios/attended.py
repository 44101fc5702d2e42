"""Attended and blonde transfers by REFER with Replaces: the transferer calls the target first, in a call of its own."""

from __future__ import annotations

from docker.lab.play import Leg, Play
from docker.lab.scenarios.blind import in_conversation
from docker.lab.scenarios.registry import scenario
from docker.lab.truth import CallTruth


async def consult(play: Play, who: str, number: str, called: str) -> tuple[Leg, Leg, CallTruth]:
    """`who` makes a second call, to the target, which rings."""
    asking = await play.from_phone(who, number)
    call = play.truth.call(asking, number, who)
    target = await play.rings(called)
    await play.seen("Newstate", Channel=target.channel, ChannelStateDesc="Ringing")
    call.ringing(target)
    return asking, target, call


async def consulted(play: Play, who: str, called: str) -> tuple[Leg, Leg, CallTruth]:
    """The same, and the target answers and is told who waits."""
    asking, target, call = await consult(play, who, called, called)
    await target.answer()
    call.taken(target)
    await play.talk(asking, target)
    return asking, target, call


@scenario()
async def attended_refer_by_called(play: Play) -> None:
    """101, who was called, talks with 102 and joins the caller with 102; the caller hangs up."""
    caller, agent, call = await in_conversation(play)
    asking, target, second = await consulted(play, "101", "102")
    await agent.refer_to(asking, "102")
    await agent.gone()
    call.transferred("attended", agent, [target])
    second.ended()
    await play.talk(caller, target)
    await caller.hangup()
    call.ended()


@scenario()
async def attended_refer_target_hangs_up(play: Play) -> None:
    """The same, and the target hangs up."""
    caller, agent, call = await in_conversation(play)
    asking, target, second = await consulted(play, "101", "102")
    await agent.refer_to(asking, "102")
    await agent.gone()
    call.transferred("attended", agent, [target])
    second.ended()
    await play.talk(caller, target)
    await target.hangup()
    await caller.gone()
    call.ended()


@scenario()
async def attended_refer_by_caller(play: Play) -> None:
    """101, who called 102, talks with 103 and joins 102 with 103."""
    caller, agent, call = await in_conversation(play, outside=False)
    asking, target, second = await consulted(play, "101", "103")
    await caller.refer_to(asking, "103")
    await caller.gone()
    call.transferred("attended", caller, [target], stays=agent)
    second.ended()
    await play.talk(agent, target)
    await agent.hangup()
    call.ended()


@scenario()
async def blonde_refer_by_called(play: Play) -> None:
    """101 lets go while 102 still rings; 102 answers the caller."""
    caller, agent, call = await in_conversation(play)
    asking, target, second = await consult(play, "101", "102", "102")
    await agent.refer_to(asking, "102")
    await agent.gone()
    call.transferred("blonde", agent, [target])
    second.ended("cancelled")
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(caller, target)
    await caller.hangup()
    call.ended()
