"""Scenarios played on the real test PBX: each hears whom the scenario says, and the facts name the same people."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ami_bridge.fact_lines import as_line
from ami_bridge.replaying import Replay, Told
from docker.lab.recorder import events
from docker.lab.scenarios import SCENARIOS
from docker.lab.stack import Stack
from docker.lab.traces import Studio, studio
from docker.lab.truth import by_call

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

PLAYED = (
    "answered-caller-hangs-up",
    "rejected",
    "withheld-number",
    "group-one-answers",
    "two-devices-one-answers",
    "queue-answered",
    "queue-agent-rejects",
    "queue-local-member",
    "queue-timed-out",
    "blind-refer-by-called",
    "attended-refer-by-caller",
    "blonde-refer-by-called",
    "attended-code-by-called",
    "pickup-by-sip",
    "pickup-from-group",
    "forward-by-phone-to-group",
    "click-both-answer",
    "mobile-in-group-accepts",
    "parked-and-fetched",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def room(stack: Stack) -> AsyncIterator[Studio]:
    async with studio(stack) as room:
        yield room


@pytest.mark.parametrize("name", PLAYED)
async def test_the_facts_name_who_was_heard(room: Studio, name: str) -> None:
    """Recording fails by itself when somebody heard another voice than the scenario says."""
    trace = await room.record(SCENARIOS[name])
    begun = {event["Uniqueid"] for event in events(trace.stream) if event.name == "Newchannel"}
    assert begun == {event["Uniqueid"] for event in events(trace.stream) if event.name == "Hangup"}
    replay = Replay()
    told = itertools.chain(replay.feed(trace.stream), replay.finish())
    facts = [json.loads(as_line(item.fact)) for item in told if isinstance(item, Told)]
    assert by_call(facts) == by_call(json.loads(line) for line in trace.facts)
