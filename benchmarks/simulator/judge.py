"""What the detection said, held against what was true."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ami_bridge.domain.effects import Effect, PushLine, SaveIncident
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import LineName, TenantName
from ami_bridge.domain.signal import Subject
from benchmarks.simulator.calendar import MINUTE
from benchmarks.simulator.faults import Fault

GRACE = MINUTE  # an incident that opens this soon after its fault was mended still is about it
AFTERMATH = 30 * MINUTE  # and one that opens this long after is its doing, and one too many
ENOUGH_CALLS, ENOUGH_SECONDS = 3, 5.0  # a trunk that fails under traffic is to be known within


@dataclass(slots=True)
class Heard:
    """One incident as it was told, from opening to end. Scope is as of its last word while it was open."""

    id: str
    opened: float
    subjects: frozenset[Subject] = frozenset()
    lines: frozenset[LineName] = frozenset()
    tenants: frozenset[TenantName] = frozenset()
    sure: bool = False  # it was more than suspected at some time
    told: float | None = None
    live: float | None = None  # when the last of its lines was brought up to date with that
    closed: float | None = None
    evidence: tuple[str, ...] = ()
    waiting_for: set[LineName] = field(default_factory=set)

    def say(self, incident: Incident, now: float) -> None:
        self.sure |= incident.state.value not in ("suspected", "resolved")
        self.evidence = tuple(
            f"{said.at:%m-%d %H:%M:%S} {said.source.value}: {said.words}" for said in incident.evidence
        )
        if not incident.open:
            self.closed = now
            return
        self.subjects = frozenset(cause.subject for cause in incident.causes)
        self.lines = frozenset(line for cause in incident.causes for line in cause.lines)
        self.tenants = frozenset(incident.tenants)
        if incident.told and self.told is None:
            self.told, self.waiting_for = now, set(incident.lines)

    def pushed(self, line: LineName, now: float) -> None:
        if self.told is not None and self.live is None:
            self.waiting_for.discard(line)
            if not self.waiting_for:
                self.live = now


@dataclass(slots=True)
class Ear:
    """Hears all that is to be stored and said of one PBX."""

    heard: dict[str, Heard] = field(default_factory=dict)
    _open: dict[str, Heard] = field(default_factory=dict)

    def perform(self, effect: Effect, now: float) -> None:
        if isinstance(effect, SaveIncident):
            id_ = effect.incident.id
            if (heard := self.heard.get(id_)) is None:
                heard = self.heard[id_] = self._open[id_] = Heard(id_, now)
            heard.say(effect.incident, now)
            if heard.closed is not None:
                self._open.pop(id_, None)
        elif isinstance(effect, PushLine):
            for heard in self._open.values():
                heard.pushed(effect.line, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fault and what became of it. `seconds`: from its begin to the announcement; None when it was missed."""

    fault: Fault
    verdict: str  # "detected", or what was wrong
    seconds: float | None = None
    sure: bool = False
    calls: int | None = None  # that failed over its trunk until it was known
    in_time: bool | None = None  # known within so many calls, or so many seconds of the first
    heard: tuple[Heard, ...] = ()


def judge(faults: Iterable[Fault], heard: Iterable[Heard]) -> tuple[list[Finding], list[Heard]]:
    """Every fault with what was heard of it; and what was announced without a fault."""
    heard, findings, explained = list(heard), [], set[str]()
    for fault in faults:
        mine = [one for one in heard if _is_about(one, fault)]
        explained |= {one.id for one in mine}
        findings.append(_finding(fault, mine))
    return findings, [one for one in heard if one.told is not None and one.id not in explained]


def _is_about(heard: Heard, fault: Fault) -> bool:
    related = heard.subjects & (fault.must | fault.may)
    was_open = heard.opened < fault.begin and (heard.closed is None or heard.closed > fault.begin)
    return bool(related) and (was_open or fault.begin <= heard.opened <= fault.end + AFTERMATH)


def _finding(fault: Fault, mine: list[Heard]) -> Finding:
    wrong = _what_is_wrong(fault, mine)
    if wrong is not None:
        return Finding(fault=fault, verdict=wrong, heard=tuple(mine))
    one = mine[0]
    at = one.live if fault.told else one.opened
    if at is None:
        return Finding(fault=fault, verdict="not announced", heard=tuple(mine))
    failed = [time for time in fault.failed if time <= at]
    return Finding(
        fault=fault,
        verdict="detected",
        seconds=at - fault.begin,
        sure=one.sure,
        calls=len(failed) if fault.trunk is not None else None,
        in_time=(len(failed) <= ENOUGH_CALLS or at - failed[0] <= ENOUGH_SECONDS) if failed else None,
        heard=(one,),
    )


def _what_is_wrong(fault: Fault, mine: list[Heard]) -> str | None:  # noqa: PLR0911 - a list of what may be wrong
    if not mine:
        return "nothing heard"
    if any(one.opened < fault.begin for one in mine):
        return "already open"
    if all(one.opened > fault.end + GRACE for one in mine):
        return "too late"
    if len(mine) > 1:
        return "more than one incident"
    one = mine[0]
    if not fault.must <= one.subjects <= fault.must | fault.may:
        return "wrong causes"
    if one.lines != fault.lines:
        return "wrong lines"
    if one.tenants != fault.tenants:
        return "wrong tenants"
    return None if (one.told is not None) is fault.told else "not told" if fault.told else "told"
