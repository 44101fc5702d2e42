"""What callers ask for becomes promises: refused, or in the ledger before they are told so; also what a PBX kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.session import Session
from ami_bridge.announcing import Announcer
from ami_bridge.calling import Callbacks
from ami_bridge.declaring import OperatorDesk
from ami_bridge.domain import announcement as say
from ami_bridge.domain.hours import Hours
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import LineName, PbxName, PromiseId, TenantName, Uniqueid
from ami_bridge.domain.numbers import NumberFacts
from ami_bridge.domain.permission import CallingRules, Refused
from ami_bridge.domain.promise import Kind, Promise, State, Step, Usage
from ami_bridge.domain.saying import Key, Saying
from ami_bridge.domain.watch import Watch
from ami_bridge.knowing import KnownCallers
from ami_bridge.store import Store
from ami_bridge.whispering import Whisperer
from dialplan_templates import contract

log = structlog.get_logger(__name__)

NEVER = timedelta(days=3650)  # a restored-service call is due when its incident is resolved, and not before
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDesk:
    """What the desk knows about one line. `spoken` is the tenant as callers know it; `hours` are None where none are
    set; `rules` say which numbers may be promised a call, and `facts` what a number is."""

    tenant: TenantName
    spoken: str
    lifetime: timedelta
    zone: ZoneInfo
    hours: Hours | None
    rules: CallingRules
    facts: Callable[[str | None], NumberFacts]


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


class Promising:
    """Writes down what callers ask for. `now` is the house's clock."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._drained: dict[str, datetime] = {}  # what the PBX of that name kept by then is in the ledger

    def refusal(self, desk: LineDesk, number: str | None) -> Refused | None:
        """Why `number` may not be promised a call. What was called today is looked at when it is to be dialled."""
        judged = desk.rules.offers(desk.facts(number), Usage(), self._clock())
        return judged if isinstance(judged, Refused) else None

    def promise(
        self,
        room: PbxDesk,
        line: LineName,
        key: str,
        number: str,
        origin: str,
        pressed: datetime,
        language: str,
    ) -> Promise | None:
        """The promise a key press stands for; None for a key that is never offered.

        When what was to be fixed is fixed before the key was pressed, a call back in turn is the nearest thing owed.
        """
        desk, now = room.lines[line], self._clock()
        incident: Incident | None = None
        if key == Key.WHEN_FIXED.value:
            incident = next(iter(say.leading(line, room.watch.incidents)), None)
        elif key != Key.IN_TURN.value:
            return None
        return Promise(
            id=PromiseId(uuid4().hex),
            tenant=desk.tenant,
            pbx=PbxName(room.session.name),
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
            language=room.announcer.voice(line).language(language) if language else "",
        )

    async def make(self, room: PbxDesk, promise: Promise, at: datetime | None = None) -> tuple[Promise, bool]:
        """Store `promise`, or find the one that stands for it already (and False). Raise StoreError."""
        made = await self._store.promises.make(promise, at)
        room.promised(promise.line)
        return made

    async def move(
        self,
        room: PbxDesk,
        promise: Promise,
        reason: str,
        *,
        number: str | None = None,
        not_before: datetime | None = None,
    ) -> Promise:
        """Have `promise` kept at another time or on another number. Raise StoreError or IllegalStep."""
        step = self._store.promises.step
        moved = await step(promise.id, Step.MOVE, self._clock(), reason, number=number, not_before=not_before)
        room.promised(promise.line)
        return moved

    async def cancel(self, room: PbxDesk, promise: Promise) -> None:
        """The caller wants no call any more. Raise StoreError or IllegalStep."""
        await self._store.promises.step(promise.id, Step.WITHDRAW, self._clock(), "the customer cancelled it")
        room.promised(promise.line)

    async def drain(self, room: PbxDesk) -> int:
        """Move key presses the PBX kept while we were away into the ledger; return how many there were.

        Each is deleted on the PBX only after it is stored; drained twice it is still one promise.
        """
        began, before = self._clock(), self._drained.get(room.session.name)
        kept = await actions.tree(room.session, contract.KEYS)
        for entry, value in kept.items():
            await self._drain_one(room, entry, value, before)
            await actions.delete(room.session, contract.KEYS, entry)
        self._drained[room.session.name] = began
        return len(kept)

    def _pressed(self, room: PbxDesk, epoch: int, since: datetime | None) -> datetime:
        """When a key was pressed, by our clock, from what the PBX noted by its own; it was not there `since`.

        The PBX's clock may have been set after that, or never: a time to come is none, nor one before the last drain,
        nor one of years ago, at which computers without a clock start.
        """
        now = self._clock()
        pressed = datetime.fromtimestamp(epoch, now.tzinfo) - room.announcer.clocks.ahead()
        if since is None:
            return min(pressed, now) if pressed > now - YEAR else now
        return min(max(pressed, since), now)

    async def _drain_one(self, room: PbxDesk, entry: str, value: str, since: datetime | None) -> None:
        promise = self._read(room, entry, value, since)
        if promise is None:
            log.warning("A key press kept by the PBX could not be read", pbx=room.session.name, entry=entry)
            return
        stored, new = await self.make(room, promise, self._clock())
        refused = self.refusal(room.lines[promise.line], promise.number)
        if refused and new:
            await self._store.promises.step(stored.id, Step.BLOCK, self._clock(), refused.reason)
        log.info("A key press kept by the PBX is in the ledger", pbx=room.session.name, promise_id=stored.id, new=new)

    def _read(self, room: PbxDesk, entry: str, value: str, since: datetime | None) -> Promise | None:
        """The promise an entry stands for; None for one that cannot be read."""
        origin = entry.rpartition("-")[0]
        try:
            epoch, name, key, number, language = value.split(":", 4)
            pressed = self._pressed(room, int(epoch), since)
            return self.promise(room, LineName(name), key, number, origin, pressed, language)
        except (ValueError, KeyError, OverflowError, OSError):  # a time out of range is any of three
            return None
