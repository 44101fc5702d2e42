"""Times and days in German: twenty-four hours, as they are said on the telephone, and the day before the time.

A day goes in front (`am Montag um neun Uhr`), and how it does depends on the preposition; so words for a time keep the
two apart (`Montag, neun Uhr`), and the prepositions put them together.
"""

from __future__ import annotations

from datetime import datetime, time

SOMETHING = "unser Dienst"
DIGITS = ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
MARKS = {"+": "plus", "-": "Strich", "/": "Schrägstrich", ".": "Punkt", "_": "Unterstrich"}

_NUMBERS = (
    *DIGITS,
    *("zehn", "elf", "zwölf", "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn"),
)
_TENS = {20: "zwanzig", 30: "dreißig", 40: "vierzig", 50: "fünfzig"}
_WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
# fmt: off
_MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
    "Dezember",
)
# fmt: on
_ORDINALS = {1: "ersten", 3: "dritten", 7: "siebten", 8: "achten"}


def clock(at: time) -> str:
    """The time of day: `vierzehn Uhr dreißig`, `ein Uhr fünf`, `null Uhr`."""
    hour = "ein" if at.hour == 1 else _number(at.hour)
    return f"{hour} Uhr {_number(at.minute)}" if at.minute else f"{hour} Uhr"


def on_weekday(at: datetime) -> str:
    """`Montag, neun Uhr`."""
    return f"{_WEEKDAYS[at.weekday()]}, {clock(at.time())}"


def on_date(at: datetime) -> str:
    """`neunten März, neun Uhr`: declined as `am` and `zum` want it."""
    return f"{_ordinal(at.day)} {_MONTHS[at.month - 1]}, {clock(at.time())}"


def at(words: str) -> str:
    day, hour = _apart(words)
    return f"am {day} um {hour}" if day else f"um {hour}"


def by(words: str) -> str:
    return until(words)


def until(words: str) -> str:
    day, hour = _apart(words)
    if not day:
        return f"bis {hour}"
    return f"bis {day} um {hour}" if day in _WEEKDAYS else f"bis zum {day} um {hour}"


def about(words: str) -> str:
    day, hour = _apart(words)
    return f"am {day} gegen {hour}" if day else f"gegen {hour}"


def _apart(words: str) -> tuple[str, str]:
    """The day and the time in `words`; no day where there is none, or none that these words would fit."""
    day, comma, hour = words.partition(", ")
    return (day, hour) if comma and (day in _WEEKDAYS or day.endswith(_MONTHS)) else ("", words)


def _number(value: int) -> str:
    """The words for 0 to 59."""
    if value < 20:
        return _NUMBERS[value]
    tens, ones = _TENS[value - value % 10], value % 10
    return f"{'ein' if ones == 1 else _NUMBERS[ones]}und{tens}" if ones else tens


def _ordinal(day: int) -> str:
    return _ORDINALS.get(day) or f"{_number(day)}{'ten' if day < 20 else 'sten'}"
