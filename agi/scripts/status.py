"""A caller reached a line about which there is something to say: what the dialplan says, and which keys it takes."""

from __future__ import annotations

from agi.channel import Channel
from agi.desk import Caller, Desk, Next


async def status(channel: Channel, desk: Desk, caller: Caller) -> Next:
    return channel.leave(await desk.status(caller))
