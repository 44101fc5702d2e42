"""Where a promise stands and why, in plain words: what the command and the page tell of it."""

from __future__ import annotations

from datetime import datetime

from ami_bridge.domain.promise import IN_FLIGHT, Kind, Promise, State

_FLYING = {
    State.CLAIMED: "about to be called",
    State.DIALLING: "being called",
    State.RINGING: "their phone rings",
    State.CONFIRMING: "answered, and no key pressed yet",
    State.CONNECTING: "accepted, on the way to an agent",
}
_ENDED = {
    State.KEPT: "kept",
    State.WITHDRAWN: "withdrawn",
    State.EXPIRED: "given up, its time ran out",
    State.EXHAUSTED: "given up, it was tried often enough",
    State.BLOCKED: "not allowed to be called",
}


def standing(promise: Promise, now: datetime) -> str:
    """Say in one line whether `promise` is called, was called or will be, and the reason; times are in `now`'s zone."""
    if promise.state in IN_FLIGHT:
        words = f"{_FLYING[promise.state]} ({_count(promise.attempts)})"
    elif promise.state is State.WAITING:
        words = _waiting(promise, now) + _tried(promise)
    else:
        words = _ENDED[promise.state] + _tried(promise) + _solved(promise)
    return f"{words}: {promise.reason}" if promise.reason else words


def _waiting(promise: Promise, now: datetime) -> str:
    if now >= promise.expires:
        return f"too late since {_when(promise.expires, now)}"
    if waits_for_its_incident(promise, now):
        return "waiting until it is fixed"
    if promise.not_before <= now:
        since = promise.turn if promise.kind is not Kind.RESTORED else promise.not_before
        return "held back" if promise.held else f"waiting for its turn since {_when(since, now)}"
    until = _when(promise.not_before, now)
    if promise.held:
        return f"held back until {until}"
    if promise.chosen == promise.not_before:
        return f"to be called from {until} on, as they chose"
    return f"to be called from {until} on"


def waits_for_its_incident(promise: Promise, now: datetime) -> bool:
    """Whether a call with news has not been released yet."""
    touched = promise.held or promise.attempts > 0 or promise.not_before <= now
    return promise.kind is Kind.RESTORED and promise.state is State.WAITING and not touched


def _tried(promise: Promise) -> str:
    if not promise.attempts:
        return ", not called yet" if promise.state is State.WAITING else ", never called"
    failed = f", {promise.failures} through no fault of theirs" if promise.failures else ""
    return f", called {_times(promise.attempts)}{failed}"


def _solved(promise: Promise) -> str:
    return {None: "", True: ", solved as they say", False: ", not solved as they say"}[promise.solved]


def _count(attempts: int) -> str:
    return "for the first time" if attempts == 1 else f"attempt {attempts}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _when(moment: datetime, now: datetime) -> str:
    """The time of day; with its date unless that is today's."""
    local = moment.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%Y-%m-%d %H:%M}"
