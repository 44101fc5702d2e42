"""How callers hear of an outage: in whose words, and whether at all. An operator's word stands while it is declared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ami_bridge.domain.estate import Estate
from ami_bridge.domain.incident import Cause, Incident
from ami_bridge.domain.names import NO_RECORDING, AnnouncementHash
from ami_bridge.domain.orders import Declaration
from ami_bridge.domain.signal import Source, Subject
from ami_bridge.domain.verdict import Verdict, VerdictChanged


@dataclass(slots=True)
class Telling:
    """What is told of the subjects of one PBX. `suspected`: callers are told of what is only suspected."""

    estate: Estate
    suspected: bool
    _declared: dict[Subject, Declaration] = field(default_factory=dict)

    def declare(self, order: Declaration) -> None:
        self._declared.pop(order.subject, None)  # what is declared anew is the newest
        self._declared[order.subject] = order

    def lapses(self, changed: VerdictChanged) -> bool:
        """Whether it was declared and is not any more; what still speaks against it speaks for itself then."""
        lapsed = changed.subject in self._declared and Source.OPERATOR not in changed.sources
        if lapsed:
            del self._declared[changed.subject]
        return lapsed

    def hush(self, changed: VerdictChanged) -> None:
        """Drop what an operator spoke of it, if they do not stand by it any more: it lapsed, and is recovering."""
        order = self._declared.get(changed.subject)
        if order is not None and Source.OPERATOR not in changed.sources:
            self._declared[changed.subject] = replace(order, recording=NO_RECORDING)

    def forget(self, subjects: Iterable[Subject]) -> None:
        for subject in subjects:
            self._declared.pop(subject, None)

    def cause(self, changed: VerdictChanged) -> Cause:
        """The subject as the cause of an incident."""
        subject = changed.subject
        return Cause(
            subject=subject,
            since=changed.since,
            lines=self.estate.lines_of(subject),
            what=self.what(subject),
            sources=tuple(sorted(changed.sources, key=lambda source: source.value)),
        )

    def what(self, subject: Subject) -> str:
        declared = self._declared.get(subject)
        return (declared.what if declared else "") or self.estate.what(subject)

    def recording(self, incident: Incident) -> AnnouncementHash:
        """The words an operator spoke about one of the causes that last; of several, about the one declared last."""
        lasting = {cause.subject for cause in incident.lasting()}
        spoken = [order.recording for subject, order in self._declared.items() if subject in lasting]
        return next((recording for recording in reversed(spoken) if recording), NO_RECORDING)

    def is_declared(self, incident: Incident) -> bool:
        return any(cause.subject in self._declared for cause in incident.lasting())

    def is_told(self, changed: VerdictChanged, incident: Incident | None = None) -> bool:
        """Whether callers hear of it, as part of `incident` if there is one: what is told stays so until it is over.

        Not being watched is no outage of anybody's; what is only suspected is told where the settings say so.
        """
        if incident is not None and self.is_declared(incident):
            return incident.told
        if changed.subject in self._declared:
            return self._declared[changed.subject].told
        if incident is not None and incident.told:
            return True
        if changed.sources == {Source.LINK}:
            return False
        return changed.verdict is Verdict.DOWN or self.suspected
