"""After a time of not watching: what is remembered is held against what lives now.

A call that lives on stays the same call, with all that was seen of it. One that is over is closed as the PBX's own
records tell, or as unseen: how it ended is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ami_bridge.domain import dialling, queueing, talking
from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.call import Call
from ami_bridge.domain.calls import Calls
from ami_bridge.domain.ending import EndedUnseen, Ending
from ami_bridge.domain.facts import CallOutcome, Fact, QueueExit
from ami_bridge.domain.names import Linkedid, Uniqueid


def ended_unseen(calls: Calls, snapshot: Sequence[ev.Event]) -> list[EndedUnseen]:
    """The known calls of which no channel lives any more."""
    alive = _alive(snapshot)
    return [
        EndedUnseen(
            call=call.id,
            caller=call.caller,
            channels=frozenset(call.channels),
            began=call.began,
            answered=call.answered,
            waited_in_queue=bool(call.queues),
        )
        for call in calls.calls.values()
        if call.caller is not None and alive.isdisjoint(call.channels)
    ]


def resync(calls: Calls, snapshot: Sequence[ev.Event], now: datetime, endings: Mapping[Linkedid, Ending]) -> list[Fact]:
    """Facts about calls that ended, began, were answered or left a queue since, in this order: all `steps` at once."""
    return [fact for facts in steps(calls, snapshot, now, endings) for fact in facts]


def steps(
    calls: Calls, snapshot: Sequence[ev.Event], now: datetime, endings: Mapping[Linkedid, Ending]
) -> Iterator[list[Fact]]:
    """The same a little at a time, since thousands of calls take a while; only the whole is the truth."""
    yield _forget_the_gone(calls, _alive(snapshot), now, endings)
    for channel in calls.channels.values():
        calls.bridges.leave(channel)
    for event in snapshot:
        if isinstance(event, ev.ChannelCreated):
            yield _seen(calls, event, now)
    for event in snapshot:
        if isinstance(event, ev.LocalPaired):
            yield talking.paired(calls, event, now)
        elif isinstance(event, ev.BridgeEntered):
            yield talking.entered(calls, event, now)
    waiting = [event for event in snapshot if isinstance(event, ev.QueueCallerJoined)]
    yield _out_of_queues(calls, waiting)
    for event in waiting:
        yield queueing.joined(calls, event, now)


def _alive(snapshot: Sequence[ev.Event]) -> frozenset[Uniqueid]:
    return frozenset(event.uniqueid for event in snapshot if isinstance(event, ev.ChannelCreated))


def _forget_the_gone(
    calls: Calls, alive: frozenset[Uniqueid], now: datetime, endings: Mapping[Linkedid, Ending]
) -> list[Fact]:
    facts: list[Fact] = []
    for channel in [c for c in calls.channels.values() if c.uniqueid not in alive]:
        calls.remove(channel)
    for call in [c for c in calls.calls.values() if not c.channels]:
        facts += _closed(calls, call, now, endings.get(call.id))
    return facts


def _closed(calls: Calls, call: Call, now: datetime, ending: Ending | None) -> list[Fact]:
    """How a call went on that ended meanwhile, as far as that is known."""
    call.transfer = None
    if ending is None:
        return [*calls.leave_queues(call, QueueExit.UNSEEN), *calls.end(call, now, CallOutcome.UNSEEN)]
    facts = calls.leave_queues(call, ending.queue_exit or QueueExit.UNSEEN)
    if ending.by is not None and not call.answered:
        facts += calls.say(call, fa.Answered(call=call.id, caller=call.caller_name, by=ending.by))
    call.answered = call.answered or ending.answered
    return [*facts, *calls.end(call, now, ending.outcome)]


def _seen(calls: Calls, event: ev.ChannelCreated, now: datetime) -> list[Fact]:
    """A channel that lives: a new one is taken in, a known one brought up to date."""
    channel = calls.channels.get(event.uniqueid)
    if channel is None:
        calls.add(event, now, whole=True)
        call = calls.call_of(event.uniqueid)
        return calls.start(call) if call is not None else []
    if channel.name != event.name:
        calls.rename(channel, event.name)
    channel.state = event.state
    return dialling.alerts(calls, channel) if event.state is ev.ChannelState.RINGING else []


def _out_of_queues(calls: Calls, waiting: Sequence[ev.QueueCallerJoined]) -> list[Fact]:
    """Those who waited and do no longer. Who talks by now has left already; of others the reason was not seen."""
    still = {(call.id, event.queue) for event in waiting if (call := calls.call_of(event.uniqueid)) is not None}
    facts: list[Fact] = []
    for call in calls.calls.values():
        if call.queues and not any((call.id, queue) in still for queue in call.queues):
            facts += calls.leave_queues(call, QueueExit.UNSEEN)
            call.queue_exit = None
    return facts
