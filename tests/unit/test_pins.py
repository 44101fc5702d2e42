"""What guessing a PIN costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.pins import DAY, PinGuard, PinLimits

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
PIN = "0420"


@pytest.fixture
def guard() -> PinGuard:
    return PinGuard(PIN, PinLimits())


def wrong(guard: PinGuard, times: int, now: datetime) -> None:
    for _ in range(times):
        assert not guard.is_right("1111", now)


@pytest.mark.parametrize("keyed", ["", "042", "04200", "420", "0420*", "\u0660\u0664\u0662\u0660", "0421"])
def test_only_the_pin_itself_is_right(guard: PinGuard, keyed: str) -> None:
    assert not guard.is_right(keyed, START)
    assert guard.is_right(PIN, START)


def test_ten_wrong_ones_within_ten_minutes_lock_out_the_right_one_too(guard: PinGuard) -> None:
    wrong(guard, 9, START)
    assert guard.locked_until(START) is None
    wrong(guard, 1, START + 10 * MINUTE)
    now = START + 10 * MINUTE
    assert guard.locked_until(now) == now + 10 * MINUTE
    assert not guard.is_right(PIN, now + 10 * MINUTE - SECOND)
    assert guard.is_right(PIN, now + 10 * MINUTE)


def test_guesses_while_it_is_locked_neither_count_nor_lengthen_the_lock(guard: PinGuard) -> None:
    wrong(guard, 10, START)
    wrong(guard, 50, START + MINUTE)
    assert guard.locked_until(START + MINUTE) == START + 10 * MINUTE
    wrong(guard, 9, START + 11 * MINUTE)
    assert guard.locked_until(START + 11 * MINUTE) is None


def test_a_right_one_in_between_forgets_the_wrong_ones(guard: PinGuard) -> None:
    for minute in range(100):
        wrong(guard, 9, START + minute * MINUTE)
        assert guard.is_right(PIN, START + minute * MINUTE)


def test_each_further_lock_is_twice_as_long_up_to_a_day(guard: PinGuard) -> None:
    now, lasted = START, []
    for _ in range(12):
        while (until := guard.locked_until(now)) is None:
            wrong(guard, 1, now)
        lasted.append(until - now)
        now = until
    assert lasted[:4] == [10 * MINUTE, 20 * MINUTE, 40 * MINUTE, 80 * MINUTE]
    assert lasted[-1] == DAY
    assert guard.is_right(PIN, now)
    wrong(guard, 10, now)
    assert guard.locked_until(now) == now + 10 * MINUTE


def test_patient_guessing_locks_as_well(guard: PinGuard) -> None:
    """Nine in each ten minutes never make ten; thirty in a day do."""
    now = START
    for _ in range(29):
        wrong(guard, 1, now)
        assert guard.locked_until(now) is None
        now += 2 * MINUTE
    wrong(guard, 1, now)
    assert guard.locked_until(now) == now + 10 * MINUTE


@pytest.mark.parametrize("pace", [SECOND, MINUTE, 10 * MINUTE, 20 * MINUTE, 60 * MINUTE])
def test_somebody_who_guesses_for_a_month_has_thirty_guesses_a_day(pace: timedelta) -> None:
    guard, now, tried = PinGuard(PIN, PinLimits()), START, 0
    while now < START + 30 * DAY:
        until = guard.locked_until(now)
        if until is None:
            tried += 1
            wrong(guard, 1, now)
            now += pace
        else:
            now = until
    assert 30 < tried <= 30 * 30 + 6


def test_the_pin_is_kept_nowhere(guard: PinGuard) -> None:
    kept = [getattr(guard, name) for name in PinGuard.__slots__]
    assert PIN not in str(kept)
    assert PIN.encode() not in b"".join(value for value in kept if isinstance(value, bytes))
