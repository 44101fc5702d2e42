"""A scripted PBX, and a house at work on it, closed at the end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.house.house import House, Pbx, a_house


@pytest.fixture
async def pbx() -> AsyncIterator[Pbx]:
    peer = Pbx()
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def house(tmp_path: Path, pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """Furnished, not at work: a test says what is true on the PBX first, then `start`."""
    monkeypatch.setattr("ami_bridge.runner.TICK", 0.05)
    async with a_house(tmp_path, pbx) as made:
        yield made
