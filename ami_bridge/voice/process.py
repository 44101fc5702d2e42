"""One external program, run without a shell, with a deadline, and gone with all its children afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from ami_bridge.voice.errors import SpeechFailed

_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
_SAID = 200  # characters of what a program said that are worth showing

# What a program may take that reads a stranger's file: memory in KiB, what it writes in blocks of 512 bytes.
_BOUNDS = ("/bin/sh", "-c", 'ulimit -v 1048576; ulimit -f 131072; exec "$@"', "sh")


async def run(argv: Sequence[str | Path], *, deadline: float, bounded: bool = False) -> str:
    """Run `argv` and return what it wrote to stderr; raise SpeechFailed if it fails or takes over `deadline` seconds.

    `bounded` programs get a gigabyte of memory and write files of 64 MB at the most: they read what a stranger made. A
    program gets no standard input and, of our environment, only what programs need to be found: settings hold secrets.
    It is the leader of a process group, which is killed on overrun and when the caller is cancelled, so that a
    program's own children do not live on.
    """
    name = Path(argv[0]).name
    try:
        process = await _start([*_BOUNDS, *argv] if bounded else argv)
    except OSError as error:
        raise SpeechFailed(f"{name} could not be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(deadline):
            _, stderr = await process.communicate()
    except TimeoutError:
        await _end(process)
        raise SpeechFailed(f"{name} did not finish within {deadline:g} s and was stopped") from None
    except asyncio.CancelledError:
        await _end(process)
        raise
    said = stderr.decode(errors="replace").strip()
    if process.returncode != 0:
        raise SpeechFailed(f"{name} failed (exit status {process.returncode}): {said[-_SAID:] or 'it said nothing'}")
    return said


async def _start(argv: Sequence[str | Path]) -> asyncio.subprocess.Process:
    """Start `argv`. Cancelled half-way, asyncio would kill the program alone, before its children can be found: so the
    start is finished first and then all of it ended."""
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(
            *(os.fspath(part) for part in argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={key: os.environ[key] for key in _ENVIRONMENT if key in os.environ} | {"LC_ALL": "C.UTF-8"},
            start_new_session=True,
        ),
        name=f"start {argv[0]}",
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _end(await starting)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the group `process` leads, also where it has ended itself and left a child that holds its output open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
