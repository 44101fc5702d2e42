"""What the core asks the shell to do, as values. They are performed in order, what is stored before what is said."""

from __future__ import annotations

from dataclasses import dataclass

from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import AttemptId, LineName, TrunkName
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
class AskTrunk:
    """Have the PBX ask the far end of a trunk again, now: one unanswered question proves little."""

    trunk: TrunkName


@dataclass(frozen=True, slots=True)
class KeepRhythms:
    """What is usual on this PBX has been learnt further: it is worth writing down."""


Effect = SaveIncident | PushLine | ReleaseRestored | MovePromise | PlaceCalls | AskTrunk | KeepRhythms
