"""The command as operators run it: real processes, whose complaints are one line each."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ami_bridge.ordering import CannotOrder, Companion, companion
from tests.web.taking import TOKEN


@dataclass
class Result:
    status: int
    out: str
    err: str


async def keepline(*arguments: str, token: str | None = TOKEN, **more: str) -> Result:
    env = {name: value for name, value in os.environ.items() if not name.startswith("KEEPLINE_")} | more
    if token is not None:
        env["KEEPLINE_WEB_TOKEN"] = token
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ami_bridge.cli", *arguments, env=env,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    result = Result(int(process.returncode or 0), out.decode(), err.decode())
    for text in (result.out, result.err):
        assert "Traceback" not in text
        assert TOKEN not in text
    return result


async def refused(*arguments: str, token: str | None = TOKEN) -> str:
    """The one line a command says that does not do what it was told."""
    result = await keepline(*arguments, token=token)
    assert (result.status, result.out) == (2, "")
    [line] = result.err.splitlines()
    return line


async def complaint(url: str, ask: Callable[[Companion], object], token: str | None = TOKEN) -> str:
    """The same line, without a process of its own."""
    environment = {} if token is None else {"KEEPLINE_WEB_TOKEN": token}
    with pytest.raises(CannotOrder) as refusal:
        await asyncio.to_thread(lambda: ask(companion(Path("no.toml"), url, environment)))
    return str(refusal.value)
