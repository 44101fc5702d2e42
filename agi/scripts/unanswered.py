"""A caller waited and nobody on the line answered: tell them the truth and offer to call them back."""

from __future__ import annotations

from agi.channel import Channel
from agi.desk import Caller, Desk, Next


async def unanswered(channel: Channel, desk: Desk, caller: Caller) -> Next:
    return await channel.leave(await desk.unanswered(caller))
