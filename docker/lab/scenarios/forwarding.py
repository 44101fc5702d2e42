"""Calls that go on to somebody else before anybody answers."""

from __future__ import annotations

from docker.lab.play import CALLER, Leg, Play
from docker.lab.scenarios.groups import ring
from docker.lab.scenarios.registry import scenario
from docker.lab.truth import CallTruth


async def forwarded(play: Play, call: CallTruth, *phones: str) -> list[Leg]:
    legs = [await play.rings(phone) for phone in phones]
    for leg in legs:
        await play.seen("Newstate", Channel=leg.channel, ChannelStateDesc="Ringing")
    call.ringing(*legs)
    return legs


async def answers(play: Play, call: CallTruth, caller: Leg, by: Leg, *others: Leg) -> None:
    await by.answer()
    call.taken(by, *others)
    await play.talk(caller, by)
    await caller.hangup()
    call.ended()


@scenario()
async def forward_by_phone(play: Play) -> None:
    """101 rings and sends the call to 102 (302), who answers."""
    caller, call, (first,) = await ring(play, "5551101", "101")
    await first.forward("102")
    call.dial_ended("cancelled", first)
    (second,) = await forwarded(play, call, "102")
    await answers(play, call, caller, second)


@scenario()
async def forward_by_phone_to_group(play: Play) -> None:
    """101 sends the call to a ring group, of which 104 answers."""
    caller, call, (first,) = await ring(play, "5551101", "101")
    await first.forward("240")
    call.dial_ended("cancelled", first)
    third, fourth = await forwarded(play, call, "103", "104")
    await answers(play, call, caller, fourth, third)


@scenario()
async def forward_by_phone_unanswered(play: Play) -> None:
    """101 sends the call to 102, who lets it ring."""
    caller, call, (first,) = await ring(play, "5551101", "101")
    await first.forward("202")
    call.dial_ended("cancelled", first)
    (second,) = await forwarded(play, call, "102")
    await caller.gone()
    call.dial_ended("no-answer", second)
    call.ended("no-answer")


@scenario()
async def forward_by_phone_busy(play: Play) -> None:
    """101 sends the call to 102, who is busy."""
    await play.phone("102", "busy")
    caller, call, (first,) = await ring(play, "5551101", "101")
    await first.forward("102")
    call.dial_ended("cancelled", first)
    second = await play.rings("102")
    call.dial_ended("busy", second)
    await caller.gone()
    call.ended("busy")


@scenario()
async def forward_by_dialplan(play: Play) -> None:
    """The dialplan forwards the call through a Local channel to 102, who answers."""
    caller = await play.from_outside("5551700")
    call = play.truth.call(caller, "5551700", CALLER)
    (agent,) = await forwarded(play, call, "102")
    await answers(play, call, caller, agent)


@scenario()
async def forward_by_dialplan_rejected(play: Play) -> None:
    """The dialplan forwards the call through a Local channel to 102, who declines."""
    caller = await play.from_outside("5551700")
    call = play.truth.call(caller, "5551700", CALLER)
    (agent,) = await forwarded(play, call, "102")
    await agent.decline()
    call.dial_ended("rejected", agent)
    await caller.gone()
    call.ended("rejected")


@scenario()
async def forward_by_dialplan_to_group(play: Play) -> None:
    """The dialplan forwards the call to a ring group, of which 103 answers."""
    caller = await play.from_outside("5551701")
    call = play.truth.call(caller, "5551701", CALLER)
    third, fourth = await forwarded(play, call, "103", "104")
    await answers(play, call, caller, third, fourth)


@scenario()
async def forward_by_dialplan_cancelled(play: Play) -> None:
    """The caller hangs up while a ring group behind the forwarding rings."""
    caller = await play.from_outside("5551701")
    call = play.truth.call(caller, "5551701", CALLER)
    legs = await forwarded(play, call, "103", "104")
    await caller.hangup()
    call.dial_ended("cancelled", *legs)
    call.ended("cancelled")
