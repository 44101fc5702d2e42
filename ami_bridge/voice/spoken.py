"""Times and days as people say them on the telephone, in English.

A caller hears a time once and cannot look at it again, so each of a day's 1,440 minutes has words of its own: the part
of the day is always said, and 12:00 and 0:00 are noon and midnight. Days are named by weekday or date, never "today"
or "yesterday": a recording made before midnight is still true when it is played after it.
"""

from __future__ import annotations

from datetime import datetime, time

# fmt: off
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
)
_WEEKDAYS = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)
# fmt: on

# From this hour on, the part of the day is said so; a time "to" an hour takes that hour's part.
_PARTS = ((22, "at night"), (18, "in the evening"), (12, "in the afternoon"), (0, "in the morning"))


def clock(at: time) -> str:
    """The time of day in words, seconds dropped: `half past two in the afternoon`, `ten to nine in the morning`."""
    if at.minute == 0:
        return _hour(at.hour, " o'clock")
    if at.minute <= 30:
        # Noon is a moment; half an hour later it is half past twelve, while half past midnight is what people say.
        hour = "twelve in the afternoon" if at.hour == 12 else _hour(at.hour)
        return f"{_minutes(at.minute)} past {hour}"
    return f"{_minutes(60 - at.minute)} to {_hour((at.hour + 1) % 24)}"


def moment(at: datetime, now: datetime) -> str:
    """The time of `at` in words, with its day unless that is the day of `now`; both aware.

    The clock is the one of `now`'s time zone, so pass `now` as it is where the callers are. A day within a week either
    way is a weekday, one further off a date.
    """
    if at.tzinfo is None or now.tzinfo is None:
        raise ValueError("a moment needs a time zone to be said in")
    local = at.astimezone(now.tzinfo)
    words, days = clock(local.time()), (local.date() - now.date()).days
    if days == 0:
        return words
    if abs(days) < 7:
        return f"{words} on {_WEEKDAYS[local.weekday()]}"
    return f"{words} on the {_ordinal(local.day)} of {_MONTHS[local.month - 1]}"


def _minutes(minutes: int) -> str:
    if minutes in {15, 30}:
        return "a quarter" if minutes == 15 else "half"
    unit = "" if minutes % 5 == 0 else " minute" if minutes == 1 else " minutes"
    return f"{_number(minutes)}{unit}"


def _hour(hour: int, oclock: str = "") -> str:
    if hour in {0, 12}:
        return "midnight" if hour == 0 else "noon"
    part = next(words for since, words in _PARTS if hour >= since)
    return f"{_ONES[hour % 12]}{oclock} {part}"


def _number(value: int) -> str:
    """The words for 0 to 29, which is all a clock needs on either side of an hour."""
    if value < 20:
        return _ONES[value]
    return f"twenty-{_ONES[value - 20]}" if value > 20 else "twenty"


def _ordinal(day: int) -> str:
    if day < 20:
        return _ORDINALS[day - 1]
    tens, ones = ("twenty", "twentieth") if day < 30 else ("thirty", "thirtieth"), day % 10
    return f"{tens[0]}-{_ORDINALS[ones - 1]}" if ones else tens[1]
