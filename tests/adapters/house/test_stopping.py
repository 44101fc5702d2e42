"""The end of the whole companion: callers on the line are heard out while everything behind the desk still works."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ami_bridge import app as composition
from ami_bridge.app import App, NothingToWatch
from ami_bridge.domain.promise import Policy
from ami_bridge.domain.watch import callers_of, calls_in, calls_out
from ami_bridge.settings import Settings
from ami_bridge.store import Store
from tests.adapters.ami.manager import until
from tests.adapters.house.house import LINE, PBX, Pbx, QuickLibrary, ended, settings


class OpenedLibrary(QuickLibrary):
    def __init__(self, *_where: object, **_how: object) -> None:
        super().__init__()

    def open(self) -> None:
        return None

    def get(self, hash: str) -> None:  # noqa: A002 - the library's own name for it
        return None


@pytest.fixture
def anywhere(tmp_path: Path, pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(composition, "AudioLibrary", OpenedLibrary)
    return settings(tmp_path, pbx)


async def test_a_caller_on_the_line_is_heard_out_before_the_watching_ends(
    anywhere: Settings, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    ports: list[int] = []
    drain, start, begin = composition.Server.drain, composition.Server.start, Store.close

    async def started(server: Any) -> None:
        await start(server)
        ports.append(server.port)

    async def drained(server: Any, seconds: float) -> None:
        order.append(f"draining with {len(pbx._peers)} links")
        await drain(server, seconds)
        order.append(f"drained with {len(pbx._peers)} links")

    async def closed(store: Any) -> None:
        await until(lambda: not pbx._peers)
        order.append("store closed after the links")
        await begin(store)

    monkeypatch.setattr(composition.Server, "start", started)
    monkeypatch.setattr(composition.Server, "drain", drained)
    monkeypatch.setattr(Store, "close", closed)
    pbx.rehearses = False
    running = asyncio.create_task(App(anywhere).run())
    await until(lambda: pbx.logins == 1 and bool(ports) and "DBGetTree" in pbx.names())
    _reader, writer = await asyncio.open_connection("127.0.0.1", ports[0])
    writer.write(b"agi_network: yes\n")
    os.kill(os.getpid(), signal.SIGTERM)
    await until(lambda: bool(order))
    writer.close()
    async with asyncio.timeout(15):
        await running
    assert order == ["draining with 1 links", "drained with 1 links", "store closed after the links"]
    store = await Store.open(anywhere.store.url, Policy())
    monkeypatch.setattr(Store, "close", begin)
    [blind] = await store.blind_spots.recent(9)
    await store.close()
    assert (blind.pbx, blind.end, blind.reason) == (PBX, None, "the companion was stopped")


async def test_what_is_old_is_forgotten_and_what_is_usual_written_down_at_the_end(anywhere: Settings, pbx: Pbx) -> None:
    store = await Store.open(anywhere.store.url, Policy())
    today = datetime.now(UTC)
    await store.incidents.save(ended("old", today - timedelta(days=91)))
    await store.incidents.save(ended("newer", today - timedelta(days=80)))
    running = asyncio.create_task(App(anywhere).run())
    async with asyncio.timeout(15):
        while len(await store.incidents.recent(9)) > 1:  # noqa: ASYNC110 - the ledger has no event
            await asyncio.sleep(0.01)
    await until(lambda: "DBGetTree" in pbx.names())
    assert await store.baselines.load(PBX) == {}
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(15):
        await running
    assert [incident.id for incident in await store.incidents.recent(9)] == ["newer"]
    assert set(await store.baselines.load(PBX)) == {
        callers_of(LINE),
        *(way(trunk) for trunk in ("acme-primary", "acme-backup") for way in (calls_in, calls_out)),
    }
    await store.close()


async def test_where_no_pbx_lets_us_in_it_ends_saying_what_to_mend(anywhere: Settings, pbx: Pbx) -> None:
    pbx.accepts_login = False
    with pytest.raises(NothingToWatch, match="check `username` and the secret"):
        async with asyncio.timeout(15):
            await App(anywhere).run()
