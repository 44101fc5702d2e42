"""Any order of callers, agents and time on one line: what its verdict rests on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ami_bridge.domain.events import DeviceState
from ami_bridge.domain.line import Attendance, AttendanceChanged, Line, LineLimits
from ami_bridge.domain.names import Device, LineName, Linkedid

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LIMITS = LineLimits(callers=2, patience=timedelta(seconds=20), shy_for=timedelta(seconds=60))
callers = st.integers(0, 5).map(lambda n: Linkedid(f"c{n}"))
agents = st.integers(1, 3).map(lambda n: Device(f"PJSIP/10{n}"))


class ALine(RuleBasedStateMachine):
    """The model counts callers in vain by itself, from when they were first rung for."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.now = Line(LineName("support"), LIMITS), T0
        self.tried: dict[Linkedid, datetime | None] = {}
        self.spent: set[Linkedid] = set()
        self.rang_out: dict[Device, datetime] = {}
        self.in_vain = 0

    def takes(self, changes: list[AttendanceChanged]) -> None:
        """A change is never told twice, and back to answered only for a reason."""
        for change in changes:
            if change.attendance is Attendance.UNANSWERED:
                assert self.in_vain >= LIMITS.callers
            else:
                assert change.why in {"a caller was answered", "an agent is free"}
                self.in_vain = 0
        if changes:
            assert changes[-1].attendance is self.line.attendance

    def count(self, call: Linkedid) -> None:
        tried = self.tried[call]
        if call not in self.spent and tried is not None and self.now - tried >= LIMITS.patience:
            self.spent.add(call)
            self.in_vain += 1

    @rule(call=callers)
    def a_caller_comes(self, call: Linkedid) -> None:
        self.line.caller_waits(call, "", self.now)
        self.tried.setdefault(call, None)

    @rule(call=callers)
    def they_are_rung_for(self, call: Linkedid) -> None:
        self.line.caller_tries(call, self.now)
        if call in self.tried and self.tried[call] is None:
            self.tried[call] = self.now

    @rule(call=callers)
    def a_caller_gives_up(self, call: Linkedid) -> None:
        if call in self.tried:
            self.count(call)
        self.takes(self.line.caller_gone(call, self.now))
        self.tried.pop(call, None)
        self.spent.discard(call)

    @rule(call=callers)
    def a_caller_is_answered(self, call: Linkedid) -> None:
        changes = self.line.caller_answered(call)
        if call in self.tried:
            self.in_vain = 0
            assert self.line.attendance is Attendance.ANSWERED
        self.takes(changes)
        self.tried.pop(call, None)
        self.spent.discard(call)

    @rule(device=agents, state=st.sampled_from(DeviceState), paused=st.none() | st.booleans())
    def an_agent_is_seen(self, device: Device, state: DeviceState, paused: bool | None) -> None:
        before = self.line.free(self.now)
        self.takes(self.line.agent_seen(device, self.now, state=state, paused=paused))
        assert abs(self.line.free(self.now) - before) <= 1

    @rule(device=agents)
    def an_agent_lets_it_ring(self, device: Device) -> None:
        self.line.agent_rang_out(device, self.now)

    @rule(device=agents)
    def an_agent_talks(self, device: Device) -> None:
        self.line.agent_talks(device)

    @rule(device=agents)
    def an_agent_goes(self, device: Device) -> None:
        self.line.agent_gone(device, self.now)

    @rule(seconds=st.floats(0, 30))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        for call in self.tried:
            self.count(call)
        self.takes(self.line.tick(self.now))

    @invariant()
    def who_waits_is_who_came_and_did_not_go(self) -> None:
        assert set(self.line.waiting) == set(self.tried)

    @invariant()
    def nobody_is_free_who_is_not_known(self) -> None:
        assert self.line.free(self.now) <= len(self.line.agents)


TestALine = ALine.TestCase
TestALine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
