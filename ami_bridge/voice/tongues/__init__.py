"""How times, dates and signs are said in each language we speak: one module per language, all of one shape.

A caller hears a time once and cannot look at it again, so each of a day's 1,440 minutes has words of its own in every
language, and a named day's midnight is said so that it cannot be taken for the one a day later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from types import MappingProxyType
from typing import Protocol

from ami_bridge.voice.tongues import de, en, es, fr


class Tongue(Protocol):
    """What a language's module has. Words for a time go together with `at`, `by`, `until` and `about` of the same
    module, which is where a language puts its prepositions and, if that comes first, the day."""

    @property
    def SOMETHING(self) -> str:  # noqa: N802 - a module's constant
        """What is disturbed, where its name is not known in this language."""

    @property
    def DIGITS(self) -> Sequence[str]:  # noqa: N802
        """The names of 0 to 9."""

    @property
    def MARKS(self) -> Mapping[str, str]:  # noqa: N802
        """The names of signs that are said within a reference."""

    def clock(self, at: time) -> str:
        """The time of day, seconds dropped."""

    def on_weekday(self, at: datetime) -> str:
        """The time of day and the weekday."""

    def on_date(self, at: datetime) -> str:
        """The time of day and the date, without the year."""

    def at(self, words: str) -> str:
        """At the time that the other functions have put into `words`."""

    def by(self, words: str) -> str:
        """No later than that."""

    def until(self, words: str) -> str:
        """Up to that time."""

    def about(self, words: str) -> str:
        """At about that time."""


TONGUES: Mapping[str, Tongue] = MappingProxyType({"en": en, "es": es, "de": de, "fr": fr})


def tongue(language: str) -> Tongue:
    """The tongue for a language tag such as `de-at`; English for one that we do not speak, as its phrases are."""
    return TONGUES.get(language.replace("_", "-").lower().partition("-")[0], en)
