"""What a replay makes of reconnections, snapshots, endings, and of what is no AMI stream at all."""

from __future__ import annotations

import json
import tracemalloc
from io import BytesIO, StringIO
from itertools import chain, repeat

import pytest

from ami_bridge.ami.wire import MESSAGE_LIMIT
from ami_bridge.replaying import HELD, NotAmi, Replay, Told, tell
from tests.unit.replay.recorded import AGENT, ANSWERED, CALL, GREETING, NEW, STORY, names, replay, wire

TALKING, REST = ANSWERED[:7], ANSWERED[7:]
REBORN = GREETING.encode()
OTHER = {"Channel": "PJSIP/trunk-00000009", "Uniqueid": "1795310400.9", "Linkedid": "1795310400.9"}
NOISE = {"Event": "DeviceStateChange", "Device": "PJSIP/102", "State": "INUSE"}


def lists(*channels: dict[str, str], queues: tuple[dict[str, str], ...] = ()) -> bytes:
    """A snapshot as the PBX answers it."""
    items = [{"Event": "CoreShowChannel", "ActionID": "1", **NEW, "ChannelState": "6", **c} for c in channels]
    start = b"Response: Success\r\nActionID: 1\r\nEventList: start\r\n\r\n"
    end = {"Event": "CoreShowChannelsComplete", "ActionID": "1", "EventList": "Complete"}
    waiting = [{"Event": "QueueEntry", "ActionID": "2", **queue} for queue in queues]
    last = {"Event": "QueueStatusComplete", "ActionID": "2", "EventList": "Complete"}
    return start + wire([*items, end]) + start + wire([*waiting, last])


def test_a_call_that_lives_on_through_a_reconnection_is_the_same_call() -> None:
    alive = lists({**CALL, "BridgeId": "b-1"}, {**AGENT, "BridgeId": "b-1"})
    facts, complaints = replay(REBORN + wire(TALKING) + REBORN + alive + wire(REST))
    assert (names(facts), complaints) == (STORY, [])
    assert (facts[-1]["outcome"], facts[-1]["answered"]) == ("completed", True)


def test_a_call_that_was_over_when_the_link_came_back_ended_unseen() -> None:
    facts, _complaints = replay(
        REBORN + wire(TALKING) + REBORN + lists(OTHER) + wire([{"Event": "Hangup", **OTHER, "Cause": "16"}])
    )
    ended = {str(fact["call"]): fact["outcome"] for fact in facts if fact["fact"] == "call_ended"}
    assert ended[CALL["Linkedid"]] == "unseen"
    assert ended.get(OTHER["Linkedid"]) != "unseen"


def test_events_that_overtake_the_lists_are_taken_after_them() -> None:
    """Half of the channels' list has come when the agent hangs up."""
    whole = lists({**CALL, "BridgeId": "b-1"}, {**AGENT, "BridgeId": "b-1"})
    half = whole.index(b"Event: CoreShowChannelsComplete")
    stream = REBORN + wire(TALKING) + REBORN + whole[:half] + wire(REST[:1]) + whole[half:] + wire(REST[1:])
    facts, _complaints = replay(stream)
    assert names(facts) == STORY
    assert facts[-1]["outcome"] == "completed"


@pytest.mark.parametrize("after", [b"", wire(REST), wire([NOISE] * (HELD + 1)) + wire(REST), lists(CALL)[:200]])
def test_without_lists_nobody_knows_what_became_of_the_calls(after: bytes) -> None:
    """Not even where events about their ends follow: that they were the same calls is not known."""
    facts, _complaints = replay(wire(TALKING) + REBORN + after)
    assert names(facts) == STORY
    assert facts[-1]["outcome"] == "unseen"


def test_what_is_held_back_after_a_reconnection_comes_out_soon() -> None:
    play = Replay()
    list(play.feed(wire(TALKING) + REBORN))
    fresh = [{**event} for event in ANSWERED]
    for event in fresh:
        for name in ("Uniqueid", "Linkedid", "DestUniqueid", "DestLinkedid"):
            if name in event:
                event[name] = event[name].replace("1795310318", "1795310999")
    told = list(play.feed(wire([*fresh, *[NOISE] * HELD])))
    assert [type(item.fact).__name__ for item in told if isinstance(item, Told)][0] == "CallEnded"  # noqa: RUF015
    assert len(told) == 1 + len(STORY)


def test_lists_at_the_beginning_tell_who_is_there_already() -> None:
    there = lists({**CALL, "BridgeId": "b-1"}, {**AGENT, "BridgeId": "b-1"})
    for greeting in (REBORN, b""):
        facts, _complaints = replay(greeting + there + wire(REST))
        assert facts[-1]["fact"] == "call_ended"
        assert facts[-1]["outcome"] == "completed"


def test_somebody_elses_question_in_mid_stream_ends_no_call() -> None:
    """A monitoring tool's lists, empty by the time they were asked for on its own connection."""
    stream = wire(TALKING) + wire([NOISE] * (HELD + 1)) + lists() + wire(REST)
    facts, _complaints = replay(stream)
    assert names(facts) == STORY
    assert facts[-1]["outcome"] == "completed"


def test_a_call_that_is_open_at_the_end_ends_unseen() -> None:
    facts, _complaints = replay(wire(TALKING))
    assert names(facts) == STORY
    assert (facts[-1]["outcome"], facts[-1]["answered"]) == ("unseen", True)


class Pipe:
    """Standard input from somebody who writes a piece and waits."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = [*pieces, b""]
        self.seen: list[int] = []
        self.out = StringIO()

    def read1(self, _size: int) -> bytes:
        self.seen.append(self.out.getvalue().count("\n"))
        return self.pieces.pop(0)


def test_facts_are_told_as_they_happen() -> None:
    pipe = Pipe(wire(ANSWERED[:4]), wire(ANSWERED[4:7]), wire(ANSWERED[7:]))
    tell(pipe, pipe.out, StringIO())  # type: ignore[arg-type]
    assert pipe.seen == [0, 2, 4, 5]
    assert [json.loads(line)["fact"] for line in pipe.out.getvalue().splitlines()] == STORY


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is empty"),
        (b" \n\r\n", "it has no AMI message"),
        (b"\x1f\x8b\x08\x00rest of an archive", "line 1: the stream ends in the middle of a message"),
        (b"\x1f\x8b\x08\x00rest\nof an archive\n", r"line 1: no AMI message: '\x1f\ufffd\x08\x00rest'"),
        (b"# A page\n\nNothing here.\n", "line 1: no AMI message: '# A page'"),
        (b'{"name": "x"}\n{"name": "y"}\n', "line 1: a JSON object without an Event header"),
        (b"[]", "it has no AMI message"),
        (b"x" * (2 * MESSAGE_LIMIT), f"line 1: a message of more than {MESSAGE_LIMIT} bytes"),
    ],
)
def test_what_is_no_ami_stream_is_said_to_be_none(data: bytes, message: str) -> None:
    with pytest.raises(NotAmi) as error:
        tell(BytesIO(data), StringIO(), StringIO())
    assert message in str(error.value)


def test_a_long_stream_of_something_else_is_not_read_to_its_end() -> None:
    pipe = Pipe(*[b"GET / HTTP/1.1\n\n" * 4096] * 1000)
    with pytest.raises(NotAmi, match="no AMI message"):
        tell(pipe, StringIO(), StringIO())  # type: ignore[arg-type]
    assert len(pipe.pieces) > 900


def test_what_came_before_the_stream_is_named_once_the_stream_is_there() -> None:
    banner = b"Last login: Sunday\n\n"
    facts, complaints = replay(banner + wire(ANSWERED))
    assert names(facts) == STORY
    assert complaints == ["line 1: no AMI message: 'Last login: Sunday'; it is left out"]


@pytest.mark.parametrize(
    "piece", [b"Event: x", b'{"Event": "x', b"x: %s\r\n" % (b"y" * 200), b'{"Event":"x"}\n' + b"{" + b" " * 2000]
)
def test_memory_is_bounded_whatever_comes(piece: bytes) -> None:
    """32 MB of a message, a line or an object without an end, after a proper beginning."""
    play, pieces = Replay(), repeat((piece * (65536 // len(piece) + 1)), 500)
    begun = wire(ANSWERED[:1]) if not piece.startswith(b"{") else json.dumps(ANSWERED[0]).encode() + b"\n"
    tracemalloc.start()
    try:
        complaints = sum(1 for data in chain([begun], pieces) for _item in play.feed(data))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * MESSAGE_LIMIT, peak
    assert complaints


def test_a_long_recording_takes_no_more_memory_than_a_short_one() -> None:
    play = Replay()

    def calls(first: int, count: int) -> None:
        for number in range(first, first + count):
            data = wire(ANSWERED).replace(b"1795310318", str(1700000000 + number).encode())
            assert len(list(play.feed(data))) == len(STORY)

    calls(0, 2000)
    tracemalloc.start()
    try:
        calls(2000, 500)
        before, _peak = tracemalloc.get_traced_memory()
        calls(2500, 1500)
        after, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after < before + 50_000
