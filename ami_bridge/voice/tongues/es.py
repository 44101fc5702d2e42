"""Times and days in Spanish: twelve hours and the part of the day, which both sides of the Atlantic say alike.

Minutes are counted on (`y cincuenta`) rather than down, which Spain and America do differently.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

SOMETHING = "nuestro servicio"
DIGITS = ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve")
MARKS = {"+": "más", "-": "guion", "/": "barra", ".": "punto", "_": "guion bajo"}

# fmt: off
_NUMBERS = (
    *DIGITS, "diez", "once", "doce", "trece", "catorce", "quince", "dieciséis", "diecisiete", "dieciocho",
    "diecinueve", "veinte", "veintiuno", "veintidós", "veintitrés", "veinticuatro", "veinticinco", "veintiséis",
    "veintisiete", "veintiocho", "veintinueve",
)
_WEEKDAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
_MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
    "diciembre",
)
# fmt: on

_TENS = {30: "treinta", 40: "cuarenta", 50: "cincuenta"}
_MINUTES = {0: "", 1: " y un minuto", 15: " y cuarto", 30: " y media"}
# From this hour on, the part of the day is said so. What is after midnight belongs to the day that has begun.
_PARTS = ((20, "de la noche"), (13, "de la tarde"), (12, "del mediodía"), (6, "de la mañana"), (0, "de la madrugada"))


def clock(at: time) -> str:
    """The time of day with its article: `las dos y media de la tarde`, `la una de la madrugada`."""
    if (at.hour, at.minute) == (0, 0):
        return "las doce de la noche"
    part = next(words for since, words in _PARTS if at.hour >= since)
    minutes = _MINUTES.get(at.minute, f" y {_number(at.minute)}")
    return f"{_hour(at.hour % 12 or 12)}{minutes} {part}"


def on_weekday(at: datetime) -> str:
    """`las dos de la tarde del lunes`; midnight lies between two days, as people say it."""
    return f"{clock(at.time())} del {_from_day_before(at, _WEEKDAYS[at.weekday()], _WEEKDAYS[at.weekday() - 1])}"


def on_date(at: datetime) -> str:
    """`las dos de la tarde del nueve de marzo`."""
    before = at - timedelta(days=1)
    ended = _number(before.day) if before.month == at.month else f"{_number(before.day)} de {_MONTHS[before.month - 1]}"
    return f"{clock(at.time())} del {_from_day_before(at, f'{_number(at.day)} de {_MONTHS[at.month - 1]}', ended)}"


def at(words: str) -> str:
    return f"a {words}"


def by(words: str) -> str:
    return f"antes de {words}"


def until(words: str) -> str:
    return f"hasta {words}"


def about(words: str) -> str:
    return f"hacia {words}"


def _from_day_before(at: datetime, day: str, before: str) -> str:
    return f"{before} al {day}" if (at.hour, at.minute) == (0, 0) else day


def _hour(hour: int) -> str:
    return "la una" if hour == 1 else f"las {_NUMBERS[hour]}"


def _number(value: int) -> str:
    """The words for 0 to 59."""
    if value < 30:
        return _NUMBERS[value]
    tens, ones = _TENS[value - value % 10], value % 10
    return f"{tens} y {_NUMBERS[ones]}" if ones else tens
