"""A caller chose a key: write it down, and have the dialplan confirm it.

The dialplan has kept the key already and forgets it only once this script has left its receipt.
"""

from __future__ import annotations

from agi.channel import Channel
from agi.desk import Caller, Desk, Next


async def pressed(channel: Channel, desk: Desk, caller: Caller) -> Next:
    receipt = await desk.pressed(caller, caller.key)
    channel.name(receipt.audio)
    return receipt.then
