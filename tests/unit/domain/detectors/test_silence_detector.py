"""No calls in where there always are: an outage in working hours, and no holiday, closing, night or quiet trunk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from ami_bridge.domain.baseline import Rhythm
from ami_bridge.domain.detectors.silence import Silence, SilenceLimits
from ami_bridge.domain.names import TrunkName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

BERLIN = ZoneInfo("Europe/Berlin")
TRUNK = TrunkName("carrier-a")
MONDAY = datetime(2026, 1, 5, tzinfo=BERLIN)
LEARNT = MONDAY + timedelta(weeks=4)  # the first day of trials
CLEAR, HINT, SUSPECT, DOWN = Strength.CLEAR, Strength.HINT, Strength.SUSPECT, Strength.DOWN


class Trunk:
    """A trunk with `calls` in an hour from 8 to 18 on working days, half as many out, after four weeks of learning."""

    def __init__(
        self, calls: int, *, out: int | None = None, limits: SilenceLimits | None = None, weeks: int = 4
    ) -> None:
        self.calls, self.out = calls, calls // 2 if out is None else out
        rhythm_in, rhythm_out = Rhythm(BERLIN), Rhythm(BERLIN)
        begin = LEARNT - timedelta(weeks=weeks)
        now = begin.astimezone(UTC)
        while now < LEARNT.astimezone(UTC):
            rhythm_in.count(now, self.calls if busy(now) else 0)
            rhythm_out.count(now, self.out if busy(now) else 0)
            now += timedelta(hours=1)
        self.rhythm = rhythm_in
        self.silence = Silence(TRUNK, limits or SilenceLimits(), rhythm_in, rhythm_out)
        self.now = LEARNT.astimezone(UTC)
        self.random = Random(11)

    def live(self, until: datetime, *, calls: float = 1.0, out: float = 1.0) -> list[tuple[datetime, Signal]]:
        """Let time pass with these shares of the normal calls, at random; return what was said, in local time."""
        said: list[tuple[datetime, Signal]] = []
        while self.now < until.astimezone(UTC):
            open_ = busy(self.now)
            heard: list[Signal] = []
            if open_ and self.random.random() < calls * self.calls / 240:
                heard += self.silence.arrived(self.now)
            if open_ and self.random.random() < out * self.out / 240:
                heard += self.silence.went_out(self.now)
            heard += self.silence.tick(self.now)
            said += [(self.now.astimezone(BERLIN), signal) for signal in heard]
            self.now += timedelta(seconds=15)
        return said


def busy(now: datetime) -> bool:
    local = now.astimezone(BERLIN)
    return local.weekday() < 5 and 8 <= local.hour < 18


def at(hour: float, day: int = 0) -> datetime:
    return LEARNT + timedelta(days=day, hours=hour)


def strengths(said: Sequence[tuple[datetime, Signal]]) -> list[Strength]:
    return [signal.strength for _, signal in said]


def test_a_trunk_gone_silent_in_office_hours_is_suspected_and_then_down_until_a_call_comes() -> None:
    trunk = Trunk(20)
    assert trunk.live(at(10)) == []
    said = trunk.live(at(13), calls=0)
    assert strengths(said)[:2] == [SUSPECT, DOWN]
    assert said[0][0] < at(11.2)
    assert said[1][0] < at(11.6)
    first = said[0][1]
    assert first.subject == Subject(Kind.TRUNK, TRUNK)
    assert first.source is Source.SILENCE
    assert first.words.startswith("no calls in for ")
    (back,) = trunk.silence.arrived(trunk.now)
    assert (back.strength, back.words) == (CLEAR, "calls come in again")
    assert trunk.silence.arrived(trunk.now) == []


@pytest.mark.parametrize(("calls", "suspected", "down"), [(10, 120, 160), (40, 32, 42), (200, 15, 20)])
def test_the_busier_the_sooner(calls: int, suspected: int, down: int) -> None:
    trunk = Trunk(calls)
    trunk.live(at(10))
    begun = {signal.strength: when - at(10) for when, signal in reversed(trunk.live(at(16), calls=0))}
    assert begun[SUSPECT] <= timedelta(minutes=suspected)
    assert begun[DOWN] <= timedelta(minutes=down)


def test_words_are_renewed_when_twice_as_much_is_missing() -> None:
    trunk = Trunk(40)
    trunk.live(at(10))
    said = trunk.live(at(16), calls=0)
    assert strengths(said) == [SUSPECT, DOWN, DOWN, DOWN, DOWN]
    assert len({signal.words for _, signal in said}) == len(said)


def test_years_of_ordinary_days_say_nothing() -> None:
    trunk = Trunk(20)
    assert trunk.live(at(0, day=60)) == []


def test_a_holiday_without_calls_is_no_outage() -> None:
    trunk = Trunk(40)
    trunk.live(at(0, day=1))
    assert trunk.live(at(0, day=2), calls=0, out=0) == []
    assert trunk.live(at(0, day=3)) == []


def test_three_weeks_of_closing_with_somebody_at_work_are_no_outage() -> None:
    trunk = Trunk(40)
    trunk.live(at(0, day=1))
    assert trunk.live(at(0, day=22), calls=0, out=0.2) == []
    assert trunk.live(at(12, day=22)) == []
    assert SUSPECT in strengths(trunk.live(at(15, day=22), calls=0))  # and what is normal has not been forgotten


def test_going_home_at_noon_is_only_a_hint() -> None:
    trunk = Trunk(40)
    trunk.live(at(12))
    assert set(strengths(trunk.live(at(24), calls=0, out=0))) == {HINT}


def test_fewer_calls_out_leave_it_at_a_suspicion() -> None:
    trunk = Trunk(40)
    trunk.live(at(12))
    said = trunk.live(at(16), calls=0, out=0.35)
    assert DOWN not in strengths(said)
    assert "fewer than normal" in said[-1][1].words


def test_a_trunk_nobody_calls_out_over_needs_no_calls_out() -> None:
    trunk = Trunk(40, out=0)
    trunk.live(at(12))
    assert DOWN in strengths(trunk.live(at(14), calls=0, out=0))


def test_silent_since_before_work_is_suspected_while_people_call_out_as_usual() -> None:
    trunk = Trunk(40)
    said = trunk.live(at(12), calls=0)
    assert set(strengths(said)) == {SUSPECT}
    assert "calls out go on" in said[0][1].words


def test_in_the_first_week_only_calls_out_that_go_on_speak_against_a_trunk() -> None:
    """Four working days are known, and it is Friday: it may be one that ends at noon."""
    for out, expected in ((0.0, set()), (1.0, {SUSPECT})):
        trunk = Trunk(40, weeks=0)
        trunk.live(at(12, day=4))
        assert set(strengths(trunk.live(at(16, day=4), calls=0, out=out))) == expected


def test_after_lost_sight_the_silence_begins_anew_and_the_hour_is_not_learnt() -> None:
    trunk = Trunk(20)
    trunk.live(at(10))
    trunk.live(at(10.6), calls=0)
    trunk.silence.lost_sight(trunk.now)
    learnt = trunk.rhythm.learnt
    assert trunk.live(at(11), calls=0) == []
    trunk.rhythm.close(at(11).astimezone(UTC))
    assert trunk.rhythm.learnt == learnt


def test_time_that_nobody_looked_at_proves_nothing() -> None:
    trunk = Trunk(40)
    trunk.live(at(10))
    trunk.now += timedelta(hours=4)
    assert trunk.silence.tick(trunk.now) == []


def test_hours_of_an_outage_are_not_learnt() -> None:
    trunk = Trunk(40)
    trunk.live(at(10))
    trunk.live(at(11), calls=0)
    learnt = trunk.rhythm.learnt
    trunk.live(at(16), calls=0)
    assert trunk.rhythm.learnt == learnt


def test_a_silence_of_more_than_a_day_is_a_change_of_habits() -> None:
    trunk = Trunk(40)
    trunk.live(at(10))
    said = trunk.live(at(0, day=5), calls=0)
    assert said[-1][1].strength is CLEAR
    assert strengths(said).count(CLEAR) == 1
    assert timedelta(days=1) <= said[-1][0] - at(10) < timedelta(days=1, minutes=10)


def test_it_says_no_more_than_it_may() -> None:
    trunk = Trunk(40, limits=SilenceLimits(alone=SUSPECT))
    trunk.live(at(10))
    assert set(strengths(trunk.live(at(16), calls=0))) == {SUSPECT}
    off = Trunk(40, limits=SilenceLimits(enabled=False))
    off.live(at(10))
    assert off.live(at(16), calls=0) == []


def test_what_an_earlier_run_said_is_taken_back_by_a_call() -> None:
    trunk = Trunk(40)
    trunk.live(at(9))
    trunk.silence.resume(trunk.now)
    assert trunk.silence.tick(trunk.now + timedelta(minutes=2)) == []
    (back,) = trunk.silence.arrived(trunk.now + timedelta(minutes=3))
    assert back.strength is CLEAR


@pytest.mark.parametrize("limits", [{"odds": 1}, {"odds": 100, "odds_down": 99}, {"sound": 0.0}, {"sound": 1.1}])
def test_limits_that_make_no_sense_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="silence"):
        SilenceLimits(**limits)  # type: ignore[arg-type]
