"""Where recordings lie: two WAV files and a sidecar each, under a name that is a hash, there whole or not at all.

A file once published is never written again. What nobody has asked for in a long time and nobody uses is deleted.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ami_bridge.domain.names import AnnouncementHash
from ami_bridge.voice.errors import LibraryUnwritable
from ami_bridge.voice.speech import Levelled
from ami_bridge.voice.wavs import seconds

_HASH = re.compile(r"[0-9a-f]{64}")
_OURS = re.compile(rf"({_HASH.pattern})\.(wav|wav16|json)")
_WORKSPACE = ".rendering-"
_ABANDONED = 3600  # seconds after which a workspace is a crash's, not another process's at work
_TOUCHED = 3600  # seconds for which it need not be noted again that a recording was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One text as audio, `seconds` long: WAV, 16 bit, mono, `path` at 8 kHz and `wide` at 16 kHz."""

    hash: AnnouncementHash
    path: Path
    wide: Path
    seconds: float
    text: str
    language: str


class Shelf:
    """The recordings in `directory`. Blocking; may be used from several threads at once.

    A sidecar's time of modification is when its recording was last asked for, give or take an hour. The lock makes
    "found and noted as asked for" and "long not asked for and deleted" one step each: what is found stays.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def open(self) -> None:
        """Make the directory if need be, prove that it can be written, and clear away what a crash left in it."""
        with self.workspace():
            pass
        for left in self._directory.glob(f"{_WORKSPACE}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(left, ignore_errors=True)

    def get(self, hash: str) -> Recording | None:  # noqa: A002 - it is one, and the field's name
        """The recording with this `hash`, or None: also for what is no hash, and for a file lost or half there."""
        if not _HASH.fullmatch(hash):
            return None
        wav, wide, sidecar = self._files(hash)
        with self._lock:
            try:
                known = json.loads(sidecar.read_bytes())
                recording = Recording(
                    hash=AnnouncementHash(hash),
                    path=wav,
                    wide=wide,
                    seconds=float(known["seconds"]),
                    text=str(known["text"]),
                    language=str(known["language"]),
                )
            except (OSError, ValueError, KeyError, TypeError):
                return None
            if not (wav.is_file() and wide.is_file()):
                return None
            # What cannot be noted (a directory only read from) is rendered anew one day, and no reason to fail now.
            with contextlib.suppress(OSError):
                if time.time() - sidecar.stat().st_mtime > _TOUCHED:
                    os.utime(sidecar)
            return recording

    def put(self, made: Levelled, hash: AnnouncementHash, text: str, language: str) -> Recording:  # noqa: A002
        """Put finished files where callers are played them. Only all three make a recording; they are flushed first."""
        wav, wide, sidecar = self._files(hash)
        long = seconds(made.narrow)
        facts = made.narrow.with_suffix(".json")
        facts.write_text(json.dumps({"text": text, "language": language, "seconds": long}), encoding="utf-8")
        moves = ((facts, sidecar), (made.wide, wide), (made.narrow, wav))
        for source, _ in moves:
            _flush(source)
        with self._lock:
            for source, target in moves:
                source.replace(target)
        _flush(self._directory)
        return Recording(hash=hash, path=wav, wide=wide, seconds=long, text=text, language=language)

    def tidy(self, in_use: Collection[AnnouncementHash], older_than: timedelta) -> int:
        """Delete the recordings that are not `in_use` and were not asked for within `older_than`; return how many.

        Whoever has one open reads it to its end. Files that are not ours are left alone.
        """
        asked_before = time.time() - older_than.total_seconds()
        names = [match[1] for entry in os.scandir(self._directory) if (match := _OURS.fullmatch(entry.name))]
        return sum(self._delete(name, asked_before) for name in sorted(set(names) - set(in_use)))

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A directory to make a recording in, gone afterwards; an OSError within is raised as LibraryUnwritable."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            # A rendering that is cancelled can leave a thread writing a moment longer: `open` clears away what it adds.
            room = tempfile.TemporaryDirectory(dir=self._directory, prefix=_WORKSPACE, ignore_cleanup_errors=True)
            with room as name:
                yield Path(name)
        except OSError as error:
            raise LibraryUnwritable(
                f"voice.directory: announcements cannot be written to {self._directory}: {error.strerror or error}; "
                "name a directory this program may write, on a disk with room"
            ) from error

    def _delete(self, name: str, asked_before: float) -> bool:
        """Delete one recording if it is old enough. The sidecar goes first: what is half deleted is no recording."""
        with self._lock:
            files = [file for file in reversed(self._files(name)) if file.exists()]
            if not files or max(file.stat().st_mtime for file in files) >= asked_before:
                return False
            for file in files:
                file.unlink(missing_ok=True)
            return True

    def _files(self, hash: str) -> tuple[Path, Path, Path]:  # noqa: A002
        whole = self._directory / hash
        return whole.with_suffix(".wav"), whole.with_suffix(".wav16"), whole.with_suffix(".json")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
