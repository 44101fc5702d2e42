"""Phones that ring in vain: a row of rings by several phones; not one quiet agent, one ring group, or an evening."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.detectors.ringing import Ringing, RingingLimits
from ami_bridge.domain.hours import Hours
from ami_bridge.domain.names import Device, LineName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

LINE = LineName("support")
T0 = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
CLEAR, SUSPECT = Strength.CLEAR, Strength.SUSPECT


def second(n: float) -> datetime:
    return T0 + timedelta(seconds=n)


def attended(hours: Hours | None = None) -> Ringing:
    """A line where somebody picked up at second 0."""
    ringing = Ringing(LINE, RingingLimits(), hours)
    assert ringing.picked_up(second(0)) == []
    return ringing


def ring(ringing: Ringing, times: int, begin: int, phones: str, present: int = 0, every: int = 75) -> list[Signal]:
    """`phones` ring one after another, `every` so many seconds."""
    devices = [Device(phone) for phone in phones]
    return [
        signal
        for n in range(times)
        for signal in ringing.rang_out(devices[n % len(devices)], second(begin + n * every), present)
    ]


def test_two_phones_that_ring_again_and_again_are_a_suspicion() -> None:
    ringing = attended()
    assert ring(ringing, 2, 60, "ab", present=4) == []
    (signal,) = ringing.rang_out(Device("a"), second(210), present=4)
    assert signal == Signal(
        subject=Subject(Kind.LINE, LINE),
        source=Source.RINGING,
        strength=SUSPECT,
        words="2 phones rang 3 times in a row and nobody picked up",
    )
    later = ring(ringing, 7, 500, "ab")
    assert [s.words for s in later] == ["2 phones rang 6 times in a row and nobody picked up"]  # twice as many
    (over,) = ringing.picked_up(second(2000))
    assert (over.strength, over.words) == (CLEAR, "an agent picked up")
    assert ring(ringing, 2, 2010, "ab") == []  # a row is broken by a pick up


def test_one_agent_who_has_forgotten_to_pause_is_one_phone() -> None:
    assert ring(attended(), 100, 10, "a", present=3, every=20) == []
    assert ring(attended(), 100, 10, "a", every=20) == []


def test_the_only_phone_there_counts() -> None:
    assert [s.strength for s in ring(attended(), 5, 10, "a", present=1)] == [SUSPECT]


def test_phones_that_ring_together_ring_once() -> None:
    ringing = attended()
    for n in range(2):
        for phone in "abcdefgh":
            assert ringing.rang_out(Device(phone), second(10 + 80 * n), 8) == []


def test_one_impatient_round_of_calls_is_too_short() -> None:
    assert ring(attended(), 6, 10, "abc", every=20) == []  # 100 s


def test_after_everybody_has_gone_home_nothing_is_expected() -> None:
    assert ring(attended(), 40, 7300, "abc") == []
    assert ring(Ringing(LINE, RingingLimits()), 40, 0, "abc") == []
    assert ring(attended(Hours(["mon 08:00-09:01"], UTC)), 40, 70, "abc") == []


def test_rings_hours_apart_are_no_row() -> None:
    assert ring(attended(), 12, 10, "ab", every=1800) == []


def test_it_ends_with_the_opening_hours_or_when_no_phone_rings_any_more() -> None:
    ringing = attended(Hours(["mon 08:00-09:10"], UTC))
    assert [s.strength for s in ring(ringing, 5, 60, "ab")] == [SUSPECT]
    assert ringing.tick(second(599)) == []
    assert [s.words for s in ringing.tick(second(600))] == ["the line has closed"]
    ringing = attended()
    ring(ringing, 6, 60, "ab")
    assert ringing.tick(second(435 + 1799)) == []
    assert [s.words for s in ringing.tick(second(435 + 1800))] == ["no phone has rung in vain for 30 min"]


def test_a_gap_in_sight_breaks_a_row_and_an_earlier_runs_word_ends_with_a_pick_up() -> None:
    ringing = attended()
    ring(ringing, 2, 60, "ab")
    ringing.lost_sight(second(400))
    assert ring(ringing, 2, 435, "ab") == []
    ringing = Ringing(LINE, RingingLimits())
    ringing.resume(second(0))
    assert ringing.tick(second(10)) == []
    assert [s.strength for s in ringing.picked_up(second(20))] == [CLEAR]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from("abcdefpqtz"), st.sampled_from([0, 2, 20, 75, 400, 2000]), st.integers(0, 3)),
        max_size=80,
    )
)
def test_whatever_comes_a_suspicion_needs_a_row_and_a_pick_up_ends_it(steps: list[tuple[str, int, int]]) -> None:
    ringing, now, said, row = Ringing(LINE, RingingLimits()), T0, CLEAR, 0
    for what, seconds, present in steps:
        now += timedelta(seconds=seconds)
        if what in "pq":
            signals, row = ringing.picked_up(now), 0
        elif what == "t":
            signals = ringing.tick(now)
        elif what == "z":
            ringing.lost_sight(now)
            signals = []
        else:
            row += 1
            signals = ringing.rang_out(Device(what), now, present)
        for signal in signals:
            assert (said, signal.strength) != (CLEAR, CLEAR)
            said = signal.strength
            assert said is CLEAR or row >= RingingLimits().row
    assert [s.strength for s in ringing.picked_up(now)] == ([CLEAR] if said is SUSPECT else [])


def test_memory_is_bounded_whatever_rings() -> None:
    ringing = attended()
    for n in range(3000):
        ringing.rang_out(Device(f"PJSIP/{n}"), second(n))
    assert len(ringing._devices) <= 100
