"""Several phones ring for one caller."""

from __future__ import annotations

import asyncio

from docker.lab.play import CALLER, Leg, Play
from docker.lab.scenarios.registry import scenario
from docker.lab.truth import CallTruth

GROUP = "5551400"
ACCOUNT = "5551409"


async def ring(play: Play, number: str, *phones: str) -> tuple[Leg, CallTruth, list[Leg]]:
    """A caller from outside calls `number`, and all of `phones` ring."""
    caller = await play.from_outside(number)
    call = play.truth.call(caller, number, CALLER)
    legs = [await play.rings(phone) for phone in phones]
    for leg in legs:
        await play.seen("Newstate", Channel=leg.channel, ChannelStateDesc="Ringing")
    call.ringing(*legs)
    return caller, call, legs


@scenario()
async def group_one_answers(play: Play) -> None:
    """101, 102 and 103 ring; 102 takes the call."""
    caller, call, (first, second, third) = await ring(play, GROUP, "101", "102", "103")
    await second.answer()
    call.taken(second, first, third)
    await play.talk(caller, second)
    await caller.hangup()
    call.ended()


@scenario()
async def group_one_busy(play: Play) -> None:
    """101, 102 and 103 ring; 101 presses the busy button, and 103 takes the call."""
    caller, call, (first, second, third) = await ring(play, GROUP, "101", "102", "103")
    await first.busy()
    await play.seen("DialEnd", DestChannel=first.channel)
    call.dial_ended("busy", first)
    await third.answer()
    call.taken(third, second)
    await play.talk(caller, third)
    await caller.hangup()
    call.ended()


@scenario()
async def group_all_reject(play: Play) -> None:
    """101, 102 and 103 decline one after the other."""
    caller, call, legs = await ring(play, GROUP, "101", "102", "103")
    for leg in legs:
        await leg.decline()
        call.dial_ended("rejected", leg)
    await caller.gone()
    call.ended("rejected")


@scenario()
async def group_cancelled(play: Play) -> None:
    """The caller gives up while all three ring."""
    caller, call, legs = await ring(play, GROUP, "101", "102", "103")
    await caller.hangup()
    call.dial_ended("cancelled", *legs)
    call.ended("cancelled")


@scenario()
async def group_nobody(play: Play) -> None:
    """All three ring, and nobody takes the call."""
    caller, call, legs = await ring(play, "5551401", "101", "102", "103")
    await caller.gone()
    call.dial_ended("no-answer", *legs)
    call.ended("no-answer")


@scenario()
async def two_devices_one_answers(play: Play) -> None:
    """One account on two devices: both ring, the second takes the call."""
    caller, call, (first, second) = await ring(play, ACCOUNT, "109a", "109b")
    await second.answer()
    call.taken(second, first)
    await play.talk(caller, second)
    await caller.hangup()
    call.ended()


@scenario()
async def two_devices_busy(play: Play) -> None:
    """Both devices of one account ring, and are refused with the busy button."""
    caller, call, legs = await ring(play, ACCOUNT, "109a", "109b")
    for leg in legs:
        await leg.busy()
        call.dial_ended("busy", leg)
    await caller.gone()
    call.ended("busy")


@scenario()
async def two_devices_cancelled(play: Play) -> None:
    """Both devices of one account ring until the caller gives up."""
    caller, call, legs = await ring(play, ACCOUNT, "109a", "109b")
    await caller.hangup()
    await asyncio.gather(*(leg.gone() for leg in legs))
    call.dial_ended("cancelled", *legs)
    call.ended("cancelled")
