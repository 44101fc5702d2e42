"""Lives of calls as Asterisk tells them: every life a legal one, composed at random, one event at a time.

A life is a generator of events; lives are interleaved by whoever advances them. What is true is kept beside it: who
lives and is where in the mirror, and in `waiting` which callers wait for a person.
"""

from __future__ import annotations

from dataclasses import dataclass

from ami_bridge.domain import events as ev
from ami_bridge.domain.events import ChannelState, DialOutcome
from ami_bridge.domain.names import Bridgeid, Linkedid, QueueName
from tests.property.phones import Events, Leg, Phones, answered, created, enters, leaves, state

QUEUES = (QueueName("support-q"), QueueName("vip-q"))
DIDS = ("5550100", "5550200", "elsewhere")
REFUSALS = ((DialOutcome.NO_ANSWER, 21), (DialOutcome.BUSY, 17), (DialOutcome.NO_ANSWER, 19), (DialOutcome.FAILED, 38))


@dataclass
class Life(Phones):
    """One caller's experience, and of those who meet them."""

    hops: int = 0

    def events(self) -> Events:
        """From the first channel to the last."""
        if self.dice.random() < 0.2:
            yield from self.clicks()
            yield from self.reach()
            return
        yield from self.arrives()
        yield from self.dice.choice((self.reach, self.reach, self.reach, self.queue, self.queue, self.goes))()

    # ---- beginnings

    def arrives(self) -> Events:
        caller = self.house.uniqueid()
        self.becomes_caller(caller, Linkedid(caller))
        yield created(caller, "PJSIP/main", dialled=self.dice.choice(DIDS))
        if self.dice.random() < 0.5:
            yield ev.CallerIdChanged(uniqueid=caller, number="")
        if self.dice.random() < 0.5:
            yield state(caller, ChannelState.UP)

    def clicks(self) -> Events:
        """An Originate rings the caller first, through a pipe that stays."""
        one, two = self.through = yield from self.pipe(None)
        yield ev.DialBegun(caller=None, target=one)
        caller = self.house.uniqueid()
        self.becomes_caller(caller, Linkedid(one))
        yield created(caller, "PJSIP/103", Linkedid(one))
        yield ev.DialBegun(caller=two, target=caller, dialled="x")
        yield state(caller, ChannelState.RINGING)
        yield state(caller, ChannelState.UP)
        yield answered(two, caller)
        yield answered(None, one)
        bridge = self.house.bridge()
        yield enters(bridge, caller)
        yield enters(bridge, two)

    # ---- dialling

    def reach(self) -> Events:
        """Phones are dialled for the caller, one of whom may answer."""
        legs: list[Leg] = []
        for _ in range(self.dice.choice((1, 1, 2))):
            leg = yield from self.dial(self.mouth, self.call, pipes=self.dice.choice((0, 0, 1, 2)))
            legs.append(leg)
        end = self.dice.random()
        if end < 0.2:
            yield ev.HangupRequested(uniqueid=self.caller)
            yield from self.drop(legs, DialOutcome.CANCELLED, 26)
            yield from self.goes()
        elif end < 0.4:
            yield from self.drop(legs, *self.dice.choice(REFUSALS))
            yield from self.goes()
        elif end < 0.5 and not self.through:
            yield from self.is_picked_up(legs)
        else:
            winner = legs.pop(self.dice.randrange(len(legs)))
            if winner.pipes and self.dice.random() < 0.2:
                yield from self.never_confirms(winner, legs)
            else:
                yield from self.takes(winner, legs)

    def never_confirms(self, leg: Leg, others: list[Leg]) -> Events:
        yield state(leg.channel, ChannelState.UP)
        yield answered(leg.dialler, leg.channel)
        bridge = self.house.bridge()
        yield enters(bridge, leg.channel)
        yield enters(bridge, leg.dialler)
        yield leaves(bridge, leg.channel)
        yield self.hangs_up(leg.channel)
        yield leaves(bridge, leg.dialler)
        for one, two in leg.pipes:
            yield self.hangs_up(one)
            yield self.hangs_up(two)
        yield from self.drop(others, DialOutcome.NO_ANSWER, 19)
        yield from self.goes()

    def takes(self, leg: Leg, others: list[Leg]) -> Events:
        yield state(leg.channel, ChannelState.UP)
        yield answered(leg.dialler, leg.channel)
        yield from self.drop(others, DialOutcome.CANCELLED, 26)
        yield from self.joined(leg)

    def joined(self, leg: Leg) -> Events:
        """Everybody between the caller and the phone is bridged, in any order."""
        dialler = leg.outer
        for one, two in leg.pipes:
            yield answered(dialler, one)
            dialler = two
        chain = [self.mouth, *(half for pipe in leg.pipes for half in pipe), leg.channel]
        places = [(self.house.bridge(), chain[n : n + 2]) for n in range(0, len(chain), 2)]
        entries = [(bridge, half) for bridge, both in places for half in both]
        self.dice.shuffle(entries)
        for bridge, half in entries:
            yield enters(bridge, half)
        far, near = places[-1][0], places[0][0]
        if leg.pipes and self.dice.random() < 0.7:
            yield leaves(far, leg.channel)
            yield enters(near, leg.channel)
            for place, both in places:
                for half in both:
                    if half not in (self.mouth, leg.channel):
                        yield leaves(place, half)
            for pipe in leg.pipes:
                for half in pipe:
                    yield self.hangs_up(half)
            leg.pipes = []
        yield from self.talks(near, leg)

    def is_picked_up(self, legs: list[Leg]) -> Events:
        """Somebody takes a phone's place, by an event or without a word."""
        leg = self.dice.choice(legs)
        picker = self.house.uniqueid()
        yield created(picker, "PJSIP/104", dialled="*8")
        yield state(picker, ChannelState.UP)
        if self.dice.random() < 0.7:
            yield ev.PickedUp(picker=picker, target=leg.channel)
        yield ev.DialEnded(caller=leg.dialler, target=leg.channel, outcome=DialOutcome.CANCELLED)
        yield ev.DialBegun(caller=leg.dialler, target=picker, dialled="x")
        yield self.hangs_up(leg.channel, 26)
        yield answered(leg.dialler, picker)
        yield from self.drop([other for other in legs if other is not leg], DialOutcome.CANCELLED, 26)
        leg.channel = picker
        yield from self.joined(leg)

    # ---- queues

    def queue(self) -> Events:
        queue = self.dice.choice(QUEUES)
        self.house.waiting[self.call] = self.caller
        yield ev.QueueCallerJoined(uniqueid=self.caller, queue=queue, position=1)
        for _ in range(self.dice.choice((0, 1, 2))):
            leg = yield from self.dial(self.caller, self.call, pipes=self.dice.choice((0, 0, 1)))
            if self.dice.random() < 0.5:
                yield state(leg.channel, ChannelState.UP)
                yield answered(leg.dialler, leg.channel)
                yield ev.QueueCallerLeft(uniqueid=self.caller, queue=queue)
                yield from self.joined(leg)
                return
            yield from self.drop([leg], DialOutcome.NO_ANSWER, 19)
        gives_up = self.dice.random() < 0.5
        if gives_up:
            yield ev.HangupRequested(uniqueid=self.caller)
        yield ev.QueueCallerAbandoned(uniqueid=self.caller)
        yield ev.QueueCallerLeft(uniqueid=self.caller, queue=queue)
        if gives_up:
            yield from self.goes()
            return
        if self.dice.random() < 0.5:
            yield ev.QueueEnded(uniqueid=self.caller, status="TIMEOUT")
        yield from self.dice.choice((self.goes, self.reach, self.queue))()

    # ---- talking

    def talks(self, bridge: Bridgeid, leg: Leg) -> Events:
        """The caller and a phone are joined; then one of them does something."""
        self.hops += 1
        plain = not leg.pipes and not self.through
        if self.hops > 3 or not plain:
            yield from self.part(bridge, leg)
            return
        yield from self.dice.choice(
            (self.part, self.holds, self.sends_on, self.sends_on, self.consults, self.consults, self.parks)
        )(bridge, leg)

    def part(self, bridge: Bridgeid, leg: Leg) -> Events:
        """Who hangs up first, and in what order all else goes, is anybody's."""
        goes = [self.mouth, leg.channel, *(half for pipe in leg.pipes for half in pipe)]
        if self.through:
            goes += [self.through[1], self.caller]
        self.dice.shuffle(goes)
        if self.dice.random() < 0.5:
            yield ev.HangupRequested(uniqueid=goes[0])
        for uniqueid in goes:
            if (place := self.house.mirror.bridges.get(uniqueid)) is not None:
                yield leaves(place, uniqueid)
            yield self.hangs_up(uniqueid)

    def holds(self, bridge: Bridgeid, leg: Leg) -> Events:
        yield leaves(bridge, self.caller)
        yield enters(bridge, self.caller)
        yield from self.talks(bridge, leg)

    def sends_on(self, bridge: Bridgeid, leg: Leg) -> Events:
        """Blind, by either of them: the other stays and is the caller from then on."""
        by, stays = self.dice.sample((self.caller, leg.channel), 2)
        self.becomes_caller(stays, self.call)
        yield ev.BlindTransferred(by=by, transferee=stays if self.dice.random() < 0.8 else None)
        for who in self.dice.sample((by, stays), 2):
            yield leaves(bridge, who)
        yield self.hangs_up(by)
        yield from self.dice.choice((self.reach, self.reach, self.queue, self.goes))()

    def consults(self, bridge: Bridgeid, leg: Leg) -> Events:
        """By a second channel one of them calls somebody, and joins them: once they talk, or while it still rings."""
        by, stays = self.dice.sample((self.caller, leg.channel), 2)
        second = self.house.uniqueid()
        other = Linkedid(second)
        self.house.waiting[other] = second
        yield created(second, "PJSIP/102", dialled="103")
        target = yield from self.dial(second, other, pipes=0)
        if self.dice.random() < 0.4:
            self.becomes_caller(stays, self.call)
            yield ev.AttendedTransferred(by=by, second=second, transferee=stays, target=None)
            for who in (by, stays):
                yield leaves(bridge, who)
            if self.dice.random() < 0.5:
                yield ev.DialEnded(caller=second, target=target.channel, outcome=DialOutcome.NO_ANSWER)
                yield ev.DialBegun(caller=stays, target=target.channel, dialled="x")
            yield self.hangs_up(by)
            yield self.hangs_up(second)
            target.dialler = target.outer = stays
            if self.dice.random() < 0.6:
                yield from self.takes(target, [])
            else:
                yield from self.drop([target], *self.dice.choice(REFUSALS))
                yield from self.goes()
            return
        yield state(target.channel, ChannelState.UP)
        yield answered(second, target.channel)
        joins = self.house.bridge()
        for who in (target.channel, second):
            yield enters(joins, who)
        yield leaves(bridge, stays)
        yield leaves(joins, second)
        yield enters(joins, stays)
        self.caller = stays
        self.house.waiting.pop(self.call, None)
        named = self.dice.random() < 0.7
        yield ev.AttendedTransferred(
            by=by,
            second=second,
            transferee=stays if named else None,
            target=target.channel if named else None,
            bridge=joins,
        )
        yield leaves(bridge, by)
        yield self.hangs_up(by)
        yield self.hangs_up(second)
        yield from self.talks(joins, target)

    def parks(self, bridge: Bridgeid, leg: Leg) -> Events:
        """The caller is parked, and taken out by somebody, or rings the one who parked them, or goes."""
        if self.dice.random() < 0.5:
            yield ev.BlindTransferred(by=leg.channel, transferee=self.caller)
        yield leaves(bridge, self.caller)
        yield leaves(bridge, leg.channel)
        self.becomes_caller(self.caller, self.call)
        yield ev.Parked(uniqueid=self.caller)
        yield self.hangs_up(leg.channel)
        if self.dice.random() < 0.5:
            yield from self.dice.choice((self.reach, self.goes))()
            return
        fetcher = self.house.uniqueid()
        self.house.waiting[Linkedid(fetcher)] = fetcher
        yield created(fetcher, "PJSIP/103", dialled="701")
        yield state(fetcher, ChannelState.UP)
        place = self.house.bridge()
        yield enters(place, fetcher)
        yield enters(place, self.caller)
        yield from self.part(place, Leg(fetcher, self.caller, [], self.caller))

    def goes(self) -> Events:
        """The caller is gone, and all that was theirs."""
        left = [self.caller, *(self.through or ())]
        cause = self.dice.choice((0, 16, 17, 19, 38, 127))
        for uniqueid in left:
            if (place := self.house.mirror.bridges.get(uniqueid)) is not None:
                yield leaves(place, uniqueid)
            yield self.hangs_up(uniqueid, cause)
