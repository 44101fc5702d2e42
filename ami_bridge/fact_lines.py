"""Facts as lines of JSON: which fields each fact has for readers outside, in one table."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import Enum

from ami_bridge.domain import facts

# Each kind of fact: its name, and its fields by JSON name; a field of the same name is the fact's own.
_FIELDS: dict[type, tuple[str, tuple[str, ...]]] = {
    facts.CallStarted: ("call_started", ("call", "caller", "caller_number", "dialled")),
    facts.Ringing: ("ringing", ("call", "caller", "targets")),
    facts.DialEnded: ("dial_ended", ("call", "caller", "targets", "outcome")),
    facts.Answered: ("answered", ("call", "caller", "by")),
    facts.Transferred: ("transferred", ("call", "kind", "caller", "by", "to")),
    facts.QueueJoined: ("queue_joined", ("call", "caller", "queue")),
    facts.QueueLeft: ("queue_left", ("call", "caller", "queue", "reason")),
    facts.CallEnded: ("call_ended", ("call", "caller", "outcome", "answered")),
}
# Both queue facts have a reason, so that one reader serves both; for joining there is only one.
_CONSTANT: dict[type, dict[str, object]] = {facts.QueueJoined: {"reason": "joined"}}


def as_object(fact: facts.Fact, at: datetime | None = None) -> dict[str, object]:
    """The fact for a reader outside: `{"fact": NAME, ...}`, and `at` in UTC to the millisecond when it is known."""
    name, fields = _FIELDS[type(fact)]
    found: dict[str, object] = {"fact": name}
    found |= {field: _plain(getattr(fact, field)) for field in fields}
    found |= _CONSTANT.get(type(fact), {})
    if at is not None:
        found["at"] = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return found


def as_line(fact: facts.Fact, at: datetime | None = None) -> str:
    """One line of ASCII, without its line feed."""
    return json.dumps(as_object(fact, at))


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value
