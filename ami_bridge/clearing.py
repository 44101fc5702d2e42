"""What speaks against calling a customer now: asked immediately before each claim, and answered in the ledger.

A promise that is not called can always say why. What may pass holds it; what never will ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog

from ami_bridge.briefing import Briefs
from ami_bridge.callplan import CallPlan
from ami_bridge.domain.dispatch import NEWS
from ami_bridge.domain.names import TrunkName
from ami_bridge.domain.numbers import NotDialable, dial_string
from ami_bridge.domain.permission import Held, Refused
from ami_bridge.domain.promise import IllegalStep, Promise, Step
from ami_bridge.domain.signal import Subject
from ami_bridge.domain.verdict import Verdict
from ami_bridge.domain.watch import Watch
from ami_bridge.store import Store

log = structlog.get_logger(__name__)


class Clearance:
    """Asks the rules, the trunks, the customer's own place and the words."""

    def __init__(self, store: Store, watch: Watch, briefs: Briefs, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._watch = watch
        self._briefs = briefs
        self._clock = clock

    async def trunk_for(self, promise: Promise, plan: CallPlan) -> TrunkName | None:
        """Over which trunk `promise` may be called now; None if it may not, which the ledger then explains."""
        if self._is_early(promise):
            return None
        trunk = next((trunk for trunk in plan.trunks if not self._watch.trunk_is_down(trunk)), None)
        why = self._where_they_are(promise, plan) or self._briefs.obstacle(promise)
        if why or trunk is None:
            await self._hold(promise, why or "no trunk is up over which it could be called")
            return None
        return trunk if await self._rules_allow(promise, plan, trunk) else None

    def _is_early(self, promise: Promise) -> bool:
        """Whether its words are being made at this moment."""
        if promise.kind in NEWS:
            return self._briefs.customer(promise) is None and self._briefs.obstacle(promise) is None
        return self._briefs.awaited(promise)

    async def _rules_allow(self, promise: Promise, plan: CallPlan, trunk: TrunkName) -> bool:
        now, facts = self._clock(), plan.facts(promise.number)
        usage = await self._store.promises.usage(plan.tenant, promise.number, plan.rules.day_began(now))
        match plan.rules.dials(promise.kind, facts, usage, now, asked=promise.arrived):
            case Held(reason, until):
                await self._hold(promise, reason, until)
                return False
            case Refused(_refusal, reason):
                await self._block(promise, reason)
                return False
        try:
            dial_string(promise.number, trunk)
        except NotDialable as wrong:
            await self._block(promise, str(wrong))
            return False
        return True

    def _where_they_are(self, promise: Promise, plan: CallPlan) -> str | None:
        """Why calling there would be in vain: the customer's own place is down."""
        forms = {promise.number, plan.facts(promise.number).identity}
        for place in plan.places:
            if self._is_down(place.subject) and any(place.numbers.names(form) for form in forms):
                return f"{place.spoken}, where the customer is, is down"
        return None

    def _is_down(self, subject: Subject) -> bool:
        judge = self._watch.court.judges.get(subject)
        return judge is not None and judge.verdict is Verdict.DOWN

    async def _hold(self, promise: Promise, why: str, until: datetime | None = None) -> None:
        with suppress(IllegalStep):  # it moved meanwhile
            if await self._store.promises.hold(promise.id, self._clock(), why, until):
                log.info("A promise is held", promise_id=promise.id, why=why)

    async def _block(self, promise: Promise, why: str) -> None:
        with suppress(IllegalStep):
            await self._store.promises.step(promise.id, Step.BLOCK, self._clock(), why)
            log.warning("A promise may not be kept", promise_id=promise.id, why=why)
