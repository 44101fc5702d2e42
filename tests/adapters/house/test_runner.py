"""One PBX's consumer: links that come, fail half-way and go, crashes between any two steps, and faults of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.promise import Kind, State
from ami_bridge.domain.status import Link
from ami_bridge.domain.verdict import Verdict
from tests.adapters.ami.manager import until
from tests.adapters.house.house import HOLD, PBX, House, Pbx, a_house

ANN = "PJSIP/101"


async def test_a_snapshot_that_cannot_be_taken_gives_the_link_up_and_it_is_tried_again(house: House, pbx: Pbx) -> None:
    snapshot = pbx.answers["QueueStatus"]

    def lost(_action: Any) -> None:
        pbx.cut()

    pbx.answers["QueueStatus"] = lost
    await house.start(settled=False)
    await until(lambda: pbx.logins >= 2)
    assert house.runner.state.link is Link.CONNECTING
    [blind] = await house.store.blind_spots.recent(9)
    assert blind.end is None
    pbx.answers["QueueStatus"] = snapshot
    await until(lambda: house.runner.state.link is Link.UP)
    async with asyncio.timeout(5):
        while (await house.store.blind_spots.recent(9))[0].end is None:  # noqa: ASYNC110 - the ledger has no event
            await asyncio.sleep(0.01)


async def test_a_blind_spot_the_store_could_not_take_is_written_later(
    house: House, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.runner.LOOK_EVERY", 0.2)
    await house.start()
    async with house.locked():
        pbx.cut()
        await until(lambda: pbx.logins == 2 and house.runner.state.link is Link.UP)
    async with asyncio.timeout(5):
        while not (spots := await house.store.blind_spots.recent(9)) or spots[0].end is None:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    assert len(spots) == 1


async def test_an_incident_the_store_could_not_take_is_written_later_and_its_callers_are_released(
    house: House, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.runner.LOOK_EVERY", 0.2)
    await house.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: bool(house.runner.watch.incidents))
    incident = house.runner.watch.incidents[0]
    pbx.trunk("acme-primary", reachable=True)
    await until(lambda: house.verdict() is Verdict.RECOVERING)
    promise = await house.owe(kind=Kind.RESTORED, incident=incident.id)
    async with house.locked():
        house.clock.ahead = HOLD
        await until(lambda: not house.runner.watch.incidents, 15)  # the tick may wait for the store already
        stored = await house.store.incidents.get(incident.id)
        assert stored is not None
        assert stored.open
    async with asyncio.timeout(5):
        while (await house.store.incidents.get(incident.id)).state is not IncidentState.RESOLVED:  # type: ignore[union-attr] # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await house.becomes(promise, State.DIALLING)


async def test_a_refused_login_ends_this_runner_says_so_and_counts_as_blindness(house: House, pbx: Pbx) -> None:
    pbx.accepts_login = False
    await house.start(settled=False)
    assert house.task is not None
    async with asyncio.timeout(5):
        await house.task
    assert house.runner.state.link is Link.REFUSED
    assert "check `username` and the secret" in house.runner.state.detail
    [blind] = await house.store.blind_spots.recent(9)
    assert (blind.pbx, blind.end) == (PBX, None)
    assert pbx.logins == 1


async def test_a_mistake_of_ours_ends_the_program_loudly(
    house: House, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.start()

    async def mistaken(*_asked: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(house.runner.announcer.prepared, "render", mistaken)
    pbx.trunk("acme-primary", reachable=False)
    assert house.task is not None
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.timeout(5):
            await house.task
    assert raised.group_contains(ZeroDivisionError)


class Crash:
    """Lets `after` calls through the store and the session, then stops for ever: the process is dead from there."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.dead = asyncio.Event()

    def guard(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            if self.left == 0:
                self.dead.set()
                await asyncio.Event().wait()
            self.left -= 1
            return await call(*args, **kwargs)

        return guarded


@pytest.mark.parametrize("after", range(8))
async def test_a_crash_between_any_two_steps_of_placing_loses_nothing_and_dials_nobody_twice(
    house: House, pbx: Pbx, tmp_path: Path, after: int
) -> None:
    """Steps of the first call: room, claim, originate, dialled; then of the look for a second one."""
    pbx.members = {ANN: 1}
    await house.start()
    await house.ticks()
    promise = await house.owe()
    crash = Crash(after)
    house.task, working = None, house.task
    assert working is not None
    backend, session = house.store._backend, house.room.session
    for owner, name in ((backend, "read"), (backend, "write"), (session, "ask"), (session, "ask_list")):
        setattr(owner, name, crash.guard(getattr(owner, name)))
    house.runner.promised(promise.line)
    async with asyncio.timeout(5):
        await crash.dead.wait()
    working.cancel()
    await asyncio.wait([working])
    for owner, name in ((backend, "read"), (backend, "write"), (session, "ask"), (session, "ask_list")):
        delattr(owner, name)
    await house.store.close()
    await until(lambda: not pbx._peers)

    async with a_house(tmp_path, pbx, house.clock) as second:
        await second.start()
        await until(lambda: len(pbx.calls) == 1 or second.rounds > 4)
        live = set(pbx.channels)
        second.clock.ahead += timedelta(seconds=61)
        await second.ticks(4)
        assert len(pbx.calls) == 1
        [attempt] = [call["ChannelId"] for call in pbx.calls]
        assert live <= {attempt}
        pbx.answered(attempt)
        pbx.marks[attempt] = "joined"
        pbx.joined(attempt)
        await second.becomes(promise, State.KEPT)
