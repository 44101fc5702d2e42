from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from docker.lab.turn import NotOurTurn, our_turn

HOLDER = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print('held', flush=True); sys.stdin.read()"


async def test_another_process_is_waited_for_and_then_it_is_our_turn(tmp_path: Path) -> None:
    lock = tmp_path / "driver.lock"
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, str(lock), stdin=PIPE, stdout=PIPE)
    assert other.stdin is not None
    assert other.stdout is not None
    assert await asyncio.wait_for(other.stdout.readline(), 10) == b"held\n"
    with pytest.raises(NotOurTurn, match="another"):
        async with our_turn(lock, deadline=0.3):
            pass
    asyncio.get_running_loop().call_later(0.3, other.stdin.close)
    async with our_turn(lock, deadline=10), our_turn(lock, deadline=0):
        assert await asyncio.wait_for(other.wait(), 5) == 0
