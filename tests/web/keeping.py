"""Recordings as the house would keep them, and what it knows of callers, for a test to fill and read."""

from __future__ import annotations

import io
import wave
from hashlib import sha256
from pathlib import Path

from ami_bridge.domain.names import AnnouncementHash
from ami_bridge.domain.orders import Refused
from ami_bridge.domain.trace import TracedLine
from ami_bridge.web.recordings import Kept


def tone(seconds: float = 1.0) -> bytes:
    """A WAV file of 8 kHz with something to hear in it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(b"\x00\x10\x00\xf0" * round(4000 * seconds))
    return file.getvalue()


class Keeping:
    """Keeps WAV files in `directory` and refuses everything else; `kept` is what came, with its language."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.kept: list[tuple[bytes, str]] = []

    async def keep(self, audio: bytes, language: str) -> Kept:
        try:
            with wave.open(io.BytesIO(audio)) as file:
                seconds = file.getnframes() / file.getframerate()
        except (wave.Error, EOFError):
            raise Refused("it is no sound file that can be read; use a WAV file") from None
        hash_ = AnnouncementHash(sha256(audio).hexdigest())
        (self._directory / f"{hash_}.wav").write_bytes(audio)
        self.kept.append((audio, language))
        return Kept(hash=hash_, seconds=seconds)

    def path(self, hash: AnnouncementHash) -> Path | None:  # noqa: A002 - as the house calls it
        path = self._directory / f"{hash}.wav"
        return path if path.exists() else None


class Knowing:
    """Knows `lines` of every caller; `asked` is what it was asked."""

    def __init__(self) -> None:
        self.lines: list[TracedLine] = []
        self.asked: list[tuple[str, str | None, str | None]] = []

    async def trace(self, number: str, line: str | None, language: str | None) -> list[TracedLine]:
        self.asked.append((number, line, language))
        return [traced for traced in self.lines if line in (None, traced.line)]
