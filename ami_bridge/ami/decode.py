"""AMI events into domain events: the only place that reads header names.

Header names follow Asterisk 22's AMI event documentation; 16 agrees for all of these. Values come from a phone
network and may hold any bytes: what is not UTF-8 is replaced, and a header that should be there and is not is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ami_bridge.ami import sip
from ami_bridge.ami.errors import Undecodable
from ami_bridge.ami.headers import RawHeaders, count
from ami_bridge.ami.wire import Wanted
from ami_bridge.domain import events as ev
from ami_bridge.domain.events import ChannelState, DeviceState, DialOutcome
from ami_bridge.domain.names import Bridgeid, ChannelName, Device, Linkedid, QueueName, Uniqueid

_CHANNEL_STATES = {"5": ChannelState.RINGING, "6": ChannelState.UP}  # ast_channel_state; all others are before alerting
_INCOMING = {"4": True, "0": False}  # a new channel is Ring when it was called over, and Down when it will call
_DIAL_OUTCOMES = {
    "ANSWER": DialOutcome.ANSWERED,
    "NOANSWER": DialOutcome.NO_ANSWER,
    "BUSY": DialOutcome.BUSY,
    "DONTCALL": DialOutcome.REJECTED,
    "TORTURE": DialOutcome.REJECTED,
    "CANCEL": DialOutcome.CANCELLED,
    # Picked up, and what ran on the phone before joining it with the caller said not to.
    "ABORT": DialOutcome.NO_ANSWER,
    "CONTINUE": DialOutcome.NO_ANSWER,
    "GOTO": DialOutcome.NO_ANSWER,
}
_ALERTING = {"RINGING", "PROGRESS"}
_DEVICE_STATES = {
    "NOT_INUSE": DeviceState.FREE,
    "INUSE": DeviceState.BUSY,
    "BUSY": DeviceState.BUSY,
    "RINGING": DeviceState.BUSY,
    "RINGINUSE": DeviceState.BUSY,
    "ONHOLD": DeviceState.BUSY,
}
# Queue members carry the same states as numbers (ast_device_state).
_MEMBER_STATES = {
    "1": DeviceState.FREE,
    "2": DeviceState.BUSY,
    "3": DeviceState.BUSY,
    "6": DeviceState.BUSY,
    "7": DeviceState.BUSY,
    "8": DeviceState.BUSY,
}
_CALLBACK = "KeeplineCallback"  # the one UserEvent that is ours
# What stands for a number where there is none to show: Asterisk's word, and networks' (RFC 3325 and custom).
_NO_NUMBER = {"<unknown>", "anonymous", "private", "restricted", "unavailable", "unknown"}


def decode(raw: bytes) -> ev.Event | None:
    """The domain event `raw` stands for; None for one that tells us nothing; raise Undecodable naming what is wrong."""
    name = raw[7 : end if (end := raw.find(b"\r\n")) >= 0 else None]
    decoder = DECODERS.get(name)
    if decoder is None:
        return None
    try:
        return decoder(RawHeaders(raw))
    except KeyError as missing:
        raise Undecodable(name.decode("ascii", "replace"), f"the header {missing} is missing") from None
    except ValueError as wrong:
        raise Undecodable(name.decode("ascii", "replace"), str(wrong)) from None


def _known(value: str) -> str:
    return "" if value.casefold() in _NO_NUMBER else value


def _some(value: str | None) -> Uniqueid | None:
    return Uniqueid(value) if value else None


def channel_created(h: Mapping[str, str]) -> ev.ChannelCreated:
    """Newchannel and CoreShowChannel, which name these headers alike."""
    return ev.ChannelCreated(
        uniqueid=Uniqueid(h["Uniqueid"]),
        linkedid=Linkedid(h["Linkedid"]),
        name=ChannelName(h["Channel"]),
        state=_CHANNEL_STATES.get(state := h["ChannelState"], ChannelState.DOWN),
        caller_number=_known(h["CallerIDNum"]),
        dialled=h["Exten"],
        incoming=_INCOMING.get(state),
    )


def queue_member(h: Mapping[str, str]) -> ev.QueueMemberChanged:
    """QueueMember* events; the device is what app_queue watches, which may differ from what it rings."""
    rung = h.get("Interface") or h["Location"]
    device = h.get("StateInterface") or rung
    return ev.QueueMemberChanged(
        queue=QueueName(h["Queue"]),
        device=Device(device),
        state=_MEMBER_STATES.get(h["Status"], DeviceState.ABSENT),
        paused=h["Paused"] == "1",
        rung=Device(rung) if rung != device else None,
    )


def queue_entry(h: Mapping[str, str]) -> ev.QueueCallerJoined:
    """QueueCallerJoin, and QueueEntry of a snapshot, which adds how long they wait."""
    return ev.QueueCallerJoined(
        uniqueid=Uniqueid(h["Uniqueid"]),
        queue=QueueName(h["Queue"]),
        position=count(h["Position"]),
        waited=float(count(h.get("Wait", "0"))),
    )


def device_changed(h: Mapping[str, str]) -> ev.DeviceChanged:
    return ev.DeviceChanged(device=Device(h["Device"]), state=_DEVICE_STATES.get(h["State"], DeviceState.ABSENT))


def _state_changed(h: Mapping[str, str]) -> ev.ChannelStateChanged:
    state = _CHANNEL_STATES.get(h["ChannelState"], ChannelState.DOWN)
    return ev.ChannelStateChanged(uniqueid=Uniqueid(h["Uniqueid"]), state=state)


def _renamed(h: Mapping[str, str]) -> ev.ChannelRenamed:
    return ev.ChannelRenamed(uniqueid=Uniqueid(h["Uniqueid"]), name=ChannelName(h["Newname"]))


def _caller_id_changed(h: Mapping[str, str]) -> ev.CallerIdChanged:
    """Presentation: 32 and above is prohibited, 67 not available (Asterisk's callerid.h, after Q.931)."""
    withheld = count(h.get("CID-CallingPres", "0").partition(" ")[0]) & 0x60 != 0
    return ev.CallerIdChanged(uniqueid=Uniqueid(h["Uniqueid"]), number="" if withheld else _known(h["CallerIDNum"]))


def _hangup_requested(h: Mapping[str, str]) -> ev.HangupRequested:
    return ev.HangupRequested(uniqueid=Uniqueid(h["Uniqueid"]))


def _hung_up(h: Mapping[str, str]) -> ev.ChannelHungUp:
    return ev.ChannelHungUp(uniqueid=Uniqueid(h["Uniqueid"]), cause=count(h["Cause"]))


def _dial_begun(h: Mapping[str, str]) -> ev.DialBegun:
    return ev.DialBegun(
        caller=_some(h.get("Uniqueid")),
        target=Uniqueid(h["DestUniqueid"]),
        dialled=h.get("Exten", ""),
        number=_asked_for(h.get("DialString", "")),
    )


def _asked_for(dial_string: str) -> str:
    """Whom `number@trunk` or `trunk/sip:number@host` asks for; a plain device asks for nobody but itself."""
    first, _slash, rest = dial_string.partition("/")
    user, at, _where = (first if "@" in first else rest).partition("@")
    return user.rpartition(":")[2].partition(";")[0] if at else ""


def _dial_alerted(h: Mapping[str, str]) -> ev.DialAlerted | None:
    return ev.DialAlerted(target=Uniqueid(h["DestUniqueid"])) if h["DialStatus"] in _ALERTING else None


def _dial_ended(h: Mapping[str, str]) -> ev.DialEnded:
    outcome = _DIAL_OUTCOMES.get(h["DialStatus"], DialOutcome.FAILED)
    return ev.DialEnded(
        caller=_some(h.get("Uniqueid")),
        target=Uniqueid(h["DestUniqueid"]),
        outcome=outcome,
        forwarded=bool(h.get("Forward")),
    )


def _local_paired(h: Mapping[str, str]) -> ev.LocalPaired:
    return ev.LocalPaired(one=Uniqueid(h["LocalOneUniqueid"]), two=Uniqueid(h["LocalTwoUniqueid"]))


def _bridge_entered(h: Mapping[str, str]) -> ev.BridgeEntered | None:
    """In a holding bridge (parking, BridgeWait) everyone hears music and nobody anybody: it joins no one."""
    if h.get("BridgeTechnology") == "holding_bridge":
        return None
    return ev.BridgeEntered(bridge=Bridgeid(h["BridgeUniqueid"]), uniqueid=Uniqueid(h["Uniqueid"]))


def _bridge_left(h: Mapping[str, str]) -> ev.BridgeLeft:
    return ev.BridgeLeft(bridge=Bridgeid(h["BridgeUniqueid"]), uniqueid=Uniqueid(h["Uniqueid"]))


def _blind_transferred(h: Mapping[str, str]) -> ev.BlindTransferred | None:
    if h["Result"] != "Success":
        return None
    return ev.BlindTransferred(by=Uniqueid(h["TransfererUniqueid"]), transferee=_some(h.get("TransfereeUniqueid")))


def _attended_transferred(h: Mapping[str, str]) -> ev.AttendedTransferred | None:
    if h["Result"] != "Success":
        return None
    return ev.AttendedTransferred(
        by=Uniqueid(h["OrigTransfererUniqueid"]),
        second=Uniqueid(h["SecondTransfererUniqueid"]),
        transferee=_some(h.get("TransfereeUniqueid")),
        target=_some(h.get("TransferTargetUniqueid")),
        bridge=Bridgeid(bridge) if (bridge := h.get("DestBridgeUniqueid")) else None,
    )


def _picked_up(h: Mapping[str, str]) -> ev.PickedUp:
    return ev.PickedUp(picker=Uniqueid(h["Uniqueid"]), target=Uniqueid(h["TargetUniqueid"]))


def _parked(h: Mapping[str, str]) -> ev.Parked:
    return ev.Parked(uniqueid=Uniqueid(h["ParkeeUniqueid"]))


def _queue_abandoned(h: Mapping[str, str]) -> ev.QueueCallerAbandoned:
    return ev.QueueCallerAbandoned(uniqueid=Uniqueid(h["Uniqueid"]))


def _variable_set(h: Mapping[str, str]) -> ev.QueueEnded | None:
    """Of all variables only one tells something no event does: why a queue let go of its caller."""
    if h["Variable"] != "QUEUESTATUS" or not h["Value"]:
        return None
    return ev.QueueEnded(uniqueid=Uniqueid(h["Uniqueid"]), status=h["Value"])


def _queue_left(h: Mapping[str, str]) -> ev.QueueCallerLeft:
    return ev.QueueCallerLeft(uniqueid=Uniqueid(h["Uniqueid"]), queue=QueueName(h["Queue"]))


def _member_removed(h: Mapping[str, str]) -> ev.QueueMemberRemoved:
    device = Device(h.get("StateInterface") or h["Interface"])
    return ev.QueueMemberRemoved(queue=QueueName(h["Queue"]), device=device)


def _agent_rang_out(h: Mapping[str, str]) -> ev.AgentRangOut:
    return ev.AgentRangOut(queue=QueueName(h["Queue"]), device=Device(h["Interface"]))


def _originate_ended(h: Mapping[str, str]) -> ev.OriginateEnded:
    """Without a channel there is no Uniqueid; ours are the ActionID as well (see actions.originate)."""
    uniqueid = h.get("ActionID") or h["Uniqueid"]
    return ev.OriginateEnded(uniqueid=Uniqueid(uniqueid), answered=h["Response"] == "Success")


def _callback_came(h: Mapping[str, str]) -> ev.CallbackCame | None:
    if h["UserEvent"] != _CALLBACK:
        return None
    return ev.CallbackCame(attempt=Uniqueid(h["Attempt"]), step=h["Step"], channel=ChannelName(h.get("Channel", "")))


def _stopping(_h: Mapping[str, str]) -> ev.PbxStopping:
    return ev.PbxStopping()


DECODERS: dict[bytes, Callable[[RawHeaders], ev.Event | None]] = {
    b"Newchannel": channel_created,
    b"Rename": _renamed,
    b"NewCallerid": _caller_id_changed,
    b"Newstate": _state_changed,
    b"HangupRequest": _hangup_requested,
    b"Hangup": _hung_up,
    b"DialBegin": _dial_begun,
    b"DialState": _dial_alerted,
    b"DialEnd": _dial_ended,
    b"LocalBridge": _local_paired,
    b"BridgeEnter": _bridge_entered,
    b"BridgeLeave": _bridge_left,
    b"BlindTransfer": _blind_transferred,
    b"AttendedTransfer": _attended_transferred,
    b"Pickup": _picked_up,
    b"ParkedCall": _parked,
    b"VarSet": _variable_set,
    b"QueueCallerJoin": queue_entry,
    b"QueueCallerLeave": _queue_left,
    b"QueueCallerAbandon": _queue_abandoned,
    b"QueueMemberAdded": queue_member,
    b"QueueMemberStatus": queue_member,
    b"QueueMemberPause": queue_member,
    b"QueueMemberRemoved": _member_removed,
    b"AgentRingNoAnswer": _agent_rang_out,
    b"DeviceStateChange": device_changed,
    b"ContactStatus": sip.contact_changed,
    b"Registry": sip.registry,
    b"RTCPSent": sip.audio_reported,
    b"RTCPReceived": sip.audio_reported,
    b"OriginateResponse": _originate_ended,
    b"UserEvent": _callback_came,
    b"Shutdown": _stopping,
}

# Which messages the wire hands on: by event type, what must stand in the message for it to tell anything. A PBX that
# reports variables reports more of them than of all else together.
WANTED: Mapping[bytes, bytes] = {
    **dict.fromkeys(DECODERS, b""),
    b"VarSet": b"\r\nVariable: QUEUESTATUS\r\n",
    b"UserEvent": f"\r\nUserEvent: {_CALLBACK}\r\n".encode(),
}


def wanted_with(trunks: Iterable[str]) -> Wanted:
    """The same where only `trunks` are listened to: no phone's reports of how its audio arrives."""
    over = sip.over(trunks)
    return {**WANTED, b"RTCPSent": over, b"RTCPReceived": over}
