"""The ledger's state machine: what is owed to a caller, how it moves, and why.

A promise starts waiting and has exactly one end. Every move is one entry of `NEXT`; an unknown pair raises and changes
nothing. Nothing here dials: the store commits a move before the PBX hears of it, so that a crash between the two
leaves a promise whose attempt can be asked about by its channel, and never one that is dialled twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from ami_bridge.domain.causes import BUSY, REFUSED, Fault, fault
from ami_bridge.domain.names import AttemptId, IncidentId, LineName, PbxName, PromiseId, TenantName

# What an attempt's channel id begins with, so that our own calls are told from everybody else's on the wire.
ATTEMPT_PREFIX = "keepline-"  # of the Uniqueids of attempts, chosen by us


class Kind(Enum):
    IN_TURN = "in-turn"  # called back when an agent is free, in the order of arrival
    MISSED = "missed"  # hung up or found nobody, and asked for nothing: called back uninvited, so by stricter rules
    RESTORED = "restored"  # called and told when the incident they heard about is over
    SCHEDULED = "scheduled"  # called back at a time of their own choice


# The kinds that end in a talk with an agent. A number has one of them open on a line, and RESTORED beside it.
CALLBACKS = frozenset({Kind.IN_TURN, Kind.MISSED, Kind.SCHEDULED})
# Whose calls come first; within a rank, in the order of their turns.
RANK = {Kind.IN_TURN: 0, Kind.SCHEDULED: 0, Kind.MISSED: 1, Kind.RESTORED: 2}


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
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    REFUSED = "refused"  # the phone rejected the call
    MACHINE = "machine"  # answered and no key came: a machine, or somebody who hung up
    FAILED = "failed"  # no fault of the customer's (trunk, PBX, our rights): does not count against their attempts
    LATER = "later"  # the customer asked for another time
    UNMET = "unmet"  # accepted, but no agent was reached
    DECLINED = "declined"  # the customer says that no call is needed
    WITHDRAW = "withdraw"  # by an operator or the customer, or they reached an agent another way
    HOLD = "hold"  # why it is not called now, and until when if that is known
    MOVE = "move"  # the customer chose another time or another number
    RETRY = "retry"  # an operator wants it tried now
    EXPIRE = "expire"
    EXHAUST = "exhaust"
    BLOCK = "block"


# How an attempt ends that did not lead to a person who accepted.
UNREACHED = frozenset({Step.BUSY, Step.NO_ANSWER, Step.REFUSED, Step.MACHINE, Step.FAILED})

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
    **{(State.WAITING, what): State.WAITING for what in (Step.HOLD, Step.MOVE, Step.RETRY)},
    (State.WAITING, Step.EXPIRE): State.EXPIRED,
    (State.WAITING, Step.EXHAUST): State.EXHAUSTED,
    (State.WAITING, Step.BLOCK): State.BLOCKED,
    # Events from the PBX may overtake the answer to our Originate; an answer implies it was dialled and rang.
    **{(s, Step.ANSWERED): State.CONFIRMING for s in (State.CLAIMED, State.DIALLING, State.RINGING)},
    **{(s, what): State.WAITING for s in IN_FLIGHT - {State.CONNECTING} for what in UNREACHED},
    **{(s, what): State.WITHDRAWN for s in IN_FLIGHT | {State.WAITING} for what in (Step.DECLINED, Step.WITHDRAW)},
}
_TIMED = frozenset({Step.HOLD, Step.MOVE, Step.LATER})  # the steps that may name when it is tried again
_LONGEST_PAUSE = timedelta(minutes=15)  # after attempts that failed through no fault of the customer's


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
    reported. `arrived` is when the caller reached the line (for MISSED: when they first called), and `chosen` when a
    SCHEDULED one wants to be called. `language` (two letters) is what they were spoken to in. `attempt` is the attempt
    in flight, also its channel's Uniqueid; `failures` of the `attempts` failed through no fault of theirs. `held`:
    `reason` says why it is not called now. `solved` is what they answered afterwards. A RESTORED promise is made with
    `not_before` far in the future; it is due once its `incident` is resolved. `revision` counts the changes stored. All
    times are timezone-aware.
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
    language: str = ""
    failures: int = 0
    chosen: datetime | None = None
    held: bool = False
    solved: bool | None = None
    revision: int = field(default=0, compare=False, repr=False)

    @property
    def tries(self) -> int:
        """The attempts that count against those the policy allows."""
        return self.attempts - self.failures

    @property
    def turn(self) -> datetime:
        """The moment that gives it its place among those of the same rank."""
        return self.chosen or self.arrived


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How often and how long we try: `attempts` in all, `spacing` between them, and the promise's own `lifetime`.

    After a busy phone the wait is `busy`. After an attempt that failed through no fault of the customer's it is
    `failed`, doubling up to a quarter of an hour. Who did not ask to be called (MISSED) is called less often, and not
    for as long.
    """

    attempts: int = 5
    spacing: timedelta = timedelta(minutes=10)
    busy: timedelta = timedelta(minutes=3)
    lifetime: timedelta = timedelta(hours=96)
    missed_attempts: int = 2
    missed_lifetime: timedelta = timedelta(hours=24)
    failed: timedelta = timedelta(minutes=1)

    def attempts_of(self, kind: Kind) -> int:
        return self.missed_attempts if kind is Kind.MISSED else self.attempts

    def lifetime_of(self, kind: Kind) -> timedelta:
        return self.missed_lifetime if kind is Kind.MISSED else self.lifetime

    def pause(self, what: Step, failures: int = 0) -> timedelta:
        """How long a promise rests after `what` sent it back to waiting; `failures` include this one."""
        if what is Step.BUSY:
            return self.busy
        if what is Step.FAILED:
            doublings = min(max(failures - 1, 0), 10)  # enough to reach the longest pause from any sensible start
            return min(self.failed * (1 << doublings), max(self.failed, _LONGEST_PAUSE))
        return self.spacing


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was dialled of late: attempts to one number, and a tenant's with their cost (1/10,000 of the currency)."""

    number_attempts: int = 0
    tenant_attempts: int = 0
    tenant_cost: int = 0


def step(
    promise: Promise,
    what: Step,
    now: datetime,
    *,
    reason: str,
    policy: Policy,
    attempt: AttemptId | None = None,
    not_before: datetime | None = None,
    number: str | None = None,
) -> Promise:
    """Return `promise` after `what` happened at `now`, with `reason` for the ledger; raise IllegalStep if it cannot.

    CLAIM needs the `attempt`. MOVE needs a time (`not_before`) or a `number`. HOLD and LATER may name a time. Any other
    step that sends a promise back to waiting sets itself when it may be tried again.
    """
    state = NEXT.get((promise.state, what))
    if state is None:
        raise IllegalStep(promise, what)
    if (attempt is None) is (what is Step.CLAIM):
        raise ValueError("a claim names its attempt, and nothing else does")
    if (number is not None and what is not Step.MOVE) or (not_before is not None and what not in _TIMED):
        raise ValueError(f"the step {what.value!r} takes no such time or number")
    after = replace(promise, state=state, reason=reason, held=what is Step.HOLD)
    if what is Step.CLAIM:
        return replace(after, attempt=attempt, attempts=promise.attempts + 1)
    if state is State.WAITING:
        return _waits(after, what, now, policy, not_before, number)
    return replace(after, attempt=None) if state in ENDS else after


def _waits(
    promise: Promise, what: Step, now: datetime, policy: Policy, not_before: datetime | None, number: str | None
) -> Promise:
    """`promise` as it waits on, or again, after `what`."""
    match what:
        case Step.HOLD:
            return replace(promise, not_before=not_before or promise.not_before)
        case Step.RETRY:
            return replace(promise, not_before=now)
        case Step.MOVE:
            return _moved(promise, now, policy, not_before, number)
        case Step.LATER if not_before is not None and promise.kind in CALLBACKS:
            return replace(_moved(promise, now, policy, not_before, None), attempt=None)
        case _:
            failures = promise.failures + (what is Step.FAILED)
            rested = not_before or now + policy.pause(what, failures)
            return replace(promise, attempt=None, failures=failures, not_before=rested)


def _moved(promise: Promise, now: datetime, policy: Policy, not_before: datetime | None, number: str | None) -> Promise:
    """Where and when the customer wants it: at a time to come, or, with one that is not, as soon as it is their turn.

    Whoever moves a call has asked for it, though it may have begun uninvited; and a chosen time can be kept, though it
    lies beyond the first lifetime.
    """
    if not_before is None and number is None:
        raise ValueError("a move names a time or a number")
    kind = Kind.IN_TURN if promise.kind is Kind.MISSED else promise.kind
    moved = replace(promise, kind=kind, number=number or promise.number)
    if not_before is None:
        return replace(moved, expires=max(promise.expires, now + policy.lifetime_of(kind)))
    kind, chosen = (Kind.SCHEDULED, not_before) if not_before > now else (Kind.IN_TURN, None)
    expires = max(promise.expires, not_before + policy.lifetime_of(kind))
    return replace(moved, kind=kind, chosen=chosen, not_before=not_before, expires=expires)


def unreached(cause: int, *, answered: bool = False, rang: bool = True) -> Step:
    """How an attempt ended whose channel was hung up with this Q.850 cause; `answered`: it was picked up.

    A line that drops is the network's doing even in the middle of the greeting. A wrong number counts as one tried.
    """
    if fault(cause, alerted=rang or answered) is Fault.NETWORK:
        return Step.FAILED
    if answered:
        return Step.MACHINE
    return {BUSY: Step.BUSY, REFUSED: Step.REFUSED}.get(cause, Step.NO_ANSWER)


def overdue(promise: Promise, now: datetime, policy: Policy) -> Step | None:
    """The step that ends a waiting promise which can no longer be kept, or None."""
    if promise.state is not State.WAITING:
        return None
    if promise.tries >= policy.attempts_of(promise.kind):
        return Step.EXHAUST
    return Step.EXPIRE if now >= promise.expires else None
