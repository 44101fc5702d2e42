"""Whether a number may be promised a call and dialled now: by list, region, type, caps, money and the hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ami_bridge.domain.numbers import NumberFacts, NumberPolicy, NumberType
from ami_bridge.domain.permission import Allowed, CallingRules, Held, Refusal, Refused, Rules, Usage
from ami_bridge.domain.promise import Kind

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=BERLIN)  # a Tuesday
NIGHT = NOON.replace(hour=22)
RULES = Rules(regions=frozenset({"DE"}), zone=BERLIN, spend_per_day=10_000, rates={"+49": 200, "+4915": 1200})
NONE = Usage()


def number(given: str, kind: NumberType = NumberType.FIXED, region: str = "DE", main: str = "DE") -> NumberFacts:
    e164 = given if given.startswith("+") else None
    national = len(given) - 3 if e164 else len(given)
    return NumberFacts(
        number=given, e164=e164, region=region, type=kind, zones=("Europe/Berlin",), main=main, national=national
    )


FIXED = number("+4930901820")
MOBILE = number("+4915112345678", NumberType.MOBILE)


def refusal(rules: CallingRules, facts: NumberFacts, usage: Usage = NONE) -> Refusal | None:
    judged = rules.offers(facts, usage, NOON)
    return judged.refusal if isinstance(judged, Refused) else None


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FIXED, None),
        (MOBILE, None),
        (number("+498001234567", NumberType.TOLL_FREE), Refusal.TYPE),
        (number("+499001234567", NumberType.PREMIUM), Refusal.TYPE),
        (number("+436641234567", NumberType.MOBILE, "AT", "AT"), Refusal.REGION),
        (number("+881612345678", NumberType.SATELLITE, "", "001"), Refusal.REGION),
        (number(""), Refusal.WITHHELD),
        (number("+49;30"), Refusal.NOT_A_NUMBER),
        (number("112", NumberType.EMERGENCY, "", ""), Refusal.EMERGENCY),
        (number("+4930555010", NumberType.INTERNAL), Refusal.INTERNAL),
        (number("11833", NumberType.SHORT), Refusal.SHORT),
        (number("1183"), Refusal.SHORT),
    ],
)
def test_a_number_is_allowed_by_region_and_type(facts: NumberFacts, expected: Refusal | None) -> None:
    assert refusal(CallingRules(RULES), facts) is expected


def test_where_numbers_do_not_tell_both_types_must_be_allowed() -> None:
    american = number("+12125550123", NumberType.FIXED_OR_MOBILE, "US", "US")
    both = Rules(regions=frozenset({"US"}))
    only = Rules(regions=frozenset({"US"}), types=frozenset({NumberType.FIXED}))
    assert refusal(CallingRules(both), american) is None
    assert refusal(CallingRules(only), american) is Refusal.TYPE


def test_nothing_is_allowed_that_nobody_allowed() -> None:
    assert refusal(CallingRules(Rules()), FIXED) is Refusal.REGION


@pytest.mark.parametrize(
    ("prefix", "facts", "passes"),
    [
        ("+4930*", number("+4930901820", region="DE"), True),
        ("+4930*", number("+493012", NumberType.UNKNOWN, ""), True),
        ("+49*", FIXED, True),
        ("+49*", number("+499001234567", NumberType.PREMIUM), False),
        ("+490*", number("+499001234567", NumberType.PREMIUM), False),
        ("+4990*", number("+499001234567", NumberType.PREMIUM), False),
        ("+49900*", number("+499001234567", NumberType.PREMIUM), True),
        ("+499001234567", number("+499001234567", NumberType.PREMIUM), True),
        ("+8*", number("+881612345678", NumberType.SATELLITE, "", "001"), False),
    ],
)
def test_a_prefix_allows_what_it_names_and_no_more(prefix: str, facts: NumberFacts, passes: bool) -> None:
    rules = CallingRules(Rules(numbers=NumberPolicy((prefix,))))
    assert (refusal(rules, facts) is None) is passes


@pytest.mark.parametrize(
    ("prefix", "passes"), [("+1*", False), ("+18*", False), ("+187*", False), ("+1876*", True), ("+18765551234", True)]
)
def test_an_island_is_not_the_country_whose_code_it_shares(prefix: str, passes: bool) -> None:
    jamaican = NumberFacts(
        number="+18765551234", e164="+18765551234", region="JM", type=NumberType.MOBILE, main="US", national=10
    )
    assert (refusal(CallingRules(Rules(numbers=NumberPolicy((prefix,)))), jamaican) is None) is passes


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (number("+4930901820"), Refusal.DO_NOT_CALL),
        (number("+4930555010", NumberType.INTERNAL), Refusal.INTERNAL),
        (number("+49112", NumberType.EMERGENCY), Refusal.EMERGENCY),
        (number("+4930&901820"), Refusal.NOT_A_NUMBER),
    ],
)
def test_some_things_no_prefix_allows(facts: NumberFacts, expected: Refusal) -> None:
    everything = Rules(numbers=NumberPolicy(("+4930*", "+49112", "+4930901820")))
    assert refusal(CallingRules(everything, denied=lambda _number: True), facts) is expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(number_attempts=5, tenant_attempts=499, tenant_cost=9800), None),
        (Usage(number_attempts=6), Refusal.NUMBER_CAP),
        (Usage(tenant_attempts=500), Refusal.TENANT_CAP),
        (Usage(tenant_cost=9801), Refusal.SPEND),
    ],
)
def test_caps_refuse_an_offer_and_put_a_call_off_until_midnight(usage: Usage, expected: Refusal | None) -> None:
    rules = CallingRules(RULES)
    assert refusal(rules, FIXED, usage) is expected
    judged = rules.dials(Kind.IN_TURN, FIXED, usage, NOON)
    if expected is None:
        assert judged == Allowed()
    else:
        assert isinstance(judged, Held)
        assert judged.until == datetime(2026, 11, 25, 0, 0, tzinfo=BERLIN)


def test_what_costs_more_than_a_day_may_is_refused_and_not_put_off() -> None:
    poor = CallingRules(Rules(regions=frozenset({"DE"}), spend_per_day=100, rates={"+49": 200}))
    judged = poor.dials(Kind.IN_TURN, FIXED, NONE, NOON)
    assert isinstance(judged, Refused)
    assert judged.refusal is Refusal.SPEND


def test_the_closest_rate_counts_and_the_dearest_where_none_fits() -> None:
    rules = CallingRules(RULES)
    unknown = number("030901820")
    assert (rules.price(FIXED), rules.price(MOBILE), rules.price(unknown)) == (200, 1200, 1200)
    assert [rules.cost(MOBILE, seconds) for seconds in (-1, 0, 1, 60, 61)] == [0, 0, 1200, 1200, 2400]
    assert CallingRules(Rules()).cost(FIXED, 60) == 0


def test_days_are_counted_by_the_tenants_clock_whatever_happens_to_it() -> None:
    rules = CallingRules(RULES)
    changed = datetime(2026, 10, 25, 12, 0, tzinfo=BERLIN)  # a day of 25 hours
    assert rules.day_began(changed) == datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    assert rules.next_day(changed) - rules.day_began(changed) == timedelta(hours=25)


def test_at_night_only_those_are_called_who_asked_a_moment_ago() -> None:
    rules = CallingRules(RULES)
    two_hours = NIGHT - timedelta(hours=2)
    morning = datetime(2026, 11, 25, 9, 0, tzinfo=BERLIN)
    assert rules.dials(Kind.IN_TURN, FIXED, NONE, NIGHT, asked=two_hours) == Allowed()
    for judged in (
        rules.dials(Kind.IN_TURN, FIXED, NONE, NIGHT, asked=two_hours - timedelta(seconds=1)),
        rules.dials(Kind.IN_TURN, FIXED, NONE, NIGHT),
    ):
        assert isinstance(judged, Held)
        assert judged.until == morning
    judged = rules.dials(Kind.RESTORED, FIXED, NONE, NIGHT, asked=NIGHT)
    assert isinstance(judged, Held)
    assert judged.until == morning.replace(hour=10)  # who does not wait for it is called later in the morning


def test_it_is_the_hour_where_they_are_that_counts_and_the_tenants_where_nobody_knows() -> None:
    rules = CallingRules(Rules(regions=frozenset({"US"}), zone=BERLIN))
    american = NumberFacts(
        number="+12125550123", e164="+12125550123", region="US", type=NumberType.FIXED, zones=("America/New_York",)
    )
    judged = rules.dials(Kind.RESTORED, american, NONE, NOON)
    assert isinstance(judged, Held)
    assert judged.until == datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("America/New_York"))
    for zones in ((), ("Nowhere/Atlantis",)):
        nowhere = NumberFacts(number="+12125550123", region="US", type=NumberType.FIXED, zones=zones)
        assert rules.dials(Kind.RESTORED, nowhere, NONE, NOON) == Allowed()


def test_nobody_is_called_on_a_holiday_where_they_are() -> None:
    rules = CallingRules(RULES, holiday=lambda region, day: (region, day) == ("DE", date(2026, 11, 24)))
    judged = rules.dials(Kind.IN_TURN, FIXED, NONE, NOON)
    assert isinstance(judged, Held)
    assert judged.until == datetime(2026, 11, 25, 9, 0, tzinfo=BERLIN)


def test_what_can_be_called_at_no_hour_is_not_promised() -> None:
    rules = CallingRules(Rules(regions=frozenset({"DE"}), calling=("daily 09:00-12:00",)))
    anywhere = NumberFacts(
        number="+4930901820", region="DE", type=NumberType.FIXED, zones=("Europe/Berlin", "America/Los_Angeles")
    )
    assert refusal(rules, anywhere) is Refusal.REGION
