"""Several PBXs watched by one companion: a sick one costs itself its watch, and the others nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pytest

from ami_bridge.controls import Controls
from ami_bridge.desk import HouseDesk
from ami_bridge.domain.line import Line
from ami_bridge.domain.names import Device, LineName, PbxName, TenantName
from ami_bridge.domain.promise import Policy
from ami_bridge.domain.status import Link, PbxStatus
from ami_bridge.furnish import Furnisher
from ami_bridge.picture import picture
from ami_bridge.runner import Runner
from ami_bridge.settings import Settings
from ami_bridge.store import Store
from tests.adapters.ami.manager import Action, until
from tests.adapters.house.house import QUICK_LINK, TENANT, Clock, Pbx, QuickLibrary, settings

ANN = "PJSIP/101"


@dataclass
class Street:
    """Houses side by side, by the name of their PBX; each has one line of the same name."""

    runners: dict[str, Runner]
    store: Store
    clock: Clock

    def link(self, name: str) -> Link:
        return self.runners[name].state.link

    def line(self, name: str) -> Line:
        return self.runners[name].watch.lines[LineName(name)]

    async def shown(self, name: str) -> PbxStatus:
        tenants = {LineName(pbx): TenantName(TENANT) for pbx in self.runners}
        status = await picture(self.store, list(self.runners.values()), tenants, self.clock())
        return next(pbx for pbx in status.pbxs if pbx.name == name)


@asynccontextmanager
async def a_street(tmp_path: Path, ports: Mapping[str, int]) -> AsyncIterator[Street]:
    """One store and one desk, and for each PBX what the composition root furnishes, at work."""
    plain = settings(tmp_path, Pbx(port=5038))
    [pbx], [line] = plain.pbx, plain.line
    wanted: Settings = plain.model_copy(
        update={
            "pbx": tuple(pbx.model_copy(update={"name": name, "port": port}) for name, port in ports.items()),
            "line": tuple(line.model_copy(update={"name": name, "pbx": name}) for name in ports),
        }
    )
    clock, store = Clock(), await Store.open(wanted.store.url, Policy())
    desk = HouseDesk(store, clock)
    orders = Controls(store, clock)
    furnisher = Furnisher(wanted, store, QuickLibrary(), orders=orders, changed=lambda: None, clock=clock)
    runners: dict[str, Runner] = {}
    tasks: list[asyncio.Task[None]] = []
    for one in wanted.pbx:
        runner, room = await furnisher.furnish(one, desk.drain)
        room.session.deadlines = QUICK_LINK
        desk.add(PbxName(one.name), room)
        runners[one.name] = runner
    tasks = [asyncio.create_task(runner.run()) for runner in runners.values()]
    try:
        yield Street(runners, store, clock)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await store.close()


@pytest.fixture
async def well() -> AsyncIterator[Pbx]:
    peer = Pbx(members={ANN: 1}, rehearses=False)
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def sick() -> AsyncIterator[Pbx]:
    peer = Pbx(rehearses=False)
    await peer.start()
    yield peer
    await peer.stop()


async def latencies(street: Street, well: Pbx, count: int = 40) -> list[float]:
    """Seconds from an event at the PBX to what it changes here, once for each of `count` events."""
    line, taken = street.line("well"), []
    for number in range(count):
        busy, before = number % 2 == 0, perf_counter()
        well.member(ANN, 2 if busy else 1)
        async with asyncio.timeout(10):
            while (line.agents[Device(ANN)].state.value == "busy") is not busy:  # noqa: ASYNC110 - it is what is timed
                await asyncio.sleep(0)
        taken.append(perf_counter() - before)
        await asyncio.sleep(0.002)
    return taken


@asynccontextmanager
async def a_flooder() -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.adapters.house.flooder",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(20):
            yield int(await process.stdout.readline()), process
    finally:
        process.stdin.close()
        async with asyncio.timeout(10):
            await process.wait()


async def test_a_flood_from_one_pbx_is_no_flood_for_the_other(tmp_path: Path, well: Pbx) -> None:
    async with a_flooder() as (port, process), a_street(tmp_path, {"flood": port, "well": well.port}) as street:
        await until(lambda: street.link("flood") is street.link("well") is Link.UP)
        calm = await latencies(street, well)
        process.stdin.write(b"go\n")  # type: ignore[union-attr]
        await until(lambda: street.runners["flood"].lag > 0.5)
        flooded = await latencies(street, well)
        flood, quiet = await street.shown("flood"), await street.shown("well")
        assert street.link("well") is Link.UP
    # The other waits for some turns of the one that floods, a few milliseconds each, not for all that it has to say.
    assert flood.lag_ms > 10 * 1000 * max(median(flooded), median(calm))
    assert flood.lag_ms > 10 * quiet.lag_ms


async def test_who_hangs_in_the_snapshot_or_refuses_us_hangs_alone(tmp_path: Path, sick: Pbx, well: Pbx) -> None:
    stern = Pbx(accepts_login=False)
    await stern.start()
    sick.answers["QueueStatus"] = lambda _action: None
    ports = {"sick": sick.port, "stern": stern.port, "well": well.port}
    async with a_street(tmp_path, ports) as street:
        await until(lambda: street.link("well") is Link.UP and street.link("stern") is Link.REFUSED)
        assert street.link("sick") is Link.CONNECTING
        assert len(await latencies(street, well, 10)) == 10
        await until(lambda: sick.logins >= 2, deadline=10)
        assert street.link("well") is Link.UP
        assert (well.logins, stern.logins) == (1, 1)
        assert "could not be asked" in (await street.shown("sick")).detail
        assert "refused the AMI login" in (await street.shown("stern")).detail
    await stern.stop()


GARBAGE = [
    b"\x00\xff\xfe\x80" * 5000 + b"\r\n\r\n",
    b"Event: Hangup\r\nChanVariable: " + b"x" * 3_000_000,
    b"Event: \xff\xff\r\n\r\nResponse: Error\r\nActionID: \x00\r\n\r\n" * 1000,
    b"Event: Newchannel\r\nUniqueid\r\nChannel: \xc3\r\n\r\n" * 2000,
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=["binary", "endless", "broken", "half"])
async def test_garbage_from_one_pbx_stays_its_own(tmp_path: Path, sick: Pbx, well: Pbx, garbage: bytes) -> None:
    async with a_street(tmp_path, {"sick": sick.port, "well": well.port}) as street:
        await until(lambda: street.link("sick") is street.link("well") is Link.UP)
        sick.push(garbage)
        assert len(await latencies(street, well, 10)) == 10
        sick.channel("100.5", "PJSIP/acme-primary-5", exten="5550100")
        await until(lambda: "100.5" in street.runners["sick"].watch.tracker.channels)  # watched, or watched again
        assert (well.logins, street.link("well")) == (1, Link.UP)


async def test_a_pbx_whose_lists_never_end_is_one_gap_and_not_many(tmp_path: Path, sick: Pbx, well: Pbx) -> None:
    def endless(action: Action) -> Any:
        return f"Response: Success\r\nActionID: {action['ActionID']}\r\nEventList: start\r\n\r\n".encode()

    sick.answers["CoreShowChannels"] = endless
    async with a_street(tmp_path, {"sick": sick.port, "well": well.port}) as street:
        await until(lambda: sick.logins >= 2 and street.link("well") is Link.UP, deadline=15)
        spots = [spot for spot in await street.store.blind_spots.recent(9) if spot.pbx == "sick"]
        assert [spot.end for spot in spots] == [None]
