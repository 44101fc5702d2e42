"""What callers ask for: in the ledger before they are told so, or kept by the PBX, or honestly not noted."""

from __future__ import annotations

import pytest

from agi.desk import Next
from agi.errors import NotWritten
from ami_bridge.domain import announcement as say
from ami_bridge.domain.promise import Kind, State
from ami_bridge.voice.library import url
from tests.adapters.ami.manager import until
from tests.adapters.house.house import LINE, PBX, House, Pbx, a_caller


@pytest.fixture(autouse=True)
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words for arranging a call back are not made yet: what is asked for is confirmed as it is."""
    monkeypatch.setattr("ami_bridge.preparing.FOR_AT_MOST", -1.0)


def said(house: House, saying: say.Saying) -> str:
    return url("http://127.0.0.1:8081", house.runner.announcer.prepared.get(LINE, saying).hash)


async def test_a_key_press_is_stored_before_the_receipt_and_once(house: House, pbx: Pbx) -> None:
    await house.start()
    receipt = await house.desk.pressed(a_caller(), "1")
    assert ([a.url for a in receipt.audio], receipt.then) == ([said(house, say.NOTED_IN_TURN)], Next.HANGUP)
    [promise] = await house.store.promises.open()
    assert (promise.kind, promise.number, promise.state) == (Kind.IN_TURN, "+15550001", State.WAITING)
    again = await house.desk.pressed(a_caller("100.2"), "1")
    assert [a.url for a in again.audio] == [said(house, say.ALREADY_PROMISED)]
    assert len(await house.store.promises.open()) == 1


async def test_a_wish_to_be_told_waits_for_the_end_of_the_incident(house: House, pbx: Pbx) -> None:
    await house.start()
    fixed_already = await house.desk.pressed(a_caller("100.1"), "2")
    assert [a.url for a in fixed_already.audio] == [said(house, say.NOTED_IN_TURN)]
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: bool(house.runner.watch.incidents))
    receipt = await house.desk.pressed(a_caller("100.2"), "2")
    assert [a.url for a in receipt.audio] == [said(house, say.NOTED_RESTORED)]
    [_in_turn, told] = await house.store.promises.open()
    assert (told.kind, told.incident) == (Kind.RESTORED, house.runner.watch.incidents[0].id)
    assert told.not_before > told.expires


@pytest.mark.parametrize("number", [None, "911", "+4412345678"])
async def test_a_number_that_is_not_called_is_told_so_and_not_noted(house: House, number: str | None) -> None:
    await house.start()
    offered = await house.desk.unanswered(a_caller(number=number))
    assert ([a.url for a in offered.audio], offered.keys) == ([said(house, say.OFFER_NO_NUMBER)], "")
    receipt = await house.desk.pressed(a_caller(number=number), "1")
    assert ([a.url for a in receipt.audio], receipt.then) == ([said(house, say.OFFER_NO_NUMBER)], Next.CONTINUE)
    assert await house.store.promises.open() == []


async def test_what_the_store_cannot_take_the_pbx_goes_on_keeping_and_it_comes_back(house: House, pbx: Pbx) -> None:
    await house.start()
    entry, value = "100.7-1", f"{int(house.clock().timestamp())}:support:1:+15550001:en"
    async with house.locked():
        pbx.keys[entry] = value  # as the dialplan does before it asks
        with pytest.raises(NotWritten, match="the PBX goes on keeping a promise"):
            await house.desk.pressed(a_caller("100.7"), "1")
        assert pbx.keys == {entry: value}
    await until(lambda: pbx.keys == {}, 15)
    [promise] = await house.store.promises.open()
    assert (promise.origin, promise.number) == ("100.7", "+15550001")
    pbx.keys[entry] = value
    await house.desk.drain(PBX)
    assert [p.id for p in await house.store.promises.open()] == [promise.id]


@pytest.mark.parametrize("key", ["3", "#"])
async def test_a_key_that_means_nothing_is_not_confirmed(house: House, key: str) -> None:
    await house.start()
    receipt = await house.desk.pressed(a_caller(), key)
    assert ([a.url for a in receipt.audio], receipt.then) == ([said(house, say.NOT_NOTED)], Next.CONTINUE)


async def test_a_line_that_is_not_ours_ends_the_session_for_the_dialplan_to_go_on(house: House) -> None:
    await house.start()
    with pytest.raises(KeyError):
        await house.desk.pressed(a_caller(line="sales"), "1")


async def test_entries_that_cannot_be_read_do_not_stop_the_others(house: House, pbx: Pbx) -> None:
    now = int(house.clock().timestamp())
    for entry, value in {
        "1.1-1": "",
        "1.2-1": "soon:support:1:+15550001:en",
        "1.3-1": f"{10**30}:support:1:+15550001:en",
        "1.4-1": f"{10**17}:support:1:+15550001:en",
        "1.5-1": f"{now}:sales:1:+15550001:en",
        "1.6-9": f"{now}:support:9:+15550001:en",
        "1.7-1": f"{now}:support:1::en",
        "1.8-1": f"{now}:support:1:+15550008:en",
    }.items():
        pbx.keys[entry] = value
    await house.start()
    await until(lambda: pbx.keys == {})
    [promise] = await house.store.promises.open()
    assert promise.number == "+15550008"
    [withheld] = await house.store.promises.recent(9)
    assert (withheld.origin, withheld.state) == ("1.7", State.BLOCKED)
    assert withheld.reason == "the caller withheld their number"


async def test_key_presses_are_left_on_the_pbx_while_the_store_cannot_take_them(house: House, pbx: Pbx) -> None:
    await house.start()
    async with house.locked():
        pbx.keys["1.8-1"] = f"{int(house.clock().timestamp())}:support:1:+15550008:en"
        with pytest.raises(Exception, match="locked"):
            await house.desk.drain(PBX)
        assert "1.8-1" in pbx.keys
    assert await house.desk.drain(PBX) == 1
    assert len(await house.store.promises.open()) == 1
