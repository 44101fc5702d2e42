"""From the settings to the watch over one PBX: its lines, trunks and sites, all their detectors, and what is usual."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ami_bridge.domain.baseline import Rhythm
from ami_bridge.domain.callers import Callers, LineDetectors, Routes
from ami_bridge.domain.court import Court
from ami_bridge.domain.detectors.abandons import Abandons, AbandonsLimits
from ami_bridge.domain.detectors.agents import Agents, AgentsLimits
from ami_bridge.domain.detectors.audio import Audio, AudioLimits
from ami_bridge.domain.detectors.failed_calls import FailedCalls, FailedCallsLimits
from ami_bridge.domain.detectors.link import Link, LinkLimits
from ami_bridge.domain.detectors.phones import Phones, PhonesLimits
from ami_bridge.domain.detectors.qualify import Qualify, QualifyLimits
from ami_bridge.domain.detectors.registration import Registration, RegistrationLimits
from ami_bridge.domain.detectors.ringing import Ringing, RingingLimits
from ami_bridge.domain.detectors.round_trip import RoundTrip, RoundTripLimits
from ami_bridge.domain.detectors.silence import Silence, SilenceLimits
from ami_bridge.domain.detectors.surge import Surge, SurgeLimits
from ami_bridge.domain.detectors.waiting import Waiting, WaitingLimits
from ami_bridge.domain.estate import Estate, Touched
from ami_bridge.domain.hours import Hours
from ami_bridge.domain.line import Line, LineLimits
from ami_bridge.domain.names import Device, IncidentId, LineName, PbxName, QueueName, SiteName, TenantName, TrunkName
from ami_bridge.domain.outage import OutageLimits, Outages
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.domain.sites import Sites
from ami_bridge.domain.tracker import Tracker
from ami_bridge.domain.trunks import TrunkDetectors, Trunks
from ami_bridge.domain.verdict import Judge, VerdictLimits
from ami_bridge.domain.watch import Watch, callers_of, calls_in, calls_out
from ami_bridge.places import Line as LineSettings
from ami_bridge.places import Pbx, Site
from ami_bridge.settings import Settings, seconds


def watch_of(
    settings: Settings,
    pbx: Pbx,
    *,
    new_id: Callable[[], IncidentId],
    rhythms: Mapping[str, Rhythm] | None = None,
    tracker: Tracker | None = None,
) -> Watch:
    """All that watches `pbx`, with nothing open. `rhythms` are what is known to be usual, by series; others are new.

    `tracker` is another one that follows the calls, such as one that also writes down what it tells.
    """
    lines, sites = settings.lines_of(pbx.name), settings.sites_of(pbx.name)
    detection, tracker = settings.detection, tracker or Tracker()
    estate = estate_of(settings, pbx)
    owners = owners_of(settings, pbx)
    known = {
        series: (rhythms or {}).get(series) or Rhythm(settings.tenant_named(owner).zone)
        for series, owner in owners.items()
    }
    told = settings.announcement
    outages = Outages(
        estate=estate,
        limits=detection.limits(
            OutageLimits,
            word_every=seconds(told.word_every_seconds),
            announce_suspected=told.suspected == "announce",
        ),
        new_id=new_id,
    )
    verdicts = detection.limits(VerdictLimits)
    court = Court(
        judges={subject: Judge(subject, verdicts) for subject in estate.touched}, outages=outages, off=detection.off
    )
    return Watch(
        tracker=tracker,
        court=court,
        trunks=Trunks(
            tracker=tracker,
            restless=court.is_restless,
            detectors={TrunkName(t.name): _trunk(settings, TrunkName(t.name), known) for t in pbx.trunk},
        ),
        callers=Callers(
            tracker=tracker,
            court=court,
            lines={LineName(line.name): Line(LineName(line.name), _line_limits(settings, line)) for line in lines},
            routes=[_routes(line) for line in lines],
            detectors={LineName(line.name): _line(settings, line, known) for line in lines},
        ),
        sites=Sites(
            devices={SiteName(site.name): _phones(site) for site in sites},
            detectors={
                SiteName(site.name): Phones(
                    SiteName(site.name), detection.limits(PhonesLimits), _phones(site), _hours_of(settings, site)
                )
                for site in sites
            },
            tenants={SiteName(site.name): TenantName(site.tenant) for site in sites},
        ),
        link=Link(PbxName(pbx.name), detection.limits(LinkLimits)),
        rhythms=known,
        owners=owners,
    )


def owners_of(settings: Settings, pbx: Pbx) -> Mapping[str, TenantName]:
    """The series of which it is learnt what is usual, and whose they are."""
    lines = settings.lines_of(pbx.name)
    owners = {callers_of(line.name): TenantName(line.tenant) for line in lines}
    for trunk in pbx.trunk:
        owner = _owner(settings, lines, trunk.name)
        owners |= {calls_in(trunk.name): owner, calls_out(trunk.name): owner}
    return owners


def estate_of(settings: Settings, pbx: Pbx) -> Estate:
    """What belongs together on `pbx`. Trunks and sites are known also where no line's callers are told about them."""
    lines = settings.lines_of(pbx.name)
    everyone = tuple(LineName(line.name) for line in lines)
    touched = {Subject(Kind.PBX, pbx.name): Touched(lines=everyone, what=pbx.spoken)}
    for trunk in pbx.trunk:
        told = tuple(LineName(line.name) for line in lines if trunk.name in line.trunks)
        touched[Subject(Kind.TRUNK, trunk.name)] = Touched(lines=told, what=trunk.spoken)
    for site in settings.sites_of(pbx.name):
        told = tuple(LineName(line) for line in site.lines)
        touched[Subject(Kind.SITE, site.name)] = Touched(lines=told, what=site.spoken)
    for name in dict.fromkeys(line.tenant for line in lines):
        told = tuple(LineName(line.name) for line in lines if line.tenant == name)
        touched[Subject(Kind.TENANT, name)] = Touched(lines=told, what=settings.tenant_named(name).service)
    for line in lines:
        what = settings.tenant_named(line.tenant).service
        touched[Subject(Kind.LINE, line.name)] = Touched(lines=(LineName(line.name),), what=what)
    return Estate(
        pbx=PbxName(pbx.name),
        touched=touched,
        tenant_of={LineName(line.name): TenantName(line.tenant) for line in lines},
    )


def _trunk(settings: Settings, name: TrunkName, rhythms: Mapping[str, Rhythm]) -> TrunkDetectors:
    limits = settings.detection.limits
    return TrunkDetectors(
        registration=Registration(name, limits(RegistrationLimits)),
        qualify=Qualify(name, limits(QualifyLimits)),
        round_trip=RoundTrip(name, limits(RoundTripLimits)),
        failed_calls=FailedCalls(name, limits(FailedCallsLimits)),
        silence=Silence(name, limits(SilenceLimits), rhythms[calls_in(name)], rhythms[calls_out(name)]),
        audio=Audio(name, limits(AudioLimits)),
    )


def _line(settings: Settings, line: LineSettings, rhythms: Mapping[str, Rhythm]) -> LineDetectors:
    name, limits = LineName(line.name), settings.detection.limits
    hours = Hours(line.open, settings.tenant_named(line.tenant).zone) if line.open else None
    return LineDetectors(
        surge=Surge(name, limits(SurgeLimits), rhythms[callers_of(name)]),
        agents=Agents(name, limits(AgentsLimits), hours),
        waiting=Waiting(name, limits(WaitingLimits)),
        abandons=Abandons(name, limits(AbandonsLimits), hours),
        ringing=Ringing(name, limits(RingingLimits), hours),
    )


def _line_limits(settings: Settings, line: LineSettings) -> LineLimits:
    return settings.detection.limits(LineLimits, patience=seconds(line.patience_seconds))


def _routes(line: LineSettings) -> Routes:
    return Routes(
        line=LineName(line.name),
        dids=line.dids,
        queue=QueueName(line.queue) if line.queue else None,
        ring=tuple(Device(device) for device in line.ring),
    )


def _hours_of(settings: Settings, site: Site) -> Hours | None:
    """When somebody is at a site: while one of its lines is open; None where that is not set for each of them."""
    lines = [line for line in settings.lines_of(site.pbx) if line.name in site.lines]
    if not lines or not all(line.open for line in lines):
        return None
    return Hours([text for line in lines for text in line.open], settings.tenant_named(site.tenant).zone)


def _phones(site: Site) -> tuple[Device, ...]:
    return tuple(Device(phone) for phone in site.phones)


def _owner(settings: Settings, lines: tuple[LineSettings, ...], trunk: str) -> TenantName:
    """By whose hours a trunk lives: those of the first line it serves."""
    tenants = [line.tenant for line in lines if trunk in (*line.trunks, *line.callback_trunks)]
    return TenantName(tenants[0] if tenants else settings.tenant[0].name)
