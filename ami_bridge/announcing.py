"""What one PBX says to the callers of its lines: rendered ahead, rehearsed on the PBX, then made live in AstDB.

A recording goes live only after this PBX has fetched and opened it. So that an outage is announced within
milliseconds, timeless words about each thing that may fail are prepared at the start, in every language of the tenant;
the full story replaces them seconds later. In AstDB the tenant's own language is the gate that the dialplan looks at:
it is written first and deleted first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import AmiError
from ami_bridge.ami.session import Session
from ami_bridge.clocks import SET, Clocks
from ami_bridge.domain.names import AnnouncementHash, LineName, PbxName
from ami_bridge.domain.saying import LineState, Saying
from ami_bridge.preparing import Prepared
from ami_bridge.rehearsing import Rehearsals
from ami_bridge.sounds import Sounds
from ami_bridge.speaking import Voice
from ami_bridge.voice.errors import VoiceError
from ami_bridge.voice.library import Recording
from dialplan_templates import contract

log = structlog.get_logger(__name__)

TRY_AGAIN = timedelta(seconds=20)  # after words could not be brought to the PBX

Wanted = tuple[Saying, Saying]  # what callers should hear, and the same in words without a time


@dataclass(frozen=True, slots=True)
class Live:
    """What callers of a line hear now in one language; `standby` are its words without a time, if the PBX can play
    them. The PBX's clock was `ahead` of ours when it was told."""

    saying: Saying
    recording: Recording
    state: LineState
    standby: Recording | None
    ahead: timedelta

    @property
    def on_pbx(self) -> str:
        """As AstDB has it, its times by the PBX's clock."""
        return self.state.encoded(self.ahead)

    def words(self, now: datetime) -> Recording | None:
        """What may be said at `now`: no time that has passed is ever told.

        Its lifetime on the PBX does not count: we are here, and would have taken it away if it were over. Our clock may
        have been set by hours a moment ago.
        """
        overdue = self.saying.true_until is not None and now >= self.saying.true_until
        return self.standby if overdue else self.recording


@dataclass(frozen=True, slots=True)
class Words:
    """What one caller is told, the keys it offers, and of which story it is part."""

    recording: Recording
    keys: str
    story: Saying


class Announcer:
    """The announcements of one PBX. `wanted` says what a line's callers should hear, and the timeless words for it."""

    def __init__(
        self,
        session: Session,
        voices: Mapping[LineName, Voice],
        wanted: Callable[[LineName], Wanted | None],
        lifetime: timedelta,
        sounds: Sounds,
        clock: Callable[[], datetime],
    ) -> None:
        self.live: dict[
            LineName, dict[str, Live]
        ] = {}  # by language; lines of which nothing was pushed yet are not in it
        self.stories: dict[LineName, Saying] = {}  # what callers are told now, be it in full or in first words
        self.rehearsals = Rehearsals(session, sounds)
        self.sounds = sounds
        self.clocks = Clocks(session, clock)
        self.prepared = Prepared(PbxName(session.name), voices, clock)
        self._session = session
        self._wanted = wanted
        self._lifetime = lifetime
        self._clock = clock
        self._greeted = False
        self._tried: datetime | None = None
        self._since: dict[LineName, datetime | None] = {}  # when what callers are told now became so; None: before us
        self._found: frozenset[LineName] | None = None  # lines of which the PBX said something when we came
        self._behind: dict[LineName, datetime] = {}  # lines whose words on the PBX are not those wanted; last tried
        self._pushing: dict[LineName, asyncio.Lock] = {line: asyncio.Lock() for line in voices}

    @property
    def problem(self) -> str:
        """What keeps callers from hearing what they should, and what to do; empty when nothing does."""
        return self.rehearsals.problem or next(iter(self.prepared.troubles.values()), "")

    def playable(self, line: LineName, saying: Saying, language: str) -> Recording | None:
        """What was prepared of `saying` in exactly this language, if the PBX has it: nothing is fetched for it."""
        recording = self.prepared.find(line, saying, language)
        return recording if recording is not None and self.rehearsals.can_play(recording) else None

    def voice(self, line: LineName) -> Voice:
        """How callers of `line` are spoken to."""
        return self.prepared.voices[line]

    async def record(self, line: LineName, saying: Saying, language: str = "") -> Recording:
        """Render `saying` for `line` and have the PBX fetch it, if it will; the recording exists in any case."""
        recording = await self.prepared.render(line, saying, language)
        await self.rehearsals.ready(recording)
        return recording

    def in_use(self) -> set[AnnouncementHash]:
        """The recordings that callers may be played at any moment."""
        live = {one.recording.hash for languages in self.live.values() for one in languages.values()}
        return live | self.prepared.in_use()

    def words(self, line: LineName, language: str) -> Words | None:
        """What a caller of `line` is told now; None when there is nothing to say.

        Before the first push the PBX may still hold what an earlier run put there: those callers came because of it.
        """
        voice, now = self.prepared.voices[line], self._clock()
        spoken = voice.language(language)
        if line not in self.live:
            wanted = self._wanted(line)
            if wanted is None or self.prepared.find(line, wanted[1], voice.own) is None:
                return None
            return Words(self.prepared.get(line, wanted[1], spoken), wanted[1].keys, wanted[0])
        for live in (self.live[line].get(spoken), self.live[line].get(voice.own)):
            if live is not None and (recording := live.words(now)) is not None:
                return Words(recording, live.saying.keys, self.stories[line])
        return None

    def since(self, line: LineName) -> datetime | None:
        """When callers of `line` began to be told what they are told now; None if the PBX told it before we came."""
        return self._since.get(line)

    def link_up(self) -> None:
        """The PBX is there (again): what it can play has to be proved anew, by the next `renew`."""
        self.rehearsals.forget()
        self._greeted, self._tried = False, None

    async def greet(self) -> None:
        """The PBX fetches everything prepared, the dialplan gets its prompts, each line its state."""
        self._tried = self._clock()
        recordings = self.prepared.recordings()
        await self.rehearsals.rehearse(recordings)
        for line, phrase, language, recording in self.prepared.of_phrases(contract.PROMPT_PHRASES):
            if self.rehearsals.can_play(recording):
                key = self._key(f"{line}-{phrase}", line, language)
                await actions.put(self._session, contract.PROMPTS, key, recording.hash)
        await self._forget_strangers()
        for line in self.prepared.voices:
            await self.push(line)
        self._greeted = all(self.rehearsals.can_play(recording) for recording in recordings)

    async def _forget_strangers(self) -> None:
        """Delete the states of lines and languages that the settings do not have any more."""
        ours = {
            self._key(line, line, language)
            for line, voice in self.prepared.voices.items()
            for language in voice.languages
        }
        for key in await actions.tree(self._session, contract.LINES):
            if key not in ours:
                await actions.delete(self._session, contract.LINES, key)

    async def push(self, line: LineName) -> None:
        """Make what callers of `line` should hear live on the PBX: at once in prepared words, then in full.

        What fails is tried again by `renew`. Words that are not wanted any more once they could be played are left to
        the push that their change has called for.
        """
        async with self._pushing[line]:
            self._behind[line] = self._clock()
            await self._look()
            wanted = self._wanted(line)
            if wanted is None:
                await self._fall_silent(line)
            elif not await self._say(line, wanted):
                return
            if self._wanted(line) == wanted:
                del self._behind[line]

    async def _look(self) -> None:
        """What the PBX had been told before we came, seen before the first word of ours."""
        if self._found is None:
            states = await actions.tree(self._session, contract.LINES)
            self._found = frozenset(line for line in self.prepared.voices if line in states)

    async def renew(self) -> None:
        """Announcements expire by themselves; those still true are given more time, well before that.

        A PBX that could not fetch what it needs when the link came up is asked again, and so is one that could not be
        told what its callers should hear. When its clock was set, or ours, it is told anew until when all that is true.
        """
        self.clocks.look()
        if not self.prepared.complete and await self.prepared.make_more():
            self._greeted, self._tried = False, None  # the PBX is to fetch these too
        if not self._greeted and (self._tried is None or abs(self._clock() - self._tried) >= TRY_AGAIN):
            await self.greet()
        for line in self.prepared.voices:
            if self._is_due(line):
                await self.push(line)

    def _is_due(self, line: LineName) -> bool:
        now, tried = self._clock(), self._behind.get(line)
        if tried is not None:
            return abs(now - tried) >= TRY_AGAIN  # a clock that was set back makes nobody wait
        least, ahead = self._lifetime * 0.75, self.clocks.ahead()
        return any(
            live.state.standby_until - now < least or abs(live.ahead - ahead) > SET
            for live in self.live.get(line, {}).values()
        )

    async def _fall_silent(self, line: LineName) -> None:
        self.live[line] = {}
        self._tell_from_now(line, None)
        for key in self._keys(line):
            await actions.delete(self._session, contract.LINES, key)

    async def _say(self, line: LineName, wanted: Wanted) -> bool:
        """Make what is `wanted` live, its timeless words first; False when the PBX cannot play it or it is not wanted
        now, in the tenant's own language or in another that it should be said in."""
        saying, timeless = wanted
        standbys: dict[str, Recording] = {}
        for language in self.prepared.languages(line):
            standby = self.prepared.find(line, timeless, language) or await self._make(line, timeless, language)
            if standby is None:
                continue
            standbys[language] = standby
            first = saying is not timeless and not self._is_told(line, language, saying)
            if first and await self.rehearsals.ready(standby) and self._wanted(line) == wanted:
                await self._go_live(line, language, standby, timeless, wanted, standby)
        told = True
        for language, standby in standbys.items():
            recording = standby if saying is timeless else await self._make(line, saying, language)
            if recording is None or not await self.rehearsals.ready(recording) or self._wanted(line) != wanted:
                told = False
                continue
            await self._go_live(line, language, recording, saying, wanted, standby)
        return told

    async def _make(self, line: LineName, saying: Saying, language: str) -> Recording | None:
        """The recording of `saying`; None if it cannot be made, but for the tenant's own language, which raises."""
        try:
            return await self.prepared.render(line, saying, language)
        except VoiceError as error:
            if language == self.prepared.voices[line].own:
                raise
            log.warning("Words could not be made", pbx=self._session.name, language=language, problem=str(error))
            return None

    def _is_told(self, line: LineName, language: str, saying: Saying) -> bool:
        """Whether callers hear about the same thing already, in words that are not overdue."""
        live = self.live.get(line, {}).get(language)
        return live is not None and live.saying.subject == saying.subject and self._clock() < live.state.until

    async def _go_live(
        self, line: LineName, language: str, recording: Recording, saying: Saying, wanted: Wanted, standby: Recording
    ) -> None:
        expires = self._clock() + self._lifetime
        until = min(saying.true_until or expires, expires)
        spare = standby if self.rehearsals.can_play(standby) else None
        state = LineState(
            line=line,
            recording=recording.hash,
            keys=saying.keys,
            until=until,
            standby=spare.hash if spare else AnnouncementHash(""),
            standby_until=expires if spare else until,
        )
        # Callers ask for it the moment it is there, which may be before we hear that it is.
        before = self.live.setdefault(line, {}).get(language)
        live = self.live[line][language] = Live(saying, recording, state, spare, self.clocks.ahead())
        self._tell_from_now(line, wanted[0])
        try:
            await actions.put(self._session, contract.LINES, self._key(line, line, language), live.on_pbx)
        except AmiError:
            if before is None:
                del self.live[line][language]
            else:
                self.live[line][language] = before
            raise

    def _tell_from_now(self, line: LineName, story: Saying | None) -> None:
        if line in self._since and self.stories.get(line) == story:
            return
        ours = line in self._since or line not in (self._found or ())
        self._since[line] = self._clock() if ours else None
        if story is None:
            self.stories.pop(line, None)
        else:
            self.stories[line] = story

    def _key(self, name: str, line: LineName, language: str) -> str:
        """Where AstDB has something of `line` in `language`: the tenant's own stands under the `name` alone."""
        return name if language == self.prepared.voices[line].own else f"{name}/{language}"

    def _keys(self, line: LineName) -> Iterator[str]:
        for language in self.prepared.voices[line].languages:
            yield self._key(line, line, language)
