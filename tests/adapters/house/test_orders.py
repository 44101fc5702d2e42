"""Orders of operators and of other systems: written down before anything is said, carried out whole or refused."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ami_bridge.domain.effects import SaveIncident
from ami_bridge.domain.expecting import PASSED
from ami_bridge.domain.incident import Incident, IncidentState
from ami_bridge.domain.names import NO_RECORDING, IncidentId, MaintenanceId, PbxName
from ami_bridge.domain.orders import Declaration, Maintenance, Refused, Report
from ami_bridge.domain.signal import Kind, Source, Strength, Subject
from ami_bridge.domain.verdict import Verdict
from ami_bridge.store import StoreError
from dialplan_templates import contract
from tests.adapters.ami.manager import Action, until
from tests.adapters.house.house import HOLD, LINE, PBX, House, Pbx, a_house, hash_of

TRUNK = Subject(Kind.TRUNK, "acme-primary")
HOUR = timedelta(hours=1)


def declaration(house: House, **changes: Any) -> Declaration:
    return replace(
        Declaration(pbx=PBX, subject=TRUNK, until=house.clock() + HOUR, what="our mail servers", by="Kim"), **changes
    )


def report(house: House, strength: Strength = Strength.DOWN) -> Report:
    return Report(
        pbx=PBX,
        subject=TRUNK,
        strength=strength,
        words="CarrierDown: no route",
        until=house.clock() + HOUR,
        told_by="alertmanager",
    )


def work(house: House) -> Maintenance:
    now = house.clock()
    return Maintenance(
        id=MaintenanceId("w1"),
        pbx=PBX,
        subject=TRUNK,
        begin=now,
        end=now + HOUR,
        what="our main telephone line",
        announced=True,
    )


def told(house: House) -> str:
    """What callers of the line hear now; empty for nothing."""
    live = (house.pbx.line_state or "--").split("-")[1]
    return next((text for text in house.library.asked if hash_of(text) == live), "")


async def state(house: House, incident: IncidentId) -> IncidentState | None:
    found = await house.store.incidents.get(incident)
    return found.state if found else None


async def stored(house: House, incident: IncidentId) -> Incident:
    found = await house.store.incidents.get(incident)
    assert found is not None
    return found


async def test_what_is_declared_is_stored_before_it_is_said(house: House, pbx: Pbx) -> None:
    await house.start()
    put, stored = pbx.answers["DBPut"], list[tuple[int, int]]()

    def looked(action: Action) -> bytes | None:
        if action["Family"] == contract.LINES:
            with sqlite3.connect(house.file) as ledger:
                [orders] = ledger.execute("SELECT count(*) FROM standing_orders").fetchone()
                [incidents] = ledger.execute("SELECT count(*) FROM incidents").fetchone()
            stored.append((orders, incidents))
        return put(action)

    pbx.answers["DBPut"] = looked
    incident = await house.controls.declare(declaration(house))
    assert await house.store.orders.standing(PBX, house.clock()) != []
    kept = await house.store.incidents.get(incident)
    assert kept is not None
    assert (kept.state, kept.told, kept.what, kept.lines) == (
        IncidentState.IDENTIFIED,
        True,
        "our mail servers",
        (LINE,),
    )
    await until(lambda: "our mail servers" in told(house))
    assert stored
    assert all(both == (1, 1) for both in stored)


Order = Callable[[House, IncidentId], Any]


@pytest.mark.parametrize(
    "order",
    [
        lambda house, _open: house.controls.declare(declaration(house, subject=Subject(Kind.LINE, LINE))),
        lambda house, _open: house.controls.report(report(house)),
        lambda house, _open: house.controls.plan(work(house)),
        lambda house, open_: house.controls.confirm(open_, "Kim"),
        lambda house, open_: house.controls.look_into(open_, "Kim"),
        lambda house, open_: house.controls.end(open_, "Kim"),
        lambda house, open_: house.controls.expect(open_, house.clock() + HOUR, "Kim"),
    ],
    ids=["declare", "report", "plan", "confirm", "look_into", "end", "expect"],
)
async def test_what_cannot_be_written_down_is_refused_and_changes_nothing(house: House, pbx: Pbx, order: Order) -> None:
    await house.start()
    incident = await house.controls.declare(declaration(house))
    await until(lambda: "our mail servers" in told(house))
    before, said = house.runner.watch.incidents, told(house)
    async with house.locked():
        with pytest.raises(Refused, match=r"could not be written down, so nothing was changed: .*; try again"):
            await order(house, incident)
        assert house.runner.watch.incidents == before
        assert not house.runner.watch.court.works
    await house.ticks()
    assert told(house) == said
    assert house.runner.watch.incidents == before


async def test_what_is_ended_is_over_in_the_ledger_and_on_the_pbx_and_stays_over(
    house: House, pbx: Pbx, tmp_path: Path
) -> None:
    """Also what another system says of it: else a restart would open it again."""
    await house.start()
    incident = await house.controls.declare(declaration(house))
    await house.controls.report(report(house))
    await until(lambda: bool(told(house)))
    await house.controls.end(incident, "Kim")
    assert await state(house, incident) is IncidentState.RESOLVED
    assert await house.store.orders.standing(PBX, house.clock()) == []
    await until(lambda: pbx.line_state is None)
    with pytest.raises(Refused, match="no such open incident"):
        await house.controls.end(incident, "Kim")
    await house.stop()
    async with a_house(tmp_path, pbx, house.clock) as second:
        await second.start()
        await second.ticks()
        assert second.runner.watch.incidents == ()
    again = await house.controls.declare(declaration(house))
    assert again != incident


async def test_planned_work_is_told_silences_and_what_outlasts_it_is_an_outage(house: House, pbx: Pbx) -> None:
    await house.start()
    await house.controls.plan(work(house))
    assert [w.id for w in await house.store.maintenance.current(house.clock())] == ["w1"]
    await until(lambda: "main telephone line" in told(house))
    planned = told(house)
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: house.verdict() is Verdict.DOWN)
    await house.ticks()
    assert house.runner.watch.incidents == ()
    assert told(house) == planned
    await house.controls.cancel(MaintenanceId("w1"))
    assert await house.store.maintenance.current(house.clock()) == []
    await until(lambda: bool(house.runner.watch.incidents))
    assert house.runner.watch.incidents[0].told
    await until(lambda: told(house) not in {planned, ""})
    with pytest.raises(Refused, match="no such planned work"):
        await house.controls.cancel(MaintenanceId("w1"))


async def test_what_another_system_reports_opens_and_ends_an_incident(house: House, pbx: Pbx) -> None:
    await house.start()
    await house.controls.report(report(house))
    [incident] = house.runner.watch.incidents
    assert [evidence.words for evidence in incident.evidence] == ["CarrierDown: no route"]
    await until(lambda: bool(told(house)))
    await house.controls.report(report(house, Strength.CLEAR))
    assert await house.store.orders.standing(PBX, house.clock()) == []
    await until(lambda: house.verdict() is Verdict.RECOVERING)
    house.clock.ahead = HOLD
    await until(lambda: not house.runner.watch.incidents)
    await until(lambda: pbx.line_state is None)
    async with asyncio.timeout(5):
        while await state(house, incident.id) is not IncidentState.RESOLVED:  # noqa: ASYNC110 - the ledger has no event
            await asyncio.sleep(0.01)


async def test_when_it_should_be_fixed_is_stored_told_and_never_told_when_it_has_passed(
    house: House, pbx: Pbx, tmp_path: Path
) -> None:
    await house.start()
    incident = await house.controls.declare(declaration(house))
    await until(lambda: "our mail servers" in told(house))
    before, expected = told(house), house.clock() + HOUR / 2
    await house.controls.expect(incident, expected, "Kim")
    assert (await stored(house, incident)).expected == expected
    await until(lambda: told(house) not in {before, ""})
    named = told(house)
    with pytest.raises(Refused, match="has passed already"):
        await house.controls.expect(incident, house.clock(), "Kim")
    await house.stop()

    house.clock.ahead = HOUR / 2  # nobody was there when it passed
    async with a_house(tmp_path, pbx, house.clock) as second:
        await second.start()
        await until(lambda: told(second) not in {before, named, ""})
        await second.ticks()
        kept = await stored(second, incident)
        assert (kept.expected, kept.overdue(second.clock())) == (expected, True)
        assert [seen.words for seen in kept.evidence].count(PASSED) == 1
        assert kept.open
        late = told(second)
        await second.controls.expect(incident, None, "Kim")
        await until(lambda: told(second) not in {late, ""})
        assert (await stored(second, incident)).expected is None
        with pytest.raises(Refused, match="no such open incident"):
            await second.controls.expect(IncidentId("i404"), None, "Kim")


async def test_an_operators_own_words_are_said_as_long_as_they_are_declared(
    house: House, pbx: Pbx, tmp_path: Path
) -> None:
    await house.start()
    own = await house.library.render("Kim says it in her own words.", "en")
    incident = await house.controls.declare(declaration(house, recording=own.hash))
    assert (await stored(house, incident)).recording == own.hash
    await until(lambda: told(house).startswith(own.text))
    await house.stop()
    async with a_house(tmp_path, pbx, house.clock) as second:
        second.library.made[own.hash] = own
        await second.start()
        assert [open_.recording for open_ in second.runner.watch.incidents] == [own.hash]
        await until(lambda: told(second).startswith(own.text))
        pbx.trunk("acme-primary", reachable=False)
        await until(lambda: Source.QUALIFY in second.runner.watch.incidents[0].causes[0].sources)
        second.clock.ahead = HOUR
        await until(lambda: told(second) != "" and own.text not in told(second))
        kept = await stored(second, incident)
        assert (kept.open, kept.recording, kept.until) == (True, NO_RECORDING, None)


async def test_a_tenants_service_is_declared_and_reported_like_anything_else(house: House, pbx: Pbx) -> None:
    await house.start()
    tenant = Subject(Kind.TENANT, "acme")
    incident = await house.controls.declare(declaration(house, subject=tenant, what=""))
    assert (await stored(house, incident)).lines == (LINE,)
    await until(lambda: "our service" in told(house))
    await house.controls.end(incident, "Kim")
    await until(lambda: pbx.line_state is None)
    await house.controls.report(replace(report(house), subject=tenant))
    await until(lambda: "our service" in told(house))
    with pytest.raises(Refused, match="there is no tenant globex on the PBX lab"):
        await house.controls.declare(declaration(house, subject=Subject(Kind.TENANT, "globex")))


@pytest.fixture
async def doubtful(tmp_path: Path, pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house in which an unreachable trunk is only suspected, at once."""
    monkeypatch.setattr("ami_bridge.runner.TICK", 0.05)
    only = {
        "qualify": {"confirm_seconds": 0, "alone": "suspect"},
        "verdict": {"suspected_after_seconds": 0, "hold_seconds": HOLD.total_seconds()},
    }
    async with a_house(tmp_path, pbx, detection=only) as made:
        yield made


async def test_a_suspected_incident_is_told_once_an_operator_confirms_it(doubtful: House, pbx: Pbx) -> None:
    await doubtful.start()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: bool(doubtful.runner.watch.incidents))
    [incident] = doubtful.runner.watch.incidents
    assert (incident.state, incident.told) == (IncidentState.SUSPECTED, False)
    await doubtful.controls.look_into(incident.id, "Kim")
    assert await state(doubtful, incident.id) is IncidentState.INVESTIGATING
    await doubtful.ticks()
    assert pbx.line_state is None
    await doubtful.controls.confirm(incident.id, "Kim")
    assert await state(doubtful, incident.id) is IncidentState.IDENTIFIED
    await until(lambda: bool(told(doubtful)))


async def test_an_order_for_what_there_is_not_says_what_there_is(house: House) -> None:
    await house.start()
    with pytest.raises(Refused, match="there is no PBX elsewhere; the settings name lab"):
        await house.controls.declare(declaration(house, pbx=PbxName("elsewhere")))
    with pytest.raises(Refused, match="there is no trunk acme-tertiary on the PBX lab"):
        await house.controls.declare(declaration(house, subject=Subject(Kind.TRUNK, "acme-tertiary")))
    with pytest.raises(Refused, match="no line's callers are told about trunk acme-backup"):
        await house.controls.declare(declaration(house, subject=Subject(Kind.TRUNK, "acme-backup")))
    with pytest.raises(Refused, match="over already"):
        await house.controls.declare(declaration(house, until=house.clock()))
    assert await house.store.orders.standing(PBX, house.clock() - HOUR) == []


async def test_an_order_is_carried_out_whole_though_nobody_waits_for_the_end(house: House, pbx: Pbx) -> None:
    await house.start()
    kept, go_on = house.store.orders.keep, asyncio.Event()

    async def slow(order: Declaration | Report) -> None:
        await kept(order)
        go_on.set()

    house.store.orders.keep = slow  # type: ignore[method-assign]
    giving = asyncio.create_task(house.controls.declare(declaration(house)))
    await asyncio.sleep(0)
    giving.cancel()
    await asyncio.wait([giving])
    assert giving.cancelled()
    await go_on.wait()
    await until(lambda: bool(house.runner.watch.incidents))
    await until(lambda: bool(told(house)))


async def test_an_older_state_is_never_stored_over_a_newer(house: House) -> None:
    await house.start()
    await house.controls.declare(declaration(house))
    [incident] = house.runner.watch.incidents
    one, two, three = (replace(incident, what=word) for word in ("one", "two", "three"))
    save, stored, first = house.store.incidents.save, list[str](), asyncio.Event()

    async def slow(saved: Incident) -> None:
        stored.append(saved.what)
        if not first.is_set():
            await first.wait()
        await save(saved)

    house.store.incidents.save = slow  # type: ignore[method-assign]
    early = asyncio.create_task(house.runner.carry_out([SaveIncident(one), SaveIncident(two)]))
    await until(lambda: stored == ["one"])
    late = asyncio.create_task(house.runner.carry_out([SaveIncident(three)]))
    await asyncio.sleep(0)
    first.set()
    await asyncio.gather(early, late)
    found = await house.store.incidents.get(incident.id)
    assert found is not None
    assert (stored, found.what) == (["one", "two", "three"], "three")


async def test_what_follows_from_an_order_is_put_off_with_a_store_that_fails_in_between(house: House) -> None:
    """The declaration is stored, its incident could not be: it is announced all the same, and written later."""
    await house.start()
    save, failed = house.store.incidents.save, asyncio.Event()

    async def failing(_incident: Incident) -> None:
        failed.set()
        raise StoreError("the disk is full")

    house.store.incidents.save = failing  # type: ignore[method-assign]
    incident = await house.controls.declare(declaration(house))
    assert failed.is_set()
    await until(lambda: bool(told(house)))
    house.store.incidents.save = save  # type: ignore[method-assign]
    await house.controls.look_into(incident, "Kim")
    assert await state(house, incident) is IncidentState.INVESTIGATING
