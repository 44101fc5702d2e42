"""An operator dialled a line's code: who shows the PIN hears how it stands, and may declare an outage or end one, or
speak what callers hear."""

from __future__ import annotations

from agi.channel import Channel
from agi.desk import Caller, Challenge, Desk, Next, Receipt, Take, Treatment
from agi.scripts.conversation import confirm, keyed, offer

# One more than a PIN may have: what ends a right one is `#` or a pause, so its `#` cannot fall into the next prompt.
MOST_DIGITS = 13
MOST_TAKES = 5  # on one call; whoever is not content by then calls again


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
    return await carry_out(channel, desk, caller, await desk.ordered(caller, key))


async def carry_out(channel: Channel, desk: Desk, caller: Caller, answer: Receipt | Take) -> Next:
    """Confirm an order; or first let the operator speak and hear it back, until they approve. Else nothing changes."""
    for _ in range(MOST_TAKES):
        if isinstance(answer, Receipt):
            break
        heard = await spoken(channel, desk, caller, answer)
        if isinstance(heard, Take):
            answer = heard
            continue
        key = await offer(channel, heard)
        if key is None:
            return heard.then
        answer = await desk.approved(caller, key)
    return await confirm(channel, answer) if isinstance(answer, Receipt) else Next.HANGUP


async def spoken(channel: Channel, desk: Desk, caller: Caller, take: Take) -> Treatment | Take:
    """Ask the operator to speak, and hand over what they said."""
    for audio in take.audio:
        await channel.play(audio)
    return await desk.taken(caller, await channel.record(take.seconds))


async def ask(channel: Channel, challenge: Challenge) -> str | None:
    """Say the challenge and return the digits keyed in, or None when it asks for none. A key ends the playing."""
    if not challenge.asks:
        for audio in challenge.audio:
            await channel.play(audio)
        return None
    return await keyed(channel, challenge.audio, challenge.wait, MOST_DIGITS)
