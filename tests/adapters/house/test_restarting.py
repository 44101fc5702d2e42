"""A companion that starts again in the middle of something goes on with it: incidents, orders, what is usual."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ami_bridge.domain.effects import SaveIncident
from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.names import IncidentId, MaintenanceId
from ami_bridge.domain.orders import Declaration, Maintenance, Report
from ami_bridge.domain.signal import Kind, Strength, Subject
from ami_bridge.domain.verdict import Verdict
from ami_bridge.domain.watch import calls_in
from ami_bridge.store import StoreBusy
from tests.adapters.ami.manager import until
from tests.adapters.house.house import HOLD, PBX, House, Pbx, a_house

TRUNK = Subject(Kind.TRUNK, "acme-primary")
HOUR = timedelta(hours=1)


async def resolved(house: House, incident: IncidentId) -> None:
    """Wait until the ledger says that it is over."""
    async with asyncio.timeout(5):
        while True:
            found = await house.store.incidents.get(incident)
            if found is not None and found.state is IncidentState.RESOLVED:
                return
            await asyncio.sleep(0.01)


async def test_an_incident_that_was_found_goes_on_and_ends_when_it_is_mended(
    house: House, pbx: Pbx, tmp_path: Path
) -> None:
    await house.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: bool(house.runner.watch.incidents) and pbx.line_state is not None)
    [before] = house.runner.watch.incidents
    await house.stop()
    async with a_house(tmp_path, pbx, house.clock) as second:
        await second.start()
        [after] = second.runner.watch.incidents
        assert (after.id, after.since, after.state) == (before.id, before.since, IncidentState.IDENTIFIED)
        assert second.verdict() is Verdict.DOWN
        second.clock.ahead += HOLD
        await second.ticks()
        assert [open_.id for open_ in second.runner.watch.incidents] == [before.id], "nobody said that it is mended"
        assert pbx.line_state is not None
        pbx.trunk("acme-primary", reachable=True)
        await until(lambda: second.verdict() is Verdict.RECOVERING)
        second.clock.ahead += HOLD
        await resolved(second, before.id)
        await until(lambda: pbx.line_state is None)


async def test_what_was_mended_meanwhile_is_over_after_its_hold(house: House, pbx: Pbx, tmp_path: Path) -> None:
    await house.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: bool(house.runner.watch.incidents) and pbx.line_state is not None)
    [before] = house.runner.watch.incidents
    await house.stop()
    pbx.trunks["acme-primary"] = True
    async with a_house(tmp_path, pbx, house.clock) as second:
        await second.start()
        await until(lambda: second.verdict() is Verdict.RECOVERING)
        second.clock.ahead += HOLD
        await resolved(second, before.id)
        assert second.runner.watch.incidents == ()


async def test_a_declared_incident_goes_on_as_long_as_it_was_declared_for(
    house: House, pbx: Pbx, tmp_path: Path
) -> None:
    await house.start()
    ends = house.clock() + HOUR
    id_ = await house.controls.declare(Declaration(pbx=PBX, subject=TRUNK, until=ends, what="our mail servers"))
    await until(lambda: pbx.line_state is not None)
    [before] = house.runner.watch.incidents
    await house.stop()
    async with a_house(tmp_path, pbx, house.clock) as second:
        await second.start()
        await second.ticks()
        [after] = second.runner.watch.incidents
        assert (after.id, after.what, after.until, after.told) == (id_, "our mail servers", ends, True)
        assert after.evidence[: len(before.evidence)] == before.evidence
        assert pbx.line_state is not None
        second.clock.ahead += HOUR
        await until(lambda: second.verdict() is Verdict.RECOVERING or not second.runner.watch.incidents)
        second.clock.ahead += HOLD
        await resolved(second, id_)
        await until(lambda: pbx.line_state is None)


async def test_what_was_declared_and_not_begun_is_begun(house: House, pbx: Pbx, tmp_path: Path) -> None:
    """Killed after the order was stored, before anything followed from it: it was never said to be done, yet it is."""
    await house.store.orders.keep(Declaration(pbx=PBX, subject=TRUNK, until=house.clock() + HOUR, what="our servers"))
    async with a_house(tmp_path, pbx, house.clock) as second:
        await second.start()
        await until(lambda: pbx.line_state is not None)
        [incident] = second.runner.watch.incidents
        assert (incident.state, incident.what) == (IncidentState.IDENTIFIED, "our servers")
        async with asyncio.timeout(5):
            while await second.store.incidents.get(incident.id) is None:  # noqa: ASYNC110 - the ledger has no event
                await asyncio.sleep(0.01)


async def test_a_report_and_planned_work_are_taken_up_again(house: House, pbx: Pbx, tmp_path: Path) -> None:
    await house.start()
    now = house.clock()
    backup = Subject(Kind.TRUNK, "acme-backup")
    planned = Maintenance(
        id=MaintenanceId("w1"), pbx=PBX, subject=backup, begin=now, end=now + HOUR, what="it", announced=False
    )
    said = Report(
        pbx=PBX, subject=TRUNK, strength=Strength.DOWN, words="no route", until=now + HOUR, told_by="alertmanager"
    )
    await house.controls.plan(planned)
    await house.controls.report(said)
    [before] = house.runner.watch.incidents
    await house.stop()
    async with a_house(tmp_path, pbx, house.clock) as second:
        await second.start()
        assert dict(second.runner.watch.court.works) == {"w1": planned}
        await second.ticks()
        assert [incident.id for incident in second.runner.watch.incidents] == [before.id]
        await second.controls.report(
            Report(pbx=PBX, subject=TRUNK, strength=Strength.CLEAR, words="ok", until=now, told_by="alertmanager")
        )
        await until(lambda: second.verdict() is Verdict.RECOVERING)
        second.clock.ahead += HOLD
        await resolved(second, before.id)


@pytest.fixture
def leaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is put forward by an hour is not taken for an hour in which nobody looked."""
    monkeypatch.setattr("ami_bridge.domain.detectors.silence.UNWATCHED", 2 * HOUR)


async def to_next_hour(house: House) -> datetime:
    """Put the clock to just after the next full hour, and let the runner see it."""
    now = house.clock()
    house.clock.ahead += now.replace(minute=0, second=1, microsecond=0) + HOUR - now
    await house.ticks()
    return house.clock()


async def learnt(house: House, calls: int) -> None:
    """An hour, watched whole, in which so many calls came in over the trunk."""
    await to_next_hour(house)
    for number in range(calls):
        house.pbx.channel(f"in.{number}", f"PJSIP/acme-primary-{number:08x}", exten="5550100", state=4)
    await until(lambda: len(house.runner.watch.tracker.channels) == calls)
    for number in range(calls):
        house.pbx.hung_up(f"in.{number}")
    await until(lambda: not house.runner.watch.tracker.channels)
    await to_next_hour(house)


@pytest.mark.usefixtures("leaps")
async def test_what_is_usual_is_written_down_with_each_full_hour_and_known_after_a_restart(
    house: House, pbx: Pbx, tmp_path: Path
) -> None:
    await house.start()
    await learnt(house, 3)
    rhythm = house.runner.watch.rhythms[calls_in("acme-primary")]
    assert rhythm.learnt == 1
    async with asyncio.timeout(5):
        while (await house.store.baselines.load(PBX)).get(calls_in("acme-primary")) != rhythm.dump():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert 3 in rhythm.dump()[3:]
    await house.stop()
    async with a_house(tmp_path, pbx, house.clock) as second:
        assert second.runner.watch.rhythms[calls_in("acme-primary")].dump() == rhythm.dump()


@pytest.mark.parametrize("kept", [["not", "numbers"], [9], {"a": 1}])
async def test_what_cannot_be_read_of_it_is_learnt_anew(house: House, pbx: Pbx, tmp_path: Path, kept: object) -> None:
    series = calls_in("acme-primary")
    owner = house.runner.watch.owners[series]
    await house.store.baselines.save(PBX, {series: (owner, kept)}, house.clock())
    async with a_house(tmp_path, pbx, house.clock) as second:
        assert second.runner.watch.rhythms[series].expected(house.clock()) is None


@pytest.mark.usefixtures("leaps")
async def test_what_the_store_could_not_take_at_the_hour_is_written_at_the_end(house: House) -> None:
    await house.start()
    save, asked = house.store.baselines.save, asyncio.Event()

    async def busy(*_known: object) -> None:
        asked.set()
        raise StoreBusy("locked")

    house.store.baselines.save = busy  # type: ignore[method-assign]
    await learnt(house, 2)
    await asked.wait()
    await house.stop()
    house.store.baselines.save = save  # type: ignore[method-assign]
    assert await house.store.baselines.load(PBX) == {}
    await house.runner.leave()
    assert 2 in (await house.store.baselines.load(PBX))[calls_in("acme-primary")][3:]


async def test_an_incident_the_store_could_not_take_is_written_at_the_end(house: House, pbx: Pbx) -> None:
    await house.start()
    async with house.locked():
        pbx.trunk("acme-primary", reachable=False)
        await until(lambda: pbx.line_state is not None)
        [incident] = house.runner.watch.incidents
        await house.runner.carry_out([SaveIncident(incident)])
        await house.stop()
    assert await house.store.incidents.get(incident.id) is None
    await house.runner.leave()
    assert await house.store.incidents.get(incident.id) is not None
