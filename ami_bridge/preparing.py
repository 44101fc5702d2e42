"""Words made before anybody needs them, for the lines of one PBX, in every language of their tenants."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from time import monotonic

import structlog

from ami_bridge.domain.names import AnnouncementHash, LineName, PbxName
from ami_bridge.domain.saying import Saying
from ami_bridge.speaking import Voice
from ami_bridge.voice.errors import VoiceError
from ami_bridge.voice.library import Recording

log = structlog.get_logger(__name__)

FOR_AT_MOST = 2.0  # seconds in which words are made in one go: what lies in the library takes no time, an engine does

Subject = tuple[str, str]  # of a saying: its phrase and what it is about


class Prepared:
    """Recordings of what may have to be said at once. `voices` are how the callers of each line are spoken to."""

    def __init__(self, pbx: PbxName, voices: Mapping[LineName, Voice], clock: Callable[[], datetime]) -> None:
        self.voices = voices
        self.troubles: dict[str, str] = {}  # languages in which words could not be made, and why
        self._pbx = pbx
        self._clock = clock
        self._recordings: dict[tuple[LineName, Subject, str], Recording] = {}
        self._missing: deque[tuple[LineName, Saying, str]] = deque()
        self._last: deque[tuple[LineName, Saying, str]] = deque()  # what can be done without, made last

    @property
    def complete(self) -> bool:
        """Whether all is made in every language, as far as it can be."""
        return not self._missing and not self._last

    async def prepare(self, line: LineName, sayings: Iterable[Saying]) -> None:
        """Make `sayings` in the tenant's own language now, in the others with `make_more`. Raise VoiceError."""
        voice = self.voices[line]
        for saying in sayings:
            self._recordings[line, saying.subject, voice.own] = await self.render(line, saying, voice.own)
            self._missing.extend((line, saying, language) for language in voice.languages[1:])

    def later(self, line: LineName, sayings: Iterable[Saying]) -> None:
        """Have `sayings` made in every language after all that was prepared: until then, and where they cannot be
        made, callers do without them."""
        wanted = list(sayings)
        self._last.extend((line, saying, language) for language in self.voices[line].languages for saying in wanted)

    async def make_more(self) -> bool:
        """Make some of what is missing; return whether that was the last of what is prepared, or of what came later.

        A language that cannot be spoken is given up, and said so.
        """
        missing, began = self._missing or self._last, monotonic()
        while missing and monotonic() - began <= FOR_AT_MOST:
            line, saying, language = missing.popleft()
            if language in self.troubles:
                continue
            try:
                self._recordings[line, saying.subject, language] = await self.render(line, saying, language)
            except VoiceError as error:
                if missing is self._last:
                    log.warning("Words could not be made", pbx=self._pbx, language=language, problem=str(error))
                    continue
                self.troubles[language] = f"callers are not spoken to in {language!r}: {error}"
                log.warning("A language cannot be spoken", pbx=self._pbx, problem=self.troubles[language])
        return not missing

    async def render(self, line: LineName, saying: Saying, language: str = "") -> Recording:
        """The recording of `saying` for `line`, made now if need be. Raise VoiceError."""
        voice = self.voices[line]
        return await voice.record(saying, self._clock(), voice.language(language))

    def find(self, line: LineName, saying: Saying, language: str) -> Recording | None:
        """The recording in exactly this language; None if it was not prepared, or is not made yet."""
        return self._recordings.get((line, saying.subject, language))

    def get(self, line: LineName, saying: Saying, language: str = "") -> Recording:
        """A recording that was prepared, in the tenant's own language while there is none in another.

        KeyError for one that was not prepared, which is a mistake in this program.
        """
        voice = self.voices[line]
        found = self.find(line, saying, voice.language(language))
        return found or self._recordings[line, saying.subject, voice.own]

    def languages(self, line: LineName) -> list[str]:
        """The languages in which callers of `line` can be spoken to, the tenant's own first."""
        return [language for language in self.voices[line].languages if language not in self.troubles]

    def recordings(self) -> list[Recording]:
        return list(self._recordings.values())

    def of_phrases(self, phrases: Iterable[str]) -> Iterator[tuple[LineName, str, str, Recording]]:
        """What is there of `phrases`: line, phrase, language and recording."""
        wanted = frozenset(phrases)
        for (line, (phrase, _what), language), recording in list(self._recordings.items()):
            if phrase in wanted:
                yield line, phrase, language, recording

    def in_use(self) -> set[AnnouncementHash]:
        return {recording.hash for recording in self._recordings.values()}
