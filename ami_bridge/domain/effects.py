"""What the core asks the shell to do, as values. They are performed in order, what is stored before what is said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import AttemptId, ChannelName, Device, LineName, Linkedid, TrunkName
from ami_bridge.domain.promise import Step


@dataclass(frozen=True, slots=True)
class SaveIncident:
    incident: Incident


@dataclass(frozen=True, slots=True)
class PushLine:
    """Bring what the PBX knows about a line up to date."""

    line: LineName


@dataclass(frozen=True, slots=True)
class ReleaseRestored:
    """The incident is over: everyone who asked to be told is due a call."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class MovePromise:
    """Something happened to the attempt of a promise in flight."""

    attempt: AttemptId
    step: Step
    reason: str


@dataclass(frozen=True, slots=True)
class PlaceCalls:
    """A line may have room for callbacks: claim and dial as far as free agents and spacing allow."""

    line: LineName


@dataclass(frozen=True, slots=True)
class CustomerReached:
    """`agent` talks with whoever has `number`, on a call that was not placed by us: what was promised them is done.

    `lines` are those the caller came in on or the agent works for.
    """

    lines: tuple[LineName, ...]
    number: str
    agent: Device
    call: Linkedid


@dataclass(frozen=True, slots=True)
class CallMissed:
    """A caller who had waited for somebody on `line` since `since` went without having talked to anyone."""

    line: LineName
    number: str
    since: datetime
    call: Linkedid


@dataclass(frozen=True, slots=True)
class PopScreen:
    """An agent has to do with the customer of an attempt: their phone rings for them, or they talk (`step`)."""

    attempt: AttemptId
    step: str
    channel: ChannelName


@dataclass(frozen=True, slots=True)
class AskTrunk:
    """Have the PBX ask the far end of a trunk again, now: one unanswered question proves little."""

    trunk: TrunkName


@dataclass(frozen=True, slots=True)
class KeepRhythms:
    """What is usual on this PBX has been learnt further: it is worth writing down."""


Effect = (
    SaveIncident
    | PushLine
    | ReleaseRestored
    | MovePromise
    | PlaceCalls
    | CustomerReached
    | CallMissed
    | PopScreen
    | AskTrunk
    | KeepRhythms
)
