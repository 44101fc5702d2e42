"""A court over trunks, a site, three lines of two tenants and the PBX; what it is told, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from ami_bridge.domain.court import Court
from ami_bridge.domain.effects import Effect, PushLine, SaveIncident
from ami_bridge.domain.estate import Estate, Touched
from ami_bridge.domain.incident import Incident
from ami_bridge.domain.names import IncidentId, LineName, MaintenanceId, PbxName, TenantName
from ami_bridge.domain.orders import Declaration, Maintenance, Report
from ami_bridge.domain.outage import OutageLimits, Outages
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject
from ami_bridge.domain.verdict import Judge, VerdictLimits

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PBX_NAME, ACME, ZETA = PbxName("lab"), TenantName("acme"), TenantName("zeta")
SUPPORT, SALES, VIP = LineName("support"), LineName("sales"), LineName("vip")
MAIN, SHARED, LONE = (Subject(Kind.TRUNK, name) for name in ("main", "shared", "lone"))
OFFICE, PBX = Subject(Kind.SITE, "office"), Subject(Kind.PBX, "lab")
OF_ACME, OF_ZETA = (Subject(Kind.TENANT, name) for name in (ACME, ZETA))
ON_SUPPORT, ON_SALES, ON_VIP = (Subject(Kind.LINE, name) for name in (SUPPORT, SALES, VIP))
CLEAR, HINT, SUSPECT, DOWN = Strength.CLEAR, Strength.HINT, Strength.SUSPECT, Strength.DOWN

ESTATE = Estate(
    pbx=PBX_NAME,
    touched={
        MAIN: Touched(lines=(SUPPORT,), what="our main line"),
        SHARED: Touched(lines=(SALES, VIP), what="our second line"),
        LONE: Touched(lines=(), what="a line that nobody is told about"),
        OFFICE: Touched(lines=(SUPPORT, SALES), what="our office"),
        OF_ACME: Touched(lines=(SUPPORT, SALES), what="our hosting"),
        OF_ZETA: Touched(lines=(VIP,), what="our service"),
        PBX: Touched(lines=(SUPPORT, SALES, VIP), what="our telephone system"),
        **{Subject(Kind.LINE, line): Touched(lines=(line,), what="our service") for line in (SUPPORT, SALES, VIP)},
    },
    tenant_of={SUPPORT: ACME, SALES: ACME, VIP: ZETA},
)
VERDICTS = VerdictLimits()
HOLD, PATIENCE = VERDICTS.hold.total_seconds(), VERDICTS.suspected_after.total_seconds()


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def a_court(numbers: Iterable[int] | None = None, **limits: Any) -> Court:
    """Nothing is known yet; incidents are called i1, i2 and so on."""
    ids = iter(numbers or count(1))
    outages = Outages(ESTATE, OutageLimits(**limits), lambda: IncidentId(f"i{next(ids)}"))
    return Court({subject: Judge(subject, VERDICTS) for subject in ESTATE.touched}, outages)


def says(subject: Subject, source: Source, strength: Strength, words: str = "") -> Signal:
    return Signal(subject=subject, source=source, strength=strength, words=words or f"{source.value} {strength.name}")


def hear(court: Court, seconds: float, *signals: Signal) -> list[Effect]:
    return court.hear(signals, at(seconds))


def ticks(court: Court, since: float, until: float, step: float = 1.0) -> list[Effect]:
    """Let time pass from `since` to `until`, in seconds from T0."""
    effects: list[Effect] = []
    while since < until:
        since = min(since + step, until)
        effects += court.tick(at(since))
    return effects


def opened(court: Court) -> dict[str, Incident]:
    return {str(id_): incident for id_, incident in court.outages.open.items()}


def only(court: Court) -> Incident:
    [incident] = court.outages.open.values()
    return incident


def saved(effects: Iterable[Effect]) -> list[Incident]:
    return [effect.incident for effect in effects if isinstance(effect, SaveIncident)]


def pushed(effects: Iterable[Effect]) -> set[LineName]:
    return {effect.line for effect in effects if isinstance(effect, PushLine)}


def causes(incident: Incident) -> set[Subject]:
    return {cause.subject for cause in incident.lasting()}


def a_declaration(subject: Subject, until: float, **other: Any) -> Declaration:
    return Declaration(pbx=PBX_NAME, subject=subject, until=at(until), **other)


def a_report(subject: Subject, strength: Strength, until: float, told_by: str = "probe") -> Report:
    words = f"the {told_by} says {strength.name}"
    return Report(pbx=PBX_NAME, subject=subject, strength=strength, words=words, until=at(until), told_by=told_by)


def work(subject: Subject, begin: float, end: float, *, announced: bool = True, id_: str = "m1") -> Maintenance:
    return Maintenance(
        id=MaintenanceId(id_),
        pbx=PBX_NAME,
        subject=subject,
        begin=at(begin),
        end=at(end),
        what="the new cable",
        announced=announced,
    )
