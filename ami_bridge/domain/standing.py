"""How a promise stands, in plain words: why it has or has not been called, and what has to happen first.

Times are left out of the words, so that each reader is told them in their own zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ami_bridge.domain.names import AttemptId, LineName, TenantName
from ami_bridge.domain.promise import ENDS, Kind, Promise, State

# What is left of a promise's lifetime when somebody has to look: an eighth, and at most four hours.
_LAST_PART, _LAST_HOURS = 8, timedelta(hours=4)

_FLYING = {
    State.CLAIMED: "about to be called",
    State.DIALLING: "being called",
    State.RINGING: "being called: the phone rings",
    State.CONFIRMING: "being called: answered, asked to press 1",
    State.CONNECTING: "being called: accepted, on the way to an agent",
}
_WAITING = {
    Kind.IN_TURN: "waits for a free agent, in the order of arrival",
    Kind.MISSED: "waits for a free agent, after those who asked to be called",
    Kind.SCHEDULED: "waits for a free agent: the time they chose has come",
    Kind.RESTORED: "the outage is over: waits for its turn to be called",
}
_ENDED = {
    State.KEPT: "kept",
    State.WITHDRAWN: "withdrawn",
    State.EXPIRED: "expired",
    State.EXHAUSTED: "given up",
    State.BLOCKED: "blocked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`words` say how it stands; `until` is when that changes by itself, if that is known.

    `held`: its time has come, and a rule or a fault holds it back. `danger`: in which way it may come to nothing, in
    words; empty when there is no hurry.
    """

    words: str
    until: datetime | None = None
    held: bool = False
    danger: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened to a promise: `made`, `released`, or a step's value; its state afterwards, and why."""

    at: datetime
    what: str
    state: State
    reason: str
    attempt: AttemptId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A promise, how it stands, and all that happened to it, the oldest first."""

    promise: Promise
    standing: Standing
    entries: tuple[Entry, ...] = ()

    @property
    def ended(self) -> datetime | None:
        """When it ended; None while it is open."""
        return next((entry.at for entry in self.entries if entry.state in ENDS), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which promises are asked for; what is None does not matter. `since` <= arrived < `until`."""

    tenant: TenantName | None = None
    line: LineName | None = None
    number: str | None = None
    states: frozenset[State] | None = None
    kinds: frozenset[Kind] | None = None
    since: datetime | None = None
    until: datetime | None = None


def standing(promise: Promise, now: datetime) -> Standing:
    """How `promise` stands at `now`."""
    if promise.state in ENDS:
        return Standing(words=_because(_ENDED[promise.state], promise.reason))
    if promise.state is not State.WAITING:
        return Standing(words=_FLYING[promise.state])
    return _waiting(promise, now)


def _waiting(promise: Promise, now: datetime) -> Standing:
    early, danger = now < promise.not_before, endangered(promise, now)
    until = promise.not_before if early and promise.not_before < promise.expires else None
    if promise.held:
        return Standing(words=_because("held", promise.reason), until=until, held=True, danger=danger)
    if waits_for_its_incident(promise, now):
        return Standing(words="waits until the outage is over", danger=danger)
    if early and promise.attempts:
        return Standing(words=_because("will be tried again", promise.reason), until=until, danger=danger)
    if early:
        return Standing(words=_because("not called yet", promise.reason), until=until, danger=danger)
    if promise.attempts:
        return Standing(words=_because("waits to be called again", promise.reason), danger=danger)
    return Standing(words=_WAITING[promise.kind], danger=danger)


def waits_for_its_incident(promise: Promise, now: datetime) -> bool:
    """Whether a call with news has not been released yet: nobody knows when it is due."""
    touched = promise.held or promise.attempts > 0 or promise.not_before <= now
    return promise.kind is Kind.RESTORED and promise.state is State.WAITING and not touched


def endangered(promise: Promise, now: datetime) -> str:
    """Why `promise`, which waits, may come to nothing if nobody acts; empty when there is no hurry."""
    if promise.state is not State.WAITING:
        return ""
    if promise.not_before >= promise.expires and not waits_for_its_incident(promise, now):
        return "expires before it may be called"
    lifetime = promise.expires - promise.arrived
    return "about to expire" if promise.expires - now <= min(_LAST_HOURS, lifetime / _LAST_PART) else ""


def _because(words: str, reason: str) -> str:
    return f"{words}: {reason}" if reason else words
