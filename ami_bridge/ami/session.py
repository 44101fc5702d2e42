"""The AMI session with one PBX: connect, log in, keep alive, reconnect; ask and be answered.

What it receives goes into the inbox, between a LinkUp and a LinkDown, so that the reader sees losses where they
happened. Nothing is ever sent twice: after a lost link the asker gets LinkLost and decides.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any

import structlog
from panoramisk.message import Message

from ami_bridge.ami.encode import Header, action
from ami_bridge.ami.errors import ActionRefused, AmiError, LinkLost, LinkSilent, LoginRefused
from ami_bridge.ami.headers import ListEntry
from ami_bridge.ami.inbox import Inbox, LinkDown, LinkUp
from ami_bridge.ami.pbx_time import PbxTime
from ami_bridge.ami.wire import Wanted, Wire

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long, in seconds, a peer may take; `first_wait` and `longest_wait` bound the pauses between attempts.

    A half-open link is noticed within `ping_every` + `reply`. `boot` is long: a PBX accepts logins while it still
    loads, and says FullyBooted when it is done.
    """

    connect: float = 5.0
    reply: float = 5.0
    listing: float = 10.0
    boot: float = 120.0
    ping_every: float = 5.0
    first_wait: float = 0.5
    longest_wait: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a PBX's AMI is and how to get in. `secret` is kept out of every representation."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)


def delays(*, first: float = 0.5, cap: float = 15.0, rng: random.Random) -> Iterator[float]:
    """Waits between attempts in seconds: doubling up to `cap`, each shortened by up to half at random."""
    base = min(first, cap)
    while True:
        yield base * rng.uniform(0.5, 1.0)
        base = min(base * 2, cap)


class Session:
    """One PBX's link. Run `run()` in a task; use `ask` and `ask_list` while it is up."""

    def __init__(
        self,
        name: str,
        address: Address,
        wanted: Wanted,
        inbox: Inbox,
        *,
        deadlines: Deadlines = Deadlines(),
        make_wire: Callable[[Wanted, Callable[[bytes], None], Callable[[str], None]], Wire] = Wire,
    ) -> None:
        self.name = name
        self.deadlines = deadlines
        self._make_wire = make_wire
        self._address = address
        self._wanted = {**wanted, b"FullyBooted": b""}
        self._inbox = inbox
        self._wire: Wire | None = None
        self._up = False
        self._current: LinkUp | None = None
        self._heard = 0.0  # when the PBX was last heard of (monotonic)
        self._time = PbxTime()
        self._lost: asyncio.Event = asyncio.Event()
        self._booted: asyncio.Event = asyncio.Event()
        self._why = ""
        self._log = log.bind(pbx=name)

    @property
    def up(self) -> bool:
        """Whether the PBX has let us in, has booted, and was there when last heard of."""
        return self._up and not self._lost.is_set()

    def holds(self, up: LinkUp) -> bool:
        """Whether the link is still the one that `up` announced, and not a later one after a gap."""
        return self._current is up and self.up

    def pbx_time(self) -> datetime | None:
        """The time of day it is at the PBX, by its own clock; None when it does not tell.

        It is known as soon as the link is up. That the PBX's clock was set is noticed within `ping_every` and a round
        trip; that ours was set changes nothing.
        """
        return self._time.at(monotonic())

    async def run(self) -> None:
        """Hold the link for ever; return only by raising LoginRefused or being cancelled.

        A LinkDown goes into the inbox with the time at which the PBX was last heard of, which for a link that died in
        silence is up to `ping_every` + `reply` before that was noticed.
        """
        waits = self._waits()
        while True:
            began = monotonic()
            try:
                reason = await self._once()
            finally:
                self._close()
            if monotonic() - began > self.deadlines.longest_wait:
                waits = self._waits()  # it held; a link that breaks again and again is not built up in a hurry
            self._inbox.put(LinkDown(reason), max(began, self._heard))
            await asyncio.sleep(next(waits))

    async def _once(self) -> str:
        """Open the link and hold it; return why it ended or could not be opened."""
        try:
            version = await self._open()
        except LoginRefused:
            raise
        except (OSError, AmiError) as error:  # TimeoutError is an OSError
            return self._cannot_reach(error)
        self._up, self._current = True, LinkUp(version)
        self._inbox.put(self._current, monotonic())
        await self._hold()
        return self._why

    async def ask(
        self, name: str, headers: dict[str, Header] | None = None, *, deadline: float | None = None
    ) -> Message:
        """Send an action and return its reply; raise ActionRefused, LinkLost, LinkSilent or Unsendable."""
        self._gate()
        return await self._ask(name, headers, deadline)

    async def ask_list(
        self, name: str, headers: dict[str, Header] | None = None, *, deadline: float | None = None
    ) -> list[ListEntry]:
        """Send an action that answers with a list of events; return those events without the frame around them."""
        self._gate()
        replies = await self._exchange(name, headers, as_list=True, deadline=deadline or self.deadlines.listing)
        return replies[1:-1]

    def give_up(self, why: str) -> None:
        """Drop the link and connect anew: the reader could not make use of it."""
        if self._wire is not None:
            self._wire.abort(why)

    def _gate(self) -> None:
        """Nobody's action overtakes the login."""
        if not self.up:
            raise LinkLost("the AMI link is down")

    async def _ask(self, name: str, headers: dict[str, Header] | None = None, deadline: float | None = None) -> Message:
        return (await self._exchange(name, headers, as_list=False, deadline=deadline or self.deadlines.reply))[0]

    async def _exchange(
        self, name: str, headers: dict[str, Header] | None, *, as_list: bool, deadline: float
    ) -> list[Any]:
        """The reply and, if a list was asked for, its entries up to the one that ends it."""
        if self._wire is None:
            raise LinkLost("the AMI link is down")
        wire, request = self._wire, action(name, headers)
        future = wire.send(request, as_list=as_list)
        try:
            async with asyncio.timeout(deadline):
                replies: list[Any] = await future
        except TimeoutError:
            raise LinkSilent(f"no answer to AMI action {name} within {deadline:g} s") from None
        finally:
            wire.abandon(request)
        self._heard = monotonic()
        if not replies[0].success:
            raise ActionRefused(f"AMI action {name} was refused: {str(replies[0].message).strip()}")
        return replies

    async def _open(self) -> str:
        self._lost, self._booted, self._why = asyncio.Event(), asyncio.Event(), ""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.deadlines.connect):
            _transport, self._wire = await loop.create_connection(
                lambda: self._make_wire(self._wanted, self._received, self._on_lost),
                self._address.host,
                self._address.port,
            )
        try:
            async with asyncio.timeout(self.deadlines.reply):
                await self._wire.greeted  # before the secret is sent to whoever listens there
        except TimeoutError:
            raise LinkSilent("it accepts connections but does not greet as an Asterisk Manager Interface") from None
        await self._log_in()
        await self._until_booted()
        settings = await self._ask("CoreSettings")
        await self._ping()
        return str(settings.get("AsteriskVersion", "unknown"))

    async def _log_in(self) -> None:
        login: dict[str, Header] = {
            "Username": self._address.username,
            "Secret": self._address.secret,
            "Events": "on",
        }
        try:
            await self._ask("Login", login)
        except ActionRefused as refused:
            raise LoginRefused(
                f"PBX {self.name} at {self._address.host}:{self._address.port} refused the AMI login of user "
                f"{self._address.username!r}; check `username` and the secret of [[pbx]] {self.name!r} against the "
                "PBX's manager.conf, and that its `permit` lists this host"
            ) from refused

    async def _until_booted(self) -> None:
        booted, lost = asyncio.create_task(self._booted.wait()), asyncio.create_task(self._lost.wait())
        try:
            done, _ = await asyncio.wait(
                (booted, lost), timeout=self.deadlines.boot, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            booted.cancel()
            lost.cancel()
        if not done:
            raise LinkSilent("the PBX did not finish booting; does its manager.conf grant `read = system`?")
        if self._lost.is_set():
            raise LinkLost(self._why)

    async def _hold(self) -> None:
        """Ping until the link is lost: a half-open connection shows only by silence."""
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(self.deadlines.ping_every):
                    await self._lost.wait()
            except TimeoutError:
                try:
                    await self._ping()
                except AmiError as error:
                    self._why = self._why or str(error)
                    return

    async def _ping(self) -> None:
        sent = monotonic()
        pong = await self._ask("Ping")
        self._time.told(pong.get("Timestamp"), sent, monotonic())

    def _received(self, raw: bytes) -> None:
        """Events from before LinkUp are left out: the reader asks for all that is true once it sees that."""
        if raw.startswith(b"Event: FullyBooted"):
            self._booted.set()
            return
        self._heard = monotonic()
        if self._up and not self._inbox.put(raw, self._heard) and self._wire is not None:
            self._wire.abort("events came faster than they could be handled; what is true is asked for anew")

    def _on_lost(self, why: str) -> None:
        self._why = self._why or why
        self._lost.set()

    def _close(self) -> None:
        wire, self._wire, self._up, self._current = self._wire, None, False, None
        self._lost.set()
        if wire is not None:
            wire.transport.abort()

    def _waits(self) -> Iterator[float]:
        rng = random.Random()  # noqa: S311 - jitter, not a secret
        return delays(first=self.deadlines.first_wait, cap=self.deadlines.longest_wait, rng=rng)

    def _cannot_reach(self, error: Exception) -> str:
        where = f"{self._address.host}:{self._address.port}"
        what = self._why or str(error) or "no answer"
        self._log.warning("PBX cannot be reached, trying again", address=where, error=what)
        if isinstance(error, ActionRefused):
            return f"{where}: {what}; let user {self._address.username!r} do what the rendered manager.conf lets it do"
        return f"{where} cannot be reached ({what}); check `host` and `port` of [[pbx]] {self.name!r}"
