"""A caller waited and nobody on the line answered: what the dialplan tells and offers them."""

from __future__ import annotations

from agi.channel import Channel
from agi.desk import Caller, Desk, Next


async def unanswered(channel: Channel, desk: Desk, caller: Caller) -> Next:
    return channel.leave(await desk.unanswered(caller))
