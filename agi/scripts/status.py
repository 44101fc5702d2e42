"""A caller reached a line about which there is something to say: say it, and take a wish for a call back."""

from __future__ import annotations

from agi.channel import Channel
from agi.desk import Caller, Desk, Next
from agi.scripts.conversation import confirm, offer


async def status(channel: Channel, desk: Desk, caller: Caller) -> Next:
    treatment = await desk.status(caller)
    key = await offer(channel, treatment)
    if key is None:
        return treatment.then
    return await confirm(channel, await desk.pressed(caller, key))
