"""Opening hours: as written, across midnight, when the clock is changed; refused by name when they cannot be read."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.hours import Hours, WrongHours

BERLIN, NEW_YORK, APIA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Pacific/Apia")
# 2026-11-16 is a Monday; Berlin is an hour ahead of UTC.


def berlin(day: int, clock: str, month: int = 11, fold: int = 0) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, month, day, int(hour), int(minute), tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("texts", "now", "is_open"),
    [
        (["mon-fri 08:00-18:00"], berlin(16, "08:00"), True),
        (["mon-fri 08:00-18:00"], berlin(16, "07:59"), False),
        (["mon-fri 08:00-18:00"], berlin(20, "17:59"), True),
        (["mon-fri 08:00-18:00"], berlin(20, "18:00"), False),
        (["mon-fri 08:00-18:00"], berlin(21, "12:00"), False),
        (["mon-fri 08:00-12:00", "mon-fri 13:00-18:00"], berlin(16, "12:30"), False),
        (["mon-fri 08:00-12:00", "mon-fri 13:00-18:00"], berlin(16, "13:00"), True),
        (["sat 22:00-04:00"], berlin(22, "03:59"), True),
        (["sat 22:00-04:00"], berlin(22, "04:00"), False),
        (["sat 22:00-04:00"], berlin(21, "03:00"), False),
        (["sun 22:00-04:00"], berlin(16, "01:00"), True),
        (["fri-mon 10:00-11:00"], berlin(22, "10:30"), True),
        (["fri-mon 10:00-11:00"], berlin(17, "10:30"), False),
        (["mon, wed 9:00 - 24:00"], berlin(18, "23:59"), True),
        (["mon, wed 9:00 - 24:00"], berlin(19, "00:00"), False),
        (["MON 22:00-00:00"], berlin(16, "23:00"), True),
        (["daily 00:00-24:00"], berlin(22, "00:00"), True),
        (["sat,sun 00:00-24:00"], datetime(2026, 11, 20, 23, 0, tzinfo=UTC), True),  # Saturday in Berlin already
    ],
)
def test_a_line_is_open_when_the_clock_on_the_wall_says_so(texts: list[str], now: datetime, is_open: bool) -> None:
    assert Hours(texts, BERLIN).is_open(now) is is_open


@pytest.mark.parametrize(
    ("texts", "now", "change"),
    [
        (["mon-fri 08:00-18:00"], berlin(16, "09:00"), berlin(16, "18:00")),
        (["mon-fri 08:00-18:00"], berlin(20, "18:00"), berlin(23, "08:00")),
        (["sat 22:00-04:00"], berlin(21, "23:00"), berlin(22, "04:00")),
        (["sat 22:00-04:00"], berlin(22, "04:00"), berlin(28, "22:00")),
        (["mon 08:00-12:00", "mon 12:00-18:00"], berlin(16, "09:00"), berlin(16, "18:00")),  # no gap between
        (["mon 08:00-14:00", "mon 12:00-18:00"], berlin(16, "09:00"), berlin(16, "18:00")),
        (["fri 00:00-24:00", "sat,sun 00:00-24:00"], berlin(20, "12:00"), berlin(23, "00:00")),
        (["daily 00:00-24:00"], berlin(16, "09:00"), None),
        (["daily 06:00-06:01", "daily 06:01-06:00"], berlin(16, "09:00"), None),
    ],
)
def test_the_next_change_is_when_it_closes_or_opens(texts: list[str], now: datetime, change: datetime | None) -> None:
    assert Hours(texts, BERLIN).next_change(now) == change


@pytest.mark.parametrize(
    ("text", "now", "is_open", "change"),
    [
        # Sunday 2026-03-29: Berlin's clock goes from 02:00 to 03:00; on 2026-10-25 from 03:00 back to 02:00.
        ("sat 22:00-04:00", berlin(28, "23:00", month=3), True, datetime(2026, 3, 29, 2, 0, tzinfo=UTC)),
        ("sat 22:00-04:00", berlin(24, "23:00", month=10), True, datetime(2026, 10, 25, 3, 0, tzinfo=UTC)),
        ("daily 08:00-18:00", berlin(28, "19:00", month=3), False, datetime(2026, 3, 29, 6, 0, tzinfo=UTC)),
        ("daily 08:00-18:00", berlin(24, "19:00", month=10), False, datetime(2026, 10, 25, 7, 0, tzinfo=UTC)),
        ("daily 02:30-05:00", berlin(29, "01:00", month=3), False, datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("daily 02:30-05:00", berlin(25, "01:00", month=10), False, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("daily 00:00-02:30", berlin(29, "01:00", month=3), True, datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("daily 00:00-02:30", berlin(25, "01:00", month=10), True, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("daily 00:00-02:30", berlin(25, "02:15", month=10, fold=1), False, berlin(26, "00:00", month=10)),
        ("sun 02:10-02:50", berlin(28, "12:00", month=3), False, berlin(5, "02:10", month=4)),  # skipped altogether
    ],
)
def test_the_clock_is_put_forward_and_back(text: str, now: datetime, is_open: bool, change: datetime) -> None:
    hours = Hours([text], BERLIN)
    assert (hours.is_open(now), hours.next_change(now)) == (is_open, change)


def test_a_day_that_a_zone_left_out_is_passed_over() -> None:
    hours = Hours(["fri 08:00-12:00"], APIA)  # Samoa had no 30 December 2011, a Friday
    after = hours.next_change(datetime(2011, 12, 24, 0, 0, tzinfo=UTC))
    assert after == datetime(2012, 1, 6, 8, 0, tzinfo=APIA)


def test_an_answer_is_not_kept_longer_than_it_is_true() -> None:
    hours = Hours(["mon-fri 08:00-18:00", "sat 22:00-04:00"], NEW_YORK)
    start = datetime(2026, 10, 26, tzinfo=UTC)
    for quarter in range(14 * 24 * 4):
        now = start + timedelta(minutes=15 * quarter)
        fresh = Hours(["mon-fri 08:00-18:00", "sat 22:00-04:00"], NEW_YORK)
        assert hours.is_open(now) is fresh.is_open(now)
        assert hours.next_change(now) == fresh.next_change(now)
    assert hours.is_open(start) is Hours(["mon-fri 08:00-18:00"], NEW_YORK).is_open(start)  # and back in time


@given(
    begin=st.integers(0, 1439),
    end=st.integers(0, 1440),
    day=st.sampled_from(["mon", "thu", "sun", "daily", "tue-sat"]),
    zone=st.sampled_from([BERLIN, NEW_YORK, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Australia/Lord_Howe"), UTC]),
    now=st.integers(0, 15 * 366 * 24 * 60).map(lambda n: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=n)),
)
def test_a_change_changes_it_and_nothing_before_does(
    begin: int, end: int, day: str, zone: ZoneInfo, now: datetime
) -> None:
    text = f"{day} {begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    if begin == end:
        with pytest.raises(WrongHours):
            Hours([text], zone)
        return
    hours = Hours([text], zone)
    was, change = hours.is_open(now), hours.next_change(now)
    if change is None:
        assert all(hours.is_open(now + timedelta(hours=n)) is was for n in range(24 * 8))
        return
    assert change > now
    assert hours.is_open(change) is not was
    for n in range(10):
        assert hours.is_open(now + (change - now) * n / 10) is was


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read"),
        ("weekdays 8-18", "cannot be read"),
        ("08:00-18:00", "cannot be read"),
        ("mon-fri 08:00", "cannot be read"),
        ("mon 08:00-18:00 tue 08:00-18:00", "cannot be read"),
        ("mon-xyz 08:00-18:00", 'a day "xyz"'),
        ("monday 08:00-18:00", 'a day "monday"'),
        ("mon-wed-fri 08:00-18:00", "range of more than two days"),
        ("mon 25:00-26:00", "25:00, which no clock shows"),
        ("mon 08:60-18:00", "08:60, which no clock shows"),
        ("mon 08:00-24:30", "24:30, which no clock shows"),
        ("mon 24:00-08:00", "write 00:00 of the next day"),
        ("mon 08:00-08:00", 'write "daily 00:00-24:00"'),
    ],
)
def test_a_wrong_text_is_refused_by_name_with_the_form_that_is_needed(text: str, says: str) -> None:
    with pytest.raises(WrongHours) as refused:
        Hours(["mon-fri 08:00-18:00", text], BERLIN)
    assert f'"{text}"' in str(refused.value)
    assert says in str(refused.value)


def test_no_hours_at_all_are_refused() -> None:
    with pytest.raises(WrongHours, match="leave the setting out"):
        Hours([], BERLIN)


@given(st.text(max_size=40) | st.text("monfri,-: 01278", max_size=25))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(WrongHours):
        assert Hours([text], BERLIN).next_change(berlin(16, "09:00")) != berlin(16, "09:00")
