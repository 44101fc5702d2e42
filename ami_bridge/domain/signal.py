"""What is known of a trunk, a site, a line, a tenant or a PBX: who says it, how much it weighs, and in which words.

A detector watches one thing about one subject and testifies whenever its opinion changes. What all testimonies about a
subject come to is `verdict`'s business, so that no single witness can cry wolf by itself unless it is sure enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum
from typing import Protocol


class Kind(Enum):
    """What can be at fault."""

    TRUNK = "trunk"
    SITE = "site"
    LINE = "line"
    TENANT = "tenant"  # all of a tenant's lines on one PBX; nobody watches it, but people and systems may know
    PBX = "pbx"


# From the narrowest to the widest: what is nearer to a caller is told first.
SCOPES = (Kind.LINE, Kind.SITE, Kind.TENANT, Kind.TRUNK, Kind.PBX)


def scope_rank(kind: Kind) -> int:
    """How far a fault of this kind reaches: 0 is one line."""
    return SCOPES.index(kind)


@dataclass(frozen=True, slots=True)
class Subject:
    """One trunk, site, line or tenant of one PBX by its name, or that PBX itself."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}"


class Source(Enum):
    """Who testifies. Two testimonies of one source are one opinion; those of two sources corroborate each other."""

    REGISTRATION = "registration"
    QUALIFY = "qualify"
    ROUND_TRIP = "round-trip"
    CALLS = "calls"  # calls out that fail for the network's fault
    SILENCE = "silence"  # no calls in where there always are
    SURGE = "surge"  # far more callers than usual
    PHONES = "phones"  # a site's phones gone together
    AUDIO = "audio"
    AGENTS = "agents"  # nobody logged in, everybody paused
    WAITING = "waiting"  # the longest wait
    ABANDONS = "abandons"
    RINGING = "ringing"  # agents' phones ring and nobody picks up
    UNANSWERED = "unanswered"  # callers in a row who waited their patience out
    LINK = "link"  # the AMI link
    OPERATOR = "operator"
    WEBHOOK = "webhook"


class Strength(IntEnum):
    """How much a testimony weighs; they are added up. See docs/verdicts.md."""

    CLEAR = 0  # nothing is wrong, as far as this source can tell
    HINT = 1  # worth remembering; never an incident by itself
    SUSPECT = 2  # an incident is suspected; two of these condemn
    DOWN = 4  # condemns alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One testimony: the newest of a source about a subject stands, until that source says something else.

    `words` are for operators: what was seen, with its figures, in a sentence without a time and without numbers of
    callers. `told_by` tells apart several witnesses of one source (two webhooks), each of which must clear itself.
    """

    subject: Subject
    source: Source
    strength: Strength
    words: str
    told_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A line of what was seen, as it is kept with verdicts and incidents; `about` is whom, where that is known."""

    at: datetime
    source: Source
    words: str
    about: Subject | None = None


class Detector(Protocol):
    """What every detector has besides its own ways to observe."""

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass; return what changed."""

    def lost_sight(self, now: datetime) -> None:
        """The PBX is not watched from now on: what was half seen proves nothing, and nothing has lasted."""

    def resume(self, now: datetime) -> None:
        """An earlier run of the companion had testified against the subject: that it is good again is news."""
