"""What callers who are known by their number hear first: their segment's words, their ticket, what they are owed.

All of it is made and fetched ahead of their next call, a little at a time; what is not there yet is left out rather
than waited for. A time at which a call back was to be expected is not told once it has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

import structlog

from ami_bridge.announcing import Announcer
from ami_bridge.domain.announcement import (
    known_missed,
    known_promise,
    known_restored,
    known_scheduled,
    known_ticket,
)
from ami_bridge.domain.names import AnnouncementHash, LineName, PbxName, TenantName
from ami_bridge.domain.pace import LOOKED_BACK, due
from ami_bridge.domain.promise import Kind, Promise
from ami_bridge.domain.saying import Saying
from ami_bridge.domain.tickets import Ticket, Tickets
from ami_bridge.places import Segment, Tenant
from ami_bridge.store import LineKey, Store
from ami_bridge.voice.errors import VoiceError
from ami_bridge.voice.library import Recording
from ami_bridge.windows import Windows

log = structlog.get_logger(__name__)

MADE_AT_ONCE = 5  # recordings made in one round: making them must not delay what all callers need
MOST_KNOWN = 500  # callers of one line whose words are kept ready; those who wait longest come first
# A call back that is expected a little later than was told is told anew only when it differs by so much.
WORTH_TELLING = timedelta(minutes=20)
MEASURED_EVERY = timedelta(seconds=30)  # the pace of a line on which nothing is owed

Who = tuple[LineName, str]
_IN_LINE = (Kind.IN_TURN, Kind.SCHEDULED)  # who is called before a caller that asks now
_OWED = frozenset({"known_promise", "known_promise_due", "known_restored", "known_scheduled", "known_missed"})


@dataclass(frozen=True, slots=True)
class Known:
    """What one caller of a line is told of their own affairs, and in which language."""

    saying: Saying
    language: str
    recording: Recording


class KnownCallers:
    """The callers of one PBX who are known. `tenants` are those of its lines."""

    def __init__(
        self,
        pbx: PbxName,
        announcer: Announcer,
        store: Store,
        tenants: Mapping[LineName, Tenant],
        tickets: Tickets | None,
        what_of: Callable[[Promise], str],
        windows: Windows,
        clock: Callable[[], datetime],
    ) -> None:
        """`what_of` names what a promise to call when it is fixed is about. `windows` are told the pace of lines."""
        self.windows = windows
        self._pbx = pbx
        self._announcer = announcer
        self._store = store
        self._tenants = tenants
        self._tickets = tickets
        self._what_of = what_of
        self._clock = clock
        self._known: dict[Who, Known] = {}
        self._segments: dict[tuple[LineName, str, str], Recording] = {}  # by segment and language
        self._speaks: dict[Who, str] = {}  # in which language a caller was spoken to
        self._owed: frozenset[Who] = frozenset()

    def is_owed(self, line: LineName, number: str | None) -> bool:
        """Whether a call back to `number` is owed, as far as was seen some seconds ago."""
        return number is not None and (line, number) in self._owed

    def promised(self, line: LineName, number: str, language: str) -> Recording | None:
        """What the caller is told of what they are owed, in this language; None while it is not ready."""
        known = self._known.get((line, number))
        if known is None or known.language != language or not self._is_true(known.saying):
            return None
        owed = any(part.phrase in _OWED for part in known.saying.parts())
        return known.recording if owed and self._announcer.rehearsals.can_play(known.recording) else None

    def segment_of(self, line: LineName, number: str | None) -> Segment | None:
        return self._tenants[line].segment_of(number)

    def words(self, line: LineName, number: str | None, language: str) -> tuple[Recording, ...]:
        """What this caller hears before what all hear; none where nothing is known of them, or nothing is ready."""
        if not number:
            return ()
        voice = self._announcer.voice(line)
        spoken, found = voice.language(language), []
        segment = self.segment_of(line, number)
        if segment is not None:
            for one in (spoken, voice.own):
                if (recording := self._segments.get((line, segment.name, one))) is not None:
                    found.append(recording)
                    break
        known = self._known.get((line, number))
        if known is not None and known.language == spoken and self._is_true(known.saying):
            found.append(known.recording)
        return tuple(one for one in found if self._announcer.rehearsals.can_play(one))

    def affairs(self, line: LineName, number: str) -> str | None:
        """The text of what the caller is told of their own affairs."""
        known = self._known.get((line, number))
        return known.recording.text if known and self._is_true(known.saying) else None

    def in_use(self) -> set[AnnouncementHash]:
        """The recordings that may be played at any moment."""
        return {known.recording.hash for known in self._known.values()} | {
            recording.hash for recording in self._segments.values()
        }

    async def prepare(self) -> None:
        """Make what is missing, a few at a time, and forget what is not owed any more. Raise StoreError."""
        tickets = await self._open_tickets()
        promises = sorted(await self._store.promises.open(self._pbx), key=_line)
        self._owed = frozenset((one.line, one.number) for one in promises if one.kind is not Kind.RESTORED)
        owed = {line: list(mine)[:MOST_KNOWN] for line, mine in groupby(promises, key=_line)}
        self._speaks = {(one.line, one.number): one.language for one in promises if one.language}
        wanted: dict[Who, Saying] = {}
        for line in self._tenants:
            for number, saying in await self._of_line(line, owed.get(line, []), tickets):
                wanted[line, number] = saying
        for who in self._known.keys() - wanted.keys():
            del self._known[who]
        made = await self._make_segments()
        for who, saying in wanted.items():
            if made >= MADE_AT_ONCE:
                return
            made += await self._make(who, saying)
        # Of those made before, the PBX may have been started anew and lost what it had fetched.
        ready = [*self._segments.values(), *(known.recording for known in self._known.values())]
        await self._announcer.rehearsals.rehearse(ready)

    async def _of_line(
        self, line: LineName, owed: Sequence[Promise], tickets: Mapping[tuple[TenantName, str], Ticket]
    ) -> list[tuple[str, Saying]]:
        now = self._clock()
        key = LineKey(tenant=TenantName(self._tenants[line].name), pbx=self._pbx, line=line)
        kept: list[datetime] = []
        if owed or self.windows.due(line, MEASURED_EVERY):
            kept = await self._store.promises.kept_since(key, now - LOOKED_BACK)
            self.windows.measured(line, sum(one.kind in _IN_LINE and one.not_before <= now for one in owed), kept)
        sayings = dict(self._promised(owed, kept, now))
        tenant = TenantName(self._tenants[line].name)
        for (owner, number), ticket in tickets.items():
            if owner == tenant:
                about = known_ticket(ticket.opened, ticket.reference)
                promised = sayings.get(number)
                sayings[number] = replace(about, then=(promised,)) if promised else about
        return list(sayings.items())

    def _promised(
        self, promises: Sequence[Promise], kept: Sequence[datetime], now: datetime
    ) -> Iterator[tuple[str, Saying]]:
        ahead = 0
        for promise in promises:
            if promise.kind is Kind.RESTORED:
                yield promise.number, known_restored(promise.arrived, self._what_of(promise))
            elif promise.kind is Kind.SCHEDULED and promise.not_before > now:
                yield promise.number, known_scheduled(promise.arrived, promise.not_before)
            elif promise.kind is Kind.MISSED:
                yield promise.number, known_missed(promise.arrived)
            else:
                expected = due(ahead, kept, now)
                ahead += 1
                # Not before it may be tried again at all.
                if expected is not None and expected < promise.not_before:
                    expected = None
                yield promise.number, known_promise(promise.arrived, expected)

    async def _make(self, who: Who, saying: Saying) -> int:
        line, _number = who
        voice = self._announcer.voice(line)
        language = voice.language(self._speaks.get(who, ""))
        known = self._known.get(who)
        if known is not None and known.language == language and self._still_says(known.saying, saying):
            return 0
        try:
            self._known[who] = Known(saying, language, await self._announcer.record(line, saying, language))
        except VoiceError as error:
            log.warning("A known caller's words could not be made", line=line, problem=str(error))
        return 1

    async def _make_segments(self) -> int:
        """The words of all segments, in each language that somebody wrote them in."""
        made = 0
        for line, tenant in self._tenants.items():
            for segment in tenant.segment:
                for tag, text in segment.words.items():
                    key = (line, segment.name, tag[:2])
                    if key in self._segments or made >= MADE_AT_ONCE:
                        continue
                    made += 1
                    try:
                        self._segments[key] = await self._announcer.voice(line).speak(text, tag[:2])
                    except (VoiceError, ValueError) as error:
                        log.warning("A segment's words could not be made", segment=segment.name, problem=str(error))
        return made

    async def _open_tickets(self) -> Mapping[tuple[TenantName, str], Ticket]:
        if self._tickets is None:
            return {}
        try:
            return {(ticket.tenant, ticket.number): ticket for ticket in await self._tickets.open()}
        except OSError as error:
            log.warning("The help desk's tickets are not to be had", problem=str(error))
            return {}

    def _is_true(self, saying: Saying) -> bool:
        until = saying.true_until
        return until is None or self._clock() < until

    def _still_says(self, told: Saying, wanted: Saying) -> bool:
        """Whether what was told is still good enough: the same, or expected at nearly the time that was named."""
        if told == wanted:
            return True
        was, is_ = told.true_until, wanted.true_until
        if was is None or is_ is None or not self._is_true(told) or abs(is_ - was) >= WORTH_TELLING:
            return False
        return [(part.phrase, part.params.get("asked")) for part in told.parts()] == [
            (part.phrase, part.params.get("asked")) for part in wanted.parts()
        ]


def _line(promise: Promise) -> LineName:
    return promise.line
