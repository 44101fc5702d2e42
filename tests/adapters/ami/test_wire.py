"""The wire: whatever the network does to the bytes, the same events come out, and replies never mix with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.ami.encode import action
from ami_bridge.ami.errors import LinkLost
from ami_bridge.ami.wire import MESSAGE_LIMIT, Wire

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
EVENTS = [
    b"Event: Hangup\r\nUniqueid: 100.1\r\nCallerIDName: M\xc3\xbcller\r\nCause: 16",
    b"Event: Newchannel\r\nCallerIDName: \xff\xfe broken\r\nExten: ",
    b"Event: Hangup\r\nActionID: of-nobody\r\nUniqueid: 100.2",
]
STREAM = GREETING + b"".join(event + b"\r\n\r\n" for event in [*EVENTS, b"Event: RTCPSent\r\nX: 1", b"Nonsense", b""])


class Sink(asyncio.Transport):
    """Takes what is written; loses the connection the way a real transport does, a turn of the loop later."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.wire: Wire | None = None
        self.aborted = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.aborted += 1
        assert self.wire is not None
        asyncio.get_running_loop().call_soon(self.wire.connection_lost, None)


def a_wire(on_event: Callable[[bytes], None] = lambda _: None) -> tuple[Wire, Sink, list[str]]:
    lost: list[str] = []
    wire, sink = Wire({b"Hangup": b"", b"Newchannel": b""}, on_event, lost.append), Sink()
    sink.wire = wire
    wire.connection_made(sink)
    return wire, sink, lost


async def test_every_cut_of_the_stream_gives_the_same_events() -> None:
    for cut in range(len(STREAM) + 1):
        got: list[bytes] = []
        wire, sink, _ = a_wire(got.append)
        wire.data_received(STREAM[:cut])
        wire.data_received(STREAM[cut:])
        assert got == EVENTS
        assert not sink.aborted


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
async def test_many_cuts_give_the_same_events(cuts: list[int]) -> None:
    got: list[bytes] = []
    wire, _, _ = a_wire(got.append)
    edges = [0, *sorted(cuts), len(STREAM)]
    for begin, end in pairwise(edges):
        wire.data_received(STREAM[begin:end])
    assert got == EVENTS
    assert wire.ignored == 1


@given(st.binary(max_size=400), st.integers(0, 400))
async def test_no_bytes_raise_out_of_the_protocol(data: bytes, cut: int) -> None:
    """asyncio would take the connection down without a reason."""
    wire, _, _ = a_wire()
    wire.data_received(GREETING)
    wire.send(action("Ping", {"ActionID": "a"}))
    wire.data_received(data[:cut])
    wire.data_received(data[cut:] + b"\r\n\r\n")


LINES = [
    *(b"Response: Success", b"Response: Error", b"Message: m", b"Event: X", b"Event: XComplete", b""),
    *(b"ActionID: a", b"ActionID: b", b"EventList: start", b"EventList: Complete"),
]


@given(st.lists(st.sampled_from(LINES), max_size=25))
async def test_no_order_of_replies_breaks_an_asker_or_the_wire(lines: list[bytes]) -> None:
    wire, _, _ = a_wire()
    wire.data_received(GREETING)
    future = wire.send(action("QueueStatus", {"ActionID": "a"}), as_list=True)
    wire.data_received(b"\r\n".join(lines) + b"\r\n\r\n")
    if future.done():
        assert future.result()[0].response
    assert ("a" in wire.pending) is not future.done()


async def test_a_list_is_its_own_events_and_not_those_of_others_in_between() -> None:
    got: list[bytes] = []
    wire, _, _ = a_wire(got.append)
    wire.data_received(GREETING)
    future = wire.send(action("QueueStatus", {"ActionID": "a"}), as_list=True)
    wire.data_received(
        b"Response: Success\r\nActionID: a\r\nEventList: start\r\n\r\n"
        b"Event: QueueMember\r\nActionID: a\r\nName: Ann\r\n\r\n" + EVENTS[0] + b"\r\n\r\n"
        b"Event: QueueMember\r\nActionID: b\r\nName: of another\r\n\r\n"
        b"Event: QueueStatusComplete\r\nActionID: a\r\nEventList: Complete\r\n\r\n"
    )
    replies = await future
    assert [reply.event for reply in replies] == ["", "QueueMember", "QueueStatusComplete"]
    assert got == [EVENTS[0]]
    assert not wire.pending


async def test_a_list_that_is_refused_ends_with_the_refusal() -> None:
    wire, _, _ = a_wire()
    wire.data_received(GREETING)
    future = wire.send(action("PJSIPShowEndpoint", {"ActionID": "a"}), as_list=True)
    wire.data_received(b"Response: Error\r\nActionID: a\r\nMessage: Unable to retrieve endpoint\r\n\r\n")
    [refusal] = await future
    assert not refusal.success


async def test_an_empty_line_too_many_hides_no_event() -> None:
    got: list[bytes] = []
    wire, _, _ = a_wire(got.append)
    wire.data_received(GREETING + b"\r\n".join([b"Response: Success\r\nActionID: x\r\n\r\n", EVENTS[0], b"", b""]))
    assert got == [EVENTS[0]]


async def test_the_largest_message_passes_and_a_larger_one_ends_the_link() -> None:
    got: list[bytes] = []
    wire, sink, lost = a_wire(got.append)
    event = EVENTS[0] + b"\r\nX: "
    largest = event + b"x" * (MESSAGE_LIMIT - len(event))
    wire.data_received(GREETING + largest)
    wire.data_received(b"\r\n\r\n")
    assert got == [largest]
    wire.data_received(largest + b"xxxx")  # one byte more may be the beginning of the message's end
    assert sink.aborted == 1
    await asyncio.sleep(0)
    assert lost == ["a message of more than 1048576 bytes"]


async def test_what_was_given_up_hands_nothing_on_and_says_its_first_reason_once() -> None:
    got: list[bytes] = []

    def stop(raw: bytes) -> None:
        got.append(raw)
        wire.abort("enough")

    wire, sink, lost = a_wire(stop)
    wire.data_received(STREAM)
    wire.abort("once more")
    await asyncio.sleep(0)
    assert got == EVENTS[:1]
    assert lost == ["enough"]
    assert sink.aborted == 1


@pytest.mark.parametrize("as_list", [True, False])
async def test_a_lost_link_fails_who_waits_and_who_comes_later(as_list: bool) -> None:
    wire, sink, lost = a_wire()
    future = wire.send(action("Originate", {"ActionID": "a"}), as_list=as_list)
    wire.connection_lost(ConnectionResetError("reset by peer"))
    with pytest.raises(LinkLost):
        await future
    with pytest.raises(LinkLost):
        await wire.greeted
    written = sink.written
    with pytest.raises(LinkLost):
        wire.send(action("Originate", {"ActionID": "b"}))
    assert sink.written == written
    assert lost == ["the PBX closed the connection: reset by peer"]
