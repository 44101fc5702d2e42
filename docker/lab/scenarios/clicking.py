"""Click-to-dial: the PBX rings the agent's phone first, and then whom the agent wants (Originate)."""

from __future__ import annotations

from docker.lab.play import CALLEE, Leg, Play
from docker.lab.scenarios.registry import scenario
from docker.lab.truth import CallTruth


async def click(play: Play, *, seconds: int = 20, dialled: str = CALLEE) -> tuple[Leg, CallTruth]:
    """101 clicks on a number outside, and 101's phone rings. What is `dialled` once it is answered is the number."""
    await play.originate("PJSIP/101", CALLEE, seconds)
    agent = await play.rings("101")
    await play.seen("Newstate", Channel=agent.channel, ChannelStateDesc="Ringing")
    return agent, play.truth.call(agent, dialled, "101")


async def second_side(play: Play, call: CallTruth, agent: Leg) -> Leg:
    """The agent picks up, and the number that was clicked on rings."""
    await agent.answer()
    person = await play.rings(CALLEE)
    await play.seen("Newstate", Channel=person.channel, ChannelStateDesc="Ringing")
    call.ringing(person)
    return person


@scenario()
async def click_both_answer(play: Play) -> None:
    """Both sides answer."""
    agent, call = await click(play)
    person = await second_side(play, call, agent)
    await person.answer()
    call.taken(person)
    await play.talk(agent, person)
    await agent.hangup()
    call.ended()


@scenario()
async def click_first_refuses(play: Play) -> None:
    """101 declines: nobody outside is called."""
    agent, call = await click(play, dialled="")
    await agent.decline()
    call.ended("rejected")


@scenario()
async def click_first_never_answers(play: Play) -> None:
    """101 lets it ring for as long as Originate waits."""
    agent, call = await click(play, seconds=2, dialled="")
    await agent.gone()
    call.ended("no-answer")


@scenario()
async def click_second_refuses(play: Play) -> None:
    """101 picks up; the other end declines."""
    agent, call = await click(play)
    person = await second_side(play, call, agent)
    await person.decline()
    call.dial_ended("rejected", person)
    await agent.gone()
    call.ended("rejected")


@scenario()
async def click_second_busy(play: Play) -> None:
    """101 picks up; the other end refuses with the busy button."""
    agent, call = await click(play)
    person = await second_side(play, call, agent)
    await person.busy()
    call.dial_ended("busy", person)
    await agent.gone()
    call.ended("busy")


@scenario()
async def click_second_never_answers(play: Play) -> None:
    """101 picks up, the other end lets it ring, and 101 gives up."""
    agent, call = await click(play)
    person = await second_side(play, call, agent)
    await agent.hangup()
    await person.gone()
    call.dial_ended("cancelled", person)
    call.ended("cancelled")
