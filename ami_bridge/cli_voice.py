"""`keepline say`: what callers would hear, as text and as audio, without a companion running."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import App as Commands
from cyclopts import Parameter

from ami_bridge.cli_ends import Config, give_up
from ami_bridge.loading import load
from ami_bridge.pipes import FileThere, Output
from ami_bridge.settings import SettingsError, Voice
from ami_bridge.voice.catalogue import FACTS, TIMES, Phrase
from ami_bridge.voice.errors import VoiceError
from ami_bridge.voice.library import AudioLibrary, Recording
from ami_bridge.voice.phrases import PhraseError, Phrases, Words
from ami_bridge.voice.speech import Speech
from ami_bridge.voice.spoken import moment, spelled

DEFAULT_CONFIG = Path("keepline.toml")

voice = Commands()


def register(commands: Commands) -> None:
    """Make this a command of `keepline`."""
    commands.update(voice)


@voice.command
def say(
    phrase: str | None = None,
    /,
    *,
    language: str = "en",
    fact: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    text: str | None = None,
    out: Path | None = None,
    wide: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
    show: Annotated[bool, Parameter(name="--list", negative="")] = False,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Tell what callers hear of a phrase or a text, and write it to a file to listen to.

    Parameters
    ----------
    phrase
        Its name; `keepline say --list` tells them all.
    language
        The language it is said in, such as de.
    fact
        What the phrase needs, as NAME=VALUE, once for each. A time may be 2026-11-22T09:00, 09:00, or words.
    text
        Words of your own instead of a phrase.
    out
        The file to write: WAV, at 8 kHz as a telephone call has it.
    wide
        Write it at 16 kHz, as callers with a wideband codec hear it.
    force
        Write over a file that is there already.
    show
        List the phrases, their facts, and their words.
    """
    with _plainly():
        settings = _settings(config)
        phrases = Phrases(own=settings.phrases)
        spoken = _language(phrases, language)
        if show:
            print("\n".join(_catalogue(phrases, spoken)))  # noqa: T201 - the command's answer
            return
        words = _words(phrases, phrase, text, spoken, _pairs(fact))
        print(words.text)  # noqa: T201 - the command's answer
        if out is not None:
            recording = _written(settings, words, Output(out, over=force), wide=wide)
            print(f"{out}: {recording.seconds:.1f} s")  # noqa: T201 - the command's answer


def facts_of(phrase: Phrase, given: Mapping[str, str], language: str, now: datetime) -> dict[str, str]:
    """`given` facts as `phrase` wants them: times in words as seen from `now`, references sign by sign.

    Raise PhraseError naming what is missing or not wanted.
    """
    needed = FACTS[phrase]
    wrong = [f"{name} is missing" for name in sorted(needed - given.keys())]
    wrong += [f"{name} is no fact of it" for name in sorted(given.keys() - needed)]
    if wrong:
        takes = ", ".join(f"--fact {name}=..." for name in sorted(needed)) or "no facts"
        raise PhraseError(f"phrase {phrase.value}: {'; '.join(wrong)}. It takes {takes}")
    return {name: _said(name, value, language, now) for name, value in given.items()}


def _said(name: str, value: str, language: str, now: datetime) -> str:
    if name in ("reference", "number"):
        return spelled(value, language)
    if name not in TIMES:
        return value
    at = _time(value, now)
    return value if at is None else moment(at, now, language)


def _time(value: str, now: datetime) -> datetime | None:
    """A time or a time of today, where none is named on the clock of `now`; None for what is none: words."""
    try:
        at = (
            datetime.combine(now.date(), time.fromisoformat(value))
            if _is_time(value)
            else datetime.fromisoformat(value)
        )
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=now.tzinfo)


def _is_time(value: str) -> bool:
    return len(value) <= len("00:00:00") and ":" in value


def _words(phrases: Phrases, phrase: str | None, text: str | None, language: str, given: Mapping[str, str]) -> Words:
    if (phrase is None) == (text is None):
        raise PhraseError("name a phrase, or give --text; `keepline say --list` tells the phrases there are")
    if text is not None:
        if given:
            raise PhraseError("a text of your own has no facts; put them into its words")
        if not text.split():
            raise PhraseError("--text: there are no words in it")
        return Words(text=" ".join(text.split()), language=language)
    names = [one.value for one in Phrase]
    if phrase not in names:
        raise PhraseError(f"there is no phrase {phrase!r}; there are: {', '.join(sorted(names))}")
    wanted = Phrase(phrase)
    return phrases.say(wanted, language, **facts_of(wanted, given, language, datetime.now().astimezone()))


def _catalogue(phrases: Phrases, language: str) -> Iterator[str]:
    for phrase in Phrase:
        facts = sorted(FACTS[phrase])
        words = phrases.say(phrase, language, **{name: f"[{name}]" for name in facts})
        yield f"{phrase.value}{' (' + ', '.join(facts) + ')' if facts else ''}"
        yield f"    {words.text}"


def _written(settings: Voice, words: Words, output: Output, *, wide: bool) -> Recording:
    """Write the audio of `words`, made as the companion would make it but in a directory of its own."""
    output.check()
    with TemporaryDirectory(prefix="keepline-") as room:
        speech = Speech(piper_voices=settings.piper_voices, flite_voice=settings.flite_voice)
        library = AudioLibrary(Path(room), speech, recorded=settings.recordings)
        recording = asyncio.run(library.render(words.text, words.language, recorded_as=words.recorded_as))
        with (
            (recording.wide if wide else recording.path).open("rb") as audio,
            os.fdopen(output.create(), "wb") as target,
        ):
            shutil.copyfileobj(audio, target)
    return recording


def _settings(config: Path) -> Voice:
    """The section `[voice]`; its defaults where there are no settings yet, so that this can be tried first of all."""
    if config == DEFAULT_CONFIG and not config.exists():
        return Voice()
    return load(config, os.environ).voice


def _language(phrases: Phrases, wanted: str) -> str:
    spoken = phrases.language(wanted)
    if spoken.partition("-")[0] != wanted.replace("_", "-").lower().partition("-")[0]:
        raise PhraseError(f"there is no language {wanted!r}; there are: {', '.join(sorted(phrases.languages))}")
    return spoken


def _pairs(facts: Sequence[str]) -> dict[str, str]:
    pairs = [fact.partition("=") for fact in facts]
    for name, equals, value in pairs:
        if not (name and equals and value.strip()):
            raise PhraseError(f"--fact {name}{equals}{value}: a fact is NAME=VALUE, such as what='our main line'")
    return {name: value for name, _, value in pairs}


@contextmanager
def _plainly() -> Iterator[None]:
    """End with a sentence where something must be mended first."""
    try:
        yield
    except (VoiceError, SettingsError, FileThere, ValueError) as error:
        give_up(str(error))
    except OSError as error:
        give_up(f"--out: the file cannot be written: {error.strerror}")
