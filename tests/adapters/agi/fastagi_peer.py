"""The other side of the wire: an Asterisk that does as it is told, and a desk that notes what it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from agi.desk import Audio, Caller, Challenge, Next, Receipt, Rehearsal, Take, Treatment
from agi.server import Server
from agi.settings import ServerSettings

TOKEN = "t0ken"
NEWS = Audio(url="http://127.0.0.1/announcements/news.wav", seconds=4.2, name="a" * 64)
MORE = Audio(url="http://127.0.0.1/announcements/more.wav", seconds=1.0, name="b" * 64)
ASK = Audio(url="http://127.0.0.1/announcements/ask.wav", seconds=3.0, name="c" * 64)
AGAIN = Audio(url="http://127.0.0.1/announcements/again.wav", seconds=3.5, name="d" * 64)
REFUSED = Audio(url="http://127.0.0.1/announcements/refused.wav", seconds=2.5, name="e" * 64)
THANKS = Audio(url="http://127.0.0.1/announcements/thanks.wav", seconds=2.0, name="f" * 64)

OFFER = Treatment(audio=(NEWS,), keys="12", wait=4.0)
CONFIRMATION = Receipt(audio=(THANKS,))

PATIENCE = 5.0  # no test waits longer than this for anything
OK = b"200 result=1\n"
END_OF_FILE = b"200 result=0 endpos=32000\n"

RENEW = 'SET VARIABLE "TIMEOUT(absolute)" "{}"'
SAY = 'SET VARIABLE "KL_SAY" "{}"'
KEYS = 'SET VARIABLE "KL_KEYS" "{}"'
FINISHED = 'SET VARIABLE "KL_NEXT" "{}"'


@dataclass
class House:
    """A desk. `asked` is what it was asked; `before` may delay or break an answer.

    It has a PIN and asks for it three times; how guesses are counted for real is the companion's own matter.
    """

    treatment: Treatment = OFFER
    pin: str = "0420"
    wait: float = 5.0
    receipt: Receipt = CONFIRMATION
    take: Take | None = None  # what key 2 asks of an operator
    back: list[Treatment | Take] = field(default_factory=list)  # the answers to what they spoke, in turn
    urls: tuple[str, ...] = ()
    before: Callable[[str], Any] | None = None
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)

    async def _note(self, caller: Caller, *what: Any) -> None:
        self.callers.append(caller)
        if self.before and (pending := self.before(what[0])):
            await pending
        self.asked.append(what)

    async def status(self, caller: Caller) -> Treatment:
        await self._note(caller, "status")
        return self.treatment

    async def unanswered(self, caller: Caller) -> Treatment:
        await self._note(caller, "unanswered")
        return self.treatment

    async def pressed(self, caller: Caller, key: str) -> Receipt:
        await self._note(caller, "pressed", key)
        return self.receipt

    async def callback(self, caller: Caller) -> Treatment:
        await self._note(caller, "callback")
        return self.treatment

    async def callback_pressed(self, caller: Caller, key: str) -> Receipt:
        await self._note(caller, "callback_pressed", key)
        return self.receipt

    async def callback_heard(self, caller: Caller) -> None:
        await self._note(caller, "callback_heard")

    async def operator(self, caller: Caller, pin: str) -> Treatment | Challenge:
        await self._note(caller, "operator", pin)
        if pin == self.pin:
            return self.treatment
        if sum(what[0] == "operator" for what in self.asked) > 3:
            return Challenge(audio=(REFUSED,), asks=False)
        return Challenge(audio=(AGAIN if pin else ASK,), wait=self.wait)

    async def ordered(self, caller: Caller, key: str) -> Receipt | Take:
        await self._note(caller, "ordered", key)
        return self.take if self.take and key == "2" else self.receipt

    async def taken(self, caller: Caller, audio: bytes) -> Treatment | Take:
        await self._note(caller, "taken", audio)
        return self.back.pop(0)

    async def approved(self, caller: Caller, key: str) -> Receipt | Take:
        await self._note(caller, "approved", key)
        return self.take if self.take and key == "2" else self.receipt

    async def rehearsal(self, caller: Caller) -> Rehearsal:
        await self._note(caller, "rehearsal")
        return Rehearsal(urls=self.urls)

    async def rehearsed(self, caller: Caller, playable: Mapping[str, bool]) -> None:
        await self._note(caller, "rehearsed", dict(playable))


class Peer:
    """One connection, as res_agi makes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, server: Server, source: str = "127.0.0.1") -> Peer:
        async with asyncio.timeout(PATIENCE):
            return cls(*await asyncio.open_connection("127.0.0.1", server.port, local_addr=(source, 0)))

    @classmethod
    async def call(cls, server: Server, script: str = "callback", **changed: str) -> Peer:
        """Ask for `script`; the usual one is a conversation, with all that may go wrong in one."""
        peer = await cls.connect(server)
        peer.send(environment(script, **changed))
        return peer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def half_close(self) -> None:
        self._writer.write_eof()

    async def close(self) -> None:
        self._writer.close()
        await asyncio.wait({asyncio.ensure_future(self._writer.wait_closed())}, timeout=PATIENCE)

    def reset(self) -> None:
        self._writer.transport.abort()

    async def command(self) -> str:
        """The next command, or an empty string when the session was ended."""
        async with asyncio.timeout(PATIENCE):
            try:
                return (await self._reader.readline()).decode().removesuffix("\n")
            except ConnectionError:
                return ""

    async def talk(self, *replies: bytes) -> list[str]:
        """Answer the commands that come with `replies`, all later ones as usual; return them once the session ended."""
        seen: list[str] = []
        answers = iter(replies)
        while command := await self.command():
            seen.append(command)
            self.send(next(answers, None) or usual(command))
        await self.close()
        return seen


def usual(command: str) -> bytes:
    """What Asterisk answers when all goes well and no key is pressed."""
    if command.startswith("STREAM FILE"):
        return END_OF_FILE
    return b"200 result=0\n" if command.startswith("WAIT") else OK


def environment(script: str = "callback", **changed: str) -> bytes:
    block = {
        "network": "yes",
        "network_script": script,
        "request": f"agi://127.0.0.1/{script}",
        "channel": "PJSIP/carrier-00000001",
        "language": "en",
        "type": "PJSIP",
        "uniqueid": "1767225600.1",
        "version": "22.1.0",
        "callerid": "+441632960123",
        "calleridname": "A Customer",
        "callingpres": "0",
        "context": "keepline",
        "extension": "s",
        "priority": "1",
        "arg_1": TOKEN,
        "arg_2": "pbx-1",
        "arg_3": "support",
        **changed,
    }
    return "".join(f"agi_{name}: {value}\n" for name, value in block.items()).encode() + b"\n"


@asynccontextmanager
async def front_desk(house: House, **settings: Any) -> AsyncIterator[Server]:
    """A real server on a free port of the loopback address; at the end nothing of it may be left running."""
    server = Server(house, ServerSettings(**{"port": 0, "token": TOKEN, **settings}))
    await server.start()
    try:
        yield server
    finally:
        await server.drain(PATIENCE)
        assert server.sessions == 0


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds; TimeoutError says it never did."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for belongs to the code under test
            await asyncio.sleep(0.005)


def heard(next_: Next) -> str:
    return FINISHED.format(next_.value)
