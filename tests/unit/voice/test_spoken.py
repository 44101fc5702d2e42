from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from ami_bridge.voice.spoken import clock, moment

EVERY_MINUTE = [time(minute // 60, minute % 60) for minute in range(1440)]
COUNTING = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
NUMBERS = {word: number for number, word in enumerate(COUNTING.split(), 1)}


def understood(words: str) -> time:
    """What a listener makes of a time, worked out from the words alone."""
    minutes, direction, hour = words.rpartition(" past ") if " past " in words else words.rpartition(" to ")
    at = heard_hour(hour) * 60
    if direction:
        away = heard_minutes(minutes)
        at += away if direction == " past " else -away
    return time(at % 1440 // 60, at % 60)


def heard_hour(words: str) -> int:
    if words in {"noon", "midnight"}:
        return 12 if words == "noon" else 0
    name, part = words.replace(" o'clock", "").split(" ", 1)
    after_noon = {"in the morning": 0, "in the afternoon": 12, "in the evening": 12, "at night": 12}[part]
    return NUMBERS[name] % 12 + after_noon


def heard_minutes(words: str) -> int:
    fixed = {"half": 30, "a quarter": 15}
    if words in fixed:
        return fixed[words]
    tens, _, ones = words.removesuffix("s").removesuffix(" minute").partition("-")
    return NUMBERS[tens] + (NUMBERS[ones] if ones else 0)


def test_every_minute_of_a_day_is_understood_as_itself() -> None:
    misheard = {at: clock(at) for at in EVERY_MINUTE if understood(clock(at)) != at}
    assert misheard == {}


def test_no_two_minutes_of_a_day_sound_the_same() -> None:
    assert len({clock(at) for at in EVERY_MINUTE}) == 1440


def test_twelve_is_never_said_to_be_in_the_morning_or_at_night() -> None:
    assert {clock(at) for at in EVERY_MINUTE if "o'clock" in clock(at) and "twelve" in clock(at)} == set()
    assert all("twelve in the morning" not in clock(at) and "twelve at night" not in clock(at) for at in EVERY_MINUTE)


def test_a_time_holds_no_digit_for_an_engine_to_guess_at() -> None:
    assert all(clock(at).replace("o'clock", "").replace("-", "").replace(" ", "").isalpha() for at in EVERY_MINUTE)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (time(0, 0), "midnight"),
        (time(0, 1), "one minute past midnight"),
        (time(0, 30), "half past midnight"),
        (time(0, 50), "ten to one in the morning"),
        (time(8, 50), "ten to nine in the morning"),
        (time(9, 0), "nine o'clock in the morning"),
        (time(11, 45), "a quarter to noon"),
        (time(12, 0), "noon"),
        (time(12, 20), "twenty past twelve in the afternoon"),
        (time(14, 30), "half past two in the afternoon"),
        (time(14, 31), "twenty-nine minutes to three in the afternoon"),
        (time(17, 50), "ten to six in the evening"),
        (time(22, 20, 59), "twenty past ten at night"),
        (time(23, 59), "one minute to midnight"),
    ],
)
def test_times_are_said_as_people_say_them(at: time, words: str) -> None:
    assert clock(at) == words


MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(hours=5, minutes=30), "half past two in the afternoon"),
        (timedelta(hours=-9), "midnight"),
        (timedelta(hours=15), "midnight on Tuesday"),
        (timedelta(days=-1), "nine o'clock in the morning on Sunday"),
        (timedelta(days=6), "nine o'clock in the morning on Sunday"),
        (timedelta(days=7), "nine o'clock in the morning on the ninth of March"),
        (timedelta(days=19), "nine o'clock in the morning on the twenty-first of March"),
        (timedelta(days=-30), "nine o'clock in the morning on the thirty-first of January"),
        (timedelta(days=18), "nine o'clock in the morning on the twentieth of March"),
        (timedelta(days=28), "nine o'clock in the morning on the thirtieth of March"),
    ],
)
def test_a_moment_names_its_day_unless_it_is_the_callers_own(away: timedelta, words: str) -> None:
    assert moment(MONDAY + away, MONDAY) == words


def test_a_moment_is_said_by_the_callers_clock_even_when_their_day_is_another() -> None:
    auckland = MONDAY.astimezone(ZoneInfo("Pacific/Auckland"))
    assert moment(MONDAY, auckland) == "ten o'clock at night"
    assert moment(MONDAY + timedelta(hours=3), auckland) == "one o'clock in the morning on Tuesday"


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        moment(datetime(2026, 3, 2, 9, 0), MONDAY)  # noqa: DTZ001 - what is refused
