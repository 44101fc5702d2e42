"""A PBX's phones and pipes, and what it tells when they are dialled: what lives of calls are made of."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from ami_bridge.domain import events as ev
from ami_bridge.domain.events import ChannelState, DialOutcome
from ami_bridge.domain.names import Bridgeid, ChannelName, Linkedid, Uniqueid
from tests.property.mirror import Mirror

Events = Iterator[ev.Event]


@dataclass
class House:
    """The PBX all lives share."""

    mirror: Mirror = field(default_factory=Mirror)
    waiting: dict[Linkedid, Uniqueid] = field(default_factory=dict)  # callers who wait for a person
    number: int = 0

    def uniqueid(self) -> Uniqueid:
        self.number += 1
        return Uniqueid(f"100.{self.number}")

    def bridge(self) -> Bridgeid:
        return Bridgeid(f"bridge of {self.uniqueid()}")


@dataclass
class Leg:
    """A phone that is dialled, and the pipes it is reached through, the caller's end first."""

    channel: Uniqueid
    dialler: Uniqueid
    pipes: list[tuple[Uniqueid, Uniqueid]]
    outer: Uniqueid


@dataclass
class Phones:
    """What a caller has phones do."""

    house: House
    dice: random.Random
    call: Linkedid = field(init=False)
    caller: Uniqueid = field(init=False)
    through: tuple[Uniqueid, Uniqueid] | None = None  # the pipe of a click to dial, which stays to the end

    def becomes_caller(self, uniqueid: Uniqueid, call: Linkedid) -> None:
        self.call, self.caller = call, uniqueid
        self.house.waiting[call] = uniqueid

    @property
    def mouth(self) -> Uniqueid:
        """The channel that dials and is bridged for the caller."""
        return self.through[0] if self.through else self.caller

    def pipe(self, call: Linkedid | None) -> Generator[ev.Event, None, tuple[Uniqueid, Uniqueid]]:
        one, two = self.house.uniqueid(), self.house.uniqueid()
        yield created(one, f"Local/x@y-{one};1", call, dialled="x")
        yield created(two, f"Local/x@y-{one};2", call or Linkedid(one), dialled="x")
        yield ev.LocalPaired(one=one, two=two)
        return one, two

    def dial(self, outer: Uniqueid, call: Linkedid, *, pipes: int) -> Generator[ev.Event, None, Leg]:
        dialler, through = outer, []
        for _ in range(pipes):
            one, two = yield from self.pipe(call)
            yield ev.DialBegun(caller=dialler, target=one, dialled="x")
            through.append((one, two))
            dialler = two
        leg = self.house.uniqueid()
        yield created(leg, self.dice.choice(("PJSIP/101", "PJSIP/102")), call)
        yield ev.DialBegun(caller=dialler, target=leg, dialled="x")
        if self.dice.random() < 0.8:
            yield state(leg, ChannelState.RINGING) if self.dice.random() < 0.7 else ev.DialAlerted(target=leg)
        return Leg(leg, dialler, through, outer)

    def drop(self, legs: list[Leg], outcome: DialOutcome, cause: int) -> Events:
        for leg in legs:
            yield ev.DialEnded(caller=leg.dialler, target=leg.channel, outcome=outcome)
            yield self.hangs_up(leg.channel, cause)
            dialler = leg.outer
            for one, two in leg.pipes:
                yield ev.DialEnded(caller=dialler, target=one, outcome=outcome)
                yield self.hangs_up(one, cause)
                yield self.hangs_up(two, cause)
                dialler = two

    def hangs_up(self, uniqueid: Uniqueid, cause: int = 16) -> ev.Event:
        for call, caller in tuple(self.house.waiting.items()):
            if caller == uniqueid:
                del self.house.waiting[call]
        return ev.ChannelHungUp(uniqueid=uniqueid, cause=cause)


def created(uniqueid: Uniqueid, name: str, call: Linkedid | None = None, *, dialled: str = "s") -> ev.Event:
    """A channel is made, in the tree `call` or as the first of its own."""
    return ev.ChannelCreated(
        uniqueid=uniqueid,
        linkedid=call or Linkedid(uniqueid),
        name=ChannelName(name if ";" in name else f"{name}-{uniqueid}"),
        state=ChannelState.DOWN,
        caller_number="+4930",
        dialled=dialled,
    )


def state(uniqueid: Uniqueid, to: ChannelState) -> ev.Event:
    return ev.ChannelStateChanged(uniqueid=uniqueid, state=to)


def answered(caller: Uniqueid | None, target: Uniqueid) -> ev.Event:
    return ev.DialEnded(caller=caller, target=target, outcome=DialOutcome.ANSWERED)


def enters(bridge: Bridgeid, uniqueid: Uniqueid) -> ev.Event:
    return ev.BridgeEntered(bridge=bridge, uniqueid=uniqueid)


def leaves(bridge: Bridgeid, uniqueid: Uniqueid) -> ev.Event:
    return ev.BridgeLeft(bridge=bridge, uniqueid=uniqueid)
