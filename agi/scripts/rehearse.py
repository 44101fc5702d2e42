"""A PBX fetches and opens recordings ahead of the first caller who needs them. Nobody listens on this channel."""

from __future__ import annotations

from agi.channel import Channel
from agi.desk import Caller, Desk, Next


async def rehearse(channel: Channel, desk: Desk, caller: Caller) -> Next:
    rehearsal = await desk.rehearsal(caller)
    playable = {url: await channel.can_play(url) for url in rehearsal.urls}
    # A dead channel plays nothing and says so like a missing file: the outcome counts only if it still lives.
    await channel.note(f"Keepline: {sum(playable.values())} of {len(playable)} recordings can be played")
    await desk.rehearsed(caller, playable)
    return Next.HANGUP
