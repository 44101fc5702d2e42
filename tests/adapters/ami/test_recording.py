"""Recording a PBX: what is in the file, what never is, and what ends it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import FileIO
from pathlib import Path

import pytest

from ami_bridge import recording
from ami_bridge.ami.errors import LoginRefused
from ami_bridge.ami.masking import Masker
from ami_bridge.ami.session import Address, Deadlines
from ami_bridge.recording import CannotRecord, Recorder
from tests.adapters.ami.manager import GREETING, PATIENT, QUICK, SECRET, Action, Manager, listing, response, until
from tests.unit.replay.recorded import AGENT, ANSWERED, CALL, NEW, STORY, names, replay, wire

TALKING, REST = ANSWERED[:7], ANSWERED[7:]


def knows(manager: Manager, *channels: str) -> None:
    """Have the PBX answer what is true."""
    manager.answers["CoreShowChannels"] = lambda action: listing(
        action, *(f"CoreShowChannel|{channel}" for channel in channels), end="CoreShowChannelsComplete"
    )
    manager.answers["BridgeList"] = lambda action: listing(action, end="BridgeListComplete")
    manager.answers["QueueStatus"] = lambda action: listing(action, end="QueueStatusComplete")


def entry(channel: dict[str, str]) -> str:
    return "|".join(f"{name}: {value}" for name, value in {**NEW, **channel, "BridgeId": "b-1"}.items())


class Recording:
    """A recording under way, and its file."""

    def __init__(self, file: Path, task: asyncio.Task[None], stop: asyncio.Event) -> None:
        self.file, self.task, self.stop = file, task, stop

    def text(self) -> bytes:
        return self.file.read_bytes() if self.file.exists() else b""

    async def has(self, part: bytes) -> None:
        await until(lambda: part in self.text())

    async def ended(self) -> bytes:
        self.stop.set()
        await asyncio.wait_for(self.task, 10)
        return self.text()


@asynccontextmanager
async def recording_of(
    manager: Manager, file: Path, *, masker: Masker | None = None, deadlines: Deadlines = PATIENT, secret: str = SECRET
) -> AsyncIterator[Recording]:
    address = Address(host="127.0.0.1", port=manager.port, username="keepline", secret=secret)

    def begin() -> int:
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    stop = asyncio.Event()
    task = asyncio.create_task(Recorder("lab", address, begin, masker, deadlines).run(stop))
    try:
        yield Recording(file, task, stop)
    finally:
        stop.set()
        await asyncio.wait([task], timeout=10)


async def test_a_recording_begins_with_the_greeting_and_what_is_true_and_replays(
    manager: Manager, tmp_path: Path
) -> None:
    knows(manager)
    async with recording_of(manager, tmp_path / "x.ami") as record:
        await record.has(b"QueueStatusComplete")
        manager.push(wire(ANSWERED))
        await record.has(wire(ANSWERED[-1:]))
        stream = await record.ended()
    assert stream.startswith(GREETING)
    places = [
        stream.index(part) for part in (b"FullyBooted", b"CoreShowChannelsComplete", b"QueueStatusComplete", b"Newch")
    ]
    assert places == sorted(places)
    facts, complaints = replay(stream)
    assert (names(facts), complaints) == (STORY, [])


async def test_what_was_sent_is_not_in_it_nor_any_secret(manager: Manager, tmp_path: Path) -> None:
    """A PBX that lists passwords: whatever somebody may ask over this account one day."""
    knows(manager)
    auth = b"Event: AuthDetail\r\nObjectName: x\r\nPassword: hunter2\r\n\r\n"
    other = b"Event: EndpointDetail\r\nObjectName: x\r\nOauthSecret: hunter3\r\nContext: y\r\n\r\n"
    async with recording_of(manager, tmp_path / "x.ami") as record:
        await record.has(b"QueueStatusComplete")
        manager.push(auth + other)
        await record.has(b"Event: EndpointDetail\r\nObjectName: x\r\nContext: y\r\n\r\n")
        stream = await record.ended()
    for part in (SECRET.encode(), b"hunter", b"Action: ", b"Secret", b"Username", b"AuthDetail"):
        assert part not in stream
    assert "Login" in manager.names()


async def test_what_comes_is_in_the_file_at_once_and_whole_messages_only(manager: Manager, tmp_path: Path) -> None:
    knows(manager)
    data = wire(ANSWERED)
    async with recording_of(manager, tmp_path / "x.ami") as record:
        await record.has(b"QueueStatusComplete")
        for cut in range(0, len(data) - 10, 37):
            manager.push(data[cut : min(cut + 37, len(data) - 10)])
        began = time.monotonic()
        await record.has(wire(ANSWERED[-2:-1]))
        assert time.monotonic() - began < 1
        stream = await record.ended()
    assert stream.endswith(b"\r\n\r\n")
    assert wire(ANSWERED[:-1]) in stream
    assert wire(ANSWERED[-1:])[:40] not in stream


async def test_after_a_lost_link_the_greeting_and_what_is_true_come_again(manager: Manager, tmp_path: Path) -> None:
    knows(manager)
    async with recording_of(manager, tmp_path / "x.ami", deadlines=QUICK) as record:
        await record.has(b"QueueStatusComplete")
        manager.push(wire(TALKING))
        await record.has(wire(TALKING[-1:]))
        knows(manager, entry(CALL), entry(AGENT))
        manager.push(wire(REST)[:20])  # half a message, which nobody is to take for a whole one
        manager.cut()
        await until(lambda: record.text().count(b"QueueStatusComplete") == 2)
        manager.push(wire(REST))
        await record.has(wire(REST))
        stream = await record.ended()
    assert stream.count(GREETING) == 2
    assert b"\r\n\r\n" + GREETING in stream
    facts, complaints = replay(stream)
    assert (names(facts), complaints) == (STORY, [])
    assert facts[-1]["outcome"] == "completed"


async def test_numbers_are_masked_before_they_reach_the_disk(manager: Manager, tmp_path: Path) -> None:
    knows(manager, entry({**CALL, "CallerIDNum": "15551230009"}))
    async with recording_of(manager, tmp_path / "x.ami", masker=Masker(["5550100"])) as record:
        await record.has(b"QueueStatusComplete")
        manager.push(wire(ANSWERED))
        await record.has(b"Event: Hangup\r\nChannel: PJSIP/trunk-00000001")
        stream = await record.ended()
    assert b"1555123000" not in stream
    assert b"Exten: 5550100\r\n" in stream
    facts, _complaints = replay(stream)
    assert names(facts)[-1] == "call_ended"


@pytest.mark.parametrize("refused", ["CoreShowChannels", "QueueStatus"])
async def test_a_list_the_pbx_refuses_ends_no_recording(manager: Manager, tmp_path: Path, refused: str) -> None:
    def refuse(action: Action) -> bytes:
        return response(action, "Error", "Message: Permission denied")

    knows(manager)
    manager.answers[refused] = refuse
    async with recording_of(manager, tmp_path / "x.ami") as record:
        await record.has(b"Permission denied")
        manager.push(wire(ANSWERED))
        await record.has(wire(ANSWERED))
        stream = await record.ended()
    assert names(replay(stream)[0]) == STORY


async def test_a_refused_login_ends_it_and_leaves_no_file(manager: Manager, tmp_path: Path) -> None:
    async with recording_of(manager, tmp_path / "x.ami", secret="wrong-secret") as record:
        with pytest.raises(LoginRefused, match="refused the AMI login of user 'keepline'"):
            await asyncio.wait_for(record.task, 10)
    assert not record.file.exists()
    assert manager.logins == 1


async def test_what_is_no_pbx_is_tried_until_the_end_and_leaves_no_file(manager: Manager, tmp_path: Path) -> None:
    manager.greeting = b"SSH-2.0-OpenSSH\r\n"
    async with recording_of(manager, tmp_path / "x.ami", deadlines=QUICK) as record:
        await until(lambda: manager.connections > 2)
        record.stop.set()
        with pytest.raises(CannotRecord, match=r"nothing was recorded of PBX lab: .* cannot be reached"):
            await asyncio.wait_for(record.task, 10)
    assert not record.file.exists()


async def test_a_file_that_cannot_be_made_ends_it(manager: Manager, tmp_path: Path) -> None:
    knows(manager)
    async with recording_of(manager, tmp_path / "nowhere" / "x.ami") as record:
        with pytest.raises(FileNotFoundError):
            await asyncio.wait_for(record.task, 10)


async def test_a_disk_that_is_full_ends_it(manager: Manager) -> None:
    knows(manager)
    address = Address(host="127.0.0.1", port=manager.port, username="keepline", secret=SECRET)
    recorder = Recorder("lab", address, lambda: os.open("/dev/full", os.O_WRONLY), None, PATIENT)
    with pytest.raises(OSError, match="No space left"):
        await asyncio.wait_for(recorder.run(asyncio.Event()), 10)


async def to_a_pipe(manager: Manager, job: Callable[[FileIO, asyncio.Task[None]], Awaitable[None]]) -> None:
    """Record into a pipe; `job` gets its other end."""
    knows(manager)
    address = Address(host="127.0.0.1", port=manager.port, username="keepline", secret=SECRET)
    ends = os.pipe()
    stop = asyncio.Event()
    with FileIO(ends[0]) as reader, FileIO(ends[1], "w") as writer:
        task = asyncio.create_task(Recorder("lab", address, writer.fileno, None, PATIENT).run(stop))
        try:
            await job(reader, task)
        finally:
            stop.set()
            reader.close()  # whoever still writes is told so
            await asyncio.wait([task], timeout=10)


async def test_a_reader_that_has_gone_ends_it(manager: Manager) -> None:
    async def job(reader: FileIO, task: asyncio.Task[None]) -> None:
        await until(lambda: "QueueStatus" in manager.names())
        reader.close()
        manager.push(wire(ANSWERED))
        with pytest.raises(BrokenPipeError):
            await asyncio.wait_for(task, 10)

    await to_a_pipe(manager, job)


async def test_a_reader_that_does_not_read_ends_it_before_memory_does(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wire is read all the while: the PBX is not kept waiting."""
    monkeypatch.setattr(recording, "BEHIND", 1 << 20)
    monkeypatch.setattr(recording, "LAST_WORDS", 0.2)

    async def job(_reader: FileIO, task: asyncio.Task[None]) -> None:
        await until(lambda: "QueueStatus" in manager.names())
        for _ in range(400):
            manager.push(wire(ANSWERED) * 4)
            await asyncio.sleep(0)
        with pytest.raises(CannotRecord, match="bytes were waiting to be written"):
            await asyncio.wait_for(task, 10)

    await to_a_pipe(manager, job)
