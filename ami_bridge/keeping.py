"""Operators' own recordings, from the page and the command into the library that callers are played from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ami_bridge.domain.names import AnnouncementHash
from ami_bridge.domain.orders import Refused
from ami_bridge.voice.errors import VoiceError
from ami_bridge.voice.library import AudioLibrary
from ami_bridge.web.recordings import Kept


@dataclass(frozen=True, slots=True)
class Keeper:
    """Implements `web.recordings.Recordings`."""

    library: AudioLibrary

    async def keep(self, audio: bytes, language: str) -> Kept:
        try:
            recording = await self.library.keep(audio, language)
        except VoiceError as error:
            raise Refused(str(error)) from error
        return Kept(hash=recording.hash, seconds=recording.seconds)

    def path(self, hash: AnnouncementHash) -> Path | None:  # noqa: A002 - it is one, and the field's name
        recording = self.library.get(hash)
        return recording.path if recording else None
