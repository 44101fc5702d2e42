"""The process dies by SIGKILL between any two steps: what was answered is on disk, what was not has left no trace."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ami_bridge.domain.names import PromiseId
from ami_bridge.domain.promise import Promise, State
from ami_bridge.store import Store
from tests.contract.making import IN_TURN, LINE, POLICY, after, attempt

ROOT = Path(__file__).parents[2]
LONG_SECONDS = 30


@asynccontextmanager
async def worker(url: str, what: str) -> AsyncIterator[Process]:
    command = (sys.executable, "-m", "tests.contract.ledger_worker", url, what)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=ROOT)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line_of(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(LONG_SECONDS):
        return (await process.stdout.readline()).decode().strip()


async def killed(process: Process) -> list[str]:
    """Kill, and return what had been said before."""
    process.kill()
    assert process.stdout is not None
    async with asyncio.timeout(LONG_SECONDS):
        rest = (await process.stdout.read()).decode()
        assert await process.wait() == -signal.SIGKILL
    return rest.split("\n")[:-1]  # whatever follows the last line end was cut off by the kill


@asynccontextmanager
async def reopened(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url, POLICY)
    try:
        yield store
    finally:
        await store.close()


async def test_a_kill_right_after_the_claim_leaves_an_attempt_that_can_be_asked_about(url: str) -> None:
    async with worker(url, "claimed") as process:
        assert [await line_of(process), await line_of(process)] == ["made p1", "claimed p1"]
        await killed(process)
    async with reopened(url) as store:
        [promise] = await store.promises.in_flight(LINE.pbx)
        assert (promise.state, promise.attempt) == (State.CLAIMED, attempt(1))
        assert await store.promises.by_attempt(attempt(1)) == promise
        assert [e.what for e in await store.promises.ledger(promise.id)] == ["made", "claim"]
        assert await store.promises.claim(LINE, IN_TURN, after(60), attempt(2)) is None


async def test_a_kill_before_the_claims_commit_leaves_the_promise_waiting(url: str) -> None:
    async with worker(url, "claiming") as process:
        assert [await line_of(process), await line_of(process)] == ["made p1", ""]
        assert await process.wait() == -signal.SIGKILL
    async with reopened(url) as store:
        promise = await store.promises.get(PromiseId("p1"))
        assert promise is not None
        assert (promise.state, promise.attempt, promise.attempts) == (State.WAITING, None, 0)
        assert await store.promises.by_attempt(attempt(1)) is None
        assert [e.what for e in await store.promises.ledger(promise.id)] == ["made"]
        assert (await claim_once_free(store)).attempts == 1


async def claim_once_free(store: Store) -> Promise:
    """Claim p1, once the server has noticed that the killed process's transaction is gone."""
    async with asyncio.timeout(LONG_SECONDS):
        while (claimed := await store.promises.claim(LINE, IN_TURN, after(60), attempt(2))) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return claimed


async def test_whatever_was_acknowledged_in_a_storm_survives_the_kill(url: str) -> None:
    async with worker(url, "storm") as process:
        said = [await line_of(process) for _ in range(60)]
        said += await killed(process)
    acknowledged = {words.removeprefix("made ") for words in said}
    assert len(acknowledged) == len(said) >= 60
    async with reopened(url) as store:
        stored = await store.promises.open()
        assert acknowledged <= {promise.id for promise in stored}
        for promise in stored:
            assert [e.what for e in await store.promises.ledger(promise.id)] == ["made"]
