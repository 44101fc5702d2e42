"""How states are put to an operator: plain words, and a tone that the style sheet may underline.

A tone never stands alone: every state carries its words, so colour is not needed to read it.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from ami_bridge.domain import signal
from ami_bridge.domain.incident import IncidentState, Story
from ami_bridge.domain.promise import Kind, State
from ami_bridge.domain.signal import Source
from ami_bridge.domain.status import Link


class Tone(Enum):
    GOOD = "good"
    BUSY = "busy"  # under way, nothing wrong
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"  # not watched, or a word this page does not know
    QUIET = "quiet"  # over, or nothing to say


LINK = {
    Link.UP: ("watched", Tone.GOOD),
    Link.CONNECTING: ("not watched: connecting", Tone.BAD),
    Link.REFUSED: ("not watched: the PBX refuses us", Tone.BAD),
}

LINE = {
    "answered": ("answered", Tone.GOOD),
    "unanswered": ("nobody answers", Tone.BAD),
}

HEALTH = {
    "up": ("up", Tone.GOOD),
    "suspect": ("suspect", Tone.WARN),
    "down": ("down", Tone.BAD),
    "recovering": ("recovering", Tone.WARN),
}

REGISTRATION = {
    "registered": "registered with the carrier",
    "rejected": "registration rejected by the carrier",
    "stopped": "registration stopped",
    "unregistered": "not registered with the carrier",
}

INCIDENT = {
    IncidentState.SUSPECTED: ("suspected", Tone.WARN),
    IncidentState.INVESTIGATING: ("investigating", Tone.BAD),
    IncidentState.IDENTIFIED: ("identified", Tone.BAD),
    IncidentState.MONITORING: ("monitoring", Tone.WARN),
    IncidentState.RESOLVED: ("resolved", Tone.QUIET),
}

STORY = {
    Story.OUTAGE: "out of order",
    Story.AUDIO: "calls are hard to understand",
    Story.UNANSWERED: "nobody is there to answer",
    Story.SURGE: "more callers than usual",
}

SUBJECT = {
    signal.Kind.TRUNK: "Trunk",
    signal.Kind.SITE: "Site",
    signal.Kind.LINE: "Line",
    signal.Kind.TENANT: "Tenant",
    signal.Kind.PBX: "The PBX",
}

# Who testifies, as it stands before what they say.
SOURCE = {
    Source.REGISTRATION: "registration",
    Source.QUALIFY: "qualify",
    Source.ROUND_TRIP: "round trip",
    Source.CALLS: "calls out",
    Source.SILENCE: "calls in",
    Source.SURGE: "number of callers",
    Source.PHONES: "phones",
    Source.AUDIO: "audio",
    Source.AGENTS: "agents",
    Source.WAITING: "waiting callers",
    Source.ABANDONS: "callers who gave up",
    Source.RINGING: "ringing phones",
    Source.UNANSWERED: "unanswered callers",
    Source.LINK: "AMI link",
    Source.OPERATOR: "operator",
    Source.WEBHOOK: "webhook",
}

LANGUAGE = {"en": "English", "de": "German", "es": "Spanish", "fr": "French"}

KIND = {
    Kind.IN_TURN: "callback in turn",
    Kind.MISSED: "callback of a missed call",
    Kind.SCHEDULED: "callback at a chosen time",
    Kind.RESTORED: "call when it is fixed",
}

# What happened to a promise, by what the ledger calls it.
STEP = {
    "made": "promised",
    "released": "the outage is over",
    "asked": "asked to be called",
    "solved": "asked whether it is solved",
    "claim": "chosen to be called",
    "dialled": "dialled",
    "rang": "rings",
    "answered": "answered",
    "accepted": "pressed 1",
    "joined": "talks with an agent",
    "told": "heard the news",
    "busy": "busy",
    "no-answer": "nobody answered",
    "refused": "the phone turned it down",
    "machine": "no person answered",
    "failed": "the call failed, not for their fault",
    "later": "asked for another time",
    "unmet": "no agent was reached",
    "declined": "not needed any more",
    "withdraw": "withdrawn",
    "hold": "held",
    "move": "moved",
    "retry": "to be tried again",
    "expire": "expired",
    "exhaust": "given up",
    "block": "blocked",
}

PROMISE = {
    State.WAITING: ("waiting", Tone.BUSY),
    State.CLAIMED: ("about to dial", Tone.BUSY),
    State.DIALLING: ("dialling", Tone.BUSY),
    State.RINGING: ("ringing", Tone.BUSY),
    State.CONFIRMING: ("answered: asking for 1", Tone.BUSY),
    State.CONNECTING: ("accepted: to an agent", Tone.BUSY),
    State.KEPT: ("kept", Tone.GOOD),
    State.WITHDRAWN: ("withdrawn", Tone.QUIET),
    State.EXPIRED: ("expired", Tone.BAD),
    State.EXHAUSTED: ("given up", Tone.BAD),
    State.BLOCKED: ("blocked", Tone.BAD),
}


def verdict(known: dict[str, tuple[str, Tone]], said: str) -> tuple[str, Tone]:
    """The words and tone for a verdict; one that is not in the list is shown as it is and never as a good one."""
    return known.get(said, (said, Tone.UNKNOWN))


def health(said: str) -> str:
    """What is thought of something, as a remark beside its own state; empty when all is well."""
    return "" if said == "up" else f"judged {verdict(HEALTH, said)[0]}"


def language(tag: str) -> str:
    """`German` for `de`, and for `de_AT` and `de-at`; a language without a name here is called by its tag."""
    return LANGUAGE.get(tag[:2], tag)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 caller`, `3 callers`, `no callers`."""
    noun = one if number == 1 else many or one + "s"
    return f"{number or 'no'} {noun}"


def elapsed(span: timedelta) -> str:
    """A span of time as it is read aloud. static/times.js says the same in the browser; a test compares the two."""
    seconds = max(0, int(span.total_seconds()))
    minutes, hours = seconds // 60, seconds // 3600
    if seconds < 60:
        return f"{seconds} s"
    if minutes < 60:
        return f"{minutes} min {seconds % 60:02} s"
    if hours < 48:
        return f"{hours} h {minutes % 60:02} min"
    return f"{hours // 24} days"
