"""A support line with nobody to answer it: nobody logged in, or everybody paused.

People go to lunch, hold meetings, log out in the evening, and have holidays. So a whole team that leaves at once is an
outage, while one or two people who are away are so only when callers keep coming or when they stay away for very long;
and a line nobody has come to since it opened may just have a holiday. Of what may be ordinary it says nothing at all:
what callers in vain are told at once is the line's own business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ami_bridge.domain.detectors.opinion import Opinion
from ami_bridge.domain.events import DeviceState
from ami_bridge.domain.hours import Hours
from ami_bridge.domain.line import Agent
from ami_bridge.domain.names import Device, LineName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

_NOBODY, _PAUSED = "nobody is logged in", "everybody who is logged in is paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsLimits:
    """When a line without an agent is an outage."""

    enabled: bool = True
    grace: timedelta = timedelta(seconds=120)  # nobody there for so long counts; phones and logins come and go sooner
    team: int = 3  # so many agents gone are an outage by themselves, if two left at once; fewer may be at lunch
    together: timedelta = timedelta(minutes=10)  # who left within this time left at once
    breaks: timedelta = timedelta(minutes=90)  # how long one may be away: fewer count then even if nobody calls
    callers: int = 3  # so many callers who came meanwhile are an outage however few the agents are
    window: timedelta = timedelta(minutes=30)  # within which those callers must have come
    crowd: timedelta = timedelta(minutes=10)  # the same without opening hours: people go home while a few still call
    lately: timedelta = timedelta(minutes=30)  # and somebody was there so lately: else they went home long ago
    leaving: timedelta = timedelta(minutes=15)  # before closing, in which people may leave early
    forget: timedelta = timedelta(minutes=30)  # without opening hours: over once nobody has called for so long
    alone: Strength = Strength.DOWN  # how much it says by itself


class Agents:
    """One line's agents under watch; `hours` None is a line that may be empty whenever nobody calls."""

    def __init__(self, line: LineName, limits: AgentsLimits, hours: Hours | None = None) -> None:
        self.limits = limits
        self._hours = hours
        self._opinion = Opinion(Subject(Kind.LINE, line), Source.AGENTS, limits.enabled)
        self._why = ""
        self._since: datetime | None = None  # since when nobody has been there
        self._team = 0  # how many had gone then, if they did not go one by one
        self._able: frozenset[Device] = frozenset()
        self._left: dict[Device, datetime] = {}  # who was able to answer and is not any more
        self._staffed = False  # whether somebody was there since the line opened
        self._attended = False  # whether anybody was ever seen there
        self._callers = 0
        self._came: deque[datetime] = deque(maxlen=max(1, limits.callers))  # while nobody was there
        self._last_call: datetime | None = None

    def look(self, agents: Mapping[Device, Agent], callers: int, now: datetime) -> list[Signal]:
        """Take who is there and how many callers wait; call it whenever either changes."""
        able = frozenset(
            device for device, agent in agents.items() if agent.state is not DeviceState.ABSENT and not agent.paused
        )
        self._note_leaving(able, now)
        if able:
            self._since, self._team, self._attended = None, 0, True
            self._staffed = self._staffed or self._is_open(now)
            self._came.clear()
        else:
            here = any(agent.state is not DeviceState.ABSENT for agent in agents.values())
            self._why = _PAUSED if here else _NOBODY
            if self._since is None:
                at_once = sum(now - at <= self.limits.together for at in self._left.values()) > 1
                self._since, self._team = now, len(self._left) if at_once else 0
            self._note_callers(callers, now)
        self._callers = callers
        return self._weigh(now)

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: patience with the agents runs out, the line closes."""
        return self._weigh(now) if self._since is not None else []

    def lost_sight(self, now: datetime) -> None:  # noqa: ARG002 - all detectors are told alike
        """The PBX was not watched: who is there is unknown until it is seen anew. What was said stands till then."""
        self._able = frozenset()
        self._left.clear()
        self._came.clear()
        self._since, self._team, self._callers = None, 0, 0

    def resume(self, now: datetime) -> None:
        """An earlier run called the line unattended: somebody there is news."""
        self._opinion.resume(self.limits.alone)
        self._last_call = now

    def _note_leaving(self, able: frozenset[Device], now: datetime) -> None:
        if able == self._able:
            return
        self._left.update(dict.fromkeys(self._able - able, now))
        self._left = {
            device: at for device, at in self._left.items() if device not in able and now - at <= self.limits.breaks
        }
        self._able = able

    def _note_callers(self, callers: int, now: datetime) -> None:
        came = callers - self._callers
        if came > 0:
            self._came.extend([now] * min(came, self.limits.callers))
            self._last_call = now

    def _is_open(self, now: datetime) -> bool:
        return self._hours is None or self._hours.is_open(now)

    def _weigh(self, now: datetime) -> list[Signal]:
        if self._since is None:
            return self._opinion.become(Strength.CLEAR, "an agent is there again")
        if not self._is_open(now):
            self._since, self._team, self._staffed = now, 0, False
            self._left.clear()
            self._came.clear()
            return self._opinion.become(Strength.CLEAR, "the line has closed")
        if self._hours is None and self._is_forgotten(now):
            return self._opinion.become(Strength.CLEAR, "nobody calls any more")
        if self._opinion.strength is Strength.CLEAR and not self._is_outage(now, now - self._since):
            return []
        return self._opinion.become(self.limits.alone, self._why)

    def _is_forgotten(self, now: datetime) -> bool:
        return not self._callers and (self._last_call is None or now - self._last_call >= self.limits.forget)

    def _is_outage(self, now: datetime, away: timedelta) -> bool:
        if away < self.limits.grace:
            return False
        if self._hours is None:
            return self._attended and away <= self.limits.lately and self._is_called(now)
        if not self._staffed or self._closes_soon(now):
            return False
        return self._team >= self.limits.team or away >= self.limits.breaks or self._is_called(now)

    def _is_called(self, now: datetime) -> bool:
        """Whether callers keep coming: enough came lately, and one of them still waits."""
        came = self._came
        within = self.limits.window if self._hours else self.limits.crowd
        return len(came) == came.maxlen and now - came[0] <= within and self._callers > 0

    def _closes_soon(self, now: datetime) -> bool:
        closes = self._hours.next_change(now) if self._hours else None
        return closes is not None and closes - now <= self.limits.leaving
