"""A customer answered the call we placed: say who calls and why, and let a person accept it with a key.

A callback that only brings news asks for no key; it is kept when it was heard to the end.
"""

from __future__ import annotations

from agi.channel import Channel
from agi.desk import Caller, Desk, Next
from agi.scripts.conversation import confirm, offer


async def callback(channel: Channel, desk: Desk, caller: Caller) -> Next:
    treatment = await desk.callback(caller)
    key = await offer(channel, treatment)
    if key is not None:
        return await confirm(channel, await desk.callback_pressed(caller, key))
    if treatment.audio and not treatment.keys:
        await desk.callback_heard(caller)
    return treatment.then
