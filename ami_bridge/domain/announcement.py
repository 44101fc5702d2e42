"""Which words, for whom: what a line's callers are to hear now, before anything is rendered.

A saying is a phrase's name and its parameters; how it sounds is the voice room's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from ami_bridge.domain.incident import Incident, IncidentState, Story
from ami_bridge.domain.line import Attendance
from ami_bridge.domain.names import AnnouncementHash, LineName
from ami_bridge.domain.orders import Maintenance

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


def about_incident(incident: Incident, line: LineName) -> tuple[Saying, Saying]:
    """What callers of `line` are told of `incident`; and, to be said the moment it is found, words without a time."""
    if incident.story is Story.SURGE:
        full = Saying(phrase="incident_surge", params={"since": incident.since}, keys=Key.IN_TURN.value)
        return full, FIRST_SURGE
    if incident.story is Story.UNANSWERED:
        return LINE_UNANSWERED, LINE_UNANSWERED
    phrase = _PHRASES.get((incident.story, incident.state is IncidentState.SUSPECTED), "incident_suspected")
    what = incident.what_on(line)
    params: dict[str, Value] = {"what": what, "since": incident.since, "next_word": incident.next_word}
    timeless = Saying(phrase=f"{phrase}_first", params={"what": what}, keys=_keys(phrase))
    return Saying(phrase=phrase, params=params, keys=_keys(phrase)), timeless


def first_words(what: str, *, suspected: bool) -> tuple[Saying, ...]:
    """What may have to be said the moment `what` fails, or may have failed, prepared long before."""
    phrases = (*_PHRASES.values(), *(("incident_suspected",) if suspected else ()))
    return tuple(Saying(phrase=f"{phrase}_first", params={"what": what}, keys=_keys(phrase)) for phrase in phrases)


def about_work(work: Maintenance) -> tuple[Saying, Saying]:
    """Planned work that is being done, and the same in words without a time."""
    full = Saying(phrase="maintenance", params={"what": work.what, "until": work.end}, keys=Key.IN_TURN.value)
    return full, Saying(phrase="maintenance_first", params={"what": work.what}, keys=Key.IN_TURN.value)


def _keys(phrase: str) -> str:
    """What is only suspected has no end that one could wait for."""
    return Key.IN_TURN.value + ("" if phrase == "incident_suspected" else Key.WHEN_FIXED.value)


_PHRASES = {
    (Story.OUTAGE, False): "incident",
    (Story.AUDIO, False): "incident_audio",
}
FIRST_SURGE = Saying(phrase="incident_surge_first", keys=Key.IN_TURN.value)
LINE_UNANSWERED = Saying(phrase="line_unanswered", keys=Key.IN_TURN.value)


def for_line(
    line: LineName, incidents: Iterable[Incident], work: Maintenance | None, attendance: Attendance
) -> tuple[Saying, Saying] | None:
    """What callers of `line` hear on arrival, and the same in words without a time; None while there is nothing to say.

    A fault is told before planned `work`, and both before that nobody answers, since they are the reason people call;
    that many call is told last. Of several incidents the oldest is told.
    """
    touching = sorted((i for i in incidents if i.told and i.open and line in i.lines), key=lambda i: i.since)
    faults = [incident for incident in touching if incident.story in (Story.OUTAGE, Story.AUDIO)]
    if faults:
        return about_incident(faults[0], line)
    if work is not None:
        return about_work(work)
    # Whoever is back is there at once: only a fault is told until it has held.
    lasting = {incident.story for incident in touching if incident.state is not IncidentState.MONITORING}
    if attendance is Attendance.UNANSWERED or Story.UNANSWERED in lasting:
        return LINE_UNANSWERED, LINE_UNANSWERED
    return next((about_incident(i, line) for i in touching if i.story is Story.SURGE and i.story in lasting), None)


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
    FIRST_SURGE,
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
