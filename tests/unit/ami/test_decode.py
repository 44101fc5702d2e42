"""Every event we read, as Asterisk 22 writes it, and what becomes of broken ones."""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.ami import decode as de
from ami_bridge.ami import sip
from ami_bridge.ami.decode import DECODERS, decode
from ami_bridge.ami.errors import Undecodable
from ami_bridge.domain import events as ev
from ami_bridge.domain.events import ChannelState, DeviceState, DialOutcome, RegistrationState
from ami_bridge.domain.facts import Answered, CallEnded, CallStarted
from ami_bridge.domain.names import Bridgeid, ChannelName, Device, Linkedid, QueueName, Uniqueid
from ami_bridge.domain.tracker import Tracker

RECORDED = Path(__file__).parent / "recorded" / "asterisk-22.10.1.ami"
CHANNEL = {
    "Channel": "PJSIP/acme-primary-00000001",
    "ChannelState": "4",
    "ChannelStateDesc": "Ring",
    "CallerIDNum": "+4930123",
    "CallerIDName": "<unknown>",
    "Exten": "5550100",
    "Uniqueid": "100.1",
    "Linkedid": "100.1",
}
MEMBER = {
    "Queue": "support",
    "MemberName": "Ann",
    "Interface": "Local/101@agents/n",
    "StateInterface": "PJSIP/101",
    "Status": "1",
    "Paused": "0",
}


def raw(event: str, fields: dict[str, str]) -> bytes:
    return "\r\n".join(
        f"{key}: {value}" for key, value in {"Event": event, "Privilege": "x", **fields}.items()
    ).encode()


def member(state: DeviceState = DeviceState.FREE, *, paused: bool = False) -> ev.QueueMemberChanged:
    return ev.QueueMemberChanged(
        queue=QueueName("support"),
        device=Device("PJSIP/101"),
        state=state,
        paused=paused,
        rung=Device("Local/101@agents/n"),
    )


JOINED = ev.QueueCallerJoined(uniqueid=Uniqueid("100.1"), queue=QueueName("support"), position=2)
BLIND = {"Result": "Success", "TransfererUniqueid": "100.2", "TransfereeUniqueid": "100.1", "Extension": "102"}
ATTENDED = {
    "Result": "Success",
    "OrigTransfererUniqueid": "100.2",
    "SecondTransfererUniqueid": "100.3",
    "TransfereeUniqueid": "100.1",
    "TransferTargetUniqueid": "100.4",
    "DestBridgeUniqueid": "b1",
}
QUEUE_ENDED = {**CHANNEL, "Variable": "QUEUESTATUS", "Value": "TIMEOUT"}
RTCP = {
    "Channel": "PJSIP/acme-primary-00000001",
    "Uniqueid": "100.1",
    "PT": "200(SR)",
    "ReportCount": "1",
    "Report0SourceSSRC": "0x4cf0ec5b",
    "Report0FractionLost": "64",
    "Report0CumulativeLost": "60",
    "Report0IAJitter": "160",
}
IN_BRIDGE = {"BridgeUniqueid": "b1", "BridgeTechnology": "simple_bridge", "Uniqueid": "100.1"}
CASES: list[tuple[str, dict[str, str], ev.Event | None]] = [
    (
        "Newchannel",
        CHANNEL,
        ev.ChannelCreated(
            uniqueid=Uniqueid("100.1"),
            linkedid=Linkedid("100.1"),
            name=ChannelName("PJSIP/acme-primary-00000001"),
            state=ChannelState.DOWN,
            caller_number="+4930123",
            dialled="5550100",
            incoming=True,
        ),
    ),
    (
        "Newstate",
        {**CHANNEL, "ChannelState": "5"},
        ev.ChannelStateChanged(uniqueid=Uniqueid("100.1"), state=ChannelState.RINGING),
    ),
    (
        "Newstate",
        {**CHANNEL, "ChannelState": "6"},
        ev.ChannelStateChanged(uniqueid=Uniqueid("100.1"), state=ChannelState.UP),
    ),
    (
        "Rename",
        {"Channel": "PJSIP/101-00000002", "Newname": "PJSIP/102-00000003", "Uniqueid": "100.1"},
        ev.ChannelRenamed(uniqueid=Uniqueid("100.1"), name=ChannelName("PJSIP/102-00000003")),
    ),
    *(
        (
            "NewCallerid",
            {**CHANNEL, "CID-CallingPres": presentation},
            ev.CallerIdChanged(uniqueid=Uniqueid("100.1"), number=number),
        )
        for presentation, number in (
            ("0 (Presentation Allowed, Not Screened)", "+4930123"),
            ("3 (Presentation Allowed, Network Number)", "+4930123"),
            ("32 (Presentation Prohibited, Not Screened)", ""),
            ("67 (Number Unavailable)", ""),
        )
    ),
    ("HangupRequest", CHANNEL, ev.HangupRequested(uniqueid=Uniqueid("100.1"))),
    ("Hangup", {**CHANNEL, "Cause": "17"}, ev.ChannelHungUp(uniqueid=Uniqueid("100.1"), cause=17)),
    ("DialBegin", {"DestUniqueid": "100.2"}, ev.DialBegun(caller=None, target=Uniqueid("100.2"))),
    (
        "DialBegin",
        {**CHANNEL, "DestUniqueid": "100.2"},
        ev.DialBegun(caller=Uniqueid("100.1"), target=Uniqueid("100.2"), dialled="5550100"),
    ),
    *(
        (
            "DialBegin",
            {**CHANNEL, "DestUniqueid": "100.2", "DialString": asked},
            ev.DialBegun(caller=Uniqueid("100.1"), target=Uniqueid("100.2"), dialled="5550100", number=number),
        )
        for asked, number in (
            ("15551234567@acme-primary", "15551234567"),
            ("acme-primary/sip:+15551234567@192.0.2.7:5060", "+15551234567"),
            ("acme-primary/sips:15551234567;phone-context=us@192.0.2.7", "15551234567"),
            ("acme-primary/sip:192.0.2.7", ""),
            ("103@agents/n", "103"),
            ("101", ""),
        )
    ),
    *(
        ("DialState", {**CHANNEL, "DestUniqueid": "100.2", "DialStatus": status}, means)
        for status, means in (
            ("RINGING", ev.DialAlerted(target=Uniqueid("100.2"))),
            ("PROGRESS", ev.DialAlerted(target=Uniqueid("100.2"))),
            ("PROCEEDING", None),
        )
    ),
    *(
        (
            "DialEnd",
            {**CHANNEL, "DestUniqueid": "100.2", "DialStatus": status},
            ev.DialEnded(caller=Uniqueid("100.1"), target=Uniqueid("100.2"), outcome=outcome),
        )
        for status, outcome in (
            ("ANSWER", DialOutcome.ANSWERED),
            ("NOANSWER", DialOutcome.NO_ANSWER),
            ("BUSY", DialOutcome.BUSY),
            ("DONTCALL", DialOutcome.REJECTED),
            ("TORTURE", DialOutcome.REJECTED),
            ("CANCEL", DialOutcome.CANCELLED),
            ("ABORT", DialOutcome.NO_ANSWER),
            ("CONTINUE", DialOutcome.NO_ANSWER),
            ("GOTO", DialOutcome.NO_ANSWER),
            ("CONGESTION", DialOutcome.FAILED),
            ("CHANUNAVAIL", DialOutcome.FAILED),
            ("", DialOutcome.FAILED),
        )
    ),
    (
        "DialEnd",
        {**CHANNEL, "DestUniqueid": "100.2", "DialStatus": "CANCEL", "Forward": "Local/102@in"},
        ev.DialEnded(caller=Uniqueid("100.1"), target=Uniqueid("100.2"), outcome=DialOutcome.CANCELLED, forwarded=True),
    ),
    (
        "LocalBridge",
        {"LocalOneUniqueid": "100.3", "LocalTwoUniqueid": "100.4"},
        ev.LocalPaired(one=Uniqueid("100.3"), two=Uniqueid("100.4")),
    ),
    ("BridgeEnter", IN_BRIDGE, ev.BridgeEntered(bridge=Bridgeid("b1"), uniqueid=Uniqueid("100.1"))),
    ("BridgeEnter", {**IN_BRIDGE, "BridgeTechnology": "holding_bridge"}, None),
    ("BridgeLeave", IN_BRIDGE, ev.BridgeLeft(bridge=Bridgeid("b1"), uniqueid=Uniqueid("100.1"))),
    ("BlindTransfer", BLIND, ev.BlindTransferred(by=Uniqueid("100.2"), transferee=Uniqueid("100.1"))),
    (
        "BlindTransfer",
        {"Result": "Success", "TransfererUniqueid": "100.2", "BridgeUniqueid": "b1"},
        ev.BlindTransferred(by=Uniqueid("100.2"), transferee=None),
    ),
    ("BlindTransfer", {**BLIND, "Result": "Not Permitted"}, None),
    (
        "AttendedTransfer",
        ATTENDED,
        ev.AttendedTransferred(
            by=Uniqueid("100.2"),
            second=Uniqueid("100.3"),
            transferee=Uniqueid("100.1"),
            target=Uniqueid("100.4"),
            bridge=Bridgeid("b1"),
        ),
    ),
    (
        "AttendedTransfer",
        {"Result": "Success", "OrigTransfererUniqueid": "100.2", "SecondTransfererUniqueid": "100.2"},
        ev.AttendedTransferred(by=Uniqueid("100.2"), second=Uniqueid("100.2"), transferee=None, target=None),
    ),
    ("AttendedTransfer", {**ATTENDED, "Result": "Fail"}, None),
    (
        "Pickup",
        {**CHANNEL, "TargetChannel": "PJSIP/101-00000002", "TargetUniqueid": "100.2"},
        ev.PickedUp(picker=Uniqueid("100.1"), target=Uniqueid("100.2")),
    ),
    ("ParkedCall", {"ParkeeUniqueid": "100.1", "ParkingSpace": "701"}, ev.Parked(uniqueid=Uniqueid("100.1"))),
    ("VarSet", QUEUE_ENDED, ev.QueueEnded(uniqueid=Uniqueid("100.1"), status="TIMEOUT")),
    ("VarSet", {**QUEUE_ENDED, "Value": ""}, None),
    ("VarSet", {**QUEUE_ENDED, "Variable": "DIALSTATUS"}, None),
    ("VarSet", {**QUEUE_ENDED, "Variable": "QUEUESTATUSES"}, None),
    ("VarSet", {**QUEUE_ENDED, "Variable": "x", "Value": "Variable: QUEUESTATUS"}, None),
    ("QueueCallerJoin", {**CHANNEL, "Queue": "support", "Position": "2"}, JOINED),
    (
        "QueueCallerLeave",
        {**CHANNEL, "Queue": "support"},
        ev.QueueCallerLeft(uniqueid=Uniqueid("100.1"), queue=QueueName("support")),
    ),
    (
        "QueueCallerAbandon",
        {**CHANNEL, "Queue": "support", "Position": "1", "HoldTime": "12"},
        ev.QueueCallerAbandoned(uniqueid=Uniqueid("100.1")),
    ),
    ("QueueMemberAdded", MEMBER, member()),
    ("QueueMemberStatus", {**MEMBER, "Status": "6"}, member(DeviceState.BUSY)),
    ("QueueMemberStatus", {**MEMBER, "Status": "5"}, member(DeviceState.ABSENT)),
    ("QueueMemberPause", {**MEMBER, "Paused": "1"}, member(paused=True)),
    ("QueueMemberRemoved", MEMBER, ev.QueueMemberRemoved(queue=QueueName("support"), device=Device("PJSIP/101"))),
    (
        "AgentRingNoAnswer",
        {**CHANNEL, "Queue": "support", "Interface": "Local/101@agents/n", "RingTime": "3000"},
        ev.AgentRangOut(queue=QueueName("support"), device=Device("Local/101@agents/n")),
    ),
    *(
        (
            "DeviceStateChange",
            {"Device": "PJSIP/101", "State": state},
            ev.DeviceChanged(device=Device("PJSIP/101"), state=known),
        )
        for state, known in (
            ("NOT_INUSE", DeviceState.FREE),
            ("RINGING", DeviceState.BUSY),
            ("UNAVAILABLE", DeviceState.ABSENT),
            ("a state to come", DeviceState.ABSENT),
        )
    ),
    *(
        (
            "ContactStatus",
            {"URI": "sip:x", "ContactStatus": status, "AOR": "main", "EndpointName": "main"},
            ev.ContactChanged(endpoint="main", uri="sip:x", reachable=reachable),
        )
        for status, reachable in (
            ("Reachable", True),
            ("Unreachable", False),
            ("NonQualified", None),
            ("Removed", None),
            ("Created", None),
        )
    ),
    *(
        (
            "ContactStatus",
            {"URI": "sip:x", "ContactStatus": status, "EndpointName": "main", "RoundtripUsec": took},
            ev.ContactChanged(endpoint="main", uri="sip:x", reachable=reachable, round_trip=round_trip),
        )
        for status, took, reachable, round_trip in (
            ("Reachable", "1428", True, 0.001428),
            ("Reachable", "N/A", True, None),
            ("Unreachable", "0", False, None),
            ("Unreachable", "1428", False, None),  # of an earlier answer
        )
    ),
    *(
        (
            "Registry",
            {"ChannelType": "PJSIP", "Username": "sip:us", "Domain": "sip:carrier", "Status": status},
            ev.RegistrationChanged(client="sip:us", server="sip:carrier", state=state),
        )
        for status, state in (
            ("Registered", RegistrationState.REGISTERED),
            ("Rejected", RegistrationState.REJECTED),
            ("Stopped", RegistrationState.STOPPED),
            ("Unregistered", RegistrationState.UNREGISTERED),
            ("a state to come", RegistrationState.UNREGISTERED),
        )
    ),
    ("RTCPSent", RTCP, ev.AudioReported(uniqueid=Uniqueid("100.1"), lost=0.25, jitter=0.02)),
    ("RTCPReceived", RTCP, ev.AudioReported(uniqueid=Uniqueid("100.1"), lost=0.25, jitter=0.02)),
    (
        "RTCPSent",
        {**RTCP, "ReportCount": "2", "Report1FractionLost": "255", "Report1IAJitter": "0"},
        ev.AudioReported(uniqueid=Uniqueid("100.1"), lost=255 / 256, jitter=0.02),
    ),
    ("RTCPSent", {**RTCP, "ReportCount": "2"}, ev.AudioReported(uniqueid=Uniqueid("100.1"), lost=0.25, jitter=0.02)),
    ("RTCPSent", {"Uniqueid": "100.1", "PT": "200(SR)", "ReportCount": "0"}, None),  # nothing was heard of the far end
    ("RTCPReceived", {**RTCP, "Uniqueid": ""}, None),
    (
        "OriginateResponse",
        {"ActionID": "keepline-1", "Response": "Failure", "Reason": "0", "Uniqueid": "<unknown>"},
        ev.OriginateEnded(uniqueid=Uniqueid("keepline-1"), answered=False),
    ),
    (
        "OriginateResponse",
        {"Response": "Success", "Reason": "4", "Uniqueid": "100.9"},
        ev.OriginateEnded(uniqueid=Uniqueid("100.9"), answered=True),
    ),
    (
        "UserEvent",
        {**CHANNEL, "UserEvent": "KeeplineCallback", "Attempt": "keepline-1", "Step": "accepted"},
        ev.CallbackCame(
            attempt=Uniqueid("keepline-1"), step="accepted", channel=ChannelName("PJSIP/acme-primary-00000001")
        ),
    ),
    ("UserEvent", {**CHANNEL, "UserEvent": "SomebodyElses", "Attempt": "keepline-1", "Step": "accepted"}, None),
    ("Shutdown", {"Shutdown": "Cleanly", "Restart": "False"}, ev.PbxStopping()),
]


@pytest.mark.parametrize(("event", "fields", "means"), CASES)
def test_what_each_event_means(event: str, fields: dict[str, str], means: ev.Event | None) -> None:
    assert decode(raw(event, fields)) == means


def test_every_event_we_read_is_tested_here() -> None:
    assert {event.encode() for event, _fields, _means in CASES} == set(DECODERS)


def test_events_we_do_not_read_are_passed_over() -> None:
    assert decode(raw("MusicOnHoldStart", CHANNEL)) is None
    assert decode(b"Event: ") is None


NEEDED = {
    "Newchannel": ("Uniqueid", "Linkedid", "Channel", "ChannelState", "CallerIDNum", "Exten"),
    "Newstate": ("Uniqueid", "ChannelState"),
    "Rename": ("Uniqueid", "Newname"),
    "NewCallerid": ("Uniqueid", "CallerIDNum"),
    "HangupRequest": ("Uniqueid",),
    "Hangup": ("Uniqueid", "Cause"),
    "DialBegin": ("DestUniqueid",),
    "DialState": ("DestUniqueid", "DialStatus"),
    "DialEnd": ("DestUniqueid", "DialStatus"),
    "LocalBridge": ("LocalOneUniqueid", "LocalTwoUniqueid"),
    "BridgeEnter": ("BridgeUniqueid", "Uniqueid"),
    "BridgeLeave": ("BridgeUniqueid", "Uniqueid"),
    "BlindTransfer": ("Result", "TransfererUniqueid"),
    "AttendedTransfer": ("Result", "OrigTransfererUniqueid", "SecondTransfererUniqueid"),
    "Pickup": ("Uniqueid", "TargetUniqueid"),
    "ParkedCall": ("ParkeeUniqueid",),
    "VarSet": ("Variable", "Value", "Uniqueid"),
    "QueueCallerAbandon": ("Uniqueid",),
    "QueueCallerJoin": ("Uniqueid", "Queue", "Position"),
    "QueueCallerLeave": ("Uniqueid", "Queue"),
    "QueueMemberStatus": ("Queue", "Status", "Paused"),
    "AgentRingNoAnswer": ("Queue", "Interface"),
    "DeviceStateChange": ("Device", "State"),
    "ContactStatus": ("EndpointName", "URI", "ContactStatus"),
    "Registry": ("Username", "Domain", "Status"),
    "RTCPSent": ("ReportCount", "Report0IAJitter"),
    "OriginateResponse": ("Response",),
}
MISSING = [(event, key) for event, keys in NEEDED.items() for key in keys]


@pytest.mark.parametrize(("event", "key"), MISSING)
def test_a_missing_header_is_named(event: str, key: str) -> None:
    fields = next(dict(fields) for name, fields, means in CASES if name == event and means is not None)
    del fields[key]
    with pytest.raises(Undecodable, match=rf"AMI event {event}: the header '{key}' is missing"):
        decode(raw(event, fields))


@pytest.mark.parametrize("cause", ["", "x", "-1", "1e3", "\u0661\u0666", "9" * 30])
def test_a_number_that_is_none_is_said_so(cause: str) -> None:
    with pytest.raises(Undecodable, match="AMI event Hangup: a number is not a number"):
        decode(raw("Hangup", {**CHANNEL, "Cause": cause}))


def test_an_empty_header_is_there_with_or_without_the_space_after_its_colon() -> None:
    for line in (b"Exten: ", b"Exten:"):
        event = decode(raw("Newchannel", {**CHANNEL}).replace(b"Exten: 5550100", line))
        assert isinstance(event, ev.ChannelCreated)
        assert event.dialled == ""


def test_a_caller_without_a_number_has_none() -> None:
    event = decode(raw("Newchannel", {**CHANNEL, "CallerIDNum": "<unknown>"}))
    assert isinstance(event, ev.ChannelCreated)
    assert event.caller_number == ""


def test_broken_utf8_in_a_callers_name_costs_nothing_but_that_name() -> None:
    event = raw("Newchannel", CHANNEL).replace(b"<unknown>", b"M\xfcller \xff\xc3")
    assert decode(event) == decode(raw("Newchannel", CHANNEL))


def test_of_a_repeated_header_the_first_counts() -> None:
    """A channel variable's value may look like a header; what Asterisk wrote comes before it."""
    event = raw("Hangup", {**CHANNEL, "Cause": "17"}) + b"\r\nChanVariable: a=1\r\nChanVariable: b\r\nUniqueid: 6.66"
    assert decode(event) == ev.ChannelHungUp(uniqueid=Uniqueid("100.1"), cause=17)


@given(st.sampled_from(sorted(DECODERS)), st.binary(max_size=300))
def test_no_bytes_do_worse_than_not_being_understood(event: bytes, rest: bytes) -> None:
    with contextlib.suppress(Undecodable):
        decode(b"Event: " + event + b"\r\n" + rest)


def test_entries_of_lists_are_read_too() -> None:
    entry = {"Queue": "support", "Position": "2", "Uniqueid": "100.1", "Wait": "42"}
    assert de.queue_entry(entry).waited == 42
    listed = {"Queue": "q", "Name": "Bob", "Location": "PJSIP/102", "StateInterface": "", "Status": "1", "Paused": "0"}
    assert de.queue_member(listed).device == "PJSIP/102"
    contact = {"EndpointName": "main", "URI": "sip:x", "Status": "Reachable", "RoundtripUsec": "2056"}
    assert sip.contact_listed(contact).round_trip == 0.002056
    assert sip.contact_listed({**contact, "Status": "Unreachable"}).reachable is False


def recorded() -> list[bytes]:
    return RECORDED.read_bytes().split(b"\r\n\r\n")[:-1]


def test_all_that_a_real_asterisk_sent_is_understood() -> None:
    kinds = Counter(type(decode(message)).__name__ for message in recorded())
    assert kinds.keys() >= {
        "ChannelCreated",
        "ChannelHungUp",
        "LocalPaired",
        "BridgeEntered",
        "QueueCallerJoined",
        "QueueMemberChanged",
        "AgentRangOut",
        "ContactChanged",
        "OriginateEnded",
    }
    assert "NoneType" not in kinds


def test_the_calls_of_that_recording_come_out_as_they_were() -> None:
    """Two callers gave up in the queue, one call was answered, one met a busy phone, one a dead line, one nobody."""
    tracker, now = Tracker(), datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    facts = []
    for n, message in enumerate(recorded()):
        event = decode(message)
        facts += tracker.feed(event, now + timedelta(milliseconds=n)) if event else []
    assert not tracker.channels
    assert not tracker.calls
    assert Counter(type(fact) for fact in facts)[CallStarted] == Counter(type(fact) for fact in facts)[CallEnded]
    queued = [fact for fact in facts if isinstance(fact, CallEnded) and fact.dialled == "5550100"]
    assert [fact.answered for fact in queued] == [False, False]
    # Originated Local channels have no caller of their own; the far ends play dialplan: nobody talked with anybody.
    assert not [fact for fact in facts if isinstance(fact, Answered)]
