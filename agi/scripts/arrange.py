"""What a caller asked for is made more precise: which number is called, and when. Whoever hangs up keeps what stands.

However it ends, the dialplan confirms what is stored: this script tells it as soon as something is.
"""

from __future__ import annotations

from agi.channel import Channel
from agi.desk import Caller, Desk, Next, Question
from agi.scripts.conversation import confirm, keyed, offer


async def arrange(channel: Channel, desk: Desk, caller: Caller) -> Next:
    answer, noted = await desk.arrange(caller), False
    while True:
        if answer.noted and not noted:
            await channel.noted()
            noted = True
        if not isinstance(answer, Question):
            return await confirm(channel, answer)
        answer = await desk.arranged(caller, await ask(channel, answer))


async def ask(channel: Channel, question: Question) -> str:
    """The key or the digits that answer it; empty when none came."""
    if question.digits:
        return await keyed(channel, question.audio, question.wait, question.digits)
    return await offer(channel, question) or ""
