"""Any legal lives of calls on a PBX, interleaved, their events doubled, lost, late or unseen for a while.

What is really so is kept in a mirror of the PBX. A run ends with every channel hung up; then nothing may be left.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.names import IncidentId
from ami_bridge.domain.watch import Watch
from ami_bridge.settings import Settings
from ami_bridge.watching import watch_of
from tests.property.lives import DIDS, QUEUES, Life
from tests.property.mirror import RecordingTracker, contradictions
from tests.property.phones import Events, House

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
AT_ONCE = 4  # lives
pick = st.integers(0, 1000)


OF_EACH_LINE = {"tenant": "acme", "pbx": "lab", "trunks": ["main"], "callback_trunks": ["main"], "caller_id": "5550100"}
SETTINGS = Settings.model_validate(
    {
        "agi": {"token": "only-for-tests"},
        "tenant": [{"name": "acme", "spoken": "Acme"}],
        "pbx": [
            {
                "name": "lab",
                "host": "pbx",
                "secret": "only-for-tests",
                "trunk": [{"name": "main", "spoken": "our telephone line"}],
            }
        ],
        "line": [
            {**OF_EACH_LINE, "name": "support", "dids": [DIDS[0]], "queue": QUEUES[0]},
            {**OF_EACH_LINE, "name": "vip", "dids": ["5550300"], "queue": QUEUES[1]},
            {**OF_EACH_LINE, "name": "sales", "dids": [DIDS[1]], "ring": ["PJSIP/none"]},
        ],
    }
)


def a_watch(tracker: RecordingTracker) -> Watch:
    numbers = count(1)
    return watch_of(SETTINGS, SETTINGS.pbx[0], new_id=lambda: IncidentId(f"i{next(numbers)}"), tracker=tracker)


class Calls(RuleBasedStateMachine):
    """A PBX at work, seen whole: no event is lost, some come twice. What is told is what is so."""

    def __init__(self) -> None:
        super().__init__()
        self.house, self.tracker = House(), RecordingTracker()
        self.watch = a_watch(self.tracker)
        self.now = T0
        self.lives: list[Events] = []

    @precondition(lambda self: len(self.lives) < AT_ONCE)
    @rule(seed=st.integers(0, 2**32))
    def a_call_begins(self, seed: int) -> None:
        self.lives.append(Life(self.house, random.Random(seed)).events())

    @precondition(lambda self: self.lives)
    @rule(which=pick, steps=st.integers(1, 25), twice=st.booleans())
    def a_call_goes_on(self, which: int, steps: int, twice: bool) -> None:
        for _ in range(steps):
            if (event := self.happens(which)) is not None:
                self.sees(event)
                if twice:
                    self.sees_again(event)

    @rule(seconds=st.floats(0, 90))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.watch.tick(self.now)

    def happens(self, which: int) -> ev.Event | None:
        """The next event of a life; None when that is over."""
        if not self.lives:
            return None
        life = self.lives[which % len(self.lives)]
        event = next(life, None)
        if event is None:
            self.lives.remove(life)
        else:
            self.house.mirror.take(event)
        return event

    def sees(self, event: ev.Event) -> None:
        told = len(self.tracker.facts)
        self.feed(event)
        answers = [fact for fact in self.tracker.facts[told:] if isinstance(fact, fa.Answered)]
        expected = self.answers_to(event)
        assert {str(answer.caller) for answer in answers} == set(expected)
        assert len(answers) == len(expected)
        assert all(answer.by in expected[str(answer.caller)] for answer in answers)

    def sees_again(self, event: ev.Event) -> None:
        told = len(self.tracker.facts)
        self.feed(event)
        assert self.tracker.facts[told:] == []

    def feed(self, event: ev.Event) -> None:
        self.now += timedelta(milliseconds=700)
        self.watch.feed(event, self.now)

    def answers_to(self, event: ev.Event) -> dict[str, set[str]]:
        """The callers who wait and by this event hear somebody, and whom they hear."""
        mirror, found = self.house.mirror, {}
        if isinstance(event, ev.BridgeEntered):
            hears = mirror.hears(event.bridge)
            for call, caller in tuple(self.house.waiting.items()):
                if caller in hears and len(hears) > 1:
                    found[mirror.name(caller)] = {mirror.name(other) for other in hears - {caller}}
                    del self.house.waiting[call]
        return found

    @invariant()
    def nothing_is_known_that_is_not_so(self) -> None:
        assert set(self.tracker.channels) <= set(self.house.mirror.channels)

    @invariant()
    def nobody_waits_on_two_lines(self) -> None:
        waiting = [call for line in self.watch.lines.values() for call in line.waiting]
        assert len(waiting) == len(set(waiting))

    def teardown(self) -> None:
        while self.lives:
            if (event := self.happens(0)) is not None:
                self.sees(event)
        self.is_over()

    def is_over(self) -> None:
        assert not self.house.mirror.channels
        assert self.tracker.empty
        assert not any(line.waiting for line in self.watch.lines.values())
        assert not self.watch.callers._line_of
        assert contradictions(self.tracker.facts) == []


class Unwatched(Calls):
    """The link is lost now and then; a snapshot tells what is so when it is back. Nothing is told that was not so."""

    @precondition(lambda self: not self.watch.blind)
    @rule()
    def the_link_is_lost(self) -> None:
        self.watch.lost_sight(self.now, "the link is lost")

    @rule(again=st.booleans())
    def the_link_is_back(self, again: bool) -> None:
        self.look()
        if again:
            told = len(self.tracker.facts)
            self.look()
            assert self.tracker.facts[told:] == []

    def look(self) -> None:
        self.watch.seen_again(self.house.mirror.snapshot(), self.now)

    def sees(self, event: ev.Event) -> None:
        if not self.watch.blind:
            self.feed(event)

    def sees_again(self, event: ev.Event) -> None:
        self.sees(event)

    @invariant()
    def nothing_is_known_that_is_not_so(self) -> None:
        if not self.watch.blind:
            assert set(self.tracker.channels) == set(self.house.mirror.channels)

    def teardown(self) -> None:
        while self.lives:
            if (event := self.happens(0)) is not None:
                self.sees(event)
        if self.watch.blind:
            self.look()
        self.is_over()
        talked = self.house.mirror.talked
        answers = [fact for fact in self.tracker.facts if isinstance(fact, fa.Answered)]
        assert all(frozenset((str(answer.caller), str(answer.by))) in talked for answer in answers)


class Garbled(Unwatched):
    """The same with events lost, late a second time, or in another order: less is known, and nothing contradicts."""

    def __init__(self) -> None:
        super().__init__()
        self.past: list[ev.Event] = []

    @precondition(lambda self: self.lives)
    @rule(which=pick)
    def an_event_is_lost(self, which: int) -> None:
        self.happens(which)

    @precondition(lambda self: self.past)
    @rule(which=pick)
    def an_event_comes_late_again(self, which: int) -> None:
        self.sees(self.past[which % len(self.past)])

    @precondition(lambda self: self.lives)
    @rule(which=pick, count=st.integers(2, 4))
    def events_come_in_another_order(self, which: int, count: int) -> None:
        events = [self.happens(which) for _ in range(count)]
        for event in reversed(events):
            if event is not None:
                self.sees(event)

    def sees(self, event: ev.Event) -> None:
        self.past.append(event)
        super().sees(event)

    @invariant()
    def nothing_is_known_that_is_not_so(self) -> None:
        """Not so here: a hang-up that was lost, or the making of a channel that came after it, is found out later."""

    def teardown(self) -> None:
        while self.lives:
            if (event := self.happens(0)) is not None:
                self.sees(event)
        self.look()
        self.is_over()


TestCalls, TestUnwatched, TestGarbled = Calls.TestCase, Unwatched.TestCase, Garbled.TestCase
EXAMPLES = settings().max_examples
TestCalls.settings = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None)
TestUnwatched.settings = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None)
TestGarbled.settings = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None)
