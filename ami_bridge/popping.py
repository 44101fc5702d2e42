"""Agents' screens are told who is called back, by webhook: beside the call, which never waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp
import structlog

from ami_bridge.integrations.screen_pop import Pop, message

log = structlog.get_logger(__name__)

WAITING_MOST = 100  # what is told late helps nobody: beyond this the oldest go untold
ANSWER_WITHIN = 3.0  # seconds
AGAIN_AFTER = 0.5  # seconds; once
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a tenant's screens are told, and with what that is signed."""

    url: str
    secret: str = field(repr=False)


class Pops:
    """What is still to be told, for all screens. `problem` says of the last one why it could not be."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.problem = ""
        self._clock = clock
        self._due: deque[tuple[Screen, Pop]] = deque(maxlen=WAITING_MOST)
        self._wake = asyncio.Event()

    def tell(self, screen: Screen, pop: Pop) -> None:
        """Tell `screen` soon; returns at once."""
        if len(self._due) == WAITING_MOST:
            log.warning("A screen could not be told in time", tenant=self._due[0][1].tenant)
        self._due.append((screen, pop))
        self._wake.set()

    async def run(self) -> None:
        """Tell screens until cancelled, several at a time: one that is slow holds up no other for long."""
        limit = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
        async with aiohttp.ClientSession(timeout=limit) as web, asyncio.TaskGroup() as tasks:
            for number in range(AT_ONCE):
                tasks.create_task(self._work(web), name=f"screens {number}")

    async def _work(self, web: aiohttp.ClientSession) -> None:
        while True:
            while self._due:
                screen, pop = self._due.popleft()
                self.problem = await self._send(web, screen, pop)
                if self.problem:
                    log.warning("A screen could not be told", tenant=pop.tenant, step=pop.step, problem=self.problem)
            self._wake.clear()
            await self._wake.wait()

    async def _send(self, web: aiohttp.ClientSession, screen: Screen, pop: Pop) -> str:
        """Why `screen` could not be told, after two tries; empty when it was."""
        sent, why = message(pop, screen.secret, self._clock()), ""
        for attempt in range(2):
            if attempt:
                await asyncio.sleep(AGAIN_AFTER)
            try:
                # Where it was told to go is where it goes: an answer that leads elsewhere is no place we were given.
                async with web.post(screen.url, data=sent.body, headers=sent.headers, allow_redirects=False) as answer:
                    if answer.status < 300:
                        return ""
                    why = f"it answered {answer.status}"
                    if 400 <= answer.status < 500:
                        break
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                why = f"it cannot be reached ({type(error).__name__})"
        return why
