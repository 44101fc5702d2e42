"""Public holidays of countries and their parts, by the package `holidays`, which is imported nowhere else. Offline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache

import holidays
from holidays import HolidayBase


@cache
def known_holidays(place: str) -> bool:
    """Whether the holidays of `place` are known: a country (`DE`) or a part of one (`DE-BY`)."""
    region, _, part = place.partition("-")
    parts = holidays.list_supported_countries().get(region)
    return parts is not None and (not part or part in parts) and place == (f"{region}-{part}" if part else region)


class Calendars:
    """Which days are holidays in a country: those of all of it, and of those of its parts that were named."""

    def __init__(self, places: Iterable[str] = ()) -> None:
        """`places` as `known_holidays` knows them."""
        self._parts: dict[str, list[str]] = {}
        for place in places:
            region, _, part = place.partition("-")
            self._parts.setdefault(region, []).append(part)
        self._kept: dict[str, tuple[HolidayBase, ...]] = {}

    def holiday(self, region: str, day: date) -> bool:
        """Whether `day` is a holiday there; never so in a country whose holidays nobody knows."""
        if region not in self._kept:
            known = holidays.list_supported_countries()
            parts = ["", *self._parts.get(region, ())] if region in known else []
            self._kept[region] = tuple(holidays.country_holidays(region, subdiv=part or None) for part in parts)
        return any(day in kept for kept in self._kept[region])
