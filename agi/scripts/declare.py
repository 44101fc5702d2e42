"""An operator dialled a line's code: who shows the PIN hears how it stands, and may declare an outage or end one."""

from __future__ import annotations

from agi.channel import Channel
from agi.commands import DIGITS
from agi.desk import Caller, Challenge, Desk, Next
from agi.scripts.conversation import confirm, offer

# One more than a PIN may have: what ends a right one is `#` or a pause, so its `#` cannot fall into the next prompt.
MOST_DIGITS = 13
ALL_KEYS = "".join(sorted(DIGITS))


async def declare(channel: Channel, desk: Desk, caller: Caller) -> Next:
    answer = await desk.operator(caller, "")
    while isinstance(answer, Challenge):
        digits = await ask(channel, answer)
        if digits is None:
            return Next.HANGUP
        answer = await desk.operator(caller, digits)
    key = await offer(channel, answer)
    if key is None:
        return answer.then
    return await confirm(channel, await desk.ordered(caller, key))


async def ask(channel: Channel, challenge: Challenge) -> str | None:
    """Say the challenge and return the digits keyed in, or None when it asks for none. A key ends the playing."""
    if not challenge.asks:
        for audio in challenge.audio:
            await channel.play(audio)
        return None
    first: str | None = None
    for audio in challenge.audio:
        if first := await channel.play(audio, ALL_KEYS):
            break
    if first == "#":
        return ""
    return await channel.read_digits(challenge.wait, MOST_DIGITS, first or "")
