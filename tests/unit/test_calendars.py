"""Public holidays of countries and their parts."""

from __future__ import annotations

from datetime import date

import pytest

from ami_bridge.calendars import Calendars, known_holidays

EPIPHANY, UNITY = date(2027, 1, 6), date(2026, 10, 3)  # in three parts of Germany; in all of it


def test_a_countrys_holidays_are_known_and_those_of_a_part_only_where_it_is_named() -> None:
    plain, bavarian = Calendars(), Calendars(["DE-BY", "AT"])
    assert plain.holiday("DE", UNITY)
    assert bavarian.holiday("DE", UNITY)
    assert not plain.holiday("DE", EPIPHANY)
    assert bavarian.holiday("DE", EPIPHANY)
    assert not bavarian.holiday("FR", EPIPHANY)
    assert not plain.holiday("DE", date(2028, 2, 29))


def test_any_year_is_known() -> None:
    assert all(Calendars().holiday("DE", date(year, 12, 25)) for year in (2020, 2026, 2031, 2050))


@pytest.mark.parametrize("region", ["", "001", "XX"])
def test_where_nobody_knows_there_are_none(region: str) -> None:
    assert not Calendars().holiday(region, date(2026, 12, 25))


@pytest.mark.parametrize(
    ("place", "known"), [("DE", True), ("DE-BY", True), ("DE-XX", False), ("XX", False), ("DE-", False), ("", False)]
)
def test_a_place_is_known_or_it_is_not(place: str, known: bool) -> None:
    assert known_holidays(place) is known
