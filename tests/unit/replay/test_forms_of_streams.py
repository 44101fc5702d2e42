"""Every form a recorded stream may have tells the same: as on the wire, edited, as JSON, in any pieces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.replay.recorded import ANSWERED, GREETING, STORY, TRACES, names, replay, wire

SAID = replay(wire(ANSWERED))[0]
LINES = [json.dumps(event) for event in ANSWERED]


def test_the_call_of_these_tests_is_told_as_it_was() -> None:
    assert names(SAID) == STORY
    assert SAID[-1]["outcome"] == "completed"
    assert not [fact for fact in SAID if "at" in fact]


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(GREETING.encode() + wire(ANSWERED), id="greeting"),
        pytest.param(wire(ANSWERED, "\n"), id="line feeds"),
        pytest.param(GREETING.replace("\r\n", "\n").encode() + wire(ANSWERED, "\n"), id="greeting and line feeds"),
        pytest.param(b"\xef\xbb\xbf" + wire(ANSWERED), id="byte order mark"),
        pytest.param(b"\r\n\n \n" + wire(ANSWERED) + b"\r\n\r\n\r\n", id="empty lines around"),
        pytest.param(wire(ANSWERED).replace(b": ", b":"), id="no space after colons"),
        pytest.param(wire(ANSWERED[:4]) + wire(ANSWERED[4:], "\n"), id="both line ends"),
        pytest.param(wire(ANSWERED, "\n").rstrip(b"\n"), id="no end of the last line"),
        pytest.param("\n".join(LINES).encode(), id="JSON Lines"),
        pytest.param(("\r\n".join(LINES) + "\r\n").encode(), id="JSON Lines with CRLF"),
        pytest.param("".join(LINES).encode(), id="JSON without anything between"),
        pytest.param(json.dumps(ANSWERED).encode(), id="array in one line"),
        pytest.param(json.dumps(ANSWERED, indent=2).encode(), id="array laid out"),
        pytest.param(("[\n  " + ",\n  ".join(LINES) + "\n]\n").encode(), id="array of lines"),
        pytest.param("\n".join(json.dumps(e, indent=4) for e in ANSWERED).encode(), id="objects laid out"),
        pytest.param("\n".join(json.dumps(e, sort_keys=True) for e in ANSWERED).encode(), id="in any order"),
        pytest.param("\n".join(json.dumps({"headers": e, "n": 1}) for e in ANSWERED).encode(), id="one level down"),
        pytest.param(
            "\n".join(
                json.dumps({**e, "Cause": 16, "Privilege": None, "x": [1, "2"], "ok": True}) for e in ANSWERED
            ).encode(),
            id="numbers, nulls, lists, truth values",
        ),
        pytest.param("\n".join(json.dumps({**e, "V": {"A": "1"}}) for e in ANSWERED).encode(), id="pairs as an object"),
    ],
)
def test_the_same_call_in_another_form_is_the_same_call(stream: bytes) -> None:
    assert replay(stream) == (SAID, [])


REPLIES = (
    b"Response: Success\r\nActionID: 1\r\nMessage: Authentication accepted\r\n\r\n",
    b"Response: Success\r\nActionID: 2\r\nOutput: Event: Hangup\r\nOutput: \r\nOutput: x\r\n\r\n",
    b"Response: Follows\r\nActionID: 3\r\nName  State\n\n Event: Hangup\n\n1 active\n--END COMMAND--\r\n\r\n",
    b"Action: Ping\r\nActionID: 4\r\n\r\n",
    b"Event: UserEvent\r\nUserEvent: x\r\nEvent: Hangup\r\nUniqueid: 1795310318.1\r\nCause: 16\r\n\r\n",
)


def test_what_lies_between_the_events_of_calls_changes_nothing() -> None:
    stream = b"".join(wire([event]) + reply for event in ANSWERED for reply in REPLIES)
    assert replay(stream) == (SAID, [])


def test_a_repeated_header_counts_with_its_first_value() -> None:
    hangup = {**ANSWERED[-1], "Cause": ["16", "17"], "Uniqueid": ["1795310318.1", "other"]}
    twice = json.dumps(ANSWERED[-1])[:-1] + ', "Uniqueid": "other"}'
    before = "\n".join(LINES[:-1]) + "\n"
    assert replay((before + json.dumps(hangup)).encode()) == (SAID, [])
    assert replay((before + twice).encode()) == (SAID, [])


def test_a_value_cannot_make_headers_of_its_own() -> None:
    event = {**ANSWERED[0], "CallerIDNum": "1\r\n\r\nEvent: Hangup\r\nUniqueid: 1795310318.1\r\nCause: 16"}
    facts, complaints = replay(json.dumps(event).encode())
    assert names(facts) == ["call_started", "call_ended"]
    assert facts[1]["outcome"] == "unseen"
    assert complaints == []


@pytest.mark.parametrize(
    ("beside", "at"),
    [
        ({"Timestamp": "1795319729.069472"}, "2026-11-22T03:55:29.069Z"),
        ({"timestamp": 1795319729.069472}, "2026-11-22T03:55:29.069Z"),
        ({"timestamp": "1795319729.069472"}, "2026-11-22T03:55:29.069Z"),
        ({"timestamp": "2026-11-22T04:55:29.069+01:00"}, "2026-11-22T03:55:29.069Z"),
        ({"timestamp": "2026-11-22T03:55:29.069"}, None),  # of no known place on earth
        ({"timestamp": "soon"}, None),
        ({"Timestamp": "soon"}, None),
        ({"Timestamp": "9" * 30}, None),
        ({"timestamp": True}, None),
    ],
)
def test_a_fact_has_the_time_of_its_event_where_that_has_one(beside: dict[str, object], at: str | None) -> None:
    for events in ([{**e, **beside} for e in ANSWERED], [{"headers": e, **beside} for e in ANSWERED]):
        facts, complaints = replay(json.dumps(events).encode())
        assert [fact.pop("at", None) for fact in facts] == [at] * len(STORY)
        assert (facts, complaints) == (SAID, [])


def test_what_the_end_of_a_stream_tells_has_no_time() -> None:
    ringing = [{**event, "Timestamp": "1795319729.5"} for event in ANSWERED[:4]]
    facts, _complaints = replay(wire(ringing))
    assert [("at" in fact, fact["fact"]) for fact in facts[-2:]] == [(True, "ringing"), (False, "call_ended")]
    assert facts[-1]["outcome"] == "unseen"


def test_times_are_told_of_the_events_that_have_them_and_of_no_others() -> None:
    stream = wire([*ANSWERED[:3], {**ANSWERED[3], "Timestamp": "1795319729.5"}, *ANSWERED[4:]])
    facts, _complaints = replay(stream)
    assert [fact.pop("at", None) for fact in facts] == [None, "2026-11-22T03:55:29.500Z", None, None, None]
    assert facts == SAID


BROKEN = '{"Event": "Newstate", "Chan'


@pytest.mark.parametrize(
    ("rubbish", "problem"),
    [
        (BROKEN, "a broken JSON object"),
        ('{"Event": Newstate}', "Expecting value"),
        ('{"Evnt": "Newstate"}', "a JSON object without an Event header"),
        ('{"a": {"Event": "x"}, "b": {"Event": "y"}}', "a JSON object without an Event header"),
        ('{"Event": "Newstate", "x": [["y"]]}', "the header x is neither text nor a number"),
        (' "a remark"', "no JSON object"),
        ("Event: Newstate", "no JSON object"),
        ('{"Event": "Hangup"}', "event 10 (line 10): AMI event Hangup: the header"),
    ],
)
def test_json_that_cannot_be_read_is_named_and_costs_nothing_else(rubbish: str, problem: str) -> None:
    for before in range(0 if rubbish.startswith("{") else 4, len(LINES), 4):  # what begins otherwise is no JSON
        facts, complaints = replay("\n".join([*LINES[:before], rubbish, *LINES[before:]]).encode())
        assert facts == SAID
        assert len(complaints) == 1
        assert complaints[0].endswith("; it is left out")
        assert f"line {before + 1}" in complaints[0]
    facts, [complaint] = replay("\n".join([*LINES, rubbish, ""]).encode())
    assert facts == SAID
    assert problem in complaint
    assert "line 10" in complaint


def test_json_cut_in_the_middle_of_an_object_is_told_to_the_end() -> None:
    facts, complaints = replay(("\n".join(LINES) + "\n" + '{"Event": "Newchannel", "Uniqueid": "1').encode())
    assert (facts, complaints) == (SAID, ["line 10: the stream ends in the middle of a JSON object; it is left out"])


@pytest.mark.parametrize(
    ("rubbish", "problem"),
    [
        (b"\x00\xff\x10binary\r\n\r\n", "line 1: no AMI message: '\\x00\\ufffd\\x10binary'; it is left out"),
        (b"Welcome to pbx\n\n", "line 1: no AMI message: 'Welcome to pbx'; it is left out"),
        (
            b"Exten: s\r\nCause: 16\r\n\r\n",
            "line 1: a message without its first line, beginning 'Exten: s'; it is left out",
        ),
        (
            wire([{"Event": "Hangup", "Uniqueid": "1"}]),
            "event 1 (line 1): AMI event Hangup: the header 'Cause' is missing",
        ),
    ],
)
def test_text_that_cannot_be_read_is_named_and_costs_nothing_else(rubbish: bytes, problem: str) -> None:
    facts, [complaint] = replay(rubbish + wire(ANSWERED))
    assert facts == SAID
    assert complaint.startswith(problem)
    facts, [complaint] = replay(wire(ANSWERED) + rubbish + wire(ANSWERED[:0]))
    assert facts == SAID
    assert complaint.endswith("; it is left out")


def test_a_message_cut_by_the_end_is_not_believed() -> None:
    """Half of a Uniqueid would be another channel's."""
    facts, complaints = replay(wire(ANSWERED)[:-8])
    assert names(facts) == STORY
    assert facts[-1]["outcome"] == "unseen"
    assert complaints == ["line 64: the stream ends in the middle of a message; it is left out"]


@given(cuts=st.lists(st.integers(0, len(wire(ANSWERED)))))
def test_text_in_any_pieces_tells_the_same(cuts: list[int]) -> None:
    assert replay(wire(ANSWERED), cuts=cuts) == (SAID, [])


@given(cuts=st.lists(st.integers(0, len(json.dumps(ANSWERED)))), indent=st.sampled_from([None, 1]))
def test_json_in_any_pieces_tells_the_same(cuts: list[int], indent: int | None) -> None:
    stream = json.dumps(ANSWERED, indent=indent).encode()
    assert replay(stream, cuts=[cut for cut in cuts if cut < len(stream)]) == (SAID, [])


# Not before the first event: what begins with noise may be JSON, or nothing.
@given(noise=st.binary(max_size=300), at=st.integers(1, len(ANSWERED)))
def test_no_noise_between_events_stops_a_replay(noise: bytes, at: int) -> None:
    noise = noise.replace(b"Asterisk", b"")
    facts, _complaints = replay(wire(ANSWERED[:at]) + noise + b"\r\n\r\n" + wire(ANSWERED[at:]))
    assert facts == SAID


@settings(max_examples=30)
@given(text=st.text(alphabet='{}[]",:\\\nEvent x1', max_size=400))
def test_no_rubbish_that_looks_like_json_stops_a_replay(text: str) -> None:
    facts, _complaints = replay(("\n".join(LINES) + "\n" + text + "\n" + "\n".join(LINES)).encode())
    assert names(facts)[: len(STORY)] == STORY


@pytest.mark.parametrize("path", TRACES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_trace_tells_the_same_as_json(path: Path) -> None:
    """Header by header: text that is not UTF-8 comes out alike, repeated headers become lists."""
    raw = path.read_bytes()
    objects = []
    for block in raw.decode("utf-8", "replace").split("\r\n\r\n"):
        headers: dict[str, list[str]] = {}
        for line in block.split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                headers.setdefault(name, []).append(value.removeprefix(" "))
        if headers:
            objects.append({name: found[0] if len(found) == 1 else found for name, found in headers.items()})
    facts, complaints = replay(raw)
    told, complained = replay("\n".join(json.dumps(event) for event in objects).encode())
    assert facts == told
    assert len(complaints) == len(complained)
