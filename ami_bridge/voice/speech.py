"""Text to telephone audio: choose an engine, let it read, and level what it made.

What comes out is what Asterisk plays without converting: WAV, 16 bit, mono, at 8 kHz and at 16 kHz. It starts with the
first sound (a caller who hears nothing says hello and hears nothing else), and is as loud as a person on the telephone.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from ami_bridge.voice.engines import Engine, EspeakNg, Flite, Piper, Voice
from ami_bridge.voice.errors import EngineMissing, Inaudible, SpeechFailed, Unusable
from ami_bridge.voice.process import run
from ami_bridge.voice.wavs import seconds

log = structlog.get_logger(__name__)

MAX_TEXT = 2000  # characters, two to three minutes: nobody listens longer, and it bounds what an engine is fed

# The level of a recording in dB below full scale: speech is brought to LOUD with its peaks limited, then all of it
# taken down by HEADROOM. What is left is about -17 dBFS RMS with peaks under -3, near the level a phone call has.
_LOUD, _HEADROOM = -13.0, 3.0

# Silence is what stays under -50 dB of the loudest sample. Trimming works on the start, so the end is done reversed;
# the fades keep the new edges from clicking and are too short to take anything from a consonant.
_HEAD = ["silence", "1", "0.003", "-50d", "fade", "t", "0.002", "reverse"]
_TAIL = ["silence", "1", "0.003", "-50d", "fade", "t", "0.010", "reverse"]
TAIL_SILENCE = 0.1  # seconds: room for the last syllable in jitter buffers

# -D: dither is noise in what should be silence, and would make every rendering a different one.
_SHAPE = ["-b", "16", "-e", "signed-integer", "-t", "wav"]

_AUDIBLE = -45.0  # dB below full scale: what never rises to this is the hiss an engine makes of a text it cannot read
_REST = 600.0  # seconds for which an engine that failed is not asked, where another can speak

_SLOWEST, _FASTEST, _MOST_CHANNELS = (
    4000,
    192_000,
    8,
)  # of a file handed in; what claims more is no recording of a person


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, where its program is, and the voice that will read a language."""

    engine: Engine
    program: str
    voice: Voice


@dataclass(frozen=True, slots=True)
class Levelled:
    """One piece of telephone audio: at 8 kHz, and the same `wide`, at 16 kHz."""

    narrow: Path
    wide: Path


class Speech:
    """The engines of this machine. `search_path` is where programs are looked for, the process's own PATH if None.

    Piper comes first where a voice for the language is configured, flite next for English, espeak-ng for the rest.
    `deadline` is the time in seconds any one program may take. `clock` is monotonic.
    """

    def __init__(
        self,
        *,
        piper_voices: Mapping[str, Path] | None = None,
        flite_voice: str = "slt",
        deadline: float = 30.0,
        search_path: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engines: Sequence[Engine] = (Piper(piper_voices or {}), Flite(flite_voice), EspeakNg())
        self._deadline = deadline
        self._search_path = search_path
        self._clock = clock
        self._resting: dict[str, float] = {}

    def choices(self, language: str) -> list[Choice]:
        """Every engine and voice that can read `language`, best first; raise EngineMissing if there is none."""
        able = [engine for engine in self._engines if engine.voice(language) is not None]
        found = []
        for engine in able:
            program, voice = self._find(engine.program), engine.voice(language)
            if program is not None and voice is not None:
                found.append(Choice(engine, program, voice))
        if found:
            return found
        packages = " or ".join(engine.package for engine in able)
        raise EngineMissing(f"no speech engine for language {language!r} is installed: install {packages}")

    def rests(self, choice: Choice) -> bool:
        """Whether this engine has failed lately, so that another one should be asked for now."""
        return self._clock() < self._resting.get(choice.engine.name, float("-inf"))

    def check(self, language: str) -> Choice:
        """The first of `choices`, and sox must be there too: what a doctor asks before the first text does."""
        self._sox()
        return self.choices(language)[0]

    async def speak(self, choice: Choice, text: str, workspace: Path) -> Levelled:
        """Read `text` aloud with `choice` and return it levelled, made in the directory `workspace`.

        Raise SpeechFailed if the engine or sox fails or overruns the deadline, Inaudible if nothing was said. An engine
        that failed rests for a while.
        """
        source, raw = workspace / "text.txt", workspace / f"{choice.engine.name}.wav"
        content = choice.engine.prepare(text) + "\n"
        await asyncio.to_thread(source.write_text, content, encoding="utf-8")
        command = choice.engine.command(choice.program, choice.voice, source, raw)
        try:
            said = await run(command, deadline=self._deadline)
            if not raw.exists():
                raise SpeechFailed(f"{choice.engine.name} made no audio: {said[:200] or 'it said nothing'}")
        except SpeechFailed as error:
            self._rest(choice.engine, error)
            raise
        return await self.level(raw, workspace)

    async def level(self, audio: Path, workspace: Path) -> Levelled:
        """Make telephone audio of the file `audio`, in any format sox reads; made in `workspace`.

        Raise SpeechFailed if it is no audio, Inaudible if nothing in it can be heard.
        """
        sox, trimmed = self._sox(), workspace / "trimmed.wav"
        made = Levelled(workspace / "levelled.wav", workspace / "levelled-wide.wav")
        telephone = ["stats", "remix", "-", "highpass", "80", "rate", "-v", "16000", "norm", "-3"]
        told = await self._run(sox, "-D", audio, *_SHAPE, trimmed, *telephone, *_HEAD, *_TAIL, "stats")
        peak, loud = _figure(told, "Pk lev dB")[0], _figure(told, "RMS lev dB")[-1]
        if peak < _AUDIBLE:
            raise Inaudible(f"{audio.name} holds no audible speech")
        # sox's limiter is for gains: told to take something away, it takes away too little.
        gain = ["gain", "-l", f"{_LOUD - loud:.2f}"] if loud < _LOUD else ["gain", f"{_LOUD - loud:.2f}"]
        limited = [*gain, "gain", f"{-_HEADROOM}", "pad", "0", f"{TAIL_SILENCE}"]
        await self._run(sox, "-D", trimmed, *_SHAPE, made.narrow, "rate", "-v", "8000", *limited)
        await self._run(sox, "-D", trimmed, *_SHAPE, made.wide, *limited)
        return made

    async def decode(self, handed_in: Path, workspace: Path, most: float) -> Path:
        """A plain WAV of a file that may be anything, made in `workspace`; raise Unusable if it is not that of a voice,
        or longer than `most` seconds.

        sox tells the format by the content if the file's name has no ending; so no playlist is followed. Headers can
        claim any rate and length for a few bytes, so the rate is looked at first, and reading ends after `most`.
        """
        sox, plain = self._sox(), workspace / "plain.wav"
        try:
            # `-V3` tells on stderr what a file claims to be, and ending at once keeps sox from reading on.
            told = await self._run(sox, "-V3", handed_in, "-n", "trim", "0", "0", bounded=True)
            rate, channels = _figure(told, "Sample Rate +:")[0], _figure(told, "Channels +:")[0]
            if not (_SLOWEST <= rate <= _FASTEST and 1 <= channels <= _MOST_CHANNELS):
                raise Unusable(f"a recording of {channels:g} channels at {rate:g} Hz is not that of a voice")
            cut = ["remix", "-", "trim", "0", f"{most + 1:g}", "rate", "16000"]
            await self._run(sox, "-D", handed_in, *_SHAPE, plain, *cut, bounded=True)
        except SpeechFailed as error:
            reason = str(error).rpartition(" FAIL ")[2].replace(str(handed_in), handed_in.name)
            raise Unusable(f"this is no audio file that sox can read: {reason}") from error
        if await asyncio.to_thread(seconds, plain) > most:
            raise Unusable(f"the recording is longer than {most:g} s")
        return plain

    async def _run(self, *argv: str | Path, bounded: bool = False) -> str:
        return await run(argv, deadline=self._deadline, bounded=bounded)

    def _rest(self, engine: Engine, error: SpeechFailed) -> None:
        if self._clock() >= self._resting.get(engine.name, float("-inf")):
            log.warning("A speech engine failed and is left alone for a while", engine=engine.name, problem=str(error))
        self._resting[engine.name] = self._clock() + _REST

    def _find(self, program: str) -> str | None:
        return shutil.which(program, path=self._search_path)

    def _sox(self) -> str:
        sox = self._find("sox")
        if sox is None:
            raise EngineMissing("sox is not installed: install the package sox, which makes audio fit for telephones")
        return sox


def _figure(told: str, name: str) -> list[float]:
    """What sox says of `name`, each time it says it, over all channels; minus infinity where there is nothing."""
    return [float(value) for value in re.findall(rf"^{name}\s+(\S+)", told, re.MULTILINE)] or [float("-inf")]
