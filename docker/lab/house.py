"""The companion as an operator sees it: its page's data and the announcements it has made."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from docker.lab.ami import NotSeen

Status = dict[str, Any]


class House:
    """Reads /api/status of the page at `url`, and the audio library in `announcements`."""

    def __init__(self, session: ClientSession, url: str, announcements: Path) -> None:
        self.url = url
        self._session = session
        self._announcements = announcements

    async def status(self) -> Status:
        async with self._session.get(f"{self.url}/api/status", timeout=ClientTimeout(total=5)) as answer:
            status: Status = await answer.json()
            return status

    async def declare(self, kind: str, name: str, token: str) -> None:
        """Declare something of the one PBX out of order; raise NotSeen with the answer where it is refused."""
        where = {"pbx": (await self.status())["pbxs"][0]["name"], "kind": kind, "name": name}
        order = {**where, "told": True, "by": "lab", "what": "", "minutes": 1440}
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.post(f"{self.url}/api/incidents", json=order, headers=headers) as answer:
            if answer.status not in (200, 201):
                raise NotSeen(f"{kind} {name} cannot be declared: {await answer.text()}")

    async def time(self) -> float:
        """The companion's time of day, in epoch seconds."""
        async with self._session.get(f"{self.url}/healthz", timeout=ClientTimeout(total=5)) as answer:
            return parsedate_to_datetime(answer.headers["Date"]).timestamp()

    async def until(self, wanted: Callable[[Status], bool], what: str, deadline: float = 15) -> Status:
        """The first status that is `wanted`; raise NotSeen naming `what`. A companion that is away is asked again."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            try:
                status = await self.status()
            except (ClientError, TimeoutError, ValueError):
                status = {}
            if status and wanted(status):
                return status
            await asyncio.sleep(0.05)
        raise NotSeen(f"the page did not show within {deadline:g} s: {what}")

    def announcements(self, *languages: str) -> dict[str, Path]:
        """Every announcement there is in one of `languages` (default: English), by its text."""
        found: dict[str, Path] = {}
        for sidecar in self._announcements.glob("*.json"):
            wav, known = sidecar.with_suffix(".wav"), json.loads(sidecar.read_text(encoding="utf-8"))
            if wav.is_file() and known["language"] in (languages or ("en",)):
                found[known["text"]] = wav
        return found


def promises(status: Status, tail: str) -> list[dict[str, Any]]:
    """The promises to the number that ends in `tail`, open ones first; the page shows no more of a number than that."""
    return [p for p in (*status["owed"], *status["ended_promises"]) if p["number"].endswith(tail)]


def line(status: Status, name: str) -> dict[str, Any]:
    return next(row for row in status["lines"] if row["name"] == name)


def trunk(status: Status, name: str) -> dict[str, Any]:
    return next(row for row in status["trunks"] if row["name"] == name)
