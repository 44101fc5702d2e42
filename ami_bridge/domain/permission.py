"""Whether a number may be promised a call, and whether it may be dialled now. Default deny.

Asked twice: before anything is promised (`offers`), and again immediately before each attempt is claimed (`dials`),
since lists, caps and the clock have moved on by then. Every answer but yes has its reason, for the ledger.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum
from functools import partial
from typing import TypeAlias
from zoneinfo import ZoneInfo

from ami_bridge.domain.hours import CallingHours
from ami_bridge.domain.numbers import SHORTEST, NumberFacts, NumberPolicy, NumberType, is_number
from ami_bridge.domain.promise import Kind, Usage


class Refusal(Enum):
    """Why a number is not called, ever or today. Each has its words for the caller: the phrase `refused_<value>`."""

    WITHHELD = "withheld"
    NOT_A_NUMBER = "not_a_number"
    SHORT = "short"
    EMERGENCY = "emergency"
    INTERNAL = "internal"
    REGION = "region"
    TYPE = "type"
    DO_NOT_CALL = "do_not_call"
    NUMBER_CAP = "number_cap"
    TENANT_CAP = "tenant_cap"
    SPEND = "spend"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Yes."""


@dataclass(frozen=True, slots=True)
class Held:
    """Not now: why, and until when if that is known."""

    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """No: which rule says so, and its words for the ledger."""

    refusal: Refusal
    reason: str


Judgement: TypeAlias = Allowed | Held | Refused

# What any country's subscribers have. All others cost whoever calls them, and are only called by name.
ORDINARY = frozenset(
    {NumberType.FIXED, NumberType.MOBILE, NumberType.FIXED_OR_MOBILE, NumberType.VOIP, NumberType.TOLL_FREE}
)
UNINVITED = frozenset({"missed", "restored"})  # kinds whose calls nobody waits for at this moment
_NO_COUNTRY = "001"  # of calling codes that belong to none
_AREA_CODE = 2  # digits of a national number after which it is clear whose it is
_RANGE = 3  # the same of costly ranges, and in North America, where countries share a calling code


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a tenant allows. Money is in ten-thousandths of the currency; `rates` are by prefix, per minute."""

    regions: frozenset[str] = frozenset()
    types: frozenset[NumberType] = frozenset({NumberType.FIXED, NumberType.MOBILE, NumberType.VOIP})
    numbers: NumberPolicy = field(default_factory=NumberPolicy)
    calling: tuple[str, ...] = ("mon-sat 09:00-20:00",)
    uninvited: tuple[str, ...] = ("mon-sat 10:00-19:00",)
    zone: tzinfo = UTC
    calls_per_number: int = 6
    calls_per_day: int = 500
    spend_per_day: int | None = None
    rates: Mapping[str, int] = field(default_factory=dict)
    at_once: timedelta = timedelta(hours=2)


class CallingRules:
    """Judges the numbers of one tenant. `denied` says who must never be called, `holiday` what is one in a region."""

    def __init__(
        self,
        rules: Rules,
        *,
        denied: Callable[[NumberFacts], bool] = lambda _number: False,
        holiday: Callable[[str, date], bool] = lambda _region, _day: False,
    ) -> None:
        self._rules = rules
        self._denied = denied
        self._holiday = holiday
        self._hours: dict[tuple[bool, str, tuple[str, ...]], CallingHours] = {}

    def offers(self, number: NumberFacts, usage: Usage, now: datetime) -> Allowed | Refused:
        """Whether a call to `number` may be promised: it is one that may be called, there are hours in which it may
        be, and today's caps leave room. Which hours is for `dials` to say."""
        if refused := self._standing(number) or self._cap(number, usage):
            return refused
        if self.hours(Kind.IN_TURN, number).next_open(now) is None:
            return Refused(Refusal.REGION, "there is no hour at which it may be called wherever its owner may be")
        return Allowed()

    def dials(
        self, kind: Kind, number: NumberFacts, usage: Usage, now: datetime, *, asked: datetime | None = None
    ) -> Judgement:
        """Whether `number` may be dialled at `now`; `asked` is when its owner asked for the call.

        Who asked to be called in turn a short while ago waits by the telephone, and is called at any hour.
        """
        if refused := self._standing(number):
            return refused
        if capped := self._cap(number, usage):
            dear = self._rules.spend_per_day is not None and self.price(number) > self._rules.spend_per_day
            return capped if dear else Held(capped.reason, self.next_day(now))
        waits = kind is Kind.IN_TURN and asked is not None and now - asked <= self._rules.at_once
        hours = self.hours(kind, number)
        if waits or hours.is_open(now):
            return Allowed()
        return Held("it is outside the hours in which this number is called", hours.next_open(now))

    def hours(self, kind: Kind, number: NumberFacts) -> CallingHours:
        """When calls of `kind` to `number` are placed: by the clock where its owner is, not on holidays there."""
        uninvited = kind.value in UNINVITED
        key = uninvited, number.region, number.zones
        if key not in self._hours:
            texts = self._rules.uninvited if uninvited else self._rules.calling
            zones = zones_of(number.zones) or (self._rules.zone,)
            self._hours[key] = CallingHours(texts, zones, partial(self._holiday, number.region))
        return self._hours[key]

    def price(self, number: NumberFacts) -> int:
        """What a minute to `number` costs; where no rate is known, the dearest there is."""
        rates = self._rules.rates
        known = [prefix for prefix in rates if number.e164 is not None and number.e164.startswith(prefix)]
        return rates[max(known, key=len)] if known else max(rates.values(), default=0)

    def cost(self, number: NumberFacts, seconds: float) -> int:
        """What a call of so many seconds costs: each minute begun, and nothing if it was not answered."""
        return self.price(number) * math.ceil(max(seconds, 0.0) / 60)

    def day_began(self, now: datetime) -> datetime:
        """The midnight since which calls are counted, by the tenant's clock; in UTC."""
        return self._midnight(now, 0)

    def next_day(self, now: datetime) -> datetime:
        """The midnight at which counting begins anew."""
        return self._midnight(now, 1)

    def _midnight(self, now: datetime, days: int) -> datetime:
        today = now.astimezone(self._rules.zone).date()
        shown = datetime.combine(today + timedelta(days=days), time(), tzinfo=self._rules.zone)
        return shown.astimezone(UTC)

    def _standing(self, number: NumberFacts) -> Refused | None:
        """What the number itself is refused for, whatever the hour and whoever else is called."""
        digits = len(number.number.removeprefix("+"))
        checks = (
            (not number.number, Refusal.WITHHELD, "the caller withheld their number"),
            (not is_number(number.number), Refusal.NOT_A_NUMBER, "the caller ID is not a telephone number"),
            (number.type is NumberType.EMERGENCY, Refusal.EMERGENCY, "it is an emergency number"),
            (number.type is NumberType.INTERNAL, Refusal.INTERNAL, "it is a number of the house itself"),
            (number.type is NumberType.SHORT or digits < SHORTEST, Refusal.SHORT, "it is too short for a subscriber's"),
        )
        for wrong, refusal, reason in checks:
            if wrong:
                return Refused(refusal, reason)
        if self._denied(number):
            return Refused(Refusal.DO_NOT_CALL, "it is on the do-not-call list")
        return None if self._named(number) else self._strange(number)

    def _strange(self, number: NumberFacts) -> Refused | None:
        rules, region = self._rules, number.region
        if region not in rules.regions:
            where = f"it is a number of {region}" if region else "it belongs to no country that is known"
            return Refused(Refusal.REGION, f"{where}: this tenant has not allowed it")
        wanted = {number.type}
        if number.type is NumberType.FIXED_OR_MOBILE:
            wanted = {NumberType.FIXED, NumberType.MOBILE}
        if wanted <= rules.types:
            return None
        return Refused(Refusal.TYPE, f"its type is {number.type.value}: this tenant has not allowed it")

    def _named(self, number: NumberFacts) -> bool:
        """Whether one of the tenant's own numbers and prefixes lets it through.

        A prefix that ends before it is clear whose numbers it names (`+1*`, `+49*`, `00*`) stands for the ordinary
        numbers of the country that is known for that calling code, and for no premium line or island beside it.
        """
        ordinary = number.type in ORDINARY and number.region == number.main != ""
        for text in {number.number, number.identity}:
            for prefix in self._rules.numbers.matching(text):
                if ordinary or not prefix.endswith("*") or _reach(prefix, text, number) >= _needed(number):
                    return True
        return False

    def _cap(self, number: NumberFacts, usage: Usage) -> Refused | None:
        rules = self._rules
        if usage.number_attempts >= rules.calls_per_number:
            return Refused(Refusal.NUMBER_CAP, "it was called as often as it may be in one day")
        if usage.tenant_attempts >= rules.calls_per_day:
            return Refused(Refusal.TENANT_CAP, "this tenant's calls of the day are used up")
        if rules.spend_per_day is not None and usage.tenant_cost + self.price(number) > rules.spend_per_day:
            return Refused(Refusal.SPEND, "the call would cost more than this tenant may spend in a day")
        return None


def zones_of(names: Iterable[str]) -> tuple[tzinfo, ...]:
    """The zones of those names that this machine knows."""
    found = []
    for name in names:
        with suppress(KeyError, ValueError, OSError):  # what ZoneInfo raises for a name that is none
            found.append(ZoneInfo(name))
    return tuple(found)


def _reach(prefix: str, text: str, number: NumberFacts) -> int:
    """How many digits of the national number `prefix` names, when it is that of `text`; negative for less than none."""
    return number.national - (len(text) - len(prefix.removesuffix("*")))


def _needed(number: NumberFacts) -> int:
    if number.main == _NO_COUNTRY:
        return 0
    costly = number.type not in ORDINARY and number.type is not NumberType.UNKNOWN
    return _RANGE if costly or number.main == "US" else _AREA_CODE
