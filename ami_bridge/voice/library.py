"""The audio library: every text callers may hear, as a file whose name is the hash of what is said and how.

A changed message is a new name, so nothing that caches by name (a PBX's media cache, a browser) can play an old one,
and a file once published is never written again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import tempfile
import time
import unicodedata
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from weakref import WeakValueDictionary

from ami_bridge.domain.names import AnnouncementHash
from ami_bridge.voice.errors import LibraryUnwritable, SpeechFailed, UnknownRecording
from ami_bridge.voice.speech import MAX_TEXT, Choice, Speech

FORMAT = "1"  # part of every hash: raise it when the levelling changes, and everything is rendered anew

_HASH = re.compile(r"[0-9a-f]{64}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_WORKSPACE = ".rendering-"
_ABANDONED = 3600  # seconds after which a workspace is a crash's, not another process's at work


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One text as audio: `path` is a WAV of 8 kHz, 16 bit, mono, `seconds` long."""

    hash: AnnouncementHash
    path: Path
    seconds: float
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a text's audio comes from: an operator's file, or an engine; `engine` and `voice` tell one from another."""

    engine: str
    voice: str
    origin: Path | Choice


class AudioLibrary:
    """Recordings under `directory`, made with `speech`, `at_once` at a time.

    Operators' own recordings lie in `recorded` as `<language>/<name>.wav`, where the name is a phrase's or
    `text_hash()` of the words; one that fits a text always wins over synthesis.
    """

    def __init__(self, directory: Path, speech: Speech, *, recorded: Path | None = None, at_once: int = 2) -> None:
        self._directory = directory
        self._speech = speech
        self._recorded = recorded
        self._slots = asyncio.Semaphore(at_once)
        self._making: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def open(self) -> None:
        """Make the directory if need be, prove that it can be written, and clear away what a crash left in it.

        Blocking and quick; call it once before the first caller. Raise LibraryUnwritable.
        """
        with self._writing():
            with self._workspace():
                pass
            for left in self._directory.glob(f"{_WORKSPACE}*"):
                if time.time() - left.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(left, ignore_errors=True)

    async def render(self, text: str, language: str, *, recorded_as: str | None = None) -> Recording:
        """The recording of `text` in `language`, made now if it does not exist; `recorded_as` as in `Words`.

        Callers that ask for the same at the same time get one rendering. A recording appears whole or not at all: it is
        written elsewhere, flushed, then renamed. Raise VoiceError if it cannot be made, ValueError for a text no
        engine should be given.
        """
        text, language = _checked(text), _tag(language)
        source = await asyncio.to_thread(self._source, text, language, recorded_as)
        wanted = _address(text, language, source)
        async with self._making.setdefault(wanted, asyncio.Lock()):
            recording = await asyncio.to_thread(self.get, wanted)
            if recording is not None:
                return recording
            async with self._slots:
                return await self._make(wanted, text, language, source)

    def get(self, hash: str) -> Recording | None:  # noqa: A002 - it is one, and the field's name
        """The recording with this `hash`, or None: also for what is no hash, and for a file lost or half there."""
        if not _HASH.fullmatch(hash):
            return None
        wav, sidecar = self._files(AnnouncementHash(hash))
        try:
            known = json.loads(sidecar.read_bytes())
            recording = Recording(
                hash=AnnouncementHash(hash),
                path=wav,
                seconds=float(known["seconds"]),
                text=str(known["text"]),
                language=str(known["language"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return recording if wav.is_file() else None

    def path(self, hash: str) -> Path:  # noqa: A002
        """The file of the recording with this `hash`, which may come from a stranger; raise UnknownRecording."""
        recording = self.get(hash)
        if recording is None:
            raise UnknownRecording("there is no such recording")
        return recording.path

    def _source(self, text: str, language: str, recorded_as: str | None) -> _Source:
        names = [text_hash(text)] if recorded_as is None else [text_hash(text), _name(recorded_as)]
        files = [] if self._recorded is None else [self._recorded / language / f"{name}.wav" for name in names]
        for file in files:
            try:
                with file.open("rb") as audio:
                    return _Source("recorded", file_digest(audio, "sha256").hexdigest(), file)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise SpeechFailed(f"voice.recordings: {file} cannot be read: {error.strerror or error}") from error
        choice = self._speech.choose(language)
        return _Source(choice.engine.name, choice.voice.name, choice)

    async def _make(self, wanted: AnnouncementHash, text: str, language: str, source: _Source) -> Recording:
        with self._writing(), self._workspace() as workspace:
            room = Path(workspace)
            if isinstance(source.origin, Path):
                made = await self._speech.level(source.origin, room)
            else:
                made = await self._speech.speak(source.origin, text, room)
            return await asyncio.to_thread(self._publish, made, wanted, text, language)

    def _publish(self, made: Path, wanted: AnnouncementHash, text: str, language: str) -> Recording:
        """Put a finished file where callers are played it. The sidecar comes first: only both make a recording."""
        with wave.open(str(made)) as audio:
            seconds = audio.getnframes() / audio.getframerate()
        wav, sidecar = self._files(wanted)
        facts = made.with_suffix(".json")
        facts.write_text(json.dumps({"text": text, "language": language, "seconds": seconds}), encoding="utf-8")
        for source, target in ((facts, sidecar), (made, wav)):
            _flush(source)
            source.replace(target)
        _flush(self._directory)
        return Recording(hash=wanted, path=wav, seconds=seconds, text=text, language=language)

    def _files(self, hash: AnnouncementHash) -> tuple[Path, Path]:  # noqa: A002
        return self._directory / f"{hash}.wav", self._directory / f"{hash}.json"

    def _workspace(self) -> tempfile.TemporaryDirectory[str]:
        # A rendering that is cancelled can leave a thread writing a moment longer: what it adds, `open` clears away.
        return tempfile.TemporaryDirectory(dir=self._directory, prefix=_WORKSPACE, ignore_cleanup_errors=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise LibraryUnwritable(
                f"voice.directory: announcements cannot be written to {self._directory}: {error.strerror or error}; "
                "name a directory this program may write, on a disk with room"
            ) from error


def url(base: str, hash: str) -> str:  # noqa: A002
    """Where a PBX fetches a recording. Its length is on purpose: asterisk/asterisk#444 cuts a URL-played file's path
    to the length of its URL, so the URL must be the longer of the two."""
    return f"{base.rstrip('/')}/announcements/{hash}.wav"


def text_hash(text: str) -> str:
    """The name under which an operator's recording of exactly these words is found."""
    return sha256(" ".join(text.split()).encode()).hexdigest()


def _address(text: str, language: str, source: _Source) -> AnnouncementHash:
    said = json.dumps([text, language, source.engine, source.voice, FORMAT])
    return AnnouncementHash(sha256(said.encode()).hexdigest())


def _checked(text: str) -> str:
    clean = " ".join(text.split())
    if not clean or len(clean) > MAX_TEXT or any(unicodedata.category(c).startswith("C") for c in clean):
        raise ValueError(f"a text to be spoken has 1 to {MAX_TEXT} characters and no control codes")
    return clean


def _tag(language: str) -> str:
    tag = language.replace("_", "-").lower()
    if not _LANGUAGE.fullmatch(tag):
        raise ValueError(f"{language!r} is not a language tag such as 'en' or 'pt-br'")
    return tag


def _name(recorded_as: str) -> str:
    if not _NAME.fullmatch(recorded_as):
        raise ValueError(f"{recorded_as!r} is not a phrase's name")
    return recorded_as


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
