"""Garbage on the wire: it ends that connection at worst, once and with a reason, and hides or makes up no event."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.ami import wire as wires
from ami_bridge.ami.decode import WANTED, decode
from ami_bridge.ami.encode import action
from ami_bridge.ami.errors import LinkLost
from ami_bridge.ami.inbox import Inbox, Item, LinkDown, LinkUp
from ami_bridge.ami.session import Session
from ami_bridge.ami.wire import MESSAGE_LIMIT, Wire
from tests.adapters.ami.manager import PATIENT, Manager, a_session, until

Run = Callable[[Session], asyncio.Task[None]]
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
HANGUP = b"Event: Hangup\r\nUniqueid: 100.1\r\nCallerIDName: \xc3\x9cmit \xf0\x9f\x93\x9e\r\nCause: 16"
PIECES = [
    *(HANGUP, HANGUP + b"\r\n\r\n", b"Event: Hangup\r\n", b"Event: RTCPSent\r\n", b"Event: ", b"Event:Hangup\r\n"),
    *(b"Event: VarSet\r\nVariable: QUEUESTATUS\r\n", b"Event: VarSet\r\nVariable: x\r\n"),
    *(b"Response: Success\r\nActionID: a\r\n", b"Response: Error\r\n", b"ActionID: a\r\n", b"Event: XComplete\r\n"),
    *(b"EventList: start\r\n", b"EventList: Complete\r\n", GREETING),
    *(b"\r\n\r\n", b"\r\n", b"\r", b"\n", b"\n\n", b"\0", b"\0" * 40, b"\xff\xfe", b"\xc3", b": ", b"x" * 30),
]
garbage = st.lists(st.sampled_from(PIECES) | st.binary(max_size=12), max_size=24).map(b"".join)
cuts = st.lists(st.integers(0, 1000), max_size=12)


class Sink(asyncio.Transport):
    """Takes what is written, and counts how often the connection is given up."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = 0

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def abort(self) -> None:
        self.aborted += 1


class Peer:
    """A wire with one list asked for, and all that came of what it was sent."""

    def __init__(self) -> None:
        self.sink, self.events, self.lost = Sink(), list[bytes](), list[str]()
        self.wire = Wire(WANTED, self.events.append, self.lost.append)
        self.wire.connection_made(self.sink)

    def ask(self) -> asyncio.Future[list[object]]:
        return self.wire.send(action("QueueStatus", {"ActionID": "a"}), as_list=True)

    def receive(self, data: bytes, at: list[int]) -> None:
        for begin, end in pairwise([0, *sorted(cut for cut in at if cut < len(data)), len(data)]):
            self.wire.data_received(data[begin:end])

    def outcome(self) -> tuple[list[bytes], int, int, int]:
        return self.events, self.sink.aborted, self.wire.ignored, len(self.wire.pending)


@given(garbage, cuts, st.booleans(), st.sampled_from([60, MESSAGE_LIMIT]))
async def test_however_garbage_is_cut_the_same_comes_of_it(data: bytes, at: list[int], asked: bool, limit: int) -> None:
    """Nothing is raised, the link is given up once at most, and what was handed on before that does not differ."""
    whole, pieces = Peer(), Peer()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wires, "MESSAGE_LIMIT", limit)
        for peer, edges in ((whole, []), (pieces, at)):
            peer.wire.data_received(GREETING)
            if asked:
                peer.ask()
            peer.receive(data, edges)
    assert pieces.outcome() == whole.outcome()
    assert whole.sink.aborted <= 1
    assert all(raw.startswith(b"Event: ") and raw in data and len(raw) <= limit for raw in whole.events)


@given(st.binary(max_size=60) | garbage, cuts)
async def test_what_does_not_greet_is_given_up_once_whatever_it_sends(data: bytes, at: list[int]) -> None:
    whole, pieces = Peer(), Peer()
    whole.receive(data, [])
    pieces.receive(data, at)
    assert pieces.outcome() == whole.outcome()
    assert whole.sink.aborted <= 1
    if not (data.startswith(b"Asterisk Call Manager/") or b"Asterisk Call Manager/".startswith(data)):
        assert whole.outcome() == ([], 1, 0, 0)


@given(
    st.lists(st.sampled_from([HANGUP, b"Event: Shutdown\r\nCafe: \xc3\xa9"]), min_size=1, max_size=6), cuts, st.binary()
)
async def test_whole_events_before_the_garbage_are_handed_on(events: list[bytes], at: list[int], rest: bytes) -> None:
    peer = Peer()
    peer.receive(GREETING + b"".join(event + b"\r\n\r\n" for event in events) + rest, at)
    assert peer.events[: len(events)] == events


async def test_utf8_cut_within_a_character_is_whole_again_and_broken_utf8_costs_nothing() -> None:
    peer = Peer()
    for byte in GREETING + HANGUP + b"\r\n\r\n" + HANGUP.replace(b"\x9c", b"") + b"\r\n\r\n":
        peer.wire.data_received(bytes([byte]))
    assert peer.events[0] == HANGUP
    assert decode(peer.events[1]) == decode(HANGUP)


async def test_half_an_event_is_none_when_the_connection_ends() -> None:
    peer = Peer()
    peer.wire.data_received(GREETING + HANGUP + b"\r\n")
    peer.wire.connection_lost(None)
    assert (peer.events, peer.lost) == ([], ["the PBX closed the connection"])


async def test_bare_line_feeds_end_no_event() -> None:
    """Whoever writes those is no Asterisk; what follows must not be taken for headers either."""
    peer = Peer()
    peer.wire.data_received(GREETING + HANGUP.replace(b"\r\n", b"\n") + b"\n\n" + HANGUP + b"\r\n\r\n")
    assert peer.events == []
    assert peer.sink.aborted == 0


ENDLESS = {
    "binary": bytes(range(256)).replace(b"\r\n\r\n", b"") * 256,
    "NULs": b"\0" * 65536,
    "one line": b"x" * 65536,
    "headers without an end": b"X: 1\r\n" * 10_000,
    "bare line feeds": HANGUP.replace(b"\r\n", b"\n") + b"\n\n",
}


@pytest.mark.parametrize("chunk", ENDLESS.values(), ids=ENDLESS)
async def test_ten_megabytes_of_one_message_end_the_link_long_before_they_are_read(chunk: bytes) -> None:
    peer = Peer()
    peer.wire.data_received(GREETING + b"Event: Hangup\r\nX: ")
    tracemalloc.start()
    for _ in range(10_000_000 // len(chunk)):
        peer.wire.data_received(chunk)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (peer.events, peer.sink.aborted) == ([], 1)
    assert most < 4 * MESSAGE_LIMIT


async def test_a_list_without_an_end_is_not_collected_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "LIST_LIMIT", 100_000)
    peer = Peer()
    peer.wire.data_received(GREETING)
    future = peer.ask()
    peer.wire.data_received(b"Response: Success\r\nActionID: a\r\n\r\n")
    entry = b"Event: QueueMember\r\nActionID: a\r\nName: " + b"x" * 954 + b"\r\n\r\n"
    for _ in range(99):
        peer.wire.data_received(entry)
    assert (peer.sink.aborted, future.done()) == (0, False)
    peer.wire.data_received(entry * 100)
    assert peer.sink.aborted == 1
    peer.wire.connection_lost(None)
    assert peer.lost == ["a list of more than 100000 bytes"]
    with pytest.raises(LinkLost):
        await future


async def test_a_message_in_tiny_pieces_is_not_searched_from_its_beginning_each_time() -> None:
    """A quadratic search would let a PBX, or whoever poses as one, stop everything with a megabyte."""
    searched = 0

    class Counting(bytearray):
        def find(self, sub: bytes, start: int = 0) -> int:  # type: ignore[override]
            nonlocal searched
            searched += len(self) - start
            return super().find(sub, start)

    peer = Peer()
    peer.wire.data_received(GREETING + HANGUP)
    peer.wire._rest = Counting(peer.wire._rest)
    for _ in range(10_000):
        peer.wire.data_received(b"x" * 10)
    assert len(peer.wire._rest) > 100_000
    assert searched < 2 * len(peer.wire._rest)


# ---- the same through a real session


async def take(inbox: Inbox) -> Item:
    async with asyncio.timeout(5):
        return (await inbox.take())[1]


@pytest.mark.parametrize("chunk", ENDLESS.values(), ids=ENDLESS)
async def test_the_session_says_why_and_comes_back(manager: Manager, run: Run, chunk: bytes) -> None:
    session, inbox = a_session(manager, deadlines=PATIENT)
    run(session)
    assert isinstance(await take(inbox), LinkUp)
    manager.push(HANGUP + b"\r\n\r\n" + b"Event: Hangup\r\nX: " + chunk * (3 * MESSAGE_LIMIT // len(chunk)))
    assert await take(inbox) == HANGUP
    assert await take(inbox) == LinkDown("a message of more than 1048576 bytes")
    assert isinstance(await take(inbox), LinkUp)
    manager.push(HANGUP + b"\r\n\r\n")
    assert await take(inbox) == HANGUP


async def test_half_an_event_of_a_lost_link_is_not_completed_by_the_next(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager, deadlines=PATIENT)
    run(session)
    assert isinstance(await take(inbox), LinkUp)
    manager.push(b"Event: Hangup\r\nUniqueid: half")
    await until(lambda: session._wire is not None and bytes(session._wire._rest).endswith(b"half"))
    manager.cut()
    assert isinstance(await take(inbox), LinkDown)
    assert isinstance(await take(inbox), LinkUp)
    manager.push(b"\r\n\r\n" + HANGUP + b"\r\n\r\n")
    assert await take(inbox) == HANGUP
