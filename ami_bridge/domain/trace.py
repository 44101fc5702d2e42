"""What one caller would hear now on one line, and why: values only, which the rooms fill and operators are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from ami_bridge.domain.names import NO_RECORDING, AnnouncementHash, LineName, PbxName, TenantName


class Part(Enum):
    """What a piece of what a caller hears is."""

    PROMISE = "your promise"  # what we owe this caller already
    SEGMENT = "segment"  # the words kept for callers like this one
    ANNOUNCEMENT = "announcement"  # what everybody on the line is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One recording as it is played. An operator's own may have no `text`: nobody wrote down what was said."""

    part: Part
    text: str
    recording: AnnouncementHash = NO_RECORDING


class Match(Enum):
    SAME = "same"
    DIFFERS = "differs"
    UNREACHABLE = "not reachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnPbx:
    """What the PBX's AstDB holds for the line, beside what it should hold; `holds` says it in words."""

    match: Match
    holds: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Words that are heard until a time."""

    text: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedLine:
    """One line, as the caller asked about would meet it now.

    `hears` is in the order in which it is played; empty when the call goes on as usual. `keys` are what the caller may
    press and what that does. `why` says in sentences how it came to this: which incident was chosen over which others,
    planned work, that nobody answers, or that nothing is wrong. `without_us` is what the dialplan would say by itself
    if the companion were dead, in order of time; empty when it would say nothing.
    """

    line: LineName
    tenant: TenantName
    pbx: PbxName
    language: str
    on_pbx: OnPbx
    hears: tuple[Heard, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    without_us: tuple[Spell, ...] = ()
    promise: str | None = None  # the open promise to this number, in words
    callback_refusal: str | None = None  # why this number would not be called back; None if it would
    segment: str | None = None  # the name of the segment the number belongs to
    place_in_line: int | None = None  # the priority its callers have in the queue; None is everybody's
