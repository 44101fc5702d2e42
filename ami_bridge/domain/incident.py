"""An outage as it is told to people: its causes, its scope, its state, what is known, and when the next word comes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from ami_bridge.domain.names import NO_RECORDING, AnnouncementHash, IncidentId, LineName, PbxName, TenantName
from ami_bridge.domain.signal import Evidence, Source, Subject

EVIDENCE_KEPT = 100  # lines an incident collects; one that flaps for days says the same again and again


class IncidentState(Enum):
    SUSPECTED = "suspected"  # not sure enough; an operator confirms it or dismisses it
    INVESTIGATING = "investigating"  # an operator looks into it
    IDENTIFIED = "identified"  # known to be so
    MONITORING = "monitoring"  # it works again; watched until the hold has passed
    RESOLVED = "resolved"


class Story(Enum):
    """Which words it is told in."""

    OUTAGE = "outage"  # something does not work: `what`
    AUDIO = "audio"  # calls are hard to understand
    UNANSWERED = "unanswered"  # nobody is there to answer the line
    SURGE = "surge"  # more callers than usual, and no other cause known


_ALLOWED = {
    IncidentState.SUSPECTED: {
        IncidentState.INVESTIGATING,
        IncidentState.IDENTIFIED,
        IncidentState.MONITORING,
        IncidentState.RESOLVED,
    },
    IncidentState.INVESTIGATING: {IncidentState.IDENTIFIED, IncidentState.MONITORING, IncidentState.RESOLVED},
    IncidentState.IDENTIFIED: {IncidentState.INVESTIGATING, IncidentState.MONITORING, IncidentState.RESOLVED},
    IncidentState.MONITORING: {
        IncidentState.SUSPECTED,  # of what was only suspected before, too
        IncidentState.INVESTIGATING,
        IncidentState.IDENTIFIED,
        IncidentState.RESOLVED,
    },
    IncidentState.RESOLVED: set[IncidentState](),
}


class IllegalChange(Exception):
    """An incident was asked for a change its state does not allow; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One subject at fault. `lines` are those whose callers it touches; `over` once it has been stable again.

    `what` is how those callers know it, and `sources` are who spoke against it last, hints aside.
    """

    subject: Subject
    since: datetime
    lines: tuple[LineName, ...]
    over: bool = False
    what: str = ""
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One outage of one PBX with one cause, which may show itself in several subjects at once.

    `lines` are those whose callers it touches now, `tenants` all whose lines it ever touched; `told` is whether the
    callers hear of it; `what` names the disturbed thing in the customer's terms. `until` is when a declaration that
    nobody renews ends by itself. `expected` is when it should be fixed, as callers are told. `recording` are an
    operator's own words about it, which stand and fall with the declaration that brought them; see `recording_on`.
    """

    id: IncidentId
    pbx: PbxName
    tenants: tuple[TenantName, ...]
    causes: tuple[Cause, ...]
    lines: tuple[LineName, ...]
    story: Story
    what: str
    told: bool
    state: IncidentState
    since: datetime
    changed: datetime
    next_word: datetime
    evidence: tuple[Evidence, ...] = ()
    until: datetime | None = None
    expected: datetime | None = None
    recording: AnnouncementHash = NO_RECORDING

    @property
    def open(self) -> bool:
        return self.state is not IncidentState.RESOLVED

    def cause_of(self, subject: Subject) -> Cause | None:
        """`subject` as a cause that lasts."""
        return next((cause for cause in self.lasting() if cause.subject == subject), None)

    def lasting(self) -> tuple[Cause, ...]:
        return tuple(cause for cause in self.causes if not cause.over)

    def what_on(self, line: LineName) -> str:
        """What is disturbed for the callers of `line`: of several causes, one that touches them."""
        return next((cause.what for cause in self.lasting() if line in cause.lines and cause.what), self.what)

    def recording_on(self, line: LineName) -> AnnouncementHash:
        """The operator's own words for the callers of `line`: those whom what was declared touches; else empty."""
        theirs = any(line in cause.lines and Source.OPERATOR in cause.sources for cause in self.lasting())
        return self.recording if theirs else NO_RECORDING

    def overdue(self, now: datetime) -> bool:
        """Whether it lasts although it should be fixed by `now`: callers hear that it takes longer, and no time."""
        return self.open and self.expected is not None and self.expected <= now

    def with_cause(self, cause: Cause) -> Incident:
        """With one more cause, or more known of one. It touches the lines of those that last, or of the last."""
        known = {known.subject: known for known in self.causes} | {cause.subject: cause}
        causes = tuple(known.values())
        named = next((cause for cause in causes if not cause.over), cause)
        return replace(self, causes=causes, lines=lines_of(causes) or self.lines, what=named.what)

    def with_evidence(self, news: Iterable[Evidence]) -> Incident:
        """With the news that it does not have yet, as far as there is room."""
        said = {(seen.about, seen.source, seen.words) for seen in self.evidence[-10:]}
        new = tuple(seen for seen in news if (seen.about, seen.source, seen.words) not in said)
        room = max(0, EVIDENCE_KEPT - len(self.evidence))
        return replace(self, evidence=self.evidence + new[:room])

    def with_word(self, said: Evidence) -> Incident:
        """With what people did about it, for which there is always room: beyond the first lines the newest are kept."""
        lines = (*self.evidence, said)
        return replace(self, evidence=lines[:EVIDENCE_KEPT] + lines[EVIDENCE_KEPT:][-EVIDENCE_KEPT:])


def lines_of(causes: Iterable[Cause]) -> tuple[LineName, ...]:
    """The lines that those of `causes` touch that last."""
    return tuple(dict.fromkeys(line for cause in causes if not cause.over for line in cause.lines))


def change(incident: Incident, state: IncidentState, now: datetime, *evidence: Evidence) -> Incident:
    """Return `incident` moved to `state` at `now`, with what was seen added; raise IllegalChange if it cannot."""
    if state not in _ALLOWED[incident.state]:
        raise IllegalChange(f"incident {incident.id} is {incident.state.value}: it cannot become {state.value}")
    return replace(incident, state=state, changed=now, evidence=incident.evidence + evidence)
