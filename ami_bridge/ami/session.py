"""The AMI session with one PBX: connect, log in, keep alive, reconnect; ask and be answered.

What it receives goes into the inbox, between a LinkUp and a LinkDown, so that the reader sees losses where they
happened. Nothing is ever sent twice: after a lost link the asker gets LinkLost and decides.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic

import structlog
from panoramisk.message import Message

from ami_bridge.ami.encode import Header, action
from ami_bridge.ami.errors import ActionRefused, LinkLost, LinkSilent, LoginRefused
from ami_bridge.ami.inbox import Inbox, LinkDown, LinkUp
from ami_bridge.ami.wire import Wire

log = structlog.get_logger(__name__)

PING_EVERY = 5.0
DEADLINE = 5.0
BOOT_DEADLINE = 120.0  # a PBX that accepts logins while it still loads says FullyBooted when it is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a PBX's AMI is and how to get in. `secret` is kept out of every representation."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)


def delays(*, first: float = 0.5, cap: float = 15.0, rng: random.Random) -> Iterator[float]:
    """Waits between attempts in seconds: doubling up to `cap`, each shortened by up to half at random."""
    base = first
    while True:
        yield base * rng.uniform(0.5, 1.0)
        base = min(base * 2, cap)


class Session:
    """One PBX's link. Run `run()` in a task; use `ask` and `ask_list` while it is up."""

    def __init__(self, name: str, address: Address, wanted: frozenset[bytes], inbox: Inbox) -> None:
        self.name = name
        self._address = address
        self._wanted = wanted | {b"FullyBooted"}
        self._inbox = inbox
        self._wire: Wire | None = None
        self._lost: asyncio.Event = asyncio.Event()
        self._booted: asyncio.Event = asyncio.Event()
        self._why = ""
        self._log = log.bind(pbx=name)

    @property
    def up(self) -> bool:
        return self._wire is not None and not self._lost.is_set()

    async def run(self) -> None:
        """Hold the link for ever; return only by raising LoginRefused or being cancelled."""
        waits = delays(rng=random.Random())  # noqa: S311 - jitter, not a secret
        while True:
            try:
                version = await self._open()
            except LoginRefused:
                self._close()
                raise
            except (OSError, TimeoutError, LinkLost, LinkSilent) as error:
                self._close()
                reason = self._cannot_reach(error)
            else:
                waits = delays(rng=random.Random())  # noqa: S311 - jitter, not a secret
                self._inbox.put(LinkUp(version), monotonic())
                try:
                    await self._hold()
                finally:
                    self._close()
                reason = self._why
            self._inbox.put(LinkDown(reason), monotonic())
            await asyncio.sleep(next(waits))

    async def ask(self, name: str, headers: dict[str, Header] | None = None, *, deadline: float = DEADLINE) -> Message:
        """Send an action and return its reply; raise ActionRefused, LinkLost or LinkSilent."""
        return (await self._exchange(name, headers, as_list=False, deadline=deadline))[0]

    async def ask_list(
        self, name: str, headers: dict[str, Header] | None = None, *, deadline: float = 2 * DEADLINE
    ) -> list[Message]:
        """Send an action that answers with a list of events; return those events without the frame around them."""
        replies = await self._exchange(name, headers, as_list=True, deadline=deadline)
        return replies[1:-1]

    async def _exchange(
        self, name: str, headers: dict[str, Header] | None, *, as_list: bool, deadline: float
    ) -> list[Message]:
        if self._wire is None:
            raise LinkLost("the AMI link is down")
        wire, request = self._wire, action(name, headers)
        future = wire.send(request, as_list=as_list)
        try:
            async with asyncio.timeout(deadline):
                replies: list[Message] = await future
        except TimeoutError:
            raise LinkSilent(f"no answer to AMI action {name} within {deadline:g} s") from None
        finally:
            wire.abandon(request)
        if not replies[0].success:
            raise ActionRefused(f"AMI action {name} was refused: {replies[0].message}")
        return replies

    async def _open(self) -> str:
        self._lost, self._booted, self._why = asyncio.Event(), asyncio.Event(), ""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE):
            _transport, wire = await loop.create_connection(
                lambda: Wire(self._wanted, self._received, self._on_lost), self._address.host, self._address.port
            )
        self._wire = wire
        await self._log_in()
        await self._until_booted()
        settings = await self.ask("CoreSettings")
        return str(settings.get("AsteriskVersion", "unknown"))

    async def _log_in(self) -> None:
        login = {"Username": self._address.username, "Secret": self._address.secret, "Events": "on"}
        try:
            await self.ask("Login", dict(login))
        except ActionRefused as refused:
            raise LoginRefused(
                f"PBX {self.name} at {self._address.host}:{self._address.port} refused the AMI login of user "
                f"{self._address.username!r}; check `username` and the secret of [[pbx]] {self.name!r} against the "
                "PBX's manager.conf, and that its `permit` lists this host"
            ) from refused

    async def _until_booted(self) -> None:
        try:
            async with asyncio.timeout(BOOT_DEADLINE):
                booted, lost = asyncio.create_task(self._booted.wait()), asyncio.create_task(self._lost.wait())
                try:
                    await asyncio.wait((booted, lost), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    booted.cancel()
                    lost.cancel()
        except TimeoutError:
            raise LinkSilent("the PBX did not finish booting; does its manager.conf grant `read = system`?") from None
        if self._lost.is_set():
            raise LinkLost(self._why)

    async def _hold(self) -> None:
        """Ping until the link is lost: a half-open connection shows only by silence."""
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(PING_EVERY):
                    await self._lost.wait()
            except TimeoutError:
                try:
                    await self.ask("Ping")
                except (LinkSilent, LinkLost, ActionRefused) as error:
                    self._why = self._why or str(error)
                    return

    def _received(self, raw: bytes) -> None:
        if raw.startswith(b"Event: FullyBooted"):
            self._booted.set()
        elif self._booted.is_set() and not self._inbox.put(raw, monotonic()) and self._wire is not None:
            self._wire.abort("events came faster than they could be handled; what is true is asked for anew")

    def _on_lost(self, why: str) -> None:
        self._why = self._why or why
        self._lost.set()

    def _close(self) -> None:
        wire, self._wire = self._wire, None
        self._lost.set()
        if wire is not None:
            wire.transport.abort()

    def _cannot_reach(self, error: Exception) -> str:
        where = f"{self._address.host}:{self._address.port}"
        what = str(error) or "no answer"
        self._log.warning("PBX cannot be reached, trying again", address=where, error=what)
        return f"{where} cannot be reached ({what}); check `host` and `port` of [[pbx]] {self.name!r}"
