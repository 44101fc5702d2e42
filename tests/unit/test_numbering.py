"""What numbers are, by their digits: in the forms trunks deliver them, at tenants of several countries."""

from __future__ import annotations

import pytest

from ami_bridge.domain.numbers import NumberType
from ami_bridge.numbering import Numbering, known_region

T = NumberType


@pytest.mark.parametrize(
    ("home", "given", "e164", "region", "kind"),
    [
        ("DE", "+4930901820", "+4930901820", "DE", T.FIXED),
        ("DE", "030901820", "+4930901820", "DE", T.FIXED),
        ("DE", "004930901820", "+4930901820", "DE", T.FIXED),
        ("DE", "4930901820", "+4930901820", "DE", T.FIXED),
        ("", "4930901820", "+4930901820", "DE", T.FIXED),
        ("US", "2125550123", "+12125550123", "US", T.FIXED_OR_MOBILE),
        ("US", "12125550123", "+12125550123", "US", T.FIXED_OR_MOBILE),
        ("US", "0114930901820", "+4930901820", "DE", T.FIXED),
        ("ES", "915551234", "+34915551234", "ES", T.FIXED),
        ("DE", "09001234567", "+499001234567", "DE", T.PREMIUM),
        ("DE", "00881612345678", "+881612345678", "", T.SATELLITE),
        ("US", "011881612345678", "+881612345678", "", T.SATELLITE),
        ("DE", "011881612345678", "+881612345678", "", T.SATELLITE),
        ("DE", "881612345678", "+881612345678", "", T.SATELLITE),
        ("", "+870773123456", "+870773123456", "", T.SATELLITE),
        ("", "+8821612345678", "+8821612345678", "", T.SATELLITE),
        ("", "+8821012345678", "+8821012345678", "", T.INTERNATIONAL_NETWORK),
        ("", "+883510001234567", "+883510001234567", "", T.INTERNATIONAL_NETWORK),
        ("", "+979123456789", "+979123456789", "", T.PREMIUM),
        ("US", "8095551234", "+18095551234", "DO", T.FIXED_OR_MOBILE),
        ("US", "+18765551234", "+18765551234", "JM", T.MOBILE),
        ("US", "+12129761234", "+12129761234", "US", T.PREMIUM),
        ("GB", "07011234567", "+447011234567", "GB", T.PERSONAL),
        ("DE", "18095551234", "+18095551234", "DO", T.FIXED_OR_MOBILE),
        ("DE", "15551230201", "+15551230201", "", T.UNKNOWN),  # +1 555 is nobody's, and no German number without its 0
        ("DE", "11833", None, "", T.SHORT),
        ("DE", "+4911833", "+4911833", "", T.SHORT),
        ("DE", "+999123456789", None, "", T.UNKNOWN),
    ],
)
def test_a_number_is_read_as_its_home_writes_it(
    home: str, given: str, e164: str | None, region: str, kind: NumberType
) -> None:
    facts = Numbering(home).facts(given)
    assert (facts.number, facts.region, facts.type) == (given, region, kind)
    assert e164 is None or facts.e164 == e164


@pytest.mark.parametrize("home", ["", "DE", "US", "GB", "AU"])
@pytest.mark.parametrize("number", ["112", "911", "999", "000", "110"])
@pytest.mark.parametrize("before", ["", "+", "0", "9", "00", "011", "+49", "0049", "01149", "49", "+1", "+490", "900"])
def test_help_is_known_whatever_stands_before_it(home: str, number: str, before: str) -> None:
    assert Numbering(home).facts(before + number).type is T.EMERGENCY


@pytest.mark.parametrize("given", ["1125551234", "911555123456"])
def test_what_begins_with_a_number_for_help_may_reach_it(given: str) -> None:
    assert Numbering().facts(given).type is T.EMERGENCY


def test_a_number_in_use_is_no_emergency_however_it_ends() -> None:
    for given in ("+4930901112", "+911123456789", "+12125550911", "+442079460999"):
        assert Numbering("DE").facts(given).type is not T.EMERGENCY


def test_the_houses_own_numbers_are_known_in_every_form() -> None:
    numbering = Numbering("DE", ["030901820", "10101"])
    for given in ("030901820", "+4930901820", "004930901820", "4930901820", "10101"):
        assert numbering.facts(given).type is T.INTERNAL
    assert numbering.facts("+4930901821").type is T.FIXED


@pytest.mark.parametrize("given", [None, "", "anonymous", "+49;30", "٣٠٩٠١٨٢٠", "1" * 16, "+49 30 901820"])
def test_of_what_is_no_number_nothing_is_known(given: str | None) -> None:
    facts = Numbering("DE").facts(given)
    assert (facts.number, facts.e164, facts.region, facts.type, facts.zones) == (given or "", None, "", T.UNKNOWN, ())


def test_the_zones_are_those_a_number_may_be_in() -> None:
    numbering = Numbering("US")
    assert numbering.facts("+12125550123").zones == ("America/New_York",)
    assert "Pacific/Honolulu" in numbering.facts("+18002255288").zones
    assert numbering.facts("+881612345678").zones == ()


def test_countries_are_two_capital_letters() -> None:
    assert [known_region(text) for text in ("DE", "de", "", "XX", "001", "D")] == [
        True,
        False,
        False,
        False,
        False,
        False,
    ]
