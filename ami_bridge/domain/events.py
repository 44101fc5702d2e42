"""What the PBX reports, as values. `ami/decode.py` makes them from AMI events; nothing deeper knows a header's name.

Each class names the AMI event it stands for. Uniqueids and names are Asterisk's own. Numbers are caller IDs as they
came from the network: data to be compared and shown, never to be dialled or interpolated unchecked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ami_bridge.domain.names import Bridgeid, ChannelName, Device, Linkedid, QueueName, TrunkName, Uniqueid


class ChannelState(Enum):
    """The states of a channel that matter to us; Asterisk's dialling states before alerting are all DOWN here."""

    DOWN = "down"
    RINGING = "ringing"
    UP = "up"


class DialOutcome(Enum):
    ANSWERED = "answered"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FAILED = "failed"


class DeviceState(Enum):
    """A device's state as far as placing a call to it goes."""

    FREE = "free"
    BUSY = "busy"  # in use, ringing or on hold: there, but not for us
    ABSENT = "absent"  # not registered, unknown or invalid


class RegistrationState(Enum):
    """What a PBX says of its registration with a carrier. Only REGISTERED is good.

    Asterisk says REJECTED both while it tries again and once it has given up.
    """

    REGISTERED = "registered"
    REJECTED = "rejected"
    STOPPED = "stopped"  # by an operator
    UNREGISTERED = "unregistered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCreated:
    """Newchannel, and one channel of a snapshot. `dialled` is the extension the channel entered the dialplan with.

    `incoming` is whether the far end calls; None where that can no longer be seen.
    """

    uniqueid: Uniqueid
    linkedid: Linkedid
    name: ChannelName
    state: ChannelState
    caller_number: str
    dialled: str
    incoming: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRenamed:
    """Rename: also how a masquerade shows, where one channel takes over another's phone and with it its name."""

    uniqueid: Uniqueid
    name: ChannelName


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdChanged:
    """NewCallerid: the number as the caller wishes it to be known, empty when it is withheld."""

    uniqueid: Uniqueid
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStateChanged:
    """Newstate."""

    uniqueid: Uniqueid
    state: ChannelState


@dataclass(frozen=True, slots=True, kw_only=True)
class HangupRequested:
    """HangupRequest: the far end hangs up. A channel that hangs up without it was hung up by the dialplan, or by us."""

    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHungUp:
    """Hangup. `cause` is the Q.850 cause."""

    uniqueid: Uniqueid
    cause: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DialBegun:
    """DialBegin. `caller` is None when nobody waits on the other side (an Originate); `dialled` is where they are.

    `number` is whom the target was asked for (`15551234567` of `PJSIP/15551234567@trunk`), empty for a plain device.
    """

    caller: Uniqueid | None
    target: Uniqueid
    dialled: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialAlerted:
    """DialState once the far end says it is ringing (180) or plays something before the answer (183)."""

    target: Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class DialEnded:
    """DialEnd. A rejection reads as NO_ANSWER here and is told by the cause of the target's hang-up.

    `forwarded`: the phone sent the caller elsewhere (302), which is dialled next.
    """

    caller: Uniqueid | None
    target: Uniqueid
    outcome: DialOutcome
    forwarded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPaired:
    """LocalBridge: two Local channels are the two ends of one pipe."""

    one: Uniqueid
    two: Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeEntered:
    """BridgeEnter."""

    bridge: Bridgeid
    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeLeft:
    """BridgeLeave."""

    bridge: Bridgeid
    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindTransferred:
    """BlindTransfer that succeeded: `by` sent `transferee` elsewhere; None when a whole bridge was sent."""

    by: Uniqueid
    transferee: Uniqueid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendedTransferred:
    """AttendedTransfer that succeeded: `by` joins what its two channels, which may be one, were connected to.

    Which of the far ends are named, and whether they are parties or pipes, depends on how Asterisk joined them.
    """

    by: Uniqueid
    second: Uniqueid
    transferee: Uniqueid | None
    target: Uniqueid | None
    bridge: Bridgeid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedUp:
    """Pickup: `picker` takes the call that rings at `target`."""

    picker: Uniqueid
    target: Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """ParkedCall."""

    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCallerJoined:
    """QueueCallerJoin, and one entry of a snapshot; `waited` is how long, in seconds, they already stood there."""

    uniqueid: Uniqueid
    queue: QueueName
    position: int
    waited: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCallerLeft:
    """QueueCallerLeave: out of the queue for whatever reason, an answer included."""

    uniqueid: Uniqueid
    queue: QueueName


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCallerAbandoned:
    """QueueCallerAbandon: out of the queue without an agent, which need not mean that they hung up."""

    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEnded:
    """The variable QUEUESTATUS, which app_queue sets when the dialplan goes on without an agent's answer."""

    uniqueid: Uniqueid
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMemberChanged:
    """QueueMemberStatus, QueueMemberAdded, QueueMemberPause, and one member of a snapshot.

    `device` is whose state app_queue watches; `rung` what it dials, when that is something else (a Local channel).
    """

    queue: QueueName
    device: Device
    state: DeviceState
    paused: bool
    rung: Device | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMemberRemoved:
    """QueueMemberRemoved."""

    queue: QueueName
    device: Device


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRangOut:
    """AgentRingNoAnswer: the queue rang this agent and nobody picked up. `device` is what was rung."""

    queue: QueueName
    device: Device


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChanged:
    """DeviceStateChange."""

    device: Device
    state: DeviceState


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChanged:
    """ContactStatus: what qualifying a contact of `endpoint` found. None: not qualified, so nothing is known.

    `round_trip` is how long the answer took, in seconds, where the PBX says so.
    """

    endpoint: str
    uri: str
    reachable: bool | None
    round_trip: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationChanged:
    """Registry, which knows a registration by its two URIs, and one entry of a snapshot, which has the trunk's name."""

    client: str
    server: str
    state: RegistrationState
    trunk: TrunkName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioReported:
    """RTCPSent and RTCPReceived: how the audio of a channel arrives, at us or at the far end, since the last report.

    `lost` is the share of packets that did not arrive, 0 to 1; `jitter` is in seconds.
    """

    uniqueid: Uniqueid
    lost: float
    jitter: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginateEnded:
    """OriginateResponse: an asynchronous Originate was answered or came to nothing."""

    uniqueid: Uniqueid
    answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackCame:
    """UserEvent KeeplineCallback: our dialplan says how far the call of `attempt` came, from the channel `channel`."""

    attempt: Uniqueid
    step: str
    channel: ChannelName


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxStopping:
    """Shutdown."""


Event = (
    ChannelCreated
    | ChannelRenamed
    | CallerIdChanged
    | ChannelStateChanged
    | HangupRequested
    | ChannelHungUp
    | DialBegun
    | DialAlerted
    | DialEnded
    | LocalPaired
    | BridgeEntered
    | BridgeLeft
    | BlindTransferred
    | AttendedTransferred
    | PickedUp
    | Parked
    | QueueCallerJoined
    | QueueCallerLeft
    | QueueCallerAbandoned
    | QueueEnded
    | QueueMemberChanged
    | QueueMemberRemoved
    | AgentRangOut
    | DeviceChanged
    | ContactChanged
    | RegistrationChanged
    | AudioReported
    | OriginateEnded
    | CallbackCame
    | PbxStopping
)
