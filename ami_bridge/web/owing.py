"""What is owed, as the page shows it: each promise with how it stands, and line by line what wants an eye."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from ami_bridge.domain.promise import ENDS, IN_FLIGHT, RANK, Promise, State
from ami_bridge.domain.standing import Standing, standing, waits_for_its_incident
from ami_bridge.web import words
from ami_bridge.web.masking import clean, clean_and_mask, mask_number
from ami_bridge.web.rows import Row, iso
from ami_bridge.web.words import Tone, counted

NEXT = 3  # of a line, those that are called first
HELD = 4  # reasons for which promises of a line are held

Pair = tuple[Promise, Standing]


def promise(owed: Promise, now: datetime) -> Row:
    """One promise. Those held or in danger stand out."""
    text, colour = words.PROMISE[owed.state]
    how = standing(owed, now)
    if how.danger:
        text, colour = how.danger, Tone.BAD
    elif how.held:
        text, colour = "held", Tone.WARN
    over = owed.state in ENDS
    return {
        "key": owed.id,
        "number": mask_number(owed.number),
        "kind": owed.kind.value,
        "kind_words": words.KIND[owed.kind],
        "state": owed.state.value,
        "words": text,
        "tone": colour.value,
        # Beside its state, an end needs no more than its reason.
        "standing": clean_and_mask(owed.reason if over else how.words),
        "reason": clean_and_mask(owed.reason),
        "attempts": owed.attempts,
        "attempts_words": counted(owed.attempts, "attempt"),
        "line": clean(owed.line),
        "tenant": clean(owed.tenant),
        "pbx": clean(owed.pbx),
        "arrived": iso(owed.arrived),
        "until": iso(how.until),
        "expires": None if over else iso(owed.expires),
        "expiring": iso(owed.expires) if how.danger else None,
        "open": not over,
        "again": owed.state not in IN_FLIGHT
        and (over or not waits_for_its_incident(owed, now)),  # whether `retry` makes sense
    }


def lines(owed: Sequence[Promise], now: datetime) -> list[Row]:
    """Each line that owes something: how many, who is next, what is held and why, what is about to expire."""
    of: dict[tuple[str, str, str], list[Pair]] = {}
    for one in owed:
        of.setdefault((one.pbx, one.tenant, one.line), []).append((one, standing(one, now)))
    return [_line(*key, pairs, now) for key, pairs in of.items()]


def _line(pbx: str, tenant: str, name: str, owed: Sequence[Pair], now: datetime) -> Row:
    endangered = [one for one, how in owed if how.danger]
    held = sum(1 for _one, how in owed if how.held)
    tone = Tone.BAD if endangered else Tone.WARN if held else Tone.BUSY
    return {
        "key": f"{pbx}/{tenant}/{name}",
        "name": clean(name),
        "tenant": clean(tenant),
        "pbx": clean(pbx),
        "owed": len(owed),
        "words": f"{len(owed)} owed",
        "tone": tone.value,
        "endangered": len(endangered),
        "danger_words": _danger(len(endangered)),
        "first_expires": iso(min((one.expires for one in endangered), default=None)),
        "next": [_next(one, how) for one, how in _first(owed, now)],
        "held": _held(owed),
    }


def _danger(number: int) -> str:
    if not number:
        return ""
    return f"{counted(number, 'promise')} about to come to nothing: have agents free, or call by hand."


def _first(owed: Sequence[Pair], now: datetime) -> list[Pair]:
    """Those being called, then those that are due, in the order in which they are called."""
    due = [pair for pair in owed if not pair[1].held and pair[1].until is None]
    ready = [(one, how) for one, how in due if not waits_for_its_incident(one, now)]
    ready.sort(key=lambda pair: (pair[0].state is State.WAITING, RANK[pair[0].kind], pair[0].turn, pair[0].id))
    return ready[:NEXT]


def _next(one: Promise, how: Standing) -> Row:
    return {
        "key": one.id,
        "number": mask_number(one.number),
        "standing": clean_and_mask(how.words),
        "since": iso(one.arrived),
    }


def _held(owed: Sequence[Pair]) -> list[Row]:
    """The reasons for which promises are held, the most frequent first, and until when at the earliest."""
    reasons = Counter(clean_and_mask(one.reason) for one, how in owed if how.held)
    return [
        {
            "key": reason,
            "words": f"{number} held: {reason}",
            "until": iso(min(untils, default=None)),
        }
        for reason, number in reasons.most_common(HELD)
        for untils in ([how.until for one, how in owed if how.until and clean_and_mask(one.reason) == reason],)
    ]
