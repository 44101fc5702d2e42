"""One side of the lab, with Asterisk 22 or 16: its PBX, its telephone network, its companion, and a known beginning."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession

from dialplan_templates.contract import ATTEMPTS, KEYS, LINES, PROMPTS
from docker.lab.ami import NotSeen
from docker.lab.house import House, line
from docker.lab.stack import Lab, Stack

# One line in each situation, for as long as a fault lasts (docker/keepline.toml).
TOLD, WELL, ALONE = "desk", "workshop", "support"
NUMBERS = {TOLD: "5550400", WELL: "5550300", ALONE: "5550100"}
AGENTS = ("103", "105", "106")  # one in the queue of the line with an incident, and the phones of the line that is well
LEDGER = "/var/lib/keepline/keepline.db"
ELSEWHERE = "/etc/keepline/store-url"  # a file that names another ledger (docker/compose.yaml)
AGI_PORT, AMI_PORT = "4573", "5038"
NOTICED = (
    12.0  # seconds within which the companion has noticed that the PBX's clock was set, and put right what it told
)
LONGEST = 7300  # seconds for which the PBX is told anything, and a little more (announcement.lifetime_seconds)


@dataclass(slots=True)
class Side:
    """`suffix` is what the names of its containers end in: nothing, or 16."""

    stack: Stack
    lab: Lab
    house: House
    suffix: str
    address: str  # the companion's
    recordings: dict[str, Path] = field(default_factory=dict)  # of the announcements there are, by hash

    @property
    def version(self) -> str:
        return self.suffix or "22"

    @property
    def keepline(self) -> str:
        return f"keepline{self.suffix}"

    @property
    def pbx(self) -> str:
        return f"pbx{self.suffix}"

    @property
    def carrier(self) -> str:
        return f"carrier{self.suffix}"

    async def shell(self, service: str, script: str) -> str:
        """Run a line of shell as root in a service's container."""
        return await self.stack.execute(service, "sh", "-c", script)

    async def begin(self, *before_start: str) -> None:
        """Nothing broken, nobody calling, an empty ledger; then an incident is declared on the line TOLD.

        `before_start` are lines of shell run in the companion's container while the companion is about to start.
        """
        await self.lab.carrier.reset()
        await self.lab.pbx.ami.command("channel request hangup all")
        await self.lab.pbx.ami.command("dialplan set global KL_SILENT 0")  # whoever was late is asked again
        files = f"rm -f {LEDGER}* {ELSEWHERE} /etc/ld.so.preload"
        await self.shell(self.keepline, "; ".join([files, *before_start]))
        await self.stack.kill(self.keepline)
        for family in (LINES, KEYS, ATTEMPTS):
            await self.lab.pbx.ami.command(f"database deltree {family}")
        await self.stack.start(self.keepline)
        await self.phones_register()
        await self.house.until(
            lambda s: s["pbxs"][0]["link"] == "up" and line(s, TOLD)["free_agents"] == 1 and not s["incidents"],
            "the PBX is watched and an agent is there",
            30,
        )
        await self.house.declare("line", TOLD, await self.stack.web_token())
        await self._told()

    async def mend(self) -> None:
        """Take away whatever an earlier fault may have left, also one whose driver was killed in the middle."""
        await self.shell(self.pbx, "iptables -w -F; iptables -w -t nat -F; rm -f /etc/ld.so.preload")
        with contextlib.suppress(Exception):
            await self.stack.kill(self.keepline, "CONT")
        await self.stack.start(self.keepline)

    async def phones_register(self) -> None:
        """The agents' phones register, and the PBX has found that they answer."""
        await asyncio.gather(*(self.lab.carrier.agent_arrives(agent) for agent in AGENTS))
        await asyncio.gather(*(self.lab.pbx.agent_becomes(agent, "NOT_INUSE") for agent in AGENTS))

    async def told(self) -> list[str]:
        """The recordings by which callers of the line TOLD may hear of the incident now: in full, and without times."""
        state = (await self.lab.pbx.db_tree(LINES)).get(f"/{LINES}/{TOLD}", "").split("-")
        return [recording for recording in (state[1:2] + state[4:5]) if recording]

    async def offered(self, name: str) -> list[str]:
        """The recording by which the dialplan of a line says that nobody answers."""
        return [(await self.lab.pbx.db_tree(PROMPTS))[f"/{PROMPTS}/{name}-offer"]]

    async def restart_pbx(self) -> None:
        """Kill the PBX with SIGKILL, start it again, and log in to it again."""
        await self.stack.kill(self.pbx)
        await self.stack.start(self.pbx)
        await self.lab.pbx.ami.close()
        self.lab.pbx.ami = await self.stack.ami(self.pbx)

    async def on_time(self) -> None:
        """Wait until what the PBX was told of the line TOLD is true by its own clock, for as long as ever."""
        end = time.monotonic() + NOTICED
        while True:
            state = (await self.lab.pbx.db_tree(LINES)).get(f"/{LINES}/{TOLD}", "").split("-")
            if len(state) > 3 and 0 < int(state[3]) - await self.pbx_time() < LONGEST:
                return
            if time.monotonic() > end:
                raise NotSeen(f"the PBX's clock was set, and not noticed within {NOTICED:g} s")
            await asyncio.sleep(0.2)

    async def pbx_time(self) -> float:
        """The PBX's time of day, in epoch seconds."""
        return float(await self.lab.pbx.variable("EPOCH"))

    async def _told(self, deadline: float = 30) -> None:
        end = time.monotonic() + deadline
        while len(set(await self.told())) < 2:  # before the whole story, the timeless words are both
            if time.monotonic() > end:
                raise NotSeen(f"the incident is not announced on {TOLD} after {deadline:g} s")
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def side(stack: Stack, *, old: bool = False) -> AsyncIterator[Side]:
    """The running side, driven by nobody else."""
    settings, suffix = await stack.settings(), "16" if old else ""
    async with stack.connected(old=old) as lab, ClientSession() as session:
        house = House(session, settings[f"KEEPLINE_PAGE{suffix}"].rstrip("/"), stack.announcements(old=old))
        address = f"{settings['KEEPLINE_NET']}.{'36' if old else '30'}"
        one = Side(stack, lab, house, suffix, address)
        await one.mend()
        yield one
        await lab.carrier.reset()
