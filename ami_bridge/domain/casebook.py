"""The open incidents of one PBX: which subjects each is about, which of its causes work again, how each is kept.

Whatever changes an incident goes through here: it is stored, and the lines whose callers hear something else are told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from ami_bridge.domain.belonging import Belonging
from ami_bridge.domain.effects import Effect, PushLine, ReleaseRestored, SaveIncident
from ami_bridge.domain.estate import Estate
from ami_bridge.domain.incident import Incident, IncidentState, change, lines_of
from ami_bridge.domain.names import IncidentId, LineName
from ami_bridge.domain.signal import Evidence, Source, Subject
from ami_bridge.domain.telling import Telling


@dataclass(slots=True)
class Casebook:
    """What is open, kept by those who find causes and those who tell of them."""

    estate: Estate
    belonging: Belonging
    telling: Telling
    open: dict[IncidentId, Incident] = field(default_factory=dict)
    of: dict[Subject, IncidentId] = field(default_factory=dict)  # causes, and what was found to be a consequence
    good: set[Subject] = field(default_factory=set)  # causes that work again, for now
    sure: set[IncidentId] = field(default_factory=set)  # those that were more than suspected at some time

    def incident_of(self, subject: Subject) -> Incident | None:
        """The open incident that `subject` is a cause or a consequence in."""
        return self.open.get(self.of.get(subject, IncidentId("")))

    def subjects_of(self, id_: IncidentId) -> list[Subject]:
        """The causes of an incident that last, and its consequences."""
        return [subject for subject, of in self.of.items() if of == id_]

    def adopt(self, incident: Incident) -> None:
        """Take over an incident that was open when the companion stopped.

        The settings may have changed meanwhile: it touches the lines its causes touch now. One whose causes nobody is
        told about any more is closed with the next tick.
        """
        known = tuple(
            replace(cause, lines=lines, what=cause.what or self.estate.what(cause.subject))
            for cause in incident.causes
            if (lines := self.estate.lines_of(cause.subject))
        )
        self.open[incident.id] = replace(incident, causes=known, lines=lines_of(known))
        lasting = [cause.subject for cause in known if not cause.over]
        self.of.update(dict.fromkeys(lasting, incident.id))
        if incident.state is IncidentState.MONITORING:
            self.good.update(lasting)
        if incident.state in (IncidentState.IDENTIFIED, IncidentState.MONITORING):
            self.sure.add(incident.id)

    def end(self, id_: IncidentId, now: datetime, why: str, source: Source = Source.OPERATOR) -> list[Effect]:
        """The incident is over."""
        incident = self.open.pop(id_)
        self.belonging.passes(incident.lasting(), now)
        self.forget(self.subjects_of(id_))
        self.sure.discard(id_)
        said = Evidence(at=now, source=source, words=why)
        resolved = change(incident, IncidentState.RESOLVED, now, said)
        return [SaveIncident(resolved), *push(resolved.lines), ReleaseRestored(resolved)]

    def update(self, before: Incident, after: Incident) -> list[Effect]:
        """Keep what has changed, and tell callers if that changes what they hear."""
        if after == before:
            return []
        heard = [(i.state, i.told, i.story, i.what, i.lines, i.recording) for i in (before, after)]
        return self.keep(after, tell=heard[0] != heard[1])

    def keep(self, incident: Incident, *, tell: bool = False) -> list[Effect]:
        """Keep `incident` as it is now; `tell`: its callers hear something else than before."""
        self.open[incident.id] = incident
        if incident.state is IncidentState.IDENTIFIED:
            self.sure.add(incident.id)
        return [SaveIncident(incident), *(push(incident.lines) if tell else [])]

    def forget(self, subjects: Iterable[Subject]) -> None:
        """These are part of no incident any more."""
        for subject in subjects:
            self.of.pop(subject, None)
            self.good.discard(subject)
            self.telling.forget([subject])


def source_of(incident: Incident) -> Source:
    """Who spoke of it last."""
    return incident.evidence[-1].source if incident.evidence else Source.OPERATOR


def push(lines: Iterable[LineName]) -> list[Effect]:
    """Bring what the PBX knows about `lines` up to date."""
    return [PushLine(line) for line in lines]
