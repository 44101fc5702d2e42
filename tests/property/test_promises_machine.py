"""A callback's whole cycle with a crash right before and right after every single store commit and AMI action.

The real runner, desk and store against a model PBX that goes on living (tests/model). After the crash a new companion
starts on the same store and PBX and goes on to the end: nothing owed is lost, nobody is dialled twice, and the ledger
says what the PBX saw.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model.account import Figures
from tests.model.cycle import STORIES, Blow, Story, Victim, different, play
from tests.model.lives import Moment

by_name = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)


@by_name
def test_without_a_crash_each_story_ends_as_it_should(story: Story) -> None:
    outcome = play(story)
    assert (outcome.state, outcome.figures.all) == (story.ends, [])


def struck(story: Story, victim: Victim, moments: Iterable[Moment]) -> None:
    """`story`, with `victim` struck at each of `moments` in turn."""
    figures, ends, played = Figures(), set(), 0
    for moment in moments:
        outcome = play(story, moment, victim)
        ends.add(outcome.state)
        played += 1
        when = f"{victim.value} {'after' if moment.after else 'before'} step {moment.step} ({moment.what})"
        figures.add(outcome.figures, when)
    print(f"{story.name}: {played} crashes", *figures.lines(), sep="\n")  # noqa: T201 - what this test is for
    assert figures.all == []
    assert ends == {story.ends}


@by_name
def test_a_companion_that_dies_in_any_state_of_things_is_made_up_for(story: Story) -> None:
    """Once in each state of store and PBX: a companion that is dead remembers nothing else."""
    struck(story, Victim.COMPANION, {moment.world: moment for moment in play(story).moments}.values())


@pytest.mark.faults
@pytest.mark.parametrize("victim", Victim, ids=lambda victim: victim.name.lower())
@by_name
def test_a_crash_before_and_after_any_step_loses_nothing_and_dials_nobody_twice(story: Story, victim: Victim) -> None:
    """Every step, whoever dies: a companion that lives on remembers what it was about to do."""
    struck(story, victim, different(play(story).moments))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_several_crashes_in_one_callback(data: st.DataObject) -> None:
    """Also while the companion still finds out what happened; hypothesis says how to play a failure again."""
    story = data.draw(st.sampled_from(STORIES), "story")
    blows = data.draw(st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.sampled_from(Victim)), max_size=4))
    outcome = play(story, blows=[Blow(step=step, after=after, victim=victim) for step, after, victim in blows])
    assert outcome.figures.all == []
    assert outcome.state in {story.ends, "exhausted"}  # a call that a crash cut off was an attempt
