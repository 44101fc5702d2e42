"""What is true on a PBX right now, asked for after every (re)connection, as the events that would have led there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import structlog
from panoramisk.message import Message

from ami_bridge.ami import decode
from ami_bridge.ami.errors import ActionRefused
from ami_bridge.ami.session import Session
from ami_bridge.domain import events as ev
from ami_bridge.domain.names import Bridgeid

log = structlog.get_logger(__name__)


async def snapshot(session: Session) -> list[ev.Event]:
    """Channels, bridges, queues, devices and contacts of the PBX; raise LinkLost or LinkSilent.

    A list the PBX does not offer (a module that is not loaded) counts as empty.
    """
    events: list[ev.Event] = []
    for channel in await _list(session, "CoreShowChannels"):
        events += _channel(channel)
    for entry in await _list(session, "QueueStatus"):
        events += _queue(entry)
    for device in await _list(session, "DeviceStateList"):
        events += _one(decode.device_changed, device)
    for contact in await _list(session, "PJSIPShowContacts"):
        events += _one(decode.contact_listed, contact)
    return events


async def _list(session: Session, action: str) -> Iterable[Message]:
    try:
        return await session.ask_list(action)
    except ActionRefused as refused:
        log.info("The PBX has no such list", pbx=session.name, action=action, answer=str(refused))
        return ()


def _channel(message: Message) -> list[ev.Event]:
    events = _one(decode.channel_created, message)
    if events and message.get("BridgeId"):
        [created] = events
        assert isinstance(created, ev.ChannelCreated)  # noqa: S101 - what the decoder above makes
        events.append(ev.BridgeEntered(bridge=Bridgeid(message["BridgeId"]), uniqueid=created.uniqueid))
    return events


def _queue(message: Message) -> list[ev.Event]:
    if message.event == "QueueMember":
        return _one(decode.queue_member, message)
    if message.event == "QueueEntry":
        return _one(decode.queue_entry, message)
    return []


def _one(decoder: Callable[[Mapping[str, str]], ev.Event], message: Message) -> list[ev.Event]:
    try:
        return [decoder(message)]
    except (KeyError, ValueError) as wrong:
        log.warning("An entry of a list could not be read", event=message.event, problem=str(wrong))
        return []
