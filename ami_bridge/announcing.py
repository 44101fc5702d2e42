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
TRY_AGAIN = timedelta(seconds=20)  # after words could not be brought to the PBX


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
    """What callers of a line hear now; `standby` are its words without a time, if the PBX can play them."""

    saying: Saying
    recording: Recording
    state: LineState
    standby: Recording | None

    def words(self, now: datetime) -> Recording | None:
        """What may be said at `now`: no time that has passed is ever told."""
        if now < self.state.until:
            return self.recording
        return self.standby if now < self.state.standby_until else None


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
        self.live: dict[LineName, Live | None] = {}
        self._session = session
        self._voices = voices
        self._wanted = wanted
        self._lifetime = lifetime
        self._clock = clock
        self._prepared: dict[tuple[LineName, str, str], Recording] = {}
        self._playable: set[AnnouncementHash] = set()
        self._unplayable: set[AnnouncementHash] = set()
        self._unrehearsed = ""
        self._rehearsing: dict[AnnouncementHash, asyncio.Future[bool]] = {}
        self._rehearsal = asyncio.Lock()
        self._greeted = False
        self._tried: datetime | None = None
        self._behind: dict[LineName, datetime] = {}  # lines whose words on the PBX are not those wanted; last tried
        self._pushing: dict[LineName, asyncio.Lock] = {line: asyncio.Lock() for line in voices}

    @property
    def problem(self) -> str:
        """What keeps callers from hearing what they should, and what to do; empty when nothing does."""
        if self._unplayable:
            return f"the PBX could not play {len(self._unplayable)} announcements from audio.url"
        return self._unrehearsed

    async def prepare(self, line: LineName, sayings: Iterable[Saying]) -> None:
        """Render words that may be needed at once later: the first word about each trunk, the prompts, the receipts."""
        for saying in sayings:
            self._prepared[line, *_subject(saying)] = await self.render(line, saying)

    def prepared(self, line: LineName, saying: Saying) -> Recording:
        """A recording that `prepare` made; KeyError for one that it did not, which is a mistake in this program."""
        return self._prepared[line, *_subject(saying)]

    async def render(self, line: LineName, saying: Saying) -> Recording:
        """The recording of `saying` for `line`, whether or not the PBX has fetched it."""
        return await self._voices[line].record(saying, self._clock())

    async def record(self, line: LineName, saying: Saying) -> Recording:
        """Render `saying` for `line` and have the PBX fetch it, if it will; the recording exists in any case."""
        recording = await self.render(line, saying)
        await self._ready(recording)
        return recording

    def cannot_play(self, recording: Recording) -> bool:
        """Whether the PBX tried this recording and failed; one it was not asked about may well be playable."""
        return recording.hash in self._unplayable

    def words(self, line: LineName) -> tuple[Recording, str] | None:
        """What a caller of `line` is told now, and the keys it offers; None when there is nothing to say.

        Before the first push the PBX may still hold what an earlier run put there: those callers came because of it.
        """
        if line not in self.live:
            wanted = self._wanted(line)
            recording = self._prepared.get((line, *_subject(wanted[1]))) if wanted else None
            return (recording, wanted[1].keys) if wanted and recording else None
        live = self.live[line]
        words = live.words(self._clock()) if live else None
        return (words, live.saying.keys) if live and words else None

    def link_up(self) -> None:
        """The PBX is there (again): what it can play has to be proved anew, by the next `renew`."""
        self._playable.clear()
        self._unplayable.clear()
        self._greeted, self._tried = False, None

    async def greet(self) -> None:
        """The PBX fetches everything prepared, the dialplan gets its prompts, each line its state."""
        self._tried = self._clock()
        await self.rehearse(self._prepared.values())
        for (line, phrase, _what), recording in self._prepared.items():
            if phrase in contract.PROMPT_PHRASES and recording.hash in self._playable:
                await actions.put(self._session, contract.PROMPTS, f"{line}-{phrase}", recording.hash)
        for line in self._voices:
            await self.push(line)
        self._greeted = all(recording.hash in self._playable for recording in self._prepared.values())

    async def push(self, line: LineName) -> None:
        """Make what callers of `line` should hear live on the PBX: at once in prepared words, then in full.

        What fails is tried again by `renew`. Words that are not wanted any more once they could be played are left to
        the push that their change has called for.
        """
        async with self._pushing[line]:
            self._behind[line] = self._clock()
            wanted = self._wanted(line)
            if wanted is None:
                self.live[line] = None
                await actions.delete(self._session, contract.LINES, line)
            elif not await self._say(line, *wanted):
                return
            if self._wanted(line) == wanted:
                del self._behind[line]

    async def renew(self) -> None:
        """Announcements expire by themselves; those still true are given more time, well before that.

        A PBX that could not fetch what it needs when the link came up is asked again, and so is one that could not be
        told what its callers should hear.
        """
        if not self._greeted and (self._tried is None or self._clock() - self._tried >= TRY_AGAIN):
            await self.greet()
        for line in self._voices:
            if self._is_due(line):
                await self.push(line)

    def _is_due(self, line: LineName) -> bool:
        now, tried, live = self._clock(), self._behind.get(line), self.live.get(line)
        if tried is not None:
            return now - tried >= TRY_AGAIN
        return live is not None and live.state.standby_until - now < self._lifetime * 0.75

    async def _say(self, line: LineName, saying: Saying, timeless: Saying) -> bool:
        """Make `saying` live, and `timeless` before it; False when the PBX cannot play it or it is not wanted now."""
        standby = self._prepared.get((line, *_subject(timeless))) or await self.render(line, timeless)
        first = saying is not timeless and not self._is_told(line, saying) and await self._ready(standby)
        if first and self._wanted(line) == (saying, timeless):
            await self._go_live(line, standby, timeless, standby)
        recording = standby if saying is timeless else await self.render(line, saying)
        if not await self._ready(recording) or self._wanted(line) != (saying, timeless):
            return False
        await self._go_live(line, recording, saying, standby)
        return True

    def _is_told(self, line: LineName, saying: Saying) -> bool:
        """Whether callers hear about the same thing already, in words that are not overdue."""
        live = self.live.get(line)
        return live is not None and _subject(live.saying) == _subject(saying) and self._clock() < live.state.until

    async def _go_live(self, line: LineName, recording: Recording, saying: Saying, standby: Recording) -> None:
        expires = self._clock() + self._lifetime
        # Whichever time is named: what is said to be over by then is not said after it.
        named = saying.params.get("next_word") or saying.params.get("until")
        until = min(named, expires) if isinstance(named, datetime) else expires
        spare = standby if standby.hash in self._playable else None
        state = LineState(
            line=line,
            recording=recording.hash,
            keys=saying.keys,
            until=until,
            standby=spare.hash if spare else AnnouncementHash(""),
            standby_until=expires if spare else until,
        )
        await actions.put(self._session, contract.LINES, line, state.encoded())
        self.live[line] = Live(saying, recording, state, spare)

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
                self._unrehearsed = (
                    "the PBX could not fetch announcements: is the rendered dialplan loaded, and can the PBX reach "
                    f"agi.url and audio.url? ({str(error) or 'no answer'})"
                )
                log.warning("Announcements could not be rehearsed", pbx=self._session.name, problem=self._unrehearsed)
            finally:
                self._rehearsing = {}

    def to_rehearse(self) -> tuple[AnnouncementHash, ...]:
        return tuple(self._rehearsing)

    def rehearsed(self, playable: Mapping[AnnouncementHash, bool]) -> None:
        """The PBX tried these recordings; what it could not play is reported and stays out of use."""
        failed = {hash_ for hash_, played in playable.items() if not played}
        self._playable = (self._playable | playable.keys()) - failed
        self._unplayable = (self._unplayable | failed) - self._playable
        self._unrehearsed = ""
        if failed:
            log.warning("The PBX could not play announcements", pbx=self._session.name, recordings=sorted(failed))
        for hash_, played in playable.items():
            if (waiting := self._rehearsing.get(hash_)) is not None and not waiting.done():
                waiting.set_result(played)

    async def _ready(self, recording: Recording) -> bool:
        if recording.hash not in self._playable:
            await self.rehearse([recording])
        return recording.hash in self._playable


def _subject(saying: Saying) -> tuple[str, str]:
    """What a saying is about, whatever times it names."""
    return saying.phrase, str(saying.params.get("what", ""))
