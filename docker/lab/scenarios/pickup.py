"""A phone rings, and a colleague takes the call on another one."""

from __future__ import annotations

from docker.lab.play import Leg, Play
from docker.lab.scenarios.groups import GROUP, ring
from docker.lab.scenarios.queues import ONE, join, rings
from docker.lab.scenarios.registry import scenario
from docker.lab.truth import CallTruth

DIRECT = "5551101"


async def picked_up(play: Play, call: CallTruth, caller: Leg, by: Leg, *rung: Leg) -> None:
    """The colleague talks with the caller, whose call nobody else has."""
    await by.call.answered()
    call.dial_ended("cancelled", *rung)
    call.answered(by)
    await play.talk(caller, by)
    await caller.hangup()
    call.ended()


@scenario()
async def pickup_by_code(play: Play) -> None:
    """101 rings; 102 dials *8 and has the caller."""
    caller, call, (rung,) = await ring(play, DIRECT, "101")
    by = await play.from_phone("102", "*8")
    await picked_up(play, call, caller, by, rung)


@scenario()
async def pickup_by_application(play: Play) -> None:
    """101 rings; 102 dials a number that runs Pickup()."""
    caller, call, (rung,) = await ring(play, DIRECT, "101")
    by = await play.from_phone("102", "*7")
    await picked_up(play, call, caller, by, rung)


@scenario()
async def pickup_directed(play: Play) -> None:
    """101 rings; 102 dials **101."""
    caller, call, (rung,) = await ring(play, DIRECT, "101")
    by = await play.from_phone("102", "**101")
    await picked_up(play, call, caller, by, rung)


@scenario()
async def pickup_by_sip(play: Play) -> None:
    """101 rings; 102 takes that dialog over by an INVITE with Replaces."""
    caller, call, (rung,) = await ring(play, DIRECT, "101")
    by = await play.from_phone("102", "101", **await rung.replaced())
    await picked_up(play, call, caller, by, rung)


@scenario()
async def pickup_from_group(play: Play) -> None:
    """101, 102 and 103 ring; 104, who is not among them, dials *8."""
    caller, call, legs = await ring(play, GROUP, "101", "102", "103")
    by = await play.from_phone("104", "*8")
    await picked_up(play, call, caller, by, *legs)


@scenario()
async def pickup_from_queue(play: Play) -> None:
    """The queue's only agent rings; 102 dials *8 and has the caller."""
    caller, call = await join(play, ONE, "lab-one")
    (rung,) = await rings(play, call, "101")
    by = await play.from_phone("102", "*8")
    await by.call.answered()
    call.dial_ended("cancelled", rung)
    call.queue_left("lab-one", "answered")
    call.answered(by)
    await play.talk(caller, by)
    await caller.hangup()
    call.ended()


@scenario()
async def pickup_of_nothing(play: Play) -> None:
    """102 dials *8 while no phone rings."""
    by = await play.from_phone("102", "*8")
    call = play.truth.call(by, "*8", "102")
    await by.gone()
    call.ended("rejected")
