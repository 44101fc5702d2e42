"""The real containers, started once per run and left running: starting them again costs seconds, not minutes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from docker.lab.stack import Lab, Stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> Stack:
    stack = Stack()
    await stack.up()
    return stack


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Stack) -> AsyncIterator[Lab]:
    """Both Asterisks, with nobody on the phone, no agents, and nothing cut; the same again afterwards."""
    async with stack.connected() as lab:
        await lab.carrier.reset()
        yield lab
        await lab.carrier.reset()
