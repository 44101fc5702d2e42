"""Whose doing a hang-up was."""

from __future__ import annotations

import pytest

from ami_bridge.domain.causes import Fault, fault, words


@pytest.mark.parametrize(
    ("whose", "causes"),
    [
        (Fault.NONE, (0, 16, 31)),
        (Fault.USER, (1, 3, 17, 18, 19, 20, 21, 22, 26, 28, 88, 127)),
        (Fault.NETWORK, (27, 34, 38, 41, 42, 44, 58, 102)),
    ],
)
def test_a_wrong_number_and_a_busy_phone_are_told_apart_from_a_dead_line(whose: Fault, causes: tuple[int, ...]) -> None:
    assert {cause: fault(cause) for cause in causes} == dict.fromkeys(causes, whose)


def test_what_is_not_listed_counts_against_the_network_and_is_named_by_its_number() -> None:
    assert fault(99) is Fault.NETWORK
    assert words(99) == "cause 99"
    assert words(17) == "busy"
