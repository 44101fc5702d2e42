"""Simulated traffic is what it says it is: the same for a seed, as much as stated, and told as Asterisk tells it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from statistics import mean, variance
from zoneinfo import ZoneInfo

import pytest

from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.effects import Effect, PushLine
from ami_bridge.domain.names import LineName
from ami_bridge.domain.tracker import Tracker
from benchmarks.simulator import traffic
from benchmarks.simulator.calendar import DAY, EPOCH, HOUR, WEEK, at_local, company_closed, moment, national_holidays
from benchmarks.simulator.engine import Engine
from benchmarks.simulator.run import Order, Simulation
from benchmarks.simulator.topology import EVERYDAY as SIZES
from benchmarks.simulator.topology import TenantPlan, Traffic, plan, settings_of
from tests.unit.simulator.listening import Listener

BERLIN = ZoneInfo("Europe/Berlin")


def listened(weeks: float, *, seed: int = 3, tenants: int = 4, kinds: tuple[str, ...] = ()) -> Listener:
    listener = Listener()
    Simulation(Order(seed=seed, number=0, tenants=tenants, weeks=weeks, kinds=kinds), listener).run()
    return listener


def tenant(kind: Traffic, *, office: bool = True) -> TenantPlan:
    some = plan(1, 0, 1, SIZES).tenants[0]
    return replace(some, traffic=kind, office=office, zone=BERLIN, callers=10.0, calls_out=5.0)


def series(kind: Traffic, *, office: bool = True) -> traffic.Series:
    return traffic.Series(tenant(kind, office=office), random.Random(1))


def test_a_seed_gives_the_same_again_and_another_seed_something_else() -> None:
    one, same, other = listened(0.3), listened(0.3), listened(0.3, seed=4)
    assert one.told == same.told
    assert one.ticks == same.ticks
    assert one.told != other.told


def test_time_never_goes_back_and_no_quarter_of_an_hour_passes_without_a_tick() -> None:
    listener = listened(0.5)
    times = [at for at, _event in listener.told]
    assert times == sorted(times)
    assert listener.ticks == sorted(listener.ticks)
    gaps = [
        (later - earlier).total_seconds() for earlier, later in zip(listener.ticks, listener.ticks[1:], strict=False)
    ]
    assert max(gaps) < 15 * 60


def test_an_office_has_its_callers_by_day_and_hardly_any_at_night() -> None:
    monday = EPOCH.date()
    busiest, night = at_local(monday, 9, BERLIN), at_local(monday, 3, BERLIN)
    normal = series(Traffic.NORMAL)
    assert normal.hour(busiest) == (10.0, 5.0)
    assert normal.hour(night) == pytest.approx((0.1, 0.05))
    clock = series(Traffic.NORMAL, office=False)
    assert clock.hour(night)[0] > 0.5


def test_office_hours_stay_on_the_wall_when_the_clocks_change() -> None:
    normal = tenant(Traffic.NORMAL)
    for day in (date(2025, 3, 28), date(2025, 3, 31), date(2025, 10, 24), date(2025, 10, 27)):
        assert not traffic.is_open(normal, at_local(day, 7.9, BERLIN))
        assert traffic.is_open(normal, at_local(day, 8.1, BERLIN))


def test_the_calls_that_come_are_as_many_as_the_rates_say() -> None:
    simulation = Simulation(Order(seed=5, number=0, tenants=4, weeks=4), listener := Listener())
    simulation.run()
    begun = [e for _at, e in listener.told if isinstance(e, ev.ChannelCreated) and e.uniqueid == e.linkedid]
    callers = sum("carrier" in e.name or "spare" in e.name for e in begun)
    fresh = [
        traffic.Series(t, s.dice) for t, s in zip(simulation.world.plan.tenants, simulation.world.series, strict=True)
    ]
    due = sum(one.hour(hour * HOUR)[0] for one in fresh for hour in range(4 * 168))
    assert callers == pytest.approx(due, rel=0.15)


def test_growing_traffic_grows_by_two_percent_a_week() -> None:
    growing = series(Traffic.GROWING)
    nine = at_local(EPOCH.date(), 9, BERLIN)
    first, later = growing.hour(nine)[0], growing.hour(nine + 10 * WEEK)[0]
    assert later / first == pytest.approx(1.02**10)


def test_bursty_traffic_varies_more_than_chance() -> None:
    dice, bursty = random.Random(2), series(Traffic.BURSTY)
    nine = at_local(EPOCH.date(), 9, BERLIN)
    counts = [traffic.poisson(dice, bursty.hour(nine + week * WEEK)[0]) for week in range(400)]
    plain = [traffic.poisson(dice, 10.0) for _ in range(400)]
    assert variance(plain) / mean(plain) < 1.5
    assert variance(counts) / mean(counts) > 2.5


def test_holidays_are_quiet_for_those_who_keep_them() -> None:
    assert date(2025, 4, 18) in national_holidays(2025)  # Good Friday
    assert date(2025, 5, 29) in national_holidays(2025)  # Ascension
    assert company_closed(date(2025, 12, 29), 30)
    at = at_local(date(2025, 4, 18), 10, BERLIN)
    assert series(Traffic.HOLIDAY).hour(at)[0] == pytest.approx(0.1)
    assert series(Traffic.NORMAL).hour(at)[0] == 10.0
    assert not traffic.is_open(tenant(Traffic.HOLIDAY), at)


def test_poisson_has_its_mean_small_and_large() -> None:
    dice = random.Random(1)
    for wanted in (0.3, 5.0, 200.0):
        assert mean(traffic.poisson(dice, wanted) for _ in range(3000)) == pytest.approx(wanted, rel=0.08)


def test_every_call_is_a_legal_life_to_the_tracker() -> None:
    """Whoever was created is hung up, once; calls reach people, and nothing is remembered when all are over."""
    listener, tracker = listened(1.3, tenants=3), Tracker()
    made, gone, facts = Counter[str](), Counter[str](), Counter[type]()
    answered = 0
    for at, event in listener.told:
        if isinstance(event, tuple | str):
            continue
        if isinstance(event, ev.ChannelCreated):
            made[event.uniqueid] += 1
        elif isinstance(event, ev.ChannelHungUp):
            gone[event.uniqueid] += 1
        for fact in tracker.feed(event, at):  # type: ignore[arg-type]
            facts[type(fact)] += 1
            answered += isinstance(fact, fa.CallEnded) and fact.answered
    assert max(made.values()) == max(gone.values()) == 1
    left = made - gone
    assert len(left) <= len(tracker.channels) + 2
    assert len(tracker.channels) < 20  # only those still talking at the end
    assert facts[fa.CallStarted] > 100
    assert answered / facts[fa.CallEnded] > 0.6


def test_a_snapshot_is_what_the_events_would_have_led_to() -> None:
    """A tracker that was fed everything and one that only saw the snapshot know the same calls."""
    listener = Listener()
    simulation = Simulation(Order(seed=5, number=0, tenants=4, weeks=0.1), listener)
    simulation.run()
    fed, taken, most = Tracker(), 0, 0
    for step in range(60):
        simulation.engine.run(DAY + 8 * HOUR + step * 600)
        for at, event in listener.told[taken:]:
            if isinstance(event, tuple):
                fed.resync(event, at)
            elif not isinstance(event, str):
                fed.feed(event, at)  # type: ignore[arg-type]
        taken, seen = len(listener.told), Tracker()
        seen.resync(simulation.world.snapshot(), moment(simulation.engine.now))
        live = {uniqueid for call in simulation.world.live.values() for uniqueid in call.channels}
        assert fed.channels.keys() == seen.channels.keys() == live
        most = max(most, len(live))
    assert most >= 4


def test_the_settings_are_those_of_a_real_house() -> None:
    house = plan(1, 2, 4, SIZES)
    settings = settings_of(house)
    assert settings.announcement.suspected == "announce"
    assert {trunk.name for trunk in settings.pbx[0].trunk} == set(house.trunks)
    assert {line.name for line in settings.line} == {line.name for t in house.tenants for line in t.lines}
    assert datetime(2025, 1, 6, tzinfo=UTC) == EPOCH
    assert EPOCH.weekday() == 0


def test_what_a_tick_brings_about_happens_before_what_was_next() -> None:
    class Asks(Listener):
        def tick(self, now: datetime) -> list[Effect]:
            super().tick(now)
            return [PushLine(LineName("support"))] if len(self.ticks) == 2 else []

    done: list[float] = []

    def perform(_effect: Effect, _now: float) -> None:
        engine.after(0.5, lambda: done.append(engine.now))

    engine = Engine(Asks(), perform)
    engine.at(HOUR, lambda: done.append(engine.now))
    engine.run(DAY)
    assert len(done) == 2
    assert done[0] < done[1] == HOUR
