"""From a tenant's settings to how its callers' numbers are judged."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ami_bridge.domain.permission import Allowed, Held, Refusal, Refused, Usage
from ami_bridge.domain.promise import Kind
from ami_bridge.rulebook import own_numbers, rulebook_of
from benchmarks.fraud.houses import settings_of

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=BERLIN)
CHRISTMAS = datetime(2026, 12, 25, 12, 0, tzinfo=BERLIN)
GERMAN: dict[str, Any] = {"callback_regions": ["DE"], "timezone": "Europe/Berlin"}
NUMBER = "+4930901820"


def judged(tenant: dict[str, Any], number: str = NUMBER, now: datetime = NOON, usage: Usage | None = None) -> object:
    book = rulebook_of(settings_of({**GERMAN, **tenant}, "+4930555010", "+49305550199"), "acme")
    return book.rules.dials(Kind.IN_TURN, book.facts(number), usage or Usage(), now)


def test_a_region_is_enough() -> None:
    assert judged({}) == Allowed()
    assert judged({}, "030901820") == Allowed()  # the first region it calls back is its home


@pytest.mark.parametrize(
    ("tenant", "number", "refusal"),
    [
        ({"callback_regions": ["AT"]}, NUMBER, Refusal.REGION),
        ({"callback_types": ["mobile"]}, NUMBER, Refusal.TYPE),
        ({"do_not_call": ["030901820"]}, NUMBER, Refusal.DO_NOT_CALL),
        ({}, "+4930555010", Refusal.INTERNAL),
        ({}, "10101", Refusal.INTERNAL),
    ],
)
def test_the_settings_refuse(tenant: dict[str, Any], number: str, refusal: Refusal) -> None:
    told = judged(tenant, number)
    assert isinstance(told, Refused)
    assert told.refusal is refusal


def test_a_file_adds_to_the_list(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text(f"{NUMBER}\n", encoding="utf-8")
    assert isinstance(judged({"do_not_call_file": str(file)}), Refused)


def test_holidays_are_kept_unless_they_are_not() -> None:
    assert isinstance(judged({}, now=CHRISTMAS), Held)
    assert judged({"calling_on_holidays": True}, now=CHRISTMAS) == Allowed()
    epiphany = CHRISTMAS.replace(year=2027, month=1, day=6)
    assert judged({}, now=epiphany) == Allowed()
    assert isinstance(judged({"holidays": ["DE-BW"]}, now=epiphany), Held)


def test_money_is_counted_in_ten_thousandths() -> None:
    rates = {"spend_per_day": 1.0, "rates": {"+49": 0.02}}
    assert judged(rates, usage=Usage(tenant_cost=9800)) == Allowed()
    assert isinstance(judged(rates, usage=Usage(tenant_cost=9801)), Held)


def test_the_houses_numbers_are_those_of_lines_and_phones() -> None:
    own = own_numbers(settings_of(GERMAN, "+4930555010", "+49305550199"))
    assert own == {"+4930555010", "5550100", "+49305550199", "10101", "10102", "20201", "20202"}
