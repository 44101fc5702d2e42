import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.web.masking import LONGEST, clean, clean_and_mask, mask_number


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+15551230142", "•••142"),
        ("•••142", "•••142"),  # already masked
        ("101", "•••101"),
        ("12", "•••12"),
        ("", "withheld"),
        ("anonymous", "withheld"),
        ("<script>alert(1)</script>5551", "•••551"),
        ("٠١٢٣٤٥٦٧٨٩", "withheld"),  # digits of another script are no telephone number
    ],
)
def test_a_number_keeps_its_last_three_digits_and_nothing_else(number: str, shown: str) -> None:
    assert mask_number(number) == shown


@given(st.text())
def test_a_masked_number_is_short_plain_and_masks_to_itself(number: str) -> None:
    masked = mask_number(number)
    assert len(masked) <= 8
    assert set(masked) <= set("•0123456789withheld")
    assert mask_number(masked) == masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+15551230142 was busy", "•••142 was busy"),
        ("rang 5551230142 twice", "rang •••142 twice"),
        ("+1 (555) 123-0142 hung up", "•••142 hung up"),
        ("<+15551230142>", "<•••142>"),
        (
            "503 after 12 ms from 192.168.1.10:5060 on 2026-11-21",
            "503 after 12 ms from 192.168.1.10:5060 on 2026-11-21",
        ),
    ],
)
def test_numbers_in_running_text_are_masked_and_other_figures_are_not(text: str, shown: str) -> None:
    assert clean_and_mask(text) == shown


def test_what_would_disturb_a_reader_or_the_encoder_is_gone() -> None:
    assert clean("a\x00b\x1b[31mc\u202eDELLIK\udcff d\ne") == "ab[31mcDELLIK d e"


@given(st.text(alphabet=st.characters()))
def test_cleaned_text_can_always_be_encoded_and_stays_short(text: str) -> None:
    assert len(clean(text * 20).encode()) <= 4 * LONGEST
    assert len(clean(text * 20)) <= LONGEST
