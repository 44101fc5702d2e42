"""When a line is open, and when people may be called: the hours of a week, in a zone or in several.

Written as people write them: `mon-fri 08:00-18:00`, `sat 22:00-04:00` (into Sunday), `daily 00:00-24:00`. Times are
what the clock on the wall shows, so an opening keeps its hour when the clock is put forward or back. An hour the clock
skips counts as the moment of the jump, and of an hour it shows twice the first counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TEXT = re.compile(r"([a-z]+(?:\s*[-,]\s*[a-z]+)*)\s+(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)", re.ASCII)
_DAY = 24 * 60  # minutes
_FORM = 'write days and times such as "mon-fri 08:00-18:00", "sat,sun 22:00-04:00" or "daily 00:00-24:00"'
# Two weeks ahead show any change there is, even where a zone once left out a whole day.
_BEHIND, _AHEAD = 3, 15
_FAR = 60  # days: longer than any row of holidays keeps a weekly opening shut


class WrongHours(ValueError):
    """Opening hours that cannot be read. The message quotes them and shows the form that is needed."""


@dataclass(frozen=True, slots=True)
class _Span:
    """An opening on some days of the week (0 is Monday), in minutes from local midnight; `end` may be on the next."""

    days: frozenset[int]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class _Known:
    """What holds from `since` to `until`, so that the next question about this time is answered at once."""

    since: datetime
    until: datetime
    is_open: bool
    change: datetime | None

    def holds(self, now: datetime) -> bool:
        return self.since <= now < self.until


class Hours:
    """The opening hours of one line. Asking costs next to nothing until they change."""

    def __init__(self, texts: Iterable[str], zone: tzinfo, closed: Callable[[date], bool] | None = None) -> None:
        """Read `texts`, any one of which opens the line; raise WrongHours for what cannot be read.

        On days that are `closed` by the zone's calendar nothing is open from midnight to midnight.
        """
        self._spans = tuple(_read(text) for text in texts)
        if not self._spans:
            raise WrongHours(f"no opening hours are given: {_FORM}, or leave the setting out")
        self._zone = zone
        self._closed = closed
        self._known: _Known | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether the line is open at `now` (aware); it opens with the first moment and closes with the last."""
        return self._at(now).is_open

    def next_change(self, now: datetime) -> datetime | None:
        """When it closes or opens next after `now`, in UTC; None when it never does."""
        return self._at(now).change

    def _at(self, now: datetime) -> _Known:
        known = self._known
        if known is None or not known.holds(now):
            known = self._known = self._find(now.astimezone(UTC))
        return known

    def _find(self, now: datetime) -> _Known:
        today = now.astimezone(self._zone).date()
        horizon = now + timedelta(days=7)
        for ahead in (_AHEAD, _FAR):
            for begin, end in _merged(self._openings(today, ahead)):
                if now < begin:
                    return _Known(now, begin, is_open=False, change=begin)
                if now < end:
                    for_ever = end > horizon
                    return _Known(now, horizon if for_ever else end, is_open=True, change=None if for_ever else end)
        return _Known(now, horizon, is_open=False, change=None)

    def _openings(self, today: date, ahead: int) -> Iterator[tuple[datetime, datetime]]:
        for offset in range(-_BEHIND, ahead):
            day = today + timedelta(days=offset)
            for span in self._spans:
                if day.weekday() in span.days:
                    yield from self._parts(day, span)

    def _parts(self, day: date, span: _Span) -> Iterator[tuple[datetime, datetime]]:
        """The opening that begins on `day`; where days can be closed, what is left of it, day by day."""
        begin, end = self._moment(day, span.begin), self._moment(day, span.end)
        parts = [(begin, end)]
        if self._closed is not None:
            days = [offset for offset in (0, 1) if not self._closed(day + timedelta(days=offset))]
            parts = [
                (max(begin, self._moment(day, offset * _DAY)), min(end, self._moment(day, (offset + 1) * _DAY)))
                for offset in days
            ]
        yield from ((since, until) for since, until in parts if since < until)  # the clock may skip all of it

    def _moment(self, day: date, minutes: int) -> datetime:
        """When the clock of the zone first shows that time of that day, or jumps over it; in UTC."""
        days, minutes = divmod(minutes, _DAY)
        shown = datetime.combine(day + timedelta(days=days), time(minutes // 60, minutes % 60))
        moment = shown.replace(tzinfo=self._zone).astimezone(UTC)
        if moment.astimezone(self._zone).replace(tzinfo=None) == shown:
            return moment
        return self._jump(shown.replace(tzinfo=self._zone, fold=1).astimezone(UTC), moment)

    def _jump(self, before: datetime, after: datetime) -> datetime:
        """The whole second between the two at which the zone's clock is put forward."""
        offset = before.astimezone(self._zone).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) / 2
            if middle.astimezone(self._zone).utcoffset() == offset:
                before = middle
            else:
                after = middle
        return after.replace(microsecond=0)


class CallingHours:
    """When people may be called who may be in any one of several zones: when it is open in all of them."""

    def __init__(
        self, texts: Iterable[str], zones: Iterable[tzinfo], closed: Callable[[date], bool] = lambda _day: False
    ) -> None:
        """`texts`, and the days that are `closed`, as for Hours; raise WrongHours for what cannot be read."""
        texts = tuple(texts)
        self._everywhere = tuple(Hours(texts, zone, closed) for zone in zones)

    def is_open(self, now: datetime) -> bool:
        """Whether people may be called at `now` (aware)."""
        return all(hours.is_open(now) for hours in self._everywhere)

    def next_open(self, now: datetime) -> datetime | None:
        """The first moment from `now` on at which they may, in UTC; None if there is none in the next two months."""
        at, last = now.astimezone(UTC), now + timedelta(days=_FAR)
        while at < last:
            shut = next((hours for hours in self._everywhere if not hours.is_open(at)), None)
            if shut is None:
                return at
            opens = shut.next_change(at)
            if opens is None:
                return None
            at = opens
        return None


def _merged(openings: Iterable[tuple[datetime, datetime]]) -> Iterator[tuple[datetime, datetime]]:
    """The same hours in order, as openings that neither touch nor overlap."""
    current: tuple[datetime, datetime] | None = None
    for begin, end in sorted(openings):
        if current is not None and begin <= current[1]:
            current = current[0], max(current[1], end)
            continue
        if current is not None:
            yield current
        current = begin, end
    if current is not None:
        yield current


def _read(text: str) -> _Span:
    match = _TEXT.fullmatch(text.strip().lower())
    if match is None:
        raise WrongHours(f'opening hours "{text}" cannot be read: {_FORM}')
    days, *clock = match.groups()
    begin, end = _minutes(text, clock[0], clock[1]), _minutes(text, clock[2], clock[3])
    if begin == _DAY:
        raise WrongHours(f'opening hours "{text}" begin at 24:00: write 00:00 of the next day')
    if begin == end:
        raise WrongHours(f'opening hours "{text}" end when they begin: for round the clock write "daily 00:00-24:00"')
    return _Span(_days(text, days), begin, end if end > begin else end + _DAY)


def _minutes(text: str, hour: str, minute: str) -> int:
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > _DAY:
        raise WrongHours(f'opening hours "{text}" name {hour}:{minute}, which no clock shows: {_FORM}')
    return minutes


def _days(text: str, days: str) -> frozenset[int]:
    if days == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for part in re.split(r"\s*,\s*", days):
        first, *last = (_day(text, name) for name in re.split(r"\s*-\s*", part))
        if len(last) > 1:
            raise WrongHours(f'opening hours "{text}" have a range of more than two days: {_FORM}')
        found.update((first + n) % 7 for n in range((last[0] - first) % 7 + 1 if last else 1))
    return frozenset(found)


def _day(text: str, name: str) -> int:
    if name not in _DAYS:
        raise WrongHours(f'opening hours "{text}" name a day "{name}"; days are {", ".join(_DAYS)}, or daily for all')
    return _DAYS.index(name)
