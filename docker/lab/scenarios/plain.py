"""One caller, one phone: every way in which that ends."""

from __future__ import annotations

from docker.lab.play import CALLEE, CALLER, Play
from docker.lab.scenarios.registry import scenario


@scenario()
async def answered_caller_hangs_up(play: Play) -> None:
    """A caller from outside talks with 101 and hangs up."""
    caller = await play.from_outside("5551101")
    call = play.truth.call(caller, "5551101", CALLER)
    agent = await play.rings("101")
    call.ringing(agent)
    await agent.answer()
    call.taken(agent)
    await play.talk(caller, agent)
    await caller.hangup()
    call.ended()


@scenario()
async def answered_agent_hangs_up(play: Play) -> None:
    """A caller from outside talks with 101, who hangs up."""
    caller = await play.from_outside("5551101")
    call = play.truth.call(caller, "5551101", CALLER)
    agent = await play.rings("101")
    call.ringing(agent)
    await agent.answer()
    call.taken(agent)
    await play.talk(caller, agent)
    await agent.hangup()
    await caller.gone()
    call.ended()


@scenario()
async def busy(play: Play) -> None:
    """101 lets it ring and then presses the busy button (486)."""
    caller = await play.from_outside("5551101")
    call = play.truth.call(caller, "5551101", CALLER)
    agent = await play.rings("101")
    call.ringing(agent)
    await agent.busy()
    call.dial_ended("busy", agent)
    await caller.gone()
    call.ended("busy")


@scenario()
async def rejected(play: Play) -> None:
    """101 declines (603)."""
    caller = await play.from_outside("5551101")
    call = play.truth.call(caller, "5551101", CALLER)
    agent = await play.rings("101")
    call.ringing(agent)
    await agent.decline()
    call.dial_ended("rejected", agent)
    await caller.gone()
    call.ended("rejected")


@scenario()
async def cancelled(play: Play) -> None:
    """The caller gives up while 101 rings."""
    caller = await play.from_outside("5551101")
    call = play.truth.call(caller, "5551101", CALLER)
    agent = await play.rings("101")
    call.ringing(agent)
    await play.seen("Newstate", Channel=agent.channel, ChannelStateDesc="Ringing")
    await caller.hangup()
    await agent.gone()
    call.dial_ended("cancelled", agent)
    call.ended("cancelled")


@scenario()
async def no_answer(play: Play) -> None:
    """101 rings for as long as the dialplan lets it."""
    caller = await play.from_outside("5551201")
    call = play.truth.call(caller, "5551201", CALLER)
    agent = await play.rings("101")
    call.ringing(agent)
    await agent.gone()
    call.dial_ended("no-answer", agent)
    await caller.gone()
    call.ended("no-answer")


@scenario()
async def phone_not_there(play: Play) -> None:
    """Phone 108 is not registered: nothing can be dialled."""
    await play.away("108")
    caller = await play.from_outside("5551108")
    call = play.truth.call(caller, "5551108", CALLER)
    await caller.gone()
    call.ended("failed")


@scenario()
async def do_not_disturb_at_the_phone(play: Play) -> None:
    """101 is set not to be disturbed and answers 486 without ringing."""
    await play.phone("101", "busy")
    caller = await play.from_outside("5551101")
    call = play.truth.call(caller, "5551101", CALLER)
    agent = await play.rings("101")
    call.dial_ended("busy", agent)
    await caller.gone()
    call.ended("busy")


@scenario()
async def do_not_disturb_at_the_pbx(play: Play) -> None:
    """The dialplan knows that 101 is not to be disturbed, and dials nobody."""
    caller = await play.from_outside("5551301")
    call = play.truth.call(caller, "5551301", CALLER)
    await caller.gone()
    call.ended("busy")


@scenario()
async def early_media_answered(play: Play) -> None:
    """101 sends sound before it answers (183)."""
    caller = await play.from_outside("5551101")
    call = play.truth.call(caller, "5551101", CALLER)
    agent = await play.rings("101")
    call.ringing(agent)
    await agent.early()
    await play.seen("DialState", DestChannel=agent.channel, DialStatus="PROGRESS")
    await agent.answer()
    call.taken(agent)
    await play.talk(caller, agent)
    await caller.hangup()
    call.ended()


@scenario()
async def early_media_busy(play: Play) -> None:
    """101 sends sound, and then 486."""
    caller = await play.from_outside("5551101")
    call = play.truth.call(caller, "5551101", CALLER)
    agent = await play.rings("101")
    call.ringing(agent)
    await agent.early()
    await play.seen("DialState", DestChannel=agent.channel, DialStatus="PROGRESS")
    await agent.busy()
    call.dial_ended("busy", agent)
    await caller.gone()
    call.ended("busy")


@scenario()
async def internal(play: Play) -> None:
    """101 calls 102."""
    caller = await play.from_phone("101", "102")
    call = play.truth.call(caller, "102", "101")
    agent = await play.rings("102")
    call.ringing(agent)
    await agent.answer()
    call.taken(agent)
    await play.talk(caller, agent)
    await caller.hangup()
    call.ended()


@scenario()
async def outbound(play: Play) -> None:
    """101 calls somebody outside."""
    caller = await play.from_phone("101", CALLEE)
    call = play.truth.call(caller, CALLEE, "101")
    person = await play.rings(CALLEE)
    call.ringing(person)
    await person.answer()
    call.taken(person)
    await play.talk(caller, person)
    await person.hangup()
    await caller.gone()
    call.ended()


@scenario()
async def outbound_busy(play: Play) -> None:
    """Whom 101 calls outside is busy."""
    await play.phone(CALLEE, "busy")
    caller = await play.from_phone("101", CALLEE)
    call = play.truth.call(caller, CALLEE, "101")
    person = await play.rings(CALLEE)
    call.dial_ended("busy", person)
    await caller.gone()
    call.ended("busy")


@scenario()
async def outbound_cancelled(play: Play) -> None:
    """101 gives up while the other end rings."""
    caller = await play.from_phone("101", CALLEE)
    call = play.truth.call(caller, CALLEE, "101")
    person = await play.rings(CALLEE)
    call.ringing(person)
    await play.seen("Newstate", Channel=person.channel, ChannelStateDesc="Ringing")
    await caller.hangup()
    call.dial_ended("cancelled", person)
    call.ended("cancelled")


@scenario()
async def withheld_number(play: Play) -> None:
    """A caller who withholds the number talks with 101."""
    caller = await play.from_outside("5551101", withheld=True)
    call = play.truth.call(caller, "5551101", "")
    agent = await play.rings("101")
    call.ringing(agent)
    await agent.answer()
    call.taken(agent)
    await play.talk(caller, agent)
    await caller.hangup()
    call.ended()


@scenario()
async def hung_up_in_a_menu(play: Play) -> None:
    """The PBX answers with a menu; the caller hangs up before any person is called."""
    caller = await play.from_outside("5551600")
    call = play.truth.call(caller, "5551600", CALLER)
    await caller.call.answered()
    await play.seen("Newstate", Channel=caller.channel, ChannelStateDesc="Up")
    await caller.hangup()
    call.ended("cancelled")
