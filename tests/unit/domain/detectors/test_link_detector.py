"""The link to a PBX: lost for long enough it is not watched, which is not the same as down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.domain.detectors.link import Link, LinkLimits
from ami_bridge.domain.names import PbxName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject

PBX = PbxName("pbx-1")
T0 = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


def second(n: float) -> datetime:
    return T0 + timedelta(seconds=n)


def test_a_link_lost_for_the_grace_is_a_suspicion_until_it_is_up_again() -> None:
    link = Link(PBX, LinkLimits())
    assert link.lost("connection closed", second(0)) == []
    assert link.tick(second(29)) == []
    (signal,) = link.tick(second(30))
    assert signal == Signal(
        subject=Subject(Kind.PBX, PBX),
        source=Source.LINK,
        strength=Strength.SUSPECT,
        words="not watched: the link is lost (connection closed)",
    )
    assert link.tick(second(90)) == []
    (again,) = link.regained(second(100))
    assert (again.strength, again.words) == (Strength.CLEAR, "the link is up again")


def test_a_restart_of_asterisk_is_passed_over() -> None:
    link = Link(PBX, LinkLimits())
    for restart in range(20):
        assert link.lost("connection closed", second(60 * restart)) == []
        assert link.tick(second(60 * restart + 25)) == []
        assert link.regained(second(60 * restart + 28)) == []


def test_attempts_that_fail_go_on_one_loss_and_another_reason_is_told_once() -> None:
    link = Link(PBX, LinkLimits())
    reasons = ["connection closed", "connection refused", "connection refused", "login refused", "connection refused"]
    said = [s.words for n, reason in enumerate(reasons) for s in link.lost(reason, second(20 * n))]
    assert said == [
        "not watched: the link is lost (connection refused)",
        "not watched: the link is lost (login refused)",
    ]


def test_an_earlier_runs_word_ends_when_the_link_is_up() -> None:
    link = Link(PBX, LinkLimits())
    link.resume(second(0))
    assert [s.strength for s in link.regained(second(2))] == [Strength.CLEAR]


@given(
    st.lists(st.tuples(st.sampled_from(["lost", "regained", "tick"]), st.integers(0, 40), st.text(max_size=3))),
    st.sampled_from([Strength.HINT, Strength.SUSPECT, Strength.DOWN]),
)
def test_whatever_comes_it_speaks_only_while_the_link_is_lost_for_the_grace(
    steps: list[tuple[str, int, str]], alone: Strength
) -> None:
    link, now, lost_at, said = Link(PBX, LinkLimits(alone=alone)), T0, None, Strength.CLEAR
    for what, seconds, reason in steps:
        now += timedelta(seconds=seconds)
        if what == "lost":
            lost_at = lost_at or now
            signals = link.lost(reason, now)
        elif what == "regained":
            lost_at = None
            signals = link.regained(now)
        else:
            signals = link.tick(now)
        for signal in signals:
            assert (said, signal.strength) != (Strength.CLEAR, Strength.CLEAR)
            said = signal.strength
            assert (said is alone) is (lost_at is not None)
            assert lost_at is None or now - lost_at >= timedelta(seconds=30)
        assert len(link._told) <= 5
    assert [s.strength for s in link.regained(now)] == ([Strength.CLEAR] if said is alone else [])
