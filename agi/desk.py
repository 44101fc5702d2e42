"""What a caller-facing script may ask of the house, and the values that cross that counter.

The front desk knows how to talk to one caller over FastAGI and nothing else. Everything it says and everything it
writes down goes through `Desk`, which the companion implements; tests implement it in a few lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

# How much longer than others the answer to what an operator spoke may take, in seconds: it is made into a recording.
TAKING = 5.0


class Caller(NamedTuple):
    """Who is on the channel, as Asterisk's `agi_*` block says. All of it came from a phone network: data, never code.

    `number` is the caller ID reduced to digits with an optional leading `+`, or None when withheld or unusable.
    `line` is the support line the dialplan named; `attempt` the callback attempt this channel is, on calls we placed.
    `language` is CHANNEL(language) reduced to two letters in lower case, empty when it does not begin with any; `wide`
    is whether this PBX has 16 kHz recordings and the channel's own codec is one that carries them. `key` is what they
    have chosen, empty where nothing was offered yet.

    A tuple because one is made for each session: a frozen dataclass takes four times as long to make.
    """

    pbx: str
    channel: str
    uniqueid: str
    line: str
    number: str | None = None
    language: str = "en"
    attempt: str | None = None
    wide: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """A rendered announcement, of which conversations tell Asterisk the `url`; it takes `seconds` to play.

    `name` is what the dialplan knows it by, 64 hex digits, where it is to play it: it finds the file on the PBX by
    itself. Empty on what is played in conversations alone.
    """

    url: str
    seconds: float
    name: str = ""


class Next(StrEnum):
    """What the dialplan does with the caller after the script; its value is what the channel variable KL_NEXT holds."""

    SAY = "say"  # play KL_SAY, listen for KL_KEYS, ask about a key; then the call's normal way on
    CONTINUE = "continue"  # the call's normal way on
    ARRANGE = "arrange"  # what was asked for is stored: have the caller make it more precise, or confirm it as it is
    ASK = "ask"  # nothing can be stored yet, for want of a number to call: have the caller asked for one
    CONNECT = "connect"  # to a person, now: a callback the customer has accepted
    HANGUP = "hangup"  # all is said

    __hash__ = str.__hash__  # an Enum's own is a function in Python, and callers wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What to play now and which keys mean something. No audio: nothing needs saying.

    `keys` is a subset of `0123456789*#`. Where it holds `0`, that plays the audio again and the desk is not asked.

    In conversations (`callback`, `operator`, `taken`) the caller has `wait` seconds after the audio to press a key, and
    `then` is what happens if they press none. After `status` and `unanswered` the dialplan plays the audio, waits for a
    time of its own, says it again at a key that is not among `keys`, and goes the call's normal way on if none comes;
    `then` counts where there is no audio. `also` is said after it if the PBX has it, and left out if not.
    """

    audio: tuple[Audio, ...] = ()
    keys: str = ""
    wait: float = 4.0
    then: Next = Next.CONTINUE
    also: Audio | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a key press, already stored: what is played to confirm it, and where the call goes then.

    To `pressed` `audio` is one recording at most: the dialplan plays one, or none where the call goes on to be
    arranged. `noted` as in Question.
    """

    audio: tuple[Audio, ...] = ()
    then: Next = Next.HANGUP
    noted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a caller is asked while what they wish is arranged: a key of `keys`, or up to `digits` digits and `#`.

    `wait` is how many seconds a key, or each digit, may take after the audio. `noted`: what the caller asked for is
    stored by now, so that the dialplan confirms it whatever happens next.
    """

    audio: tuple[Audio, ...]
    keys: str = ""
    digits: int = 0
    wait: float = 5.0
    noted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What somebody is told who has not shown the PIN that gives orders about a line.

    `asks`: digits are waited for after the audio, at most `wait` seconds for each; else all is said.
    """

    audio: tuple[Audio, ...]
    asks: bool = True
    wait: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """An operator is to speak: `audio` asks for it, then there is a tone and at most `seconds` to say it in."""

    audio: tuple[Audio, ...]
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Recordings a PBX is to fetch and open ahead of the first call that needs them."""

    urls: tuple[str, ...] = ()


class Desk(Protocol):
    """The house behind the counter. Each answer has been written down before it is returned."""

    async def status(self, caller: Caller) -> Treatment:
        """What a caller who just reached a line hears about it."""

    async def unanswered(self, caller: Caller) -> Treatment:
        """What a caller hears whom nobody on the line has answered."""

    async def pressed(self, caller: Caller, key: str) -> Receipt:
        """The caller chose `key` from a treatment's keys, on the way in or after waiting in vain.

        The dialplan holds the key until it has the receipt, and plays the audio then. An answer that is late, or none,
        leaves it in AstDB for the companion to take over, so one key may come in both ways: it is stored once.
        """

    async def arrange(self, caller: Caller) -> Question | Receipt:
        """What is asked first of a caller whose key `pressed` was answered with ARRANGE or ASK."""

    async def arranged(self, caller: Caller, answer: str) -> Question | Receipt:
        """The caller answered the last question with a key or digits, or with nothing (empty). It ends some time,
        whatever they answer, and what they chose is stored by then."""

    async def callback(self, caller: Caller) -> Treatment:
        """What a customer hears when the call we placed is answered: who calls and why, and how to accept."""

    async def callback_pressed(self, caller: Caller, key: str) -> Receipt:
        """The customer answered a callback's question with `key`."""

    async def callback_heard(self, caller: Caller) -> None:
        """A callback that only brings news was played to its end."""

    async def operator(self, caller: Caller, pin: str) -> Treatment | Challenge:
        """Whether a caller who dialled a line's code may give orders about it: how it stands and what they may choose,
        or a challenge. `pin` is what they keyed in, empty on arrival and when nothing came. It is never shown, and
        after some tries on one call it is asked for no more."""

    async def ordered(self, caller: Caller, key: str) -> Receipt | Take:
        """The operator chose `key` from what `operator` offered on this call; the receipt says what is true now, or
        they are to speak."""

    async def taken(self, caller: Caller, audio: bytes) -> Treatment | Take:
        """The operator spoke: `audio` is 8 kHz mu-law without a header, empty when it could not be had. They hear it
        back and choose, or are to speak again."""

    async def approved(self, caller: Caller, key: str) -> Receipt | Take:
        """The operator chose `key` from what `taken` offered."""

    async def rehearsal(self, caller: Caller) -> Rehearsal:
        """What the PBX that runs this channel is to fetch now."""

    async def rehearsed(self, caller: Caller, playable: Mapping[str, bool]) -> None:
        """The outcome of a rehearsal, one entry per recording's address."""
