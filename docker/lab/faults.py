"""What goes wrong in a telephone network, really done to the running lab, and really mended.

Each fault is an async context manager: inside it the fault is there, after it, whatever happened, it is mended. What
is done is said in each docstring; how the PBX comes to know of it is the PBX's business.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from docker.lab.carrier import Call
from docker.lab.stack import Lab, Stack

MEDIA = "20000:20999"  # the carrier's RTP and RTCP ports (docker/carrier/rtp.conf)
PACKET = "200"  # bytes of an IPv4 packet with 20 ms of G.711: RTP and no RTCP
SERVICE_UNAVAILABLE = "34"  # the Q.850 cause that Asterisk sends as a 503
_MARK = "; fault"
_CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class Faults:
    """Breaks the lab of Asterisk 22."""

    stack: Stack
    lab: Lab

    @contextlib.asynccontextmanager
    async def carrier_killed(self) -> AsyncIterator[None]:
        """Kill the carrier's Asterisk with SIGKILL; every trunk and phone dies with it. Start it again."""
        await self.stack.kill(_CARRIER, "KILL")
        try:
            yield
        finally:
            await self.stack.start(_CARRIER)
            await self.lab.carrier.ami.close()
            self.lab.carrier.ami = await self.stack.ami(_CARRIER)

    @contextlib.asynccontextmanager
    async def registration_rejected(self, trunk: str) -> AsyncIterator[None]:
        """Have the carrier answer 403 to every REGISTER of `trunk`; calls and OPTIONS pass as before.

        The PBX renews its registration at once, here and when that is mended, instead of up to a minute later.
        """
        section = f"\\[{trunk}\\](customer-registered)"
        await self._carrier_settings(f"/^{section}$/a max_contacts = 0 {_MARK}")
        try:
            await self._register(trunk)
            yield
        finally:
            await self._carrier_settings(f"/{_MARK}$/d")
            await self._register(trunk)

    @contextlib.asynccontextmanager
    async def network_cut(self, what: str) -> AsyncIterator[None]:
        """Drop every SIP packet of `primary`, `backup`, `phones` or `site`, both ways; nothing is refused."""
        await self.lab.carrier.cut(what)
        try:
            yield
        finally:
            await self.lab.carrier.restore(what)

    @contextlib.asynccontextmanager
    async def calls_refused(self, trunk: str) -> AsyncIterator[None]:
        """Have the carrier answer 503 to every INVITE over `trunk`, while OPTIONS and REGISTER go well."""
        ami = self.lab.carrier.ami
        await ami.action("DBPut", {"Family": f"trunk/{trunk}", "Key": "refuse", "Val": SERVICE_UNAVAILABLE})
        try:
            yield
        finally:
            await ami.command(f"database deltree trunk/{trunk}")

    @contextlib.asynccontextmanager
    async def agents_logged_out(self, agents: Iterable[str]) -> AsyncIterator[None]:
        """Have the agents' phones log out (unregister), and in again."""
        agents = list(agents)
        await asyncio.gather(*(self.lab.carrier.agent_leaves(agent) for agent in agents))
        try:
            yield
        finally:
            await asyncio.gather(*(self.lab.carrier.agent_arrives(agent) for agent in agents))

    @contextlib.asynccontextmanager
    async def agents_paused(self, queue: str, agents: Iterable[str]) -> AsyncIterator[None]:
        """Pause all the queue's agents, and have them go on."""
        agents = list(agents)
        await self._pause(queue, agents, "true")
        try:
            yield
        finally:
            await self._pause(queue, agents, "false")

    @contextlib.asynccontextmanager
    async def packets_lost(self, share: float) -> AsyncIterator[None]:
        """Lose this share of the audio's packets between carrier and PBX, both ways; SIP and RTCP pass."""
        rules = [
            f"{way} -p udp {port} {MEDIA} -m length --length {PACKET}"
            f" -m statistic --mode random --probability {share:.3f} -j DROP"
            for way, port in (("OUTPUT", "--sport"), ("INPUT", "--dport"))
        ]
        await self._rules("-A", rules)
        try:
            yield
        finally:
            await self._rules("-D", rules)

    async def _rules(self, verb: str, rules: list[str]) -> None:
        await self.stack.execute(_CARRIER, "sh", "-c", " && ".join(f"iptables -w {verb} {rule}" for rule in rules))

    async def _carrier_settings(self, edit: str) -> None:
        await self.stack.execute(_CARRIER, "sed", "-i", edit, "/etc/asterisk/pjsip.conf")
        await self.lab.carrier.ami.command("module reload res_pjsip.so")

    async def _register(self, trunk: str) -> None:
        await self.lab.pbx.ami.action("PJSIPRegister", {"Registration": trunk})

    async def _pause(self, queue: str, agents: Iterable[str], paused: str) -> None:
        for agent in agents:
            where = {"Interface": f"PJSIP/{agent}", "Queue": queue, "Paused": paused}
            await self.lab.pbx.ami.action("QueuePause", where)


@contextlib.asynccontextmanager
async def talking(lab: Lab, numbers: Iterable[str], *, trunk: str = "acme-primary") -> AsyncIterator[list[Call]]:
    """Have the PBX call these customers over `trunk` and play music to them while they talk; hang up afterwards."""
    numbers, since = list(numbers), lab.carrier.ami.mark()
    for number in numbers:
        await lab.carrier.phone(number, mode="answer", ring=0.5, tone=800)
        await lab.pbx.originate(f"PJSIP/{number}@{trunk}", "MusicOnHold", "default")
    calls = [await lab.carrier.expect_call(number, since=since) for number in numbers]
    try:
        for call in calls:
            await call.answered()
        yield calls
    finally:
        for call in calls:
            await call.hangup()
