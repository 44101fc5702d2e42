"""How one tenant's callers are spoken to: sayings put into words in a caller's language, and into recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from ami_bridge.domain.saying import Saying, Value
from ami_bridge.voice.errors import SpeechFailed, UnknownRecording
from ami_bridge.voice.library import AudioLibrary, Recording
from ami_bridge.voice.phrases import Phrase, Phrases, Words
from ami_bridge.voice.spoken import moment, spelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How one tenant's callers are spoken to: in which `languages` (base tags, the tenant's own first), by what clock.

    `names` are the things of this tenant by their names in its own language, with their names in others.
    """

    library: AudioLibrary
    phrases: Phrases
    languages: tuple[str, ...]
    zone: ZoneInfo
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def own(self) -> str:
        """The tenant's own language."""
        return self.languages[0]

    def language(self, wanted: str) -> str:
        """The language spoken to a caller whose channel says `wanted` (`de_AT`): its base, or the tenant's own."""
        base = wanted[:2].lower()
        return base if base in self.languages else self.own

    async def record(self, saying: Saying, now: datetime, language: str) -> Recording:
        """The recording of `saying`, made if need be; times are said by the tenant's clock, as seen from `now`.

        Raise VoiceError if it cannot be made; also when an operator's own words are gone from the library.
        """
        pieces = []
        for own, parts in groupby(saying.parts(), key=lambda part: part.recording):
            if own:
                pieces.append(self._kept(own))
                continue
            words = [self._words(part, now, language) for part in parts]
            recorded_as = words[0].recorded_as if len(words) == 1 else None
            text = " ".join(one.text for one in words)
            pieces.append(await self.library.render(text, words[0].language, recorded_as=recorded_as))
        if len(pieces) == 1:
            return pieces[0]
        try:
            return await self.library.join(pieces)
        except UnknownRecording as gone:
            raise SpeechFailed("a part of what is to be said was deleted from voice.directory") from gone

    async def speak(self, text: str, language: str) -> Recording:
        """The recording of a `text` in `language`, as it stands."""
        return await self.library.render(text, language)

    def _kept(self, own: str) -> Recording:
        recording = self.library.get(own)
        if recording is None:
            raise SpeechFailed("the words an operator recorded are not in voice.directory any more: record them again")
        return recording

    def _words(self, part: Saying, now: datetime, language: str) -> Words:
        facts = {name: self._fact(name, value, now, language) for name, value in part.params.items()}
        return self.phrases.say(Phrase(part.phrase), language, **facts)

    def _fact(self, name: str, value: Value, now: datetime, language: str) -> str:
        if isinstance(value, datetime):
            return moment(value.astimezone(self.zone), now.astimezone(self.zone), language)
        if name in ("reference", "number"):
            return spelled(str(value), language)
        return self._name(name, str(value), language)

    def _name(self, fact: str, name: str, language: str) -> str:
        """What a thing is called in `language`; where nobody said, the language's words for something of ours."""
        translated = self.names.get(name, {}).get(language)
        if translated is not None:
            return translated
        # A company is called the same everywhere; a thing by its name would not be understood.
        return name if language == self.own or fact == "tenant" else self.phrases.something(language)
