"""The picture operators see, put together from the rooms whenever something changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ami_bridge.domain.incident import Incident
from ami_bridge.domain.line import Line
from ami_bridge.domain.names import LineName, TenantName
from ami_bridge.domain.numbers import masked
from ami_bridge.domain.status import LineStatus, PbxStatus, Status, TrunkStatus, WaitingCaller
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
        lines=tuple(
            _line(runner, line, tenants[line.name], now) for runner in runners for line in runner.watch.lines.values()
        ),
        incidents=(*await store.incidents.open(), *ended),
        promises=(*await store.promises.open(), *await store.promises.recent(RECENT)),
        blind_spots=tuple(await store.blind_spots.recent(RECENT)),
    )


def _pbx(runner: Runner, now: datetime) -> PbxStatus:
    state = runner.state
    return PbxStatus(
        name=runner.pbx,
        link=state.link,
        since=state.since or now,
        detail=state.detail or runner.announcer.problem,
        version=state.version,
        started=state.started,
        calls=len(runner.watch.tracker.calls),
        lag_ms=runner.lag * 1000,
    )


def _trunks(runner: Runner) -> list[TrunkStatus]:
    return [
        TrunkStatus(
            name=trunk.name,
            pbx=runner.pbx,
            verdict=trunk.verdict.value,
            registration=said.value if (said := runner.sight.registrations.of(trunk.name)) else "",
            since=trunk.since,
            evidence=tuple(trunk.evidence),
        )
        for trunk in runner.watch.trunks.values()
    ]


def _line(runner: Runner, line: Line, tenant: TenantName, now: datetime) -> LineStatus:
    live = runner.announcer.live.get(line.name)
    return LineStatus(
        name=line.name,
        tenant=tenant,
        pbx=runner.pbx,
        verdict=line.attendance.value,
        free_agents=line.free(now),
        agents=len(line.agents),
        waiting=tuple(WaitingCaller(number=masked(w.number), since=w.since) for w in line.waiting.values()),
        announcing=live.recording.text if live else "",
        announced_until=live.state.until if live else None,
    )
