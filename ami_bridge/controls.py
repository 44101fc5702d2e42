"""Where orders of operators and of other systems are taken: checked, written down, then carried out on their PBX."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.names import IncidentId, MaintenanceId, PbxName
from ami_bridge.domain.orders import Declaration, Maintenance, Refused, Report
from ami_bridge.runner import Runner
from ami_bridge.store import Store, StoreError

T = TypeVar("T")


class Controls:
    """Implements `domain.orders.Orders` over the runners of all PBXs.

    An order is carried out whole, also when who gave it does not wait for the end: what is stored is what is done.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._runners: dict[PbxName, Runner] = {}
        self._clock = clock
        self._begun: set[asyncio.Task[Any]] = set()

    def add(self, runner: Runner) -> None:
        """Take orders for this runner's PBX from now on."""
        self._runners[runner.pbx] = runner

    async def declare(self, declaration: Declaration) -> IncidentId:
        return await self._whole(self._declare(declaration))

    async def confirm(self, incident: IncidentId, by: str) -> None:
        await self._whole(self._move(incident, IncidentState.IDENTIFIED, by))

    async def look_into(self, incident: IncidentId, by: str) -> None:
        await self._whole(self._move(incident, IncidentState.INVESTIGATING, by))

    async def end(self, incident: IncidentId, by: str) -> None:
        await self._whole(self._end(incident, by))

    async def expect(self, incident: IncidentId, expected: datetime | None, by: str) -> None:
        await self._whole(self._expect(incident, expected, by))

    async def report(self, report: Report) -> None:
        await self._whole(self._report(report))

    async def plan(self, maintenance: Maintenance) -> None:
        await self._whole(self._plan(maintenance))

    async def cancel(self, maintenance: MaintenanceId) -> None:
        await self._whole(self._cancel(maintenance))

    async def _whole(self, order: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(order, name="order")
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return await asyncio.shield(task)

    async def _declare(self, declaration: Declaration) -> IncidentId:
        runner, now = self._of(declaration.pbx), self._clock()
        runner.watch.court.check(declaration, now)
        with _written():
            await self._store.orders.keep(declaration)
        incident, effects = runner.watch.court.declare(declaration, now)
        await runner.carry_out(effects)
        return incident.id

    async def _end(self, incident: IncidentId, by: str) -> None:
        runner = self._with(incident)
        with _written():
            await self._withdraw(runner, incident)
        runner = self._with(incident)  # which may have ended by itself meanwhile
        await runner.carry_out(runner.watch.court.end(incident, by, self._clock()))

    async def _report(self, report: Report) -> None:
        runner, now = self._of(report.pbx), self._clock()
        runner.watch.court.check(report, now)
        with _written():
            await self._store.orders.keep(report)
        await runner.carry_out(runner.watch.court.report(report, now))

    async def _plan(self, maintenance: Maintenance) -> None:
        runner, now = self._of(maintenance.pbx), self._clock()
        runner.watch.court.check(maintenance, now)
        with _written():
            await self._store.maintenance.save(maintenance)
        await runner.carry_out(runner.watch.court.plan(maintenance, now))

    async def _cancel(self, maintenance: MaintenanceId) -> None:
        now = self._clock()
        runner = next((r for r in self._runners.values() if maintenance in r.watch.court.works), None)
        if runner is None:
            raise Refused("there is no such planned work; it may be over already")
        with _written():
            await self._store.maintenance.cancel(maintenance, now)
        await runner.carry_out(runner.watch.court.cancel(maintenance, now))

    async def _move(self, incident: IncidentId, state: IncidentState, by: str) -> None:
        runner = self._with(incident)
        with _written():  # a store that cannot take the incident as it is could not take what becomes of it
            await runner.keep(runner.watch.court.outages.open[incident])
        runner = self._with(incident)
        await runner.carry_out(runner.watch.court.move(incident, state, by, self._clock()))

    async def _expect(self, incident: IncidentId, expected: datetime | None, by: str) -> None:
        runner = self._with(incident)
        with _written():
            await runner.keep(runner.watch.court.outages.open[incident])
        runner = self._with(incident)
        await runner.carry_out(runner.watch.court.expect(incident, expected, by, self._clock()))

    async def _withdraw(self, runner: Runner, incident: IncidentId) -> None:
        """Drop what was ordered and reported of the incident: else a restart would open it again."""
        subjects = runner.watch.court.outages.cases.subjects_of(incident)
        for subject in subjects:
            await self._store.orders.withdraw(runner.pbx, subject)
        for order in await self._store.orders.standing(runner.pbx, self._clock()):
            if isinstance(order, Report) and order.subject in subjects:
                await self._store.orders.withdraw(runner.pbx, order.subject, order.told_by)

    def _of(self, pbx: PbxName) -> Runner:
        runner = self._runners.get(pbx)
        if runner is None:
            raise Refused(f"there is no PBX {pbx}; the settings name {', '.join(sorted(self._runners))}")
        return runner

    def _with(self, incident: IncidentId) -> Runner:
        for runner in self._runners.values():
            if incident in runner.watch.court.outages.open:
                return runner
        raise Refused("there is no such open incident; it may be over already")


@contextmanager
def _written() -> Iterator[None]:
    """Nothing is done that could not be written down."""
    try:
        yield
    except StoreError as error:
        raise Refused(f"it could not be written down, so nothing was changed: {error}; try again") from None
