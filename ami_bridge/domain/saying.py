"""What is said, as values: a phrase with its parameters and what follows it; and what a PBX is told of it.

How a saying sounds is the voice room's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum

from ami_bridge.domain.names import AnnouncementHash, LineName

Value = str | datetime | None


class Key(Enum):
    """What a key means wherever a call back is offered to a caller."""

    AGAIN = "0"  # hear it again
    IN_TURN = "1"
    WHEN_FIXED = "2"


CALLBACK_KEYS = "0123"  # hear it again; accept, later, not needed
# What is said to happen by then is not said after it.
_ENDS = ("until", "next_word", "expected", "due")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """A phrase to be said: its name, its parameters, the keys it offers, and what is said right `then`.

    `recording` is an operator's own, said in place of the phrase's words.
    """

    phrase: str
    params: Mapping[str, Value] = field(default_factory=dict)
    keys: str = ""
    then: tuple[Saying, ...] = ()
    recording: str = ""

    def parts(self) -> Iterator[Saying]:
        """Itself and what follows, in order."""
        yield self
        for saying in self.then:
            yield from saying.parts()

    @property
    def true_until(self) -> datetime | None:
        """The first of the times that it names as being still to come; None if it names none."""
        times = [part.params.get(name) for part in self.parts() for name in _ENDS]
        return min((time for time in times if isinstance(time, datetime)), default=None)

    @property
    def subject(self) -> tuple[str, str]:
        """What it is about, whatever times it names."""
        return self.phrase, str(self.params.get("what", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """What a PBX is told about a line: a recording with the keys it offers and until when its words are true.

    `standby` is what may be said after that, in words without a time in them, until `standby_until`: when the
    companion has died, callers still hear something, and nothing that is overdue.
    """

    line: LineName
    recording: AnnouncementHash
    keys: str
    until: datetime
    standby: AnnouncementHash
    standby_until: datetime

    def encoded(self, ahead: timedelta = timedelta()) -> str:
        """As the dialplan reads it from AstDB: `until-recording-keys-standby_until-standby`, times in epoch seconds.

        The dialplan compares them with the PBX's own clock, which is `ahead` of the one that gave them.
        """
        until, standby_until = (max(0, int((at + ahead).timestamp())) for at in (self.until, self.standby_until))
        return f"{until:010d}-{self.recording}-{self.keys}-{standby_until:010d}-{self.standby}"

    @classmethod
    def decoded(cls, line: LineName, text: str, ahead: timedelta = timedelta()) -> LineState | None:
        """What `encoded` made; None for a text that it did not make."""
        match text.split("-"):
            case [until, recording, keys, standby_until, standby] if until.isdigit() and standby_until.isdigit():
                try:
                    times = [datetime.fromtimestamp(int(at), UTC) - ahead for at in (until, standby_until)]
                except (ValueError, OverflowError, OSError):  # a time out of range is any of three
                    return None
                return cls(
                    line=line,
                    recording=AnnouncementHash(recording),
                    keys=keys,
                    until=times[0],
                    standby=AnnouncementHash(standby),
                    standby_until=times[1],
                )
        return None
