"""Recorded streams to replay, and what replaying tells of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from ami_bridge.fact_lines import as_line
from ami_bridge.replaying import Complaint, Replay, Told

TESTS = Path(__file__).parents[2]
TRACES = sorted([*(TESTS / "traces").rglob("*.ami"), *(TESTS / "unit" / "ami" / "recorded").glob("*.ami")])

GREETING = "Asterisk Call Manager/11.0.0\r\n"
CALL = {"Channel": "PJSIP/trunk-00000001", "Uniqueid": "1795310318.1", "Linkedid": "1795310318.1"}
AGENT = {"Channel": "PJSIP/101-00000002", "Uniqueid": "1795310318.2", "Linkedid": "1795310318.1"}
DIAL = {
    **CALL,
    "DestChannel": AGENT["Channel"],
    "DestUniqueid": AGENT["Uniqueid"],
    "DestLinkedid": AGENT["Linkedid"],
    "Exten": "5550100",
}
NEW = {"ChannelState": "4", "CallerIDNum": "15551230001", "Exten": "5550100"}
# A call that is answered: each event as its headers, in order.
ANSWERED: tuple[dict[str, str], ...] = (
    {"Event": "Newchannel", **CALL, **NEW},
    {"Event": "Newchannel", **AGENT, **NEW, "ChannelState": "0", "CallerIDNum": "101"},
    {"Event": "DialBegin", **DIAL},
    {"Event": "Newstate", **AGENT, **NEW, "ChannelState": "5"},
    {"Event": "DialEnd", **DIAL, "DialStatus": "ANSWER"},
    {"Event": "BridgeEnter", "BridgeUniqueid": "b-1", "BridgeTechnology": "simple_bridge", **AGENT},
    {"Event": "BridgeEnter", "BridgeUniqueid": "b-1", "BridgeTechnology": "simple_bridge", **CALL},
    {"Event": "Hangup", **AGENT, "Cause": "16"},
    {"Event": "Hangup", **CALL, "Cause": "16"},
)
# What that call is to whoever reads the facts.
STORY = ["call_started", "ringing", "dial_ended", "answered", "call_ended"]


def wire(events: Iterable[dict[str, str]], end: str = "\r\n") -> bytes:
    blocks = (end.join(f"{name}: {value}" for name, value in event.items()) for event in events)
    return "".join(block + end + end for block in blocks).encode()


def replay(data: bytes, *, cuts: Iterable[int] = ()) -> tuple[list[dict[str, object]], list[str]]:
    """The facts of `data` as readers outside get them, and the complaints; `data` comes in pieces cut at `cuts`."""
    play = Replay()
    places = [0, *sorted(cuts), len(data)]
    items: list[Told | Complaint] = []
    for start, end in pairwise(places):
        items += play.feed(data[start:end])
    items += play.finish()
    facts = [json.loads(as_line(item.fact, item.at)) for item in items if isinstance(item, Told)]
    return facts, [item.text for item in items if isinstance(item, Complaint)]


def names(facts: list[dict[str, object]]) -> list[object]:
    return [fact["fact"] for fact in facts]
