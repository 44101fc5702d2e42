"""The ledger's state machine: what is owed to a caller, how it moves, and why.

A promise starts waiting and has exactly one end. Every move is one entry of `NEXT`; an unknown pair raises and changes
nothing. Nothing here dials: the store commits a move before the PBX hears of it, so that a crash between the two
leaves a promise whose attempt can be asked about by its channel, and never one that is dialled twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from ami_bridge.domain.names import AttemptId, IncidentId, LineName, PbxName, PromiseId, TenantName

# What an attempt's channel id begins with, so that our own calls are told from everybody else's on the wire.
ATTEMPT_PREFIX = "keepline-"  # of the Uniqueids of attempts, chosen by us


class Kind(Enum):
    IN_TURN = "in-turn"  # called back when an agent is free, in the order of arrival
    RESTORED = "restored"  # called and told when the incident they heard about is over


class State(Enum):
    WAITING = "waiting"
    CLAIMED = "claimed"  # an attempt and its channel id are committed; the PBX may or may not have been asked yet
    DIALLING = "dialling"
    RINGING = "ringing"
    CONFIRMING = "confirming"  # answered; a person has not yet pressed a key
    CONNECTING = "connecting"  # accepted with 1; on the way to an agent
    KEPT = "kept"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    BLOCKED = "blocked"


ENDS = frozenset({State.KEPT, State.WITHDRAWN, State.EXPIRED, State.EXHAUSTED, State.BLOCKED})
IN_FLIGHT = frozenset({State.CLAIMED, State.DIALLING, State.RINGING, State.CONFIRMING, State.CONNECTING})


class Step(Enum):
    """What can happen to a promise."""

    CLAIM = "claim"  # an attempt was chosen for it
    DIALLED = "dialled"  # the PBX accepted the Originate
    RANG = "rang"
    ANSWERED = "answered"
    ACCEPTED = "accepted"  # the customer pressed 1
    JOINED = "joined"  # bridged with an agent
    TOLD = "told"  # news only: heard to the end, or acknowledged
    LATER = "later"  # the customer asked for another time
    UNREACHED = "unreached"  # busy, no answer, a machine, hung up before accepting, or the attempt failed
    UNMET = "unmet"  # accepted, but no agent was reached
    DECLINED = "declined"  # not needed any more, or the customer got through another way
    EXPIRE = "expire"
    EXHAUST = "exhaust"
    BLOCK = "block"


NEXT: dict[tuple[State, Step], State] = {
    (State.WAITING, Step.CLAIM): State.CLAIMED,
    (State.CLAIMED, Step.DIALLED): State.DIALLING,
    (State.CLAIMED, Step.RANG): State.RINGING,
    (State.DIALLING, Step.RANG): State.RINGING,
    (State.CONFIRMING, Step.ACCEPTED): State.CONNECTING,
    (State.CONNECTING, Step.JOINED): State.KEPT,
    (State.CONNECTING, Step.UNMET): State.WAITING,
    (State.CONFIRMING, Step.TOLD): State.KEPT,
    (State.CONFIRMING, Step.LATER): State.WAITING,
    (State.WAITING, Step.EXPIRE): State.EXPIRED,
    (State.WAITING, Step.EXHAUST): State.EXHAUSTED,
    (State.WAITING, Step.BLOCK): State.BLOCKED,
    (State.WAITING, Step.DECLINED): State.WITHDRAWN,
    # Events from the PBX may overtake the answer to our Originate; an answer implies it was dialled and rang.
    **{(s, Step.ANSWERED): State.CONFIRMING for s in (State.CLAIMED, State.DIALLING, State.RINGING)},
    **{(s, Step.UNREACHED): State.WAITING for s in IN_FLIGHT - {State.CONNECTING}},
    **{(s, Step.DECLINED): State.WITHDRAWN for s in IN_FLIGHT},
}


def is_attempt(uniqueid: str) -> bool:
    """Whether a channel or call is an attempt of ours, by its Uniqueid."""
    return uniqueid.startswith(ATTEMPT_PREFIX)


class IllegalStep(Exception):
    """A promise was asked to make a move its state does not allow; nothing was changed."""

    def __init__(self, promise: Promise, step: Step) -> None:
        super().__init__(f"promise {promise.id} is {promise.state.value}: it cannot take the step {step.value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One thing owed to one caller.

    `origin` names the call or key press it came from; one origin yields one promise of a kind however often it is
    reported. `arrived` is when the caller reached the line: the order in which callbacks are placed. `attempt` is the
    attempt in flight, also its channel's Uniqueid. A RESTORED promise is made with `not_before` far in the future; it
    is due once its `incident` is resolved. All times are timezone-aware.
    """

    id: PromiseId
    tenant: TenantName
    pbx: PbxName
    line: LineName
    kind: Kind
    number: str
    origin: str
    arrived: datetime
    expires: datetime
    not_before: datetime
    state: State = State.WAITING
    reason: str = ""
    attempts: int = 0
    attempt: AttemptId | None = None
    incident: IncidentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How often and how long we try: `attempts` in all, `spacing` between them, and the promise's own `lifetime`."""

    attempts: int = 5
    spacing: timedelta = timedelta(minutes=10)
    lifetime: timedelta = timedelta(hours=96)


def step(
    promise: Promise, what: Step, now: datetime, *, reason: str, policy: Policy, attempt: AttemptId | None = None
) -> Promise:
    """Return `promise` after `what` happened at `now`, with `reason` for the ledger; raise IllegalStep if it cannot.

    CLAIM needs the `attempt`. A step that sends a promise back to waiting sets when it may be tried again.
    """
    state = NEXT.get((promise.state, what))
    if state is None:
        raise IllegalStep(promise, what)
    if what is Step.CLAIM:
        if attempt is None:
            raise ValueError("a claim names its attempt")
        return replace(promise, state=state, reason=reason, attempt=attempt, attempts=promise.attempts + 1)
    if state is State.WAITING:
        return replace(promise, state=state, reason=reason, attempt=None, not_before=now + policy.spacing)
    return replace(promise, state=state, reason=reason, attempt=None if state in ENDS else promise.attempt)


def overdue(promise: Promise, now: datetime, policy: Policy) -> Step | None:
    """The step that ends a waiting promise which can no longer be kept, or None."""
    if promise.state is not State.WAITING:
        return None
    if promise.attempts >= policy.attempts:
        return Step.EXHAUST
    return Step.EXPIRE if now >= promise.expires else None
