"""Blind transfers: the other side is sent on, and whoever sent it is gone."""

from __future__ import annotations

from docker.lab.play import CALLER, Leg, Play
from docker.lab.scenarios.registry import scenario
from docker.lab.truth import CallTruth


async def in_conversation(play: Play, *, outside: bool = True) -> tuple[Leg, Leg, CallTruth]:
    """A caller from outside talks with 101; or, inside, 101 has called 102 and talks."""
    number, called = ("5551101", "101") if outside else ("102", "102")
    caller = await (play.from_outside(number) if outside else play.from_phone("101", number))
    call = play.truth.call(caller, number, CALLER if outside else "101")
    agent = await play.rings(called)
    call.ringing(agent)
    await agent.answer()
    call.taken(agent)
    await play.talk(caller, agent)
    return caller, agent, call


async def rings(play: Play, *phones: str) -> list[Leg]:
    """A blind transfer has these phones ring."""
    legs = [await play.rings(phone) for phone in phones]
    for leg in legs:
        await play.seen("Newstate", Channel=leg.channel, ChannelStateDesc="Ringing")
    return legs


async def ends_with(play: Play, call: CallTruth, stays: Leg, target: Leg) -> None:
    """The target answers, they talk, and whoever was transferred hangs up."""
    await target.answer()
    call.dial_ended("answered", target)
    await play.talk(stays, target)
    await stays.hangup()
    call.ended()


@scenario()
async def blind_refer_by_called(play: Play) -> None:
    """101, who was called, sends the caller to 102 by REFER; 102 answers."""
    caller, agent, call = await in_conversation(play)
    await agent.refer("102")
    (target,) = await rings(play, "102")
    call.transferred("blind", agent, [target])
    call.ringing(target)
    await ends_with(play, call, caller, target)


@scenario()
async def blind_refer_by_caller(play: Play) -> None:
    """101, who called 102, sends 102 to 103 by REFER; 103 answers."""
    caller, agent, call = await in_conversation(play, outside=False)
    await caller.refer("103")
    (target,) = await rings(play, "103")
    call.transferred("blind", caller, [target], stays=agent)
    call.ringing(target)
    await ends_with(play, call, agent, target)


@scenario()
async def blind_code_by_called(play: Play) -> None:
    """101, who was called, sends the caller to 102 by feature code; 102 answers."""
    caller, agent, call = await in_conversation(play)
    await agent.press_code("#1", "102")
    (target,) = await rings(play, "102")
    call.transferred("blind", agent, [target])
    call.ringing(target)
    await ends_with(play, call, caller, target)


@scenario()
async def blind_code_by_caller(play: Play) -> None:
    """101, who called 102, sends 102 to 103 by feature code; 103 answers."""
    caller, agent, call = await in_conversation(play, outside=False)
    await caller.press_code("#1", "103")
    (target,) = await rings(play, "103")
    call.transferred("blind", caller, [target], stays=agent)
    call.ringing(target)
    await ends_with(play, call, agent, target)


@scenario()
async def blind_refer_to_group(play: Play) -> None:
    """101 sends the caller to a ring group by REFER; 104 answers."""
    caller, agent, call = await in_conversation(play)
    await agent.refer("240")
    first, second = await rings(play, "103", "104")
    call.transferred("blind", agent, [first, second])
    call.ringing(first, second)
    await second.answer()
    call.dial_ended("answered", second)
    call.dial_ended("cancelled", first)
    await play.talk(caller, second)
    await caller.hangup()
    call.ended()


@scenario()
async def blind_code_to_group_nobody(play: Play) -> None:
    """101 sends the caller to a ring group by feature code; nobody answers."""
    caller, agent, call = await in_conversation(play)
    await agent.press_code("#1", "241")
    legs = await rings(play, "103", "104")
    call.transferred("blind", agent, legs)
    call.ringing(*legs)
    await caller.gone()
    call.dial_ended("no-answer", *legs)
    call.ended("no-answer")


@scenario()
async def blind_refer_to_busy(play: Play) -> None:
    """101 sends the caller to 102, who is busy."""
    await play.phone("102", "busy")
    caller, agent, call = await in_conversation(play)
    await agent.refer("102")
    target = await play.rings("102")
    call.transferred("blind", agent, [target])
    call.dial_ended("busy", target)
    await caller.gone()
    call.ended("busy")


@scenario()
async def blind_refer_rejected(play: Play) -> None:
    """101 sends the caller to 102, who declines."""
    caller, agent, call = await in_conversation(play)
    await agent.refer("102")
    (target,) = await rings(play, "102")
    call.transferred("blind", agent, [target])
    call.ringing(target)
    await target.decline()
    call.dial_ended("rejected", target)
    await caller.gone()
    call.ended("rejected")


@scenario()
async def blind_code_rejected(play: Play) -> None:
    """101 sends the caller to 102 by feature code; 102 declines."""
    caller, agent, call = await in_conversation(play)
    await agent.press_code("#1", "102")
    (target,) = await rings(play, "102")
    call.transferred("blind", agent, [target])
    call.ringing(target)
    await target.decline()
    call.dial_ended("rejected", target)
    await caller.gone()
    call.ended("rejected")


@scenario()
async def blind_refer_unanswered(play: Play) -> None:
    """101 sends the caller to 102, who lets it ring."""
    caller, agent, call = await in_conversation(play)
    await agent.refer("202")
    (target,) = await rings(play, "102")
    call.transferred("blind", agent, [target])
    call.ringing(target)
    await caller.gone()
    call.dial_ended("no-answer", target)
    call.ended("no-answer")


@scenario()
async def blind_refer_caller_gives_up(play: Play) -> None:
    """101 sends the caller to 102; the caller hangs up while 102 rings."""
    caller, agent, call = await in_conversation(play)
    await agent.refer("102")
    (target,) = await rings(play, "102")
    call.transferred("blind", agent, [target])
    call.ringing(target)
    await caller.hangup()
    await target.gone()
    call.dial_ended("cancelled", target)
    call.ended("cancelled")


@scenario()
async def blind_refer_by_caller_unanswered(play: Play) -> None:
    """101, who called 102, sends 102 to 103, who lets it ring."""
    caller, agent, call = await in_conversation(play, outside=False)
    await caller.refer("203")
    (target,) = await rings(play, "103")
    call.transferred("blind", caller, [target], stays=agent)
    call.ringing(target)
    await agent.gone()
    call.dial_ended("no-answer", target)
    call.ended("no-answer")


@scenario()
async def blind_twice(play: Play) -> None:
    """101 sends the caller to 102, who talks and sends the caller to 103."""
    caller, agent, call = await in_conversation(play)
    await agent.refer("102")
    (second,) = await rings(play, "102")
    call.transferred("blind", agent, [second])
    call.ringing(second)
    await second.answer()
    call.dial_ended("answered", second)
    await play.talk(caller, second)
    await second.refer("103")
    (third,) = await rings(play, "103")
    call.transferred("blind", second, [third])
    call.ringing(third)
    await ends_with(play, call, caller, third)
