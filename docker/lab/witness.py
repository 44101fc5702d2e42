"""What the companion makes of a fault: every incident its page showed, and every line it ever announced on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError

from dialplan_templates.contract import LINES
from docker.lab.ami import NotSeen
from docker.lab.house import House
from docker.lab.pbx import Pbx

Incident = dict[str, Any]


@dataclass(slots=True)
class Witness:
    """Keeps what is shown while it watches. `announced` are the lines the PBX's dialplan had words for, at any time."""

    house: House
    pbx: Pbx
    incidents: dict[str, Incident] = field(default_factory=dict)
    announced: set[str] = field(default_factory=set)
    now_announced: set[str] = field(default_factory=set)

    async def sees(self, wanted: Callable[[Incident], bool], what: str, deadline: float = 30) -> Incident:
        """The one incident there is, once it is `wanted`; more than one is an error at once."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            assert len(self.incidents) <= 1, f"more than one incident: {[i['title'] for i in self.incidents.values()]}"
            for incident in self.incidents.values():
                if wanted(incident):
                    return incident
            await asyncio.sleep(0.05)
        raise NotSeen(f"not within {deadline:g} s: {what}; there is {list(self.incidents.values())}")

    async def announces(self, *lines: str, deadline: float = 15) -> None:
        """Wait until callers of these lines, and of no others, are told something."""
        end = time.monotonic() + deadline
        while self.now_announced != set(lines):
            if time.monotonic() > end:
                raise NotSeen(f"announced on {sorted(self.now_announced)}, not {sorted(lines)}, after {deadline:g} s")
            await asyncio.sleep(0.05)

    async def watch(self) -> None:
        while True:
            with contextlib.suppress(ClientError, TimeoutError, ValueError):
                status = await self.house.status()
                self.incidents |= {i["key"]: i for i in (*status["incidents"], *status["ended_incidents"])}
            # by line, whatever the language: /family/line[/language]
            self.now_announced = {name.split("/")[2] for name in await self.pbx.db_tree(LINES)}
            self.announced |= self.now_announced
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def witnessed(house: House, pbx: Pbx) -> AsyncIterator[Witness]:
    """Watch for as long as the block lasts."""
    witness = Witness(house, pbx)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(witness.watch(), name="witness")
        yield witness
        watching.cancel()
