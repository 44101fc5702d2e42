"""An operator on the telephone: who shows a line's PIN hears how the line stands, and gives orders about it.

The PIN is the tenant's, so orders reach as far as the tenant: an outage that touches others as well is told, and not
theirs to end. Nothing is said to be done before `Orders` has returned, by when it is stored.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from agi.desk import Audio, Caller, Challenge, Next, Receipt, Treatment
from ami_bridge.domain.announcement import Saying
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import IncidentId, LineName, PbxName, TenantName
from ami_bridge.domain.orders import Declaration, Orders, Refused
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.pins import PinGuard, PinLimits
from ami_bridge.voice.errors import VoiceError
from ami_bridge.voice.library import Recording, url

log = structlog.get_logger(__name__)

DECLARE, END = "1", "3"
TRIES = 3  # on one call
MOST_CALLS = 1000  # remembered at once; of more the oldest are forgotten, and asked for the PIN anew
CHOOSE_WITHIN = timedelta(minutes=2)  # from the right PIN to an order
CHOOSE = 8.0  # seconds after the words for a key
RENDER_WITHIN = 0.8  # seconds; well within what a caller waits for the desk

PIN = Saying(phrase="operator_pin")
PIN_AGAIN = Saying(phrase="operator_pin_again")
REFUSED = Saying(phrase="operator_refused")
LOCKED = Saying(phrase="operator_locked")
CLEAR = Saying(phrase="operator_clear", keys=DECLARE)
DECLARED = Saying(phrase="operator_declared_first", keys=DECLARE + END)
FOUND = Saying(phrase="operator_found_first", keys=DECLARE + END)
SHARED = Saying(phrase="operator_shared_first", keys=DECLARE)
DONE = Saying(phrase="operator_done")
ENDED = Saying(phrase="operator_ended")
ENDED_OTHER = Saying(phrase="operator_ended_other")
FAILED = Saying(phrase="operator_failed")

# What must be prepared for a line that has a code.
STANDING = (PIN, PIN_AGAIN, REFUSED, LOCKED, CLEAR, DECLARED, FOUND, SHARED, DONE, ENDED, ENDED_OTHER, FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorLine:
    """A line that takes orders from telephones. A declaration `lasts` that long unless somebody ends or renews it."""

    tenant: TenantName
    pin: str = field(repr=False)
    lasts: timedelta


class Speaker(Protocol):
    """Who has the recordings of one PBX: its Announcer."""

    def prepared(self, line: LineName, saying: Saying) -> Recording:
        """A recording made beforehand."""

    async def render(self, line: LineName, saying: Saying) -> Recording:
        """A recording made now. Raises VoiceError."""


@dataclass(slots=True)
class _Visit:
    """One call to a line's code: how often it was asked for the PIN, and what was offered once it was right."""

    asked: int = 0
    keys: str = ""
    incident: IncidentId | None = None
    admitted: datetime | None = None


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
        audio_url: str,
        clock: Callable[[], datetime],
        limits: PinLimits | None = None,
    ) -> None:
        """`touching` are the open incidents that touch a line."""
        self._pbx = pbx
        self._lines = lines
        self._orders = orders
        self._touching = touching
        self._speaker = speaker
        self._audio_url = audio_url
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
            return Challenge(audio=self._prepared(line, LOCKED), asks=False)
        visit.asked += 1
        if visit.asked > TRIES:
            return Challenge(audio=self._prepared(line, REFUSED), asks=False)
        return Challenge(audio=self._prepared(line, PIN_AGAIN if pin else PIN))

    async def ordered(self, caller: Caller, key: str) -> Receipt:
        """As in `agi.desk.Desk`. One right PIN is good for one order."""
        line, now = LineName(caller.line), self._clock()
        visit = self._visits.pop((line, caller.uniqueid), _Visit())
        if visit.admitted is None or now - visit.admitted > CHOOSE_WITHIN or not key or key not in visit.keys:
            log.warning("An order without a right PIN was refused", pbx=self._pbx, line=line, uniqueid=caller.uniqueid)
            return self._receipt(line, REFUSED)
        try:
            if key == DECLARE:
                return self._receipt(line, await self._declare(line, caller, now))
            return self._receipt(line, await self._end(line, caller, visit.incident))
        except Refused as refused:
            log.warning("An order by telephone was refused", pbx=self._pbx, line=line, reason=str(refused))
            return self._receipt(line, FAILED)

    async def _declare(self, line: LineName, caller: Caller, now: datetime) -> Saying:
        await self._orders.declare(
            Declaration(
                pbx=self._pbx,
                subject=Subject(Kind.LINE, line),
                until=now + self._lines[line].lasts,
                by=_who(caller),
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
        visit.admitted = self._clock()
        log.info("An operator is on the telephone", pbx=self._pbx, line=line, uniqueid=caller.uniqueid)
        audio = self._prepared(line, timeless)
        if incident is not None:
            full = Saying(phrase=timeless.phrase.removesuffix("_first"), params={"since": incident.since})
            try:
                async with asyncio.timeout(RENDER_WITHIN):
                    audio = self._audio(await self._speaker.render(line, full))
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

    def _receipt(self, line: LineName, saying: Saying) -> Receipt:
        return Receipt(audio=self._prepared(line, saying), then=Next.HANGUP)

    def _prepared(self, line: LineName, saying: Saying) -> tuple[Audio, ...]:
        return self._audio(self._speaker.prepared(line, saying))

    def _audio(self, recording: Recording) -> tuple[Audio, ...]:
        return (Audio(url=url(self._audio_url, recording.hash), seconds=recording.seconds),)


def _who(caller: Caller) -> str:
    """The telephone an order came from, for the timeline: an extension whole, of a longer number its last digits."""
    if caller.number is None:
        return "an operator by telephone"
    number = caller.number if len(caller.number) <= 6 else f"…{caller.number[-3:]}"
    return f"an operator by telephone from {number}"
