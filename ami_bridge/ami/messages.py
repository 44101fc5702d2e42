"""What a recorded AMI stream is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

GREETING = b"Asterisk Call Manager/"
_EVENT = b"Event: "
_TIME = b"\r\nTimestamp: "


@dataclass(frozen=True, slots=True)
class Message:
    """One event, response or action as the wire carries it, without the empty line that ends it."""

    line: int
    raw: bytes

    @property
    def event(self) -> str:
        """The event's type; empty for what is no event."""
        if not self.raw.startswith(_EVENT):
            return ""
        return self.raw[len(_EVENT) :].partition(b"\r\n")[0].decode("utf-8", "replace")

    @property
    def at(self) -> datetime | None:
        """When Asterisk says it happened (`timestampevents` in manager.conf); None when it does not say."""
        _before, found, after = self.raw.partition(_TIME)
        if not found:
            return None
        try:
            return datetime.fromtimestamp(float(after.partition(b"\r\n")[0]), UTC)
        except (ValueError, OverflowError, OSError):
            return None


@dataclass(frozen=True, slots=True)
class Greeting:
    """A connection begins; in mid-stream, what the one before saw may have changed unseen."""

    line: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    line: int
    problem: str


Item = Message | Greeting | Unreadable


def excerpt(raw: bytes) -> str:
    """The beginning of `raw`, fit to be shown to people."""
    text = ascii(raw[:40].decode("utf-8", "replace"))
    return text if len(raw) <= 40 else f"{text}..."
