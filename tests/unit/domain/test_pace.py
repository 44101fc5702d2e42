"""When a call back can be expected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.pace import LOOKED_BACK, due

NOW = datetime(2026, 3, 1, 9, 3, 20, tzinfo=UTC)


def kept(*minutes_ago: float) -> list[datetime]:
    return [NOW - timedelta(minutes=minutes) for minutes in minutes_ago]


def test_who_comes_first_is_expected_after_one_step_of_the_pace_rounded_up_to_ten_minutes() -> None:
    # three in an hour: one each twenty minutes
    assert due(0, kept(60, 40, 5), NOW) == NOW.replace(minute=30, second=0)
    assert due(1, kept(60, 40, 5), NOW) == NOW.replace(minute=50, second=0)


def test_there_is_no_pace_in_too_few_or_in_those_of_long_ago() -> None:
    assert due(0, kept(60, 5), NOW) is None
    assert due(0, kept(300, 200, 130, 5, 4), NOW) is None


def test_what_would_be_hours_off_is_not_foretold() -> None:
    assert due(23, kept(60, 40, 5), NOW) is not None
    assert due(24, kept(60, 40, 5), NOW) is None


@given(st.integers(0, 100), st.lists(st.floats(0, LOOKED_BACK.total_seconds() / 60), max_size=20))
def test_it_is_never_in_the_past_and_later_for_who_comes_later(ahead: int, minutes: list[float]) -> None:
    first, second = due(ahead, kept(*minutes), NOW), due(ahead + 1, kept(*minutes), NOW)
    if first is not None:
        assert first >= NOW
        assert first.minute % 10 == first.second == first.microsecond == 0
        assert second is None or second >= first
