"""`keepline replay` and `keepline record` as people use them: real processes, files, pipes and signals."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.adapters.ami.manager import GREETING, SECRET, Manager, until
from tests.adapters.ami.test_recording import knows
from tests.unit.replay.recorded import ANSWERED, STORY, names, replay, wire
from tests.unit.test_cli import environment, settings

COMMAND = [sys.executable, "-m", "ami_bridge.cli"]
ENVIRONMENT = {**environment(), "KEEPLINE_PBX_LAB_SECRET": SECRET}


def keepline(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments], input=stdin, capture_output=True, check=False, timeout=60, env=ENVIRONMENT
    )


def told(out: bytes) -> list[object]:
    return names([json.loads(line) for line in out.splitlines()])


def test_replay_reads_a_file_or_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "x.ami"
    file.write_bytes(wire(ANSWERED))
    for result in (keepline("replay", str(file)), keepline("replay", "-", stdin=wire(ANSWERED))):
        assert (result.returncode, result.stderr) == (0, b"")
        assert told(result.stdout) == STORY


def test_replay_goes_on_after_what_it_cannot_read_and_says_so() -> None:
    result = keepline("replay", "-", stdin=wire(ANSWERED[:2]) + b"Event: Hangup\n\nrubbish\n\n" + wire(ANSWERED[2:]))
    assert result.returncode == 0
    assert told(result.stdout) == STORY
    first, second = result.stderr.decode().splitlines()
    assert first.startswith("keepline: event 3 (line 17): AMI event Hangup: the header 'Uniqueid' is missing")
    assert second == "keepline: line 19: no AMI message: 'rubbish'; it is left out"


def test_replay_says_in_one_line_why_there_is_nothing_to_replay(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html>\n\n</html>\n", encoding="utf-8")
    results = {
        "page.html is no recorded AMI stream: line 1: no AMI message: '<html>'": keepline("replay", str(page)),
        "nowhere.ami cannot be read: No such file or directory": keepline("replay", str(tmp_path / "nowhere.ami")),
        f"{tmp_path} cannot be read: Is a directory": keepline("replay", str(tmp_path)),
        "standard input is no recorded AMI stream: it is empty": keepline("replay", "-"),
    }
    for problem, result in results.items():
        assert (result.returncode, result.stdout) == (2, b"")
        [line] = result.stderr.decode().splitlines()
        assert line.startswith("keepline: ")
        assert line.endswith(problem)


@asynccontextmanager
async def running(*arguments: str, stdin: int = DEVNULL) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, stdin=stdin, stdout=PIPE, stderr=PIPE, env=ENVIRONMENT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_replay_tells_of_a_live_pipe_as_things_happen() -> None:
    async with asyncio.timeout(30), running("replay", "-", stdin=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        seen = []
        for piece, expected in ((ANSWERED[:4], STORY[:2]), (ANSWERED[4:7], STORY[2:4]), (ANSWERED[7:], STORY[4:])):
            process.stdin.write(wire(piece))
            for name in expected:
                seen.append(json.loads(await process.stdout.readline())["fact"])
                assert seen[-1] == name
        process.stdin.close()
        assert await process.wait() == 0
    assert seen == STORY


async def test_replay_ends_quietly_when_nobody_reads_any_more(tmp_path: Path) -> None:
    file = tmp_path / "x.ami"
    calls = (wire(ANSWERED).replace(b"1795310318", str(1700000000 + n).encode()) for n in range(2000))
    file.write_bytes(b"".join(calls))
    async with asyncio.timeout(30), running("replay", str(file)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]  # as `| head -1` does
        assert await process.stderr.read() == b""
        assert await process.wait() == 141


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_record_writes_until_it_is_told_to_stop(manager: Manager, tmp_path: Path, number: signal.Signals) -> None:
    knows(manager)
    file, config = tmp_path / "x.ami", settings(tmp_path, ami=manager.port)
    async with (
        asyncio.timeout(30),
        running("record", "--pbx", "lab", str(file), "--config", str(config), "--mask-numbers") as process,
    ):
        await until(lambda: file.exists() and b"QueueStatusComplete" in file.read_bytes(), 20)
        manager.push(wire(ANSWERED))
        await until(lambda: file.read_bytes().count(b"Event: Hangup") == 2)
        process.send_signal(number)
        assert await process.wait() == 0
        assert process.stderr is not None
        log = await process.stderr.read()
    assert SECRET.encode() not in log + file.read_bytes()
    assert b"15551230001" not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    facts, complaints = replay(file.read_bytes())
    assert (names(facts), complaints) == (STORY, [])
    assert facts[0]["dialled"] == "5550100"


async def test_record_to_standard_output_can_be_replayed_live(manager: Manager, tmp_path: Path) -> None:
    knows(manager)
    config = settings(tmp_path, ami=manager.port)
    async with asyncio.timeout(30), running("record", "-", "--pbx", "lab", "--config", str(config)) as process:
        assert process.stdout is not None
        head = await process.stdout.readuntil(b"Event: QueueStatusComplete")
        assert head.startswith(GREETING)
        manager.push(wire(ANSWERED[:1]))
        assert b"15551230001" in await process.stdout.readuntil(wire(ANSWERED[:1]))


async def test_record_ends_by_itself_after_its_time(manager: Manager, tmp_path: Path) -> None:
    knows(manager)
    file, config = tmp_path / "x.ami", settings(tmp_path, ami=manager.port)
    async with (
        asyncio.timeout(30),
        running("record", str(file), "--pbx", "lab", "--config", str(config), "--seconds", "0.5") as process,
    ):
        assert await process.wait() == 0
    assert b"QueueStatusComplete" in file.read_bytes()


async def test_record_writes_over_nothing_unless_it_is_told_to(manager: Manager, tmp_path: Path) -> None:
    knows(manager)
    file, config = tmp_path / "x.ami", settings(tmp_path, ami=manager.port)
    file.write_bytes(b"precious")
    arguments = ("record", str(file), "--pbx", "lab", "--config", str(config), "--seconds", "0.3")
    async with asyncio.timeout(30), running(*arguments) as process:
        assert process.stderr is not None
        [line] = (await process.stderr.read()).decode().splitlines()
        assert await process.wait() == 2
    assert line == f"keepline: {file} is there already; name another, or write over it with --force"
    assert file.read_bytes() == b"precious"
    assert manager.connections == 0
    async with asyncio.timeout(30), running(*arguments, "--force") as process:
        assert await process.wait() == 0
    assert file.read_bytes().startswith(GREETING)


async def test_record_says_in_one_line_why_there_is_no_recording(manager: Manager, tmp_path: Path) -> None:
    config = settings(tmp_path, ami=manager.port)
    manager.accepts_login = False
    cases = {
        "refused the AMI login of user 'keepline'": ("lab", str(tmp_path / "x.ami")),
        "has no [[pbx]] other; there are: lab": ("other", str(tmp_path / "x.ami")),
        "No such file or directory": ("lab", str(tmp_path / "nowhere" / "x.ami")),
        "it is a directory": ("lab", str(tmp_path)),
    }
    for problem, (pbx, file) in cases.items():
        force = ["--force"] if file == str(tmp_path) else []
        async with (
            asyncio.timeout(30),
            running("record", file, "--pbx", pbx, "--config", str(config), *force) as process,
        ):
            assert process.stderr is not None
            [line] = (await process.stderr.read()).decode().splitlines()
            assert await process.wait() == 2
        assert line.startswith("keepline: ")
        assert problem in line
    assert not list(tmp_path.glob("*.ami"))  # noqa: ASYNC240 - the loop has nothing else to do
