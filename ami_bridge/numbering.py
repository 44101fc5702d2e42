"""What a telephone number is, told from its digits by the numbering plans that `phonenumbers` carries. Offline.

The only importer of that package. A number without + is read as its tenant's home country writes numbers; where it is
not written so, or is none there, as an international one, with 00, 011 or nothing before it. Which reading is taken
decides what is allowed, never what is dialled: that stays the number as it was given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberType, shortnumberinfo, timezone

from ami_bridge.domain.numbers import SHORTEST, NumberFacts, NumberType, is_number

_TYPES = {
    PhoneNumberType.FIXED_LINE: NumberType.FIXED,
    PhoneNumberType.MOBILE: NumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: NumberType.FIXED_OR_MOBILE,
    PhoneNumberType.TOLL_FREE: NumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE: NumberType.PREMIUM,
    PhoneNumberType.SHARED_COST: NumberType.SHARED_COST,
    PhoneNumberType.VOIP: NumberType.VOIP,
    PhoneNumberType.PERSONAL_NUMBER: NumberType.PERSONAL,
    PhoneNumberType.PAGER: NumberType.PAGER,
    PhoneNumberType.UAN: NumberType.UAN,
    PhoneNumberType.VOICEMAIL: NumberType.VOICEMAIL,
}
# Calling codes that belong to no country (ITU-T E.164 list of assigned codes), by what their subscribers have.
_OF_NO_COUNTRY = {
    "800": NumberType.TOLL_FREE,
    "808": NumberType.SHARED_COST,
    "870": NumberType.SATELLITE,
    "878": NumberType.PERSONAL,
    "881": NumberType.SATELLITE,
    "882": NumberType.INTERNATIONAL_NETWORK,
    "883": NumberType.INTERNATIONAL_NETWORK,
    "888": NumberType.INTERNATIONAL_NETWORK,
    "979": NumberType.PREMIUM,
}
_NO_COUNTRY = "001"
_SATELLITES_BELOW = ("88213", "88216")  # networks of satellites among the international ones
_AUDIOTEX = re.compile(r"\+1[0-9]{3}976[0-9]{4}", re.ASCII)  # North America's local premium lines, of any area
_ABROAD = ("0011", "011", "00")  # what is dialled before a calling code, in the countries of most people
_OUT = ("", "0", "9")  # before a number at all, for the public network, and before a national one
_LONGEST_EMERGENCY, _LONGEST_BEFORE = 6, 9  # digits
_UNKNOWN_ZONE = "Etc/Unknown"
_REMEMBERED = 20_000  # numbers, of those who called last


def known_region(region: str) -> bool:
    """Whether those two letters are a country with a numbering plan."""
    return region in phonenumbers.SUPPORTED_REGIONS


class Numbering:
    """Tells what numbers are to one tenant: `home` is its country, "" if none is set; `own` are the house's numbers."""

    def __init__(self, home: str = "", own: Iterable[str] = ()) -> None:
        self._home = home
        given = frozenset(own)
        self._own = given | {identity for number in given if (identity := _told(number, home).e164)}
        self._facts: Callable[[str], NumberFacts] = lru_cache(_REMEMBERED)(self._find)

    def facts(self, given: str | None) -> NumberFacts:
        """What is known of the number as it was given; of one that was withheld, or is no number, nothing."""
        return self._facts(given) if given and is_number(given) else NumberFacts(number=given or "")

    def _find(self, given: str) -> NumberFacts:
        kind = _short(given, self._home)
        if kind is NumberType.EMERGENCY:
            return NumberFacts(number=given, type=kind, national=len(given))
        facts = _told(given, self._home)
        if given in self._own or facts.e164 in self._own:
            return _as(facts, NumberType.INTERNAL)
        return facts if kind is None else _as(facts, kind)


def _told(given: str, home: str) -> NumberFacts:
    """What the numbering plans know: of the first reading that is a number in use, else of one that might be."""
    readings = list(_readings(given, home))
    number = next((n for n in readings if phonenumbers.is_valid_number(n)), None)
    if number is None:
        possible = next((n for n in readings if phonenumbers.is_possible_number(n)), None)
        return _unassigned(given, readings, possible)
    region = phonenumbers.region_code_for_number(number) or ""
    zones = timezone.time_zones_for_number(number)
    return NumberFacts(
        number=given,
        e164=_e164(number),
        region="" if region == _NO_COUNTRY else region,
        type=_type(number),
        zones=tuple(zone for zone in zones if zone != _UNKNOWN_ZONE),
        main=_main(number),
        national=len(phonenumbers.national_significant_number(number)),
    )


def _unassigned(given: str, readings: Iterable[PhoneNumber], possible: PhoneNumber | None) -> NumberFacts:
    """A number that no plan has assigned: of no country, and of a costly type if any reading of it is."""
    kind = next((kind for number in readings if (kind := _of_no_country(number))), NumberType.UNKNOWN)
    if kind is NumberType.UNKNOWN and any(shortnumberinfo.is_valid_short_number(number) for number in readings):
        kind = NumberType.SHORT
    if possible is None:
        return NumberFacts(number=given, type=kind, national=len(_inland(given)))
    return NumberFacts(
        number=given,
        e164=_e164(possible),
        type=kind,
        main=_main(possible),
        national=len(phonenumbers.national_significant_number(possible)),
    )


def _readings(given: str, home: str) -> Iterator[PhoneNumber]:
    """What the digits may mean, the likeliest first.

    Where national numbers begin with a prefix of their own (0 in most of Europe), one without it is read as an
    international one without its +: a carrier would take it for that.
    """
    if given.startswith("+"):
        texts = [(given, "")]
    elif home and not given.startswith(_trunk_prefix(home)):
        texts = [(f"+{given}", "")]
    else:
        abroad = [(f"+{given.removeprefix(before)}", "") for before in _ABROAD if given.startswith(before)]
        texts = [(given, home), *abroad, (f"+{given}", "")]
    for text, region in texts:
        try:
            yield phonenumbers.parse(text, region or None)
        except phonenumbers.NumberParseException:
            continue


@cache
def _trunk_prefix(home: str) -> str:
    """What national numbers begin with that have to; "" where none is needed, as in North America and Spain."""
    plan = PhoneMetadata.metadata_for_region(home)
    return "" if plan is None or plan.country_code == 1 else plan.national_prefix or ""


def _type(number: PhoneNumber) -> NumberType:
    if _AUDIOTEX.fullmatch(_e164(number)):
        return NumberType.PREMIUM
    return _of_no_country(number) or _TYPES.get(phonenumbers.number_type(number), NumberType.UNKNOWN)


def _main(number: PhoneNumber) -> str:
    """The country that a number's calling code is known for: US for +1, 001 for the codes of none."""
    return str(phonenumbers.region_code_for_country_code(number.country_code or 0))


def _of_no_country(number: PhoneNumber) -> NumberType | None:
    code = str(number.country_code)
    if f"{code}{phonenumbers.national_significant_number(number)}".startswith(_SATELLITES_BELOW):
        return NumberType.SATELLITE
    return _OF_NO_COUNTRY.get(code)


def _short(given: str, home: str) -> NumberType | None:
    """EMERGENCY where help may be what is reached, whatever stands before it; SHORT for a service's number."""
    digits = given.removeprefix("+")
    if any(_is_emergency(rest) for rest in _rests(digits)):
        return NumberType.EMERGENCY
    if any(phonenumbers.is_valid_number(number) for number in _readings(given, home)):
        return None
    # What begins with such a number may connect to it as soon as its digits are dialled.
    if given.startswith(("112", "911")) or (home and shortnumberinfo.connects_to_emergency_number(given, home)):
        return NumberType.EMERGENCY
    return NumberType.SHORT if len(digits) < SHORTEST else None


def _rests(digits: str) -> set[str]:
    """What may be left of a few digits without what may be dialled before a number, a country's code and its 0."""
    if len(digits) > _LONGEST_EMERGENCY + _LONGEST_BEFORE:
        return set()
    rests = {digits}
    for befores in (_OUT, (*_ABROAD, ""), _codes(), _OUT):
        rests = {rest.removeprefix(before) for rest in rests for before in befores if rest.startswith(before)}
    return rests


@cache
def _codes() -> frozenset[str]:
    """All calling codes, and none."""
    return frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE)) | {""}


@lru_cache(_REMEMBERED)
def _is_emergency(digits: str) -> bool:
    return 2 <= len(digits) <= _LONGEST_EMERGENCY and any(pattern.fullmatch(digits) for pattern in _emergencies())


@cache
def _emergencies() -> tuple[re.Pattern[str], ...]:
    """The emergency numbers of all countries, each plan's once."""
    plans = (PhoneMetadata.short_metadata_for_region(region) for region in sorted(phonenumbers.SUPPORTED_REGIONS))
    texts = {plan.emergency.national_number_pattern for plan in plans if plan is not None and plan.emergency}
    return tuple(re.compile(text, re.ASCII) for text in sorted(text for text in texts if text))


def _inland(given: str) -> str:
    digits = given.removeprefix("+")
    return next((digits.removeprefix(before) for before in _ABROAD if digits.startswith(before)), digits)


def _e164(number: PhoneNumber) -> str:
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _as(facts: NumberFacts, kind: NumberType) -> NumberFacts:
    return replace(facts, type=kind)
