"""A scenario as it is played: who calls, whose phone rings, what each does with it, and whose voice each hears.

Scenarios (docker/lab/scenarios) say what happens in these words; the tones in the recordings say whether it did.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from docker.lab.ami import Event, NotSeen
from docker.lab.carrier import Call
from docker.lab.recorder import Recorder
from docker.lab.stack import Lab
from docker.lab.truth import Truth
from docker.lab.voices import TONES, voices

CALLER = "15551230001"  # somebody outside who calls in
CALLEE = "15551230002"  # somebody outside who is called
MOBILE = "15551239001"  # an agent's mobile telephone
WITHHELD = "withheld"  # what the carrier calls a caller without a number
TALK = 0.8  # seconds; a voice counts as heard after a quarter of one
PROMPT = 0.7  # seconds that a person listens to a prompt before dialling into it
PHONES = ("101", "102", "103", "104", "105", "106", "107", "108", "109a", "109b")


class Misheard(AssertionError):
    """Somebody heard another voice than the scenario says."""


@dataclass(slots=True)
class Leg:
    """One person's phone in one call: `who` has it, `endpoint` is its name on the PBX, the `nth` of its channels."""

    play: Play
    call: Call
    who: str
    endpoint: str
    nth: int
    heard: list[str] = field(default_factory=list)

    @property
    def channel(self) -> str:
        """The name of its channel on the PBX; known once the PBX has one."""
        return self.play.created(self)["Channel"]

    @property
    def linkedid(self) -> str:
        """What its channel was linked to when it appeared."""
        return self.play.created(self)["Linkedid"]

    async def answer(self) -> None:
        """Pick up, and wait until the other side knows."""
        await self.call.do("answer")
        await self.call.answered()

    async def busy(self) -> None:
        """Refuse with 486, as the button on a ringing phone does."""
        await self.call.do("busy")
        await self.call.ended()

    async def decline(self) -> None:
        """Refuse with 603."""
        await self.call.do("decline")
        await self.call.ended()

    async def early(self) -> None:
        """Send sound before the answer (183)."""
        await self.call.do("early")

    async def forward(self, number: str) -> None:
        """Send the ringing call on with 302."""
        await self.call.do("transfer", TRANSFER_TO=f"<sip:{number}@{self.play.pbx_address}>")
        await self.call.ended()

    async def refer(self, number: str) -> None:
        """Send the other side to `number` with REFER and leave."""
        await self.call.do("transfer", TRANSFER_TO=f"<sip:{number}@{self.play.pbx_address}>")

    async def refer_to(self, consult: Leg, number: str) -> None:
        """Join the other side with who is, or rings, at the end of `consult`: REFER with Replaces."""
        replaces = (await consult.dialog()).replace(";", "%3B").replace("=", "%3D")
        await self.call.do("transfer", TRANSFER_TO=f"<sip:{number}@{self.play.pbx_address}?Replaces={replaces}>")

    async def dialog(self) -> str:
        """The value of a Replaces header that names this phone's SIP dialog with the PBX, as the PBX knows its ends."""
        ends = [await self.call.variable(f"CHANNEL(pjsip,{part})") for part in ("call-id", "remote_tag", "local_tag")]
        return f"{ends[0]};to-tag={ends[1]};from-tag={ends[2]}"

    async def replaced(self) -> dict[str, str]:
        """The channel variables with which a colleague's call takes over this phone's dialog, which still rings."""
        return {"PJSIP_HEADER(add,Replaces)": f"{await self.dialog()};early-only"}

    async def press(self, keys: str) -> None:
        await self.call.press(keys)

    async def press_code(self, code: str, number: str) -> None:
        """A feature code, and after its prompt has begun the number."""
        if code:
            await self.press(code)
        await asyncio.sleep(PROMPT)
        await self.press(number)

    async def hangup(self) -> None:
        await self.call.hangup()

    async def gone(self, deadline: float = 15) -> None:
        """Wait until this leg has ended, by whoever's doing."""
        await self.call.ended(deadline)

    def hears(self, other: Leg) -> None:
        """From now on `other` is who is heard here: the recording is held to it when everybody is gone."""
        if self.heard[-1:] != [other.who]:
            self.heard.append(other.who)


class Play:
    """One scenario on the running lab."""

    def __init__(self, lab: Lab, recorder: Recorder, pbx_address: str) -> None:
        self.lab, self.recorder, self.pbx_address = lab, recorder, pbx_address
        self.truth = Truth()
        self._legs: list[Leg] = []
        self._count: Counter[str] = Counter()
        self._mark = lab.carrier.ami.mark()
        self._described: set[str] = set()
        self._away: set[str] = set()

    async def phone(self, who: str, mode: str) -> None:
        """Have a phone do something else than ring until it is told (modes: carrier/extensions.conf)."""
        self._described.add(who)
        await describe(self.lab, who, mode)

    async def away(self, who: str) -> None:
        """Have a phone unregister."""
        self._away.add(who)
        await self.lab.carrier.agent_leaves(who)

    async def back(self, who: str) -> None:
        """Have it register again."""
        await self.lab.carrier.agent_arrives(who)
        self._away.discard(who)

    async def from_outside(self, number: str, *, withheld: bool = False) -> Leg:
        """Somebody calls `number` over a trunk."""
        call = await self.lab.carrier.call(number, number=None if withheld else CALLER)
        return await self._leg(call, CALLER, "acme-backup")

    async def from_phone(self, who: str, number: str, **variables: str) -> Leg:
        """Somebody dials `number` at a desk."""
        target = f"sip:{number}@{self.pbx_address}:5060"
        call = await self.lab.carrier.call_from(who, target, **variables)
        return await self._leg(call, who, who[:3])

    async def originate(self, channel: str, number: str, seconds: int) -> None:
        """Have the PBX ring `channel` for so long, and have whoever answers there dial `number`."""
        where = {"Channel": channel, "Context": "from-agents", "Exten": number, "Priority": "1"}
        await self.lab.pbx.ami.action("Originate", {**where, "Timeout": str(seconds * 1000), "Async": "true"})

    async def joined(self, *legs: Leg) -> None:
        """Wait until each has been in a bridge."""
        for leg in legs:
            await self.seen("BridgeEnter", Channel=leg.channel)

    async def rings(self, who: str, deadline: float = 10) -> Leg:
        """Wait until the PBX calls `who`, each call once."""
        call = await self.lab.carrier.expect_call(who, since=self._mark, deadline=deadline)
        return await self._leg(call, who, who[:3] if len(who) < 5 else "acme-primary")

    async def talk(self, one: Leg, other: Leg) -> None:
        """Both talk for a while, and hear each other."""
        one.hears(other)
        other.hears(one)
        await asyncio.sleep(TALK)

    async def seen(self, name: str, deadline: float = 10, **headers: str) -> Event:
        """Wait until the PBX has told of an event with these headers since the scenario began."""
        end = time.monotonic() + deadline
        while True:
            for event in self.recorder.so_far():
                if event.name == name and all(event[key] == value for key, value in headers.items()):
                    return event
            if time.monotonic() > end:
                raise NotSeen(f"no {name} with {headers} within {deadline} s")
            await asyncio.sleep(0.05)

    def created(self, leg: Leg) -> Event:
        """The event that told of the leg's channel."""
        found = self._channels_of(leg.endpoint)
        if len(found) <= leg.nth:
            raise NotSeen(f"the PBX has no channel {leg.nth + 1} of {leg.endpoint}")
        return found[leg.nth]

    async def finished(self) -> bytes:
        """Everybody is gone: check who heard whom, and return the recorded stream."""
        raw = await self.recorder.end()
        for leg in self._legs:
            if leg.heard:
                heard = voices(await leg.call.recorded())
                if heard != leg.heard:
                    raise Misheard(f"{leg.who} should have heard {leg.heard}, and heard {heard}")
        return raw

    async def clear(self) -> None:
        """Whatever happened: nobody is on the phone, and phones do as they are told again."""
        await self.lab.carrier.hang_up_all()
        await self.lab.pbx.ami.command("channel request hangup all")
        for who in self._described:
            await describe(self.lab, who)
        for who in self._away:
            await self.lab.carrier.agent_arrives(who)

    async def _leg(self, call: Call, who: str, endpoint: str) -> Leg:
        leg = Leg(self, call, who, endpoint, self._count[endpoint])
        self._count[endpoint] += 1
        self._legs.append(leg)
        await self._on_the_pbx(leg)
        return leg

    async def _on_the_pbx(self, leg: Leg, deadline: float = 5) -> None:
        """Wait until the PBX has the leg's channel. It rings an account's devices in any order: ask which is which."""
        end = time.monotonic() + deadline
        while True:
            found = [event["Channel"] for event in self._channels_of(leg.endpoint)]
            if len(found) > leg.nth:
                break
            if time.monotonic() > end:
                raise NotSeen(f"the PBX has no channel {leg.nth + 1} of {leg.endpoint}")
            await asyncio.sleep(0.02)
        if len(leg.who) != len(leg.endpoint) and leg.who.startswith(leg.endpoint):
            dialog = await leg.call.variable("CHANNEL(pjsip,call-id)")
            for nth, channel in enumerate(found):
                if await self.lab.pbx.variable("CHANNEL(pjsip,call-id)", channel) == dialog:
                    leg.nth = nth

    def _channels_of(self, endpoint: str) -> list[Event]:
        return [
            event
            for event in self.recorder.so_far()
            if event.name == "Newchannel" and event["Channel"].startswith(f"PJSIP/{endpoint}-")
        ]


async def describe(lab: Lab, who: str, mode: str = "driven") -> None:
    """What a phone does with a call: ring until the driver says more, unless told otherwise; and its voice."""
    await lab.carrier.phone(who, mode=mode, tone=TONES[CALLER if who == WITHHELD else who])
