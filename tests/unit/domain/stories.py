"""Stories of callers, told as the events Asterisk sends, and what the tracker says of them in one line a fact.

A channel's Uniqueid is a short word; `a` is the channel `PJSIP/a-01`, and facts call it `a` again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.ending import Ending
from ami_bridge.domain.events import ChannelState, DialOutcome
from ami_bridge.domain.names import Bridgeid, ChannelName, Linkedid, QueueName, Uniqueid
from ami_bridge.domain.tracker import Tracker

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NUMBER = "+4930123"
ANSWER, BUSY, NO_ANSWER = DialOutcome.ANSWERED, DialOutcome.BUSY, DialOutcome.NO_ANSWER
CANCEL, FAILED = DialOutcome.CANCELLED, DialOutcome.FAILED


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def comes(
    uniqueid: str,
    call: str = "",
    *,
    name: str = "",
    dialled: str = "5550100",
    number: str = NUMBER,
    state: ChannelState = ChannelState.DOWN,
) -> ev.ChannelCreated:
    """A channel is made; without a `call` it begins its own."""
    return ev.ChannelCreated(
        uniqueid=Uniqueid(uniqueid),
        linkedid=Linkedid(call or uniqueid),
        name=ChannelName(name or f"PJSIP/{uniqueid}-01"),
        state=state,
        caller_number=number,
        dialled=dialled,
    )


def phone(uniqueid: str, call: str, state: ChannelState = ChannelState.DOWN) -> ev.ChannelCreated:
    """A channel towards a phone, which comes into the dialplan nowhere."""
    return comes(uniqueid, call, dialled="s", number="", state=state)


def local(base: str, call: str = "", dialled: str = "x") -> list[ev.Event]:
    """A pair of Local channels, `base1` and `base2`."""
    one, two = f"{base}1", f"{base}2"
    return [
        comes(one, call or one, name=f"Local/{dialled}@pipes-{base};1", dialled=dialled, number=""),
        comes(two, call or one, name=f"Local/{dialled}@pipes-{base};2", dialled=dialled, number=""),
        ev.LocalPaired(one=Uniqueid(one), two=Uniqueid(two)),
    ]


def renamed(uniqueid: str, name: str) -> ev.ChannelRenamed:
    return ev.ChannelRenamed(uniqueid=Uniqueid(uniqueid), name=ChannelName(name))


def shows(uniqueid: str, number: str) -> ev.CallerIdChanged:
    return ev.CallerIdChanged(uniqueid=Uniqueid(uniqueid), number=number)


def state(uniqueid: str, to: ChannelState) -> ev.ChannelStateChanged:
    return ev.ChannelStateChanged(uniqueid=Uniqueid(uniqueid), state=to)


def rings(uniqueid: str) -> ev.ChannelStateChanged:
    return state(uniqueid, ChannelState.RINGING)


def up(uniqueid: str) -> ev.ChannelStateChanged:
    return state(uniqueid, ChannelState.UP)


def dials(caller: str | None, target: str, dialled: str = "5550100") -> ev.DialBegun:
    return ev.DialBegun(caller=Uniqueid(caller) if caller else None, target=Uniqueid(target), dialled=dialled)


def alerts(target: str) -> ev.DialAlerted:
    return ev.DialAlerted(target=Uniqueid(target))


def dialled(caller: str | None, target: str, outcome: DialOutcome, *, forwarded: bool = False) -> ev.DialEnded:
    return ev.DialEnded(
        caller=Uniqueid(caller) if caller else None, target=Uniqueid(target), outcome=outcome, forwarded=forwarded
    )


def asks_to_hang_up(uniqueid: str) -> ev.HangupRequested:
    return ev.HangupRequested(uniqueid=Uniqueid(uniqueid))


def gone(uniqueid: str, cause: int = 16) -> ev.ChannelHungUp:
    return ev.ChannelHungUp(uniqueid=Uniqueid(uniqueid), cause=cause)


def hangs_up(uniqueid: str, cause: int = 16) -> list[ev.Event]:
    return [asks_to_hang_up(uniqueid), gone(uniqueid, cause)]


def enters(bridge: str, *uniqueids: str) -> list[ev.Event]:
    return [ev.BridgeEntered(bridge=Bridgeid(bridge), uniqueid=Uniqueid(uniqueid)) for uniqueid in uniqueids]


def leaves(bridge: str, *uniqueids: str) -> list[ev.Event]:
    return [ev.BridgeLeft(bridge=Bridgeid(bridge), uniqueid=Uniqueid(uniqueid)) for uniqueid in uniqueids]


def queues(uniqueid: str, queue: str = "support", waited: float = 0) -> ev.QueueCallerJoined:
    return ev.QueueCallerJoined(uniqueid=Uniqueid(uniqueid), queue=QueueName(queue), position=1, waited=waited)


def let_go(uniqueid: str, queue: str = "support") -> ev.QueueCallerLeft:
    return ev.QueueCallerLeft(uniqueid=Uniqueid(uniqueid), queue=QueueName(queue))


def abandoned(uniqueid: str, queue: str = "support") -> list[ev.Event]:
    """The queue lets go of a caller whom no agent took, for whatever reason."""
    return [ev.QueueCallerAbandoned(uniqueid=Uniqueid(uniqueid)), let_go(uniqueid, queue)]


def queue_status(uniqueid: str, status: str) -> ev.QueueEnded:
    return ev.QueueEnded(uniqueid=Uniqueid(uniqueid), status=status)


def sends_on(by: str, transferee: str | None) -> ev.BlindTransferred:
    return ev.BlindTransferred(by=Uniqueid(by), transferee=Uniqueid(transferee) if transferee else None)


def joins(
    by: str, second: str, transferee: str | None, target: str | None, bridge: str | None = None
) -> ev.AttendedTransferred:
    return ev.AttendedTransferred(
        by=Uniqueid(by),
        second=Uniqueid(second),
        transferee=Uniqueid(transferee) if transferee else None,
        target=Uniqueid(target) if target else None,
        bridge=Bridgeid(bridge) if bridge else None,
    )


def picks_up(picker: str, target: str) -> ev.PickedUp:
    return ev.PickedUp(picker=Uniqueid(picker), target=Uniqueid(target))


def parked(uniqueid: str) -> ev.Parked:
    return ev.Parked(uniqueid=Uniqueid(uniqueid))


def talk(caller: str, callee: str, bridge: str = "b1", *, made: bool = False) -> list[ev.Event]:
    """`caller`, who is there already when `made`, has a phone rung, which answers."""
    return [
        *([] if made else [comes(caller)]),
        phone(callee, caller),
        dials(caller, callee),
        rings(callee),
        up(callee),
        dialled(caller, callee, ANSWER),
        up(caller),
        *enters(bridge, callee, caller),
    ]


def part(bridge: str, *uniqueids: str) -> list[ev.Event]:
    """All of them leave the bridge and hang up, in this order."""
    return [*leaves(bridge, *uniqueids), *(gone(uniqueid) for uniqueid in uniqueids)]


@dataclass
class Story:
    """One tracker, fed a second an event."""

    tracker: Tracker = field(default_factory=Tracker)
    seconds: int = 0

    def tell(self, *told: ev.Event | Iterable[ev.Event]) -> list[str]:
        """What the tracker says to these events."""
        return [words(fact) for fact in self.facts(*told)]

    def facts(self, *told: ev.Event | Iterable[ev.Event]) -> list[fa.Fact]:
        facts: list[fa.Fact] = []
        for some in told:
            for event in some if isinstance(some, Iterable) else (some,):
                facts += self.tracker.feed(event, at(self.seconds))
                self.seconds += 1
        return facts

    def resync(
        self, *lives: ev.Event | Iterable[ev.Event], endings: Mapping[Linkedid, Ending] | None = None
    ) -> list[str]:
        """What it says when a snapshot shows that `lives`, and nothing else."""
        return [words(fact) for fact in self.tracker.resync(snapshot(*lives), at(self.seconds), endings)]


def snapshot(*lives: ev.Event | Iterable[ev.Event]) -> list[ev.Event]:
    return [event for some in lives for event in (some if isinstance(some, Iterable) else (some,))]


def words(fact: fa.Fact) -> str:
    """A fact in one line, with every field that tells what happened."""
    caller = _short(fact.caller)
    match fact:
        case fa.CallStarted():
            said = f"{caller} ({fact.caller_number or 'withheld'}) calls {fact.dialled}"
        case fa.Ringing():
            said = f"{_all(fact.targets)} rings for {caller}"
        case fa.DialEnded():
            said = f"{_all(fact.targets)} {fact.outcome.value} to {caller}"
        case fa.Answered():
            said = f"{caller} talks with {_short(fact.by)}"
        case fa.Transferred():
            said = f"{fact.kind.value}, {_short(fact.by)} sends {caller} to {_all(fact.to)}"
        case fa.QueueJoined():
            said = f"{caller} joins {fact.queue}"
        case fa.QueueLeft():
            said = f"{caller} leaves {fact.queue}, {fact.reason.value}"
        case fa.CallEnded():
            said = f"ends for {caller}, {fact.outcome.value}, {'answered' if fact.answered else 'unanswered'}"
    return f"{fact.call}: {said}"


def _short(channel: ChannelName) -> str:
    return channel.removeprefix("PJSIP/").removesuffix("-01")


def _all(channels: Iterable[ChannelName]) -> str:
    return " ".join(_short(channel) for channel in channels) or "nobody"
