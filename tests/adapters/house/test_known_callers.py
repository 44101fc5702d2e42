"""Callers who are known by their number hear of their own affairs first, in words made before they called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ami_bridge.domain.names import AttemptId, TenantName
from ami_bridge.domain.promise import Kind, Step
from ami_bridge.domain.tickets import Ticket
from ami_bridge.store import LineKey
from tests.adapters.ami.manager import until
from tests.adapters.house.house import LINE, TENANT, House, Pbx, a_caller, a_house, hash_of

ANN, BEN = "+15550001", "+15550002"


@dataclass
class HelpDesk:
    tickets: list[Ticket] = field(default_factory=list)
    broken: bool = False

    async def open(self) -> Iterable[Ticket]:
        if self.broken:
            raise ConnectionError("the help desk is closed")
        return self.tickets


async def hears(house: House, number: str | None, language: str = "en") -> list[str]:
    """The texts of what a caller hears on the way in."""
    texts = {hash_of(text): text for text in house.library.asked}
    audio = (await house.desk.status(a_caller("9.9", number=number, language=language))).audio
    return [texts[one.url[-68:-4]] for one in audio]


async def fails(house: House, pbx: Pbx) -> None:
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: (pbx.line_state or "--").split("-")[1] != "")


async def test_who_is_owed_a_call_hears_that_first_and_others_do_not(house: House, pbx: Pbx) -> None:
    await house.owe(ANN)
    await house.start()
    await fails(house, pbx)
    await until(lambda: house.runner.known.affairs(LINE, ANN) is not None)
    mine, everybodys = await hears(house, ANN)
    assert mine.startswith("You asked us")
    assert "you keep your place" in mine
    assert everybodys.startswith("We know about a fault")
    assert len(await hears(house, BEN)) == len(await hears(house, None)) == 1


async def test_when_the_call_is_expected_is_told_until_then_and_never_after(house: House, pbx: Pbx) -> None:
    now = house.clock()
    for minutes in (50, 30, 10):
        promise, attempt = await house.owe(f"+155510{minutes}"), AttemptId(f"keepline-{minutes}")
        key = LineKey(tenant=TENANT, pbx=promise.pbx, line=LINE)
        assert await house.store.promises.claim(key, (Kind.IN_TURN,), house.clock(), attempt) is not None
        for step in (Step.DIALLED, Step.ANSWERED, Step.ACCEPTED, Step.JOINED):
            await house.store.promises.step(promise.id, step, now - timedelta(minutes=minutes), "kept", attempt)
    await house.owe(ANN)
    await house.start()
    await fails(house, pbx)
    await until(lambda: "expect" in (house.runner.known.affairs(LINE, ANN) or ""))
    known = house.runner.known._known[LINE, ANN].saying
    assert known.true_until is not None
    assert known.true_until > house.clock()
    house.clock.ahead = known.true_until - house.clock() + timedelta(seconds=1)
    assert len(await hears(house, ANN)) == 1, "an hour that has passed is not told"


async def test_a_promise_that_was_kept_is_not_spoken_of(house: House, pbx: Pbx) -> None:
    promise = await house.owe(ANN)
    await house.start()
    await fails(house, pbx)
    await until(lambda: house.runner.known.affairs(LINE, ANN) is not None)
    await house.store.promises.step(promise.id, Step.DECLINED, house.clock(), "got through")
    house.runner.promised(LINE)
    await until(lambda: house.runner.known.affairs(LINE, ANN) is None)
    assert len(await hears(house, ANN)) == 1


async def test_who_has_reported_it_hears_of_their_ticket_and_their_promise_in_one_breath(
    tmp_path: Path, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.runner.TICK", 0.05)
    nine = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    tickets = [Ticket(tenant=TENANT, number=number, reference="A7", opened=nine) for number in (ANN, BEN)]
    strange = Ticket(tenant=TenantName("brook"), number="+15550003", reference="B1", opened=nine)
    desk = HelpDesk([*tickets, strange])
    async with a_house(tmp_path, pbx, tickets=desk) as house:
        await house.owe(ANN)
        await house.start()
        await fails(house, pbx)
        await until(lambda: all(house.runner.known.affairs(LINE, one) for one in (ANN, BEN)))
        both, _ = await hears(house, ANN)
        only, _ = await hears(house, BEN)
        assert both.startswith(only)
        assert "A, seven" in only
        assert "You asked us" in both.removeprefix(only)
        assert len(await hears(house, "+15550003")) == 1, "another tenant's ticket is nobody's here"
        desk.broken = True
        house.runner.promised(LINE)
        await until(lambda: "ticket" not in (house.runner.known.affairs(LINE, ANN) or ""))


async def test_a_callers_own_words_are_in_the_language_they_were_spoken_to(
    tmp_path: Path, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.runner.TICK", 0.05)
    async with a_house(tmp_path, pbx, languages=("de",)) as house:
        await house.start()
        await fails(house, pbx)
        await until(lambda: "de" in house.runner.announcer.live[LINE])
        await house.desk.pressed(a_caller("1.1", number=ANN, language="de"), "1")
        await until(lambda: house.runner.known.affairs(LINE, ANN) is not None)
        german = await hears(house, ANN, "de")
        assert len(german) == 2
        assert "Störung" in german[1]
        assert len(await hears(house, ANN, "en")) == 1, "words in another language are left out"
