"""Which promised calls are placed now: who is free, who comes first, and what the way to the network carries.

One decision for everybody who places calls: the companion on a PBX and the simulation of a thousand promises alike.
Callers on the line come before all who hung up; nobody is called for an agent who is not there; whoever reached the
line first is called first. News needs no agent, and is paced instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from ami_bridge.domain.names import AttemptId, Device, LineName
from ami_bridge.domain.promise import ATTEMPT_PREFIX, CALLBACKS, RANK, Kind, Promise

# What the id of an attempt begins with that asks an agent first: until it says so, no customer's phone has rung for it.
HOLD_PREFIX = f"{ATTEMPT_PREFIX}hold-"
CALLS = CALLBACKS  # each needs an agent
NEWS = frozenset(Kind) - CALLS  # told to whoever answers


def asks_agent_first(attempt: AttemptId | str | None) -> bool:
    """Whether an attempt puts a place-holder into the queue, and the customer is dialled once an agent took it."""
    return attempt is not None and attempt.startswith(HOLD_PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the way to the network carries of news: `at_once` calls, begun `per_second`, and none of them once
    `channels` of the trunk are in use by whomever; None: as many as there are."""

    at_once: int = 2
    per_second: float = 1.0
    channels: int | None = None


class Demand(NamedTuple):
    """Who wants an agent of `line`: callers who wait there now, and calls that were placed for customers of it."""

    line: LineName
    agents: frozenset[Device]  # all who could be rung for it, free or not
    waiting: int
    in_flight: int


def wanted_elsewhere(here: Demand, others: Iterable[Demand]) -> int:
    """How many of the free agents of `here` are wanted on lines that share agents with it.

    Cautious: whoever waits elsewhere may be given each agent that is shared.
    """
    return sum(min(other.waiting + other.in_flight, len(other.agents & here.agents)) for other in others)


def in_order(due: Iterable[Promise]) -> list[Promise]:
    """Those who asked before those who are called uninvited; then whoever reached the line first."""
    return sorted(due, key=lambda promise: (RANK[promise.kind], promise.turn, promise.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The news calls of one line, and the trunk they go over, at `now`: `begun` is when the last of them was."""

    now: datetime
    in_flight: int = 0
    channels_in_use: int = 0
    begun: datetime | None = None

    def may_begin(self, limits: Limits) -> int:
        """How many may begin at once: one, where a rate is to be kept."""
        left = limits.at_once - self.in_flight
        if limits.channels is not None:
            left = min(left, limits.channels - self.channels_in_use)
        return 1 if left > 0 and self.wait(limits) <= timedelta() else 0

    def wait(self, limits: Limits) -> timedelta:
        """How long until the rate allows for the next one."""
        if self.begun is None:
            return timedelta()
        return max(timedelta(), self.begun + timedelta(seconds=1 / limits.per_second) - self.now)


def next_calls(
    free_agents: int, waiting_callers: int, in_flight: int, due: Iterable[Promise], limits: Limits, news: News
) -> list[Promise]:
    """Which of `due` to call now, in order.

    `free_agents` are those of one line whom nobody on another line wants; `waiting_callers` are on the line now, and
    `in_flight` are calls placed for its customers for which no agent was found yet. `news` is how its trunk stands.
    """
    waiting = in_order(due)
    agents = max(0, free_agents - waiting_callers - in_flight)
    calls = [promise for promise in waiting if promise.kind in CALLS]
    told = [promise for promise in waiting if promise.kind in NEWS]
    return [*calls[:agents], *told[: news.may_begin(limits)]]


@dataclass(slots=True)
class Pace:
    """When the last news call began on each trunk: several lines may share one."""

    _begun: dict[str, datetime] = field(default_factory=dict)

    def begun(self, trunks: Sequence[str]) -> datetime | None:
        """When the last one began on any of `trunks`."""
        return max((self._begun[trunk] for trunk in trunks if trunk in self._begun), default=None)

    def begin(self, trunk: str, now: datetime) -> None:
        self._begun[trunk] = now
