"""A site whose phones are gone together: its power, its network, or its way to the PBX.

In the evening phones go one by one, and the last few may go at once. After a new firmware all of them restart, at
night, and are back within three minutes. A site's outage takes most of its phones within a round of qualifies, and
keeps them.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ami_bridge.domain.detectors.opinion import Opinion
from ami_bridge.domain.hours import Hours
from ami_bridge.domain.names import Device, SiteName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonesLimits:
    """When phones are gone together, and when they are back."""

    enabled: bool = True
    share: float = 0.6  # of the phones that were there when the window began; some may have a way of their own
    least: int = 3  # phones at least; two people may well close their softphones in the same minute
    usual: float = 0.5  # and of the most that were there within a day: the last few in the evening are no site
    window: timedelta = timedelta(seconds=90)  # within which they must be gone: a round of qualifies of 60 s, and some
    emptying: timedelta = timedelta(minutes=5)  # a third as many gone within this time before that: people are leaving
    confirm: timedelta = timedelta(seconds=60)  # in opening hours: how long they must stay away; until then a suspicion
    reboot: timedelta = timedelta(seconds=240)  # at other times; phones that restart together are back in 180 s
    back: float = 0.5  # share of those gone that must be back
    alone: Strength = Strength.DOWN  # how much it says by itself, once confirmed


class Phones:
    """One site's phones under watch. `hours` are when somebody works there; None: it may be night at any time."""

    def __init__(
        self, site: SiteName, limits: PhonesLimits, devices: Iterable[Device], hours: Hours | None = None
    ) -> None:
        self.limits = limits
        self._hours = hours
        self._opinion = Opinion(Subject(Kind.SITE, site), Source.PHONES, limits.enabled)
        self._devices = frozenset(devices)
        self._here: set[Device] = set()
        self._left: OrderedDict[Device, datetime] = OrderedDict()  # who is away, the latest last
        self._gone: set[Device] = set()  # together
        self._returned: set[Device] = set()
        self._since: datetime | None = None  # since when they have been gone
        self._most = [0, 0]  # phones that were there at the same time: today and the day before
        self._day = 0

    def observe(self, device: Device, present: bool, now: datetime) -> list[Signal]:
        """A phone is there or is not. What it was before it was first seen is not known, so that says nothing yet."""
        if device not in self._devices:
            return []
        if present:
            self._here.add(device)
            self._count(now)
            self._left.pop(device, None)
            if device in self._gone:
                self._returned.add(device)
        elif device in self._here:
            self._here.discard(device)
            self._left[device] = now
            self._returned.discard(device)
            self._note_together(now)
        return self.tick(now)

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: a suspicion is confirmed."""
        if self._since is None:
            return []
        if len(self._returned) >= max(1, math.ceil(self.limits.back * len(self._gone))):
            words = f"{len(self._returned)} of the {len(self._gone)} phones that were gone are back"
            self._since = None
            self._gone.clear()
            self._returned.clear()
            return self._opinion.become(Strength.CLEAR, words)
        is_open = self._hours is not None and self._hours.is_open(now)
        strength = Strength.SUSPECT if is_open else Strength.HINT
        # When nobody works there it is remembered, and told once somebody does.
        if (is_open or self._hours is None) and now - self._since >= (
            self.limits.confirm if is_open else self.limits.reboot
        ):
            strength = self.limits.alone
        if strength <= self._opinion.strength:
            return []
        words = f"{len(self._gone)} of {len(self._here | self._gone)} phones went at once"
        return self._opinion.become(strength, words if strength < self.limits.alone else f"{words} and stay away")

    def lost_sight(self, now: datetime) -> None:  # noqa: ARG002 - all detectors are told alike
        """The PBX was not watched: who is there is unknown until seen anew. What was said stands till then."""
        self._here.clear()
        self._left.clear()

    def resume(self, now: datetime) -> None:
        """An earlier run said that the site's phones are gone: that they are there is news."""
        self._opinion.resume(self.limits.alone)
        self._since, self._gone = now, set(self._devices)
        self._returned = set(self._here)

    def _count(self, now: datetime) -> None:
        """Remember how many are there on a full day."""
        day = now.toordinal()
        if day != self._day:
            self._most = [0, self._most[0] if day == self._day + 1 else 0]
            self._day = day
        self._most[0] = max(self._most[0], len(self._here))

    def _note_together(self, now: datetime) -> None:
        """See whether those who are away went together, or one by one."""
        together, before = [], 0
        for device in reversed(self._left):
            away = now - self._left[device]
            if away > self.limits.window + self.limits.emptying:
                break
            if away <= self.limits.window:
                together.append(device)
            else:
                before += 1
        self._count(now)
        enough = max(
            self.limits.least,
            math.ceil(self.limits.share * (len(self._here) + len(together))),
            math.ceil(self.limits.usual * max(self._most)),
        )
        if self._since is not None:
            self._gone.update(together)
        elif len(together) >= enough and before * 3 < len(together):
            self._since = now
            self._gone.update(together)
