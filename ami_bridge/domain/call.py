"""A call and its channels, as the tracker keeps them while they live, and the one outcome a call has in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ami_bridge.domain import events as ev
from ami_bridge.domain.events import ChannelState, DialOutcome
from ami_bridge.domain.facts import CallOutcome, QueueExit, TransferKind
from ami_bridge.domain.names import Bridgeid, ChannelName, Linkedid, QueueName, Uniqueid

# Asterisk's own helpers: nobody is at the other end of them.
_HELPERS = (
    "Announcer/",
    "AsyncGoto/",
    "CBAnn/",
    "CBRec/",
    "DAHDI/pseudo",
    "Message/",
    "MulticastRTP/",
    "Recorder/",
    "Snoop/",
    "Surrogate/",
    "UnicastRTP/",
)
# Q.850 causes that say more than DialEnd, which calls a rejection no answer and some answers busy.
_BY_CAUSE = {
    17: DialOutcome.BUSY,
    18: DialOutcome.NO_ANSWER,
    19: DialOutcome.NO_ANSWER,
    21: DialOutcome.REJECTED,
    26: DialOutcome.CANCELLED,  # answered elsewhere
}
_MET = {
    DialOutcome.ANSWERED: CallOutcome.NO_ANSWER,  # picked up, and never joined: the key to accept was not pressed
    DialOutcome.NO_ANSWER: CallOutcome.NO_ANSWER,
    DialOutcome.BUSY: CallOutcome.BUSY,
    DialOutcome.REJECTED: CallOutcome.REJECTED,
    DialOutcome.CANCELLED: CallOutcome.CANCELLED,
    DialOutcome.FAILED: CallOutcome.FAILED,
}
_UNDIALLED = {
    17: CallOutcome.BUSY,
    18: CallOutcome.NO_ANSWER,
    19: CallOutcome.NO_ANSWER,
    21: CallOutcome.REJECTED,
}
_HUNG_UP = {0, 16, 31, 127}
_QUESTION = "Local/ask@keepline-question-"  # as the dialplan names them, dialplan_templates/contract.py


def is_pipe(name: str) -> bool:
    """Whether a channel of this name is half of a Local pair."""
    return name.startswith("Local/")


def is_question(name: str) -> bool:
    """Whether a channel of this name only asks the companion something about a caller: it is part of no call."""
    return name.startswith(_QUESTION)


def endpoint_of(name: str) -> str:
    """`PJSIP/acme-primary-00000012` is a channel of the endpoint acme-primary."""
    return name.partition("/")[2].rpartition("-")[0]


def is_party(name: str) -> bool:
    """Whether a person may be behind a channel of this name."""
    return not is_pipe(name) and not name.startswith(_HELPERS) and not name.endswith("<ZOMBIE>")


@dataclass(slots=True, eq=False)
class Channel:
    """A live channel. A pipe is half of a Local pair, and `pair` its other half; a party is where a person may be."""

    uniqueid: Uniqueid
    name: ChannelName
    call: Call
    state: ChannelState
    exten: str = ""  # with which it entered the dialplan
    pipe: bool = False
    party: bool = True
    bridge: Bridgeid | None = None
    pair: Channel | None = None
    dialler: Channel | None = None
    targets: dict[Uniqueid, Channel] = field(default_factory=dict)  # being dialled by this channel now
    attempt: int = 0  # the attempt of its call in which it is dialled; 0: it is not, or it was answered
    dial_outcome: DialOutcome | None = None  # as DialEnd told it; what it was is known at the hang-up
    forwarded: bool = False  # the phone sent the caller elsewhere
    alerted: bool = False
    endpoint: str = ""  # it runs over; a trunk, a phone

    def called(self, name: ChannelName) -> None:
        """Take `name`, which tells what kind of channel this is."""
        self.name, self.pipe, self.party = name, is_pipe(name), is_party(name)
        self.endpoint = endpoint_of(name)

    def outcome_of_dial(self, cause: int) -> DialOutcome:
        """What became of dialling this channel, which hangs up with `cause` before anybody answered."""
        told = self.dial_outcome
        if told is DialOutcome.CANCELLED:
            return told
        by_cause = _BY_CAUSE.get(cause)
        if told is None:
            return by_cause or (DialOutcome.CANCELLED if cause in _HUNG_UP else DialOutcome.FAILED)
        return told if by_cause is None or by_cause is DialOutcome.CANCELLED else by_cause


@dataclass(slots=True)
class Transfer:
    """A transfer on its way: `to` are the phones dialled for it so far."""

    kind: TransferKind
    by: ChannelName
    caller: ChannelName
    to: list[ChannelName] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Call:
    """One caller's whole experience: `caller` is the party it began with, or who stayed when that one transferred.

    `caller` is None until a party appears. The beginning of a `partial` call was not seen: its channels are known, and
    nothing is said of it. `told` is whether its start was said.
    """

    id: Linkedid
    began: datetime
    partial: bool = False
    told: bool = False
    caller: Uniqueid | None = None
    caller_name: ChannelName = field(default=ChannelName(""))
    number: str = ""
    dialled: str = ""
    channels: dict[Uniqueid, None] = field(default_factory=dict)  # in the order in which they came
    answered: bool = False
    unheard: bool = True  # the caller waits for a person: not answered yet, sent onward, parked, or in a queue again
    parked: bool = False
    attempt: int = 0
    outcomes: set[DialOutcome] = field(default_factory=set)  # of the phones of the last attempt
    transfer: Transfer | None = None
    sent_on: ev.BlindTransferred | ev.AttendedTransferred | None = None  # by which last
    queues: dict[QueueName, datetime] = field(default_factory=dict)  # where the caller waits, and since when
    queue_exit: QueueExit | None = None
    out_of_queue: bool = False  # without an agent; why is told by what comes next
    hung_up: bool = False  # the caller did it, not the dialplan
    cancelled: bool = False  # the caller did it while phones rang
    cause: int = 0  # of the caller's channel
    caller_was_up: bool = False

    def heard(self) -> None:
        """The caller is joined with a person; what was tried before is settled."""
        self.answered = True
        self.unheard = self.parked = self.hung_up = self.cancelled = False
        self.outcomes.clear()
        self.queue_exit = None

    def outcome(self) -> CallOutcome:
        """The one outcome, once all channels are gone.

        Whoever was sent onward to phones nobody answered met what those phones met, whoever had answered before.
        """
        if self.queue_exit is QueueExit.ABANDONED:
            return CallOutcome.ABANDONED
        if self.answered and not (self.unheard and self.outcomes):
            return CallOutcome.COMPLETED
        if self.cancelled:
            return CallOutcome.CANCELLED
        if self.queue_exit is not None:  # whatever its agents' phones answered
            return CallOutcome.NO_ANSWER
        return self._met() if self.outcomes else self._undialled()

    def _met(self) -> CallOutcome:
        """What the phones of the last attempt answered; of those that answered differently, nobody was there."""
        if DialOutcome.CANCELLED in self.outcomes and DialOutcome.ANSWERED not in self.outcomes:
            return CallOutcome.CANCELLED
        answers = {_MET[outcome] for outcome in self.outcomes if outcome is not DialOutcome.FAILED}
        if len(answers) > 1:
            return CallOutcome.NO_ANSWER
        return next(iter(answers), CallOutcome.FAILED)

    def _undialled(self) -> CallOutcome:
        """No phone was dialled: the caller gave up, or the dialplan refused them or took care of them by itself."""
        if self.hung_up or (self.cause in _HUNG_UP and not self.caller_was_up):
            return CallOutcome.CANCELLED
        if self.cause in _HUNG_UP:
            return CallOutcome.COMPLETED
        return _UNDIALLED.get(self.cause, CallOutcome.FAILED)
