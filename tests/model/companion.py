"""A whole companion on simulated time: the real furniture of one PBX on a living store, and a way to kill it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from ami_bridge import furnish
from ami_bridge.ami.session import Deadlines
from ami_bridge.controls import Controls
from ami_bridge.desk import HouseDesk
from ami_bridge.domain.names import LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import Kind, Policy, Promise
from ami_bridge.domain.status import Link
from ami_bridge.runner import Runner
from ami_bridge.settings import Settings, seconds
from ami_bridge.store import Store
from tests.adapters.house.house import AT_ANY_HOUR, QuickLibrary
from tests.model.clockwork import Clockwork
from tests.model.ledger import Database, LivingBackend
from tests.model.lives import Life
from tests.model.pbx import PORT, ModelPbx

PBX, LINE, TENANT = PbxName("lab"), LineName("support"), TenantName("acme")


def settings(**callback: Any) -> Settings:
    """One line with a queue and two trunks; `callback` is that section."""
    return Settings.model_validate({
        "agi": {"token": "token-of-the-test", "listen": "127.0.0.1:0"},
        "tenant": [{"name": TENANT, "spoken": "Acme Hosting", "callback_numbers": ["+1555*"], **AT_ANY_HOUR}],
        "callback": {"attempts": 3, "spacing_seconds": 120, "ring_seconds": 20, **callback},
        "pbx": [
            {
                "name": PBX,
                "host": "127.0.0.1",
                "port": PORT,
                "secret": "of-the-test",
                "trunk": [
                    {"name": "acme-primary", "spoken": "our main telephone line"},
                    {"name": "acme-backup", "spoken": "our second telephone line"},
                ],
            }
        ],
        "line": [
            {
                "name": LINE,
                "tenant": TENANT,
                "pbx": PBX,
                "dids": ["5550100"],
                "queue": "support",
                "trunks": ["acme-primary"],
                "callback_trunks": ["acme-primary", "acme-backup"],
                "caller_id": "5550100",
            }
        ],
    })  # fmt: skip


def a_promise(number: str, arrived: datetime, kind: Kind = Kind.IN_TURN, lifetime: timedelta | None = None) -> Promise:
    return Promise(
        id=PromiseId(uuid4().hex),
        tenant=TENANT,
        pbx=PBX,
        line=LINE,
        kind=kind,
        number=number,
        origin=uuid4().hex,
        arrived=arrived,
        expires=arrived + (lifetime or timedelta(hours=24)),
        not_before=arrived,
    )


class SimulatedCompanion:
    """One process's life over `database` and `pbx`. `start` it, and `kill` it when its life is over."""

    def __init__(self, loop: Clockwork, made: Settings, database: Database, pbx: ModelPbx, life: Life) -> None:
        self._loop, self._settings, self._pbx, self.life = loop, made, pbx, life
        policy = Policy(
            attempts=made.callback.attempts,
            spacing=seconds(made.callback.spacing_seconds),
            lifetime=seconds(made.callback.lifetime_seconds),
        )
        self.store = Store(LivingBackend(database, life), policy)
        self.desk = HouseDesk(self.store, loop.clock)
        self.runner: Runner | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._room: Any = None

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Something that ends with this process."""
        task = self._loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def start(self) -> None:
        self._pbx.companion = self
        self.spawn(self._run(), "companion")

    async def kill(self) -> None:
        """SIGKILL: whatever it was doing, it does no more of it."""
        self.life.over.set()
        self._pbx.companion_died()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    @property
    def watches(self) -> bool:
        return self.runner is not None and self.runner.state.link is Link.UP

    async def _run(self) -> None:
        library, controls = QuickLibrary(), Controls(self.store, self._loop.clock)
        furnisher = furnish.Furnisher(
            self._settings, self.store, library, orders=controls, changed=lambda: None, clock=self._loop.clock
        )
        runner, room = await furnisher.furnish(self._settings.pbx[0], self.desk.drain)
        room.session.deadlines = Deadlines(ping_every=600)
        self.desk.add(PBX, room)
        controls.add(runner)
        self.runner, self._room = runner, room
        await runner.run()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self.life.over.is_set():
            self._loop.call_exception_handler({"message": f"{task.get_name()} failed", "exception": error})
