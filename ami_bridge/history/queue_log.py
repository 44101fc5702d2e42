"""queue_log, which app_queue writes by default: how each caller who waited got out of the queue.

A line is `time|uniqueid of the caller's channel|queue|agent|what|data...`. What the dialplan did with a caller whom a
queue let go of is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ami_bridge.domain.ending import EndedUnseen, Ending
from ami_bridge.domain.facts import CallOutcome, QueueExit
from ami_bridge.domain.names import Linkedid

_EXITS = {
    "CONNECT": QueueExit.ANSWERED,
    "COMPLETEAGENT": QueueExit.ANSWERED,
    "COMPLETECALLER": QueueExit.ANSWERED,
    "TRANSFER": QueueExit.ANSWERED,  # by the agent who had answered
    "BLINDTRANSFER": QueueExit.ANSWERED,
    "ATTENDEDTRANSFER": QueueExit.ANSWERED,
    "ABANDON": QueueExit.ABANDONED,
    "EXITWITHTIMEOUT": QueueExit.TIMED_OUT,
    "EXITEMPTY": QueueExit.EMPTY,
    "LEAVEEMPTY": QueueExit.EMPTY,
    "WITHDRAW": QueueExit.WITHDRAWN,
}
_JOINED = {"ENTERQUEUE"}


def endings(lines: Iterable[str], gone: Sequence[EndedUnseen]) -> dict[Linkedid, Ending]:
    """How the calls of `gone` got out of their last queue; one that a queue let go of ended in a way not told here."""
    wanted = {uniqueid: call for call in gone for uniqueid in (call.caller, *call.channels)}
    exits: dict[Linkedid, QueueExit | None] = {}
    for line in lines:
        fields = line.split("|")
        if len(fields) < 5 or (call := wanted.get(fields[1])) is None:  # type: ignore[call-overload]
            continue
        if fields[4] in _JOINED:
            exits[call.call] = None
        elif fields[4] in _EXITS:
            exits[call.call] = _EXITS[fields[4]]
    return {call.call: _ending(left, call) for call in gone if (left := exits.get(call.call)) is not None}


def _ending(left: QueueExit, call: EndedUnseen) -> Ending:
    answered = call.answered or left is QueueExit.ANSWERED
    if answered:
        outcome = CallOutcome.COMPLETED
    else:
        outcome = CallOutcome.ABANDONED if left is QueueExit.ABANDONED else CallOutcome.UNSEEN
    return Ending(outcome=outcome, answered=answered, queue_exit=left)
