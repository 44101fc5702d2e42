"""A caller waited and nobody on the line answered: tell them the truth and offer to call them back."""

from __future__ import annotations

from agi.channel import Channel
from agi.desk import Caller, Desk, Next
from agi.scripts.conversation import confirm, offer


async def unanswered(channel: Channel, desk: Desk, caller: Caller) -> Next:
    treatment = await desk.unanswered(caller)
    key = await offer(channel, treatment)
    if key is None:
        return treatment.then
    return await confirm(channel, await desk.pressed(caller, key))
