"""What became of calls, as the tracker tells it. Parties are channel names; a Local channel is never a party."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ami_bridge.domain.events import DialOutcome
from ami_bridge.domain.names import ChannelName, Linkedid, QueueName


class TransferKind(Enum):
    BLIND = "blind"
    ATTENDED = "attended"  # the transferer talked with the target first
    BLONDE = "blonde"  # begun as attended, and let go while the target still rang


class QueueExit(Enum):
    ANSWERED = "answered"
    ABANDONED = "abandoned"  # the caller hung up
    TIMED_OUT = "timeout"
    EMPTY = "empty"  # no agent there, and the queue is set not to keep callers then
    WITHDRAWN = "withdrawn"  # taken out by an administrator
    TRANSFERRED = "transferred"  # the waiting party was sent elsewhere
    UNSEEN = "unseen"


class CallOutcome(Enum):
    COMPLETED = "completed"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    REJECTED = "rejected"
    CANCELLED = "cancelled"  # the caller hung up while it rang
    ABANDONED = "abandoned"  # the caller hung up in a queue
    FAILED = "failed"
    UNSEEN = "unseen"  # it ended while nobody watched, and nothing tells how


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted:
    call: Linkedid
    caller: ChannelName
    caller_number: str
    dialled: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """Phones of the call alert, or send early media."""

    call: Linkedid
    caller: ChannelName
    targets: tuple[ChannelName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DialEnded:
    """What became of having dialled `targets`. Answered means joined with them, not only picked up."""

    call: Linkedid
    caller: ChannelName
    targets: tuple[ChannelName, ...]
    outcome: DialOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The caller is bridged with the person at `by` for the first time."""

    call: Linkedid
    caller: ChannelName
    by: ChannelName


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """`by` sent `caller`, who stays, to `to`: the phones that then ring, or who is there already."""

    call: Linkedid
    kind: TransferKind
    caller: ChannelName
    by: ChannelName
    to: tuple[ChannelName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueJoined:
    call: Linkedid
    caller: ChannelName
    queue: QueueName


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLeft:
    call: Linkedid
    caller: ChannelName
    queue: QueueName
    reason: QueueExit


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """The call's one outcome. `cause` is the Q.850 cause of the caller's own channel, `lasted` is in seconds."""

    call: Linkedid
    caller: ChannelName
    outcome: CallOutcome
    answered: bool
    cause: int
    dialled: str
    lasted: float


Fact = CallStarted | Ringing | DialEnded | Answered | Transferred | QueueJoined | QueueLeft | CallEnded
