"""The main job on the real test PBX: what callers heard is proved from recordings of their own audio."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from docker.lab.ami import NotSeen
from docker.lab.carrier import Call
from docker.lab.hearing import longest_silence
from docker.lab.house import promises
from docker.lab.stack import Stack
from docker.lab.story import (
    CALLBACK,
    HEARS_TIMES,
    NOTED,
    NOTED_OFFLINE,
    OFFER,
    READ_BACK,
    RIGHT,
    SALES,
    SOLVED,
    SUPPORT,
    THANKS,
    Quiet,
    Story,
    told,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

WITHHELD = "We are sorry that nobody could answer. Your number did not reach us. To be called back, press one"
CANNOT = "We are sorry that nobody could answer. Your number did not reach us, so we cannot call you back."


@pytest_asyncio.fixture(loop_scope="session")
async def story(stack: Stack) -> AsyncIterator[Story]:
    async with told(stack, Quiet()) as story:
        await story.begin()
        yield story
        await story.lab.carrier.reset()


async def test_a_caller_nobody_answered_is_called_back_and_joined_with_an_agent(story: Story) -> None:
    await story.unanswered_line()


async def test_a_dead_trunk_is_announced_and_who_asked_is_told_when_it_is_back(story: Story) -> None:
    await story.dead_trunk()


async def test_callers_hear_the_announcement_while_the_companion_is_dead_and_a_key_press_is_kept(story: Story) -> None:
    await story.dead_companion()


async def test_a_ring_group_line_is_called_back_too(story: Story) -> None:
    await story.unanswered_line(did=SALES, tail="011")


async def test_a_hung_companion_costs_a_caller_seconds_and_not_the_announcement(story: Story) -> None:
    """SIGSTOP: the connection is accepted by the kernel and nobody ever answers it."""
    said = await story.trunk_fails()
    await story.stack.kill("keepline", "STOP")
    try:
        call = await story.arrives("15551230021", "caller-hung")
        await story.says(call, said, HEARS_TIMES)
        await call.press("1")
        await call.ended(20)
    finally:
        await story.stack.kill("keepline", "CONT")
    await story.did_hear(call, said, NOTED_OFFLINE)
    assert longest_silence(await call.recorded(), 0.0) <= 4.0
    await story.house.until(lambda s: bool(promises(s, "021")), "the key press is a promise", deadline=60)


async def test_sigterm_lets_a_caller_finish_and_loses_nothing(story: Story) -> None:
    """The caller is in the middle of the offer when the companion is told to stop; their key press still counts."""
    call = await story.arrives("15551230031", "caller-drain")
    await story.says(call, OFFER)
    await story.stack.kill("keepline", "TERM")
    await asyncio.sleep(1)  # it is draining now; the caller still listens
    await call.press("1")
    await call.ended(20)
    await story.did_hear(call, OFFER, NOTED_OFFLINE)  # by the PBX: nobody takes new questions any more
    await story.stack.start("keepline")
    status = await story.house.until(lambda s: bool(promises(s, "031")), "the promise survived", deadline=30)
    assert [p["state"] for p in promises(status, "031")] == ["waiting"]


async def solved(story: Story) -> list[bool | None]:
    """What customers answered to the question whether it is solved, once the PBX keeps none of it any more."""
    end = time.monotonic() + 20
    while await story.lab.pbx.db_tree("keepline-solved"):
        assert time.monotonic() < end, "the PBX keeps answers for long"
        await asyncio.sleep(0.2)
    listing = ("keepline", "promises", "list", "--state", "kept", "--json", "--config", "/etc/keepline/keepline.toml")
    listed = json.loads(await story.stack.execute("keepline", *listing))
    return [row["solved"] for row in listed["promises"]]


async def test_a_companion_killed_while_a_customer_rings_finds_the_promise_kept_and_dials_nobody_twice(
    story: Story,
) -> None:
    """The dialplan finishes the callback alone, from its cache, and marks it; the companion believes the mark."""
    customer, carrier = "15551230041", story.lab.carrier
    await story.can_arrange()
    caller = await story.arrives(customer, "caller-041")
    await story.says(caller, OFFER)
    await caller.press("1")
    await story.arranges(caller)
    await carrier.phone(customer, mode="answer", ring=3, label="customer-041")
    mark, story.mark = carrier.ami.mark(), story.lab.pbx.ami.mark()
    await carrier.agent_arrives("101")
    phone = await carrier.expect_call(customer, since=mark)
    await story.stack.kill("keepline", "KILL")
    await phone.answered()
    await story.says(phone, CALLBACK)
    await phone.press("1")
    agent = await carrier.expect_call("101", since=mark)
    await agent.answered()
    await story.stack.start("keepline")
    status = await story.house.until(
        lambda s: [p["state"] for p in promises(s, "041")] == ["kept"], "the promise is kept", deadline=30
    )
    assert [p["attempts"] for p in promises(status, "041")] == [1]
    await agent.hangup()
    await story.solved(phone)
    await story.did_hear(phone, CALLBACK, SOLVED, THANKS)
    assert await solved(story) == [True]
    rings = [e for e in carrier.ami.events(mark) if e["UserEvent"] == "LabRing" and e["Number"] == customer]
    assert len(rings) == 1


async def calls_without_number(story: Story, label: str) -> Call:
    story.mark = story.lab.pbx.ami.mark()
    call = await story.lab.carrier.call(SUPPORT, number=None, trunk="backup", label=label)
    await call.answered()
    return call


async def test_who_withholds_their_number_gives_one_and_chooses_when_they_are_called(story: Story) -> None:
    await story.can_arrange()
    call = await calls_without_number(story, "caller-withheld")
    await story.says(call, WITHHELD)
    await call.press("1")
    await story.says(call, "Please key in the number", 1.3)
    assert promises(await story.house.status(), "051") == []
    story.mark = story.lab.pbx.ami.mark()
    await call.press("15551230051#")
    await story.says(call, RIGHT, 1.3)
    await call.press("1")
    await story.says(call, "To choose when we call, press three", 1.3)
    await call.press("3")
    await story.says(call, "To be called on the next morning", 1.3)
    await call.press("2")
    await call.ended(20)
    [owed] = promises(await story.house.status(), "051")
    assert (owed["kind"], owed["state"]) == ("scheduled", "waiting")
    await story.did_hear(call, WITHHELD, "You have given us this number.", RIGHT, "Thank you. That number is written")


async def test_who_withholds_their_number_is_promised_nothing_while_the_companion_is_away(story: Story) -> None:
    await story.stack.kill("keepline", "KILL")
    call = await calls_without_number(story, "caller-nobody")
    await story.says(call, CANNOT)
    await call.press("1")
    with pytest.raises(NotSeen):
        await call.ended(3)
    await call.hangup()
    await story.did_hear(call, CANNOT)
    assert await story.lab.pbx.db_tree("keepline-keys") == {}
    await story.stack.start("keepline")


async def test_a_companion_killed_while_it_talks_about_a_promise_leaves_it_confirmed(story: Story) -> None:
    await story.can_arrange()
    call = await story.arrives("15551230061", "caller-arranges")
    await story.says(call, OFFER)
    await call.press("1")
    await story.says(call, READ_BACK, 0.5)
    await story.stack.kill("keepline", "KILL")
    await call.ended(20)
    await story.did_hear(call, OFFER, NOTED, NOTED_OFFLINE)
    assert longest_silence(await call.recorded(), 0.0) <= 4.0
    await story.stack.start("keepline")
    status = await story.house.until(lambda s: bool(promises(s, "061")), "the promise is in the ledger", deadline=30)
    assert [p["state"] for p in promises(status, "061")] == ["waiting"]
    assert await story.lab.pbx.db_tree("keepline-keys") == {}
