"""A scripted Asterisk Manager for each test, and the sessions that were run against it, closed at the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from ami_bridge.ami.session import Session
from tests.adapters.ami.manager import Manager


@pytest.fixture
async def manager() -> AsyncIterator[Manager]:
    peer = Manager()
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def run() -> AsyncIterator[Callable[[Session], asyncio.Task[None]]]:
    """Run a session in the background until the test is over."""
    tasks: list[asyncio.Task[None]] = []

    def start(session: Session) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(session.run()))
        return tasks[-1]

    yield start
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task
