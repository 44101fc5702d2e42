"""Who reads the stream: Keepline as it does in production, panoramisk alone, and floors that only take bytes apart.

Each is a function that takes a whole stream and returns an awaitable, which reads it in chunks, as a socket hands it
over, and yields how much it made of it. What is timed is awaiting that; the call itself may set things up.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count
from time import monotonic
from typing import Any, cast

from panoramisk import Manager
from panoramisk.ami_protocol import AMIProtocol

from ami_bridge.ami.decode import WANTED, decode, wanted_with
from ami_bridge.ami.inbox import Inbox, LinkDown
from ami_bridge.ami.wire import Wire
from ami_bridge.domain import events as ev
from ami_bridge.domain.names import IncidentId
from ami_bridge.domain.tracker import Tracker
from ami_bridge.domain.watch import Watch
from ami_bridge.settings import Settings
from ami_bridge.watching import watch_of
from benchmarks.pbx import stream
from benchmarks.pbx.stream import Made

TURN = 0.002  # seconds, as the runner's
_END = b"\r\n\r\n"
_READ = frozenset(b"Event: " + kind for kind in WANTED if kind != b"VarSet")
# What a tracker calls the facts that the stream's maker counted.
FACTS = {
    "CallStarted": "started",
    "CallEnded": "ended",
    "Answered": "answered",
    "QueueJoined": "queue joined",
    "QueueLeft": "queue left",
}

TRUNKS = [stream.trunk_name(n) for n in range(stream.TRUNKS)]
SETTINGS = Settings.model_validate(
    {
        "agi": {"token": "not-used-here"},
        "tenant": [{"name": "acme", "spoken": "Acme"}],
        "pbx": [
            {
                "name": "pbx-1",
                "host": "127.0.0.1",
                "secret": "not-used-here",
                "trunk": [{"name": name, "spoken": "our telephone line"} for name in TRUNKS],
            }
        ],
        "line": [
            {
                "name": stream.line_name(n),
                "tenant": "acme",
                "pbx": "pbx-1",
                "dids": [stream.did(n)],
                "queue": stream.queue_name(n),
                "trunks": TRUNKS,
                "callback_trunks": TRUNKS,
                "caller_id": stream.did(n),
            }
            for n in range(stream.LINES)
        ],
    }
)


def a_watch(tracker: Tracker | None = None) -> Watch:
    """A PBX with the lines, agents and trunks of the stream, and all that watches them."""
    numbers = count(1)
    return watch_of(SETTINGS, SETTINGS.pbx[0], new_id=lambda: IncidentId(f"i{next(numbers)}"), tracker=tracker)


class Sink(asyncio.Transport):
    """Takes what is written and sends it nowhere."""

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


class CountingTracker(Tracker):
    """The tracker, and how many facts of each kind it told of: slower, and not timed."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: Counter[str] = Counter()

    def feed(self, event: ev.Event, now: datetime) -> list[Any]:
        facts = super().feed(event, now)
        self.facts.update(FACTS.get(type(fact).__name__, "other") for fact in facts)
        return facts


async def check(made: Made) -> None:
    """Raise RuntimeError unless Keepline finds in the stream exactly what was put into it."""
    tracker = CountingTracker()
    await keepline(made, tracker)
    found = {name: tracker.facts[name] for name in made.facts}
    if found != made.facts:
        raise RuntimeError(f"{dict(made.facts)} was sent, {found} was found")


def keepline(made: Made, tracker: Tracker | None = None) -> Awaitable[int]:
    """Wire, inbox, decoder, tracker, lines and trunks, read by a consumer like the runner's. Yields events handled."""
    return _keepline(made, a_watch(tracker))


async def _keepline(made: Made, watch: Watch) -> int:
    inbox = Inbox()
    wire = Wire(wanted_with(TRUNKS), lambda raw: inbox.put(raw, monotonic()), lambda _why: None)
    wire.connection_made(Sink())
    consumer = asyncio.create_task(_consume(inbox, watch))
    for chunk in made.chunks():
        wire.data_received(chunk)
        await asyncio.sleep(0)
    inbox.put(LinkDown("the stream is over"), monotonic())
    handled = await consumer
    if inbox.overflows or not watch.tracker.empty:
        raise RuntimeError("the inbox overflowed, or the tracker holds what is gone")
    return handled


async def _consume(inbox: Inbox, watch: Watch) -> int:
    handled, longest, turn_ends = 0, 0.0, monotonic() + TURN
    while True:
        received, item = await inbox.take()
        if not isinstance(item, bytes):
            return handled
        handled += 1
        longest = max(longest, monotonic() - received)
        if (event := decode(item)) is not None:
            for _effect in watch.feed(event, datetime.now(UTC)):
                pass  # what follows is performed elsewhere
        if monotonic() >= turn_ends:
            await asyncio.sleep(0)
            turn_ends = monotonic() + TURN


async def panoramisk(made: Made) -> int:
    """Its Manager and protocol with a synchronous callback for every event, which does nothing but count."""
    manager = Manager(loop=asyncio.get_running_loop())
    seen = 0

    def on_event(_manager: Manager, _message: object) -> None:
        nonlocal seen
        seen += 1

    manager.register_event("*", on_event)
    protocol = AMIProtocol()
    protocol.connection_made(cast("Any", Sink()))
    protocol.factory, protocol.encoding = manager, "utf8"
    for chunk in made.chunks():
        protocol.data_received(chunk)
        await asyncio.sleep(0)
    return seen


async def dict_floor(made: Made) -> int:
    """The barest splitter that still builds a dict of text for each event: no cap, no replies, no tracking."""
    seen, rest = 0, b""
    for chunk in made.chunks():
        *messages, rest = (rest + chunk).split(_END)
        for raw in messages:
            event = {}
            for line in raw.decode("utf-8", "replace").split("\r\n"):
                name, _, value = line.partition(": ")
                event[name] = value
            seen += 1
        await asyncio.sleep(0)
    return seen


async def type_first_floor(made: Made) -> int:
    """The same for events of the types a call watcher reads; of all others only the type is looked at."""
    seen, rest = 0, b""
    for chunk in made.chunks():
        *messages, rest = (rest + chunk).split(_END)
        for raw in messages:
            if raw[: raw.find(b"\r\n")] in _READ:
                event = {}
                for line in raw.decode("utf-8", "replace").split("\r\n"):
                    name, _, value = line.partition(": ")
                    event[name] = value
                seen += 1
        await asyncio.sleep(0)
    return seen


CONTENDERS: dict[str, Callable[[Made], Awaitable[int]]] = {
    "keepline": keepline,
    "panoramisk": panoramisk,
    "dict floor": dict_floor,
    "type-first floor": type_first_floor,
}
