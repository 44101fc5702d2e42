"""More than can be handled: what waits stays bounded, the link is given up once, and then only what is true is told.

A PBX reports faster than a slow reader handles. The call that stood before the flood ends in it unseen, one that came
up in it lives on, and of those that began and ended in it nothing is guessed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from ami_bridge.ami.decode import WANTED, decode
from ami_bridge.ami.inbox import Inbox, Item, LinkDown, LinkUp
from ami_bridge.ami.session import Address, Session
from ami_bridge.ami.snapshot import snapshot
from ami_bridge.domain.facts import Answered, CallEnded, CallOutcome, CallStarted, Fact
from ami_bridge.domain.tracker import Tracker
from tests.adapters.ami.manager import PATIENT, SECRET, Action, Manager, listing, until

Run = Callable[[Session], asyncio.Task[None]]
CAPACITY, SIZE = 1000, 256 << 10
LISTS = ("BridgeList", "QueueStatus", "DeviceStateList", "PJSIPShowRegistrationsOutbound")


class Gauged(Inbox):
    """An inbox, and the most it ever held."""

    def __init__(self) -> None:
        super().__init__(CAPACITY, SIZE)
        self.most_items = self.most_bytes = 0

    def put(self, item: Item, at: float) -> bool:
        fits = super().put(item, at)
        self.most_items, self.most_bytes = max(self.most_items, len(self)), max(self.most_bytes, self.size)
        return fits


class Reader:
    """Handles events one at a time and slowly, and asks for what is true whenever the link comes up."""

    def __init__(self, session: Session, inbox: Inbox) -> None:
        self.session, self.inbox, self.tracker = session, inbox, Tracker()
        self.facts: list[Fact] = []
        self.ups = self.handled = 0
        self.reasons: list[str] = []

    async def run(self) -> None:
        while True:
            _at, item = await self.inbox.take()
            now = datetime.now(UTC)
            if isinstance(item, LinkUp):
                self.facts += self.tracker.resync(await snapshot(self.session), now)
                self.ups += 1
            elif isinstance(item, LinkDown):
                self.reasons.append(item.reason)
            else:
                event = decode(item)
                self.facts += self.tracker.feed(event, now) if event else []
                self.handled += 1
                await asyncio.sleep(0.001)


def channel(uniqueid: str, call: str, *, bridge: str = "", padding: int = 0) -> dict[str, str]:
    return {
        "Channel": f"PJSIP/x-{uniqueid}",
        "ChannelState": "6",
        "CallerIDNum": "+4930123",
        "CallerIDName": "x" * padding,
        "Exten": "5550100",
        "Uniqueid": uniqueid,
        "Linkedid": call,
        "BridgeId": bridge,
    }


def written(event: str, fields: dict[str, str]) -> bytes:
    return "\r\n".join([f"Event: {event}", *(f"{k}: {v}" for k, v in fields.items()), "", ""]).encode()


def talking(call: str) -> list[dict[str, str]]:
    return [channel(f"{call}{n}", f"{call}1", bridge=f"bridge-{call}") for n in (1, 2)]


def flood(calls: int, padding: int) -> Iterator[bytes]:
    """Short calls, and at the end of it all the news that matter: the old call hangs up, a new one is answered."""
    for n in range(calls):
        short = channel(f"short.{n}", f"short.{n}", padding=padding)
        yield written("Newchannel", short)
        yield written("Hangup", {**short, "Cause": "16"})
    for one in talking("old."):
        yield written("Hangup", {**one, "Cause": "16"})
    for one in talking("new."):
        yield written("Newchannel", one)
        yield written("BridgeEnter", {**one, "BridgeUniqueid": "bridge-new."})


@pytest.mark.parametrize(("calls", "padding"), [(10_000, 0), (200, 50_000)], ids=["many small", "few large"])
async def test_a_flood_ends_in_a_resync_and_not_in_wrong_facts(
    manager: Manager, run: Run, calls: int, padding: int
) -> None:
    live = talking("old.")

    def listed(action: Action) -> bytes:
        return listing(action, *("|".join(["CoreShowChannel", *(f"{k}: {v}" for k, v in c.items())]) for c in live))

    manager.answers |= dict.fromkeys(LISTS, listing) | {"CoreShowChannels": listed}
    inbox = Gauged()
    address = Address(host="127.0.0.1", port=manager.port, username="keepline", secret=SECRET)
    session = Session("lab", address, WANTED, inbox, deadlines=PATIENT)
    reader = Reader(session, inbox)
    run(session)
    consumer = asyncio.create_task(reader.run())
    await until(lambda: reader.ups == 1)
    assert list(reader.tracker.calls) == ["old.1"]

    live[:] = talking("new.")
    manager.push(b"".join(flood(calls, padding)))
    await until(lambda: reader.ups == 2)
    consumer.cancel()

    assert (inbox.most_items <= CAPACITY, inbox.most_bytes <= SIZE, inbox.overflows) == (True, True, 1)
    assert manager.connections == 2
    assert reader.handled < 2 * calls
    [reason] = reader.reasons
    assert reason == "events came faster than they could be handled; what is true is asked for anew"

    assert list(reader.tracker.calls) == ["new.1"]
    assert set(reader.tracker.channels) == {"new.1", "new.2"}
    started = Counter(fact.call for fact in reader.facts if isinstance(fact, CallStarted))
    ended = Counter(fact.call for fact in reader.facts if isinstance(fact, CallEnded))
    assert set(started.values()) == {1}
    assert ended == started - Counter({"new.1": 1})
    [end] = [fact for fact in reader.facts if isinstance(fact, CallEnded) and fact.call == "old.1"]
    assert (end.outcome, end.answered) == (CallOutcome.UNSEEN, True)
    assert [fact.by for fact in reader.facts if isinstance(fact, Answered)] == ["PJSIP/x-old.2", "PJSIP/x-new.2"]
