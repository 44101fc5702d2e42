"""A scripted Asterisk Manager on 127.0.0.1 with failure switches; what it was sent is kept to be looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ami_bridge.ami.inbox import Inbox
from ami_bridge.ami.session import Address, Deadlines, Session

SECRET = "s3cret-of-the-test"
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"
# Short, so that failures are seen soon; none is a limit on how fast anything must be.
QUICK = Deadlines(connect=2, reply=0.5, listing=1, boot=0.5, ping_every=0.2, first_wait=0.02, longest_wait=0.1)
PATIENT = Deadlines(first_wait=0.02, longest_wait=0.1)

Action = dict[str, str]


@dataclass
class Manager:
    """One PBX. `answers` overrides the reply to an action: bytes, or None to stay silent."""

    greeting: bytes = GREETING
    boots: bool = True
    accepts_login: bool = True
    pongs: bool = True
    answers: dict[str, Callable[[Action], bytes | None]] = field(default_factory=dict)
    received: list[Action] = field(default_factory=list)
    logins: int = 0
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _peers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.cut()
            await self._server.wait_closed()
            self._server = None

    def cut(self) -> None:
        """Reset every connection."""
        for peer in list(self._peers):
            peer.transport.abort()

    def push(self, data: bytes) -> None:
        """Send `data` to everybody connected."""
        for peer in self._peers:
            peer.write(data)

    def names(self) -> list[str]:
        return [action["Action"] for action in self.received]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._peers.add(writer)
        try:
            writer.write(self.greeting)
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                action = _read(block.decode())
                self.received.append(action)
                if (reply := self._reply(action)) is not None:
                    writer.write(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._peers.discard(writer)
            writer.close()

    def _reply(self, action: Action) -> bytes | None:
        name = action["Action"]
        if (answer := self.answers.get(name)) is not None:
            return answer(action)
        if name == "Login":
            self.logins += 1
            if not self.accepts_login or action["Secret"] != SECRET:
                return response(action, "Error", "Message: Authentication failed")
            return response(action, "Success", "Message: Authentication accepted") + (BOOTED if self.boots else b"")
        if name == "CoreSettings":
            return response(action, "Success", "AsteriskVersion: 22.10.1")
        if name == "Ping" and not self.pongs:
            return None
        return response(action, "Success", "Message: done")


def _read(block: str) -> Action:
    """An action's headers; one that is there several times has its values a line each."""
    action: Action = {}
    for line in block.split("\r\n"):
        if line:
            name, value = line.split(": ", 1)
            action[name] = f"{action[name]}\n{value}" if name in action else value
    return action


def response(action: Action, result: str, *lines: str) -> bytes:
    return "\r\n".join([f"Response: {result}", f"ActionID: {action['ActionID']}", *lines, "", ""]).encode()


def listing(action: Action, *events: str, end: str = "ListComplete") -> bytes:
    """A list as Asterisk sends one: its opening, each event (lines joined with |), its end."""
    start = response(action, "Success", "EventList: start", "Message: follows")
    items = [
        "\r\n".join([f"Event: {event.split('|')[0]}", f"ActionID: {action['ActionID']}", *event.split("|")[1:], "", ""])
        for event in (*events, f"{end}|EventList: Complete|ListItems: {len(events)}")
    ]
    return start + "".join(items).encode()


def a_session(
    manager: Manager, *, deadlines: Deadlines = QUICK, secret: str = SECRET, inbox: Inbox | None = None
) -> tuple[Session, Inbox]:
    inbox = Inbox() if inbox is None else inbox
    address = Address(host="127.0.0.1", port=manager.port, username="keepline", secret=secret)
    wanted = dict.fromkeys((b"Hangup", b"OriginateResponse"), b"")
    return Session("lab", address, wanted, inbox, deadlines=deadlines), inbox


async def until(true: Callable[[], bool], deadline: float = 5.0) -> None:
    """Poll for what another task brings about; fail after `deadline` seconds."""
    async with asyncio.timeout(deadline):
        while not true():  # noqa: ASYNC110 - the peers under test have no event to wait for
            await asyncio.sleep(0.005)
