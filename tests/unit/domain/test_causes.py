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


def test_an_invite_nothing_answered_is_told_apart_from_a_phone_that_rang_in_vain() -> None:
    assert fault(18, alerted=False) is Fault.NETWORK
    assert fault(18, alerted=True) is Fault.USER
    assert fault(19, alerted=False) is Fault.USER
