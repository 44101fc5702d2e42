"""What is true on a PBX right now, asked for after every (re)connection, as the events that would have led there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import structlog
from panoramisk.message import Message

from ami_bridge.ami import decode
from ami_bridge.ami.errors import ActionRefused
from ami_bridge.ami.session import Session
from ami_bridge.domain import events as ev
from ami_bridge.domain.names import Bridgeid

log = structlog.get_logger(__name__)

E = TypeVar("E", bound=ev.Event)

_DECODERS: dict[str, Callable[[Mapping[str, str]], ev.Event]] = {
    "QueueMember": decode.queue_member,
    "QueueEntry": decode.queue_entry,
    "DeviceStateChange": decode.device_changed,
    "ContactStatusDetail": decode.contact_listed,
}


async def snapshot(session: Session, endpoints: Iterable[str] = ()) -> list[ev.Event]:
    """Channels, bridges, queues and devices of the PBX, and the contacts of `endpoints`; raise LinkLost or LinkSilent.

    A list the PBX does not offer (a module that is not loaded, an endpoint it does not have) counts as empty.
    PJSIPShowContacts would leave out what pjsip.conf names, which is how trunks are configured: endpoints are asked
    about one by one.
    """
    entries = await _list(session, "CoreShowChannels", "CoreShowChannel")
    entries += await _list(session, "QueueStatus", "QueueMember", "QueueEntry")
    entries += await _list(session, "DeviceStateList", "DeviceStateChange")
    for endpoint in endpoints:
        entries += await _list(session, "PJSIPShowEndpoint", "ContactStatusDetail", Endpoint=endpoint)
    return listed(entries)


def listed(entries: Iterable[decode.Headers]) -> list[ev.Event]:
    """The entries of lists, asked for or recorded, as the events that would have led there; others are passed over."""
    entries = list(entries)
    events = _channels(entry for entry in entries if entry.get("Event") == "CoreShowChannel")
    for entry in entries:
        if (decoder := _DECODERS.get(entry.get("Event", ""))) is not None:
            events += _one(decoder, entry)
    return events


async def _list(session: Session, action: str, *wanted: str, **headers: str) -> list[decode.Headers]:
    """The entries of a list that are events of a `wanted` type."""
    try:
        messages = await session.ask_list(action, {**headers})
    except ActionRefused as refused:
        log.info("The PBX has no such list", pbx=session.name, action=action, answer=str(refused))
        return []
    return [_headers(message) for message in messages if message.event in wanted]


def _headers(message: Message) -> decode.Headers:
    """Of a repeated header the first, as when an event is decoded."""
    return decode.Headers({k: v[0] if isinstance(v, list) else v for k, v in message.items()})


def _channels(entries: Iterable[decode.Headers]) -> list[ev.Event]:
    """Channels in the order in which they came to be, then the pairs of Local channels, then who is in which bridge.

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
        if entry.get("BridgeId")
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
