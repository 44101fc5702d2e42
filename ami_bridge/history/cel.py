"""Channel event logging, as cel_custom writes it: every step of every channel, so that little is left to guess.

Two mappings are read, told apart by their number of columns: the one in Asterisk's own sample of cel_custom.conf, and
the shorter one that docs/install.md recommends. Whether a bridge only holds (parking, BridgeWait) is in the `extra` of
BRIDGE_ENTER. Lines of different channels are not quite in the order of their times: the order in the file is kept.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ami_bridge.domain.call import is_party, is_pipe
from ami_bridge.domain.ending import EndedUnseen, Ending
from ami_bridge.domain.facts import CallOutcome, QueueExit
from ami_bridge.domain.names import ChannelName, Linkedid

# Where a mapping of so many columns has: channel, application, Uniqueid, Linkedid, extra. The type always comes first.
_COLUMNS = {20: (9, 10, 14, 15, 19), 12: (4, 8, 2, 3, 11)}

_BY_CAUSE = {17: CallOutcome.BUSY, 18: CallOutcome.NO_ANSWER, 19: CallOutcome.NO_ANSWER, 21: CallOutcome.REJECTED}
_HUNG_UP = {0, 16, 26, 31, 127}
# Of several phones that were dialled the first of these that one of them met is what the caller met.
_ORDER = (CallOutcome.NO_ANSWER, CallOutcome.BUSY, CallOutcome.REJECTED, CallOutcome.FAILED)


@dataclass(frozen=True, slots=True)
class Step:
    """One line."""

    kind: str
    channel: str
    application: str
    uniqueid: str
    linkedid: str
    extra: Mapping[str, Any]


@dataclass(slots=True)
class _Leg:
    """What is told of one channel."""

    name: str = ""
    began: bool = False
    ended: bool = False
    answered: bool = False  # picked up, by a phone or by the dialplan
    dialled: bool = False  # by Dial; whom a queue rang says nothing of how the queue let go
    applications: list[str] = field(default_factory=list)
    cause: int = 0
    source: str = ""  # the channel whose far end hung up
    dialstatus: str = ""


@dataclass(slots=True)
class _Story:
    """What is told of one call."""

    legs: dict[str, _Leg] = field(default_factory=dict)
    bridges: dict[str, set[str]] = field(default_factory=dict)  # bridges that join people, and the channels in them
    by: str = ""  # whom the caller was joined with
    strange: bool = False  # in a bridge of which it is not told what kind it is


def endings(lines: Iterable[str], gone: Sequence[EndedUnseen]) -> dict[Linkedid, Ending]:
    """How the calls of `gone` went on, those that `lines` are sure of; lines that cannot be read are passed over.

    That a caller was not answered is believed only where the whole call is told, in a log that tells of bridges.
    """
    wanted = {call.call: call for call in gone}
    stories: dict[Linkedid, _Story] = {}
    tells_bridges = False
    for line in lines:
        step = read(line)
        if step is None:
            continue
        tells_bridges = tells_bridges or step.kind == "BRIDGE_ENTER"
        if (call := wanted.get(Linkedid(step.linkedid))) is not None:
            _tell(stories.setdefault(call.call, _Story()), step, call.caller)
    found = {id_: _ending(story, wanted[id_], tells_bridges) for id_, story in stories.items()}
    return {id_: ending for id_, ending in found.items() if ending is not None}


def read(line: str) -> Step | None:
    """The step a line tells of; None for one that is none."""
    try:
        row = next(csv.reader([line]), [])
    except csv.Error:
        return None
    columns = _COLUMNS.get(len(row))
    if columns is None:
        return None
    channel, application, uniqueid, linkedid, extra = (row[n] for n in columns)
    return Step(row[0], channel, application, uniqueid, linkedid, _extra(extra))


def _extra(text: str) -> Mapping[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _tell(story: _Story, step: Step, caller: str) -> None:
    leg = story.legs.setdefault(step.uniqueid, _Leg())
    leg.name = step.channel or leg.name
    match step.kind:
        case "CHAN_START":
            leg.began = True
        case "ANSWER":
            leg.answered = True
        case "APP_START":
            leg.applications.append(step.application.lower())
        case "BRIDGE_ENTER":
            _joined(story, step, caller)
        case "BRIDGE_EXIT":
            story.bridges.get(str(step.extra.get("bridge_id")), set()).discard(step.uniqueid)
        case "HANGUP":
            leg.ended = True
            cause = step.extra.get("hangupcause")
            leg.cause = cause if isinstance(cause, int) else 0
            leg.source, leg.dialstatus = str(step.extra.get("hangupsource", "")), str(step.extra.get("dialstatus", ""))
        case "CHAN_END":
            leg.ended = True
    leg.dialled = leg.dialled or step.application == "AppDial"


def _joined(story: _Story, step: Step, caller: str) -> None:
    technology, bridge = step.extra.get("bridge_technology"), step.extra.get("bridge_id")
    if technology == "holding_bridge":
        return
    if not technology or not bridge:
        story.strange = True
        return
    story.bridges.setdefault(str(bridge), set()).add(step.uniqueid)
    if not story.by:
        hearing = _hears(story, str(bridge))
        others = sorted(hearing - {caller})
        story.by = story.legs[others[0]].name if caller in hearing and others else ""


def _hears(story: _Story, bridge: str) -> set[str]:
    """The channels that hear each other through `bridge`; the halves of a Local channel are looked through."""
    found: set[str] = set()
    seen: set[str] = set()
    todo = [bridge]
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        for uniqueid in story.bridges.get(here, ()):
            if not is_pipe(name := story.legs[uniqueid].name):
                if is_party(name):
                    found.add(uniqueid)
                continue
            far = name[:-1] + ("2" if name.endswith("1") else "1")
            todo += [id_ for id_, members in story.bridges.items() if far in {story.legs[m].name for m in members}]
    return found


def _ending(story: _Story, call: EndedUnseen, tells_bridges: bool) -> Ending | None:
    caller = story.legs.get(call.caller)
    if story.by:
        return Ending(outcome=CallOutcome.COMPLETED, answered=True, by=ChannelName(story.by))
    if caller is None or not caller.ended:
        return None
    if call.answered:
        return Ending(outcome=CallOutcome.COMPLETED, answered=True)
    whole = caller.began and all(leg.ended for leg in story.legs.values())
    if not whole or not tells_bridges or story.strange:
        return None
    return _unanswered(story, caller)


def _unanswered(story: _Story, caller: _Leg) -> Ending:
    """The same outcome that it would have had, had it been watched, where the steps are enough to tell."""
    hung_up = caller.source == caller.name and caller.cause in _HUNG_UP
    last = caller.applications[-1] if caller.applications else ""
    if last == "queue" and hung_up:
        return Ending(outcome=CallOutcome.ABANDONED, answered=False, queue_exit=QueueExit.ABANDONED)
    if last == "queue":  # it let the caller go, or never let them in: its own log knows
        return Ending(outcome=CallOutcome.UNSEEN, answered=False)
    if caller.dialstatus == "CANCEL":
        return Ending(outcome=CallOutcome.CANCELLED, answered=False)
    met = {_met(leg) for leg in story.legs.values() if leg.dialled and not is_pipe(leg.name)}
    outcome = next((outcome for outcome in _ORDER if outcome in met), None) or _undialled(caller, hung_up)
    return Ending(outcome=outcome, answered=False)


def _met(leg: _Leg) -> CallOutcome:
    """What a phone did that was dialled in vain; one that picked up was not joined with the caller."""
    vain = leg.answered or leg.cause in _HUNG_UP
    return _BY_CAUSE.get(leg.cause, CallOutcome.NO_ANSWER if vain else CallOutcome.FAILED)


def _undialled(caller: _Leg, hung_up: bool) -> CallOutcome:
    """Nobody was dialled: the caller gave up, or the dialplan took care of them, or refused."""
    if caller.cause not in _HUNG_UP:
        return _BY_CAUSE.get(caller.cause, CallOutcome.FAILED)
    return CallOutcome.COMPLETED if caller.answered and not hung_up else CallOutcome.CANCELLED
