"""When people may be called, against a clock that is looked at every minute: its hands never go back.

The oracle walks through the minutes and knows each zone's clock only by looking at it. Where a clock is put back, what
it showed already does not count again; where it is put forward, what it leaves out begins with the jump.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.domain.hours import CallingHours

MINUTE = timedelta(minutes=1)
BEFORE, AHEAD = timedelta(days=3), timedelta(days=8)
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZONES = (
    "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia",
    "America/Havana", "America/Santiago", "Atlantic/Azores", "Pacific/Honolulu", "Africa/Casablanca",
)  # fmt: skip
# Near the days on which some of those clocks are changed, a leap day, New Year, and any day.
DATES = (
    (2026, 3, 28), (2026, 10, 24), (2026, 3, 7), (2026, 10, 31), (2026, 4, 4), (2026, 9, 5), (2028, 2, 28),
    (2027, 12, 31), (2026, 10, 3), (2026, 7, 1),
)  # fmt: skip
Span = tuple[frozenset[int], int, int]


class Watched:
    """The hours as somebody knows them who looks at a zone's clock every minute."""

    def __init__(self, spans: list[Span], zone: tzinfo, closed: frozenset[date], since: datetime) -> None:
        self._open: dict[datetime, bool] = {}
        at = since - BEFORE
        shown = at.astimezone(zone).replace(tzinfo=None)
        while at < since + AHEAD:
            shown = max(shown, at.astimezone(zone).replace(tzinfo=None))
            self._open[at] = shown.date() not in closed and any(self._within(shown, span) for span in spans)
            at += MINUTE

    @staticmethod
    def _within(shown: datetime, span: Span) -> bool:
        days, begin, end = span
        for back in (0, 1):
            day = shown.date() - timedelta(days=back)
            minutes = shown.hour * 60 + shown.minute + back * 24 * 60
            if day.weekday() in days and begin <= minutes < end:
                return True
        return False

    def at(self, moment: datetime) -> bool:
        return self._open[moment]


def written(span: Span) -> str:
    days, begin, end = span
    end = end - 24 * 60 if end > 24 * 60 else end
    return (
        f"{','.join(WEEK[day] for day in sorted(days))} {begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    )


@st.composite
def spans(draw: st.DrawFn) -> Span:
    days = draw(st.frozensets(st.integers(0, 6), min_size=1))
    begin = draw(st.sampled_from([0, 60, 90, 120, 150, 180, 540, 600, 1320, 1380, 1439]))
    length = draw(st.sampled_from([1, 30, 60, 120, 360, 480, 660, 1440]))
    return days, begin, begin + min(length, 24 * 60 - 1 if begin else 24 * 60)


@settings(max_examples=8, deadline=None)
@given(
    openings=st.lists(spans(), min_size=1, max_size=2),
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=2, unique=True),
    on=st.sampled_from(DATES),
    minutes=st.lists(st.integers(0, 3 * 24 * 60), min_size=5, max_size=20),
    feasts=st.frozensets(st.integers(-1, 6), max_size=3),
)
def test_every_minute_is_as_the_clocks_show_it(
    openings: list[Span], zones: list[str], on: tuple[int, int, int], minutes: list[int], feasts: frozenset[int]
) -> None:
    start = datetime(*on, tzinfo=UTC)
    closed = frozenset(start.date() + timedelta(days=offset) for offset in feasts)
    clocks = [Watched(openings, ZoneInfo(zone), closed, start) for zone in zones]
    hours = CallingHours(map(written, openings), map(ZoneInfo, zones), closed.__contains__)
    for minute in minutes:
        now = start + minute * MINUTE
        assert hours.is_open(now) is all(clock.at(now) for clock in clocks)
        end, at = start + AHEAD, now
        while at < end and not all(clock.at(at) for clock in clocks):
            at += MINUTE
        opens = hours.next_open(now)
        if at < end:
            assert opens == at
        else:
            assert opens is None or opens >= end


def test_whoever_may_be_anywhere_is_called_when_it_is_day_everywhere() -> None:
    hours = CallingHours(["mon-sat 09:00-20:00"], [ZoneInfo("America/New_York"), ZoneInfo("Pacific/Honolulu")])
    dawn = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # 07:00 in New York
    assert hours.next_open(dawn) == datetime(2026, 11, 24, 19, 0, tzinfo=UTC)  # 09:00 in Honolulu
    assert hours.is_open(datetime(2026, 11, 25, 0, 59, tzinfo=UTC))
    assert not hours.is_open(datetime(2026, 11, 25, 1, 0, tzinfo=UTC))  # 20:00 in New York


def test_where_there_is_no_such_hour_nobody_is_called() -> None:
    hours = CallingHours(["daily 09:00-12:00"], [ZoneInfo("Europe/Berlin"), ZoneInfo("America/Los_Angeles")])
    assert hours.next_open(datetime(2026, 11, 24, tzinfo=UTC)) is None


def test_a_row_of_holidays_is_waited_out() -> None:
    shut = frozenset(date(2026, 12, 1) + timedelta(days=offset) for offset in range(31))
    hours = CallingHours(["tue 09:00-10:00"], [UTC], shut.__contains__)
    assert hours.next_open(datetime(2026, 12, 1, tzinfo=UTC)) == datetime(2027, 1, 5, 9, 0, tzinfo=UTC)


def test_the_night_before_a_holiday_ends_at_midnight() -> None:
    hours = CallingHours(["thu 22:00-04:00"], [UTC], {date(2026, 12, 25)}.__contains__)  # Christmas is a Friday
    assert hours.is_open(datetime(2026, 12, 24, 23, 59, tzinfo=UTC))
    assert not hours.is_open(datetime(2026, 12, 25, 0, 0, tzinfo=UTC))
    assert hours.next_open(datetime(2026, 12, 25, 0, 0, tzinfo=UTC)) == datetime(2026, 12, 31, 22, 0, tzinfo=UTC)
