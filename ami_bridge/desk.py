"""The house behind the front desk: what the AGI scripts are told, and what callers ask for, written down first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from agi.desk import Audio, Caller, Challenge, Next, Question, Receipt, Rehearsal, Take, Treatment
from agi.errors import NotWritten
from ami_bridge.arranging import TODAY_IS_OVER, Arranging
from ami_bridge.declaring import OperatorDesk
from ami_bridge.domain import announcement as say
from ami_bridge.domain import arranging as words
from ami_bridge.domain.names import AttemptId, LineName, PbxName, Uniqueid
from ami_bridge.domain.permission import Refusal, Refused
from ami_bridge.domain.promise import Kind, Promise, Step
from ami_bridge.domain.saying import Key, Saying
from ami_bridge.promising import PbxDesk, Promising
from ami_bridge.store import Store, StoreError
from ami_bridge.voice.library import Recording

log = structlog.get_logger(__name__)


class HouseDesk:
    """Implements `agi.desk.Desk` for all PBXs. A caller from a PBX or for a line not in the settings is a KeyError,
    which ends that session: the dialplan then plays what it has."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._promising = Promising(store, clock)
        self._arranging = Arranging(self._promising, clock)
        self._pbxs: dict[PbxName, PbxDesk] = {}
        self._clock = clock

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
        also = self._window(house, caller) if Key.IN_TURN.value in told.keys else None
        return Treatment(audio=self._audio(house, caller, *mine, told.recording), keys=told.keys, also=also)

    async def unanswered(self, caller: Caller) -> Treatment:
        house, line = self._line(caller)
        house.in_vain(Uniqueid(caller.uniqueid))
        refused = self._promising.refusal(house.lines[line], caller.number)
        if refused is not None:
            return self._refused(house, caller, refused)
        saying = words.OFFER_KNOWN if house.known.is_owed(line, caller.number) else say.OFFER
        mine = house.known.words(line, caller.number, caller.language)
        also = self._window(house, caller)
        if saying is words.OFFER_KNOWN:
            if not self._can_converse(house, caller):
                saying = say.OFFER
            also = None
        offer = house.announcer.prepared.get(line, saying, caller.language)
        return Treatment(audio=self._audio(house, caller, *mine, offer), keys=saying.keys, also=also)

    def _refused(self, house: PbxDesk, caller: Caller, refused: Refused) -> Treatment:
        """The offer to a caller whose number is not called: why, and to give another one where that would help."""
        line, get = LineName(caller.line), house.announcer.prepared.get
        mine = house.known.words(line, caller.number, caller.language)
        if not self._can_converse(house, caller):
            return Treatment(audio=self._audio(house, caller, *mine, get(line, say.OFFER_NO_NUMBER, caller.language)))
        why = get(line, words.refused(refused.refusal.value), caller.language)
        if refused.refusal in TODAY_IS_OVER:
            return Treatment(audio=self._audio(house, caller, *mine, why))
        withheld = refused.refusal is Refusal.WITHHELD
        saying = words.OFFER_WITHHELD if withheld else words.OFFER_OTHER
        said = () if withheld else (why,)
        offer = get(line, saying, caller.language)
        return Treatment(audio=self._audio(house, caller, *mine, *said, offer), keys=saying.keys)

    async def pressed(self, caller: Caller, key: str) -> Receipt:
        house, line = self._line(caller)
        refused = self._promising.refusal(house.lines[line], caller.number)
        if refused is not None:
            return self._ask_for_another(house, caller, refused)
        now, number = self._clock(), caller.number or ""
        promise = self._promising.promise(house, line, key, number, caller.uniqueid, now, caller.language)
        if promise is None:
            return self._receipt(house, caller, say.NOT_NOTED, Next.CONTINUE)
        try:
            stored, new = await self._promising.make(house, promise)
        except StoreError as error:
            raise NotWritten(f"the PBX goes on keeping a promise, for the store failed: {error}") from error
        if self._arranging.begin(house, caller, stored, stood=not new):
            return Receipt(then=Next.ARRANGE)
        noted = say.NOTED_RESTORED if promise.kind is Kind.RESTORED else say.NOTED_IN_TURN
        return self._receipt(house, caller, noted if new else say.ALREADY_PROMISED, Next.HANGUP)

    def _ask_for_another(self, house: PbxDesk, caller: Caller, refused: Refused) -> Receipt:
        """There is nothing to store yet: the caller's number is not called. They may give another."""
        why = words.refused(refused.refusal.value)
        if refused.refusal in TODAY_IS_OVER and self._can_converse(house, caller):
            return self._receipt(house, caller, why, Next.CONTINUE)
        first = None if refused.refusal is Refusal.WITHHELD else why
        if self._arranging.begin(house, caller, None, refused=first):
            return Receipt(then=Next.ASK)
        return self._receipt(house, caller, say.OFFER_NO_NUMBER, Next.CONTINUE)

    async def arrange(self, caller: Caller) -> Question | Receipt:
        house, _line = self._line(caller)
        return self._arranging.arrange(house, caller)

    async def arranged(self, caller: Caller, answer: str) -> Question | Receipt:
        house, _line = self._line(caller)
        return await self._arranging.arranged(house, caller, answer)

    async def callback(self, caller: Caller) -> Treatment:
        house, line = self._line(caller)
        promise = await self._attempted(house, caller, Step.ANSWERED, "answered")
        if promise is None:
            log.warning("A callback nobody owes was answered", pbx=caller.pbx, attempt=caller.attempt)
            return Treatment(then=Next.HANGUP)
        if promise.kind is Kind.RESTORED:
            saying = await house.news(promise)
        else:
            saying = say.calling_back(promise.kind, house.lines[line].spoken, promise.arrived)
        return Treatment(
            # fetched before the call was placed: a rehearsal now would leave the customer in silence
            audio=self._audio(house, caller, await house.announcer.prepared.render(line, saying, promise.language)),
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
        promise = await self._store.promises.by_attempt(AttemptId(caller.attempt or ""))
        await self._attempted(house, caller, step, reason)
        spoken = caller._replace(language=promise.language) if promise and promise.language else caller
        return self._receipt(house, spoken, saying, then)

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

    async def drain(self, pbx: PbxName) -> int:
        """Move key presses the PBX kept while we were away into the ledger; return how many there were."""
        return await self._promising.drain(self._pbxs[pbx])

    async def _attempted(self, house: PbxDesk, caller: Caller, step: Step, reason: str) -> Promise | None:
        """Move the promise this call was placed for; AMI's events may have been faster or be still on the way."""
        attempt = AttemptId(caller.attempt or "")
        if step is not Step.ANSWERED:
            await house.callbacks.moved(attempt, Step.ANSWERED, "answered")
        await house.callbacks.moved(attempt, step, reason)
        promise = await self._store.promises.by_attempt(attempt)
        return promise if promise is not None and promise.attempt == attempt else None

    def _can_converse(self, house: PbxDesk, caller: Caller) -> bool:
        return self._arranging.language(house, LineName(caller.line), caller.language) is not None

    def _window(self, house: PbxDesk, caller: Caller) -> Audio | None:
        """Within what time a call back is to be expected, if that can be told, in the language of all the rest."""
        line = LineName(caller.line)
        window = house.known.windows.window(line)
        if window is None:
            return None
        spoken = house.announcer.voice(line).language(caller.language)
        recording = house.announcer.playable(line, words.window_saying(window), spoken)
        return self._audio(house, caller, recording)[0] if recording else None

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
