"""What people and other systems say about subjects, each until a time: who does not renew it has no say any more.

Nothing here is observed; an operator's word condemns, and a report weighs what its sender says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ami_bridge.domain.orders import Declaration, Refused, Report
from ami_bridge.domain.signal import Signal, Source, Strength, Subject

_OPERATOR = "operator"  # whoever it is: one operator may end what another has declared
_MOST = 1000  # that stand at the same time on one PBX

_Key = tuple[Subject, Source, str]


@dataclass(frozen=True, slots=True)
class _Said:
    strength: Strength
    words: str
    until: datetime


class Declared:
    """All declarations and reports that stand on one PBX."""

    def __init__(self) -> None:
        self._standing: dict[_Key, _Said] = {}
        self._next: datetime | None = None  # when the first of them may end

    def __len__(self) -> int:
        return len(self._standing)

    def declare(self, declaration: Declaration, now: datetime) -> list[Signal]:
        """An operator declares an outage, or renews what is declared; one there is is replaced, whoever said it.

        Raise Refused when too much stands already, here as in `report`.
        """
        what = f": {declaration.what}" if declaration.what else ""
        how = ", in their own words" if declaration.recording else ""
        said = _Said(Strength.DOWN, f"declared out of order by {declaration.by}{how}{what}", declaration.until)
        return self._say((declaration.subject, Source.OPERATOR, _OPERATOR), said, now)

    def withdraw(self, subject: Subject, by: str = "an operator") -> list[Signal]:
        """An operator ends what was declared about `subject`; what other systems report about it stands."""
        return self._end((subject, Source.OPERATOR, _OPERATOR), f"the declaration was withdrawn by {by}")

    def report(self, report: Report, now: datetime) -> list[Signal]:
        """Another system says how a subject is: the same again renews it and is no news, CLEAR withdraws it."""
        key = (report.subject, Source.WEBHOOK, report.told_by)
        if report.strength is Strength.CLEAR:
            return self._end(key, report.words or f"{report.told_by} says that it is over")
        return self._say(key, _Said(report.strength, report.words, report.until), now)

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: what nobody renewed ends."""
        if self._next is None or now < self._next:
            return []
        ended = [key for key, said in self._standing.items() if said.until <= now]
        signals = [signal for key in ended for signal in self._end(key, _lapsed(key))]
        self._next = min((said.until for said in self._standing.values()), default=None)
        return signals

    def _say(self, key: _Key, said: _Said, now: datetime) -> list[Signal]:
        if said.until <= now:
            return self._end(key, _lapsed(key))
        before = self._standing.get(key)
        if before is None and len(self._standing) >= _MOST:
            raise Refused(f"{_MOST} declarations and reports stand already; withdraw some, or let them end")
        self._standing[key] = said
        self._next = said.until if self._next is None else min(self._next, said.until)
        if before is not None and (before.strength, before.words) == (said.strength, said.words):
            return []
        return [_signal(key, said.strength, said.words)]

    def _end(self, key: _Key, words: str) -> list[Signal]:
        return [] if self._standing.pop(key, None) is None else [_signal(key, Strength.CLEAR, words)]


def _signal(key: _Key, strength: Strength, words: str) -> Signal:
    subject, source, told_by = key
    return Signal(subject=subject, source=source, strength=strength, words=words, told_by=told_by)


def _lapsed(key: _Key) -> str:
    return "the declaration was not renewed" if key[1] is Source.OPERATOR else f"the report of {key[2]} was not renewed"
