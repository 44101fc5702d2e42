"""The conversation in which a caller makes precise what they asked for: which number is called, and when.

What they pressed is stored before it begins, unless there is no number to call. Each answer is stored before it is
confirmed; whoever hangs up, and whatever fails, leaves the promise as it stands. All that is said was fetched by the
PBX before: where it was not, there is no conversation and the wish is confirmed as it is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from agi.desk import Audio, Caller, Next, Question, Receipt
from agi.errors import NotWritten
from ami_bridge.domain import announcement as say
from ami_bridge.domain import arranging as words
from ami_bridge.domain.names import LineName
from ami_bridge.domain.permission import Refusal
from ami_bridge.domain.promise import IllegalStep, Kind, Promise
from ami_bridge.domain.saying import Saying
from ami_bridge.domain.slots import Part, slot
from ami_bridge.promising import LineDesk, PbxDesk, Promising
from ami_bridge.store import AlreadyOwed, StoreError
from ami_bridge.voice.library import Recording

MOST_DIGITS = 18  # 00, fifteen digits and one more: a longer one is no number, and said to be none
MOST_TRIES = 3  # to key in a number
MOST_ANSWERS = 16  # of one caller, whatever they answer
MOST_CALLERS = 2000  # remembered at once; of more the oldest are forgotten, and what they asked for stands
CHOOSE_WITHIN = 3.0  # seconds after the words for a key: with what follows under four seconds of silence
TODAY_IS_OVER = frozenset({Refusal.TENANT_CAP, Refusal.SPEND})  # no other number would be called either

_PARTS = {words.ONE: Part.MORNING, words.TWO: Part.AFTERNOON}


class _Asked(Enum):
    """What a caller was asked last."""

    WHETHER_TO_CHANGE = auto()
    WHAT_TO_CHANGE = auto()
    NUMBER = auto()
    IS_IT_RIGHT = auto()
    WHETHER_A_TIME = auto()
    TIME = auto()


@dataclass(slots=True)
class _Wish:
    """What one caller asked for with `key`; `promise` is None while there is no number to call.

    `stood`: it had been promised before. `keyed` is the number they gave last and have not confirmed.
    """

    line: LineName
    language: str
    key: str
    promise: Promise | None
    stood: bool
    refused: Saying | None
    asked: _Asked = _Asked.NUMBER
    keyed: str = ""
    tries: int = 0
    answers: int = 0


class Arranging:
    """Leads these conversations on all PBXs. One is begun by `begin` and known by its caller's channel."""

    def __init__(self, promising: Promising, clock: Callable[[], datetime]) -> None:
        self._promising = promising
        self._clock = clock
        self._wishes: OrderedDict[tuple[str, str], _Wish] = OrderedDict()

    def begin(
        self,
        room: PbxDesk,
        caller: Caller,
        promise: Promise | None,
        *,
        stood: bool = False,
        refused: Saying | None = None,
    ) -> bool:
        """Get ready to converse with `caller` about `promise`, or about a number to promise a call to, after saying why
        theirs was `refused`. False where the PBX has not got all that may have to be said."""
        language = self.language(room, LineName(caller.line), caller.language)
        if language is None:
            return False
        who = (caller.pbx, caller.uniqueid)
        self._wishes[who] = _Wish(LineName(caller.line), language, caller.key, promise, stood, refused)
        self._wishes.move_to_end(who)
        while len(self._wishes) > MOST_CALLERS:
            self._wishes.popitem(last=False)
        return True

    def language(self, room: PbxDesk, line: LineName, wanted: str) -> str | None:
        """The language all of the conversation can be held in: the caller's or else the tenant's own; None: in none."""
        voice = room.announcer.voice(line)
        for language in dict.fromkeys((voice.language(wanted), voice.own)):
            if all(room.announcer.playable(line, saying, language) for saying in words.CONVERSATION):
                return language
        return None

    def arrange(self, room: PbxDesk, caller: Caller) -> Question | Receipt:
        """The first question. KeyError for a caller whom nobody remembers: the dialplan confirms what is stored."""
        wish = self._wishes[caller.pbx, caller.uniqueid]
        if wish.promise is None:
            return self._ask_number(room, caller, wish, wish.refused)
        if not wish.stood:
            return self._ask_what(room, caller, wish, [*self._opening(room, wish, wish.promise)])
        keys = words.PROMISED_KEYS_NUMBER if wish.promise.kind is Kind.RESTORED else words.PROMISED_KEYS
        wish.asked = _Asked.WHETHER_TO_CHANGE
        said = [*self._opening(room, wish, wish.promise), *self._number(room, wish, wish.promise.number)]
        return self._question(room, caller, wish, said, keys)

    async def arranged(self, room: PbxDesk, caller: Caller, answer: str) -> Question | Receipt:
        """What is said and asked after `answer`, stored by now. Raise NotWritten when it could not be."""
        who = (caller.pbx, caller.uniqueid)
        wish = self._wishes[who]
        wish.answers += 1
        try:
            said = await self._answered(room, caller, wish, answer if wish.answers <= MOST_ANSWERS else "")
        except (IllegalStep, AlreadyOwed):  # it is being kept at this moment, or another one stands for it
            said = self._end(room, caller, wish, words.FAILED)
        except StoreError as error:
            raise NotWritten(f"what a caller chose could not be stored: {error}") from error
        if isinstance(said, Receipt):
            del self._wishes[who]
        return said

    async def _answered(self, room: PbxDesk, caller: Caller, wish: _Wish, answer: str) -> Question | Receipt:
        match wish.asked:
            case _Asked.NUMBER:
                return self._keyed(room, caller, wish, answer)
            case _Asked.IS_IT_RIGHT:
                return await self._confirmed(room, caller, wish, answer)
            case _Asked.TIME:
                return await self._take_time(room, caller, wish, answer)
            case _:
                return await self._change(room, caller, wish, answer)

    async def _change(self, room: PbxDesk, caller: Caller, wish: _Wish, answer: str) -> Question | Receipt:
        """What the caller wants to change, if anything."""
        match wish.asked, answer:
            case _Asked.WHETHER_TO_CHANGE, words.TWO:
                return self._ask_what(room, caller, wish)
            case _Asked.WHETHER_TO_CHANGE, words.THREE:
                await self._promising.cancel(room, _made(wish))
                return self._end(room, caller, wish, words.CANCELLED, then=Next.CONTINUE)
            case _Asked.WHAT_TO_CHANGE, words.TWO:
                return self._ask_number(room, caller, wish)
            case ((_Asked.WHAT_TO_CHANGE | _Asked.WHETHER_A_TIME), words.THREE):
                wish.asked = _Asked.TIME
                return self._question(room, caller, wish, [], words.CHOOSE_TIME)
        return self._end(room, caller, wish, words.DONE)

    # Which number.

    def _ask_what(
        self, room: PbxDesk, caller: Caller, wish: _Wish, before: Iterable[Recording] = ()
    ) -> Question | Receipt:
        """Whether the number is right, and whether another one or a time is wished."""
        promise, wish.asked = _made(wish), _Asked.WHAT_TO_CHANGE
        keys = words.KEYS_NUMBER if promise.kind is Kind.RESTORED else words.KEYS
        return self._question(room, caller, wish, [*before, *self._number(room, wish, promise.number)], keys)

    def _ask_number(
        self, room: PbxDesk, caller: Caller, wish: _Wish, first: Saying | None = None
    ) -> Question | Receipt:
        wish.asked = _Asked.NUMBER
        said = self._recorded(room, wish, first, words.NUMBER_ENTER)
        return Question(audio=_audio(room, caller, said), digits=MOST_DIGITS, noted=wish.promise is not None)

    def _ask_number_again(
        self, room: PbxDesk, caller: Caller, wish: _Wish, first: Saying | None = None
    ) -> Question | Receipt:
        wish.tries += 1
        if wish.tries >= MOST_TRIES:
            return self._unchanged(room, caller, wish)
        return self._ask_number(room, caller, wish, first)

    def _keyed(self, room: PbxDesk, caller: Caller, wish: _Wish, number: str) -> Question | Receipt:
        """A number was keyed in: read it back, or say why it is not called."""
        if not number:
            return self._ask_number_again(room, caller, wish)
        refused = self._promising.refusal(room.lines[wish.line], number)
        if refused is not None and refused.refusal in TODAY_IS_OVER:
            return self._end(room, caller, wish, words.refused(refused.refusal.value), then=Next.CONTINUE)
        if refused is not None:
            return self._ask_number_again(room, caller, wish, words.refused(refused.refusal.value))
        wish.keyed, wish.asked = self._as_dialled(room.lines[wish.line], caller, number), _Asked.IS_IT_RIGHT
        said = self._recorded(room, wish, words.NUMBER_ENTERED, *words.digits(number))
        return self._question(room, caller, wish, said, words.NUMBER_KEYS)

    def _as_dialled(self, desk: LineDesk, caller: Caller, number: str) -> str:
        """`number` as the trunks write numbers: they showed the caller's own in international form, or did not."""
        international = desk.facts(number).e164
        if international is None or not (caller.number or "").startswith("+"):
            return number
        return number if self._promising.refusal(desk, international) else international

    async def _confirmed(self, room: PbxDesk, caller: Caller, wish: _Wish, answer: str) -> Question | Receipt:
        if answer == words.ONE:
            return await self._take_number(room, caller, wish)
        if answer == words.TWO:
            return self._ask_number_again(room, caller, wish)
        return self._unchanged(room, caller, wish)

    async def _take_number(self, room: PbxDesk, caller: Caller, wish: _Wish) -> Question | Receipt:
        if wish.promise is None:
            asked = self._promising.promise(
                room, wish.line, wish.key, wish.keyed, caller.uniqueid, self._clock(), caller.language
            )
            if asked is None:
                return self._end(room, caller, wish, say.NOT_NOTED, then=Next.CONTINUE)
            wish.promise, _new = await self._promising.make(room, asked)
        else:
            reason = "the customer gave another number"
            wish.promise = await self._promising.move(room, wish.promise, reason, number=wish.keyed)
        if wish.promise.kind is Kind.RESTORED:
            return self._end(room, caller, wish, words.NUMBER_NOTED, words.DONE)
        wish.asked = _Asked.WHETHER_A_TIME
        return self._question(room, caller, wish, self._recorded(room, wish, words.NUMBER_NOTED), words.KEYS_TIME)

    # At what time.

    async def _take_time(self, room: PbxDesk, caller: Caller, wish: _Wish, answer: str) -> Receipt:
        now, part, promise = self._clock(), _PARTS.get(answer), _made(wish)
        if part is None:
            if answer and promise.kind is Kind.SCHEDULED:
                await self._promising.move(room, promise, "the customer wants it in turn", not_before=now)
            return self._end(room, caller, wish, words.DONE)
        desk = room.lines[wish.line]
        calling = desk.rules.hours(Kind.SCHEDULED, desk.facts(promise.number))

        def works(moment: datetime) -> bool:
            staffed = desk.hours.is_open(moment) if desk.hours else moment.astimezone(desk.zone).weekday() < 5
            return staffed and calling.is_open(moment)

        chosen = slot(part, now, desk.zone, works)
        if chosen is None:
            return self._end(room, caller, wish, words.SCHEDULED_NONE)
        reason = f"the customer chose the {part.value}"
        wish.promise = await self._promising.move(room, promise, reason, not_before=chosen.begin)
        return self._end(room, caller, wish, words.scheduled(chosen.day, part))

    # What is said.

    def _opening(self, room: PbxDesk, wish: _Wish, promise: Promise) -> Iterable[Recording]:
        """That it is written down, and when the call is to be expected as far as that is known."""
        if wish.stood:
            told = room.known.promised(wish.line, promise.number, wish.language)
            if told is not None:
                return [told]
        saying = words.promised(promise.kind) if wish.stood else words.noted(promise.kind)
        window = room.known.windows.window(wish.line) if promise.kind is Kind.IN_TURN and not wish.stood else None
        recording = room.announcer.playable(wish.line, words.window_saying(window), wish.language) if window else None
        return [*self._recorded(room, wish, saying), *([recording] if recording else ())]

    def _number(self, room: PbxDesk, wish: _Wish, number: str) -> list[Recording]:
        return self._recorded(room, wish, words.NUMBER, *words.digits(number))

    def _question(
        self, room: PbxDesk, caller: Caller, wish: _Wish, before: Iterable[Recording], saying: Saying
    ) -> Question:
        said = [*before, *self._recorded(room, wish, saying)]
        audio = _audio(room, caller, said)
        return Question(audio=audio, keys=saying.keys, wait=CHOOSE_WITHIN, noted=wish.promise is not None)

    def _unchanged(self, room: PbxDesk, caller: Caller, wish: _Wish) -> Receipt:
        if wish.promise is None:
            return self._end(room, caller, wish, say.NOT_NOTED, then=Next.CONTINUE)
        return self._end(room, caller, wish, words.UNCHANGED)

    def _end(self, room: PbxDesk, caller: Caller, wish: _Wish, *sayings: Saying, then: Next = Next.HANGUP) -> Receipt:
        audio = _audio(room, caller, self._recorded(room, wish, *sayings))
        return Receipt(audio=audio, then=then, noted=wish.promise is not None)

    def _recorded(self, room: PbxDesk, wish: _Wish, *sayings: Saying | None) -> list[Recording]:
        """The recordings, all of which were there when the conversation began."""
        get = room.announcer.prepared.get
        return [get(wish.line, saying, wish.language) for saying in sayings if saying is not None]


def _audio(room: PbxDesk, caller: Caller, recordings: Iterable[Recording]) -> tuple[Audio, ...]:
    address = room.announcer.sounds.address
    return tuple(Audio(url=address(one, wide=caller.wide), seconds=one.seconds, name=one.hash) for one in recordings)


def _made(wish: _Wish) -> Promise:
    """The promise of a wish that is past the question for a number."""
    if wish.promise is None:
        raise RuntimeError("nothing was promised yet")
    return wish.promise
