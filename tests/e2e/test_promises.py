"""Callbacks on the real test PBX while companion and PBX are killed: none is lost, and nobody is dialled twice."""

from __future__ import annotations

import os
import random

import pytest

from docker.lab.crashing import POINTS, Tally, crash
from docker.lab.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.faults, pytest.mark.asyncio(loop_scope="session")]

ON_16 = 40  # points


@pytest.mark.parametrize(("version", "share"), [("22", POINTS), ("16", ON_16)])
async def test_killed_at_random_points_nothing_owed_is_lost_and_nobody_dialled_twice(
    stack: Stack, capsys: pytest.CaptureFixture[str], version: str, share: int
) -> None:
    """`POINTS=10 SEED=7` strikes that often, and as before."""
    points = min(share, int(os.environ.get("POINTS", share)))
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    if version == "16":
        await stack.up("carrier16", "pbx16", "keepline16")

    def say(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)  # noqa: T201 - it takes minutes, and the seed is wanted whatever happens

    say("")
    tally: Tally = await crash(stack, points, seed, say, old=version == "16")
    for line in (*tally.amiss, *tally.figures()):
        say(line)
    assert tally.points == points
    assert tally.amiss == []
