"""A mobile telephone that must confirm with a key, lest a voicemail box be taken for a person."""

from __future__ import annotations

from docker.lab.play import CALLER, MOBILE, Leg, Play
from docker.lab.scenarios.registry import scenario
from docker.lab.truth import CallTruth

ALONE, BESIDE = "5551800", "5551801"


async def rings(play: Play, number: str, *phones: str) -> tuple[Leg, CallTruth, list[Leg]]:
    caller = await play.from_outside(number)
    call = play.truth.call(caller, number, CALLER)
    legs = [await play.rings(phone) for phone in phones]
    for leg in legs:
        await play.seen("Newstate", Channel=leg.channel, ChannelStateDesc="Ringing")
    call.ringing(*legs)
    return caller, call, legs


async def confirms(leg: Leg, key: str) -> None:
    """Pick up, hear the beep, press."""
    await leg.answer()
    await leg.press_code("", key)


@scenario()
async def mobile_accepts(play: Play) -> None:
    """The mobile is picked up and confirms."""
    caller, call, (mobile,) = await rings(play, ALONE, MOBILE)
    await confirms(mobile, "1")
    call.taken(mobile)
    await play.joined(caller, mobile)
    await play.talk(caller, mobile)
    await caller.hangup()
    call.ended()


@scenario()
async def mobile_refuses(play: Play) -> None:
    """The mobile is picked up and refuses."""
    caller, call, (mobile,) = await rings(play, ALONE, MOBILE)
    await confirms(mobile, "2")
    await caller.gone()
    call.dial_ended("no-answer", mobile)
    call.ended("no-answer")


@scenario()
async def mobile_never_presses(play: Play) -> None:
    """A voicemail box picks the mobile's call up, and presses nothing."""
    caller, call, (mobile,) = await rings(play, ALONE, MOBILE)
    await mobile.answer()
    await caller.gone()
    call.dial_ended("no-answer", mobile)
    call.ended("no-answer")


@scenario()
async def mobile_in_group_accepts(play: Play) -> None:
    """101 and the mobile ring; the mobile confirms."""
    caller, call, (desk, mobile) = await rings(play, BESIDE, "101", MOBILE)
    await confirms(mobile, "1")
    call.taken(mobile, desk)
    await play.joined(caller, mobile)
    await play.talk(caller, mobile)
    await caller.hangup()
    call.ended()


@scenario()
async def mobile_in_group_refuses(play: Play) -> None:
    """101 and the mobile ring; the mobile refuses, and 101 answers."""
    caller, call, (desk, mobile) = await rings(play, BESIDE, "101", MOBILE)
    await confirms(mobile, "2")
    await mobile.gone()
    call.dial_ended("no-answer", mobile)
    await desk.answer()
    call.taken(desk)
    await play.talk(caller, desk)
    await caller.hangup()
    call.ended()


@scenario()
async def mobile_in_group_voicemail(play: Play) -> None:
    """101 and the mobile ring; a voicemail box picks up the mobile's, and 101 answers meanwhile."""
    caller, call, (desk, mobile) = await rings(play, BESIDE, "101", MOBILE)
    await mobile.answer()
    await desk.answer()
    call.dial_ended("answered", desk)
    call.answered(desk)
    await play.talk(caller, desk)
    await caller.hangup()
    await mobile.gone()
    call.dial_ended("no-answer", mobile)
    call.ended()
