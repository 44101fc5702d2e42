"""A callback's whole cycle with a crash right before and right after every single store commit and AMI action.

The real runner, desk and store against a model PBX that goes on living (tests/model). After the crash a new companion
starts on the same store and PBX and goes on to the end: nothing owed is lost, nobody is dialled twice, and the ledger
says what the PBX saw.
"""

from __future__ import annotations

import pytest

from tests.model.account import Figures
from tests.model.cycle import STORIES, Story, Victim, different, play

by_name = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)


@by_name
def test_without_a_crash_each_story_ends_as_it_should(story: Story) -> None:
    outcome = play(story)
    assert (outcome.state, outcome.figures.all) == (story.ends, [])


@pytest.mark.parametrize("victim", Victim, ids=lambda victim: victim.name.lower())
@by_name
def test_a_crash_at_any_step_loses_nothing_and_dials_nobody_twice(story: Story, victim: Victim) -> None:
    figures, ends = Figures(), set()
    moments = different(play(story).moments)
    for moment in moments:
        outcome = play(story, moment, victim)
        ends.add(outcome.state)
        when = f"{victim.value} {'after' if moment.after else 'before'} step {moment.step} ({moment.what})"
        figures.add(outcome.figures, when)
    print(f"{story.name}: {len(moments)} moments", *figures.lines(), sep="\n")  # noqa: T201 - what this test is for
    assert figures.all == []
    assert ends == {story.ends}
