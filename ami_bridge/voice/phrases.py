"""What callers are told, as text: one short phrase per template, one folder of templates per language.

The words are the house's, the facts in them are the caller's case: what is disturbed, since when, by when there is
more to say. A phrase never claims more than the facts given with it, so every fact is required and none is guessed.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

PACKAGED = Path(__file__).with_name("phrases")
DEFAULT_LANGUAGE = "en"
MAX_FACT = 200  # characters; a longer one is a mistake in a setting, not something to read to a caller


class Phrase(Enum):
    """A phrase's name, which is also its template's and that of an operator's recording of it."""

    INCIDENT_FIRST = "incident_first"  # before any detail is known
    INCIDENT = "incident"
    INCIDENT_AUDIO_FIRST = "incident_audio_first"  # calls are hard to understand
    INCIDENT_AUDIO = "incident_audio"
    INCIDENT_SURGE_FIRST = "incident_surge_first"  # far more callers than usual
    INCIDENT_SURGE = "incident_surge"
    INCIDENT_SUSPECTED_FIRST = "incident_suspected_first"  # signs of trouble, and no more than that
    INCIDENT_SUSPECTED = "incident_suspected"
    MAINTENANCE_FIRST = "maintenance_first"
    MAINTENANCE = "maintenance"
    LINE_UNANSWERED = "line_unanswered"
    OFFER = "offer"  # after waiting in vain
    OFFER_NO_NUMBER = "offer_no_number"  # the same, for a caller whose number is withheld
    NOTED_IN_TURN = "noted_in_turn"
    NOTED_RESTORED = "noted_restored"
    ALREADY_PROMISED = "already_promised"
    NOTED_OFFLINE = "noted_offline"  # played by the PBX alone, its key press kept for the companion's return
    NOT_NOTED = "not_noted"
    CALLBACK = "callback"
    CALLBACK_CONNECTING = "callback_connecting"
    CALLBACK_LATER = "callback_later"
    CALLBACK_DECLINED = "callback_declined"
    CALLBACK_UNMET = "callback_unmet"  # accepted, but no agent could be reached
    RESTORED = "restored"
    OPERATOR_PIN = "operator_pin"  # to operators who dialled a line's code, from here on
    OPERATOR_PIN_AGAIN = "operator_pin_again"
    OPERATOR_REFUSED = "operator_refused"
    OPERATOR_LOCKED = "operator_locked"
    OPERATOR_CLEAR = "operator_clear"
    OPERATOR_DECLARED_FIRST = "operator_declared_first"
    OPERATOR_DECLARED = "operator_declared"
    OPERATOR_FOUND_FIRST = "operator_found_first"  # seen, but declared by nobody
    OPERATOR_FOUND = "operator_found"
    OPERATOR_SHARED_FIRST = "operator_shared_first"  # one that is not this tenant's alone, so not theirs to end
    OPERATOR_SHARED = "operator_shared"
    OPERATOR_DONE = "operator_done"
    OPERATOR_ENDED = "operator_ended"
    OPERATOR_ENDED_OTHER = "operator_ended_other"
    OPERATOR_FAILED = "operator_failed"  # also played by the PBX alone


# The facts each phrase needs, in whatever language it is said; the others need none.
FACTS: dict[Phrase, frozenset[str]] = {
    Phrase.INCIDENT_FIRST: frozenset({"what"}),
    Phrase.INCIDENT: frozenset({"what", "since", "next_word"}),
    Phrase.INCIDENT_AUDIO_FIRST: frozenset({"what"}),
    Phrase.INCIDENT_AUDIO: frozenset({"what", "since", "next_word"}),
    Phrase.INCIDENT_SURGE: frozenset({"since"}),
    Phrase.INCIDENT_SUSPECTED_FIRST: frozenset({"what"}),
    Phrase.INCIDENT_SUSPECTED: frozenset({"what", "since", "next_word"}),
    Phrase.MAINTENANCE_FIRST: frozenset({"what"}),
    Phrase.MAINTENANCE: frozenset({"what", "until"}),
    Phrase.OPERATOR_DECLARED: frozenset({"since"}),
    Phrase.OPERATOR_FOUND: frozenset({"since"}),
    Phrase.OPERATOR_SHARED: frozenset({"since"}),
    Phrase.CALLBACK: frozenset({"tenant"}),
    Phrase.RESTORED: frozenset({"tenant", "what", "fixed"}),
}


class PhraseError(Exception):
    """A phrase could not be put into words; the message names the phrase, the language and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A phrase put into words: its text and the language that text is in.

    `recorded_as` is the name under which an operator's recording may replace it; None where the text holds facts,
    which a recording made beforehand cannot know (such a text can still be recorded under the hash of its words).
    """

    text: str
    language: str
    recorded_as: str | None = None


class Phrases:
    """The templates in `directory`: `<language>/<phrase>.txt.j2`, languages as lower-case tags (`en`, `pt-br`)."""

    def __init__(self, directory: Path = PACKAGED) -> None:
        # Plain text for a speech engine: escaping for HTML would be read aloud.
        loader = FileSystemLoader(directory, encoding="utf-8")
        self._environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701
        self._directory = directory
        self.languages = frozenset(folder.name for folder in directory.iterdir() if folder.is_dir())

    def language(self, wanted: str) -> str:
        """The language spoken to a caller whose channel says `wanted` (`de_AT`): the nearest there is, else English."""
        tag = wanted.replace("_", "-").lower()
        return next((have for have in (tag, tag.partition("-")[0]) if have in self.languages), DEFAULT_LANGUAGE)

    def say(self, phrase: Phrase, language: str = DEFAULT_LANGUAGE, **facts: str) -> Words:
        """Put `phrase` into words with `facts`; raise PhraseError if one is missing, unknown, empty or unspeakable.

        A phrase that is not translated yet is said in English, and says so in the result, so that it is read by an
        English voice.
        """
        needed = FACTS.get(phrase, frozenset())
        if facts.keys() != needed:
            raise PhraseError(f"phrase {phrase.value!r} takes the facts {sorted(needed)}, not {sorted(facts)}")
        spoken = self.language(language)
        if not (self._directory / spoken / f"{phrase.value}.txt.j2").is_file():
            spoken = DEFAULT_LANGUAGE
        clean = {name: _speakable(phrase, name, value) for name, value in facts.items()}
        try:
            text = self._environment.get_template(f"{spoken}/{phrase.value}.txt.j2").render(clean)
        except TemplateError as error:
            raise PhraseError(f"phrase {phrase.value!r} in language {spoken!r}: {error}") from error
        return Words(text=" ".join(text.split()), language=spoken, recorded_as=None if needed else phrase.value)


def _speakable(phrase: Phrase, name: str, value: str) -> str:
    """`value` on one line, if it can be read aloud within a sentence."""
    text = " ".join(value.split())
    if not text or len(text) > MAX_FACT or any(unicodedata.category(c).startswith("C") for c in text):
        raise PhraseError(
            f"phrase {phrase.value!r}: {name!r} must be 1 to {MAX_FACT} characters without control codes, not {value!r}"
        )
    return text
