"""Calls that are owed: as many as there are agents, in the callers' order, and each with exactly one fate."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agi.desk import Next
from ami_bridge.domain.names import AttemptId, LineName
from ami_bridge.domain.promise import Kind, Promise, State
from tests.adapters.ami.manager import until
from tests.adapters.house.house import LINE, SPACING, Clock, House, Pbx, a_caller, a_house, settings

FREE, BUSY = 1, 2
ANN, BEN = "PJSIP/101", "PJSIP/102"


async def working(house: House, pbx: Pbx, *free: str) -> None:
    pbx.members = dict.fromkeys(free, FREE)
    await house.start()


async def answered(house: House, pbx: Pbx, attempt: str) -> None:
    """The customer answers and hears the greeting."""
    pbx.answered(attempt)
    treatment = await house.desk.callback(a_caller(attempt, attempt=attempt))
    assert (treatment.keys, len(treatment.audio)) == ("0123", 1)


async def test_a_promise_is_dialled_accepted_joined_and_kept(house: House, pbx: Pbx) -> None:
    await working(house, pbx, ANN)
    promise = await house.owe()
    [attempt] = await house.calls(1)
    call = pbx.calls[0]
    assert (call["Channel"], call["Context"], call["CallerID"]) == (
        "PJSIP/+15550001@acme-primary",
        "keepline-callback",
        "5550100",
    )
    assert call["ActionID"] == call["ChannelId"] == attempt
    await house.becomes(promise, State.DIALLING)
    await answered(house, pbx, attempt)
    receipt = await house.desk.callback_pressed(a_caller(attempt, attempt=attempt), "1")
    assert receipt.then is Next.CONNECT
    assert await house.state(promise) is State.CONNECTING
    pbx.joined(attempt)
    await house.becomes(promise, State.KEPT)
    await until(lambda: attempt not in pbx.marks)
    await house.ticks()
    assert len(pbx.calls) == 1


async def test_never_more_calls_than_free_agents_and_the_oldest_first(house: House, pbx: Pbx) -> None:
    pbx.members = {ANN: FREE, BEN: BUSY}
    first, second, third = [await house.owe(f"+1555000{n}") for n in (1, 2, 3)]
    await house.start()
    await house.calls(1)
    await house.ticks()
    pbx.member(BEN, FREE)
    await house.calls(2)
    await house.ticks()
    assert len(pbx.calls) == 2
    states = [await house.state(promise) for promise in (first, second, third)]
    assert states == [State.DIALLING, State.DIALLING, State.WAITING]


async def test_callers_on_the_line_come_first(house: House, pbx: Pbx) -> None:
    await house.owe()
    pbx.members = {ANN: BUSY}
    await house.start()
    pbx.channel("200.1", "PJSIP/acme-primary-00000001", exten="5550100")
    await until(lambda: bool(house.runner.watch.lines[LINE].waiting))
    pbx.member(ANN, FREE)
    await house.ticks()
    assert pbx.calls == []
    pbx.hung_up("200.1")
    await house.calls(1)


async def test_a_refused_call_says_why_and_waits_its_turn(house: House, pbx: Pbx) -> None:
    pbx.originate = "refused"
    await working(house, pbx, ANN)
    promise = await house.owe()
    await house.calls(1)
    waiting = await house.becomes(promise, State.WAITING)
    assert "Extension does not exist" in waiting.reason
    await house.ticks()
    assert len(pbx.calls) == 1
    house.clock.ahead = timedelta(seconds=61)
    await until(lambda: len(pbx.calls) == 2)
    waiting = await house.becomes(promise, State.WAITING)
    assert (waiting.attempts, waiting.tries) == (2, 0), "it was no fault of the customer's"


@pytest.mark.parametrize(
    ("mark", "state"),
    [
        ("", State.WAITING),
        ("answered", State.WAITING),
        ("accepted", State.WAITING),
        ("unmet", State.WAITING),
        ("later", State.WAITING),
        ("joined", State.KEPT),
        ("told", State.KEPT),
        ("declined", State.WITHDRAWN),
    ],
)
async def test_a_lost_answer_is_never_dialled_again_blind(house: House, pbx: Pbx, mark: str, state: State) -> None:
    """The link is cut under an Originate; the call went its way meanwhile, as far as its mark says."""
    await working(house, pbx, ANN)
    pbx.originate = "cut"
    promise = await house.owe()
    [attempt] = await house.calls(1)
    if mark:
        pbx.marks[attempt] = mark
    await until(lambda: pbx.logins == 2 and house.runner.state.link.value == "up")
    assert await house.state(promise) is State.CLAIMED
    await house.ticks()
    assert len(pbx.calls) == 1
    house.clock.ahead = timedelta(seconds=51)
    house.runner.calls.attempts.dialling.clear()  # as after the moment in which its channel could still have come to be
    await house.becomes(promise, state)
    await house.ticks()
    assert len(pbx.calls) == 1
    assert attempt not in pbx.marks


async def test_a_channel_that_lives_after_a_lost_answer_is_left_alone(house: House, pbx: Pbx) -> None:
    await working(house, pbx, ANN)
    pbx.originate = "cut"
    promise = await house.owe()
    [attempt] = await house.calls(1)
    pbx.channels[attempt] = "PJSIP/acme-primary-00000009"
    pbx.marks[attempt] = "accepted"
    await until(lambda: pbx.logins == 2 and house.runner.state.link.value == "up")
    house.runner.calls.attempts.dialling.clear()
    house.clock.ahead = timedelta(hours=1)
    await house.becomes(promise, State.CONNECTING)
    await house.ticks()
    assert len(pbx.calls) == 1
    pbx.joined(attempt)
    await house.becomes(promise, State.KEPT)


async def test_an_originate_nobody_answers_is_not_repeated(house: House, pbx: Pbx) -> None:
    await working(house, pbx, ANN, BEN)
    pbx.originate = "unanswered"
    promise = await house.owe()
    await house.calls(1)
    await house.ticks(4)
    assert (len(pbx.calls), await house.state(promise)) == (1, State.CLAIMED)


async def test_news_waits_for_its_words_and_is_called_once_they_are_there(house: House, pbx: Pbx) -> None:
    await working(house, pbx)
    house.library.ready.clear()
    promise = await house.owe(kind=Kind.RESTORED)
    await house.ticks()
    assert await house.state(promise) is State.WAITING
    house.library.ready.set()
    await house.calls(1)
    await house.becomes(promise, State.DIALLING)


async def test_with_every_trunk_down_nothing_is_claimed_and_the_second_serves_for_the_first(
    house: House, pbx: Pbx
) -> None:
    pbx.trunks = {"acme-primary": False, "acme-backup": False}
    await working(house, pbx, ANN)
    promise = await house.owe()
    await house.ticks()
    assert (pbx.calls, await house.state(promise)) == ([], State.WAITING)
    pbx.trunk("acme-backup", reachable=True)
    await house.calls(1)
    assert pbx.calls[0]["Channel"].endswith("@acme-backup")


@pytest.mark.parametrize(("key", "state"), [("2", State.WAITING), ("3", State.WITHDRAWN)])
async def test_what_the_customer_answers_is_done(house: House, pbx: Pbx, key: str, state: State) -> None:
    await working(house, pbx, ANN)
    promise = await house.owe()
    [attempt] = await house.calls(1)
    await answered(house, pbx, attempt)
    receipt = await house.desk.callback_pressed(a_caller(attempt, attempt=attempt), key)
    assert receipt.then is Next.HANGUP
    pbx.hung_up(attempt)
    await house.becomes(promise, state)
    await house.ticks()
    assert len(pbx.calls) == 1
    house.clock.ahead = SPACING + timedelta(seconds=1)
    if state is State.WAITING:
        await house.calls(2)


@pytest.mark.parametrize("seen", [True, False])
async def test_who_asked_for_later_and_talked_after_all_is_not_called_again(house: House, pbx: Pbx, seen: bool) -> None:
    """Our desk wrote 2 down and died before it could confirm it; asked once more by the dialplan they pressed 1."""
    await working(house, pbx, ANN)
    promise = await house.owe()
    [attempt] = await house.calls(1)
    await answered(house, pbx, attempt)
    await house.desk.callback_pressed(a_caller(attempt, attempt=attempt), "2")
    await house.becomes(promise, State.WAITING)
    pbx.marks[attempt] = "joined"
    if seen:
        pbx.joined(attempt)
    else:
        await house.runner.calls.attempts.reconcile()
    await house.becomes(promise, State.WITHDRAWN)
    house.clock.ahead = SPACING + timedelta(seconds=1)
    await house.ticks()
    assert len(pbx.calls) == 1


@pytest.mark.parametrize(
    ("mark", "state"), [("declined", State.WITHDRAWN), ("joined", State.KEPT), ("later", State.WAITING)]
)
async def test_what_the_dialplan_did_alone_while_the_link_was_up_counts(
    house: House, pbx: Pbx, mark: str, state: State
) -> None:
    """Our desk was too slow for this customer: the fallback served them and only AstDB knows."""
    await working(house, pbx, ANN)
    promise = await house.owe()
    [attempt] = await house.calls(1)
    pbx.answered(attempt)
    pbx.marks[attempt] = mark
    pbx.hung_up(attempt)
    await house.becomes(promise, state)
    await until(lambda: attempt not in pbx.marks)


async def test_a_customer_whom_no_agent_could_be_found_for_is_called_again_later(house: House, pbx: Pbx) -> None:
    await working(house, pbx, ANN)
    promise = await house.owe()
    [attempt] = await house.calls(1)
    await answered(house, pbx, attempt)
    await house.desk.callback_pressed(a_caller(attempt, attempt=attempt), "1")
    pbx.marks[attempt] = "unmet"
    pbx.hung_up(attempt)
    await house.becomes(promise, State.WAITING)
    assert (await house.store.promises.ledger(promise.id))[-1].what == "unmet"


async def test_news_is_told_a_few_at_a_time_and_kept_when_heard(house: House, pbx: Pbx) -> None:
    await working(house, pbx)  # no agent is needed for it
    for n in (1, 2, 3):
        await house.owe(f"+1555000{n}", kind=Kind.RESTORED)
    first, _second = await house.calls(2)  # whose words were ready first
    await house.ticks()
    assert len(pbx.calls) == 2
    pbx.answered(first)
    treatment = await house.desk.callback(a_caller(first, attempt=first))
    assert treatment.keys == ""
    await house.desk.callback_heard(a_caller(first, attempt=first))
    told = await house.store.promises.by_attempt(AttemptId(first))
    assert told is not None
    assert told.state is State.KEPT
    await house.calls(3)


async def test_a_number_no_longer_allowed_is_blocked_with_its_reason(house: House, pbx: Pbx) -> None:
    await working(house, pbx, ANN)
    promise = await house.owe("+4930123456")
    blocked = await house.becomes(promise, State.BLOCKED)
    assert blocked.reason == "it is a number of DE: this tenant has not allowed it"
    assert pbx.calls == []


async def test_who_is_not_to_be_called_is_not_called_whenever_that_was_said(tmp_path: Path, pbx: Pbx) -> None:
    async with a_house(tmp_path, pbx, rules={"do_not_call": ("+15550001",)}) as house:
        await working(house, pbx, ANN)
        promise = await house.owe("+15550001")
        blocked = await house.becomes(promise, State.BLOCKED)
        assert blocked.reason == "it is on the do-not-call list"
        allowed = await house.owe("+15550002")
        await house.becomes(allowed, State.DIALLING)
        assert [call["Channel"] for call in pbx.calls] == ["PJSIP/+15550002@acme-primary"]


async def test_outside_calling_hours_news_are_held_until_they_begin_and_then_told(tmp_path: Path, pbx: Pbx) -> None:
    clock = Clock()
    opens = (clock() + timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)
    hours = f"daily {opens:%H:%M}-{opens + timedelta(hours=1):%H:%M}"
    async with a_house(tmp_path, pbx, clock, rules={"calling_uninvited": (hours,)}) as house:
        await working(house, pbx)
        promise = await house.owe(kind=Kind.RESTORED)
        await until(lambda: house.rounds > 3)
        held = await house.store.promises.get(promise.id)
        assert held is not None
        assert (held.state, held.not_before, pbx.calls) == (State.WAITING, opens, [])
        assert [entry.what for entry in await house.store.promises.ledger(promise.id)] == ["made", "hold"]
        clock.ahead = opens - datetime.now(UTC) + timedelta(seconds=1)
        await house.becomes(promise, State.DIALLING)


async def failures(house: House, promise: Promise) -> list[str]:
    return [entry.reason for entry in await house.store.promises.ledger(promise.id) if entry.what == "failed"]


async def test_words_that_cannot_be_made_or_played_are_not_dialled_for(house: House, pbx: Pbx) -> None:
    """No attempt is spent on it, and the ledger says what it waits for."""
    await working(house, pbx)
    house.library.broken = True
    promise = await house.owe(kind=Kind.RESTORED)

    async def held(reason: str) -> None:
        async with asyncio.timeout(5):
            while (found := (await house.store.promises.ledger(promise.id))[-1]).what != "hold" or (  # noqa: ASYNC110 - as `becomes`
                found.reason != reason
            ):
                await asyncio.sleep(0.01)

    await held("the engine is not there")
    house.library.broken = False
    pbx.plays = lambda _hash: False
    house.clock.ahead = timedelta(seconds=21)
    await held("the PBX cannot play what is to be said")
    found = await house.store.promises.get(promise.id)
    assert found is not None
    assert (found.attempts, pbx.calls) == (0, [])


async def test_an_agent_of_two_lines_is_promised_to_one_customer(tmp_path: Path, pbx: Pbx) -> None:
    """Ann answers both lines: one callback at a time, whichever line it is for."""
    made = settings(tmp_path, pbx)
    sales = made.line[0].model_copy(update={"name": "sales", "dids": ("5550200",), "queue": "sales"})
    async with a_house(tmp_path, pbx, lines=(made.line[0], sales)) as house:
        pbx.members = {ANN: FREE}
        await house.owe()
        await house.owe("+15550002", line=LineName("sales"))
        await house.start()
        pbx.event("QueueMemberStatus", Queue="sales", Interface=ANN, StateInterface=ANN, Status=FREE, Paused=0)
        await house.calls(1)
        await house.ticks()
        assert len(pbx.calls) == 1
