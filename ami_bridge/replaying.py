"""A recorded AMI stream through the decoder and tracker that watch live ones: recorded bytes in, facts out.

Time is the recording's own: an event's Timestamp, where it has one. A greeting in mid-stream is a reconnection. Where
the lists of a snapshot follow it, what is true is taken from them, as live; else what was open counts as unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, TextIO

from ami_bridge.ami.decode import decode
from ami_bridge.ami.errors import Undecodable
from ami_bridge.ami.headers import RawHeaders
from ami_bridge.ami.messages import Greeting, Item, Message, Unreadable
from ami_bridge.ami.snapshot import listed
from ami_bridge.ami.transcript import Transcript
from ami_bridge.domain.facts import Fact
from ami_bridge.domain.tracker import Tracker
from ami_bridge.fact_lines import as_line

HELD = 100  # events after a greeting within which the lists of a snapshot have to end
PATIENCE = 1 << 20  # bytes that may come before the first AMI message
_CHUNK = 1 << 16
_ITEMS = frozenset({"CoreShowChannel", "BridgeListItem", "BridgeListComplete", "QueueMember", "QueueEntry"})
_ENDS = frozenset({"CoreShowChannelsComplete", "QueueStatusComplete"})


class NotAmi(Exception):
    """What was read is no AMI stream; the message says what it begins with instead."""


@dataclass(frozen=True, slots=True)
class Told:
    """A fact, and when: None where the stream carries no time."""

    fact: Fact
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that was left out, and where."""

    text: str


def tell(stream: BinaryIO, facts: TextIO, complaints: TextIO) -> None:
    """Replay `stream` to its end, which for a pipe may be far: a fact is written out before the next is waited for.

    Raise NotAmi, or OSError when reading or writing fails.
    """
    replay = Replay()
    while data := stream.read1(_CHUNK):  # type: ignore[attr-defined]  # what buffers a file or standard input has it
        _write(replay.feed(data), facts, complaints)
    _write(replay.finish(), facts, complaints)


def _write(items: Iterator[Told | Complaint], facts: TextIO, complaints: TextIO) -> None:
    for item in items:
        if isinstance(item, Told):
            facts.write(as_line(item.fact, item.at) + "\n")
        else:
            complaints.write(f"keepline: {item.text}\n")
    facts.flush()


class Replay:
    """Feed it chunks as they come, then `finish`. Raises NotAmi only."""

    def __init__(self) -> None:
        self._transcript = Transcript()
        self._tracker = Tracker()
        self._now = datetime.fromtimestamp(0, UTC)
        self._events = 0
        self._snapshot: _Snapshot | None = _Snapshot()  # None once it came or can come no more
        self._held: list[tuple[int, Message]] | None = None  # a reconnection's events, until it is known what is true
        self._read = 0
        self._known = False  # whether this is AMI
        self._doubt: Unreadable | None = None

    def feed(self, data: bytes) -> Iterator[Told | Complaint]:
        """What follows from `data`, as soon as it is known."""
        self._read += len(data)
        yield from self._take(self._transcript.feed(data))
        if not self._known and self._read > PATIENCE:
            raise self._not_ami()

    def finish(self) -> Iterator[Told | Complaint]:
        """The watching ends here: what is still open is closed as unseen."""
        yield from self._take(self._transcript.finish())
        if not self._known:
            raise self._not_ami()
        yield from self._gone_unseen()
        yield from self._tell(self._tracker.cut(self._now))

    def _take(self, items: Iterator[Item]) -> Iterator[Told | Complaint]:
        for item in items:
            if isinstance(item, Unreadable):
                if self._known:
                    yield _complaint(item)
                else:
                    self._doubt = self._doubt or item
                continue
            if not self._known and self._doubt is not None:
                yield _complaint(self._doubt)
            self._known = True
            if isinstance(item, Greeting):
                yield from self._reconnected()
            elif item.event:
                self._events += 1
                yield from self._event(item)

    def _reconnected(self) -> Iterator[Told | Complaint]:
        yield from self._gone_unseen()
        self._snapshot = _Snapshot()
        if self._events:
            self._held = []

    def _gone_unseen(self) -> Iterator[Told | Complaint]:
        """No snapshot came after a reconnection: nobody can say what became of the calls before it."""
        if self._held is None:
            return
        held, self._held, self._snapshot = self._held, None, None
        yield from self._tell(self._tracker.cut(self._now))
        yield from self._released(held)

    def _event(self, message: Message) -> Iterator[Told | Complaint]:
        if self._snapshot is not None and self._snapshot.take(message):
            if self._snapshot.complete:
                yield from self._true_now(self._snapshot)
            return
        if self._held is not None:
            self._held.append((self._events, message))
            if len(self._held) > HELD:
                yield from self._gone_unseen()
            return
        if self._snapshot is not None and self._snapshot.overdue():
            self._snapshot = None
        yield from self._feed(self._events, message)

    def _true_now(self, snapshot: _Snapshot) -> Iterator[Told | Complaint]:
        held, self._held, self._snapshot = self._held or [], None, None
        yield from self._tell(self._tracker.resync(listed(snapshot.entries), self._now))
        yield from self._released(held)

    def _released(self, held: list[tuple[int, Message]]) -> Iterator[Told | Complaint]:
        for number, message in held:
            yield from self._feed(number, message)

    def _feed(self, number: int, message: Message) -> Iterator[Told | Complaint]:
        try:
            event = decode(message.raw)
        except Undecodable as problem:
            yield Complaint(f"event {number} (line {message.line}): {problem}; it is left out")
            return
        if event is None:
            return
        at = message.at
        self._now = at or self._now
        yield from self._tell(self._tracker.feed(event, self._now), at)

    @staticmethod
    def _tell(facts: list[Fact], at: datetime | None = None) -> Iterator[Told]:
        return (Told(fact, at) for fact in facts)

    def _not_ami(self) -> NotAmi:
        if self._doubt is None:
            return NotAmi("it is empty" if not self._read else "it has no AMI message")
        return NotAmi(f"line {self._doubt.line}: {self._doubt.problem}")


class _Snapshot:
    """The lists that tell what was true when a connection began: the channels, then the queues."""

    def __init__(self) -> None:
        self.entries: list[Mapping[str, str]] = []
        self._ended: set[str] = set()
        self._others = 0

    @property
    def complete(self) -> bool:
        return self._ended == _ENDS

    def take(self, message: Message) -> bool:
        """Whether `message` belongs to a list."""
        if message.event in _ITEMS:
            self.entries.append(RawHeaders(message.raw))
        elif message.event in _ENDS:
            self._ended.add(message.event)
        else:
            return False
        return True

    def overdue(self) -> bool:
        """Count an event that is none of a list's; whether a list that came now would be somebody's later question."""
        self._others += 1
        return self._others > HELD


def _complaint(item: Unreadable) -> Complaint:
    return Complaint(f"line {item.line}: {item.problem}; it is left out")
