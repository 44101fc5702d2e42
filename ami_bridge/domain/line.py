"""Whether anybody answers a support line: its callers, its agents, and the verdict.

A line is unanswered when callers in a row waited their patience out without a person, and answered again the moment
one of them reaches somebody or an agent comes free. An agent who let the phone ring is not free, whatever the device
state says, until they show a sign of life or `shy_for` has passed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from ami_bridge.domain.events import DeviceState
from ami_bridge.domain.names import Device, LineName, Linkedid


class Attendance(Enum):
    ANSWERED = "answered"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimits:
    """When nobody answers a line, so that its callers are told at once."""

    callers: int = 1  # so many in a row who waited in vain: who comes next hears it without waiting first
    patience: timedelta = timedelta(seconds=20)  # how long a caller waits before it counts
    shy_for: timedelta = timedelta(seconds=60)  # an agent who let it ring is not free for so long


@dataclass(slots=True)
class Waiting:
    """A caller on the line; `tried` is when somebody was first rung for them, which announcements come before."""

    number: str
    since: datetime
    tried: datetime | None = None
    counted: bool = False  # already counted as one who waited in vain

    def in_vain(self, patience: timedelta, now: datetime) -> bool:
        return self.tried is not None and now - self.tried >= patience


@dataclass(slots=True)
class Agent:
    state: DeviceState
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendanceChanged:
    line: LineName
    attendance: Attendance
    why: str


@dataclass(slots=True)
class Line:
    """One support line under observation."""

    name: LineName
    limits: LineLimits
    attendance: Attendance = Attendance.ANSWERED
    waiting: dict[Linkedid, Waiting] = field(default_factory=dict)
    agents: dict[Device, Agent] = field(default_factory=dict)
    _rang_out: dict[Device, datetime] = field(default_factory=dict)  # the shy, and since when
    _in_vain: int = 0
    _had_free: bool = False

    def caller_waits(self, call: Linkedid, number: str, since: datetime) -> None:
        """A caller reached the line; calls that were already waiting are left as they are."""
        self.waiting.setdefault(call, Waiting(number, since))

    def caller_shows(self, call: Linkedid, number: str) -> None:
        """The number the caller wishes to be known by, empty when it is withheld."""
        waiting = self.waiting.get(call)
        if waiting is not None:
            waiting.number = number

    def caller_tries(self, call: Linkedid, since: datetime) -> None:
        """The caller stands in the queue, or phones ring for them: from now on their patience is spent."""
        waiting = self.waiting.get(call)
        if waiting is not None and waiting.tried is None:
            waiting.tried = since

    def caller_in_vain(self, call: Linkedid) -> list[AttendanceChanged]:
        """The dialplan came back without a person: phones that are not there fail at once, whatever the patience."""
        waiting = self.waiting.get(call)
        if waiting is None or waiting.counted:
            return []
        waiting.counted = True
        return self._in_vain_again()

    def caller_answered(self, call: Linkedid) -> list[AttendanceChanged]:
        """A person took the call."""
        if self.waiting.pop(call, None) is None:
            return []
        self._in_vain = 0
        return self._become(Attendance.ANSWERED, "a caller was answered")

    def caller_gone(self, call: Linkedid, now: datetime) -> list[AttendanceChanged]:
        """The caller left without a person having answered; counts when their patience was spent."""
        waiting = self.waiting.pop(call, None)
        if waiting is None or waiting.counted or not waiting.in_vain(self.limits.patience, now):
            return []
        return self._in_vain_again()

    def caller_unseen(self, call: Linkedid) -> None:
        """The caller is gone, and nobody saw whether in vain."""
        self.waiting.pop(call, None)

    def tick(self, now: datetime) -> list[AttendanceChanged]:
        """Let time pass: callers whose patience is spent count, once each, and shy agents are given another chance."""
        changes: list[AttendanceChanged] = []
        for waiting in self.waiting.values():
            if not waiting.counted and waiting.in_vain(self.limits.patience, now):
                waiting.counted = True
                changes += self._in_vain_again()
        return changes + self._look_for_free(now)

    def agent_seen(
        self, device: Device, now: datetime, *, state: DeviceState | None = None, paused: bool | None = None
    ) -> list[AttendanceChanged]:
        """An agent's device or pause changed. Coming back, and pausing or taking up work, are signs of life."""
        agent = self.agents.get(device)
        if agent is None:
            self.agents[device] = Agent(state or DeviceState.ABSENT, bool(paused))
            return self._look_for_free(now)
        if state is not None and state is not agent.state:
            if agent.state is DeviceState.ABSENT:
                self._rang_out.pop(device, None)
            agent.state = state
        if paused is not None and paused is not agent.paused:
            self._rang_out.pop(device, None)
            agent.paused = paused
        return self._look_for_free(now)

    def agent_talks(self, device: Device) -> None:
        """The agent is in a call with somebody: whatever rang out before is forgiven."""
        self._rang_out.pop(device, None)

    def agent_rang_out(self, device: Device, now: datetime) -> None:
        """The agent's phone rang and nobody picked up."""
        self._rang_out[device] = now
        self._had_free = self.free(now) > 0

    def agent_gone(self, device: Device, now: datetime) -> None:
        """The agent is no member of the line any more."""
        self.agents.pop(device, None)
        self._rang_out.pop(device, None)
        self._had_free = self.free(now) > 0

    def lost_sight(self) -> None:
        """Who is there has to be seen anew. Who let the phone ring is remembered, and who waits."""
        self.agents.clear()

    def free(self, now: datetime) -> int:
        """How many agents could take a call now."""
        return sum(
            agent.state is DeviceState.FREE and not agent.paused and not self._is_shy(device, now)
            for device, agent in self.agents.items()
        )

    def _is_shy(self, device: Device, now: datetime) -> bool:
        rang_out = self._rang_out.get(device)
        return rang_out is not None and now - rang_out < self.limits.shy_for

    def _look_for_free(self, now: datetime) -> list[AttendanceChanged]:
        had, self._had_free = self._had_free, self.free(now) > 0
        if had or not self._had_free:
            return []
        self._in_vain = 0
        return self._become(Attendance.ANSWERED, "an agent is free")

    def _in_vain_again(self) -> list[AttendanceChanged]:
        self._in_vain += 1
        if self._in_vain < self.limits.callers:
            return []
        return self._become(Attendance.UNANSWERED, f"{self._in_vain} callers in a row waited in vain")

    def _become(self, attendance: Attendance, why: str) -> list[AttendanceChanged]:
        if attendance is self.attendance:
            return []
        self.attendance = attendance
        return [AttendanceChanged(line=self.name, attendance=attendance, why=why)]
