"""The calls and channels of one PBX that live now, and what is said when they come, change hands and go."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ami_bridge.domain import facts as fa
from ami_bridge.domain.bridges import Bridges
from ami_bridge.domain.call import Call, Channel, is_question
from ami_bridge.domain.events import ChannelCreated, ChannelState
from ami_bridge.domain.facts import CallOutcome, Fact, QueueExit
from ami_bridge.domain.names import ChannelName, Linkedid, Uniqueid

REMEMBERED = 1000  # channels that hung up last, so that late news of them does not make them live again


@dataclass(slots=True)
class Calls:
    """What lives. Facts are returned in the order in which they are to be told."""

    channels: dict[Uniqueid, Channel] = field(default_factory=dict)
    calls: dict[Linkedid, Call] = field(default_factory=dict)
    bridges: Bridges = field(default_factory=Bridges)
    # What this PBX is known to tell, which makes its silence mean something: that a far end hangs up; how dials go on,
    # which is told when all phones of a group are dialled, while the first may be heard to ring before the last is.
    hangups_announced: bool = False
    dial_states_announced: bool = False
    _hung_up: dict[Uniqueid, None] = field(default_factory=dict)  # the last REMEMBERED, oldest first

    def add(self, event: ChannelCreated, now: datetime, *, whole: bool) -> None:
        """Take in a channel that is not known yet.

        A tree is named after its first channel: one that begins with another one began before it was watched, unless
        `whole`: who is asked about all there is may take the oldest for the first. What is left of a tree whose end
        was told is not told again, and one whose first channel joined another call belongs to that.
        """
        if event.uniqueid in self.channels or event.uniqueid in self._hung_up or is_question(event.name):
            return
        first = Uniqueid(event.linkedid)
        call = self.calls.get(event.linkedid) or self.call_of(first)
        if call is None:
            partial = first in self._hung_up or not (whole or event.uniqueid == first)
            call = self.calls[event.linkedid] = Call(event.linkedid, now, partial=partial)
        elif event.uniqueid == first:
            call.partial = False
        channel = Channel(event.uniqueid, event.name, call, event.state, event.dialled)
        channel.called(event.name)
        self.channels[event.uniqueid] = channel
        call.channels[event.uniqueid] = None
        if channel.party and call.caller is None and not call.partial:
            call.caller, call.caller_name = event.uniqueid, event.name
            call.number, call.dialled = event.caller_number, event.dialled

    @staticmethod
    def rename(channel: Channel, name: ChannelName) -> None:
        """A caller is told of by their new name from now on, unless that is a zombie's."""
        channel.called(name)
        if channel.call.caller == channel.uniqueid and channel.party:
            channel.call.caller_name = name

    def remove(self, channel: Channel) -> None:
        """Forget a channel that is gone; its call stays, and may have no channel left."""
        self.bridges.leave(channel)
        if channel.pair is not None:
            channel.pair.pair = None
        self.undial(channel)
        for target in channel.targets.values():
            target.dialler = None
        del self.channels[channel.uniqueid]
        channel.call.channels.pop(channel.uniqueid, None)
        self._remember(channel.uniqueid)

    def _remember(self, hung_up: Uniqueid) -> None:
        self._hung_up[hung_up] = None
        if len(self._hung_up) > REMEMBERED:
            del self._hung_up[next(iter(self._hung_up))]

    @staticmethod
    def undial(target: Channel) -> None:
        """Nobody dials `target` any more."""
        if target.dialler is not None:
            target.dialler.targets.pop(target.uniqueid, None)
            target.dialler = None

    def call_of(self, uniqueid: Uniqueid) -> Call | None:
        """The call a channel belongs to, if that channel is known."""
        channel = self.channels.get(uniqueid)
        return channel.call if channel is not None else None

    def rings(self, call: Call) -> bool:
        """Whether a phone is being dialled for `call`."""
        channels = (self.channels[uniqueid] for uniqueid in call.channels)
        return any(c.party and c.dialler is not None and c.uniqueid in c.dialler.targets for c in channels)

    def rung_by(self, dialler: Channel) -> list[Channel]:
        """The parties `dialler` dialled who are still there and hear nobody yet, through pipes."""
        found: list[Channel] = []
        todo, seen = [dialler], {dialler}
        for here in todo:
            for target in (self.channels[uniqueid] for uniqueid in here.call.channels):
                if target.dialler is not here or (target.attempt == 0 and len(self.bridges.parties(target.bridge)) > 1):
                    continue
                if target.party:
                    found.append(target)
                elif target.pair is not None and target.pair not in seen:
                    seen.add(target.pair)
                    todo.append(target.pair)
        return found

    def say(self, call: Call, fact: Fact) -> list[Fact]:
        """`fact` about `call`, after its start if that was not told yet; nothing about a call nobody knows."""
        return [*self.start(call), fact] if call.caller is not None else []

    @staticmethod
    def start(call: Call) -> list[Fact]:
        """Tell that `call` started, once.

        Not at its first event but when somebody is dialled, waits or talks: only then is the caller's number what
        they wish to show, and what a phone was originated for is known.
        """
        if call.told or call.caller is None:
            return []
        call.told = True
        return [fa.CallStarted(call=call.id, caller=call.caller_name, caller_number=call.number, dialled=call.dialled)]

    def end(self, call: Call, now: datetime, outcome: CallOutcome | None = None) -> list[Fact]:
        """The last channel of `call` is gone; `outcome` when that was not seen and is known, or not, from elsewhere."""
        self.calls.pop(call.id, None)
        self._remember(Uniqueid(call.id))  # its first channel may have gone unseen
        if call.caller is None:
            return []
        facts = [*self.leave_queues(call), *self.tell_transfer(call)]
        ended = fa.CallEnded(
            call=call.id,
            caller=call.caller_name,
            outcome=outcome or call.outcome(),
            answered=call.answered,
            cause=call.cause,
            dialled=call.dialled,
            lasted=(now - call.began).total_seconds(),
        )
        return [*facts, *self.say(call, ended)]

    def move(self, channel: Channel, call: Call, now: datetime) -> list[Fact]:
        """Hand `channel`, and whoever it is dialling, over to `call`; the call it leaves ends if that was all of it."""
        old, todo = channel.call, [channel]
        if old is call:
            return []
        while todo:
            here = todo.pop()
            if here.call is not old:
                continue
            here.call = call
            old.channels.pop(here.uniqueid, None)
            call.channels[here.uniqueid] = None
            todo += here.targets.values()
            if here.pair is not None:
                todo.append(here.pair)
        if old.channels:
            return []
        if channel.uniqueid == old.caller:
            old.caller_was_up = channel.state is ChannelState.UP
        if old.told:
            return [*self.leave_queues(old, QueueExit.TRANSFERRED), *self.end(old, now)]
        self.calls.pop(old.id, None)  # it was only ever a way into the other call, such as the code for a pickup
        return []

    def leave_queues(self, call: Call, reason: QueueExit | None = None) -> list[Fact]:
        """Tell of the queues `call` waits in that they are left, for `reason` or what was seen to be likely."""
        if not call.queues:
            return []
        call.queue_exit = reason or call.queue_exit or QueueExit.ABANDONED
        call.out_of_queue = False
        queues, call.queues = list(call.queues), {}
        facts: list[Fact] = []
        for queue in queues:
            left = fa.QueueLeft(call=call.id, caller=call.caller_name, queue=queue, reason=call.queue_exit)
            facts += self.say(call, left)
        return facts

    def tell_transfer(self, call: Call) -> list[Fact]:
        """Tell of a transfer that is on its way, now that it is known whom it reaches."""
        transfer, call.transfer = call.transfer, None
        if transfer is None:
            return []
        kind, by, caller, to = transfer.kind, transfer.by, transfer.caller, tuple(transfer.to)
        return self.say(call, fa.Transferred(call=call.id, kind=kind, caller=caller, by=by, to=to))
