"""Testimonies in, verdicts out: what is believed of one subject, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ami_bridge.domain.signal import Evidence, Source, Strength
from ami_bridge.domain.verdict import Judge, Verdict, VerdictChanged
from tests.unit.domain.courts import CLEAR, DOWN, HINT, HOLD, MAIN, PATIENCE, SUSPECT, T0, VERDICTS, at, says

UP, DOUBTED, OUT, RECOVERING = Verdict.UP, Verdict.SUSPECT, Verdict.DOWN, Verdict.RECOVERING
QUALIFY, CALLS, AUDIO = Source.QUALIFY, Source.CALLS, Source.AUDIO


class Trial:
    """A judge over a trunk, and all that it has said."""

    def __init__(self) -> None:
        self.judge = Judge(MAIN, VERDICTS)
        self.changes: list[VerdictChanged] = []

    def hears(self, seconds: float, source: Source, strength: Strength, words: str = "", by: str = "") -> Trial:
        signal = replace(says(MAIN, source, strength, words), told_by=by)
        self.changes += self.judge.hear(signal, at(seconds))
        return self

    def ticks(self, seconds: float) -> Trial:
        self.changes += self.judge.tick(at(seconds))
        return self

    def fails_and_works(self, seconds: float, strength: Strength = DOWN) -> Trial:
        return self.hears(seconds, QUALIFY, strength).hears(seconds + 1, QUALIFY, CLEAR)

    @property
    def verdict(self) -> Verdict:
        return self.judge.verdict

    @property
    def said(self) -> list[tuple[Verdict, bool]]:
        return [(changed.verdict, changed.firm) for changed in self.changes]


def test_one_that_is_sure_condemns_at_once() -> None:
    trial = Trial().hears(5, QUALIFY, DOWN)
    [changed] = trial.changes
    assert (changed.verdict, changed.bad, changed.since, changed.sources) == (OUT, True, at(5), frozenset({QUALIFY}))
    assert changed.news == (Evidence(at=at(5), source=QUALIFY, words="qualify DOWN", about=MAIN),)


def test_two_that_suspect_corroborate_each_other() -> None:
    trial = Trial().hears(0, QUALIFY, SUSPECT).hears(1, CALLS, SUSPECT)
    assert trial.said == [(OUT, False)]
    assert trial.changes[0].sources == {QUALIFY, CALLS}


def test_two_opinions_of_one_source_are_one_and_each_clears_itself() -> None:
    trial = Trial().hears(0, Source.WEBHOOK, SUSPECT, by="a").hears(1, Source.WEBHOOK, SUSPECT, by="b")
    assert trial.verdict is DOUBTED
    trial.hears(2, Source.WEBHOOK, CLEAR, by="a")
    assert trial.verdict is DOUBTED
    assert trial.hears(3, Source.WEBHOOK, CLEAR, by="b").verdict is UP


def test_hints_make_no_suspicion_and_strengthen_one() -> None:
    trial = Trial().hears(0, QUALIFY, HINT).hears(0, CALLS, HINT).hears(0, AUDIO, HINT).ticks(10 * PATIENCE)
    assert trial.said == []
    assert not trial.judge.bad
    trial.hears(400, AUDIO, SUSPECT)
    assert trial.said == [(OUT, False)]
    assert trial.changes[0].sources == {AUDIO}


def test_a_suspicion_has_to_last() -> None:
    trial = Trial().hears(0, QUALIFY, SUSPECT, "lost").ticks(PATIENCE - 1)
    assert trial.said == []
    trial.ticks(PATIENCE)
    assert trial.said == [(DOUBTED, True)]
    assert trial.changes[0].since == T0
    assert [evidence.words for evidence in trial.changes[0].news] == ["lost"]
    assert trial.ticks(10 * PATIENCE).said == [(DOUBTED, True)]


def test_what_was_seen_before_the_verdict_is_told_with_it() -> None:
    trial = Trial().hears(0, CALLS, HINT, "one call failed").hears(1, CALLS, SUSPECT, "two did").hears(2, QUALIFY, DOWN)
    assert [evidence.words for evidence in trial.changes[0].news] == ["one call failed", "two did", "qualify DOWN"]
    trial.hears(3, CALLS, SUSPECT, "many did")
    assert [evidence.words for evidence in trial.changes[1].news] == ["many did"]


def test_a_hint_that_went_long_ago_is_no_part_of_what_comes() -> None:
    trial = Trial().fails_and_works(0, HINT).hears(5000, QUALIFY, DOWN)
    assert [evidence.words for evidence in trial.changes[-1].news] == ["qualify DOWN"]


def test_a_suspicion_that_passes_is_nobodys_business() -> None:
    trial = Trial().fails_and_works(0, SUSPECT).ticks(100)
    assert not any(changed.bad for changed in trial.changes)
    assert (trial.verdict, list(trial.judge.evidence), trial.judge.quiet) == (UP, [], True)


@pytest.mark.parametrize("strength", [SUSPECT, DOWN])
def test_a_return_has_to_hold(strength: Strength) -> None:
    trial = Trial().hears(0, QUALIFY, strength).ticks(PATIENCE).hears(100, QUALIFY, CLEAR)
    assert (trial.verdict, trial.changes[-1].bad, trial.changes[-1].sources) == (RECOVERING, False, frozenset())
    assert trial.ticks(100 + HOLD - 1).verdict is RECOVERING
    assert trial.ticks(100 + HOLD).verdict is UP


@pytest.mark.parametrize(("strength", "again"), [(SUSPECT, (DOUBTED, True)), (DOWN, (OUT, False))])
def test_a_relapse_during_the_hold_counts_at_once(strength: Strength, again: tuple[Verdict, bool]) -> None:
    trial = Trial().hears(0, QUALIFY, strength).ticks(PATIENCE).hears(100, QUALIFY, CLEAR)
    assert trial.hears(110, QUALIFY, SUSPECT).said[-1] == again


@pytest.mark.parametrize("strength", [SUSPECT, DOWN])
def test_each_relapse_doubles_the_hold(strength: Strength) -> None:
    trial, now = Trial(), 0.0
    trial.hears(now, QUALIFY, strength).ticks(now + PATIENCE)
    for relapse in range(5):
        now += 100
        hold = HOLD * 2**relapse
        trial.hears(now, QUALIFY, CLEAR).ticks(now + hold - 1)
        assert trial.verdict is RECOVERING
        trial.hears(now + hold - 1, QUALIFY, strength)
        assert trial.judge.bad


def test_relapses_of_more_than_an_hour_ago_count_no_more() -> None:
    trial = Trial().fails_and_works(0).fails_and_works(5).fails_and_works(10)
    assert trial.ticks(11 + 4 * HOLD - 1).verdict is RECOVERING
    assert trial.ticks(11 + 4 * HOLD).verdict is UP
    later = VERDICTS.flap_window.total_seconds() + 60
    assert trial.fails_and_works(later).ticks(later + 1 + HOLD).verdict is UP


def test_the_hold_does_not_grow_for_ever() -> None:
    trial = Trial()
    for n in range(40):
        trial.fails_and_works(2 * n)
    longest = VERDICTS.hold_at_most.total_seconds()
    assert trial.ticks(79 + longest - 1).verdict is RECOVERING
    assert trial.ticks(79 + longest).verdict is UP


def test_what_was_down_is_down_while_anybody_suspects_it() -> None:
    trial = Trial().hears(0, QUALIFY, SUSPECT).hears(0, CALLS, SUSPECT).hears(9, CALLS, CLEAR)
    assert trial.verdict is OUT
    assert trial.changes[-1].sources == {QUALIFY}


def test_nothing_has_lasted_that_nobody_could_see() -> None:
    doubted = Trial().hears(0, QUALIFY, SUSPECT)
    doubted.judge.not_seen(at(1000))
    assert doubted.ticks(1000 + PATIENCE - 1).said == []
    assert doubted.ticks(1000 + PATIENCE).said == [(DOUBTED, True)]
    better = Trial().fails_and_works(0)
    better.judge.not_seen(at(1000))
    assert better.ticks(1000 + HOLD - 1).verdict is RECOVERING
    assert better.ticks(1000 + HOLD).verdict is UP


def test_what_is_pardoned_is_passed_over_until_it_was_good_once() -> None:
    trial = Trial().hears(0, QUALIFY, DOWN)
    trial.judge.pardon()
    assert (trial.verdict, trial.judge.sources()) == (UP, frozenset())
    before = len(trial.changes)
    trial.hears(1, QUALIFY, SUSPECT).hears(2, QUALIFY, DOWN, "and worse").ticks(1000).hears(1001, QUALIFY, CLEAR)
    assert trial.changes[before:] == []
    assert trial.hears(1002, QUALIFY, DOWN).said[before:] == [(OUT, False)]


def test_a_pardon_is_for_who_had_spoken() -> None:
    trial = Trial().hears(0, QUALIFY, DOWN)
    trial.judge.pardon()
    assert trial.hears(1, CALLS, DOWN).verdict is OUT


# ---- after a restart


def resumed(verdict: Verdict, *sources: Source) -> Trial:
    trial = Trial()
    trial.judge.resume([Evidence(at=T0, source=QUALIFY, words="unreachable")], T0, verdict, sources)
    return trial


@pytest.mark.parametrize("verdict", [DOUBTED, OUT])
def test_what_an_earlier_run_saw_stands_until_all_who_saw_it_have_spoken(verdict: Verdict) -> None:
    trial = resumed(verdict, QUALIFY, CALLS).ticks(10 * PATIENCE)
    assert (trial.verdict, trial.judge.bad, trial.changes) == (verdict, True, [])
    assert trial.hears(400, QUALIFY, CLEAR).verdict is verdict
    assert trial.hears(401, CALLS, CLEAR).verdict is RECOVERING


def test_two_of_an_earlier_run_who_only_suspected_do_not_condemn() -> None:
    trial = resumed(DOUBTED, QUALIFY, CALLS).hears(1, QUALIFY, SUSPECT)
    assert (trial.verdict, trial.judge.sources()) == (DOUBTED, frozenset({QUALIFY, CALLS}))
    assert trial.hears(2, CALLS, SUSPECT).verdict is OUT


def test_what_recovered_goes_on_to() -> None:
    trial = resumed(RECOVERING).ticks(60)
    assert trial.verdict is RECOVERING
    assert trial.ticks(60 + HOLD).verdict is UP
    assert resumed(RECOVERING).hears(60, QUALIFY, SUSPECT).verdict is OUT


def test_an_earlier_runs_word_can_be_pardoned_too() -> None:
    trial = resumed(OUT, QUALIFY)
    trial.judge.pardon()
    assert trial.hears(1, QUALIFY, DOWN).verdict is UP
    assert trial.judge.stated(at(2)).since == at(2)
    assert trial.judge.tick(at(2) + timedelta(days=1)) == []
