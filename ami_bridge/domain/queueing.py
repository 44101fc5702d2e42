"""Callers in queues: when they joined, and why they left.

QueueCallerAbandon comes whenever a queue lets go of a caller without an agent, not only when they hung up; the variable
QUEUESTATUS, set next, tells why. Where that is not sent, one who was not seen to hang up is taken to have timed out.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.calls import Calls
from ami_bridge.domain.facts import Fact, QueueExit

_EXITS = {
    "TIMEOUT": QueueExit.TIMED_OUT,
    "FULL": QueueExit.EMPTY,  # turned away at the door, and told of in no other way
    "JOINEMPTY": QueueExit.EMPTY,
    "LEAVEEMPTY": QueueExit.EMPTY,
    "JOINUNAVAIL": QueueExit.EMPTY,
    "LEAVEUNAVAIL": QueueExit.EMPTY,
    "WITHDRAW": QueueExit.WITHDRAWN,
    "CONTINUE": QueueExit.ANSWERED,
}


def joined(calls: Calls, event: ev.QueueCallerJoined, now: datetime) -> list[Fact]:
    call = calls.call_of(event.uniqueid)
    if call is None or (event.queue in call.queues and not call.out_of_queue):
        return []
    facts = calls.leave_queues(call, QueueExit.TIMED_OUT) if call.out_of_queue else []
    call.queues[event.queue] = now - timedelta(seconds=event.waited)
    call.queue_exit, call.unheard = None, True
    return facts + calls.say(call, fa.QueueJoined(call=call.id, caller=call.caller_name, queue=event.queue))


def left(calls: Calls, event: ev.QueueCallerLeft, _now: datetime) -> list[Fact]:
    call = calls.call_of(event.uniqueid)
    if call is None or event.queue not in call.queues:
        return []
    if call.queue_exit is None:
        return calls.leave_queues(call, QueueExit.ANSWERED)
    call.out_of_queue = True
    return []


def abandoned(calls: Calls, event: ev.QueueCallerAbandoned, _now: datetime) -> list[Fact]:
    call = calls.call_of(event.uniqueid)
    if call is not None and call.unheard:
        gave_up = call.hung_up or not calls.hangups_announced
        call.queue_exit = QueueExit.ABANDONED if gave_up else QueueExit.TIMED_OUT
    return []


def over(calls: Calls, event: ev.QueueEnded, _now: datetime) -> list[Fact]:
    call, reason = calls.call_of(event.uniqueid), _EXITS.get(event.status)
    if call is None or reason is None:
        return []
    call.queue_exit = reason
    return calls.leave_queues(call, reason)
