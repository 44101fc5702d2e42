"""The fault matrix on the real test PBX, both versions; `FAULT=killed` plays the rows whose names hold that."""

from __future__ import annotations

import os

import pytest

from docker.lab.breaking import ROWS
from docker.lab.matrix import VERSIONS, chosen, play
from docker.lab.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.faults, pytest.mark.asyncio(loop_scope="session")]


async def test_garbage_and_a_half_open_connection_cost_a_caller_seconds_and_nothing_else(stack: Stack) -> None:
    """What the story's tests do not break; each fault meets all three situations at once."""
    rows = [row for row in ROWS if row.name in ("garbage", "half-open while playing")]
    matrix = await play(stack, rows, lambda _: None, versions=["22"])
    assert matrix.remarks == []


async def test_whatever_has_died_callers_are_told_and_nobody_and_nothing_is_lost(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = chosen(os.environ.get("FAULT", "").split(","))
    await stack.up("carrier16", "pbx16", "keepline16")

    def say(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)  # noqa: T201 - the table is what it is for

    say("")
    matrix = await play(stack, rows, say)
    for line in (matrix.table(), *matrix.figures()):
        say(line)
    assert len(matrix.cells) == 3 * len(VERSIONS) * len(rows)
    assert matrix.remarks == []
