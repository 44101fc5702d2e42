"""The time of day at a PBX, from the stamps of its answers and our monotonic clock alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.ami.pbx_time import PbxTime

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def stamp(at: datetime) -> str:
    return f"{at.timestamp():.6f}"


def test_the_time_goes_on_from_the_middle_of_the_round_trip() -> None:
    time = PbxTime()
    assert time.at(100.0) is None
    time.told(stamp(NOON), 100.0, 100.5)
    assert time.at(160.25) == NOON + timedelta(seconds=60)


def test_a_slow_answer_spoils_nothing_and_a_clock_that_was_set_is_followed() -> None:
    time = PbxTime()
    time.told(stamp(NOON), 100.0, 100.0)
    time.told(stamp(NOON + timedelta(seconds=10)), 108.0, 112.9)
    assert time.at(113.0) == NOON + timedelta(seconds=13)
    time.told(stamp(NOON + timedelta(hours=3)), 120.0, 120.0)
    assert time.at(120.0) == NOON + timedelta(hours=3)
    time.told(stamp(NOON - timedelta(hours=3)), 125.0, 125.0)
    assert time.at(125.0) == NOON - timedelta(hours=3)


@given(
    ahead=st.floats(-1e6, 1e6),
    trips=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8),
)
def test_it_is_never_wrong_by_more_than_the_shortest_way_back_or_forth(
    ahead: float, trips: list[tuple[float, float]]
) -> None:
    """Whatever the answers took each way: at most half of the round trip that was taken for the middle."""
    time, now = PbxTime(), 1e6
    for there, back in trips:
        sent, now = now, now + there + back
        time.told(f"{max(0.0, 1.7e9 + ahead + sent + there):.6f}", sent, now)
        found = time.at(now)
        assert found is not None
        assert abs(found.timestamp() - (1.7e9 + ahead + now)) <= max(there + back for there, back in trips) / 2 + 1e-5
        now += 5


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        "",
        "nan",
        "inf",
        "-1",
        "-1700000000.5",
        "1e9",
        "1_700_000_000",
        "1700000000,5",
        " 1700000000.5",
        "1700000000.5\n",
        "\u0661\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660",
        "4294967296",
        "9999999999.999999",
        "9" * 400,
        "0x10",
        "soon",
        ["1700000000.5", "1700000001.5"],
    ],
)
def test_a_stamp_that_is_none_leaves_the_time_unknown(nonsense: object) -> None:
    time = PbxTime()
    time.told(nonsense, 1.0, 1.1)
    assert time.at(2.0) is None
    time.told(stamp(NOON), 5.0, 5.0)
    assert time.at(5.0) == NOON
    time.told(nonsense, 6.0, 6.1)
    assert time.at(6.2) is None


@given(st.text(max_size=40))
def test_no_stamp_whatever_it_says_is_an_error(said: str) -> None:
    time = PbxTime()
    time.told(said, 1.0, 1.1)
    time.at(1e9)
