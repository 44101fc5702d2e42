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
    call.transferred("attended", asking, [target])
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
    call.transferred("attended", asking, [target])
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
    call.transferred("attended", asking, [target], stays=agent)
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
    call.transferred("blonde", asking, [target])
    second.ended("cancelled")
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(caller, target)
    await caller.hangup()
    call.ended()


@scenario()
async def attended_refer_between_two_callers(play: Play) -> None:
    """102 calls 101, who has a caller already, and is joined with that caller."""
    caller, agent, call = await in_conversation(play)
    colleague = await play.from_phone("102", "101")
    second = play.truth.call(colleague, "101", "102")
    other = await play.rings("101")
    second.ringing(other)
    await other.answer()
    second.taken(other)
    await play.talk(colleague, other)
    await agent.refer_to(other, "102")
    await agent.gone()
    call.transferred("attended", other, [colleague])
    second.ended()
    await play.talk(caller, colleague)
    await caller.hangup()
    call.ended()


@scenario()
async def attended_refer_then_blind(play: Play) -> None:
    """101 joins the caller with 102, who sends the caller on to 103."""
    caller, agent, call = await in_conversation(play)
    asking, target, second = await consulted(play, "101", "102")
    await agent.refer_to(asking, "102")
    await agent.gone()
    call.transferred("attended", asking, [target])
    second.ended()
    await play.talk(caller, target)
    await target.refer("103")
    third = await play.rings("103")
    await play.seen("Newstate", Channel=third.channel, ChannelStateDesc="Ringing")
    call.transferred("blind", target, [third])
    call.ringing(third)
    await third.answer()
    call.dial_ended("answered", third)
    await play.talk(caller, third)
    await caller.hangup()
    call.ended()


@scenario()
async def attended_refer_to_group(play: Play) -> None:
    """101 calls a ring group, of which 104 answers, and joins the caller with 104."""
    caller, agent, call = await in_conversation(play)
    asking = await play.from_phone("101", "240")
    second = play.truth.call(asking, "240", "101")
    targets = [await play.rings(phone) for phone in ("103", "104")]
    for target in targets:
        await play.seen("Newstate", Channel=target.channel, ChannelStateDesc="Ringing")
    second.ringing(*targets)
    await targets[1].answer()
    second.taken(targets[1], targets[0])
    await play.talk(asking, targets[1])
    await agent.refer_to(asking, "240")
    await agent.gone()
    call.transferred("attended", asking, [targets[1]])
    second.ended()
    await play.talk(caller, targets[1])
    await caller.hangup()
    call.ended()


@scenario()
async def attended_consult_refused(play: Play) -> None:
    """102 declines to be consulted; 101 goes on with the caller."""
    caller, agent, call = await in_conversation(play)
    asking, target, second = await consult(play, "101", "102", "102")
    await target.decline()
    await asking.gone()
    second.dial_ended("rejected", target)
    second.ended("rejected")
    await play.talk(caller, agent)
    await caller.hangup()
    call.ended()


@scenario()
async def blonde_refer_by_caller(play: Play) -> None:
    """101, who called 102, lets go while 103 still rings; 103 answers 102."""
    caller, agent, call = await in_conversation(play, outside=False)
    asking, target, second = await consult(play, "101", "103", "103")
    await caller.refer_to(asking, "103")
    await caller.gone()
    call.transferred("blonde", asking, [target], stays=agent)
    second.ended("cancelled")
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(agent, target)
    await agent.hangup()
    call.ended()


@scenario()
async def blonde_refer_unanswered(play: Play) -> None:
    """101 lets go while 102 still rings, and 102 never answers."""
    caller, agent, call = await in_conversation(play)
    asking, target, second = await consult(play, "101", "202", "102")
    await agent.refer_to(asking, "202")
    await agent.gone()
    call.transferred("blonde", asking, [target])
    second.ended("cancelled")
    await caller.gone()
    call.dial_ended("no-answer", target)
    call.ended("no-answer")


@scenario()
async def blonde_refer_rejected(play: Play) -> None:
    """101 lets go while 102 still rings, and 102 declines."""
    caller, agent, call = await in_conversation(play)
    asking, target, second = await consult(play, "101", "102", "102")
    await agent.refer_to(asking, "102")
    await agent.gone()
    call.transferred("blonde", asking, [target])
    second.ended("cancelled")
    await target.decline()
    call.dial_ended("rejected", target)
    await caller.gone()
    call.ended("rejected")


@scenario()
async def blonde_refer_to_group(play: Play) -> None:
    """101 lets go while a ring group still rings; 104 answers."""
    caller, agent, call = await in_conversation(play)
    asking = await play.from_phone("101", "240")
    second = play.truth.call(asking, "240", "101")
    targets = [await play.rings(phone) for phone in ("103", "104")]
    for target in targets:
        await play.seen("Newstate", Channel=target.channel, ChannelStateDesc="Ringing")
    second.ringing(*targets)
    await agent.refer_to(asking, "240")
    await agent.gone()
    call.transferred("blonde", asking, targets)
    second.ended("cancelled")
    await targets[1].answer()
    call.dial_ended("answered", targets[1])
    call.dial_ended("cancelled", targets[0])
    await play.talk(caller, targets[1])
    await caller.hangup()
    call.ended()
