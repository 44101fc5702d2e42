"""What scripts share that converse with a caller: say something, then listen; take digits; confirm what was chosen."""

from __future__ import annotations

from agi.channel import Channel
from agi.commands import DIGITS
from agi.desk import Audio, Next, Question, Receipt, Treatment

AGAIN = "0"
ALL_KEYS = "".join(sorted(DIGITS))
MOST_TIMES = 11  # that one caller hears the same: once, and ten times again


async def offer(channel: Channel, treatment: Treatment | Question) -> str | None:
    """Play the treatment and return the key the caller chose, or None. A key ends the playing; later audio is dropped.

    `0` where it is offered plays all of it again. Without audio nothing is said, so no key is waited for either: nobody
    is left in a silence they cannot explain.
    """
    for _ in range(MOST_TIMES):
        key: str | None = None
        for audio in treatment.audio:
            if key := await channel.play(audio, treatment.keys):
                break
        if key is None and treatment.audio and treatment.keys:
            key = await channel.wait_for_key(treatment.wait, treatment.keys)
        if key != AGAIN:
            return key
    return None


async def keyed(channel: Channel, audio: tuple[Audio, ...], wait: float, most: int) -> str:
    """Ask for digits and return those keyed in until `#`, `most` of them, or none for `wait` seconds.

    A key ends the playing and is the first digit.
    """
    first: str | None = None
    for one in audio:
        if first := await channel.play(one, ALL_KEYS):
            break
    if first == "#":
        return ""
    return await channel.read_digits(wait, most, first or "")


async def confirm(channel: Channel, receipt: Receipt) -> Next:
    """Say what became of the choice. No key interrupts it: it is the proof the caller goes away with."""
    for audio in receipt.audio:
        await channel.play(audio)
    return receipt.then
