"""What is seen to now and then: a second opinion on a trunk, round trips, and forgetting what is old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ami_bridge.domain.verdict import Verdict
from ami_bridge.store import StoreBusy
from ami_bridge.upkeep import forget
from tests.adapters.ami.manager import until
from tests.adapters.house.house import House, Pbx, a_house, ended


@pytest.fixture
async def patient(tmp_path: Path, pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house that wants a second opinion before it gives a trunk up."""
    monkeypatch.setattr("ami_bridge.runner.TICK", 0.05)
    async with a_house(tmp_path, pbx, detection={"qualify": {"confirm_seconds": 600}}) as made:
        yield made


def asked(pbx: Pbx, action: str) -> list[str]:
    """The endpoints the PBX was asked about by `action`."""
    return [received["Endpoint"] for received in pbx.received if received["Action"] == action]


async def test_a_trunk_lost_is_asked_again_on_the_wire_and_given_up_when_it_stays_silent(
    patient: House, pbx: Pbx
) -> None:
    await patient.start()
    assert asked(pbx, "PJSIPQualify") == []
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: asked(pbx, "PJSIPQualify") == ["acme-primary"])
    assert patient.verdict() is Verdict.SUSPECT
    patient.clock.ahead = timedelta(seconds=20)
    await until(lambda: len(asked(pbx, "PJSIPQualify")) == 2)
    assert set(asked(pbx, "PJSIPQualify")) == {"acme-primary"}
    patient.clock.ahead = timedelta(seconds=601)
    await until(lambda: patient.verdict() is Verdict.DOWN)


async def test_a_trunk_that_answers_when_asked_again_was_never_down(patient: House, pbx: Pbx) -> None:
    await patient.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: bool(asked(pbx, "PJSIPQualify")))
    pbx.trunk("acme-primary", reachable=True)
    await until(lambda: patient.verdict() is Verdict.UP)
    patient.clock.ahead = timedelta(seconds=601)
    await patient.ticks()
    assert (patient.verdict(), patient.runner.watch.incidents) == (Verdict.UP, ())


async def test_a_pbx_that_refuses_the_question_ends_nothing(patient: House, pbx: Pbx) -> None:
    pbx.answers["PJSIPQualify"] = lambda action: (
        f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: Permission denied\r\n\r\n".encode()
    )
    await patient.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: bool(asked(pbx, "PJSIPQualify")))
    patient.clock.ahead = timedelta(seconds=601)
    await until(lambda: patient.verdict() is Verdict.DOWN)


async def test_round_trips_are_asked_for_every_now_and_then_and_what_is_found_counts(
    house: House, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.start()
    once = len(asked(pbx, "PJSIPShowEndpoint"))  # of the snapshot
    monkeypatch.setattr("ami_bridge.upkeep.MEASURE_EVERY", 0.05)
    await house.stop()
    await house.start()
    await until(lambda: len(asked(pbx, "PJSIPShowEndpoint")) >= once * 2 + 6)
    assert set(asked(pbx, "PJSIPShowEndpoint")) == {"acme-primary", "acme-backup"}
    pbx.trunks["acme-primary"] = False  # and no event tells of it
    await until(lambda: house.verdict() is Verdict.DOWN)
    assert house.verdict("acme-backup") is Verdict.UP


async def test_what_was_over_long_ago_is_forgotten_every_day(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ami_bridge.upkeep.FORGET_EVERY", 0.02)
    monkeypatch.setattr("ami_bridge.upkeep.FORGET_AGAIN", 0.02)
    monkeypatch.setattr("ami_bridge.upkeep.AT_ONCE", 2)
    now, day = house.clock(), timedelta(days=1)
    for number in range(5):
        await house.store.incidents.save(ended(f"old-{number}", now - 91 * day))
    await house.store.incidents.save(ended("newer", now - 80 * day))
    prune, called = house.store.prune, list[datetime]()

    async def busy_at_first(before: datetime, at_once: int = 0) -> int:
        called.append(before)
        if len(called) == 1:
            raise StoreBusy("locked")
        return await prune(before, at_once)

    house.store.prune = busy_at_first  # type: ignore[method-assign]
    task = asyncio.create_task(forget(house.store, 90 * day, house.clock))
    try:
        await until(lambda: len(called) >= 5)  # refused, then 2 + 2 + 1, then the next day
        assert [incident.id for incident in await house.store.incidents.recent(9)] == ["newer"]
        house.clock.ahead = 11 * day
        async with asyncio.timeout(5):
            while await house.store.incidents.recent(9):  # noqa: ASYNC110 - the ledger has no event
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait([task])
