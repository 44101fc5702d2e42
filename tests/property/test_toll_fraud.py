"""Strangers' numbers: none gets as far as a dial string, each refusal has its reason, and friends are still called."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.domain.numbers import NotDialable, dial_string
from ami_bridge.domain.permission import Refusal, Refused, Usage
from ami_bridge.rulebook import MONEY, rulebook_of
from benchmarks.fraud.flood import flood, one_caller, spent
from benchmarks.fraud.hostile import hostile
from benchmarks.fraud.houses import House, houses, settings_of
from benchmarks.toll_fraud import tried

HOUSES = {house.name: house for house in houses()}


@pytest.mark.parametrize("name", HOUSES)
def test_no_hostile_number_is_dialled_and_each_is_told_why(name: str) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print("seed:", seed)  # noqa: T201 - the same again: benchmarks/toll_fraud.py SEED 1
    wrong, reasons = tried(HOUSES[name], list(hostile(random.Random(seed), 1)))
    assert wrong == []
    assert reasons.keys() >= {"not_a_number", "emergency", "internal", "region", "short", "withheld"}


@pytest.mark.parametrize("house", HOUSES.values(), ids=HOUSES)
def test_those_who_may_be_called_are(house: House) -> None:
    for friend in house.friends:
        assert house.judge(friend) == f"PJSIP/{friend}@main"


def test_requests_by_the_thousand_come_to_as_many_calls_as_are_allowed() -> None:
    for _what, allowed, dialled in (one_caller(), flood(random.Random(7))):
        assert dialled == allowed


def test_a_flood_costs_no_more_than_may_be_spent() -> None:
    tenant = {"callback_regions": ["DE"], "calls_per_day": 100_000, "spend_per_day": 12.0, "rates": {"+49": 0.05}}
    book = rulebook_of(settings_of(tenant, "+4930555010", "+49305550199"), "acme")
    house = House(name="thrifty", home="DE", rulebook=book, friends=(), own=())
    assert spent(house, random.Random(7)) == 12
    told = house.judge("+4930901820", Usage(tenant_cost=12 * MONEY))
    assert isinstance(told, Refused)
    assert told.refusal is Refusal.SPEND


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(st.text(max_size=20), st.from_regex(r"\A\+?[0-9]{1,20}\Z")), name=st.sampled_from(list(HOUSES)))
def test_whatever_is_dialled_is_digits(text: str, name: str) -> None:
    became = HOUSES[name].judge(text)
    if isinstance(became, str):
        number = became.removeprefix("PJSIP/").removesuffix("@main").removeprefix("+")
        assert number.isascii()
        assert number.isdigit()
        assert 5 <= len(number) <= 15
    elif isinstance(became, Refused):
        assert became.reason


@pytest.mark.parametrize(
    ("number", "trunk"),
    [
        ("+4930901820\n", "main"),
        ("+4930901820&PJSIP/x", "main"),
        ("+4930901820", "main&PJSIP/x"),
        ("+4930901820", "main,30"),
        ("+4930901820", ""),
        ("", "main"),
        ("112", "main"),
        ("+", "main"),
        ("٠٣٠٩٠١٨٢٠", "main"),
    ],
)
def test_no_dial_string_is_made_of_what_could_mean_more(number: str, trunk: str) -> None:
    with pytest.raises(NotDialable):
        dial_string(number, trunk)
