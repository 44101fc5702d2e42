"""What the caller-facing scripts share: say something, then listen; confirm what was chosen."""

from __future__ import annotations

from agi.channel import Channel
from agi.desk import Next, Receipt, Treatment


async def offer(channel: Channel, treatment: Treatment) -> str | None:
    """Play the treatment and return the key the caller chose, or None. A key ends the playing; later audio is dropped.

    Without audio nothing is said, so no key is waited for either: nobody is left in a silence they cannot explain.
    """
    for audio in treatment.audio:
        if key := await channel.play(audio, treatment.keys):
            return key
    if not treatment.audio or not treatment.keys:
        return None
    return await channel.wait_for_key(treatment.wait, treatment.keys)


async def confirm(channel: Channel, receipt: Receipt) -> Next:
    """Say what became of the choice. No key interrupts it: it is the proof the caller goes away with."""
    for audio in receipt.audio:
        await channel.play(audio)
    return receipt.then
