"""What is said on callbacks, made and proved playable before anybody is called: dialling waits for nothing.

The customer's words are needed for a call; the agent's are left out where they could not be made in time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from ami_bridge.announcing import TRY_AGAIN, Announcer
from ami_bridge.callplan import CallPlan
from ami_bridge.domain import announcement as say
from ami_bridge.domain.dispatch import CALLS, NEWS
from ami_bridge.domain.names import AnnouncementHash, LineName, PbxName, PromiseId
from ami_bridge.domain.promise import Kind, Promise
from ami_bridge.domain.saying import Saying
from ami_bridge.store import LineKey, Store
from ami_bridge.voice.errors import VoiceError
from ami_bridge.voice.library import Recording

log = structlog.get_logger(__name__)

AHEAD = 4  # promises, beside as many as there are agents, whose words are made before their turn
FRESH = timedelta(seconds=3)  # how long a new promise waits for the agent's words


@dataclass(frozen=True, slots=True)
class Brief:
    """What is said about one promise, and `made` on which day: words name times as they are said that day."""

    made: date
    customer: Recording | None
    agent: Recording | None = None


class Briefs:
    """The words for the promises of one PBX that are about to be kept."""

    def __init__(
        self,
        pbx: PbxName,
        announcer: Announcer,
        store: Store,
        plans: Mapping[LineName, CallPlan],
        news: Callable[[Promise], Awaitable[Saying]],
        about: Callable[[Promise], Awaitable[str | None]],
        clock: Callable[[], datetime],
    ) -> None:
        self._pbx = pbx
        self._announcer = announcer
        self._store = store
        self._plans = plans
        self._news = news
        self._about = about
        self._clock = clock
        self._briefs: dict[LineName, dict[PromiseId, Brief]] = {line: {} for line in plans}
        self._troubles: dict[PromiseId, tuple[datetime, str]] = {}  # whose words could not be made, when, and why

    def customer(self, promise: Promise) -> Recording | None:
        """What the customer hears when they answer; None while it is being made, or cannot be."""
        brief = self._briefs[promise.line].get(promise.id)
        if brief is not None and brief.customer is not None:
            return brief.customer
        if promise.kind is Kind.RESTORED:
            return None
        return self._announcer.prepared.get(promise.line, self._plans[promise.line].greeting, promise.language)

    def agent(self, promise: Promise) -> AnnouncementHash:
        """What the agent hears before being joined, empty if this PBX cannot play it by now."""
        brief = self._briefs[promise.line].get(promise.id)
        ready = brief is not None and brief.agent is not None and self._announcer.rehearsals.can_play(brief.agent)
        return brief.agent.hash if ready and brief is not None and brief.agent is not None else AnnouncementHash("")

    def awaited(self, promise: Promise) -> bool:
        """Whether a moment more may bring the agent's words: it is new, and nothing says that they cannot be made."""
        fresh = self._clock() - max(promise.arrived, promise.not_before) < FRESH
        return fresh and promise.id not in self._briefs[promise.line] and promise.id not in self._troubles

    def obstacle(self, promise: Promise) -> str | None:
        """Why nobody can be told anything on a call for `promise` now; None when that is not known to be so."""
        words = self.customer(promise)
        if words is not None:
            unplayable = self._announcer.rehearsals.cannot_play(words)
            return "the PBX cannot play what is to be said" if unplayable else None
        trouble = self._troubles.get(promise.id)
        return trouble[1] if trouble else None

    def in_use(self) -> set[AnnouncementHash]:
        """The recordings that customers and agents may be played soon."""
        briefs = [brief for briefs in self._briefs.values() for brief in briefs.values()]
        return {one.hash for brief in briefs for one in (brief.customer, brief.agent) if one is not None}

    async def prepare(self, line: LineName, agents: int) -> bool:
        """Make the words for what comes next on `line`, and have the PBX fetch them; True if some are new."""
        key = LineKey(tenant=self._plans[line].tenant, pbx=self._pbx, line=line)
        now, plan = self._clock(), self._plans[line]
        coming = [
            *await self._store.promises.peek(key, CALLS, now, agents + AHEAD),
            *await self._store.promises.peek(key, NEWS, now, plan.limits.at_once + AHEAD),
        ]
        flying = [p for p in await self._store.promises.in_flight(self._pbx) if p.line == line]
        kept = {promise.id for promise in (*coming, *flying)}
        briefs = self._briefs[line] = {id_: brief for id_, brief in self._briefs[line].items() if id_ in kept}
        for gone in self._troubles.keys() - kept:
            if now - self._troubles[gone][0] >= TRY_AGAIN:
                del self._troubles[gone]
        missing = [p for p in coming if self._is_missing(p, briefs.get(p.id), now)]
        made = {promise.id: await self._make(promise, now) for promise in missing}
        wanted = [one for brief in made.values() for one in (brief.customer, brief.agent) if one is not None]
        await self._announcer.rehearsals.rehearse(wanted)
        briefs.update(made)
        return bool(made)

    def _is_missing(self, promise: Promise, brief: Brief | None, now: datetime) -> bool:
        trouble = self._troubles.get(promise.id)
        if trouble is not None and now - trouble[0] < TRY_AGAIN:
            return False
        return brief is None or brief.made != now.date() or trouble is not None

    async def _make(self, promise: Promise, now: datetime) -> Brief:
        customer = agent = None
        try:
            if promise.kind is Kind.RESTORED:
                customer = await self._render(promise, await self._news(promise), promise.language)
            elif promise.kind is Kind.MISSED:
                tenant = str(self._plans[promise.line].greeting.params["tenant"])
                customer = await self._render(promise, say.callback_missed(tenant, promise.arrived), promise.language)
            if promise.kind in CALLS:
                about = await self._about(promise)
                agent = await self._render(
                    promise, say.agent_callback(promise.kind, promise.number, promise.arrived, about)
                )
            self._troubles.pop(promise.id, None)
        except VoiceError as error:
            self._troubles[promise.id] = now, str(error)
            log.warning("Words for a callback could not be made", promise_id=promise.id, problem=str(error))
        return Brief(now.date(), customer, agent)

    async def _render(self, promise: Promise, saying: Saying, language: str = "") -> Recording:
        return await self._announcer.prepared.render(promise.line, saying, language)
