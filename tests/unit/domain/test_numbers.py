"""Which numbers are dialled: those a tenant allowed, and nothing a caller ID could smuggle in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.numbers import BadPrefix, NumberPolicy, masked

POLICY = NumberPolicy(("+4930*", "5550123", "1*", "+1555*"))


@pytest.mark.parametrize("number", ["+493012345", "5550123", "15551234", "+15550100"])
def test_what_is_allowed_is_dialled(number: str) -> None:
    assert POLICY.refuses(number) is None


@pytest.mark.parametrize("number", ["+493012345;ext=1", "5550123&PJSIP/900@trunk", "5550123@trunk", "+4930${SHELL(id)}",
    "5550123,30,g", "+4930 12345", "+4930-12345", "+4930\n12345", "5550123\n", "++493012345", "", "+", "anonymous",
    "+4930\uff11\uff12\uff13\uff14", "+4930\u0663\u0664\u0665\u0666", "+4930" + "1" * 12])  # fmt: skip
def test_what_a_dial_string_would_interpret_is_no_number(number: str) -> None:
    assert POLICY.refuses(number) == "the caller ID is not a telephone number"


def test_a_withheld_number_cannot_be_called_back() -> None:
    assert POLICY.refuses(None) == "the caller withheld their number"


@pytest.mark.parametrize("number", ["+19005550100", "+18095550100", "+8821234567", "0900123456", "5550124", "55501230"])
def test_premium_satellite_and_every_other_number_nobody_allowed_is_refused(number: str) -> None:
    assert "not among those this tenant allows" in str(POLICY.refuses(number))


@pytest.mark.parametrize("number", ["112", "911", "+112", "110", "1122", "999"])
def test_a_forged_caller_id_never_has_us_dial_an_emergency_number(number: str) -> None:
    assert "emergency" in str(NumberPolicy(("1*", "9*", "+1*", "112", "+112")).refuses(number))


@given(st.text())
def test_nothing_is_allowed_by_default(number: str) -> None:
    assert NumberPolicy().refuses(number)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=20))
def test_whatever_passes_is_digits_with_a_plus_at_most(number: str) -> None:
    if NumberPolicy(tuple(f"{digit}*" for digit in range(10))).refuses(number) is None:
        assert number.isascii()
        assert number.isdigit()


@pytest.mark.parametrize("prefix", ["", "*", "+", "+*", "49 30*", "+49*30", "+49**", "1-800*", "\u0663*", "+4930*\n"])
def test_a_prefix_that_would_allow_everything_or_nothing_is_refused(prefix: str) -> None:
    with pytest.raises(BadPrefix, match="is not a number or a prefix such as"):
        NumberPolicy((prefix,))


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+493012345", "•••••••345"), ("5550", "•550"), ("112", "•••"), ("", "unknown"), (None, "unknown")],
)
def test_a_shown_number_keeps_its_last_three_digits_to_itself_if_it_has_no_more(number: str | None, shown: str) -> None:
    assert masked(number) == shown
