"""A line's agents: a team that is gone is an outage; lunch, evenings, nights, holidays and one quiet agent are not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.domain.detectors.agents import Agents, AgentsLimits
from ami_bridge.domain.events import DeviceState
from ami_bridge.domain.hours import Hours
from ami_bridge.domain.line import Agent
from ami_bridge.domain.names import Device, LineName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

ZONE = ZoneInfo("Europe/Berlin")
LINE = LineName("support")
FREE, BUSY, ABSENT = DeviceState.FREE, DeviceState.BUSY, DeviceState.ABSENT
CLEAR, DOWN = Strength.CLEAR, Strength.DOWN


def at(clock: str, day: int = 16) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day:02} {clock}").replace(tzinfo=ZONE)


def office() -> Hours:
    return Hours(["mon-fri 08:00-18:00"], ZONE)


def team(*there: str, away: Iterable[str] = (), paused: Iterable[str] = ()) -> dict[Device, Agent]:
    found = {Device(name): Agent(FREE) for name in there}
    found |= {Device(name): Agent(ABSENT) for name in away}
    return found | {Device(name): Agent(FREE, paused=True) for name in paused}


def until(agents: Agents, begin: datetime, end: datetime, step: int = 10) -> list[tuple[Strength, datetime]]:
    """What is said while time passes from `begin` to `end`, in ticks of `step` seconds."""
    said: list[tuple[Strength, datetime]] = []
    now = begin
    while now <= end:
        said += [(signal.strength, now) for signal in agents.tick(now)]
        now += timedelta(seconds=step)
    return said


def strengths(signals: Iterable[Signal]) -> list[Strength]:
    return [signal.strength for signal in signals]


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        (team(), "nobody is logged in"),
        (team(away="abc"), "nobody is logged in"),
        (team(paused="abc"), "everybody who is logged in is paused"),
        (team(away="ab", paused="c"), "everybody who is logged in is paused"),
    ],
)
def test_a_team_gone_in_open_hours_is_an_outage_after_the_grace(gone: dict[Device, Agent], words: str) -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    assert agents.look(team(*"abc"), 0, at("10:00")) == []
    assert agents.look(gone, 0, at("10:30")) == []
    assert agents.tick(at("10:31:59")) == []
    (signal,) = agents.tick(at("10:32"))
    assert signal == Signal(subject=Subject(Kind.LINE, LINE), source=Source.AGENTS, strength=DOWN, words=words)
    assert agents.tick(at("10:33")) == []
    (back,) = agents.look(team("a", away="bc"), 0, at("10:40"))
    assert (back.strength, back.words) == (CLEAR, "an agent is there again")


def test_a_busy_agent_is_there() -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    agents.look(team(*"abc"), 0, at("10:00"))
    agents.look({Device("a"): Agent(BUSY)} | team(away="bc"), 5, at("10:10"))
    assert until(agents, at("10:10"), at("17:50"), 60) == []


def test_agents_who_leave_one_after_another_are_no_team() -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    for clock, there, away in [("15:00", "abc", ""), ("16:00", "bc", "a"), ("16:30", "c", "ab"), ("17:00", "", "abc")]:
        assert agents.look(team(*there, away=away), 0, at(clock)) == []
    assert until(agents, at("17:00"), at("18:00")) == []


def test_lunch_of_two_is_no_outage_until_callers_keep_coming() -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    agents.look(team(*"ab"), 0, at("11:00"))
    assert agents.look(team(paused="ab"), 0, at("12:00")) == []
    assert until(agents, at("12:00"), at("12:45")) == []
    assert agents.look(team(paused="ab"), 1, at("12:46")) == []
    assert agents.look(team(paused="ab"), 2, at("12:47")) == []
    assert strengths(agents.look(team(paused="ab"), 3, at("12:48"))) == [DOWN]
    assert strengths(agents.look(team("a", paused="b"), 3, at("12:50"))) == [CLEAR]


def test_a_break_that_lasts_far_too_long_is_an_outage() -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    agents.look(team("a"), 0, at("09:00"))
    agents.look(team(paused="a"), 0, at("12:00"))
    assert until(agents, at("12:00"), at("14:00")) == [(DOWN, at("13:30"))]


def test_callers_long_ago_do_not_add_up() -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    agents.look(team("a"), 0, at("09:00"))
    agents.look(team(paused="a"), 0, at("12:00"))
    said: list[Signal] = []
    for minute in (5, 25, 45):
        said += agents.look(team(paused="a"), 1, at(f"12:{minute:02}"))
        said += agents.look(team(paused="a"), 0, at(f"12:{minute + 1:02}"))
    assert said == []


def test_nobody_is_missed_when_the_line_closes_soon_has_closed_or_has_not_opened() -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    agents.look(team(*"abc"), 1, at("17:40"))
    assert agents.look(team(away="abc"), 1, at("17:46")) == []  # and the last caller still waits
    assert until(agents, at("17:46"), at("18:30")) == []
    assert agents.look(team(away="abc"), 0, at("18:31")) == []
    assert until(agents, at("18:31"), at("08:00", 17), 60) == []
    assert agents.look(team(*"abc"), 0, at("08:00:59", 17)) == []


def test_an_outage_ends_with_the_opening_hours() -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    agents.look(team(*"abc"), 0, at("17:00"))
    agents.look(team(away="abc"), 0, at("17:30"))
    assert until(agents, at("17:30"), at("19:00")) == [(DOWN, at("17:32")), (CLEAR, at("18:00"))]


def test_a_holiday_is_no_outage_even_when_some_call() -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    agents.look(team(*"abc"), 0, at("17:00"))
    agents.look(team(away="abc"), 0, at("18:10"))
    said = until(agents, at("18:10"), at("09:00", 17), 60)
    for second in range(5):
        said += [(s.strength, at("10:00", 17)) for s in agents.look(team(away="abc"), second + 1, at("10:00", 17))]
    said += until(agents, at("10:01", 17), at("18:00", 17), 60)
    assert said == []


def test_without_opening_hours_an_empty_queue_at_night_is_no_outage() -> None:
    agents = Agents(LINE, AgentsLimits())
    agents.look(team(*"abcd"), 1, at("17:59"))
    assert agents.look(team(), 1, at("18:00")) == []  # the last caller still waits
    agents.look(team(), 0, at("18:01"))
    assert until(agents, at("18:01"), at("03:00", 17), 60) == []
    assert agents.look(team(), 1, at("03:00", 17)) == []
    assert until(agents, at("03:00", 17), at("03:10", 17), 60) == []
    assert agents.look(team(), 2, at("03:11", 17)) == []
    assert agents.look(team(), 0, at("03:13", 17)) == []
    assert until(agents, at("03:13", 17), at("07:00", 17), 60) == []


def test_without_opening_hours_callers_who_keep_coming_tell() -> None:
    agents = Agents(LINE, AgentsLimits())
    agents.look(team(*"ab"), 0, at("10:00"))
    agents.look(team(), 0, at("10:10"))
    assert agents.look(team(), 1, at("10:13")) == []
    assert agents.look(team(), 2, at("10:14")) == []
    assert strengths(agents.look(team(), 3, at("10:15"))) == [DOWN]
    agents.look(team(), 0, at("10:20"))
    assert until(agents, at("10:20"), at("12:00")) == [(CLEAR, at("10:45"))]  # half an hour after the last came


def test_nothing_is_said_of_what_is_unknown() -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    assert agents.tick(at("10:00")) == []
    assert agents.look({}, 0, at("10:00")) == []  # the snapshot's members come one by one
    assert agents.look(team(paused="a"), 0, at("10:00:01")) == []
    assert agents.look(team("b", paused="a"), 0, at("10:00:02")) == []
    assert until(agents, at("10:00:02"), at("11:00")) == []


def test_a_gap_in_sight_starts_the_grace_anew() -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    agents.look(team(*"abc"), 0, at("10:00"))
    agents.look(team(away="abc"), 0, at("10:10"))
    agents.lost_sight(at("10:11"))
    assert agents.look(team(paused="a"), 0, at("10:30")) == []
    assert agents.look(team("b", paused="a"), 0, at("10:30:01")) == []


def test_what_an_earlier_run_said_ends_when_an_agent_is_seen() -> None:
    agents = Agents(LINE, AgentsLimits(), office())
    agents.resume(at("10:00"))
    assert strengths(agents.look(team("a"), 0, at("10:01"))) == [CLEAR]


def test_one_that_is_switched_off_says_nothing() -> None:
    agents = Agents(LINE, AgentsLimits(enabled=False), office())
    agents.look(team(*"abc"), 0, at("10:00"))
    agents.look(team(), 9, at("10:01"))
    assert until(agents, at("10:01"), at("17:00"), 60) == []


STEPS = st.lists(
    st.tuples(
        st.dictionaries(
            st.sampled_from([Device(name) for name in "abcdefgh"]),
            st.builds(Agent, st.sampled_from(DeviceState), st.booleans()),
        ),
        st.integers(0, 12),
        st.sampled_from([1, 30, 119, 600, 5400, 40000]),
        st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=150)
@given(steps=STEPS, with_hours=st.booleans())
def test_whatever_comes_it_is_down_only_while_nobody_has_been_there_for_the_grace(
    steps: list[tuple[dict[Device, Agent], int, int, bool]], with_hours: bool
) -> None:
    hours = office() if with_hours else None
    agents, now, empty_since = Agents(LINE, AgentsLimits(), hours), at("07:00"), None
    said = CLEAR
    for mapping, callers, seconds, blind in steps:
        if blind:
            agents.lost_sight(now)
        able = any(agent.state is not ABSENT and not agent.paused for agent in mapping.values())
        empty_since = None if able else (empty_since or now)
        signals = agents.look(mapping, callers, now)
        for passed in (1, seconds):
            now += timedelta(seconds=passed)
            signals += agents.tick(now)
        for signal in signals:
            assert signal.strength is not said or (said is not CLEAR)
            said = signal.strength
            if said is DOWN:
                assert empty_since is not None
                assert now - empty_since >= timedelta(seconds=120)
                assert hours is None or hours.is_open(now) or agents.tick(now) == []
        assert len(agents._left) <= 8
        assert len(agents._came) <= 3
    signals = agents.look(team("a"), 0, now)
    assert strengths(signals) == ([CLEAR] if said is not CLEAR else [])
