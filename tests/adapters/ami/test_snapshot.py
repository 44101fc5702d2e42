"""What is true on a PBX, read from its lists, and what we keep in its AstDB."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import ActionRefused
from ami_bridge.ami.inbox import LinkUp
from ami_bridge.ami.session import Deadlines, Session
from ami_bridge.ami.snapshot import AT_ONCE, snapshot
from ami_bridge.domain import events as ev
from ami_bridge.domain.facts import Answered, CallStarted
from ami_bridge.domain.names import Uniqueid
from ami_bridge.domain.tracker import Tracker
from tests.adapters.ami.manager import PATIENT, Action, Manager, a_session, listing, response

Run = Callable[[Session], asyncio.Task[None]]
T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def channel(name: str, uniqueid: str, *, linkedid: str = "100.1", bridge: str = "", exten: str = "s") -> str:
    return (
        f"CoreShowChannel|Channel: {name}|ChannelState: 6|CallerIDNum: +4930123|Exten: {exten}|Uniqueid: {uniqueid}"
        f"|Linkedid: {linkedid}|BridgeId: {bridge}"
    )


@pytest.fixture
async def session(manager: Manager, run: Run) -> Session:
    session, inbox = a_session(manager, deadlines=PATIENT)
    run(session)
    async with asyncio.timeout(5):
        assert isinstance((await inbox.take())[1], LinkUp)
    for name in ("CoreShowChannels", "BridgeList", "QueueStatus", "DeviceStateList", "PJSIPShowRegistrationsOutbound"):
        manager.answers[name] = listing
    return session


async def test_a_call_in_progress_is_the_callers_in_whatever_order_its_channels_are_listed(
    manager: Manager, session: Session
) -> None:
    manager.answers["CoreShowChannels"] = lambda action: listing(
        action,
        channel("PJSIP/101-00000009", "100.10", bridge="b2"),
        channel("Local/101@agents-00000001;2", "100.9", bridge="b2"),
        channel("Local/101@agents-00000001;1", "100.2", bridge="b1"),
        channel("PJSIP/acme-primary-00000001", "100.1", bridge="b1", exten="5550100"),
    )
    events = await snapshot(session)
    created = [event.uniqueid for event in events if isinstance(event, ev.ChannelCreated)]
    assert created == ["100.1", "100.2", "100.9", "100.10"]
    tracker = Tracker()
    facts = tracker.resync(events, T0)
    assert [type(fact) for fact in facts] == [CallStarted, Answered]
    assert isinstance(facts[0], CallStarted)
    assert facts[0].caller == "PJSIP/acme-primary-00000001"
    assert isinstance(facts[1], Answered)
    assert facts[1].by == "PJSIP/101-00000009"


async def test_queues_devices_and_trunks_are_read(manager: Manager, session: Session) -> None:
    manager.answers["QueueStatus"] = lambda action: listing(
        action,
        "QueueParams|Queue: support|Max: 0",
        "QueueMember|Queue: support|Name: Ann|Location: PJSIP/101|StateInterface: PJSIP/101|Status: 1|Paused: 0",
        "QueueEntry|Queue: support|Position: 1|Channel: x|Uniqueid: 100.1|Wait: 12",
    )
    manager.answers["DeviceStateList"] = lambda action: listing(
        action, "DeviceStateChange|Device: PJSIP/101|State: NOT_INUSE", end="DeviceStateListComplete"
    )

    def endpoint(action: Action) -> bytes:
        if action["Endpoint"] != "acme-primary":
            return response(action, "Error", "Message: Unable to retrieve endpoint")
        return listing(
            action,
            "EndpointDetail|ObjectName: acme-primary",
            "ContactStatusDetail|AOR: acme-primary|URI: sip:carrier|Status: Unreachable|EndpointName: acme-primary",
        )

    manager.answers["PJSIPShowEndpoint"] = endpoint
    kinds = [type(event) for event in await snapshot(session, ["acme-primary", "unknown-to-it"])]
    assert kinds == [ev.QueueMemberChanged, ev.QueueCallerJoined, ev.DeviceChanged, ev.ContactChanged]


async def test_who_is_parked_or_held_talks_with_nobody(manager: Manager, session: Session) -> None:
    """Two parked callers are in one bridge, which only holds them; BridgeWait's is of the same kind."""
    manager.answers["CoreShowChannels"] = lambda action: listing(
        action,
        channel("PJSIP/acme-primary-00000001", "100.1", bridge="lot"),
        channel("PJSIP/acme-primary-00000002", "100.2", linkedid="100.2", bridge="lot"),
        channel("PJSIP/acme-primary-00000003", "100.3", linkedid="100.3", bridge="talk"),
        channel("PJSIP/101-00000004", "100.4", linkedid="100.3", bridge="talk"),
    )
    manager.answers["BridgeList"] = lambda action: listing(
        action,
        "BridgeListItem|BridgeUniqueid: lot|BridgeType: parking|BridgeTechnology: holding_bridge|BridgeNumChannels: 2",
        "BridgeListItem|BridgeUniqueid: talk|BridgeType: basic|BridgeTechnology: simple_bridge|BridgeNumChannels: 2",
        end="BridgeListComplete",
    )
    tracker = Tracker()
    facts = tracker.resync(await snapshot(session), T0)
    assert [fact.call for fact in facts if isinstance(fact, Answered)] == ["100.3"]


REGISTRATIONS = (
    "OutboundRegistrationDetail|ObjectName: acme|ClientUri: sip:a@c|ServerUri: sip:c|Endpoint: |Status: Registered",
    "AuthDetail|ObjectType: auth|ObjectName: acme|Username: acme|Password: hush-hush",
    "OutboundRegistrationDetail|ObjectName: b-reg-0|ClientUri: sip:b@c|ServerUri: sip:c|Endpoint: |Status: Rejected",
    "OutboundRegistrationDetail|ObjectName: x|ClientUri: sip:x@c|ServerUri: sip:c|Endpoint: c|Status: Unregistered",
    "OutboundRegistrationDetail|ObjectName: d|ClientUri: sip:d@c|ServerUri: sip:c|Endpoint: |Status: Stopped",
    "OutboundRegistrationDetail|ObjectName: broken|Status: Registered",
)


async def test_registrations_are_read_and_the_passwords_listed_with_them_are_nowhere(
    manager: Manager, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    manager.answers["PJSIPShowRegistrationsOutbound"] = lambda action: listing(
        action, *REGISTRATIONS, end="OutboundRegistrationDetailComplete"
    )
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logs:
        events = await snapshot(session)
    seen = [(e.trunk, e.client, e.state.value) for e in events if isinstance(e, ev.RegistrationChanged)]
    assert seen == [
        ("acme", "sip:a@c", "registered"),
        ("b", "sip:b@c", "rejected"),
        ("c", "sip:x@c", "unregistered"),
        ("d", "sip:d@c", "stopped"),
    ]
    assert len(logs) == 1  # the one that is broken
    assert "hush" not in repr(events) + repr(logs) + caplog.text


async def test_what_a_caller_dialled_is_asked_where_the_dialplan_has_led_them_on(
    manager: Manager, session: Session
) -> None:
    """Only of callers, only of calls that are new to us, and only where it is not plain to see."""
    asked: list[str] = []

    def dnid(action: Action) -> bytes:
        assert action["Variable"] == "CALLERID(dnid)"
        asked.append(action["Channel"])
        if action["Channel"] == "PJSIP/t-03":
            return response(action, "Error", "Message: No such channel")
        return response(action, "Success", f"Variable: {action['Variable']}", "Value: 5550200")

    manager.answers["Getvar"] = dnid
    manager.answers["CoreShowChannels"] = lambda action: listing(
        action,
        channel("PJSIP/t-01", "100.1"),
        channel("PJSIP/101-02", "100.2", linkedid="100.1"),
        channel("PJSIP/t-03", "100.3", linkedid="100.3"),
        channel("PJSIP/t-04", "100.4", linkedid="100.4"),
        channel("PJSIP/t-05", "100.5", linkedid="100.5", exten="5550200"),
    )
    events = await snapshot(session, numbers=["5550200"], known={"100.4"})
    assert sorted(asked) == ["PJSIP/t-01", "PJSIP/t-03"]
    dialled = {e.uniqueid: e.dialled for e in events if isinstance(e, ev.ChannelCreated)}
    assert dialled == {"100.1": "5550200", "100.2": "s", "100.3": "s", "100.4": "s", "100.5": "5550200"}


async def test_callers_of_whom_that_is_not_to_be_known_in_time_hold_nothing_up(manager: Manager, run: Run) -> None:
    session, inbox = a_session(manager, deadlines=Deadlines(listing=0.2, reply=0.1))
    run(session)
    async with asyncio.timeout(5):
        await inbox.take()
    for name in ("BridgeList", "QueueStatus", "DeviceStateList", "PJSIPShowRegistrationsOutbound"):
        manager.answers[name] = listing
    manager.answers["Getvar"] = lambda _action: None
    many = [channel(f"PJSIP/t-{n}", f"100.{n}", linkedid=f"100.{n}") for n in range(AT_ONCE * 4)]
    manager.answers["CoreShowChannels"] = lambda action: listing(action, *many)
    events = await snapshot(session, numbers=["5550200"])
    assert len(events) == len(many)
    assert session.up


async def test_since_when_the_pbx_runs_is_told_by_its_own_clock(manager: Manager, session: Session) -> None:
    manager.answers["CoreStatus"] = lambda action: response(
        action, "Success", "CoreStartupDate: 2026-03-01", "CoreStartupTime: 08:00:00", "CoreReloadTime: 09:30:00"
    )
    assert await actions.started(session) == "2026-03-01 08:00:00"


async def test_a_list_the_pbx_does_not_offer_counts_as_empty_and_is_logged(manager: Manager, session: Session) -> None:
    manager.answers["QueueStatus"] = lambda action: response(action, "Error", "Message: Invalid/unknown command")
    with structlog.testing.capture_logs() as logs:
        assert await snapshot(session) == []
    assert [entry["action"] for entry in logs] == ["QueueStatus"]


async def test_an_entry_that_cannot_be_read_costs_only_itself(manager: Manager, session: Session) -> None:
    manager.answers["CoreShowChannels"] = lambda action: listing(
        action,
        "CoreShowChannel|Channel: PJSIP/x-01",
        channel("PJSIP/y-02", "100.1") + "|ChanVariable: a|ChanVariable: b",
    )
    with structlog.testing.capture_logs() as logs:
        [event] = await snapshot(session)
    assert isinstance(event, ev.ChannelCreated)
    assert [entry["problem"] for entry in logs] == ["'Uniqueid'"]


async def test_a_family_of_astdb_is_read_by_key(manager: Manager, session: Session) -> None:
    manager.answers["DBGetTree"] = lambda action: listing(
        action, "DBGetTreeResponse|Key: /kl/a-1|Val: 12:x:1:+49", "DBGetTreeResponse|Key: /kl/b|Val: "
    )
    assert await actions.tree(session, "kl") == {"a-1": "12:x:1:+49", "b": ""}


async def test_what_is_not_there_is_as_good_as_deleted(manager: Manager, session: Session) -> None:
    for name in ("DBGetTree", "DBDel", "Hangup"):
        manager.answers[name] = lambda action: response(action, "Error", "Message: Database entry not found")
    assert await actions.tree(session, "kl") == {}
    await actions.delete(session, "kl", "a")
    await actions.hang_up(session, "100.1")  # type: ignore[arg-type]


async def test_what_we_may_not_read_is_not_taken_for_empty(manager: Manager, session: Session) -> None:
    """Key presses the PBX kept would be passed over in silence."""
    for name in ("DBGetTree", "DBDel"):
        manager.answers[name] = lambda action: response(action, "Error", "Message: Permission denied")
    with pytest.raises(ActionRefused, match="Permission denied"):
        await actions.tree(session, "kl")
    with pytest.raises(ActionRefused, match="Permission denied"):
        await actions.delete(session, "kl", "a")


async def test_a_pbx_calls_itself_with_a_context_at_the_other_end(manager: Manager, session: Session) -> None:
    channel, context = "Local/say@keepline-whisper/n", "keepline-whisper"
    await actions.call_itself(session, channel, context)
    sent = manager.received[-1]
    assert (sent["Channel"], sent["Context"], sent["Exten"]) == (channel, context, "s")
    assert "Variable" not in sent
    assert "ChannelId" not in sent
    await actions.call_itself(session, channel, context, "spy", {"KL_SPY": "PJSIP/a-1", "KL_SAY": "b"}, Uniqueid("w1"))
    sent = manager.received[-1]
    assert (sent["Exten"], sent["ChannelId"]) == ("spy", "w1")
    assert sent["Variable"].split("\n") == ["KL_SPY=PJSIP/a-1", "KL_SAY=b"]
