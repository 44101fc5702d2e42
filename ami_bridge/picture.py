"""The picture operators see, put together from the rooms whenever something changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ami_bridge.domain.incident import Incident
from ami_bridge.domain.line import Line
from ami_bridge.domain.names import LineName, TenantName
from ami_bridge.domain.numbers import masked
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.domain.status import LineStatus, PbxStatus, SiteStatus, Status, TrunkStatus, WaitingCaller
from ami_bridge.runner import Runner
from ami_bridge.store import Store

RECENT = 20  # how many ended incidents, promises and blind spots are shown


async def picture(
    store: Store, runners: Sequence[Runner], tenants: Mapping[LineName, TenantName], now: datetime
) -> Status:
    """The state of the house at `now`; raise StoreError when the ledger cannot be read."""
    ended: list[Incident] = [i for i in await store.incidents.recent(RECENT) if not i.open]
    return Status(
        now=now,
        pbxs=tuple(_pbx(runner, now) for runner in runners),
        trunks=tuple(trunk for runner in runners for trunk in _trunks(runner)),
        sites=tuple(site for runner in runners for site in _sites(runner)),
        lines=tuple(
            _line(runner, line, tenants[line.name], now) for runner in runners for line in runner.watch.lines.values()
        ),
        incidents=(*await store.incidents.open(), *ended),
        promises=(*await store.promises.open(), *await store.promises.recent(RECENT)),
        blind_spots=tuple(await store.blind_spots.recent(RECENT)),
        maintenance=tuple(work for runner in runners for work in runner.watch.court.works.values()),
    )


def _problems(runner: Runner) -> tuple[str, ...]:
    return runner.announcer.problem, runner.calls.problem, runner.announcer.clocks.problem


def _pbx(runner: Runner, now: datetime) -> PbxStatus:
    state, judge = runner.state, runner.watch.court.judges[Subject(Kind.PBX, runner.pbx)]
    return PbxStatus(
        name=runner.pbx,
        link=state.link,
        since=state.since or now,
        detail=state.detail or "; ".join(filter(None, _problems(runner))),
        version=state.version,
        started=state.started,
        calls=len(runner.watch.tracker.calls),
        lag_ms=runner.lag * 1000,
        verdict=judge.verdict.value,
        evidence=tuple(judge.evidence),
    )


def _trunks(runner: Runner) -> list[TrunkStatus]:
    registrations = runner.watch.trunks.registrations
    return [
        TrunkStatus(
            name=trunk,
            pbx=runner.pbx,
            health=judge.verdict.value,
            registration=said.value if (said := registrations.of(trunk)) else "",
            since=judge.since,
            evidence=tuple(judge.evidence),
        )
        for trunk in runner.watch.trunks.detectors
        for judge in (runner.watch.court.judges[Subject(Kind.TRUNK, trunk)],)
    ]


def _sites(runner: Runner) -> list[SiteStatus]:
    return [
        SiteStatus(
            name=site,
            tenant=runner.watch.sites.tenants[site],
            pbx=runner.pbx,
            verdict=judge.verdict.value,
            since=judge.since,
            evidence=tuple(judge.evidence),
        )
        for site in runner.watch.sites.detectors
        for judge in (runner.watch.court.judges[Subject(Kind.SITE, site)],)
    ]


def _line(runner: Runner, line: Line, tenant: TenantName, now: datetime) -> LineStatus:
    live = runner.announcer.live.get(line.name, {})
    judge = runner.watch.court.judges[Subject(Kind.LINE, line.name)]
    return LineStatus(
        name=line.name,
        tenant=tenant,
        pbx=runner.pbx,
        verdict=line.attendance.value,
        free_agents=line.free(now),
        agents=len(line.agents),
        waiting=tuple(WaitingCaller(number=masked(w.number), since=w.since) for w in line.waiting.values()),
        announcing={language: one.recording.text for language, one in live.items()},
        announced_until=min((one.state.until for one in live.values()), default=None),
        told_waiting=runner.whisperer.count[line.name],
        health=judge.verdict.value,
        evidence=tuple(judge.evidence),
    )
