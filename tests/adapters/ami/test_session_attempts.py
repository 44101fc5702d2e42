"""How often a PBX that will not be watched is bothered, counted over hours of a clock that waits for nobody."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ami_bridge.ami.errors import LinkLost, LoginRefused
from ami_bridge.ami.inbox import Inbox, LinkDown, LinkUp
from ami_bridge.ami.session import Address, Deadlines, Session
from tests.adapters.ami.manager import BOOTED, GREETING, Manager, a_session, response

HOUR = 3600.0
DEADLINES = Deadlines()


class Hurry(asyncio.SelectorEventLoop):
    """A loop on which time passes only while nobody has anything to do, and then at once."""

    def __init__(self) -> None:
        super().__init__(_Impatient(self))
        self.now = 0.0

    def time(self) -> float:
        return self.now


class _Impatient(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    def __init__(self, loop: Hurry) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits for ever"
            self._loop.now += timeout
        return ready


class Phantom(asyncio.Transport):
    """A connection without a network: `answer` gives what the PBX says to an action, None to break the link."""

    def __init__(self, protocol: Any, answer: Callable[[dict[str, str]], bytes | None]) -> None:
        super().__init__()
        self._protocol, self._answer = protocol, answer

    def write(self, data: Any) -> None:
        action = dict(line.split(": ", 1) for line in bytes(data).decode().split("\r\n") if line)
        said = self._answer(action)
        if said is None:
            self.abort()
        else:
            asyncio.get_running_loop().call_soon(self._protocol.data_received, said)

    def abort(self) -> None:
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, ConnectionResetError("reset by peer"))


class Peer:
    """A PBX of the given manners; when it was bothered is kept."""

    def __init__(self, manners: str) -> None:
        self.manners = manners
        self.at: list[float] = []
        self.opened = False

    async def connect(self, factory: Callable[[], Any], *_where: object) -> tuple[Phantom, Any]:
        self.at.append(asyncio.get_running_loop().time())
        self.opened = False
        if self.manners == "refuses":
            raise ConnectionRefusedError("refused")
        if self.manners == "is swallowed by a firewall":
            await asyncio.Event().wait()
        protocol = factory()
        transport = Phantom(protocol, self._answer)
        protocol.connection_made(transport)
        if self.manners == "accepts and resets":
            transport.abort()
        elif self.manners != "accepts and is silent":
            asyncio.get_running_loop().call_soon(protocol.data_received, GREETING)
        return transport, protocol

    def _answer(self, action: dict[str, str]) -> bytes | None:
        what = action["Action"]
        if what == "Ping" and not self.opened:  # the first of a link asks for the time
            self.opened = True
            return response(action, "Success")
        if (self.manners, what) in {("resets after the login", "CoreSettings"), ("comes up and resets", "Ping")}:
            return None
        if (self.manners, what) == ("stops to answer", "Ping"):
            return b""
        if (self.manners, what) == ("rejects the login", "Login"):
            return response(action, "Error", "Message: Authentication failed")
        booted = BOOTED if what == "Login" and self.manners != "never boots" else b""
        return response(action, "Success", "AsteriskVersion: 22.10.1") + booted


def hurried(monkeypatch: pytest.MonkeyPatch, act: Callable[[Hurry], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=Hurry) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, Hurry)
        monkeypatch.setattr("ami_bridge.ami.session.monotonic", loop.time)
        runner.run(act(loop))


def of(peer: Peer, monkeypatch: pytest.MonkeyPatch, loop: Hurry, name: str = "lab") -> tuple[Session, Inbox]:
    monkeypatch.setattr(loop, "create_connection", peer.connect)
    address = Address(host="192.0.2.1", port=5038, username="keepline", secret="x")
    inbox = Inbox()
    return Session(name, address, {}, inbox, deadlines=DEADLINES), inbox


@pytest.mark.parametrize(
    ("manners", "seconds_each"),
    [
        ("refuses", 0.0),
        ("is swallowed by a firewall", DEADLINES.connect),
        ("accepts and resets", 0.0),
        ("accepts and is silent", DEADLINES.reply),
        ("resets after the login", 0.0),
        ("never boots", DEADLINES.boot),
        ("comes up and resets", DEADLINES.ping_every),
        ("stops to answer", DEADLINES.ping_every + DEADLINES.reply),
    ],
)
def test_it_is_tried_for_ever_and_never_hammered(
    monkeypatch: pytest.MonkeyPatch, manners: str, seconds_each: float
) -> None:
    """Once the pauses have grown, every 7.5 to 15 s beside the time an attempt takes; at most six in the first 15 s."""
    peer = Peer(manners)

    async def act(loop: Hurry) -> None:
        session, _inbox = of(peer, monkeypatch, loop)
        task = asyncio.create_task(session.run())
        await asyncio.sleep(HOUR)
        assert not task.done()
        task.cancel()

    hurried(monkeypatch, act)
    longest = DEADLINES.longest_wait
    assert HOUR / (longest + seconds_each) - 1 <= len(peer.at) <= HOUR / (longest / 2 + seconds_each) + 6
    assert len([at for at in peer.at if at < longest]) <= 6
    assert max(later - earlier for earlier, later in zip(peer.at, peer.at[1:], strict=False)) <= longest + seconds_each


def test_who_rejects_the_login_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer("rejects the login")

    async def act(loop: Hurry) -> None:
        session, inbox = of(peer, monkeypatch, loop)
        with pytest.raises(LoginRefused):
            await session.run()
        await asyncio.sleep(HOUR)
        assert len(inbox) == 0

    hurried(monkeypatch, act)
    assert len(peer.at) == 1


def test_eighty_pbxs_that_vanish_together_are_not_sought_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer("refuses")

    async def act(loop: Hurry) -> None:
        tasks = [asyncio.create_task(of(peer, monkeypatch, loop, f"p{n}")[0].run()) for n in range(80)]
        await asyncio.sleep(HOUR)
        for task in tasks:
            task.cancel()

    hurried(monkeypatch, act)
    late = [round(at, 1) for at in peer.at if at > HOUR / 2]
    assert max(late.count(at) for at in set(late)) < 12  # of 80; in step it would be all


async def test_a_login_that_is_answered_too_late_opens_nothing(
    manager: Manager, run: Callable[[Session], asyncio.Task[None]]
) -> None:
    asked: list[dict[str, str]] = []
    manager.answers["Login"] = asked.append  # type: ignore[assignment]
    session, inbox = a_session(manager)
    run(session)
    async with asyncio.timeout(5):
        item = (await inbox.take())[1]
    assert isinstance(item, LinkDown)
    assert "no answer to AMI action Login" in item.reason
    manager.push(response(asked[0], "Success") + BOOTED)
    with pytest.raises(LinkLost):
        await session.ask("Ping")
    assert not session.up
    del manager.answers["Login"]
    async with asyncio.timeout(5):
        while not isinstance(item := (await inbox.take())[1], LinkUp):
            pass
    assert session.holds(item)
    assert manager.names().index("Ping") > manager.names().index("CoreSettings"), "what was asked too early is not sent"


async def test_a_link_that_is_gone_is_not_held_by_the_one_after(
    manager: Manager, run: Callable[[Session], asyncio.Task[None]]
) -> None:
    session, inbox = a_session(manager, deadlines=Deadlines(first_wait=0.02, longest_wait=0.1))
    run(session)
    ups: list[LinkUp] = []
    async with asyncio.timeout(5):
        while len(ups) < 2:
            item = (await inbox.take())[1]
            if isinstance(item, LinkUp):
                ups.append(item)
                assert session.holds(item)
                if len(ups) == 1:
                    manager.cut()
    assert ups[0] == ups[1]
    assert session.holds(ups[1])
    assert not session.holds(ups[0])


def test_a_link_that_died_in_silence_is_dated_from_when_the_pbx_was_last_heard_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peer = Peer("answers")

    async def act(loop: Hurry) -> None:
        session, inbox = of(peer, monkeypatch, loop)
        task = asyncio.create_task(session.run())
        await asyncio.sleep(61)
        peer.manners = "stops to answer"
        await asyncio.sleep(61)
        task.cancel()
        up_at, up = await inbox.take()
        down_at, down = await inbox.take()
        assert isinstance(up, LinkUp)
        assert isinstance(down, LinkDown)
        assert 61 - DEADLINES.ping_every <= down_at - up_at <= 61

    hurried(monkeypatch, act)
