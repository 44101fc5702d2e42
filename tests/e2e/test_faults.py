"""Faults of a telephone network, done to the real one: what the PBX tells of each, and that it is mended afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from docker.lab.ami import Event, NotSeen
from docker.lab.faults import Faults, talking
from docker.lab.stack import Lab, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.faults, pytest.mark.asyncio(loop_scope="session")]

SITE = ("105", "106", "107", "108")
CUSTOMERS = tuple(f"1555123005{n}" for n in range(4))
Record = Callable[[str, object], None]


@pytest_asyncio.fixture(loop_scope="session")
async def lab() -> AsyncIterator[Lab]:
    """Both Asterisks with nobody on the phone; the companion has no part in what the PBX tells."""
    stack = Stack()
    await stack.up("carrier", "pbx")
    async with stack.connected() as lab:
        await lab.carrier.reset()
        yield lab
        await lab.carrier.reset()


@pytest.fixture
def faults(lab: Lab) -> Faults:
    return Faults(Stack(), lab)


class Watched:
    """What the PBX tells from one moment on."""

    def __init__(self, lab: Lab, record: Record) -> None:
        self._ami, self._since, self._began, self._record = lab.pbx.ami, lab.pbx.ami.mark(), time.monotonic(), record

    async def tells(self, what: str, wanted: Callable[[Event], bool], deadline: float = 30) -> Event:
        """The first event that is `wanted`; how long it took is kept with the test's results."""
        event = await self._ami.wait_for(wanted, what, deadline, self._since)
        self._record(what, round(event.at - self._began, 2))
        return event

    def told(self, wanted: Callable[[Event], bool]) -> list[Event]:
        return [event for event in self._ami.events(self._since) if wanted(event)]


def contact(name: str, status: str) -> Callable[[Event], bool]:
    return lambda e: e.name == "ContactStatus" and e["EndpointName"] == name and e["ContactStatus"] == status


def registered(trunk: str, status: str) -> Callable[[Event], bool]:
    return lambda e: e.name == "Registry" and trunk in e["Username"] and e["Status"] == status


def device(phone: str, *states: str) -> Callable[[Event], bool]:
    return lambda e: e.name == "DeviceStateChange" and e["Device"] == f"PJSIP/{phone}" and e["State"] in states


async def passes(lab: Lab, trunk: str) -> None:
    """A call comes in, and one goes out, over this trunk."""
    call = await lab.carrier.call("5550902", trunk=trunk.removeprefix("acme-"))
    await call.answered()
    await call.hangup()
    async with talking(lab, ["15551230040"], trunk=trunk):
        pass


async def until(wanted: Callable[[], object], what: str, deadline: float = 20) -> None:
    end = time.monotonic() + deadline
    while not wanted():
        if time.monotonic() > end:
            raise NotSeen(f"not within {deadline} s: {what}")
        await asyncio.sleep(0.05)


async def test_a_killed_carrier_is_unreachable_on_all_its_trunks(
    lab: Lab, faults: Faults, record_property: Record
) -> None:
    pbx = Watched(lab, record_property)
    async with faults.carrier_killed():
        for trunk in ("acme-primary", "acme-backup"):
            await pbx.tells(f"{trunk} unreachable", contact(trunk, "Unreachable"))
    for trunk in ("acme-primary", "acme-backup"):
        await pbx.tells(f"{trunk} reachable", contact(trunk, "Reachable"))
        await passes(lab, trunk)


async def test_a_rejected_registration_is_told_while_calls_pass(
    lab: Lab, faults: Faults, record_property: Record
) -> None:
    pbx = Watched(lab, record_property)
    async with faults.registration_rejected("acme-primary"):
        await pbx.tells("rejected", registered("acme-primary", "Rejected"))
        assert not await lab.pbx.trunk_registered("acme-primary")
        assert await lab.pbx.trunk_registered("acme-backup")
        await passes(lab, "acme-primary")
    assert not pbx.told(contact("acme-primary", "Unreachable"))
    await pbx.tells("registered again", registered("acme-primary", "Registered"))
    assert await lab.pbx.trunk_registered("acme-primary")


async def test_a_cut_network_answers_nothing_and_the_other_trunk_goes_on(
    lab: Lab, faults: Faults, record_property: Record
) -> None:
    pbx = Watched(lab, record_property)
    async with faults.network_cut("primary"):
        await lab.pbx.originate("PJSIP/15551230040@acme-primary", "MusicOnHold", "default", timeout=5)
        await pbx.tells("unreachable", contact("acme-primary", "Unreachable"))
        await pbx.tells("the call's end", lambda e: e.name == "Hangup" and "acme-primary" in e["Channel"])
        assert not pbx.told(lambda e: e.name == "DialState" and "acme-primary" in e["DestChannel"])
        assert not pbx.told(contact("acme-backup", "Unreachable"))
        await passes(lab, "acme-backup")
    await pbx.tells("reachable", contact("acme-primary", "Reachable"))
    await passes(lab, "acme-primary")


async def test_a_carrier_that_answers_503_is_reachable_and_registered(
    lab: Lab, faults: Faults, record_property: Record
) -> None:
    pbx = Watched(lab, record_property)
    async with faults.calls_refused("acme-primary"):
        for number in CUSTOMERS:
            await lab.pbx.originate(f"PJSIP/{number}@acme-primary", "MusicOnHold", "default")
        refused: Callable[[Event], bool] = lambda e: e.name == "Hangup" and "acme-primary" in e["Channel"]  # noqa: E731
        await pbx.tells("first call refused", refused)
        await until(lambda: len(pbx.told(refused)) == len(CUSTOMERS), "all calls were refused")
        assert {event["Cause"] for event in pbx.told(refused)} == {"34"}
        await lab.pbx.ami.action("PJSIPQualify", {"Endpoint": "acme-primary"})
        assert await lab.pbx.trunk_reachable("acme-primary")
        assert await lab.pbx.trunk_registered("acme-primary")
        await passes(lab, "acme-backup")
    assert not pbx.told(contact("acme-primary", "Unreachable"))
    await passes(lab, "acme-primary")


async def test_the_phones_of_a_cut_site_are_gone_and_other_phones_are_not(
    lab: Lab, faults: Faults, record_property: Record
) -> None:
    for phone in (*SITE, "101"):
        await lab.carrier.agent_arrives(phone)
    for phone in (*SITE, "101"):
        await lab.pbx.agent_becomes(phone, "NOT_INUSE")
    pbx = Watched(lab, record_property)
    async with faults.network_cut("site"):
        for phone in SITE:
            await pbx.tells(f"{phone} gone", device(phone, "UNAVAILABLE"))
        assert not pbx.told(device("101", "UNAVAILABLE"))
        assert not pbx.told(contact("acme-primary", "Unreachable"))
    for phone in SITE:
        await pbx.tells(f"{phone} back", device(phone, "NOT_INUSE"), deadline=40)


async def test_a_queues_agents_log_out(lab: Lab, faults: Faults, record_property: Record) -> None:
    for agent in ("101", "102"):
        await lab.carrier.agent_arrives(agent)
    for agent in ("101", "102"):
        await lab.pbx.agent_becomes(agent, "NOT_INUSE")
    pbx = Watched(lab, record_property)
    async with faults.agents_logged_out(["101", "102"]):
        for agent in ("101", "102"):
            gone = await pbx.tells(f"{agent} gone", status("support", agent, "Status", "5"))
            assert gone["Paused"] == "0"
    for agent in ("101", "102"):
        await pbx.tells(f"{agent} back", status("support", agent, "Status", "1"))


async def test_a_queues_agents_pause(lab: Lab, faults: Faults, record_property: Record) -> None:
    pbx = Watched(lab, record_property)
    async with faults.agents_paused("support", ["101", "102"]):
        for agent in ("101", "102"):
            await pbx.tells(f"{agent} paused", status("support", agent, "Paused", "1"))
        again = Watched(lab, record_property)
    for agent in ("101", "102"):
        await again.tells(f"{agent} goes on", status("support", agent, "Paused", "0"))


def status(queue: str, agent: str, header: str, value: str) -> Callable[[Event], bool]:
    return lambda e: (
        e.name in ("QueueMemberStatus", "QueueMemberPause")
        and (e["Queue"], e["Interface"]) == (queue, f"PJSIP/{agent}")
        and e[header] == value
    )


async def test_lost_packets_show_in_both_directions_of_every_call(
    lab: Lab, faults: Faults, record_property: Record
) -> None:
    async with talking(lab, CUSTOMERS):
        pbx = Watched(lab, record_property)
        async with faults.packets_lost(0.3):
            for name in ("RTCPSent", "RTCPReceived"):
                await pbx.tells(f"{name}: audio that suffers", poor(name))
                await of_all_calls(pbx, poor(name))
        mended = Watched(lab, record_property)
        for name in ("RTCPSent", "RTCPReceived"):
            await of_all_calls(mended, fine(name))
        assert not mended.told(contact("acme-primary", "Unreachable"))


def lost(event: Event) -> float:
    return int(event["Report0FractionLost"] or 0) / 256


def poor(name: str) -> Callable[[Event], bool]:
    return lambda e: e.name == name and lost(e) > 0.1


def fine(name: str) -> Callable[[Event], bool]:
    return lambda e: e.name == name and e["ReportCount"] != "0" and lost(e) == 0


async def of_all_calls(pbx: Watched, wanted: Callable[[Event], bool]) -> None:
    await until(
        lambda: len({event["Uniqueid"] for event in pbx.told(wanted)}) == len(CUSTOMERS), "reports of all calls"
    )
