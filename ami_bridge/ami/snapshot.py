"""What is true on a PBX right now, asked for after every (re)connection, as the events that would have led there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from contextlib import suppress
from typing import TypeVar

import structlog

from ami_bridge.ami import actions, decode, sip
from ami_bridge.ami.errors import ActionRefused
from ami_bridge.ami.session import Session
from ami_bridge.domain import events as ev
from ami_bridge.domain.names import Bridgeid

log = structlog.get_logger(__name__)

E = TypeVar("E", bound=ev.Event)

AT_ONCE = 50  # questions about single channels under way

_DECODERS: dict[str, Callable[[Mapping[str, str]], ev.Event]] = {
    "QueueMember": decode.queue_member,
    "QueueEntry": decode.queue_entry,
    "DeviceStateChange": decode.device_changed,
    "ContactStatusDetail": sip.contact_listed,
    "OutboundRegistrationDetail": sip.registration_listed,
}


async def snapshot(
    session: Session,
    endpoints: Iterable[str] = (),
    *,
    numbers: Collection[str] = (),
    known: Container[str] = (),
) -> list[ev.Event]:
    """Channels, bridges, queues, devices and registrations of the PBX, and the contacts of `endpoints`.

    Callers whose call is not `known`, by its Linkedid, are asked about one by one: whether one of `numbers` is what
    they dialled. A list the PBX does not offer (a module that is not loaded, an endpoint it does not have) counts as
    empty. PJSIPShowContacts would leave out what pjsip.conf names, which is how trunks are configured: endpoints are
    asked about one by one. Raise LinkLost or LinkSilent.
    """
    channels = await _list(session, "CoreShowChannels", "CoreShowChannel")
    entries = await _dialled(session, channels, numbers, known) if numbers else channels
    # After the channels: what kind of bridge they are in. A bridge that is over by then has let them go.
    entries += await _list(session, "BridgeList", "BridgeListItem")
    entries += await _list(session, "QueueStatus", "QueueMember", "QueueEntry")
    entries += await _list(session, "DeviceStateList", "DeviceStateChange")
    for endpoint in endpoints:
        entries += await _list(session, "PJSIPShowEndpoint", "ContactStatusDetail", Endpoint=endpoint)
    # This list has passwords among its entries: what is not wanted of it is dropped unread.
    entries += await _list(session, "PJSIPShowRegistrationsOutbound", "OutboundRegistrationDetail")
    # In a thread: ten thousand calls are half a second of reading, and other PBXs have news meanwhile.
    return await asyncio.to_thread(listed, entries)


async def _dialled(
    session: Session, entries: list[Mapping[str, str]], numbers: Collection[str], known: Container[str]
) -> list[Mapping[str, str]]:
    """Put the number that was dialled where the dialplan has led its caller elsewhere since (`s` of a subroutine)."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def ask(place: int, entry: Mapping[str, str]) -> None:
        async with limit:
            number = await actions.dialled_number(session, entry.get("Channel", ""))
        if number in numbers:
            entries[place] = {**entry, "Exten": number}

    # What is not known in time costs the line its knowledge of those callers, and nobody anything else.
    with suppress(TimeoutError):
        async with asyncio.timeout(session.deadlines.listing), asyncio.TaskGroup() as tasks:
            for place, entry in enumerate(entries):
                uniqueid, linkedid = entry.get("Uniqueid"), entry.get("Linkedid", "")
                if uniqueid == linkedid and linkedid not in known and entry.get("Exten") not in numbers:
                    tasks.create_task(ask(place, entry))
    return entries


def listed(entries: Iterable[Mapping[str, str]]) -> list[ev.Event]:
    """The entries of lists, asked for or recorded, as the events that would have led there; others are passed over."""
    entries = list(entries)
    holding = {e.get("BridgeUniqueid") for e in entries if e.get("BridgeTechnology") == "holding_bridge"}
    events = _channels((entry for entry in entries if entry.get("Event") == "CoreShowChannel"), holding)
    for entry in entries:
        if (decoder := _DECODERS.get(entry.get("Event", ""))) is not None:
            events += _one(decoder, entry)
    return events


async def _list(session: Session, action: str, *wanted: str, **headers: str) -> list[Mapping[str, str]]:
    """The entries of a list that are events of a `wanted` type."""
    try:
        entries = await session.ask_list(action, {**headers})
    except ActionRefused as refused:
        log.info("The PBX has no such list", pbx=session.name, action=action, answer=str(refused))
        return []
    return [entry for entry in entries if entry.event in wanted]


def _channels(entries: Iterable[Mapping[str, str]], holding: Container[str | None]) -> list[ev.Event]:
    """Channels in the order in which they came to be, then the pairs of Local channels, then who is in which bridge.

    Bridges that are only `holding` (parking, BridgeWait) join nobody with anybody.

    Asterisk lists them in any order. The channel a call began with, whose Uniqueid its tree is named after, goes first.
    """
    known = [(created, entry) for entry in entries for created in _one(decode.channel_created, entry)]
    known.sort(key=lambda pair: (str(pair[0].uniqueid) != str(pair[0].linkedid), _age(pair[0].uniqueid)))
    halves: dict[str, ev.ChannelCreated] = {}
    events: list[ev.Event] = [created for created, _entry in known]
    for created, _entry in known:
        pipe, half, _ = created.name.rpartition(";")
        if half and pipe.startswith("Local/") and (other := halves.setdefault(pipe, created)) is not created:
            events.append(ev.LocalPaired(one=other.uniqueid, two=created.uniqueid))
    events += [
        ev.BridgeEntered(bridge=Bridgeid(entry["BridgeId"]), uniqueid=created.uniqueid)
        for created, entry in known
        if entry.get("BridgeId") and entry["BridgeId"] not in holding
    ]
    return events


def _age(uniqueid: str) -> tuple[int, ...]:
    """`1795310318.12` was made after `1795310318.2`; a Uniqueid somebody chose says nothing about its age."""
    parts = uniqueid.rpartition("-")[2].split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()


def _one(decoder: Callable[[Mapping[str, str]], E], entry: Mapping[str, str]) -> list[E]:
    try:
        return [decoder(entry)]
    except (KeyError, ValueError) as wrong:
        log.warning("An entry of a list could not be read", entry=entry.get("Event"), problem=str(wrong))
        return []
