"""Times and days in English: the part of the day is always said, and 12:00 and 0:00 are noon and midnight."""

from __future__ import annotations

from datetime import datetime, time, timedelta

SOMETHING = "our service"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MARKS = {"+": "plus", "-": "dash", "/": "slash", ".": "dot", "_": "underscore"}

# fmt: off
_ONES = (
    *DIGITS, "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)
_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
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


def on_weekday(at: datetime) -> str:
    """`noon on Monday`. A day's midnight could be the one at its end, so it lies between two days."""
    if _is_midnight(at):
        return f"midnight between {_WEEKDAYS[_before(at).weekday()]} and {_WEEKDAYS[at.weekday()]}"
    return f"{clock(at.time())} on {_WEEKDAYS[at.weekday()]}"


def on_date(at: datetime) -> str:
    """`noon on the ninth of March`."""
    month, before = _MONTHS[at.month - 1], _before(at)
    if not _is_midnight(at):
        return f"{clock(at.time())} on the {_ordinal(at.day)} of {month}"
    ended = "" if before.month == at.month else f" of {_MONTHS[before.month - 1]}"
    return f"midnight between the {_ordinal(before.day)}{ended} and the {_ordinal(at.day)} of {month}"


def at(words: str) -> str:
    return f"at {words}"


def by(words: str) -> str:
    return f"by {words}"


def until(words: str) -> str:
    return f"until {words}"


def about(words: str) -> str:
    return f"at about {words}"


def _is_midnight(at: datetime) -> bool:
    return (at.hour, at.minute) == (0, 0)


def _before(at: datetime) -> datetime:
    return at - timedelta(days=1)


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
