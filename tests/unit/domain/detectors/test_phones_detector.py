"""A site's phones: gone together is an outage; evenings, lunch, a firmware's restarts and unknown phones are not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.domain.detectors.phones import Phones, PhonesLimits
from ami_bridge.domain.hours import Hours
from ami_bridge.domain.names import Device, SiteName
from ami_bridge.domain.signal import Kind, Source, Strength, Subject

SITE = SiteName("north")
T0 = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)  # a Monday
CLEAR, HINT, SUSPECT, DOWN = Strength.CLEAR, Strength.HINT, Strength.SUSPECT, Strength.DOWN
TEN = [Device(f"PJSIP/{n}") for n in range(101, 111)]
Said = list[tuple[Strength, float]]


def second(n: float) -> datetime:
    return T0 + timedelta(seconds=n)


def site(devices: Iterable[Device] = TEN, hours: Hours | None = None) -> Phones:
    """A site whose phones have all been seen."""
    devices = list(devices)
    phones = Phones(SITE, PhonesLimits(), devices, hours)
    assert [s for device in devices for s in phones.observe(device, True, second(-3600))] == []
    return phones


def office() -> Hours:
    return Hours(["mon-fri 08:00-18:00"], UTC)


def play(phones: Phones, moves: Iterable[tuple[float, Device, bool]], end: float) -> Said:
    """What is said while phones go (False) and come (True) at their seconds, ticking every 2 s until `end`."""
    said: Said = []
    pending = sorted(moves)
    for tick in range(0, int(end) + 1, 2):
        while pending and pending[0][0] <= tick:
            when, device, present = pending.pop(0)
            said += [(s.strength, when) for s in phones.observe(device, present, second(when))]
        said += [(s.strength, tick) for s in phones.tick(second(tick))]
    return said


def test_phones_gone_within_a_round_of_qualifies_are_a_suspicion_and_then_down() -> None:
    phones = site(hours=office())
    gone = [(6.0 * n, device, False) for n, device in enumerate(TEN)]
    assert play(phones, gone, 200) == [(SUSPECT, 30), (DOWN, 90)]  # the sixth of ten, and a minute after
    said = [s for device in TEN[:5] for s in phones.observe(device, True, second(300))]
    assert [(s.strength, s.words) for s in said] == [(CLEAR, "5 of the 10 phones that were gone are back")]


def test_the_words_say_how_many_and_of_which_site() -> None:
    phones = site(hours=office())
    (doubt,) = [s for device in TEN[:6] for s in phones.observe(device, False, second(0))]
    assert (doubt.subject, doubt.source) == (Subject(Kind.SITE, SITE), Source.PHONES)
    assert doubt.words == "6 of 10 phones went at once"
    assert [s.words for s in phones.tick(second(60))] == ["6 of 10 phones went at once and stay away"]


def test_a_firmware_update_at_night_is_over_within_the_time_for_restarts() -> None:
    night = 17 * 3600  # 02:00
    moves = [(night + 3.0 * n, device, False) for n, device in enumerate(TEN)]
    moves += [(night + 150 + 3.0 * n, device, True) for n, device in enumerate(TEN)]
    assert [s for s, _ in play(site(hours=office()), moves, night + 600)] == [HINT, CLEAR]
    moves = [(when - night, device, present) for when, device, present in moves]
    assert [s for s, _ in play(site(), moves, 600)] == [HINT, CLEAR]  # nor where nobody knows the hours


def test_an_outage_at_night_is_told_after_the_time_for_restarts() -> None:
    moves = [(0.0, device, False) for device in TEN]
    assert play(site(), moves, 400) == [(HINT, 0), (DOWN, 240)]


@pytest.mark.parametrize("gap", [20, 40, 60, 120, 300])
def test_phones_switched_off_one_by_one_in_the_evening_are_no_outage(gap: int) -> None:
    moves = [(float(gap * n), device, False) for n, device in enumerate(TEN)]
    assert play(site(hours=office()), moves, gap * 10 + 1000) == []


def test_the_last_ones_who_leave_together_are_no_outage() -> None:
    moves = [(60.0 * n, device, False) for n, device in enumerate(TEN[:7])]
    moves += [(400.0 + n, device, False) for n, device in enumerate(TEN[7:])]
    assert play(site(hours=office()), moves, 1500) == []


def test_a_site_that_is_cut_while_some_are_at_lunch_is_seen() -> None:
    devices = [Device(f"PJSIP/{n}") for n in range(40)]
    moves = [(60.0 * n, device, False) for n, device in enumerate(devices[:12])]
    moves += [(800.0 + 2 * n, device, False) for n, device in enumerate(devices[12:])]
    assert [s for s, _ in play(site(devices, office()), moves, 1000)] == [SUSPECT, DOWN]


def test_too_few_phones_tell_nothing() -> None:
    assert play(site(TEN[:2], office()), [(0.0, device, False) for device in TEN[:2]], 600) == []
    assert [s for s, _ in play(site(TEN[:3], office()), [(0.0, d, False) for d in TEN[:3]], 600)] == [SUSPECT, DOWN]


def test_less_than_the_share_tells_nothing() -> None:
    assert play(site(hours=office()), [(0.0, device, False) for device in TEN[:5]], 600) == []


def test_a_phone_that_comes_and_goes_is_one_phone() -> None:
    moves = [(float(n), TEN[0], bool(n % 2)) for n in range(500)]
    phones = site(hours=office())
    assert play(phones, moves, 600) == []
    assert len(phones._left) <= 1


def test_what_has_not_been_seen_cannot_go() -> None:
    phones = Phones(SITE, PhonesLimits(), TEN, office())
    assert [s for device in TEN for s in phones.observe(device, False, second(0))] == []
    assert phones.observe(Device("PJSIP/999"), True, second(1)) == []
    phones = site(hours=office())
    phones.lost_sight(second(0))
    assert [s for device in TEN for s in phones.observe(device, False, second(5))] == []
    assert phones.tick(second(900)) == []


def test_what_is_down_stays_so_over_a_gap_and_a_restart_until_phones_are_back() -> None:
    phones = site(hours=office())
    play(phones, [(0.0, device, False) for device in TEN], 100)
    phones.lost_sight(second(101))
    assert [s for device in TEN for s in phones.observe(device, False, second(110))] == []
    assert [s.strength for d in TEN[:5] for s in phones.observe(d, True, second(120))] == [CLEAR]
    phones = Phones(SITE, PhonesLimits(), TEN, office())
    phones.resume(second(0))
    assert [s for device in TEN for s in phones.observe(device, False, second(1))] == []
    assert [s.strength for d in TEN[:6] for s in phones.observe(d, True, second(120))] == [CLEAR]


@settings(max_examples=200)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 12), st.booleans(), st.sampled_from([0, 0, 0, 1, 5, 30, 90, 400]), st.just(False))
        | st.tuples(st.integers(0, 12), st.booleans(), st.just(1), st.sampled_from([True, False, False, False])),
        max_size=120,
    ),
    with_hours=st.booleans(),
)
def test_whatever_comes_down_means_that_most_are_away_and_have_been_for_long_enough(
    steps: list[tuple[int, bool, int, bool]], with_hours: bool
) -> None:
    phones, now, said = site(hours=office() if with_hours else None), T0, CLEAR
    away: dict[Device, datetime] = {}
    doubted = T0
    for which, present, seconds, blind in steps:
        device = Device(f"PJSIP/{101 + which}")
        if blind:
            phones.lost_sight(now)
        if present:
            away.pop(device, None)
        elif device in TEN:
            away.setdefault(device, now)
        signals = phones.observe(device, present, now)
        now += timedelta(seconds=seconds)
        signals += phones.tick(now)
        for signal in signals:
            assert signal.strength is not said
            if said is CLEAR:
                doubted = now - timedelta(seconds=seconds)
            said = signal.strength
            if said is DOWN:
                assert now - doubted >= timedelta(seconds=60 if with_hours else 240)
                assert len(away) >= 2  # of three gone, fewer than half are back
        assert len(phones._left) <= 10
        assert len(phones._gone) <= 10
    back = [s for device in TEN for s in phones.observe(device, True, now)]
    assert [s.strength for s in back] == ([CLEAR] if said is not CLEAR else [])
