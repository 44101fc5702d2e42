"""Who is called next: callers first, then those who asked, in the order in which they came; news at its pace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.dispatch import CALLS, Demand, Limits, News, Pace, asks_agent_first, next_calls, wanted_elsewhere
from ami_bridge.domain.names import Device, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import Kind, Promise

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
QUIET = News(now=T0)


def owed(name: str, minute: int, kind: Kind = Kind.IN_TURN, chosen: int | None = None) -> Promise:
    return Promise(
        id=PromiseId(name),
        tenant=TenantName("acme"),
        pbx=PbxName("lab"),
        line=LineName("support"),
        kind=kind,
        number=f"+4930{name}",
        origin=name,
        arrived=T0 + timedelta(minutes=minute),
        expires=T0 + timedelta(days=1),
        not_before=T0,
        chosen=None if chosen is None else T0 + timedelta(minutes=chosen),
    )


def picked(*due: Promise, free: int = 1, waiting: int = 0, flying: int = 0, news: News = QUIET) -> list[str]:
    return [promise.id for promise in next_calls(free, waiting, flying, due, Limits(), news)]


def test_who_came_first_is_called_first_and_who_asked_before_who_did_not() -> None:
    due = (
        owed("missed", 1, Kind.MISSED),
        owed("late", 9),
        owed("early", 3),
        owed("chose", 0, Kind.SCHEDULED, chosen=5),
    )
    assert picked(*due, free=9) == ["early", "chose", "late", "missed"]


@pytest.mark.parametrize(
    ("free", "waiting", "flying", "calls"), [(3, 0, 0, 3), (3, 1, 1, 1), (1, 1, 0, 0), (1, 3, 2, 0)]
)
def test_callers_on_the_line_and_calls_under_way_come_off_the_free_agents(
    free: int, waiting: int, flying: int, calls: int
) -> None:
    due = [owed(str(n), n) for n in range(5)]
    assert len(picked(*due, free=free, waiting=waiting, flying=flying)) == calls


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.lists(st.sampled_from(list(Kind)), max_size=30))
def test_no_more_are_called_than_agents_nobody_wants(free: int, waiting: int, flying: int, kinds: list[Kind]) -> None:
    due = [owed(str(n), n, kind) for n, kind in enumerate(kinds)]
    called = [promise for promise in next_calls(free, waiting, flying, due, Limits(), QUIET) if promise.kind in CALLS]
    assert len(called) + waiting + flying <= max(free, waiting + flying)


def test_news_needs_no_agent_and_keeps_its_pace() -> None:
    news = [owed(str(n), n, Kind.RESTORED) for n in range(3)]
    limits = Limits(at_once=2, per_second=4, channels=10)

    def told(**how: object) -> int:
        return len(next_calls(0, 0, 0, news, limits, News(**{"now": T0, **how})))  # type: ignore[arg-type]

    assert told() == 1
    assert told(in_flight=2) == 0
    assert told(channels_in_use=10) == 0
    assert told(begun=T0 - timedelta(seconds=0.2)) == 0
    assert told(begun=T0 - timedelta(seconds=0.25)) == 1
    assert News(now=T0, begun=T0 - timedelta(seconds=0.2)).wait(limits) == timedelta(seconds=0.05)


def test_an_agent_of_two_lines_is_wanted_by_whoever_waits_on_the_other() -> None:
    ann, ben, eve = (Device(f"PJSIP/{n}") for n in (1, 2, 3))
    here = Demand(LineName("a"), frozenset({ann, ben}), 0, 0)
    other = Demand(LineName("b"), frozenset({ben, eve}), 2, 1)
    assert wanted_elsewhere(here, [other]) == 1
    assert wanted_elsewhere(here, [other._replace(agents=frozenset({eve}))]) == 0


def test_lines_that_share_a_trunk_share_its_pace() -> None:
    pace = Pace()
    pace.begin("one", T0)
    assert (pace.begun(["two", "one"]), pace.begun(["two"])) == (T0, None)


def test_an_attempt_says_by_its_name_whom_it_asks_first() -> None:
    assert asks_agent_first("keepline-hold-1")
    assert not asks_agent_first("keepline-0a1b")
    assert not asks_agent_first(None)
