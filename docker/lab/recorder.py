"""Records the PBX's AMI stream as it is on the wire, one piece for one scenario.

The account `recorder` sees what calls and queues say; the PBX filters the rest (pbx/manager_lab.conf).
"""

from __future__ import annotations

import asyncio
import time
from typing import Self

from docker.lab.ami import AmiError, Event, NotSeen, parse

_END = b"\r\n\r\n"
_QUIET = 0.3  # seconds without a byte, after the last channel is gone, in which what follows a hang-up has come


def events(raw: bytes) -> list[Event]:
    """The events of a recorded stream."""
    return [parse(block) for block in raw.split(_END) if block]


class Recorder:
    """One AMI connection that never stops reading. Use `connect`, then as an async context manager."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._stream = bytearray()
        self._last = time.monotonic()
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._read(), name="trace-recorder")

    @classmethod
    async def connect(cls, port: int, secret: str, *, deadline: float = 10) -> Self:
        """Log in as the recorder; AmiError when refused."""
        async with asyncio.timeout(deadline):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await reader.readline()
            writer.write(f"Action: Login\r\nUsername: recorder\r\nSecret: {secret}\r\n\r\n".encode())
            answer = parse((await reader.readuntil(_END))[: -len(_END)])
            if answer["Response"] != "Success":
                writer.close()
                raise AmiError(f"Login: {answer['Message']}")
        return cls(reader, writer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        self._writer.close()

    async def begin(self) -> None:
        """Forget what came before, once the PBX has nothing more to say."""
        await self._quiet(5)
        self._stream.clear()

    async def end(self, *, deadline: float = 15) -> bytes:
        """The stream since `begin`, once every channel in it is gone and what follows a hang-up was said."""
        end = time.monotonic() + deadline
        while missing := self._alive():
            if time.monotonic() > end:
                raise NotSeen(f"still there after {deadline} s: {', '.join(sorted(missing))}")
            await self._more(end)
        await self._quiet(5)
        return bytes(self._stream)

    def so_far(self) -> list[Event]:
        """The whole events since `begin`."""
        return events(bytes(self._stream[: self._stream.rfind(_END) + len(_END)]))

    def _alive(self) -> set[str]:
        there: dict[str, str] = {}
        for event in self.so_far():
            if event.name == "Newchannel":
                there[event["Uniqueid"]] = event["Channel"]
            elif event.name == "Hangup":
                there.pop(event["Uniqueid"], None)
        return set(there.values())

    async def _quiet(self, deadline: float) -> None:
        end = time.monotonic() + deadline
        while time.monotonic() - self._last < _QUIET or not self._whole():
            if time.monotonic() > end:
                raise NotSeen(f"the PBX does not stop talking for {deadline} s")
            await self._more(self._last + _QUIET)

    def _whole(self) -> bool:
        return not self._stream or self._stream.endswith(_END)

    async def _more(self, until: float) -> None:
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), max(0.01, until - time.monotonic()))
        except TimeoutError:
            return

    async def _read(self) -> None:
        while data := await self._reader.read(1 << 16):
            self._stream += data
            self._last = time.monotonic()
            self._news.set()
