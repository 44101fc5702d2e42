"""What is asked for in the address of a request: which promises, and how many."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from aiohttp import web

from ami_bridge.domain.names import LineName, TenantName
from ami_bridge.domain.promise import ENDS, Kind, State
from ami_bridge.domain.standing import Wanted
from ami_bridge.integrations.reading import Fault, Misread

OPEN, ENDED = "open", "ended"
_GROUPS = {OPEN: frozenset(State) - ENDS, ENDED: ENDS}
STATES = (*_GROUPS, *(state.value for state in State))
KINDS = tuple(kind.value for kind in Kind)
_WISHES = ("tenant", "line", "number", "state", "kind", "since", "until", "numbers")
_LONGEST = 200
_BETWEEN = re.compile(r"[ ()./-]")  # what people write between digits


def asked(request: web.Request, name: str) -> str:
    """What is written for `name`, empty if nothing; raise Misread when it is written twice, or without end."""
    texts = request.query.getall(name, [])
    if len(texts) > 1:
        raise Misread((Fault(name, "write it once"),))
    if texts and len(texts[0]) > _LONGEST:
        raise Misread((Fault(name, f"write at most {_LONGEST} characters"),))
    return texts[0] if texts else ""


def refuse_unknown(request: web.Request, *, also: Collection[str] = (), only: Collection[str] = _WISHES) -> None:
    """Raise Misread for a name nobody reads: what was meant to narrow an answer would else widen it."""
    known = (*only, *also)
    if unknown := [name for name in request.query if name not in known]:
        raise Misread((Fault(unknown[0][:80], f"there is no such field; there are: {', '.join(known)}"),))


def whole_number(request: web.Request, name: str, usual: int, most: int) -> int:
    text = asked(request, name)
    if not text:
        return usual
    if not re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) or not 1 <= int(text) <= most:
        raise Misread((Fault(name, f"write a whole number from 1 to {most}"),))
    return int(text)


def wished(request: web.Request) -> Wanted:
    """Which promises are asked for; raise Misread naming what cannot be read."""
    number = _BETWEEN.sub("", asked(request, "number"))
    return Wanted(
        tenant=TenantName(text) if (text := asked(request, "tenant")) else None,
        line=LineName(text) if (text := asked(request, "line")) else None,
        number=number or None,
        states=_states(request.query.getall("state", [])),
        kinds=_kinds(request.query.getall("kind", [])),
        since=_moment(request, "since"),
        until=_moment(request, "until"),
    )


def _states(texts: Iterable[str]) -> frozenset[State] | None:
    states: set[State] = set()
    for text in texts:
        if text not in STATES:
            raise Misread((Fault("state", f"write one of {', '.join(STATES)}"),))
        states |= _GROUPS.get(text) or {State(text)}
    return frozenset(states) or None


def _kinds(texts: Iterable[str]) -> frozenset[Kind] | None:
    kinds: set[Kind] = set()
    for text in texts:
        if text not in KINDS:
            raise Misread((Fault("kind", f"write one of {', '.join(KINDS)}"),))
        kinds.add(Kind(text))
    return frozenset(kinds) or None


def _moment(request: web.Request, name: str) -> datetime | None:
    text = asked(request, name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Misread((Fault(name, "write a time with its zone, such as 2026-03-01T14:30:00Z"),))
