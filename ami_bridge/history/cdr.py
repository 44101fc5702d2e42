"""Call detail records as cdr_csv and cdr_custom write them: a line per pair of parties that were dialled or spoke.

ANSWERED alone does not mean a person: it is also what a call is that only heard an announcement, or sat in a parking
lot. It is taken for a person where the caller's own channel dialled a real one, by Dial or a queue, and nothing ran on
the phone that might have asked it to accept first. Who hung up is not told: a call that rang in vain may have been
cancelled, so that nothing is said of it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ami_bridge.domain.call import is_pipe
from ami_bridge.domain.ending import EndedUnseen, Ending
from ami_bridge.domain.facts import CallOutcome
from ami_bridge.domain.names import ChannelName, Linkedid

_DISPOSITIONS = {"ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION"}
# Dial's options that let the one who picked up decline: U (Gosub), M (macro), P and p (privacy, screening), G (goto).
_ASKS_FIRST = re.compile(r"[GMPU]|p(?!\()")
_QUEUE_ARGUMENTS = 5  # queue, options, URL, announcement, seconds; what follows runs on the agent's phone
_UNIQUEID = re.compile(r"\S*[0-9]+\.[0-9]+|keepline-\S+", re.ASCII)
_OUTCOMES = {"BUSY": CallOutcome.BUSY, "FAILED": CallOutcome.FAILED, "CONGESTION": CallOutcome.FAILED}


@dataclass(frozen=True, slots=True)
class Record:
    """One line. `ids` are its Uniqueid, and the Linkedid where that is written too."""

    dialled: str  # the other channel; empty when there was none
    application: str  # the last, in small letters
    arguments: str
    disposition: str
    ids: tuple[str, ...]


def endings(lines: Iterable[str], gone: Sequence[EndedUnseen]) -> dict[Linkedid, Ending]:
    """How the calls of `gone` went on, those that `lines` are sure of; lines that cannot be read are passed over."""
    wanted = {id_: call for call in gone for id_ in (call.call, call.caller, *call.channels)}
    records: dict[Linkedid, list[Record]] = {}
    for line in lines:
        record = read(line)
        if record is not None and (call := next((wanted[i] for i in record.ids if i in wanted), None)) is not None:
            records.setdefault(call.call, []).append(record)
    found = {call.call: _ending(records[call.call], call) for call in gone if call.call in records}
    return {id_: ending for id_, ending in found.items() if ending is not None}


def read(line: str) -> Record | None:
    """The record a line holds; None for one that holds none, or no Uniqueid (`loguniqueid = yes` has it written).

    cdr_csv has the disposition in the 15th column and the identifiers after the 16th; the sample mapping of cdr_custom
    lacks the account code at its beginning and has it, and the Uniqueid, at its end.
    """
    try:
        row = next(csv.reader([line]), [])
    except csv.Error:
        return None
    if len(row) >= 17 and row[14] in _DISPOSITIONS:
        first = 6
    elif len(row) >= 17 and row[13] in _DISPOSITIONS:
        first = 5
    else:
        return None
    # What else follows (a user field, a sequence number) does not look like a Uniqueid.
    ids = tuple(id_ for id_ in row[16:] if _UNIQUEID.fullmatch(id_))
    return Record(row[first], row[first + 1].lower(), row[first + 2], row[first + 8], ids) if ids else None


def _ending(records: list[Record], call: EndedUnseen) -> Ending | None:
    dials = [record for record in records if record.ids[0] == call.caller and record.application in {"dial", "queue"}]
    by = next((r.dialled for r in dials if r.disposition == "ANSWERED" and _is_person(r)), None)
    if by is not None:
        return Ending(outcome=CallOutcome.COMPLETED, answered=True, by=ChannelName(by))
    if call.answered:
        return Ending(outcome=CallOutcome.COMPLETED, answered=True)
    met = {_OUTCOMES.get(record.disposition) for record in dials}
    if len(met) == 1 and not call.waited_in_queue and (outcome := met.pop()) is not None:
        return Ending(outcome=outcome, answered=False)
    return None


def _is_person(record: Record) -> bool:
    arguments = record.arguments.split(",")
    if record.application == "dial":
        asks = len(arguments) > 2 and _ASKS_FIRST.search(arguments[2]) is not None
    else:
        asks = any(arguments[_QUEUE_ARGUMENTS:])
    return bool(record.dialled) and not is_pipe(record.dialled) and not asks
