"""Asking a PBX about the contacts of a trunk: at once, and how long their answers took."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from ami_bridge.ami import actions
from ami_bridge.ami.errors import ActionRefused
from ami_bridge.ami.inbox import LinkUp
from ami_bridge.ami.session import Session
from ami_bridge.domain.events import ContactChanged
from tests.adapters.ami.manager import PATIENT, Action, Manager, a_session, listing, response

Run = Callable[[Session], asyncio.Task[None]]
TRUNK = (
    "EndpointDetail|ObjectName: main",
    "AuthDetail|ObjectType: auth|Username: main|Password: hush-hush",
    "ContactStatusDetail|AOR: main|URI: sip:one|Status: Reachable|RoundtripUsec: 20500|EndpointName: main",
    "ContactStatusDetail|AOR: main|URI: sip:two|Status: Unreachable|RoundtripUsec: 0|EndpointName: main",
)


@pytest.fixture
async def session(manager: Manager, run: Run) -> Session:
    session, inbox = a_session(manager, deadlines=PATIENT)
    run(session)
    async with asyncio.timeout(5):
        assert isinstance((await inbox.take())[1], LinkUp)
    return session


async def test_round_trips_are_told_of_contacts_that_answer(manager: Manager, session: Session) -> None:
    manager.answers["PJSIPShowEndpoint"] = lambda action: listing(action, *TRUNK, end="EndpointDetailComplete")
    assert await actions.round_trips(session, "main") == [
        ContactChanged(endpoint="main", uri="sip:one", reachable=True, round_trip=0.0205),
        ContactChanged(endpoint="main", uri="sip:two", reachable=False),
    ]
    assert manager.received[-1]["Endpoint"] == "main"


async def test_a_trunk_is_asked_at_once(manager: Manager, session: Session) -> None:
    manager.answers["PJSIPQualify"] = lambda action: response(
        action, "Success", "Message: Endpoint found, will qualify"
    )
    await actions.qualify(session, "main")
    assert (manager.received[-1]["Action"], manager.received[-1]["Endpoint"]) == ("PJSIPQualify", "main")


async def test_an_endpoint_the_pbx_lacks_is_passed_over_and_a_missing_right_is_not(
    manager: Manager, session: Session
) -> None:
    def refuse(why: str) -> Callable[[Action], bytes]:
        return lambda action: response(action, "Error", f"Message: {why}")

    for name in ("PJSIPQualify", "PJSIPShowEndpoint"):
        manager.answers[name] = refuse("Unable to retrieve endpoint main")
    await actions.qualify(session, "main")
    assert await actions.round_trips(session, "main") == []
    for name in ("PJSIPQualify", "PJSIPShowEndpoint"):
        manager.answers[name] = refuse("Permission denied")
    with pytest.raises(ActionRefused, match="Permission denied"):
        await actions.qualify(session, "main")
    with pytest.raises(ActionRefused, match="Permission denied"):
        await actions.round_trips(session, "main")
