"""An operator on the telephone: who shows a line's PIN hears how the line stands, and gives orders about it.

The PIN is the tenant's, so orders reach as far as the tenant: an outage that touches others as well is told, and not
theirs to end. Nothing is said to be done before `Orders` has returned, by when it is stored. What an operator speaks
for callers is declared only after they have heard it, as callers will, and approved it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from agi.desk import Audio, Caller, Challenge, Next, Receipt, Take, Treatment
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import NO_RECORDING, AnnouncementHash, IncidentId, LineName, PbxName, TenantName
from ami_bridge.domain.orders import Declaration, Orders, Refused
from ami_bridge.domain.saying import Saying
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.pins import PinGuard, PinLimits
from ami_bridge.sounds import Sounds
from ami_bridge.voice.errors import Inaudible, Unusable, VoiceError
from ami_bridge.voice.library import Recording

log = structlog.get_logger(__name__)

DECLARE, SPEAK, END = "1", "2", "3"
TRIES = 3  # on one call
MOST_CALLS = 1000  # remembered at once; of more the oldest are forgotten, and asked for the PIN anew
CHOOSE_WITHIN = timedelta(minutes=2)  # from the right PIN, or from hearing one's own words, to a key
SPEAK_WITHIN = timedelta(minutes=3)  # from being asked to speak until all of it is here
ORDER_WITHIN = timedelta(minutes=15)  # from the right PIN to an order, whatever is spoken in between
TAKES = 5  # on one call
SPEAK_SECONDS = 60.0
CHOOSE = 8.0  # seconds after the words for a key
RENDER_WITHIN = 0.8  # seconds; well within what a caller waits for the desk

PIN = Saying(phrase="operator_pin")
PIN_AGAIN = Saying(phrase="operator_pin_again")
REFUSED = Saying(phrase="operator_refused")
LOCKED = Saying(phrase="operator_locked")
CLEAR = Saying(phrase="operator_clear", keys=DECLARE + SPEAK)
DECLARED = Saying(phrase="operator_declared_first", keys=DECLARE + SPEAK + END)
FOUND = Saying(phrase="operator_found_first", keys=DECLARE + SPEAK + END)
SHARED = Saying(phrase="operator_shared_first", keys=DECLARE + SPEAK)
PLEASE_SPEAK = Saying(phrase="operator_speak")
UNUSABLE = Saying(phrase="operator_unusable")
HEAR = Saying(phrase="operator_hear")
KEEP = Saying(phrase="operator_keep", keys=DECLARE + SPEAK)
DONE = Saying(phrase="operator_done")
ENDED = Saying(phrase="operator_ended")
ENDED_OTHER = Saying(phrase="operator_ended_other")
FAILED = Saying(phrase="operator_failed")

# What must be prepared for a line that has a code.
STANDING = (
    *(PIN, PIN_AGAIN, REFUSED, LOCKED),
    *(CLEAR, DECLARED, FOUND, SHARED),
    *(PLEASE_SPEAK, UNUSABLE, HEAR, KEEP),
    *(DONE, ENDED, ENDED_OTHER, FAILED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorLine:
    """A line that takes orders from telephones. A declaration `lasts` that long unless somebody ends or renews it."""

    tenant: TenantName
    pin: str = field(repr=False)
    lasts: timedelta


class Speaker(Protocol):
    """Who has the recordings of one PBX: what was prepared for it."""

    def get(self, line: LineName, saying: Saying, language: str = "") -> Recording:
        """A recording made beforehand."""

    async def render(self, line: LineName, saying: Saying, language: str = "") -> Recording:
        """A recording made now. Raises VoiceError."""


@dataclass(slots=True)
class _Visit:
    """One call to a line's code: how often it was asked for the PIN, and what may be done once it was right."""

    asked: int = 0
    keys: str = ""  # offered last; they answer for `recording` if there is one
    incident: IncidentId | None = None
    admitted: datetime | None = None
    until: datetime | None = None  # the next step is to come by then
    takes: int = 0
    speaking: bool = False  # asked to
    recording: AnnouncementHash = NO_RECORDING  # spoken, and played back

    def goes_on(self, now: datetime, within: timedelta) -> None:
        """The next step may come `within` some time."""
        self.admitted = self.admitted or now
        self.until = min(now + within, self.admitted + ORDER_WITHIN)

    def may(self, now: datetime, key: str) -> bool:
        """Whether `key` was offered, not too long ago."""
        return self.until is not None and now <= self.until and len(key) == 1 and key in self.keys


class OperatorDesk:
    """Takes orders by telephone about the lines of one PBX. A line without a PIN is a KeyError."""

    def __init__(
        self,
        pbx: PbxName,
        lines: Mapping[LineName, OperatorLine],
        *,
        orders: Orders,
        touching: Callable[[LineName], Iterable[Incident]],
        speaker: Speaker,
        sounds: Sounds,
        keep: Callable[[LineName, bytes], Awaitable[Recording]],
        clock: Callable[[], datetime],
        limits: PinLimits | None = None,
    ) -> None:
        """`touching` are the open incidents that touch a line. `keep` takes 8 kHz mu-law without a header into the
        library, levelled as all that callers hear; it raises Inaudible or Unusable for what is to be spoken again.
        """
        self._pbx = pbx
        self._lines = lines
        self._orders = orders
        self._touching = touching
        self._speaker = speaker
        self._sounds = sounds
        self._keep = keep
        self._clock = clock
        self._guards = {name: PinGuard(line.pin, limits or PinLimits()) for name, line in lines.items()}
        self._visits: OrderedDict[tuple[LineName, str], _Visit] = OrderedDict()

    async def operator(self, caller: Caller, pin: str) -> Treatment | Challenge:
        """As in `agi.desk.Desk`: three times on a call the PIN is asked for, then no more."""
        line, now = LineName(caller.line), self._clock()
        guard = self._guards[line]
        visit = self._visit(line, caller.uniqueid)
        # Nothing is awaited between looking at the lock and counting the guess: calls at the same time gain nothing.
        before = guard.locked_until(now)
        if pin and 0 < visit.asked <= TRIES and guard.is_right(pin, now):
            return await self._admitted(line, caller, visit)
        if pin:
            log.info("An operator's PIN was not accepted", pbx=self._pbx, line=line, uniqueid=caller.uniqueid)
        if (until := guard.locked_until(now)) is not None:
            if before is None:
                log.warning(
                    "Too many wrong PINs: the line takes no orders by telephone for a while",
                    pbx=self._pbx,
                    line=line,
                    until=until.isoformat(),
                )
            return Challenge(audio=self._prepared(caller, LOCKED), asks=False)
        visit.asked += 1
        if visit.asked > TRIES:
            return Challenge(audio=self._prepared(caller, REFUSED), asks=False)
        return Challenge(audio=self._prepared(caller, PIN_AGAIN if pin else PIN))

    async def ordered(self, caller: Caller, key: str) -> Receipt | Take:
        """As in `agi.desk.Desk`. One right PIN is good for one order."""
        line, now = LineName(caller.line), self._clock()
        visit = self._visits.pop((line, caller.uniqueid), _Visit())
        if visit.recording or not visit.may(now, key):
            return Receipt(audio=self._refused(caller))
        if key == SPEAK:
            return self._take(caller, visit, PLEASE_SPEAK) or Receipt(audio=self._prepared(caller, FAILED))
        if key == DECLARE:
            return await self._done(caller, self._declare(line, caller))
        return await self._done(caller, self._end(line, caller, visit.incident))

    async def taken(self, caller: Caller, audio: bytes) -> Treatment | Take:
        """As in `agi.desk.Desk`. What cannot be used is asked for again, as long as there are takes left."""
        line, now = LineName(caller.line), self._clock()
        visit = self._visits.get((line, caller.uniqueid), _Visit())
        if not visit.speaking or visit.until is None or now > visit.until:
            return Treatment(audio=self._refused(caller), then=Next.HANGUP)
        visit.speaking = False  # what is spoken is taken once
        if not audio:
            return self._take(caller, visit, UNUSABLE) or self._over(caller)
        try:
            recording = await self._keep(line, audio)
            await self._sounds.publish(recording)
        except (Unusable, Inaudible) as error:
            log.info("What an operator spoke cannot be used", pbx=self._pbx, line=line, problem=str(error))
            return self._take(caller, visit, UNUSABLE) or self._over(caller)
        except VoiceError as error:
            log.warning("What an operator spoke could not be kept", pbx=self._pbx, line=line, problem=str(error))
            return self._over(caller)
        visit.keys, visit.recording = KEEP.keys, recording.hash
        visit.goes_on(self._clock(), CHOOSE_WITHIN)
        heard = (*self._prepared(caller, HEAR), self._audio(caller, recording), *self._prepared(caller, KEEP))
        return Treatment(audio=heard, keys=KEEP.keys, wait=CHOOSE, then=Next.HANGUP)

    async def approved(self, caller: Caller, key: str) -> Receipt | Take:
        """As in `agi.desk.Desk`. Only what was played back to its speaker is declared."""
        line, now = LineName(caller.line), self._clock()
        visit = self._visits.pop((line, caller.uniqueid), _Visit())
        if not visit.recording or not visit.may(now, key):
            return Receipt(audio=self._refused(caller))
        if key == SPEAK:
            return self._take(caller, visit, PLEASE_SPEAK) or Receipt(audio=self._prepared(caller, FAILED))
        return await self._done(caller, self._declare(line, caller, visit.recording))

    def _take(self, caller: Caller, visit: _Visit, saying: Saying) -> Take | None:
        """Have the operator speak; None when they did so often enough on this call."""
        visit.keys, visit.recording = "", NO_RECORDING
        if visit.takes >= TAKES:
            return None
        visit.takes, visit.speaking = visit.takes + 1, True
        visit.goes_on(self._clock(), SPEAK_WITHIN)
        self._visits[LineName(caller.line), caller.uniqueid] = visit
        return Take(audio=self._prepared(caller, saying), seconds=SPEAK_SECONDS)

    async def _done(self, caller: Caller, order: Awaitable[Saying]) -> Receipt:
        """What is true once `order` is carried out, or was refused."""
        try:
            return Receipt(audio=self._prepared(caller, await order))
        except Refused as refused:
            log.warning("An order by telephone was refused", pbx=self._pbx, line=caller.line, reason=str(refused))
            return Receipt(audio=self._prepared(caller, FAILED))

    def _over(self, caller: Caller) -> Treatment:
        return Treatment(audio=self._prepared(caller, FAILED), then=Next.HANGUP)

    def _refused(self, caller: Caller) -> tuple[Audio, ...]:
        log.warning(
            "An order without a right PIN was refused", pbx=self._pbx, line=caller.line, uniqueid=caller.uniqueid
        )
        return self._prepared(caller, REFUSED)

    async def _declare(self, line: LineName, caller: Caller, recording: AnnouncementHash = NO_RECORDING) -> Saying:
        await self._orders.declare(
            Declaration(
                pbx=self._pbx,
                subject=Subject(Kind.LINE, line),
                until=self._clock() + self._lines[line].lasts,
                by=_who(caller),
                recording=recording,
            )
        )
        return DONE

    async def _end(self, line: LineName, caller: Caller, incident: IncidentId | None) -> Saying:
        if incident is None:
            raise Refused("no outage was offered to be ended")
        try:
            await self._orders.end(incident, _who(caller))
        except Refused:
            if any(open_.id == incident for open_ in self._touching(line)):
                raise
            # it ended by itself while the operator listened: what they wanted is so
        return ENDED_OTHER if any(open_.id != incident for open_ in self._touching(line)) else ENDED

    async def _admitted(self, line: LineName, caller: Caller, visit: _Visit) -> Treatment:
        timeless, incident = self._stands(line)
        visit.keys = timeless.keys
        visit.incident = incident.id if incident and END in timeless.keys else None
        visit.goes_on(self._clock(), CHOOSE_WITHIN)
        log.info("An operator is on the telephone", pbx=self._pbx, line=line, uniqueid=caller.uniqueid)
        audio = self._prepared(caller, timeless)
        if incident is not None:
            full = Saying(phrase=timeless.phrase.removesuffix("_first"), params={"since": incident.since})
            try:
                async with asyncio.timeout(RENDER_WITHIN):
                    audio = (self._audio(caller, await self._speaker.render(line, full, caller.language)),)
            except (TimeoutError, VoiceError) as error:
                log.info("An operator hears words without a time", line=line, problem=str(error) or "not in time")
        return Treatment(audio=audio, keys=timeless.keys, wait=CHOOSE, then=Next.HANGUP)

    def _stands(self, line: LineName) -> tuple[Saying, Incident | None]:
        """How a line stands, and the incident that is about: one the tenant may end, above all a declared one."""
        tenant = self._lines[line].tenant
        touching = sorted(self._touching(line), key=lambda incident: incident.since)
        own = [incident for incident in touching if set(incident.tenants) <= {tenant}]
        for incident in own:
            if incident.until is not None:
                return DECLARED, incident
        if own:
            return FOUND, own[0]
        return (SHARED, touching[0]) if touching else (CLEAR, None)

    def _visit(self, line: LineName, uniqueid: str) -> _Visit:
        visit = self._visits.setdefault((line, uniqueid), _Visit())
        if len(self._visits) > MOST_CALLS:
            self._visits.popitem(last=False)
        return visit

    def _prepared(self, caller: Caller, saying: Saying) -> tuple[Audio, ...]:
        recording = self._speaker.get(LineName(caller.line), saying, caller.language)
        return (self._audio(caller, recording),)

    def _audio(self, caller: Caller, recording: Recording) -> Audio:
        return Audio(url=self._sounds.address(recording, wide=caller.wide), seconds=recording.seconds)


def _who(caller: Caller) -> str:
    """The telephone an order came from, for the timeline: an extension whole, of a longer number its last digits."""
    if caller.number is None:
        return "an operator by telephone"
    number = caller.number if len(caller.number) <= 6 else f"…{caller.number[-3:]}"
    return f"an operator by telephone from {number}"
