"""A caller's channel as scripts use it: leave to the dialplan what to say, or converse; then leave the receipt.

The dialplan set `TIMEOUT(absolute)` before it called us and rescues the caller in its extension `T` when that runs out.
A question (`leave`, `name`) is answered within it, and what is said about the answer needs nobody. In a conversation
(`play`, `wait_for_key`, `read_digits`, `record`, `can_play`) it is the dead man's handle: each step first renews it to
the step's known duration plus a margin. So a companion that dies in the middle of one costs the caller the rest of the
step and the margin at most, and one that works is never cut short.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import lru_cache
from math import ceil
from operator import attrgetter

from agi import commands, takes
from agi.desk import TAKING, Audio, Next, Treatment
from agi.errors import ChannelGone, CommandRefused, Malformed, NotPlayed, NotRecorded
from agi.replies import Reply
from agi.session import Session
from agi.settings import ServerSettings

# Past the end of any recording: Asterisk must fetch and open the file to seek in it, but plays nothing.
PAST_THE_END = 2_000_000_000

_NAME = attrgetter("name")

KEYS = "0123456789*#ABCD"  # with the fourth column that some telephones have


class Channel:
    """One caller. Every method raises ChannelGone once the caller has hung up, PeerSilent past its deadline."""

    __slots__ = ("_keys", "_say", "_session", "_settings")

    def __init__(self, session: Session, settings: ServerSettings) -> None:
        self._session = session
        self._settings = settings
        self._say: str | None = None  # what the dialplan is to play and to listen for, as it is told with the receipt
        self._keys: str | None = None

    async def play(self, audio: Audio, keys: str = "") -> str | None:
        """Play `audio`; return the key of `keys` that ended it, or None when it was heard to the end.

        Raises NotPlayed when Asterisk could not open it.
        """
        await self._renew(audio.seconds)
        reply = await self._command(commands.stream_file(audio.url, keys), audio.seconds + self._settings.margin)
        if reply.result > 0:
            return _key(reply.result, keys)
        # Asterisk answers -1 and the offset we gave for a file it cannot open, -1 and where it was for a hang-up; 0 of
        # 0 samples is how old versions report the former.
        if reply.result == -1 and reply.endpos:
            raise ChannelGone("the caller hung up while a recording was played")
        if reply.result == -1 or reply.endpos == 0:
            # A hang-up at the very first sample looks the same: if it was one, this raises ChannelGone instead.
            await self._command(commands.verbose(f"Keepline: cannot play {audio.url}", 1), self._settings.margin)
            raise NotPlayed(audio.url)
        return None

    async def wait_for_key(self, seconds: float, keys: str) -> str | None:
        """Wait up to `seconds` for one of `keys` and return it; other keys mean nothing and do not end the wait."""
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        await self._renew(seconds)
        left = seconds
        while left > 0:
            reply = await self._command(commands.wait_for_digit(left), left + self._settings.margin)
            if reply.result < 0:
                raise ChannelGone("the caller hung up while a key was awaited")
            if reply.result == 0:
                return None
            if (key := chr(reply.result)) in keys:
                return key
            left = end - clock()
        return None

    async def read_digits(self, wait: float, most: int, first: str = "") -> str:
        """Read keys until `#`, until there are `most`, or until none came for `wait` seconds; return all but the `#`.

        `first` came before: it ended a recording. Asterisk drops keys while it runs no command, so that between two of
        them there must be little: the handle is renewed for several at once. Whoever keys slowly has it renewed.
        """
        clock = asyncio.get_running_loop().time
        keyed, held = first, 0.0
        while len(keyed) < most:
            if clock() + wait > held:
                held = clock() + 3 * wait
                await self._renew(3 * wait)
            reply = await self._command(commands.wait_for_digit(wait), wait + self._settings.margin)
            if reply.result < 0:
                raise ChannelGone("the caller hung up while digits were awaited")
            if reply.result == 0 or (key := _key(reply.result, KEYS)) == "#":
                return keyed
            keyed += key
        return keyed

    async def record(self, seconds: float) -> bytes:
        """Play a tone and record what is said, for `seconds` at most; return it as 8 kHz mu-law without a header.

        It ends with `#` or with 3 s of silence. Empty when nothing was recorded or it could not be read in time. Raises
        NotRecorded when the PBX cannot record. The handle is renewed for what the desk then makes of it.
        """
        file = await self._value("${KL_TAKE}")
        if not takes.is_file(file):
            raise NotRecorded("the dialplan names no file to record to: is what `keepline render` wrote loaded?")
        await self._renew(seconds + takes.TONE)
        recording = commands.record_file(file, seconds, takes.SILENCE)
        reply = await self._command(recording, seconds + takes.TONE + self._settings.margin)
        if reply.result < 0:
            # As in `play`: if it was a hang-up, this raises ChannelGone instead.
            await self._command(commands.verbose(f"Keepline: cannot record {file}", 1), self._settings.margin)
            raise NotRecorded(f"the PBX cannot record to {file}, or has no sound called beep")
        await self._renew(takes.READ_WITHIN)
        audio = await takes.read(f"{file}.ulaw", self._value, round((seconds + 1) * takes.RATE))
        await self._renew(TAKING)
        return audio

    async def can_play(self, url: str) -> bool:
        """Have Asterisk fetch and open `url` without a sound; return whether it could."""
        await self._renew(self._settings.fetch_within)
        opening = commands.stream_file(url, "", PAST_THE_END)
        try:
            reply = await self._command(opening, self._settings.fetch_within + self._settings.margin)
        except CommandRefused:
            return False
        return reply.result == 0 and reply.endpos is not None and 0 < reply.endpos < PAST_THE_END

    def leave(self, treatment: Treatment) -> Next:
        """Leave to the dialplan what to play and which keys to listen for: while it does that it needs nobody.

        What becomes of a key is the dialplan's next question. Returns what the receipt is to say; without audio that is
        the treatment's own.
        """
        if not treatment.audio:
            return treatment.then
        self.name(treatment.audio, treatment.also)
        self._keys = treatment.keys
        return Next.SAY

    def name(self, audio: tuple[Audio, ...], also: Audio | None = None) -> None:
        """Name the recordings that the dialplan is to play, in order; none, so that it does not play earlier ones.

        `also` comes after the others and may be missing on the PBX. It is told with the receipt.
        """
        names = "-".join(map(_NAME, audio))
        self._say = f"{names}.{also.name}" if also else names

    def noted(self) -> Awaitable[Reply]:
        """Tell the dialplan that what the caller wishes is stored: whatever happens now, it is confirmed."""
        return self._command(commands.set_variable("KL_NOTED", "yes"), self._settings.margin)

    async def note(self, message: str) -> None:
        """Write `message` to the PBX's console. An answer also proves that the channel still lives."""
        await self._command(commands.verbose(message), self._settings.margin)

    def finish(self, then: Next) -> Awaitable[Reply]:
        """Leave the receipt by which the dialplan knows that nothing is missing, and where the call goes.

        What was named for it goes before, so it is all there when the receipt is.
        """
        return self._session.commands(_receipt(self._say, self._keys, then), self._settings.margin)

    def _command(self, line: bytes, within: float) -> Awaitable[Reply]:
        return self._session.command(line, within)

    async def _value(self, expression: str) -> str:
        reply = await self._command(commands.get_full_variable(expression), self._settings.margin)
        return reply.data or ""

    def _renew(self, seconds: float) -> Awaitable[Reply]:
        margin = self._settings.margin
        return self._command(commands.set_variable("TIMEOUT(absolute)", str(ceil(seconds + margin))), margin)


@lru_cache(maxsize=256)
def _receipt(say: str | None, keys: str | None, then: Next) -> tuple[bytes, ...]:
    """Remembered, as callers of a line get the same for hours."""
    values = {"KL_SAY": say, "KL_KEYS": keys, "KL_NEXT": then.value}
    return tuple(commands.set_variable(name, value) for name, value in values.items() if value is not None)


def _key(result: int, keys: str) -> str:
    key = chr(result) if result < 128 else ""
    if not key or key not in keys:
        raise Malformed("a key came that means nothing here")
    return key
