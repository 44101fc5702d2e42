"""Phones that are dialled: from DialBegin to what came of it, and hang-ups.

DialEnd does not tell a rejection from no answer, and calls some answers busy that were none: what became of a phone is
said when its channel hangs up and the cause is known. That of one who answers is said at once.
"""

from __future__ import annotations

from datetime import datetime

from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.call import Call, Channel
from ami_bridge.domain.calls import Calls
from ami_bridge.domain.events import ChannelState, DialOutcome
from ami_bridge.domain.facts import Fact, QueueExit


def begun(calls: Calls, event: ev.DialBegun, now: datetime) -> list[Fact]:
    """`target` is dialled. Once more, by another: that one was put in the dialler's place by a transfer or a pickup."""
    target = calls.channels.get(event.target)
    dialler = calls.channels.get(event.caller) if event.caller is not None else None
    if target is None or dialler is target or (dialler is not None and dialler is target.dialler):
        return []
    if target.dial_outcome is DialOutcome.ANSWERED and (dialler is None or target.call is dialler.call):
        return []  # late news: it has answered that call already
    if dialler is None:
        _originated(target)
        return []
    calls.undial(target)
    call, facts = dialler.call, []
    if not dialler.targets and not _nested(dialler):
        facts = calls.leave_queues(call, QueueExit.TIMED_OUT) if call.out_of_queue else []
        _new_attempt(call)
        if call.dialled in ("", "s"):  # the caller was called first: what they called is where the dialplan is now
            call.dialled = target.exten if target.pipe else event.dialled
    if target.call is not call:
        facts += calls.move(target, call, now)
    target.dialler, target.attempt, target.dial_outcome = dialler, call.attempt, None
    target.alerted = target.alerted or target.state is ChannelState.UP  # it came by itself, and did not ring
    dialler.targets[target.uniqueid] = target
    if not target.party or target.uniqueid == call.caller:
        return facts
    if call.transfer is not None and target.name not in call.transfer.to:
        call.transfer.to.append(target.name)
    return [*facts, *calls.start(call), *_rings(calls, target)]


def _originated(target: Channel) -> None:
    """An Originate dials it; or a caller never seen, of whom nothing can be said."""
    call = target.call
    if target.attempt == 0 and target.dialler is None:
        target.attempt = _new_attempt(call)
    if target.uniqueid == call.caller and call.dialled == "s":
        call.dialled = ""  # a phone that is called first has dialled nothing yet


def hand_over(calls: Calls, old: Channel, new: Channel, now: datetime) -> list[Fact]:
    """What `old` dials is dialled by `new` from now on, as when a transferer lets go of a phone that still rings."""
    facts: list[Fact] = []
    call, targets = new.call, list(old.targets.values())
    _new_attempt(call)
    for target in targets:
        calls.undial(target)
        facts += calls.move(target, call, now)
        target.dialler, new.targets[target.uniqueid] = new, target
    for target in (*targets, *calls.rung_by(new)):
        target.attempt = call.attempt if target.attempt else 0  # who answered before has been told of
    return facts


def _nested(dialler: Channel) -> bool:
    """Whether `dialler` dials on behalf of somebody who dialled its other half."""
    pair = dialler.pair
    return pair is not None and pair.dialler is not None and pair.uniqueid in pair.dialler.targets


def _new_attempt(call: Call) -> int:
    if not call.queues:
        call.queue_exit = None
    call.attempt += 1
    call.outcomes.clear()
    return call.attempt


def state_changed(calls: Calls, event: ev.ChannelStateChanged, _now: datetime) -> list[Fact]:
    channel = calls.channels.get(event.uniqueid)
    if channel is None:
        return []
    channel.state = event.state
    return _rings(calls, channel)


def _rings(calls: Calls, channel: Channel) -> list[Fact]:
    """Tell of a phone by its state; of one in a transfer not before all it was sent to are known to be dialled."""
    if channel.state is not ChannelState.RINGING or (channel.call.transfer and calls.dial_states_announced):
        return []
    return alerts(calls, channel)


def caller_id_changed(calls: Calls, event: ev.CallerIdChanged, _now: datetime) -> list[Fact]:
    call = calls.call_of(event.uniqueid)
    if call is not None and call.caller == event.uniqueid and not call.told:
        call.number = event.number
    return []


def alerted(calls: Calls, event: ev.DialAlerted, _now: datetime) -> list[Fact]:
    calls.dial_states_announced = True
    channel = calls.channels.get(event.target)
    return alerts(calls, channel) if channel is not None else []


def alerts(calls: Calls, channel: Channel) -> list[Fact]:
    """Told once a phone, when it is known to be dialled: a fast one rings before DialBegin.

    That of a caller who was called first, to click and dial, rings for nobody else.
    """
    call = channel.call
    if channel.alerted or channel.attempt == 0 or not channel.party or channel.uniqueid == call.caller:
        return []
    channel.alerted = True
    ringing = fa.Ringing(call=call.id, caller=call.caller_name, targets=(channel.name,))
    return [*calls.tell_transfer(call), *calls.say(call, ringing)]


def ended(calls: Calls, event: ev.DialEnded, now: datetime) -> list[Fact]:
    target = calls.channels.get(event.target)
    if target is not None and target.attempt == 0 and event.outcome is DialOutcome.ANSWERED:
        return _picked_up(calls, event, target, now)
    if target is None or target.attempt == 0:
        return []
    if target.dialler is not None:
        if event.caller not in (None, target.dialler.uniqueid) and event.outcome is not DialOutcome.ANSWERED:
            return []  # by the one in whose place another dials: it rings on
        target.dialler.targets.pop(target.uniqueid, None)
    if event.outcome is not DialOutcome.ANSWERED:
        if target.dial_outcome is None:  # what is said a second time is that the phone stops ringing
            target.dial_outcome, target.forwarded = event.outcome, event.forwarded
        return []
    # Who answers was alerted, though some networks never say so.
    facts = [*alerts(calls, target), *_tell(calls, target, DialOutcome.ANSWERED)]
    target.attempt, target.dial_outcome = 0, event.outcome
    return facts


def _picked_up(calls: Calls, event: ev.DialEnded, picker: Channel, now: datetime) -> list[Fact]:
    """Somebody answers who was not dialled, but called by themselves: they took the call of a phone that rings."""
    dialler = calls.channels.get(event.caller) if event.caller is not None else None
    if dialler is None or dialler.call is picker.call or picker.uniqueid != picker.call.caller:
        return []
    return calls.move(picker, dialler.call, now)


def _tell(calls: Calls, target: Channel, outcome: DialOutcome) -> list[Fact]:
    call = target.call
    if not target.party:
        return []
    called_first = target.uniqueid == call.caller
    if called_first and outcome is DialOutcome.CANCELLED:
        outcome = DialOutcome.NO_ANSWER  # there is nobody who could have given up
    if target.attempt == call.attempt and not target.forwarded:
        call.outcomes.add(outcome)
    if called_first:
        return []
    over = fa.DialEnded(call=call.id, caller=call.caller_name, targets=(target.name,), outcome=outcome)
    return [*calls.tell_transfer(call), *calls.say(call, over)]


def hangup_requested(calls: Calls, event: ev.HangupRequested, _now: datetime) -> list[Fact]:
    """A caller who hangs up while it rings has cancelled; one who hears it was busy and hangs up has not."""
    calls.hangups_announced = True
    call = calls.call_of(event.uniqueid)
    if call is not None and call.caller == event.uniqueid and call.unheard:
        call.hung_up, call.cancelled = True, call.cancelled or calls.rings(call)
    return []


def hung_up(calls: Calls, event: ev.ChannelHungUp, now: datetime) -> list[Fact]:
    channel = calls.channels.get(event.uniqueid)
    if channel is None:
        return []
    call = channel.call
    facts = _tell(calls, channel, channel.outcome_of_dial(event.cause)) if channel.attempt else []
    was_caller = event.uniqueid == call.caller
    if was_caller:
        call.cause, call.caller_was_up = event.cause, channel.state is ChannelState.UP
        facts += calls.leave_queues(call)
    calls.remove(channel)
    if not call.channels:
        facts += calls.end(call, now)
    elif was_caller:
        facts += _handed_over(calls, call, now)
    return facts


def _handed_over(calls: Calls, call: Call, now: datetime) -> list[Fact]:
    """The caller is gone: whom they had reached and who talks with another call's caller belongs to that call."""
    facts: list[Fact] = []
    for uniqueid in tuple(call.channels):
        channel = calls.channels[uniqueid]
        if channel.call is call and channel.party:
            heard = calls.bridges.parties(channel.bridge)
            other = next((party.call for party in heard if party.call is not call), None)
            facts += calls.move(channel, other, now) if other is not None else []
    return facts
