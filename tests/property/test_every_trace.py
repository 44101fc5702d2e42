"""Every recorded trace, seen from every beginning, to every end, with gaps, mixed with every other.

The fuzz profile looks at more gaps and mixtures, by the seed of the run.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import get_type_hints

import pytest

from ami_bridge.ami.decode import decode
from ami_bridge.ami.messages import Message
from ami_bridge.ami.transcript import Transcript
from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.names import Bridgeid, Linkedid, Uniqueid
from ami_bridge.domain.tracker import _HANDLERS
from tests.property.mirror import Mirror, RecordingTracker, by_call, contradictions

TRACES = Path(__file__).resolve().parents[1] / "traces"
FILES = sorted(TRACES.glob("asterisk-*/*.ami"))
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
GAPS, FUZZ = 40, 20  # gaps in each trace; times as much is looked at by the fuzz profile
each_trace = pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")


@cache
def events_of(file: Path) -> tuple[ev.Event, ...]:
    """What the trace tells a tracker."""
    transcript = Transcript()
    items = [*transcript.feed(file.read_bytes()), *transcript.finish()]
    events = [decode(item.raw) for item in items if isinstance(item, Message) and item.event]
    return tuple(event for event in events if event is not None and type(event) in _HANDLERS)


def seen(events: Sequence[ev.Event]) -> RecordingTracker:
    """A tracker that saw these events, and then the end of watching."""
    tracker = RecordingTracker()
    for event in events:
        tracker.feed(event, NOW)
    tracker.cut(NOW)
    assert tracker.empty
    return tracker


@dataclass(frozen=True)
class Dice:
    """How often they are thrown, and by which seed."""

    seed: str
    rounds: int

    def of(self, *names: object) -> random.Random:
        return random.Random(" ".join(map(str, (self.seed, *names))))


@pytest.fixture(scope="session")
def dice(request: pytest.FixtureRequest) -> Dice:
    thorough = request.config.getoption("--hypothesis-profile") == "fuzz"
    return Dice(seed=request.config.getoption("--hypothesis-seed") or "0", rounds=FUZZ if thorough else 1)


def test_there_are_traces() -> None:
    assert FILES


@each_trace
def test_a_whole_trace_leaves_nothing_behind(file: Path) -> None:
    tracker = RecordingTracker()
    for event in events_of(file):
        tracker.feed(event, NOW)
    assert tracker.empty
    assert contradictions(tracker.facts) == []
    assert any(isinstance(fact, fa.CallStarted) for fact in tracker.facts)


@each_trace
def test_from_every_beginning_and_to_every_end(file: Path) -> None:
    events = events_of(file)
    talked = truth(events).talked
    for at in range(len(events) + 1):
        for part in (events[at:], events[:at]):
            facts = seen(part).facts
            assert contradictions(facts) == []
            assert never_heard(facts, talked) == []


@each_trace
def test_with_every_event_lost_doubled_late_or_early(file: Path) -> None:
    events = events_of(file)
    for at, event in enumerate(events):
        before, after = events[:at], events[at + 1 :]
        doubled = seen((*before, event, event, *after))
        assert doubled.facts == whole(file).facts
        assert contradictions(seen((*before, *after)).facts) == []
        if after:
            assert contradictions(seen((*before, after[0], event, *after[1:])).facts) == []
        late = seen((*before, *after, event))
        assert contradictions(late.facts) == []


@each_trace
def test_with_a_gap_anywhere_and_a_snapshot_after_it(file: Path, dice: Dice) -> None:
    events = events_of(file)
    talked = truth(events).talked
    rng = dice.of(file.parent.name, file.stem)
    for _ in range(GAPS * dice.rounds):
        lost, found = sorted(rng.randrange(len(events) + 1) for _ in range(2))
        tracker = RecordingTracker()
        for event in events[:lost]:
            tracker.feed(event, NOW)
        lives = truth(events[:found]).snapshot()
        tracker.resync(lives, NOW)
        told = len(tracker.facts)
        tracker.resync(lives, NOW)
        assert tracker.facts[told:] == []
        for event in events[found:]:
            tracker.feed(event, NOW)
        assert tracker.empty, f"lost at {lost}, found at {found}"
        assert contradictions(tracker.facts) == [], f"lost at {lost}, found at {found}"
        assert never_heard(tracker.facts, talked) == [], f"lost at {lost}, found at {found}"


@each_trace
def test_mixed_with_every_other_it_tells_the_same(file: Path, dice: Dice) -> None:
    """Ids of different traces may be the same where the PBX was started anew between them: each has its own here."""
    one = renamed_ids(file, "x-")
    alone = by_call(seen(one).facts)
    for other in FILES[FILES.index(file) :]:
        two = renamed_ids(other, "y-")
        apart = alone | by_call(alone_as(other, "y-"))
        for turn in range(dice.rounds):
            names = (file.parent.name, file.stem, other.parent.name, other.stem, turn)
            mixed = by_call(seen(tuple(mix(dice.of(*names), one, two))).facts)
            assert mixed == apart, f"seed {dice.seed}: {names}"


@cache
def whole(file: Path) -> RecordingTracker:
    return seen(events_of(file))


@cache
def alone_as(file: Path, prefix: str) -> list[fa.Fact]:
    return seen(renamed_ids(file, prefix)).facts


def truth(events: Sequence[ev.Event]) -> Mirror:
    mirror = Mirror()
    for event in events:
        mirror.take(event)
    return mirror


def never_heard(facts: list[fa.Fact], talked: set[frozenset[str]]) -> list[fa.Answered]:
    """Answers by somebody whom the caller was at no time joined with."""
    answers = [fact for fact in facts if isinstance(fact, fa.Answered)]
    return [fact for fact in answers if frozenset((str(fact.caller), str(fact.by))) not in talked]


def mix(rng: random.Random, *streams: Sequence[ev.Event]) -> Iterator[ev.Event]:
    """All of them, each in its own order."""
    turns = [n for n, stream in enumerate(streams) for _ in stream]
    rng.shuffle(turns)
    waiting = [iter(stream) for stream in streams]
    for turn in turns:
        yield next(waiting[turn])


@cache
def renamed_ids(file: Path, prefix: str) -> tuple[ev.Event, ...]:
    return tuple(
        replace(event, **{name: prefix + value for name in ids_of(type(event)) if (value := getattr(event, name))})
        for event in events_of(file)
    )


@cache
def ids_of(kind: type) -> tuple[str, ...]:
    """The fields that name a channel, a tree or a bridge by its id."""
    hints = get_type_hints(kind)
    ids = {Uniqueid, Linkedid, Bridgeid}
    optional = {identity | None for identity in ids}
    return tuple(f.name for f in fields(kind) if hints[f.name] in ids or hints[f.name] in optional)
