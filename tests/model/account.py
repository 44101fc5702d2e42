"""The ledger held against the PBX's own account of whom it dialled and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from tests.model.ledger import Database
from tests.model.pbx import Dial, ModelPbx

REACHED = ("joined", "told", "declined")  # after which nobody is dialled again for that promise
# What a promise ends as, and what the customer did in its last call then.
_LAST = {"kept": ("joined", "told"), "withdrawn": ("declined",)}


@dataclass(slots=True)
class Figures:
    """What must be none. Each entry says in words what is amiss."""

    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        return [*self.lost, *self.double, *self.disagreements]

    def add(self, other: Figures, where: str) -> None:
        for mine, others in ((self.lost, other.lost), (self.double, other.double)):
            mine += [f"{where}: {one}" for one in others]
        self.disagreements += [f"{where}: {one}" for one in other.disagreements]

    def lines(self) -> list[str]:
        return [
            f"figure: promises_lost = {len(self.lost)} (goal: 0)",
            f"figure: double_dials = {len(self.double)} (goal: 0)",
            f"figure: ledger_disagreements = {len(self.disagreements)} (goal: 0)",
        ]


def audit(database: Database, pbx: ModelPbx, owed: Iterable[str]) -> Figures:
    """Whether each number of `owed` has its promise with one end, was not dialled twice, and both sides agree.

    A promise is lost when it has neither an end nor a claim to be tried again. A double dial is a call to somebody who
    is being called, or who was reached already. Not so when everything died in the very moment in which they had
    heard the news, or chosen, before anybody could write it down.
    """
    figures = Figures()
    promises = {
        number: (id_, state, attempt)
        for id_, number, state, attempt in database.rows("select id, number, state, attempt from promises")
    }
    for number in owed:
        if number not in promises:
            figures.lost.append(f"{number} is in no ledger")
    for number, (id_, state, _attempt) in promises.items():
        figures.lost += _lost(database, id_, number, state)
        dials = [dial for dial in pbx.dials if dial.number == number]
        figures.double += _double(dials)
        figures.disagreements += _disagreements(database, id_, state, dials)
    return figures


def _lost(database: Database, id_: str, number: str, state: str) -> list[str]:
    ends = database.rows(
        "select count(*) from ledger where promise = ? and state in "
        "('kept', 'withdrawn', 'expired', 'exhausted', 'blocked')",
        id_,
    )[0][0]
    if state in ("kept", "withdrawn", "expired", "exhausted", "blocked"):
        return [] if ends == 1 else [f"{number} has {ends} ends"]
    if state != "waiting":
        return [f"{number} is {state} for good"]
    open_attempts = database.rows("select id from attempts where number = ? and ended is null", number)
    return [f"{number} waits, but an attempt is still open"] if open_attempts else []


def _double(dials: list[Dial]) -> list[str]:
    found = []
    for before, after in pairwise(dials):
        if before.ended is None or before.ended > after.at:
            found.append(f"{after.number} was dialled while it was being called")
        if before.outcome in REACHED:
            found.append(f"{after.number} was dialled after it had been reached ({before.outcome})")
    return found


def _disagreements(database: Database, id_: str, state: str, dials: list[Dial]) -> list[str]:
    attempts = dict(database.rows("select id, outcome from attempts where promise = ?", id_))
    found = [
        f"{dial.number} was dialled as {dial.attempt}, which no ledger knows"
        for dial in dials
        if dial.attempt not in attempts
    ]
    reached = [dial.outcome for dial in dials if dial.outcome in REACHED]
    if state in _LAST and not (dials and dials[-1].did in _LAST[state]):
        found.append(f"{id_} is {state}, and customers did {[dial.did for dial in dials]}")
    if state not in _LAST and reached:
        found.append(f"{id_} is {state}, though the PBX saw {reached}")
    return found
