"""The speech engines Keepline can use, each a program of its own: which command reads a text file into a WAV file.

Texts go through a file, never an argument, so nothing in them can be taken for an option. Engines end with status 0
even when they could not write or have no such voice (flite 2.2 does both), so their output is looked at, not believed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of an engine: its name, part of every recording's address, and how the engine is told to use it."""

    name: str
    argument: str


class Engine(Protocol):
    """One program that turns text into audio."""

    @property
    def name(self) -> str:
        """Its name, part of every recording's address."""

    @property
    def program(self) -> str:
        """The program looked for on the search path."""

    @property
    def package(self) -> str:
        """What to install to have it."""

    def voice(self, language: str) -> Voice | None:
        """The voice for a language such as `en` or `pt-br`, or None if this engine should not be asked for it."""

    def prepare(self, text: str) -> str:
        """`text` in the characters this engine can read."""

    def command(self, program: str, voice: Voice, text: Path, wav: Path) -> list[str | Path]:
        """The command that reads the UTF-8 file `text` in `voice` and writes `wav`."""


# What people paste into settings and flite would spell out or drop.
_TYPOGRAPHY = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": ","})


@dataclass(frozen=True, slots=True)
class Flite:
    """English from Debian's flite, with a voice built into it: clear on a telephone, a third of a second a phrase."""

    built_in: str = "slt"
    name: str = "flite"
    program: str = "flite"
    package: str = "flite"

    def voice(self, language: str) -> Voice | None:
        return Voice(self.built_in, self.built_in) if base(language) == "en" else None

    def prepare(self, text: str) -> str:
        """Flite reads ASCII only: accents are dropped, other scripts become nothing."""
        plain = unicodedata.normalize("NFKD", text.translate(_TYPOGRAPHY))
        return plain.encode("ascii", "ignore").decode()

    def command(self, program: str, voice: Voice, text: Path, wav: Path) -> list[str | Path]:
        return [program, "-voice", voice.argument, "-f", text, "-o", wav]


@dataclass(frozen=True, slots=True)
class EspeakNg:
    """A hundred languages from Debian's espeak-ng: plain to the ear, and always to be had."""

    name: str = "espeak-ng"
    program: str = "espeak-ng"
    package: str = "espeak-ng"

    def voice(self, language: str) -> Voice | None:
        return Voice(base(language), base(language))

    def prepare(self, text: str) -> str:
        return text

    def command(self, program: str, voice: Voice, text: Path, wav: Path) -> list[str | Path]:
        return [program, "-b", "1", "-v", voice.argument, "-f", text, "-w", wav]


@dataclass(frozen=True, slots=True)
class Piper:
    """The best voices, and the slowest: a neural engine (GPL, so a program of its own) and a voice file each."""

    voices: Mapping[str, Path]
    name: str = "piper"
    program: str = "piper"
    package: str = "piper-tts (from PyPI)"

    def voice(self, language: str) -> Voice | None:
        file = self.voices.get(language) or self.voices.get(base(language))
        return None if file is None else Voice(file.stem, str(file))

    def prepare(self, text: str) -> str:
        return text

    def command(self, program: str, voice: Voice, text: Path, wav: Path) -> list[str | Path]:
        return [program, "-m", voice.argument, "-i", text, "-f", wav]


def base(language: str) -> str:
    """The language a tag is a variety of: `pt` for `pt-br`."""
    return language.partition("-")[0]
