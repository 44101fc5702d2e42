"""The house behind the front desk: what the AGI scripts are told, and what callers ask for, written down first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from agi.desk import Audio, Caller, Challenge, Next, Receipt, Rehearsal, Take, Treatment
from agi.errors import NotWritten
from ami_bridge.ami import actions
from ami_bridge.ami.session import Session
from ami_bridge.announcing import Announcer
from ami_bridge.calling import Callbacks
from ami_bridge.declaring import OperatorDesk
from ami_bridge.domain import announcement as say
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import AttemptId, LineName, PbxName, PromiseId, TenantName, Uniqueid
from ami_bridge.domain.numbers import NumberFacts
from ami_bridge.domain.permission import CallingRules, Refused
from ami_bridge.domain.promise import Kind, Promise, State, Step, Usage
from ami_bridge.domain.saying import Key, Saying
from ami_bridge.domain.watch import Watch
from ami_bridge.knowing import KnownCallers
from ami_bridge.store import Store, StoreError
from ami_bridge.voice.library import Recording
from ami_bridge.whispering import Whisperer
from dialplan_templates import contract

log = structlog.get_logger(__name__)

NEVER = timedelta(days=3650)  # a restored-service call is due when its incident is resolved, and not before
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDesk:
    """What the desk knows about one line."""

    tenant: TenantName
    facts: Callable[[str | None], NumberFacts]
    rules: CallingRules
    greeting: Saying
    lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxDesk:
    """What the desk works with for one PBX. `promised` is called with the line after each new promise,
    `in_vain` with the channel of each caller nobody answered; `operators` is None where no line takes orders."""

    session: Session
    watch: Watch
    announcer: Announcer
    whisperer: Whisperer
    known: KnownCallers
    callbacks: Callbacks
    lines: Mapping[LineName, LineDesk]
    news: Callable[[Promise], Awaitable[Saying]]
    promised: Callable[[LineName], None]
    in_vain: Callable[[Uniqueid], None]
    operators: OperatorDesk | None = None


class HouseDesk:
    """Implements `agi.desk.Desk` for all PBXs. A caller from a PBX or for a line not in the settings is a KeyError,
    which ends that session: the dialplan then plays what it has."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._pbxs: dict[PbxName, PbxDesk] = {}
        self._clock = clock
        self._drained: dict[PbxName, datetime] = {}  # what was kept by then is in the ledger

    def add(self, pbx: PbxName, room: PbxDesk) -> None:
        """Serve callers of `pbx` from now on."""
        self._pbxs[pbx] = room

    async def status(self, caller: Caller) -> Treatment:
        house, line = self._line(caller)
        told = house.announcer.words(line, caller.language)
        house.whisperer.heard(Uniqueid(caller.uniqueid), told.story if told else None, caller.language)
        if told is None:
            return Treatment()  # it ended while this caller was on the way in
        mine = house.known.words(line, caller.number, caller.language)
        return Treatment(audio=self._audio(house, caller, *mine, told.recording), keys=told.keys)

    async def unanswered(self, caller: Caller) -> Treatment:
        house, line = self._line(caller)
        house.in_vain(Uniqueid(caller.uniqueid))
        refused = self._refusal(house, line, caller.number)
        saying = say.OFFER_NO_NUMBER if refused else say.OFFER
        mine = house.known.words(line, caller.number, caller.language)
        offer = house.announcer.prepared.get(line, saying, caller.language)
        return Treatment(audio=self._audio(house, caller, *mine, offer), keys=saying.keys)

    async def pressed(self, caller: Caller, key: str) -> Receipt:
        house, line = self._line(caller)
        if self._refusal(house, line, caller.number):
            return self._receipt(house, caller, say.OFFER_NO_NUMBER, Next.CONTINUE)
        house.known.speaks(line, caller.number, caller.language)
        promise = self.promise(caller.pbx, line, key, caller.number or "", caller.uniqueid, self._clock())
        if promise is None:
            return self._receipt(house, caller, say.NOT_NOTED, Next.CONTINUE)
        try:
            _stored, new = await self._store.promises.make(promise)
        except StoreError as error:
            raise NotWritten(f"the PBX goes on keeping a promise, for the store failed: {error}") from error
        house.promised(line)
        noted = say.NOTED_RESTORED if promise.kind is Kind.RESTORED else say.NOTED_IN_TURN
        return self._receipt(house, caller, noted if new else say.ALREADY_PROMISED, Next.HANGUP)

    async def callback(self, caller: Caller) -> Treatment:
        house, line = self._line(caller)
        promise = await self._attempted(house, caller, Step.ANSWERED, "answered")
        if promise is None:
            log.warning("A callback nobody owes was answered", pbx=caller.pbx, attempt=caller.attempt)
            return Treatment(then=Next.HANGUP)
        saying = house.lines[line].greeting if promise.kind is Kind.IN_TURN else await house.news(promise)
        return Treatment(
            # fetched before the call was placed: a rehearsal now would leave the customer in silence
            audio=self._audio(house, caller, await house.announcer.prepared.render(line, saying)),
            keys=saying.keys,
            wait=8.0,
            then=Next.HANGUP,
        )

    async def callback_pressed(self, caller: Caller, key: str) -> Receipt:
        house, _line = self._line(caller)
        step, reason, saying, then = {
            "1": (Step.ACCEPTED, "the customer pressed 1", say.CALLBACK_CONNECTING, Next.CONNECT),
            "2": (Step.LATER, "the customer asked for a later call", say.CALLBACK_LATER, Next.HANGUP),
            "3": (Step.DECLINED, "the customer needs no call any more", say.CALLBACK_DECLINED, Next.HANGUP),
        }[key]
        await self._attempted(house, caller, step, reason)
        return self._receipt(house, caller, saying, then)

    async def callback_heard(self, caller: Caller) -> None:
        house, _line = self._line(caller)
        await self._attempted(house, caller, Step.TOLD, "heard the news to its end")

    async def operator(self, caller: Caller, pin: str) -> Treatment | Challenge:
        return await self._operators(caller).operator(caller, pin)

    async def ordered(self, caller: Caller, key: str) -> Receipt | Take:
        return await self._operators(caller).ordered(caller, key)

    async def taken(self, caller: Caller, audio: bytes) -> Treatment | Take:
        return await self._operators(caller).taken(caller, audio)

    async def approved(self, caller: Caller, key: str) -> Receipt | Take:
        return await self._operators(caller).approved(caller, key)

    async def rehearsal(self, caller: Caller) -> Rehearsal:
        return Rehearsal(urls=self._pbxs[PbxName(caller.pbx)].announcer.rehearsals.addresses())

    async def rehearsed(self, caller: Caller, playable: Mapping[str, bool]) -> None:
        self._pbxs[PbxName(caller.pbx)].announcer.rehearsals.rehearsed(playable)

    def promise(
        self, pbx: str, line: LineName, key: str, number: str, origin: str, pressed: datetime
    ) -> Promise | None:
        """The promise a key press stands for; None for a key that is never offered.

        When what was to be fixed is fixed before the key was pressed, a call back in turn is the nearest thing owed.
        """
        house = self._pbxs[PbxName(pbx)]
        desk, now = house.lines[line], self._clock()
        incident: Incident | None = None
        if key == Key.WHEN_FIXED.value:
            incident = next(iter(say.leading(line, house.watch.incidents)), None)
        elif key != Key.IN_TURN.value:
            return None
        return Promise(
            id=PromiseId(uuid4().hex),
            tenant=desk.tenant,
            pbx=PbxName(pbx),
            line=line,
            kind=Kind.RESTORED if incident else Kind.IN_TURN,
            number=number,
            origin=origin,
            arrived=pressed,
            expires=pressed + desk.lifetime,
            not_before=now + NEVER if incident else now,
            state=State.WAITING,
            reason=f"pressed {key}",
            incident=incident.id if incident else None,
        )

    async def drain(self, pbx: PbxName) -> int:
        """Move key presses the PBX kept while we were away into the ledger; return how many there were.

        Each is deleted on the PBX only after it is stored; drained twice it is still one promise.
        """
        house, began, before = self._pbxs[pbx], self._clock(), self._drained.get(pbx)
        kept = await actions.tree(house.session, contract.KEYS)
        for entry, value in kept.items():
            await self._drain_one(house, pbx, entry, value, before)
            await actions.delete(house.session, contract.KEYS, entry)
        self._drained[pbx] = began
        return len(kept)

    def _pressed(self, house: PbxDesk, epoch: int, since: datetime | None) -> datetime:
        """When a key was pressed, by our clock, from what the PBX noted by its own; it was not there `since`.

        The PBX's clock may have been set after that, or never: a time to come is none, nor one before the last drain,
        nor one of years ago, at which computers without a clock start.
        """
        now = self._clock()
        pressed = datetime.fromtimestamp(epoch, now.tzinfo) - house.announcer.clocks.ahead()
        if since is None:
            return min(pressed, now) if pressed > now - YEAR else now
        return min(max(pressed, since), now)

    async def _drain_one(self, house: PbxDesk, pbx: PbxName, entry: str, value: str, since: datetime | None) -> None:
        origin = entry.rpartition("-")[0]
        try:
            epoch, name, key, number = value.split(":", 3)
            line = LineName(name)
            promise = self.promise(pbx, line, key, number, origin, self._pressed(house, int(epoch), since))
        except (ValueError, KeyError, OverflowError, OSError):  # a time out of range is any of three
            promise = None
        if promise is None:
            log.warning("A key press kept by the PBX could not be read", pbx=pbx, entry=entry)
            return
        stored, new = await self._store.promises.make(promise, self._clock())
        refusal = self._refusal(house, line, number)
        if refusal and new:
            await self._store.promises.step(stored.id, Step.BLOCK, self._clock(), refusal)
        log.info("A key press kept by the PBX is in the ledger", pbx=pbx, promise_id=stored.id, new=new)
        house.promised(line)

    async def _attempted(self, house: PbxDesk, caller: Caller, step: Step, reason: str) -> Promise | None:
        """Move the promise this call was placed for; AMI's events may have been faster or be still on the way."""
        attempt = AttemptId(caller.attempt or "")
        if step is not Step.ANSWERED:
            await house.callbacks.moved(attempt, Step.ANSWERED, "answered")
        await house.callbacks.moved(attempt, step, reason)
        promise = await self._store.promises.by_attempt(attempt)
        return promise if promise is not None and promise.attempt == attempt else None

    def _refusal(self, house: PbxDesk, line: LineName, number: str | None) -> str | None:
        """Why a call to `number` is not promised, in words for the ledger; None when it may be. Caps are asked about
        before each call, and not while a caller waits for the answer."""
        desk = house.lines[line]
        judged = desk.rules.offers(desk.facts(number), Usage(), self._clock())
        return judged.reason if isinstance(judged, Refused) else None

    def _operators(self, caller: Caller) -> OperatorDesk:
        operators = self._pbxs[PbxName(caller.pbx)].operators
        if operators is None:
            raise KeyError(caller.line)
        return operators

    def _line(self, caller: Caller) -> tuple[PbxDesk, LineName]:
        return self._pbxs[PbxName(caller.pbx)], LineName(caller.line)

    def _receipt(self, house: PbxDesk, caller: Caller, saying: Saying, then: Next) -> Receipt:
        recording = house.announcer.prepared.get(LineName(caller.line), saying, caller.language)
        return Receipt(audio=self._audio(house, caller, recording), then=then)

    def _audio(self, house: PbxDesk, caller: Caller, *recordings: Recording) -> tuple[Audio, ...]:
        sounds = house.announcer.sounds
        return tuple(
            Audio(url=sounds.address(one, wide=caller.wide), seconds=one.seconds, name=one.hash) for one in recordings
        )
