"""Who telephones where: PBXs, trunks, tenants with lines, queues, phones and sites; and the settings that say so."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from ami_bridge.domain.names import Device, LineName, PbxName, QueueName, SiteName, TenantName, TrunkName
from ami_bridge.settings import Settings

TALK = 170.0  # seconds a call lasts on average
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo")


class Traffic(Enum):
    NORMAL = "normal"
    BURSTY = "bursty"
    HOLIDAY = "holiday"
    GROWING = "growing"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    """A support line: answered by the agents of a queue, or by the phones that ring together."""

    name: LineName
    did: str
    queue: QueueName | None
    phones: tuple[Device, ...]
    share: float  # of the tenant's callers


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPlan:
    """`callers` and `calls_out` are per hour at the busiest hour of the first week."""

    name: TenantName
    traffic: Traffic
    zone: ZoneInfo
    office: bool  # else round the clock
    tells_hours: bool  # whether the settings say when its lines are open
    summer_week: int
    switches_off: bool  # phones are switched off in the evening, one by one
    callers: float
    calls_out: float
    trunks: tuple[TrunkName, ...]
    lines: tuple[LinePlan, ...]
    site: SiteName
    phones: tuple[Device, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxPlan:
    name: PbxName
    trunks: tuple[TrunkName, ...]
    shared: frozenset[TrunkName]  # carriers several tenants use
    tenants: tuple[TenantPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Callers and calls out an hour at the busiest, and how common such tenants are."""

    callers: float
    calls_out: float
    weight: float


EVERYDAY = (
    Size(callers=0.7, calls_out=0.6, weight=0.7),
    Size(callers=2.5, calls_out=2.0, weight=0.22),
    Size(callers=8.0, calls_out=6.0, weight=0.08),
)
BUSY = (Size(callers=15.0, calls_out=13.0, weight=0.5), Size(callers=5.0, calls_out=4.0, weight=0.5))


def plan(seed: int, number: int, tenants: int, sizes: Sequence[Size]) -> PbxPlan:
    """PBX `number` of the house that `seed` makes; every kind of traffic in turn."""
    dice = random.Random(f"{seed}/plan/{number}")
    shared = TrunkName("carrier-shared")
    chosen = dice.choices(sizes, [size.weight for size in sizes], k=tenants)
    if sizes is BUSY:  # some of each on every PBX, so that every kind of fault finds a place
        chosen = [sizes[n % len(sizes)] for n in range(tenants)]
    made = tuple(_tenant(dice, number, n, shared, size, queue=sizes is BUSY) for n, size in enumerate(chosen))
    trunks = tuple(sorted({trunk for tenant in made for trunk in tenant.trunks}))
    several = frozenset(t for t in trunks if sum(t in tenant.trunks for tenant in made) > 1)
    return PbxPlan(name=PbxName(f"pbx-{number}"), trunks=trunks, shared=several, tenants=made)


def _tenant(dice: random.Random, pbx: int, number: int, shared: TrunkName, size: Size, *, queue: bool) -> TenantPlan:
    name = f"t{pbx}-{number}"
    callers, out = size.callers * dice.uniform(0.8, 1.25), size.calls_out * dice.uniform(0.8, 1.25)
    traffic = list(Traffic)[(pbx + number) % len(Traffic)]
    first = 1000 + 100 * number
    shares = dice.choice(((1.0,), (1.0,), (0.65, 0.35)))
    lines: list[LinePlan] = []
    for n, share in enumerate(shares):
        least = ceil(callers * share * (3 if traffic is Traffic.GROWING else 2) * TALK / 3600) + 2
        count = min(max(least, 2), 6)
        phones = tuple(Device(f"PJSIP/{first + n * 20 + k}") for k in range(count))
        of_queue = QueueName(f"q-{name}-{n}") if n or queue or dice.random() < 0.75 else None
        lines.append(
            LinePlan(name=LineName(f"l{pbx}-{number}-{n}"), did=f"555{pbx:03}{number:02}{n}", queue=of_queue,
                     phones=phones, share=share)
        )  # fmt: skip
    others = tuple(Device(f"PJSIP/{first + 60 + k}") for k in range(dice.randint(1, 4)))
    own = (TrunkName(f"carrier-{name}"), TrunkName(f"spare-{name}"))
    trunks = dice.choice((own[:1], own, own, (own[0], shared), (shared, own[1])))
    fit = queue and number == 0
    office = dice.random() < 0.75 or traffic is Traffic.HOLIDAY or fit
    return TenantPlan(
        name=TenantName(name),
        traffic=traffic,
        zone=ZoneInfo(dice.choice(ZONES)),
        office=office,
        tells_hours=office and (dice.random() < 0.6 or fit),
        summer_week=dice.randint(29, 33),
        switches_off=office and dice.random() < 0.4,
        callers=callers,
        calls_out=out,
        trunks=trunks,
        lines=tuple(lines),
        site=SiteName(f"site-{name}"),
        phones=tuple(phone for line in lines for phone in line.phones) + others,
    )


def settings_of(pbx: PbxPlan, suspected: str = "announce") -> Settings:
    """What an operator would have written down about this PBX; everything not said here stays at its default."""
    return Settings.model_validate(
        {
            "agi": {"token": "only-for-simulation"},
            "announcement": {"suspected": suspected},
            "tenant": [{"name": t.name, "spoken": t.name, "timezone": t.zone.key} for t in pbx.tenants],
            "pbx": [
                {
                    "name": pbx.name,
                    "host": "127.0.0.1",
                    "secret": "only-for-simulation",
                    "trunk": [{"name": trunk, "spoken": f"our line {trunk}"} for trunk in pbx.trunks],
                }
            ],
            "line": [_line(pbx, tenant, line) for tenant in pbx.tenants for line in tenant.lines],
            "site": [_site(pbx, tenant) for tenant in pbx.tenants],
        }
    )


def _line(pbx: PbxPlan, tenant: TenantPlan, line: LinePlan) -> dict[str, Any]:
    way = {"queue": line.queue} if line.queue else {"ring": list(line.phones)}
    hours = {"open": ["mon-fri 08:00-18:00"]} if tenant.tells_hours else {}
    return way | hours | {
        "name": line.name,
        "tenant": tenant.name,
        "pbx": pbx.name,
        "dids": [line.did],
        "trunks": list(tenant.trunks),
        "callback_trunks": list(tenant.trunks),
        "caller_id": line.did,
    }  # fmt: skip


def _site(pbx: PbxPlan, tenant: TenantPlan) -> dict[str, Any]:
    return {
        "name": tenant.site,
        "tenant": tenant.name,
        "pbx": pbx.name,
        "spoken": f"the phones of {tenant.name}",
        "phones": list(tenant.phones),
        "lines": [line.name for line in tenant.lines],
    }
