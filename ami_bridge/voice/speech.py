"""Text to telephone audio: choose an engine, let it read, and level what it made.

What comes out is what Asterisk plays without converting: WAV, 8 kHz, 16 bit, mono. It starts with the first sound
(a caller who hears nothing says hello and hears nothing else), and is as loud as a person on the telephone.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ami_bridge.voice.engines import Engine, EspeakNg, Flite, Piper, Voice
from ami_bridge.voice.errors import EngineMissing, SpeechFailed
from ami_bridge.voice.process import run

MAX_TEXT = 2000  # characters, two to three minutes: nobody listens longer, and it bounds what an engine is fed

# The level of a recording in dB below full scale: speech is brought to LOUD with its peaks limited, then all of it
# taken down by HEADROOM. What is left is about -17 dBFS RMS with peaks under -3, near the level a phone call has.
_LOUD, _HEADROOM = -13.0, 3.0

# Silence is what stays under -50 dB of the loudest sample. Trimming works on the start, so the end is done reversed;
# the fades keep the new edges from clicking and are too short to take anything from a consonant.
_HEAD = ["silence", "1", "0.003", "-50d", "fade", "t", "0.002", "reverse"]
_TAIL = ["silence", "1", "0.003", "-50d", "fade", "t", "0.010", "reverse"]
_TAIL_SILENCE = 0.1  # seconds: room for the last syllable in jitter buffers

_AUDIBLE = -45.0  # dB below full scale: what never rises to this is the hiss an engine makes of a text it cannot read


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, where its program is, and the voice that will read a language."""

    engine: Engine
    program: str
    voice: Voice


class Speech:
    """The engines of this machine. `search_path` is where programs are looked for, the process's own PATH if None.

    Piper comes first where a voice for the language is configured, flite next for English, espeak-ng for the rest.
    `deadline` is the time in seconds any one program may take.
    """

    def __init__(
        self,
        *,
        piper_voices: Mapping[str, Path] | None = None,
        flite_voice: str = "slt",
        deadline: float = 30.0,
        search_path: str | None = None,
    ) -> None:
        self._engines: Sequence[Engine] = (Piper(piper_voices or {}), Flite(flite_voice), EspeakNg())
        self._deadline = deadline
        self._search_path = search_path

    def choose(self, language: str) -> Choice:
        """The engine and voice that will read `language`; raise EngineMissing if none that can is installed."""
        able = [engine for engine in self._engines if engine.voice(language) is not None]
        for engine in able:
            program, voice = self._find(engine.program), engine.voice(language)
            if program is not None and voice is not None:
                return Choice(engine, program, voice)
        packages = " or ".join(engine.package for engine in able)
        raise EngineMissing(f"no speech engine for language {language!r} is installed: install {packages}")

    def check(self, language: str) -> Choice:
        """Like `choose`, and sox must be there too: what a doctor asks before the first text does."""
        self._sox()
        return self.choose(language)

    async def speak(self, choice: Choice, text: str, workspace: Path) -> Path:
        """Read `text` aloud with `choice` and return the levelled WAV, made in the directory `workspace`.

        Raise SpeechFailed if the engine or sox fails, overruns the deadline, or nothing audible comes out.
        """
        source, raw = workspace / "text.txt", workspace / f"{choice.engine.name}.wav"
        content = choice.engine.prepare(text) + "\n"
        await asyncio.to_thread(source.write_text, content, encoding="utf-8")
        command = choice.engine.command(choice.program, choice.voice, source, raw)
        said = await run(command, deadline=self._deadline)
        if not raw.exists():
            raise SpeechFailed(f"{choice.engine.name} made no audio: {said[:200] or 'it said nothing'}")
        return await self.level(raw, workspace)

    async def level(self, audio: Path, workspace: Path) -> Path:
        """Make telephone audio of the file `audio`, in any format sox reads; return the WAV, made in `workspace`."""
        sox, trimmed, levelled = self._sox(), workspace / "trimmed.wav", workspace / "levelled.wav"
        telephone = ["remix", "-", "highpass", "80", "rate", "-v", "8000", "norm", "-3"]
        # -D: dither is noise in what should be silence, and would make every rendering a different one.
        shape = ["-b", "16", "-e", "signed-integer", "-t", "wav"]
        if await self._measure(sox, audio, "Pk lev dB") < _AUDIBLE:
            raise SpeechFailed(f"{audio.name} holds no audible speech")
        await self._run(sox, "-D", audio, *shape, trimmed, *telephone, *_HEAD, *_TAIL)
        gain = _LOUD - await self._measure(sox, trimmed, "RMS lev dB")
        limited = ["gain", "-l", f"{gain:.2f}", "gain", f"{-_HEADROOM}", "pad", "0", f"{_TAIL_SILENCE}"]
        await self._run(sox, "-D", trimmed, *shape, levelled, *limited)
        return levelled

    async def _measure(self, sox: str, audio: Path, figure: str) -> float:
        """One of the figures sox gives for `audio`, over all its channels; minus infinity where there is no sound."""
        found = re.search(rf"^{figure}\s+(\S+)", await self._run(sox, audio, "-n", "stats"), re.MULTILINE)
        return float("-inf") if found is None else float(found.group(1))

    async def _run(self, *argv: str | Path) -> str:
        return await run(argv, deadline=self._deadline)

    def _find(self, program: str) -> str | None:
        return shutil.which(program, path=self._search_path)

    def _sox(self) -> str:
        sox = self._find("sox")
        if sox is None:
            raise EngineMissing("sox is not installed: install the package sox, which makes audio fit for telephones")
        return sox
