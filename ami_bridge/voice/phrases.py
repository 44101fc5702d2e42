"""What callers are told, as text: one short phrase per template, one folder of templates per language.

The words are the house's, the facts in them are the caller's case: what is disturbed, since when, by when there is
more to say. A phrase never claims more than the facts given with it, so every fact is required and none is guessed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, meta

from ami_bridge.voice import spoken
from ami_bridge.voice.catalogue import FACTS, Phrase
from ami_bridge.voice.errors import VoiceError
from ami_bridge.voice.tongues import TONGUES, tongue

__all__ = ["FACTS", "Phrase", "PhraseError", "Phrases", "Words"]

PACKAGED = Path(__file__).with_name("phrases")
DEFAULT_LANGUAGE = "en"
MAX_FACT = 200  # characters; a longer one is a mistake in a setting, not something to read to a caller
_ENDING = ".txt.j2"


class PhraseError(VoiceError):
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
    """The templates in `directory`: `<language>/<phrase>.txt.j2`, languages as lower-case tags (`en`, `pt-br`).

    Those in `own`, an installer's, are used in place of the others of the same name. They are read once, here: raise
    PhraseError for one that no phrase would use, that holds facts its phrase does not have, or that is no template.
    """

    def __init__(self, directory: Path = PACKAGED, *, own: Path | None = None) -> None:
        folders = [directory] if own is None else [own, directory]
        self.languages = frozenset(_languages(folders))
        self._environments = {
            language: _environment([folder / language for folder in folders], language) for language in self.languages
        }
        if own is not None:
            self._check(own)

    def language(self, wanted: str) -> str:
        """The language spoken to a caller whose channel says `wanted` (`de_AT`): the nearest there is, else English."""
        return next(have for have in _nearest(wanted) if have in self.languages or have == DEFAULT_LANGUAGE)

    def something(self, language: str) -> str:
        """What to call what is disturbed where its name is not known in `language`: "our service"."""
        return spoken.something(self.language(language))

    def say(self, phrase: Phrase, language: str = DEFAULT_LANGUAGE, **facts: str) -> Words:
        """Put `phrase` into words with `facts`; raise PhraseError if one is missing, unknown, empty or unspeakable.

        Facts that are times are words of `spoken.moment` in the same language. A phrase that is not translated yet is
        said in English, and says so in the result, so that it is read by an English voice.
        """
        needed = FACTS[phrase]
        if facts.keys() != needed:
            raise PhraseError(f"phrase {phrase.value!r} takes the facts {sorted(needed)}, not {sorted(facts)}")
        clean = {name: _speakable(phrase, name, value) for name, value in facts.items()}
        for have in _nearest(language):
            if have not in self._environments:
                continue
            try:
                text = self._environments[have].get_template(phrase.value + _ENDING).render(clean)
            except TemplateNotFound:
                continue
            except TemplateError as error:
                raise PhraseError(f"phrase {phrase.value!r} in language {have!r}: {error}") from error
            return Words(text=" ".join(text.split()), language=have, recorded_as=None if needed else phrase.value)
        raise PhraseError(f"phrase {phrase.value!r} has no template, not even in English")

    def _check(self, own: Path) -> None:
        known = {phrase.value + _ENDING: phrase for phrase in Phrase}
        for file in sorted(own.glob("*/*")):
            if file.name not in known:
                raise PhraseError(f"{file}: no phrase has this template; the names are in `keepline say --list`")
            environment = self._environments[file.parent.name]
            try:
                used = meta.find_undeclared_variables(environment.parse(file.read_text(encoding="utf-8")))
                environment.get_template(file.name)
            except (TemplateError, OSError, UnicodeDecodeError) as error:
                raise PhraseError(f"{file}: {error}") from error
            if unknown := used - FACTS[known[file.name]]:
                raise PhraseError(
                    f"{file}: {', '.join(sorted(unknown))} is no fact of this phrase; "
                    f"its facts are {', '.join(sorted(FACTS[known[file.name]])) or 'none'}"
                )


def _languages(folders: list[Path]) -> Iterator[str]:
    for folder in folders:
        try:
            names = [entry.name for entry in folder.iterdir() if entry.is_dir()]
        except OSError as error:
            raise PhraseError(f"phrases cannot be read from {folder}: {error.strerror}") from error
        for name in names:
            if name.partition("-")[0] not in TONGUES or name != name.lower():
                raise PhraseError(
                    f"{folder / name} is not a language that times can be said in: {', '.join(sorted(TONGUES))}, "
                    "or a variety of one, such as de-at"
                )
            yield name


def _environment(folders: list[Path], language: str) -> Environment:
    # Plain text for a speech engine: escaping for HTML would be read aloud.
    loader = FileSystemLoader(folders, encoding="utf-8")
    made = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701
    said = tongue(language)
    made.filters.update(at=said.at, by=said.by, until=said.until, about=said.about)
    return made


def _nearest(wanted: str) -> tuple[str, str, str]:
    tag = wanted.replace("_", "-").lower()
    return tag, tag.partition("-")[0], DEFAULT_LANGUAGE


def _speakable(phrase: Phrase, name: str, value: str) -> str:
    """`value` on one line, if it can be read aloud within a sentence."""
    text = " ".join(value.split())
    if not text or len(text) > MAX_FACT or any(unicodedata.category(c).startswith("C") for c in text):
        raise PhraseError(
            f"phrase {phrase.value!r}: {name!r} must be 1 to {MAX_FACT} characters without control codes, not {value!r}"
        )
    return text
