"""Where a PBX finds recordings: fetched by HTTP into its media cache, or in a directory that both sides share."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from ami_bridge.domain.names import AnnouncementHash
from ami_bridge.voice.errors import LibraryUnwritable
from ami_bridge.voice.library import Recording, url


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounds:
    """How one PBX is told what to play. `wide`: it plays 16 kHz to channels whose codec is wideband.

    `here` and `there` are one directory as this host and as the PBX name it; None: recordings are fetched from
    `audio_url`.
    """

    audio_url: str
    wide: bool = False
    here: Path | None = None
    there: str | None = None

    def address(self, recording: Recording, *, wide: bool = False) -> str:
        """What the PBX is told to play. In a shared directory Asterisk itself takes the file that fits the channel."""
        if self.there is not None:
            return f"{self.there.rstrip('/')}/{recording.hash}"
        return url(self.audio_url, recording.hash) + ("16" if wide and self.wide else "")

    def addresses(self, recording: Recording) -> tuple[str, ...]:
        """All under which the PBX may be told to play `recording`."""
        both = (self.address(recording), self.address(recording, wide=True))
        return tuple(dict.fromkeys(both))

    async def publish(self, recording: Recording) -> None:
        """Put `recording` where the PBX finds it. Raise LibraryUnwritable naming the setting."""
        if self.here is not None:
            await asyncio.to_thread(self._publish, self.here, recording)

    async def tidy(self, in_use: Collection[AnnouncementHash], older_than: timedelta) -> None:
        """Delete from a shared directory what is not `in_use` and was published longer than `older_than` ago.

        Others' files are left alone. Raise OSError.
        """
        if self.here is not None:
            await asyncio.to_thread(self._tidy, self.here, frozenset(in_use), older_than.total_seconds())

    @staticmethod
    def _publish(here: Path, recording: Recording) -> None:
        try:
            here.mkdir(parents=True, exist_ok=True)
            for source in (recording.path, recording.wide):
                target = here / source.name
                if target.exists():
                    os.utime(target)  # it is wanted still
                    continue
                # Written elsewhere and renamed: a PBX that looks meanwhile finds all of it or nothing.
                with NamedTemporaryFile(dir=here, prefix=".", delete=False) as fresh, source.open("rb") as audio:
                    shutil.copyfileobj(audio, fresh)
                    os.fchmod(fresh.fileno(), 0o644)
                Path(fresh.name).replace(target)
        except OSError as error:
            raise LibraryUnwritable(
                f"pbx.sounds.here: recordings cannot be written to {here}: {error.strerror or error}; "
                "name a directory this program may write, on a disk with room"
            ) from error

    @staticmethod
    def _tidy(here: Path, in_use: frozenset[AnnouncementHash], age: float) -> None:
        oldest = time.time() - age
        for file in [*here.glob("*.wav"), *here.glob("*.wav16")]:
            ours = len(file.stem) == 64 and AnnouncementHash(file.stem) not in in_use
            if ours and file.stat().st_mtime < oldest:
                file.unlink(missing_ok=True)
