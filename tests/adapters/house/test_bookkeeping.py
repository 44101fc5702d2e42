"""A promise called off or tried again while the house is at work: the call that was to keep it is reached."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from ami_bridge.bookkeeping import Bookkeeper
from ami_bridge.domain.promise import State
from tests.adapters.ami.manager import Action, response, until
from tests.adapters.house.house import House, Pbx

FREE, ANN = 1, "PJSIP/101"


@pytest.fixture
def hung_up(pbx: Pbx) -> list[str]:
    """The channels the PBX was told to hang up; it does so."""
    told: list[str] = []

    def hangup(action: Action) -> bytes:
        told.append(action["Channel"])
        there = action["Channel"] in pbx.channels
        if there:
            asyncio.get_running_loop().call_soon(pbx.hung_up, action["Channel"])
        return response(action, "Success" if there else "Error", "Message: No such channel")

    pbx.answers["Hangup"] = hangup
    return told


def book(house: House) -> Bookkeeper:
    made = Bookkeeper(house.store, house.clock)
    made.add(house.runner)
    return made


async def test_a_ringing_phone_falls_silent_and_is_not_called_again(house: House, pbx: Pbx, hung_up: list[str]) -> None:
    pbx.members = {ANN: FREE}
    await house.start()
    promise = await house.owe()
    [attempt] = await house.calls(1)
    await house.becomes(promise, State.DIALLING)
    assert await book(house).cancel(promise.id, "we spoke", "Ada") == "its call is hung up"
    assert hung_up == [attempt]
    ended = await house.becomes(promise, State.WITHDRAWN)
    assert ended.reason == "withdrawn by Ada: we spoke"
    await until(lambda: attempt not in house.runner.watch.tracker.channels)
    house.clock.ahead = timedelta(hours=1)
    await house.ticks()
    assert (len(pbx.calls), await house.state(promise)) == (1, State.WITHDRAWN)


async def test_a_call_the_pbx_cannot_be_asked_about_is_said_to_go_on(house: House, pbx: Pbx) -> None:
    pbx.members = {ANN: FREE}
    await house.start()
    promise = await house.owe()
    await house.calls(1)
    await house.becomes(promise, State.DIALLING)
    pbx.answers["Hangup"] = lambda _action: None
    said = await book(house).cancel(promise.id, "we spoke", "Ada")
    assert said == "its call may go on: the PBX could not be asked to hang it up"
    assert await house.state(promise) is State.WITHDRAWN


async def test_one_that_rests_after_an_attempt_is_called_at_once_when_asked_for(
    house: House, pbx: Pbx, hung_up: list[str]
) -> None:
    pbx.members = {ANN: FREE}
    await house.start()
    promise = await house.owe()
    [attempt] = await house.calls(1)
    await house.becomes(promise, State.DIALLING)
    pbx.hung_up(attempt, cause=19)
    await house.becomes(promise, State.WAITING)
    await house.ticks()
    assert len(pbx.calls) == 1
    owed = await book(house).retry(promise.id, "Ada")
    assert owed.id == promise.id
    await house.calls(2)


async def test_one_that_has_ended_is_promised_anew_and_kept_beside_its_end(
    house: House, pbx: Pbx, hung_up: list[str]
) -> None:
    await house.start()
    promise = await house.owe()
    assert await book(house).cancel(promise.id, "a mistake", "Ada") == ""
    owed = await book(house).retry(promise.id, "Ada")
    assert (owed.id != promise.id, owed.number) == (True, promise.number)
    pbx.member(ANN, FREE)
    await house.calls(1)
    await house.becomes(owed, State.DIALLING)
    assert await house.state(promise) is State.WITHDRAWN
    assert hung_up == []
