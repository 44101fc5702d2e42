"""Which words, for whom: what a line's callers are to hear now, before anything is rendered.

An open incident is told before an unanswered line, since it is the reason people call. Words are a phrase's name and
its parameters; how they sound is the voice room's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from ami_bridge.domain.incident import Incident
from ami_bridge.domain.line import Attendance
from ami_bridge.domain.names import AnnouncementHash, LineName

Value = str | datetime | None


class Key(Enum):
    """What a key means wherever we offer one on the way in or after waiting in vain."""

    IN_TURN = "1"
    WHEN_FIXED = "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A phrase to be said: its name, its parameters, and the keys it offers."""

    phrase: str
    params: Mapping[str, Value] = field(default_factory=dict)
    keys: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """What a PBX is told about a line: the recording, the keys it offers, until when it may be played."""

    line: LineName
    recording: AnnouncementHash
    keys: str
    until: datetime

    def encoded(self) -> str:
        """As the dialplan reads it from AstDB: ten digits of epoch seconds, the recording's hash, the keys."""
        return f"{int(self.until.timestamp()):010d}-{self.recording}-{self.keys}"


def about_incident(incident: Incident, what: str) -> Words:
    """All that is known about `incident`; `what` is the disturbed thing in the customer's terms."""
    params: dict[str, Value] = {"what": what, "since": incident.since, "next_word": incident.next_word}
    return Words(phrase="incident", params=params, keys=Key.IN_TURN.value + Key.WHEN_FIXED.value)


def first_word(what: str) -> Words:
    """What can be said the moment `what` fails, prepared long before."""
    return Words(phrase="incident_first", params={"what": what}, keys=Key.IN_TURN.value + Key.WHEN_FIXED.value)


LINE_UNANSWERED = Words(phrase="line_unanswered", keys=Key.IN_TURN.value)


def for_line(
    line: LineName, incidents: Iterable[Incident], what: Mapping[str, str], attendance: Attendance
) -> Words | None:
    """What callers of `line` hear on arrival; None while there is nothing to say.

    `what` names each trunk in the customer's terms. Of several incidents the oldest is told.
    """
    touching = [i for i in incidents if i.open and line in i.lines]
    if touching:
        oldest = min(touching, key=lambda i: i.since)
        return about_incident(oldest, what[oldest.trunk or ""])
    return LINE_UNANSWERED if attendance is Attendance.UNANSWERED else None


def next_word_after(now: datetime, every: timedelta) -> datetime:
    """When the next word is due: `every` from `now`, rounded up to five minutes, as people name times."""
    due = now + every
    surplus = timedelta(minutes=due.minute % 5, seconds=due.second, microseconds=due.microsecond)
    return due if not surplus else due - surplus + timedelta(minutes=5)
