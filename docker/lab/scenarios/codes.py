"""Attended and blonde transfers by feature code: the PBX calls the target for the transferer, within the same call."""

from __future__ import annotations

from docker.lab.play import Leg, Play
from docker.lab.scenarios.blind import in_conversation
from docker.lab.scenarios.registry import scenario
from docker.lab.truth import CallTruth

ATTENDED = "*2"


async def consult(play: Play, call: CallTruth, who: Leg, number: str, *called: str) -> list[Leg]:
    """`who` asks the PBX for the target, whose phone (or phones) rings."""
    await who.press_code(ATTENDED, number)
    targets = [await play.rings(phone) for phone in called]
    for target in targets:
        await play.seen("Newstate", Channel=target.channel, ChannelStateDesc="Ringing")
    call.ringing(*targets)
    return targets


@scenario()
async def attended_code_by_called(play: Play) -> None:
    """101, who was called, talks with 102 and leaves; the caller and 102 are joined."""
    caller, agent, call = await in_conversation(play)
    (target,) = await consult(play, call, agent, "102", "102")
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(agent, target)
    await agent.hangup()
    call.transferred("attended", agent, [target])
    await play.talk(caller, target)
    await caller.hangup()
    call.ended()


@scenario()
async def attended_code_by_caller(play: Play) -> None:
    """101, who called 102, talks with 103 and leaves; 102 and 103 are joined, and 103 hangs up."""
    caller, agent, call = await in_conversation(play, outside=False)
    (target,) = await consult(play, call, caller, "103", "103")
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(caller, target)
    await caller.hangup()
    call.transferred("attended", caller, [target], stays=agent)
    await play.talk(agent, target)
    await target.hangup()
    await agent.gone()
    call.ended()


@scenario()
async def attended_code_target_leaves(play: Play) -> None:
    """102 is asked and hangs up; 101 is back with the caller."""
    caller, agent, call = await in_conversation(play)
    (target,) = await consult(play, call, agent, "102", "102")
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(agent, target)
    await target.hangup()
    await play.talk(agent, caller)
    await caller.hangup()
    call.ended()


@scenario()
async def attended_code_caller_leaves(play: Play) -> None:
    """The caller hangs up while 101 asks 102; those two go on talking."""
    caller, agent, call = await in_conversation(play)
    (target,) = await consult(play, call, agent, "102", "102")
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(agent, target)
    await caller.hangup()
    await play.talk(agent, target)
    await agent.hangup()
    call.ended()


@scenario()
async def attended_code_refused(play: Play) -> None:
    """102 declines to be asked; 101 is back with the caller."""
    caller, agent, call = await in_conversation(play)
    (target,) = await consult(play, call, agent, "102", "102")
    await target.decline()
    call.dial_ended("rejected", target)
    await play.talk(caller, agent)
    await caller.hangup()
    call.ended()


@scenario()
async def blonde_code_by_called(play: Play) -> None:
    """101 hangs up while 102 still rings; 102 answers the caller."""
    caller, agent, call = await in_conversation(play)
    (target,) = await consult(play, call, agent, "102", "102")
    await agent.hangup()
    await play.seen("AttendedTransfer", Result="Success")
    call.transferred("blonde", agent, [target])
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(caller, target)
    await caller.hangup()
    call.ended()


@scenario()
async def blonde_code_to_group(play: Play) -> None:
    """101 hangs up while a ring group still rings; 103 answers the caller."""
    caller, agent, call = await in_conversation(play)
    first, second = await consult(play, call, agent, "240", "103", "104")
    await agent.hangup()
    await play.seen("AttendedTransfer", Result="Success")
    call.transferred("blonde", agent, [first, second])
    await first.answer()
    call.dial_ended("answered", first)
    call.dial_ended("cancelled", second)
    await play.talk(caller, first)
    await caller.hangup()
    call.ended()


@scenario()
async def blonde_code_rejected(play: Play) -> None:
    """101 hangs up while 102 still rings; 102 declines, 101 is rung again by a call of its own and not there."""
    caller, agent, call = await in_conversation(play)
    (target,) = await consult(play, call, agent, "102", "102")
    await agent.hangup()
    await play.seen("AttendedTransfer", Result="Success")
    call.transferred("blonde", agent, [target])
    await target.decline()
    call.dial_ended("rejected", target)
    again = await play.rings("101")
    await caller.gone()
    recall = play.truth.call(again, "", "101")
    recall.ended("no-answer")
    call.ended("rejected")


@scenario()
async def blonde_code_by_caller(play: Play) -> None:
    """101, who called 102, hangs up while 103 still rings; 103 answers 102."""
    caller, agent, call = await in_conversation(play, outside=False)
    (target,) = await consult(play, call, caller, "103", "103")
    await caller.hangup()
    await play.seen("AttendedTransfer", Result="Success")
    call.transferred("blonde", caller, [target], stays=agent)
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(agent, target)
    await agent.hangup()
    call.ended()
