"""What one PBX says over AMI, written down as it came: a stream that `keepline replay` reads.

It goes over the session and wire of the companion itself, so that refused logins, deadlines and reconnections are the
same. Each connection begins with its greeting and the lists of who is on the phone and who waits. What was sent is not
in it; what came is, less the headers that hold secrets.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any

import structlog

from ami_bridge.ami.errors import ActionRefused, AmiError
from ami_bridge.ami.inbox import Inbox, LinkUp
from ami_bridge.ami.masking import Masker, without_secrets
from ami_bridge.ami.messages import GREETING
from ami_bridge.ami.session import Address, Deadlines, Session
from ami_bridge.ami.wire import MESSAGE_LIMIT, Wire

log = structlog.get_logger(__name__)

BEHIND = 64 << 20  # bytes not written yet; where they are more, the disk or the reader of the pipe is too slow
LAST_WORDS = 5.0  # seconds that the disk, or a pipe's reader, gets to take what came before the end
# What is true when a connection begins, as far as a replay makes use of it, in the order in which it does.
_LISTS = ("CoreShowChannels", "BridgeList", "QueueStatus")
_EOL, _END = b"\r\n", b"\r\n\r\n"


class CannotRecord(Exception):
    """There is no recording, or it ends before it should; the message says why."""


@dataclass(slots=True)
class Recorder:
    """Records one PBX. `begin` makes the file once the PBX has let us in, and returns its descriptor."""

    pbx: str
    address: Address
    begin: Callable[[], int]
    masker: Masker | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)
    _early: list[bytes] = field(default_factory=list)  # of a connection that may never let us in
    _writer: Writer | None = None
    _why: str = "it has not answered yet"

    async def run(self, stop: asyncio.Event) -> None:
        """Record until `stop`; raise CannotRecord, LoginRefused, or OSError when the file cannot be made or written."""
        inbox = Inbox()
        wire = partial(TappedWire, self.take)
        session = Session(self.pbx, self.address, {}, inbox, deadlines=self.deadlines, make_wire=wire)
        failed = asyncio.get_running_loop().create_future()
        works = [
            asyncio.create_task(session.run(), name=f"{self.pbx}: link"),
            asyncio.create_task(self._follow(session, inbox, failed), name=f"{self.pbx}: lists"),
            asyncio.create_task(stop.wait(), name=f"{self.pbx}: stop"),
        ]
        try:
            await asyncio.wait([*works, failed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            failed.cancel()
            for work in works:
                work.cancel()
            ended = await asyncio.gather(*works, failed, return_exceptions=True)
            written = self._writer is None or self._writer.close()
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome
        if self._writer is None:
            raise CannotRecord(f"nothing was recorded of PBX {self.pbx}: {self._why}")
        if not written:
            raise CannotRecord("the end of the recording is missing: it was not taken in time")

    async def _follow(self, session: Session, inbox: Inbox, failed: asyncio.Future[None]) -> None:
        """Whenever the link has come up, have the PBX say what is true."""
        while True:
            _at, item = await inbox.take()
            if isinstance(item, LinkUp):
                if self._writer is None:
                    self._writer = Writer(self.begin(), failed)
                    self._put(self._early)
                log.info("Recording", pbx=self.pbx, version=item.version)
                await self._ask(session)
            elif not isinstance(item, bytes):
                self._why = item.reason
                log.warning("The AMI link is down", pbx=self.pbx, reason=item.reason)

    @staticmethod
    async def _ask(session: Session) -> None:
        try:
            for action in _LISTS:
                with suppress(ActionRefused):  # the recording has the answer
                    await session.ask_list(action)
        except AmiError as error:
            session.give_up(f"what is true on the PBX could not be asked: {error}")

    def take(self, greeting: bytes, messages: list[bytes]) -> None:
        """What came: a connection's first line or nothing, and whole messages without the empty lines that end them."""
        pieces = [greeting + _EOL] if greeting else []
        for raw in messages:
            public = without_secrets(raw.removeprefix(_EOL))
            if public:
                pieces.append((self.masker.message(public) if self.masker else public) + _END)
        if self._writer is None:
            self._early = pieces if greeting else [*self._early, *pieces]
        else:
            self._put(pieces)

    def _put(self, pieces: list[bytes]) -> None:
        if pieces and self._writer is not None:
            self._writer.put(b"".join(pieces))


class Writer:
    """Writes to a descriptor in a thread of its own: a slow disk must not keep the wire from being read.

    Nothing is held back: what was put is written at once. `failed` gets what went wrong.
    """

    def __init__(self, descriptor: int, failed: asyncio.Future[None]) -> None:
        self._descriptor = descriptor
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._put = self._written = 0  # bytes; each is counted in one thread only
        self._thread = threading.Thread(target=self._write, name="recording", daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> None:
        self._put += len(data)
        self._queue.put(data)
        if self._put - self._written > BEHIND:
            self._tell(CannotRecord(f"the recording ends here: {BEHIND} bytes were waiting to be written"))

    def close(self) -> bool:
        """Write what is left; whether all of it was taken within LAST_WORDS."""
        self._queue.put(None)
        self._thread.join(LAST_WORDS)
        return self._written == self._put

    def _write(self) -> None:
        try:
            while (data := self._queue.get()) is not None:
                left = memoryview(data)
                while left:
                    left = left[os.write(self._descriptor, left) :]
                self._written += len(data)
        except OSError as error:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._tell, error)

    def _tell(self, error: Exception) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)


class TappedWire(Wire):
    """A wire that also hands on all that comes over it: a connection's greeting, then whole messages."""

    def __init__(self, tap: Callable[[bytes, list[bytes]], None], *wire: Any) -> None:
        super().__init__(*wire)
        self._tap = tap
        self._tapped = bytearray()
        self._begun = False

    def data_received(self, data: bytes) -> None:
        """Hand on first: what the wire makes of it may be that the connection has to end."""
        seen = max(0, len(self._tapped) - len(_END) + 1)
        self._tapped += data
        if not self._begun:
            seen = 0
            greeting, end, after = self._tapped.partition(_EOL)
            if end and greeting.startswith(GREETING):
                self._begun, self._tapped = True, after
                self._tap(bytes(greeting), [])
        if self._begun and self._tapped.find(_END, seen) >= 0:
            *messages, rest = bytes(self._tapped).split(_END)
            self._tapped = bytearray(rest)
            self._tap(b"", messages)
        if len(self._tapped) > MESSAGE_LIMIT:  # the wire gives up, too
            self._tapped.clear()
        super().data_received(data)
