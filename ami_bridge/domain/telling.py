"""How callers hear of an outage: in whose words, and whether at all. An operator's word stands while it is declared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ami_bridge.domain.estate import Estate
from ami_bridge.domain.incident import Cause, Incident
from ami_bridge.domain.signal import Source, Subject
from ami_bridge.domain.verdict import Verdict, VerdictChanged


@dataclass(slots=True)
class Telling:
    """What is told of the subjects of one PBX. `suspected`: callers are told of what is only suspected."""

    estate: Estate
    suspected: bool
    _declared: dict[Subject, tuple[str, bool]] = field(default_factory=dict)  # in whose words, whether told

    def declare(self, subject: Subject, what: str, *, told: bool) -> None:
        self._declared[subject] = (what or self.estate.what(subject), told)

    def lapses(self, changed: VerdictChanged) -> bool:
        """Whether it was declared and is not any more; what still speaks against it speaks for itself then."""
        lapsed = changed.subject in self._declared and Source.OPERATOR not in changed.sources
        if lapsed:
            del self._declared[changed.subject]
        return lapsed

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
        return self._declared[subject][0] if subject in self._declared else self.estate.what(subject)

    def is_declared(self, incident: Incident) -> bool:
        return any(cause.subject in self._declared for cause in incident.lasting())

    def is_told(self, changed: VerdictChanged, incident: Incident | None = None) -> bool:
        """Whether callers hear of it, as part of `incident` if there is one: what is told stays so until it is over.

        Not being watched is no outage of anybody's; what is only suspected is told where the settings say so.
        """
        if incident is not None and self.is_declared(incident):
            return incident.told
        if changed.subject in self._declared:
            return self._declared[changed.subject][1]
        if incident is not None and incident.told:
            return True
        if changed.sources == {Source.LINK}:
            return False
        return changed.verdict is Verdict.DOWN or self.suspected
