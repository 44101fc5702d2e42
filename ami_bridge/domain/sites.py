"""The sites of one PBX: which phone is at which, and whether those of one are gone together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ami_bridge.domain.detectors.phones import Phones
from ami_bridge.domain.names import Device, SiteName, TenantName
from ami_bridge.domain.signal import Signal


@dataclass(slots=True)
class Sites:
    """`devices` are the phones of each site; a phone may be at several, as when a floor is a site of its own."""

    devices: Mapping[SiteName, tuple[Device, ...]]
    detectors: Mapping[SiteName, Phones]
    tenants: Mapping[SiteName, TenantName]
    _at: dict[Device, list[Phones]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for site, devices in self.devices.items():
            for device in devices:
                self._at.setdefault(device, []).append(self.detectors[site])

    def observe(self, device: Device, now: datetime, *, present: bool) -> list[Signal]:
        return [signal for phones in self._at.get(device, ()) for signal in phones.observe(device, present, now)]

    def tick(self, now: datetime) -> list[Signal]:
        return [signal for phones in self.detectors.values() for signal in phones.tick(now)]
