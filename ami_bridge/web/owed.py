"""One promise as the API and the exports tell it: every field, times in UTC, numbers masked unless asked for whole."""

from __future__ import annotations

from collections.abc import Mapping

from ami_bridge.domain.promise import ENDS
from ami_bridge.domain.standing import Account, Entry
from ami_bridge.web import words
from ami_bridge.web.masking import clean, clean_and_mask, mask_number
from ami_bridge.web.rows import Row, iso


def row(account: Account, whole: bool) -> Row:
    """The promise and how it stands; `whole` leaves numbers as they are."""
    promise, standing = account.promise, account.standing
    return {
        "id": promise.id,
        "tenant": clean(promise.tenant),
        "pbx": clean(promise.pbx),
        "line": clean(promise.line),
        "kind": promise.kind.value,
        "kind_words": words.KIND[promise.kind],
        "number": clean(promise.number) if whole else mask_number(promise.number),
        "state": promise.state.value,
        "state_words": words.PROMISE[promise.state][0],
        "standing": _text(standing.words, whole),
        "standing_until": iso(standing.until),
        "held": standing.held,
        "danger": standing.danger,
        "reason": _text(promise.reason, whole),
        "attempts": promise.attempts,
        "failures": promise.failures,
        "arrived": iso(promise.arrived),
        "not_before": iso(promise.not_before) if standing.until else None,
        "expires": iso(promise.expires),
        "ended": iso(account.ended) if promise.state in ENDS else None,
        "language": clean(promise.language),
        "incident": promise.incident,
        "solved": promise.solved,
    }


def story(account: Account, whole: bool) -> Row:
    """The same, with all that happened to it."""
    return {**row(account, whole), "ledger": [_entry(entry, whole) for entry in account.entries]}


def _entry(entry: Entry, whole: bool) -> Row:
    return {
        "at": iso(entry.at),
        "what": entry.what,
        "what_words": words.STEP.get(entry.what, entry.what),
        "state": entry.state.value,
        "state_words": words.PROMISE[entry.state][0],
        "reason": _text(entry.reason, whole),
        "attempt": entry.attempt,
    }


def _text(text: str, whole: bool) -> str:
    return clean(text) if whole else clean_and_mask(text)


def flat(told: Mapping[str, object]) -> list[object]:
    """The values of a row without its story, for a table; nothing is an empty cell, and truth is `yes` or `no`."""
    return [_cell(told[name]) for name in COLUMNS]


COLUMNS = (
    "id", "tenant", "pbx", "line", "kind", "number", "state", "standing", "reason", "attempts", "failures", "arrived",
    "not_before", "expires", "ended", "language", "incident", "solved",
)  # fmt: skip


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else value
