"""Why a session with a caller's channel ends before everything was said.

Every one of them ends that session only, without the receipt `KL_NEXT`, so that the dialplan's fallback runs.
"""

from __future__ import annotations


class AgiError(Exception):
    """What all reasons of the front desk have in common."""


class ChannelGone(AgiError):
    """The caller hung up, or Asterisk ended the session. Ordinary: never logged as a fault."""


class PeerSilent(AgiError):
    """The PBX did not send what was due within its deadline."""


class Malformed(AgiError):
    """The peer sent something that is not AGI, or not a request of ours; the message names what was wrong."""


class CommandRefused(AgiError):
    """Asterisk answered 510 (unknown command), 520 (wrong syntax) or another failure code."""

    def __init__(self, command: str, code: int, text: str) -> None:
        super().__init__(f"{command} was refused with {code}: {text[:200]}")
        self.code = code


class NotPlayed(AgiError):
    """Asterisk could not open or play a recording, so the caller has not heard it."""

    def __init__(self, url: str) -> None:
        super().__init__(f"the recording could not be played: {url}")
        self.url = url


class NotRecorded(AgiError):
    """Asterisk could not record what an operator spoke; the message says what is missing on the PBX."""


class DeskLate(AgiError):
    """The house did not answer in time; the caller is not kept waiting for it."""


class NotWritten(AgiError):
    """The house could not write down what a caller chose. Without a receipt the PBX goes on keeping it."""


class Unsendable(AgiError, ValueError):
    """An argument cannot be put into an AGI command without breaking it; nothing was sent."""


class CannotListen(AgiError):
    """The front desk cannot listen where it was told to; the message names the setting and what to do."""
