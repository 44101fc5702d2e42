"""What one PBX says to the callers of its lines: rendered ahead, rehearsed on the PBX, then made live in AstDB.

A recording goes live only after this PBX has fetched and opened it, which a rehearsal call proves end to end: the
PBX reaches our FastAGI, our audio server, and its own media cache. So that an outage is announced within
milliseconds, timeless words about each trunk are prepared at the start; the full story replaces them seconds later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import AmiError
from ami_bridge.ami.session import Session
from ami_bridge.domain.announcement import LineState, Saying
from ami_bridge.domain.names import AnnouncementHash, LineName
from ami_bridge.voice.library import AudioLibrary, Recording
from ami_bridge.voice.phrases import Phrase, Phrases
from ami_bridge.voice.spoken import moment
from dialplan_templates import contract

log = structlog.get_logger(__name__)

REHEARSAL_DEADLINE = 15.0  # seconds
GREET_AGAIN = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Voice:
    """How one tenant's callers are spoken to."""

    library: AudioLibrary
    phrases: Phrases
    language: str
    zone: ZoneInfo

    async def record(self, saying: Saying, now: datetime) -> Recording:
        """The recording of `saying`, rendered if need be; times are said in the tenant's zone, as seen from `now`."""
        facts = {
            name: moment(value.astimezone(self.zone), now.astimezone(self.zone))
            if isinstance(value, datetime)
            else str(value)
            for name, value in saying.params.items()
        }
        words = self.phrases.say(Phrase(saying.phrase), self.language, **facts)
        return await self.library.render(words.text, words.language, recorded_as=words.recorded_as)


@dataclass(frozen=True, slots=True)
class Live:
    """What callers of a line hear now."""

    saying: Saying
    recording: Recording
    state: LineState


class Announcer:
    """The announcements of one PBX. `wanted` says what a line's callers should hear, and the timeless words for it."""

    def __init__(
        self,
        session: Session,
        voices: Mapping[LineName, Voice],
        wanted: Callable[[LineName], tuple[Saying, Saying] | None],
        lifetime: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self.problem = ""
        self.live: dict[LineName, Live | None] = {}
        self._session = session
        self._voices = voices
        self._wanted = wanted
        self._lifetime = lifetime
        self._clock = clock
        self._prepared: dict[tuple[LineName, str, str], Recording] = {}
        self._playable: set[AnnouncementHash] = set()
        self._rehearsing: dict[AnnouncementHash, asyncio.Future[bool]] = {}
        self._rehearsal = asyncio.Lock()
        self._greeted = False
        self._tried = clock()
        self._pushing: dict[LineName, asyncio.Lock] = {line: asyncio.Lock() for line in voices}

    async def prepare(self, line: LineName, sayings: Iterable[Saying]) -> None:
        """Render words that may be needed at once later: the first word about each trunk, the prompts, the receipts."""
        for saying in sayings:
            recording = await self._voices[line].record(saying, self._clock())
            self._prepared[line, saying.phrase, str(saying.params.get("what", ""))] = recording

    def prepared(self, line: LineName, saying: Saying) -> Recording:
        """A recording that `prepare` made; KeyError for one that it did not, which is a mistake in this program."""
        return self._prepared[line, saying.phrase, str(saying.params.get("what", ""))]

    async def record(self, line: LineName, saying: Saying) -> Recording:
        """Render `saying` for `line` and have the PBX fetch it, if it will; the recording exists in any case."""
        recording = await self._voices[line].record(saying, self._clock())
        await self._ready(recording)
        return recording

    async def greet(self) -> None:
        """The link is up: the PBX fetches everything prepared, the dialplan gets its prompts, each line its state."""
        self._greeted, self._tried = False, self._clock()
        self._playable.clear()
        await self.rehearse(self._prepared.values())
        for (line, phrase, _what), recording in self._prepared.items():
            if phrase in contract.PROMPT_PHRASES and recording.hash in self._playable:
                await actions.put(self._session, contract.PROMPTS, f"{line}-{phrase}", recording.hash)
        for line in self._voices:
            await self.push(line)
        self._greeted = all(recording.hash in self._playable for recording in self._prepared.values())

    async def push(self, line: LineName) -> None:
        """Make what callers of `line` should hear live on the PBX: at once in prepared words, then in full."""
        async with self._pushing[line]:
            wanted = self._wanted(line)
            if wanted is None:
                self.live[line] = None
                await actions.delete(self._session, contract.LINES, line)
                return
            saying, timeless = wanted
            standby = self.prepared(line, timeless)
            if saying is not timeless and self._live_phrase(line) != saying.phrase:
                await self._go_live(line, standby, timeless, standby)
            recording = standby if saying is timeless else await self._voices[line].record(saying, self._clock())
            if await self._ready(recording):
                await self._go_live(line, recording, saying, standby)

    async def renew(self) -> None:
        """Announcements expire by themselves; those still true are given more time, well before that.

        A PBX that could not fetch what it needs when the link came up is asked again.
        """
        now = self._clock()
        if not self._greeted and now - self._tried >= GREET_AGAIN:
            await self.greet()
        for line, live in list(self.live.items()):
            if live is not None and live.state.standby_until - now < self._lifetime * 0.75:
                await self.push(line)

    async def rehearse(self, recordings: Iterable[Recording]) -> None:
        """Have the PBX fetch and open `recordings`; those it can play are in `playable` afterwards."""
        async with self._rehearsal:
            missing = {r.hash for r in recordings} - self._playable
            if not missing:
                return
            loop = asyncio.get_running_loop()
            self._rehearsing = {hash_: loop.create_future() for hash_ in missing}
            try:
                async with asyncio.timeout(REHEARSAL_DEADLINE):
                    await actions.rehearse(self._session, contract.REHEARSE_CHANNEL, contract.REHEARSE_CONTEXT)
                    await asyncio.wait(self._rehearsing.values())
            except (TimeoutError, AmiError) as error:
                self.problem = (
                    "the PBX could not fetch announcements: is the rendered dialplan loaded, and can the PBX reach "
                    f"agi.url and audio.url? ({str(error) or 'no answer'})"
                )
                log.warning("Announcements could not be rehearsed", pbx=self._session.name, problem=self.problem)
            finally:
                self._rehearsing = {}

    def to_rehearse(self) -> tuple[AnnouncementHash, ...]:
        return tuple(self._rehearsing)

    def rehearsed(self, playable: Mapping[AnnouncementHash, bool]) -> None:
        """The PBX tried these recordings; what it could not play is reported and stays out of use."""
        failed = [hash_ for hash_, played in playable.items() if not played]
        self._playable.update(hash_ for hash_, played in playable.items() if played)
        self.problem = f"the PBX could not play {len(failed)} announcements from audio.url" if failed else ""
        if failed:
            log.warning("The PBX could not play announcements", pbx=self._session.name, recordings=failed)
        for hash_, played in playable.items():
            if (waiting := self._rehearsing.get(hash_)) is not None and not waiting.done():
                waiting.set_result(played)

    async def _ready(self, recording: Recording) -> bool:
        if recording.hash not in self._playable:
            await self.rehearse([recording])
        return recording.hash in self._playable

    def _live_phrase(self, line: LineName) -> str | None:
        live = self.live.get(line)
        return live.saying.phrase if live else None

    async def _go_live(self, line: LineName, recording: Recording, saying: Saying, standby: Recording) -> None:
        expires = self._clock() + self._lifetime
        next_word = saying.params.get("next_word")
        state = LineState(
            line=line,
            recording=recording.hash,
            keys=saying.keys,
            until=min(next_word, expires) if isinstance(next_word, datetime) else expires,
            standby=standby.hash,
            standby_until=expires,
        )
        await actions.put(self._session, contract.LINES, line, state.encoded())
        self.live[line] = Live(saying, recording, state)
