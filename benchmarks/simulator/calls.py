"""What one call makes the PBX tell: channels made, dialled, bridged and hung up, in the order Asterisk tells it.

The orders are those of tests/traces. What tells the detection nothing (states of trunks' devices, a queue's own
device) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ami_bridge.domain import events as ev
from ami_bridge.domain.events import ChannelState, DialOutcome
from ami_bridge.domain.names import Bridgeid, ChannelName, Linkedid, QueueName, Uniqueid

if TYPE_CHECKING:
    from benchmarks.simulator.world import World


class Call:
    """One call's tree of channels as it stands. `over` once nothing of it lives, or the PBX died under it."""

    __slots__ = ("audio", "bridge", "caller", "channels", "joined", "over", "queue", "queued_at", "states", "world")

    def __init__(self, world: World, audio: tuple[float, float] | None) -> None:
        self.world = world
        self.caller = Uniqueid("")
        self.channels: dict[Uniqueid, ev.ChannelCreated] = {}
        self.states: dict[Uniqueid, ChannelState] = {}
        self.bridge: Bridgeid | None = None
        self.joined: tuple[Uniqueid, ...] = ()
        self.queue: QueueName | None = None
        self.queued_at = 0.0
        self.audio = audio  # loss and jitter where the far end has a bad connection of its own
        self.over = False

    def create(self, endpoint: str, number: str, dialled: str = "s") -> Uniqueid:
        world = self.world
        uniqueid = world.uniqueid()
        if not self.channels:
            self.caller = uniqueid
            world.live[uniqueid] = self
        event = ev.ChannelCreated(
            uniqueid=uniqueid,
            linkedid=Linkedid(self.caller),
            name=ChannelName(f"{endpoint}-{world.made:08x}"),
            state=ChannelState.DOWN,
            caller_number=number,
            dialled=dialled,
        )
        self.channels[uniqueid] = event
        world.emit(event)
        return uniqueid

    def state(self, uniqueid: Uniqueid, state: ChannelState) -> None:
        self.states[uniqueid] = state
        self.world.emit(ev.ChannelStateChanged(uniqueid=uniqueid, state=state))

    def dial(self, endpoint: str, number: str = "") -> Uniqueid:
        target = self.create(endpoint, "")
        dialled = self.channels[self.caller].dialled
        self.world.emit(ev.DialBegun(caller=self.caller, target=target, dialled=dialled, number=number))
        return target

    def alert(self, target: Uniqueid) -> None:
        self.state(target, ChannelState.RINGING)
        self.world.emit(ev.DialAlerted(target=target))

    def dial_ends(self, target: Uniqueid, outcome: DialOutcome) -> None:
        self.world.emit(ev.DialEnded(caller=self.caller, target=target, outcome=outcome))

    def refuse(self, target: Uniqueid, outcome: DialOutcome, cause: int) -> None:
        self.dial_ends(target, outcome)
        self.hang_up(target, cause)

    def answer(self, target: Uniqueid) -> None:
        """The target picks up and is joined with the caller."""
        self.state(target, ChannelState.UP)
        self.dial_ends(target, DialOutcome.ANSWERED)
        self.leave_queue(answered=True)
        self.state(self.caller, ChannelState.UP)
        self.bridge = Bridgeid(f"b-{target}")
        self.joined = (target, self.caller)
        for party in self.joined:
            self.world.emit(ev.BridgeEntered(bridge=self.bridge, uniqueid=party))

    def join_queue(self, queue: QueueName, position: int) -> None:
        self.queue, self.queued_at = queue, self.world.engine.now
        self.world.emit(ev.QueueCallerJoined(uniqueid=self.caller, queue=queue, position=position))

    def leave_queue(self, *, answered: bool) -> None:
        if self.queue is None:
            return
        if not answered:
            self.world.emit(ev.QueueCallerAbandoned(uniqueid=self.caller))
        self.world.emit(ev.QueueCallerLeft(uniqueid=self.caller, queue=self.queue))
        self.queue = None

    def hang_up(self, uniqueid: Uniqueid, cause: int = 16) -> None:
        if self.channels.pop(uniqueid, None) is not None:
            self.states.pop(uniqueid, None)
            self.world.emit(ev.ChannelHungUp(uniqueid=uniqueid, cause=cause))

    def far_end_goes(self) -> None:
        """The caller puts the phone down."""
        self.world.emit(ev.HangupRequested(uniqueid=self.caller))

    def ends(self, cause: int = 16) -> None:
        """All that is left of it is gone."""
        for party in self.joined:
            if self.bridge is not None:
                self.world.emit(ev.BridgeLeft(bridge=self.bridge, uniqueid=party))
        self.bridge, self.joined = None, ()
        for uniqueid in tuple(reversed(self.channels)):
            self.hang_up(uniqueid, cause)
        self.over = True
        self.world.live.pop(self.caller, None)

    def listed(self) -> Iterator[ev.Event]:
        """The call as a snapshot shows it."""
        for uniqueid, made in self.channels.items():
            yield ev.ChannelCreated(
                uniqueid=uniqueid,
                linkedid=made.linkedid,
                name=made.name,
                state=self.states.get(uniqueid, ChannelState.DOWN),
                caller_number=made.caller_number,
                dialled=made.dialled,
            )

    def listed_bridges(self) -> Iterator[ev.Event]:
        if self.bridge is not None:
            for party in self.joined:
                yield ev.BridgeEntered(bridge=self.bridge, uniqueid=party)

    def listed_queues(self, now: float) -> Iterator[ev.Event]:
        if self.queue is not None:
            yield ev.QueueCallerJoined(
                uniqueid=self.caller, queue=self.queue, position=1, waited=now - self.queued_at
            )  # fmt: skip
