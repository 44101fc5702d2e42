"""A companion that is killed leaves a gap that the next one finds, from the last moment it was known to watch."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from ami_bridge.domain.promise import Policy
from ami_bridge.domain.status import BlindSpot
from ami_bridge.store import Beat, Store, StoreError
from tests.adapters.ami.manager import until
from tests.adapters.house.house import PBX, Pbx


@asynccontextmanager
async def a_companion(directory: Path, pbx: Pbx) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.adapters.house.companion", str(directory), str(pbx.port),
        stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def ledger(directory: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite:///{directory}/keepline.db", Policy())
    try:
        yield store
    finally:
        await store.close()


async def beats(store: Store, *, after: datetime) -> Beat:
    """The first beat after a moment."""
    async with asyncio.timeout(20):
        while True:
            try:
                beat = await store.blind_spots.last_beat(PBX)
            except StoreError:
                beat = None
            if beat is not None and beat.at > after:
                return beat
            await asyncio.sleep(0.02)


async def over(store: Store, spots: int) -> list[BlindSpot]:
    async with asyncio.timeout(20):
        while True:
            found = [spot for spot in await store.blind_spots.recent(9) if spot.end is not None]
            if len(found) == spots:
                return found
            await asyncio.sleep(0.02)


async def test_killed_stopped_and_killed_again_each_gap_is_on_record(tmp_path: Path, pbx: Pbx) -> None:
    pbx.rehearses = False
    async with ledger(tmp_path) as store:
        async with a_companion(tmp_path, pbx) as first:
            await beats(store, after=datetime.min.replace(tzinfo=UTC))
            first.send_signal(signal.SIGKILL)
            await first.wait()
        last = await store.blind_spots.last_beat(PBX)
        assert last is not None
        assert await store.blind_spots.recent(9) == []  # it could not say anything

        pbx.started = "09:00:00"  # both went down together, as in a power cut
        async with a_companion(tmp_path, pbx) as second:
            [killed] = await over(store, 1)
            assert killed.begin == last.at
            assert killed.reason.startswith("the companion ended without a word")
            assert killed.reason.endswith("; the PBX restarted")
            await beats(store, after=killed.end or last.at)
            second.send_signal(signal.SIGTERM)
            await second.wait()
        [stopped, _killed] = await store.blind_spots.recent(9)
        assert (stopped.reason, stopped.end) == ("the companion was stopped", None)

        async with a_companion(tmp_path, pbx):
            [stopped, _killed] = await over(store, 2)
            assert stopped.reason == "the companion was stopped"
    await until(lambda: not pbx._peers)
