"""Orders as the house would take them, written down for the test to read."""

from __future__ import annotations

import asyncio
from datetime import datetime

from ami_bridge.domain.names import IncidentId, MaintenanceId
from ami_bridge.domain.orders import Declaration, Maintenance, Refused, Report

TOKEN = "a-token-of-the-test-0123456789"


class Taking:
    """Takes every order, but refuses those that name something `unknown`, and waits for `free` before any is done."""

    def __init__(self) -> None:
        self.taken: list[tuple[object, ...]] = []
        self.unknown: set[str] = set()
        self.free = asyncio.Event()
        self.free.set()

    async def _take(self, named: str, *order: object) -> None:
        await self.free.wait()
        if named in self.unknown:
            raise Refused(f"there is no {named}; name one that is in the settings")
        self.taken.append(order)

    async def declare(self, declaration: Declaration) -> IncidentId:
        await self._take(declaration.subject.name, "declare", declaration)
        return IncidentId("i-9")

    async def confirm(self, incident: IncidentId, by: str) -> None:
        await self._take(incident, "confirm", incident, by)

    async def look_into(self, incident: IncidentId, by: str) -> None:
        await self._take(incident, "investigate", incident, by)

    async def end(self, incident: IncidentId, by: str) -> None:
        await self._take(incident, "end", incident, by)

    async def expect(self, incident: IncidentId, expected: datetime | None, by: str) -> None:
        await self._take(incident, "expect", incident, expected, by)

    async def report(self, report: Report) -> None:
        await self._take(report.subject.name, "report", report)

    async def plan(self, maintenance: Maintenance) -> None:
        await self._take(maintenance.subject.name, "plan", maintenance)

    async def cancel(self, maintenance: MaintenanceId) -> None:
        await self._take(maintenance, "cancel", maintenance)
