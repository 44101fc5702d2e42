"""What belongs together: whether what is seen of a subject is part of an incident, or of one that has just ended.

Three rules. What strikes trunks and sites of a PBX in the same moment is one cause. What a cause does to the lines it
touches (more callers, longer waits, callers who give up) is its consequence, whichever of the two was seen first, and
also for a while after its end. And a surge on several lines of one tenant is one surge.

That a PBX is not watched explains nothing that is seen of it, and is part of nothing. What is said of a tenant stands
for itself: its service need not have to do with telephones, so nothing has the same cause.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ami_bridge.domain.estate import Estate
from ami_bridge.domain.incident import Cause, Incident, Story
from ami_bridge.domain.names import LineName
from ami_bridge.domain.signal import Kind, Source
from ami_bridge.domain.verdict import VerdictChanged

# What a fault elsewhere does to a line. Agents are missing for a reason of their own, unless their phones are.
_CONSEQUENCES = frozenset({Source.SURGE, Source.WAITING, Source.ABANDONS, Source.UNANSWERED})
_OF_MISSING_PHONES = _CONSEQUENCES | {Source.AGENTS, Source.RINGING}
_DOING = {
    Kind.TRUNK: _CONSEQUENCES,
    Kind.SITE: _OF_MISSING_PHONES,
    Kind.TENANT: _OF_MISSING_PHONES,
    Kind.PBX: _OF_MISSING_PHONES,
    Kind.LINE: frozenset[Source](),
}
_UNSEEN = frozenset({Source.LINK})
_APART = frozenset({Kind.LINE, Kind.TENANT})  # what does not fail with trunks and sites
_LATE = 4  # times as long as subjects may fail apart, may pass until the second is sure


@dataclass(slots=True)
class Belonging:
    """The rules, over what belongs together on one PBX; `together` and `consequence` as in OutageLimits."""

    estate: Estate
    together: timedelta
    consequence: timedelta
    _aftermath: dict[LineName, tuple[datetime, frozenset[Source]]] = field(default_factory=dict)

    def consequence_of(self, changed: VerdictChanged, incidents: Iterable[Incident]) -> Incident | None:
        """The open incident whose doing this is: what it does to callers shows on a line it touches."""
        if changed.subject.kind is not Kind.LINE:
            return None
        return next((incident for incident in incidents if explains(incident, changed)), None)

    def consequences(self, changed: VerdictChanged, incidents: Iterable[Incident], now: datetime) -> list[Incident]:
        """The open incidents that, now that `changed` is known, turn out to be its doing; the oldest first."""
        doing = _DOING[changed.subject.kind]
        if not doing or changed.sources == _UNSEEN:
            return []
        lines = set(self.estate.lines_of(changed.subject))
        found = [
            incident
            for incident in incidents
            if now - incident.since < self.consequence
            and all(cause.subject.kind is Kind.LINE and doing.issuperset(cause.sources) for cause in incident.lasting())
            and lines.issuperset(incident.lines)
        ]
        return sorted(found, key=lambda incident: incident.since)

    def same_cause(self, changed: VerdictChanged, incidents: Iterable[Incident], now: datetime) -> Incident | None:
        """The open incident that has the same cause: begun in the same moment, or the same tenant's surge."""
        if changed.sources == _UNSEEN or changed.subject.kind is Kind.TENANT:
            return None
        story, of_line = story_of(changed), changed.subject.kind is Kind.LINE
        near = self.consequence if of_line and story is Story.SURGE else self.together
        tenants = set(self.estate.tenants_of(self.estate.lines_of(changed.subject)))
        for incident in incidents:
            if incident.story is not story or any(_is_unseen(cause) for cause in incident.lasting()):
                continue
            kinds = {cause.subject.kind for cause in incident.causes}
            same = kinds == {Kind.LINE} and tenants & set(incident.tenants) if of_line else not kinds & _APART
            # Qualify finds out about one trunk after the other, in a round: each is near the one before.
            latest = max(cause.since for cause in incident.causes)
            if same and abs(changed.since - latest) <= near and now - latest <= near * _LATE:
                return incident
        return None

    def passes(self, causes: Iterable[Cause], now: datetime) -> None:
        """These are over: what they did to callers goes on for a while, and is no outage of its own."""
        for cause in causes:
            if doing := _doing(cause):
                self._aftermath.update(dict.fromkeys(cause.lines, (now + self.consequence, doing)))

    def is_aftermath(self, changed: VerdictChanged, now: datetime) -> bool:
        """Whether what is seen of a line is what an outage that is over has left."""
        if changed.subject.kind is not Kind.LINE or LineName(changed.subject.name) not in self._aftermath:
            return False
        until, doing = self._aftermath[LineName(changed.subject.name)]
        return now < until and changed.sources <= doing


def explains(incident: Incident, changed: VerdictChanged) -> bool:
    """Whether what is seen of a line is what the causes of `incident` that touch it do to callers."""
    line = LineName(changed.subject.name)
    doing = frozenset[Source]().union(*(_doing(cause) for cause in incident.lasting() if line in cause.lines))
    return bool(doing) and changed.sources <= doing


def story_of(changed: VerdictChanged) -> Story:
    """In which words it is told."""
    sources = changed.sources
    if changed.subject.kind is Kind.LINE and not sources & {Source.OPERATOR, Source.WEBHOOK}:
        return Story.SURGE if Source.SURGE in sources and Source.AGENTS not in sources else Story.UNANSWERED
    return Story.AUDIO if sources == {Source.AUDIO} else Story.OUTAGE


def _doing(cause: Cause) -> frozenset[Source]:
    return frozenset[Source]() if _is_unseen(cause) else _DOING[cause.subject.kind]


def _is_unseen(cause: Cause) -> bool:
    """A PBX against which nothing speaks but that it is not watched."""
    return cause.subject.kind is Kind.PBX and _UNSEEN.issuperset(cause.sources)
