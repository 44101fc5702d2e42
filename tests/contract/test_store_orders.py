"""What people and other systems told the house: planned work, declarations and reports, through a restart."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from ami_bridge.domain.names import AnnouncementHash, MaintenanceId, PbxName
from ami_bridge.domain.orders import Declaration, Maintenance, Report
from ami_bridge.domain.signal import Kind, Strength, Subject
from ami_bridge.store import PlannedWork, Store, Unstorable
from tests.contract.making import LINE, POLICY, T0, TRUNK, after
from tests.contract.test_store_values import HOSTILE, MOMENTS

HAMBURG = PbxName("hamburg")
LONG_AGO = after(days=-100)
OWN = AnnouncementHash("a" * 64)
WHOLE = Subject(Kind.PBX, "berlin")


def work(id_: str = "m1", **other: Any) -> Maintenance:
    values: dict[str, Any] = {
        "id": MaintenanceId(id_),
        "pbx": LINE.pbx,
        "subject": TRUNK,
        "begin": after(hours=1),
        "end": after(hours=3),
        "what": "our lines",
        "announced": True,
        "by": "Ada",
    }
    return Maintenance(**values | other)


def declared(**other: Any) -> Declaration:
    values: dict[str, Any] = {"pbx": LINE.pbx, "subject": TRUNK, "until": after(hours=2)}
    return Declaration(**values | other)


def reported(**other: Any) -> Report:
    values: dict[str, Any] = {
        "pbx": LINE.pbx,
        "subject": TRUNK,
        "strength": Strength.SUSPECT,
        "words": "the carrier says so",
        "until": after(hours=2),
        "told_by": "alertmanager",
    }
    return Report(**values | other)


async def test_planned_work_is_current_until_it_ends_from_the_moment_it_is_planned(store: Store) -> None:
    later = work("m0", begin=after(hours=2), subject=WHOLE, announced=False, what="", by="")
    soon, there = work("m1"), work("m2", pbx=HAMBURG, begin=after(hours=5), end=after(hours=6))
    for planned in (later, there, soon):
        await store.maintenance.save(planned)
    assert await store.maintenance.current(T0) == [soon, later, there]
    assert await store.maintenance.current(after(hours=2, minutes=59)) == [soon, later, there]
    assert await store.maintenance.current(after(hours=3)) == [there]
    assert await store.maintenance.current(T0, HAMBURG) == [there]
    assert await store.maintenance.recent(2) == [PlannedWork(planned=there), PlannedWork(planned=later)]


async def test_cancelled_work_is_not_current_and_is_remembered(store: Store, url: str) -> None:
    await store.maintenance.save(work())
    assert await store.maintenance.cancel(MaintenanceId("m1"), after(60))
    assert not await store.maintenance.cancel(MaintenanceId("m1"), after(61))
    assert not await store.maintenance.cancel(MaintenanceId("m404"), after(61))
    other = await Store.open(url, POLICY)
    assert await other.maintenance.current(T0) == []
    assert await other.maintenance.recent(5) == [PlannedWork(planned=work(), cancelled=after(60))]
    await other.close()


async def test_work_that_is_over_cannot_be_cancelled(store: Store) -> None:
    await store.maintenance.save(work())
    assert not await store.maintenance.cancel(MaintenanceId("m1"), after(hours=3))
    assert await store.maintenance.recent(5) == [PlannedWork(planned=work())]


async def test_planning_again_replaces_what_was_planned_even_if_it_was_cancelled(store: Store) -> None:
    await store.maintenance.save(work())
    moved = work(begin=after(hours=8), end=after(hours=9), subject=WHOLE, what="all of it", announced=False)
    await store.maintenance.save(moved)
    assert await store.maintenance.current(T0) == [moved]
    await store.maintenance.cancel(moved.id, T0)
    await store.maintenance.save(work())
    assert await store.maintenance.current(T0) == [work()]
    assert len(await store.maintenance.recent(5)) == 1


async def test_of_many_who_cancel_at_once_one_did_it(store: Store) -> None:
    await store.maintenance.save(work())
    did = await asyncio.gather(*(store.maintenance.cancel(MaintenanceId("m1"), after(n)) for n in range(8)))
    assert did.count(True) == 1
    [kept] = await store.maintenance.recent(5)
    assert kept.cancelled == after(did.index(True))


async def test_orders_stand_until_they_lapse_and_through_a_restart(store: Store, url: str) -> None:
    long = declared(
        until=after(hours=4), what="the telephone", told=False, by="Ada", expected=after(hours=3), recording=OWN
    )
    site = reported(subject=Subject(Kind.SITE, "harbour"), strength=Strength.DOWN)
    there = declared(pbx=HAMBURG)
    for order in (long, site, reported(), there):
        await store.orders.keep(order)
    other = await Store.open(url, POLICY)
    assert await other.orders.standing(LINE.pbx, T0) == [site, long, reported()]
    assert await other.orders.standing(LINE.pbx, after(hours=2)) == [long]
    assert await other.orders.standing(LINE.pbx, after(hours=4)) == []
    assert await other.orders.standing(HAMBURG, T0) == [there]
    await other.close()


@pytest.mark.parametrize("strength", list(Strength))
async def test_every_strength_but_clear_stands(store: Store, strength: Strength) -> None:
    await store.orders.keep(reported(strength=strength))
    expected = [] if strength is Strength.CLEAR else [reported(strength=strength)]
    assert await store.orders.standing(LINE.pbx, T0) == expected


async def test_each_witness_has_one_word_about_a_subject_and_takes_back_its_own_only(store: Store) -> None:
    """A webhook that calls itself operator is not the operator."""
    operator, robot = declared(by="Ada"), reported(told_by="operator")
    await store.orders.keep(declared(by="Bob", what="first"))
    for order in (operator, robot, reported(), reported(told_by="")):
        await store.orders.keep(order)
    assert await store.orders.standing(LINE.pbx, T0) == [operator, reported(told_by=""), reported(), robot]

    await store.orders.keep(reported(strength=Strength.CLEAR))
    await store.orders.keep(reported(strength=Strength.CLEAR, told_by="never said anything"))
    assert await store.orders.standing(LINE.pbx, T0) == [operator, reported(told_by=""), robot]
    assert await store.orders.withdraw(LINE.pbx, TRUNK, "operator")
    assert await store.orders.withdraw(LINE.pbx, TRUNK, "")
    assert await store.orders.standing(LINE.pbx, T0) == [operator]
    assert not await store.orders.withdraw(LINE.pbx, WHOLE)
    assert not await store.orders.withdraw(HAMBURG, TRUNK)
    assert await store.orders.withdraw(LINE.pbx, TRUNK)
    assert await store.orders.standing(LINE.pbx, T0) == []


async def test_an_order_is_renewed_by_being_kept_again(store: Store) -> None:
    await store.orders.keep(declared())
    await store.orders.keep(declared(until=after(hours=9), expected=after(1), recording=OWN))
    await store.orders.keep(declared(until=after(hours=9)))
    await store.orders.keep(reported())
    stronger = reported(until=after(hours=9), strength=Strength.DOWN, words="and now all of it")
    await store.orders.keep(stronger)
    assert await store.orders.standing(LINE.pbx, after(hours=8)) == [declared(until=after(hours=9)), stronger]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_words_are_kept_to_the_letter(store: Store, text: str) -> None:
    planned = work(text, subject=Subject(Kind.SITE, text), what=text, by=text)
    await store.maintenance.save(planned)
    assert await store.maintenance.current(T0) == [planned]
    orders = [declared(what=text, by=text), reported(words=text, told_by=text)]
    for order in orders:
        await store.orders.keep(order)
    assert await store.orders.standing(LINE.pbx, T0) == orders


@pytest.mark.parametrize("moment", MOMENTS)
async def test_moments_are_kept_whatever_their_zone(store: Store, moment: datetime) -> None:
    await store.maintenance.save(work(begin=moment, end=moment))
    await store.orders.keep(declared(until=moment, expected=moment))
    utc = moment.astimezone(UTC)
    [kept] = await store.maintenance.recent(1)
    assert (kept.planned.begin, kept.planned.end) == (utc, utc)
    assert await store.orders.standing(LINE.pbx, LONG_AGO) == [declared(until=utc, expected=utc)]


@pytest.mark.parametrize("text", ["a\0b", "half \ud83d of a pair"])
async def test_words_a_database_cannot_hold_are_refused(store: Store, text: str) -> None:
    for order in (declared(what=text), declared(by=text), reported(words=text), reported(told_by=text)):
        with pytest.raises(Unstorable):
            await store.orders.keep(order)
    with pytest.raises(Unstorable):
        await store.orders.keep(declared(expected=T0.replace(tzinfo=None)))
    with pytest.raises(Unstorable):
        await store.maintenance.save(work(what=text))
    with pytest.raises(Unstorable):
        await store.maintenance.save(work(begin=T0.replace(tzinfo=None)))
    assert await store.orders.standing(LINE.pbx, T0) == []
    assert await store.maintenance.recent(5) == []
