"""Calls that are parked, and what becomes of them."""

from __future__ import annotations

from docker.lab.play import Leg, Play
from docker.lab.scenarios.blind import in_conversation
from docker.lab.scenarios.registry import scenario
from docker.lab.truth import CallTruth


async def parked(play: Play) -> tuple[Leg, Leg, CallTruth, str]:
    """101 parks the caller; the place is returned."""
    caller, agent, call = await in_conversation(play)
    await agent.refer("700")
    place = await play.seen("ParkedCall", ParkeeChannel=caller.channel)
    await agent.gone()
    return caller, agent, call, place["ParkingSpace"]


@scenario()
async def parked_and_fetched(play: Play) -> None:
    """102 fetches the caller back by dialling the place."""
    caller, _, call, place = await parked(play)
    fetching = await play.from_phone("102", place)
    await fetching.call.answered()
    second = play.truth.call(fetching, place, "102")
    call.answered(fetching)
    second.answered(caller)
    await play.talk(caller, fetching)
    await caller.hangup()
    second.ended()
    call.ended()


@scenario()
async def parked_too_long(play: Play) -> None:
    """Nobody fetches the caller, and 101 is rung again and answers."""
    caller, _, call, _ = await parked(play)
    again = await play.rings("101")
    await play.seen("Newstate", Channel=again.channel, ChannelStateDesc="Ringing")
    call.ringing(again)
    await again.answer()
    call.taken(again)
    await play.talk(caller, again)
    await caller.hangup()
    call.ended()


@scenario()
async def parked_caller_hangs_up(play: Play) -> None:
    """The caller does not wait to be fetched."""
    caller, _, call, _ = await parked(play)
    await caller.hangup()
    call.ended()
