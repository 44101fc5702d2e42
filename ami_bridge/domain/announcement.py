"""Which words, for whom: what a line's callers are to hear now, before anything is rendered.

An open incident is told before an unanswered line, since it is the reason people call. A saying is a phrase's name
and its parameters; how it sounds is the voice room's business.
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


CALLBACK_KEYS = "123"  # accept, later, not needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """A phrase to be said: its name, its parameters, and the keys it offers."""

    phrase: str
    params: Mapping[str, Value] = field(default_factory=dict)
    keys: str = ""


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

    def encoded(self) -> str:
        """As the dialplan reads it from AstDB: `until-recording-keys-standby_until-standby`, times in epoch seconds."""
        until, standby_until = int(self.until.timestamp()), int(self.standby_until.timestamp())
        return f"{until:010d}-{self.recording}-{self.keys}-{standby_until:010d}-{self.standby}"


def about_incident(incident: Incident, what: str) -> Saying:
    """All that is known about `incident`; `what` is the disturbed thing in the customer's terms."""
    params: dict[str, Value] = {"what": what, "since": incident.since, "next_word": incident.next_word}
    return Saying(phrase="incident", params=params, keys=Key.IN_TURN.value + Key.WHEN_FIXED.value)


def first_word(what: str) -> Saying:
    """What can be said the moment `what` fails, prepared long before."""
    return Saying(phrase="incident_first", params={"what": what}, keys=Key.IN_TURN.value + Key.WHEN_FIXED.value)


LINE_UNANSWERED = Saying(phrase="line_unanswered", keys=Key.IN_TURN.value)


def for_line(
    line: LineName, incidents: Iterable[Incident], what: Mapping[str, str], attendance: Attendance
) -> tuple[Saying, Saying] | None:
    """What callers of `line` hear on arrival, and the same in words without a time; None while there is nothing to say.

    `what` names each trunk in the customer's terms. Of several incidents the oldest is told.
    """
    touching = [i for i in incidents if i.open and line in i.lines]
    if touching:
        oldest = min(touching, key=lambda i: i.since)
        failed = what[oldest.trunk or ""]
        return about_incident(oldest, failed), first_word(failed)
    return (LINE_UNANSWERED, LINE_UNANSWERED) if attendance is Attendance.UNANSWERED else None


def next_word_after(now: datetime, every: timedelta) -> datetime:
    """When the next word is due: `every` from `now`, rounded up to five minutes, as people name times."""
    due = now + every
    surplus = timedelta(minutes=due.minute % 5, seconds=due.second, microseconds=due.microsecond)
    return due if not surplus else due - surplus + timedelta(minutes=5)


def callback_greeting(tenant: str) -> Saying:
    """What a customer hears first when we call them back, and the keys they answer with."""
    return Saying(phrase="callback", params={"tenant": tenant}, keys=CALLBACK_KEYS)


def restored(tenant: str, what: str, fixed: datetime) -> Saying:
    """The news that what failed works again."""
    return Saying(phrase="restored", params={"tenant": tenant, "what": what, "fixed": fixed})


OFFER = Saying(phrase="offer", keys=Key.IN_TURN.value)
OFFER_NO_NUMBER = Saying(phrase="offer_no_number")
NOTED_IN_TURN = Saying(phrase="noted_in_turn")
NOTED_RESTORED = Saying(phrase="noted_restored")
NOTED_OFFLINE = Saying(phrase="noted_offline")
ALREADY_PROMISED = Saying(phrase="already_promised")
NOT_NOTED = Saying(phrase="not_noted")
CALLBACK_CONNECTING = Saying(phrase="callback_connecting")
CALLBACK_LATER = Saying(phrase="callback_later")
CALLBACK_DECLINED = Saying(phrase="callback_declined")
CALLBACK_UNMET = Saying(phrase="callback_unmet")

# Everything a line may have to say without time to render it.
STANDING = (
    LINE_UNANSWERED,
    OFFER,
    OFFER_NO_NUMBER,
    NOTED_IN_TURN,
    NOTED_RESTORED,
    NOTED_OFFLINE,
    ALREADY_PROMISED,
    NOT_NOTED,
    CALLBACK_CONNECTING,
    CALLBACK_LATER,
    CALLBACK_DECLINED,
    CALLBACK_UNMET,
)
