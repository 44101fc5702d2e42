"""What a detector has said last, so that it speaks only when that changes."""

from __future__ import annotations

from dataclasses import dataclass

from ami_bridge.domain.signal import Signal, Source, Strength, Subject


@dataclass(slots=True)
class Opinion:
    """The standing testimony of one source about one subject. One that is not `enabled` never speaks."""

    subject: Subject
    source: Source
    enabled: bool = True
    strength: Strength = Strength.CLEAR
    words: str = ""

    def become(self, strength: Strength, words: str) -> list[Signal]:
        """Say so if it is news: another strength, or other words for what is bad as before."""
        if not self.enabled or (strength is self.strength and (strength is Strength.CLEAR or words == self.words)):
            return []
        self.strength, self.words = strength, words
        return [Signal(subject=self.subject, source=self.source, strength=strength, words=words)]

    def resume(self, strength: Strength) -> None:
        """An earlier run has said so much: being good is news now."""
        self.strength = strength


def span(seconds: float) -> str:
    """A length of time as operators read it: `45 s`, `10 min`, `2 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
