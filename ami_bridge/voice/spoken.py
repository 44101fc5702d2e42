"""Times, days and references as people say them on the telephone, in each language we speak.

Days are named by weekday or date, never "today" or "yesterday": a recording made before midnight is still true when it
is played after it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime, time
from itertools import groupby

from ami_bridge.voice.tongues import Tongue, tongue

_TOGETHER = 3  # digits said in one breath


def clock(at: time, language: str = "en") -> str:
    """The time of day in words, seconds dropped."""
    return tongue(language).clock(at)


def moment(at: datetime, now: datetime, language: str = "en") -> str:
    """The time of `at` in words of `language`, with its day unless that is the day of `now`; both aware.

    The clock is the one of `now`'s time zone, so pass `now` as it is where the callers are. A day within a week either
    way is a weekday, one further off a date. What this returns is meant for a template's `at`, `by`, `until` or
    `about`, which join it to a sentence as the language wants it.
    """
    if at.tzinfo is None or now.tzinfo is None:
        raise ValueError("a moment needs a time zone to be said in")
    said, local = tongue(language), at.astimezone(now.tzinfo)
    days = (local.date() - now.date()).days
    if days == 0:
        return said.clock(local.time())
    return said.on_weekday(local) if abs(days) < 7 else said.on_date(local)


def spelled(text: str, language: str = "en") -> str:
    """A reference such as a ticket's, sign by sign: `AC-1234` is `A, C, dash, one two three, four`.

    Letters lose their accents, and what is neither letter, digit nor a sign people name (a space, other scripts) is
    left out; of a text that has none of them nothing is left.
    """
    said = tongue(language)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    signs = (sign for sign in plain if sign.isalnum() or sign in said.MARKS)
    parts: list[str] = []
    for digits, run in ((digits, list(group)) for digits, group in groupby(signs, str.isdigit)):
        parts += _in_breaths(said, run) if digits else [said.MARKS.get(sign, sign.upper()) for sign in run]
    return ", ".join(parts)


def something(language: str = "en") -> str:
    """What to call what is disturbed where its name is not known in `language`."""
    return tongue(language).SOMETHING


def _in_breaths(said: Tongue, digits: Sequence[str]) -> list[str]:
    groups = (digits[start : start + _TOGETHER] for start in range(0, len(digits), _TOGETHER))
    return [" ".join(said.DIGITS[int(digit)] for digit in group) for group in groups]
