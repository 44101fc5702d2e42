"""How customers of one line are called back, as the settings have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ami_bridge.domain.dispatch import Limits
from ami_bridge.domain.names import LineName, TenantName, TrunkName
from ami_bridge.domain.numbers import NumberFacts, NumberPolicy
from ami_bridge.domain.permission import CallingRules
from ami_bridge.domain.saying import Saying
from ami_bridge.domain.signal import Subject
from ami_bridge.popping import Screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where customers are under these numbers (as given, and in international form); `spoken` as they know it."""

    subject: Subject
    numbers: NumberPolicy
    spoken: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """Over which trunks, as whom, ringing how many seconds; who may be called when, and who is asked first.

    `places` are the tenant's sites: who is at one that is down is not called there. `missed` is how long a call that
    was missed is worth calling back, None if none is. `screen` is whom agents' screens are told by.
    """

    tenant: TenantName
    line: LineName
    trunks: tuple[TrunkName, ...]
    caller_id: str
    ring: float
    greeting: Saying
    facts: Callable[[str | None], NumberFacts]
    rules: CallingRules
    limits: Limits
    agent_first: bool = False
    places: tuple[Place, ...] = ()
    missed: timedelta | None = None
    screen: Screen | None = None
