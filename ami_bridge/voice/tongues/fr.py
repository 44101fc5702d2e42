"""Times and days in French: twenty-four hours, with `midi` and `minuit`, and the day before the time.

As in German, words for a time keep the day apart (`lundi, neuf heures`) for the prepositions to put together. There is
none for "since" and "within": `depuis deux heures` and `d'ici deux heures` mean two hours long as well as two o'clock.
"""

from __future__ import annotations

from datetime import datetime, time

SOMETHING = "notre service"
DIGITS = ("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf")
MARKS = {"+": "plus", "-": "tiret", "/": "barre", ".": "point", "_": "tiret bas"}

# fmt: off
_NUMBERS = (
    *DIGITS, "dix", "onze", "douze", "treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf",
)
_WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)
# fmt: on
_TENS = {20: "vingt", 30: "trente", 40: "quarante", 50: "cinquante"}
_NAMED = {0: "minuit", 12: "midi"}


def clock(at: time) -> str:
    """The time of day: `quatorze heures trente`, `une heure cinq`, `midi`."""
    return _NAMED[at.hour] if at.hour in _NAMED and at.minute == 0 else _hours(at)


def on_weekday(at: datetime) -> str:
    """`lundi, neuf heures`; midnight is `zéro heure`, which can only be the beginning of its day."""
    return f"{_WEEKDAYS[at.weekday()]}, {_within_day(at.time())}"


def on_date(at: datetime) -> str:
    """`le neuf mars, neuf heures`."""
    day = "premier" if at.day == 1 else _number(at.day, "un")
    return f"le {day} {_MONTHS[at.month - 1]}, {_within_day(at.time())}"


def at(words: str) -> str:
    day, hour = _apart(words)
    return f"{day} à {hour}" if day else f"à {hour}"


def by(words: str) -> str:
    day, hour = _apart(words)
    return f"avant {day} à {hour}" if day else f"avant {hour}"


def until(words: str) -> str:
    day, hour = _apart(words)
    if not day:
        return f"jusqu'à {hour}"
    return f"jusqu'à {day} à {hour}" if day in _WEEKDAYS else f"jusqu'au {day.removeprefix('le ')} à {hour}"


def about(words: str) -> str:
    day, hour = _apart(words)
    return f"{day} vers {hour}" if day else f"vers {hour}"


def _apart(words: str) -> tuple[str, str]:
    """The day and the time in `words`; no day where there is none, or none that these words would fit."""
    day, comma, hour = words.partition(", ")
    fits = day in _WEEKDAYS or (day.startswith("le ") and day.endswith(_MONTHS))
    return (day, hour) if comma and fits else ("", words)


def _within_day(at: time) -> str:
    return _hours(at) if at.hour == 0 else clock(at)


def _hours(at: time) -> str:
    hours = f"{_number(at.hour, 'une')} heure{'s' if at.hour > 1 else ''}"
    return f"{hours} {_number(at.minute, 'une')}" if at.minute else hours


def _number(value: int, one: str) -> str:
    """The words for 0 to 59; `one` is what agrees with what is counted: hours and minutes are feminine."""
    if value < 20:
        return one if value == 1 else _NUMBERS[value]
    tens, ones = _TENS[value - value % 10], value % 10
    if not ones:
        return tens
    return f"{tens} et {one}" if ones == 1 else f"{tens}-{_NUMBERS[ones]}"
