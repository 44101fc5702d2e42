"""Who is joined with whom: bridges, Local pairs, transfers, pickups and parking."""

from __future__ import annotations

from datetime import datetime

from ami_bridge.domain import dialling
from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.call import Channel, Transfer
from ami_bridge.domain.calls import Calls
from ami_bridge.domain.events import ChannelState, DialOutcome
from ami_bridge.domain.facts import Fact, QueueExit, TransferKind
from ami_bridge.domain.names import Uniqueid


def paired(calls: Calls, event: ev.LocalPaired, _now: datetime) -> list[Fact]:
    one, two = calls.channels.get(event.one), calls.channels.get(event.two)
    if one is None or two is None or one is two:
        return []
    for end in (one, two):
        if end.pair is not None:
            end.pair.pair = None
    one.pair, two.pair = two, one
    return _answers(calls, one) + _answers(calls, two)


def entered(calls: Calls, event: ev.BridgeEntered, now: datetime) -> list[Fact]:
    channel = calls.channels.get(event.uniqueid)
    if channel is None:
        return []
    calls.bridges.enter(channel, event.bridge)
    facts: list[Fact] = []
    if channel.attempt and channel.state is ChannelState.UP:  # that it answered was not seen
        answer = ev.DialEnded(caller=None, target=channel.uniqueid, outcome=DialOutcome.ANSWERED)
        facts = dialling.ended(calls, answer, now)
    return facts + _answers(calls, channel)


def left(calls: Calls, event: ev.BridgeLeft, _now: datetime) -> list[Fact]:
    """Leaving a bridge they are in no more, late news of a move, takes nobody out of another."""
    channel = calls.channels.get(event.uniqueid)
    if channel is not None and channel.bridge == event.bridge:
        calls.bridges.leave(channel)
    return []


def _answers(calls: Calls, channel: Channel) -> list[Fact]:
    """Facts for each caller around `channel` who waited for a person and now hears one."""
    parties = calls.bridges.parties(channel.bridge)
    if len(parties) < 2:
        return []
    facts: list[Fact] = []
    for party in parties:
        call = party.call
        if call.unheard and party.uniqueid == call.caller:
            others = [p for p in parties if p is not party]
            by = next((p for p in others if p.call is call), others[0])
            facts += calls.leave_queues(call, QueueExit.ANSWERED)
            facts += calls.tell_transfer(call)
            call.heard()
            facts += calls.say(call, fa.Answered(call=call.id, caller=party.name, by=by.name))
    return facts


def blind_transferred(calls: Calls, event: ev.BlindTransferred, _now: datetime) -> list[Fact]:
    """Whom it reaches is told when their phones ring."""
    near = calls.channels.get(event.by)
    by = _person(calls, near)
    stays = _far_end(calls, event.transferee, near, by) if near is not None and by is not None else None
    if by is None or stays is None or stays.call.sent_on == event:
        return []
    stays.call.sent_on = event
    facts = calls.tell_transfer(stays.call)
    _stays(stays, by)
    if not stays.call.parked:
        stays.call.transfer = Transfer(TransferKind.BLIND, by.name, stays.name)
    return facts


def attended_transferred(calls: Calls, event: ev.AttendedTransferred, now: datetime) -> list[Fact]:
    """Joins the far ends of a transferer's calls; one whose target still rings is a blonde transfer.

    Asterisk has moved the channels by the time it says so, and does not always name them.
    """
    first, second = calls.channels.get(event.by), calls.channels.get(event.second)
    by, again = _person(calls, first), _person(calls, second)
    if first is None or second is None or by is None or again is None:
        return []
    joined = [p for p in calls.bridges.parties(event.bridge) if p is not by and p is not again]
    stays = _far_end(calls, event.transferee, first, by, again)
    stays = stays or next((party for party in joined if party.call is first.call), None)
    if stays is None or stays.call.sent_on == event:
        return []
    stays.call.sent_on = event
    target = _far_end(calls, event.target, second, by, again, stays)
    target = target or next((party for party in joined if party is not stays), None)
    call = stays.call
    facts = calls.tell_transfer(call)
    _stays(stays, by, again)
    if target is None:
        return facts + _let_go(calls, event, second, again, stays, now)
    call.transfer = Transfer(TransferKind.ATTENDED, again.name, stays.name, [target.name])
    facts += calls.tell_transfer(call)
    call.heard()
    if target.call is not call and target.uniqueid != target.call.caller:
        facts += calls.move(target, call, now)
    return facts


def _let_go(
    calls: Calls, event: ev.AttendedTransferred, second: Channel, by: Channel, stays: Channel, now: datetime
) -> list[Fact]:
    """The target still rings: for the one who stays, from now on."""
    call = stays.call
    # Who transfers by a feature code consults through a pipe, whose far half dials.
    pipes = [c.pair for c in calls.bridges.members.get(event.bridge, ()) if c.pair] if event.bridge else []
    dialler = next((pipe for pipe in pipes if calls.rung_by(pipe)), second)
    rung = [channel.name for channel in calls.rung_by(dialler)]
    call.transfer = Transfer(TransferKind.BLONDE, by.name, stays.name, rung)
    if not rung:
        return []
    told = calls.tell_transfer(call)
    return told + (dialling.hand_over(calls, second, stays, now) if dialler is second else [])


def _stays(channel: Channel, *by: Channel) -> None:
    """`channel` was sent elsewhere. A caller who does that leaves the call to the one who stays."""
    call = channel.call
    if any(call.caller == transferer.uniqueid for transferer in by):
        call.caller, call.caller_name = channel.uniqueid, channel.name
    call.unheard, call.cancelled = True, False


def _person(calls: Calls, near: Channel | None) -> Channel | None:
    """Who acts at `near`, which may be the near half of the pipe they are behind."""
    if near is None or near.party:
        return near
    return next(iter(calls.bridges.beyond(near)), None)


def _far_end(calls: Calls, named: Uniqueid | None, near: Channel, *but: Channel) -> Channel | None:
    """The party at the other end of `near`: the one `named`, or whoever they hear, a pipe looked through."""
    channel = calls.channels.get(named) if named is not None else None
    if channel is not None and channel.party:
        return channel
    heard = calls.bridges.parties(near.bridge) if channel is None else calls.bridges.beyond(channel)
    return next((party for party in heard if party is not near and party not in but), None)


def picked_up(calls: Calls, event: ev.PickedUp, now: datetime) -> list[Fact]:
    """The picker takes the place of a phone that rings, and from now on belongs to that call."""
    picker, target = calls.channels.get(event.picker), calls.channels.get(event.target)
    if picker is None or target is None or picker.call is target.call:
        return []
    return calls.move(picker, target.call, now)


def parked(calls: Calls, event: ev.Parked, _now: datetime) -> list[Fact]:
    """Parking is not sending on, though it looks so on the wire: whoever takes the caller out answers them anew."""
    call = calls.call_of(event.uniqueid)
    if call is not None:
        if call.transfer is not None and not call.transfer.to:
            call.transfer = None
        call.unheard = call.parked = True
    return []
