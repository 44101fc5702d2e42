"""WAV files put together without any program: recordings one after another, and telephone audio given a header."""

from __future__ import annotations

import struct
import wave
from collections.abc import Sequence
from pathlib import Path

_MU_LAW = 7  # in a WAV's format field


def seconds(file: Path) -> float:
    """How long a WAV file is."""
    with wave.open(str(file)) as audio:
        return float(audio.getnframes() / audio.getframerate())


def splice(parts: Sequence[Path], target: Path, gap: float) -> None:
    """Write `parts`, mono 16-bit files of one rate, one after another to `target`, with `gap` seconds in between."""
    with wave.open(str(target), "wb") as whole:
        for index, part in enumerate(parts):
            with wave.open(str(part)) as audio:
                if index == 0:
                    whole.setparams(audio.getparams())
                else:
                    whole.writeframes(bytes(2 * round(gap * audio.getframerate())))
                whole.writeframes(audio.readframes(audio.getnframes()))


def of_telephone(mu_law: bytes) -> bytes:
    """A WAV file of raw mu-law at 8 kHz, which is what Asterisk records of a call."""
    form = struct.pack("<HHIIHHH", _MU_LAW, 1, 8000, 8000, 1, 8, 0)
    body = b"fmt " + struct.pack("<I", len(form)) + form + b"fact" + struct.pack("<II", 4, len(mu_law))
    body += b"data" + struct.pack("<I", len(mu_law)) + mu_law + bytes(len(mu_law) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body
