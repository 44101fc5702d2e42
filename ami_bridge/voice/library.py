"""The audio library: every text callers may hear, as files whose name is the hash of what is said and how.

A changed message is a new name, so nothing that caches by name (a PBX's media cache, a browser) can play an old one.
"""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import file_digest, sha256
from pathlib import Path
from weakref import WeakValueDictionary

from ami_bridge.domain.names import AnnouncementHash
from ami_bridge.voice.errors import Inaudible, SpeechFailed, UnknownRecording, Unusable
from ami_bridge.voice.shelf import Recording, Shelf
from ami_bridge.voice.speech import MAX_TEXT, TAIL_SILENCE, Choice, Levelled, Speech
from ami_bridge.voice.wavs import seconds, splice

__all__ = ["AudioLibrary", "Recording", "text_hash", "url"]

FORMAT = "2"  # part of every hash: raise it when the levelling changes, and everything is rendered anew
GAP = 0.25  # seconds between recordings that are joined

# What an operator hands in: bytes, and seconds once silence before and after the speech is gone.
MOST_BYTES = 10 * 1024 * 1024
SHORTEST, LONGEST = 0.5, 300.0
_AROUND = 60.0  # seconds of silence that a recording of the longest kind may have on top

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_REMEMBERED = 1000


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
        self._shelf = Shelf(directory)
        self._speech = speech
        self._recorded = recorded
        self._slots = asyncio.Semaphore(at_once)
        self._making: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._unreadable: set[AnnouncementHash] = set()

    def open(self) -> None:
        """Make the directory if need be, prove that it can be written, and clear away what a crash left in it.

        Blocking and quick; call it once before the first caller. Raise LibraryUnwritable.
        """
        self._shelf.open()

    async def render(self, text: str, language: str, *, recorded_as: str | None = None) -> Recording:
        """The recording of `text` in `language`, made now if it does not exist; `recorded_as` as in `Words`.

        Callers that ask for the same at the same time get one rendering. A recording appears whole or not at all. Where
        an engine fails the next one speaks, under an address of its own. Raise VoiceError if none can, ValueError for
        a text no engine should be given.
        """
        text, language = _checked(text), _tag(language)
        sources = await asyncio.to_thread(self._sources, text, language, recorded_as)
        failures = []
        for source in sources:
            wanted = _address(text, language, source.engine, source.voice)
            if source is not sources[-1] and self._passed_over(wanted, source):
                if (recording := await asyncio.to_thread(self.get, wanted)) is not None:
                    return recording
                continue
            try:
                return await self._made(wanted, text, language, partial(self._voiced, source, text))
            except SpeechFailed as error:
                if isinstance(error, Inaudible):
                    self._remember(wanted)
                failures.append(str(error))
        raise SpeechFailed("; ".join(failures))

    async def keep(self, audio: bytes, language: str) -> Recording:
        """An operator's own recording, in any format sox reads, levelled as speech is; it has no text.

        Raise Unusable, saying why, for what is not half a second to five minutes of sound in at most 10 MB.
        """
        language = _tag(language)
        if not audio or len(audio) > MOST_BYTES:
            raise Unusable(f"a recording has at most {MOST_BYTES // 2**20} MB, and is not empty")
        digest = await asyncio.to_thread(lambda: sha256(audio).hexdigest())
        return await self._made(_address("", language, "kept", digest), "", language, partial(self._taken, audio))

    async def join(self, recordings: Sequence[Recording]) -> Recording:
        """`recordings` of this library one after another, as one; its language is that of the first.

        Raise UnknownRecording if one of them has been deleted.
        """
        if len(recordings) < 2:
            raise ValueError("fewer than two recordings cannot be joined")
        first = recordings[0]
        text = " ".join(recording.text for recording in recordings if recording.text)
        wanted = _address(text, first.language, "joined", " ".join(recording.hash for recording in recordings))
        return await self._made(wanted, text, first.language, partial(_joined, recordings))

    def get(self, hash: str) -> Recording | None:  # noqa: A002 - it is one, and the field's name
        """The recording with this `hash`, or None: also for what is no hash, and for a file lost or half there."""
        return self._shelf.get(hash)

    def path(self, hash: str, *, wide: bool = False) -> Path:  # noqa: A002
        """The file of the recording with this `hash`, which may come from a stranger; raise UnknownRecording."""
        recording = self.get(hash)
        if recording is None:
            raise UnknownRecording("there is no such recording")
        return recording.wide if wide else recording.path

    async def tidy(self, in_use: Collection[AnnouncementHash], older_than: timedelta) -> int:
        """Delete the recordings that are not `in_use` and were not asked for within `older_than`; return how many.

        Asking for one by any of the methods here keeps it for that long again. Raise OSError.
        """
        return await asyncio.to_thread(self._shelf.tidy, frozenset(in_use), older_than)

    async def _made(
        self, wanted: AnnouncementHash, text: str, language: str, make: Callable[[Path], Awaitable[Levelled]]
    ) -> Recording:
        """The recording at the address `wanted`, by `make` in a directory given to it unless it exists."""
        async with self._making.setdefault(wanted, asyncio.Lock()):
            recording = await asyncio.to_thread(self.get, wanted)
            if recording is not None:
                return recording
            async with self._slots:
                with self._shelf.workspace() as room:
                    return await asyncio.to_thread(self._shelf.put, await make(room), wanted, text, language)

    async def _voiced(self, source: _Source, text: str, room: Path) -> Levelled:
        if isinstance(source.origin, Path):
            return await self._speech.level(source.origin, room)
        return await self._speech.speak(source.origin, text, room)

    async def _taken(self, audio: bytes, room: Path) -> Levelled:
        handed_in = room / "recording"
        await asyncio.to_thread(handed_in.write_bytes, audio)
        plain = await self._speech.decode(handed_in, room, LONGEST + _AROUND)
        try:
            made = await self._speech.level(plain, room)
        except Inaudible as error:
            raise Unusable("nothing can be heard in the recording") from error
        spoken = await asyncio.to_thread(seconds, made.narrow) - TAIL_SILENCE
        if not SHORTEST <= spoken <= LONGEST:
            raise Unusable(
                f"a recording is {SHORTEST:g} s to {LONGEST:g} s long; this one holds {spoken:.1f} s of sound"
            )
        return made

    def _sources(self, text: str, language: str, recorded_as: str | None) -> list[_Source]:
        """Where audio for `text` can come from, best first; an operator's file stands alone: it is to be heard."""
        names = [text_hash(text)] if recorded_as is None else [text_hash(text), _name(recorded_as)]
        files = [] if self._recorded is None else [self._recorded / language / f"{name}.wav" for name in names]
        for file in files:
            try:
                with file.open("rb") as audio:
                    return [_Source("recorded", file_digest(audio, "sha256").hexdigest(), file)]
            except FileNotFoundError:
                continue
            except OSError as error:
                raise SpeechFailed(f"voice.recordings: {file} cannot be read: {error.strerror or error}") from error
        return [_Source(choice.engine.name, choice.voice.name, choice) for choice in self._speech.choices(language)]

    def _passed_over(self, wanted: AnnouncementHash, source: _Source) -> bool:
        if wanted in self._unreadable:
            return True
        return isinstance(source.origin, Choice) and self._speech.rests(source.origin)

    def _remember(self, wanted: AnnouncementHash) -> None:
        """Note that an engine cannot read this text: it will not learn to."""
        if len(self._unreadable) >= _REMEMBERED:
            self._unreadable.clear()
        self._unreadable.add(wanted)


def url(base: str, hash: str) -> str:  # noqa: A002
    """Where a PBX fetches a recording. Its length is on purpose: asterisk/asterisk#444 cuts a URL-played file's path
    to the length of its URL, so the URL must be the longer of the two."""
    return f"{base.rstrip('/')}/announcements/{hash}.wav"


def text_hash(text: str) -> str:
    """The name under which an operator's recording of exactly these words is found."""
    return sha256(" ".join(text.split()).encode()).hexdigest()


async def _joined(recordings: Sequence[Recording], room: Path) -> Levelled:
    made = Levelled(room / "joined.wav", room / "joined-wide.wav")
    gap = GAP - TAIL_SILENCE  # every recording ends in some silence of its own
    try:
        await asyncio.to_thread(splice, [recording.path for recording in recordings], made.narrow, gap)
        await asyncio.to_thread(splice, [recording.wide for recording in recordings], made.wide, gap)
    except FileNotFoundError as error:
        raise UnknownRecording("a recording to be joined with others is there no more") from error
    return made


def _address(text: str, language: str, engine: str, voice: str) -> AnnouncementHash:
    said = json.dumps([text, language, engine, voice, FORMAT])
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
