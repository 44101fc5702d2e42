"""What is true of a scenario's calls, written down by whoever wrote the scenario: the facts a tracker must find.

Parties are legs; which channels they were on the PBX is filled in once the scenario has been played.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol


class Party(Protocol):
    """Somebody's leg: its channel on the PBX, and the Linkedid that channel had when it appeared."""

    @property
    def channel(self) -> str: ...

    @property
    def linkedid(self) -> str: ...


Fields = dict[str, Any]


@dataclass(slots=True)
class Truth:
    """Collects facts in the order in which they became true, and names their channels at the end."""

    _facts: list[Callable[[], list[Fields]]] = field(default_factory=list)

    def call(self, caller: Party, dialled: str, number: str) -> CallTruth:
        """`caller` calls `dialled` and presents `number` ("" when withheld)."""
        call = CallTruth(self, caller, caller)
        call.add("call_started", lambda: [{"caller_number": number, "dialled": dialled}])
        return call

    def add(self, fact: Callable[[], list[Fields]]) -> None:
        self._facts.append(fact)

    def lines(self) -> list[str]:
        """JSON, one fact a line."""
        return [json.dumps(fact) for resolve in self._facts for fact in resolve()]


@dataclass(slots=True)
class CallTruth:
    """The facts of one call. Each method says one thing of it."""

    truth: Truth
    first: Party  # who made the call
    caller: Party  # whose call it is now
    was_answered: bool = False
    sent_on: bool = False  # by a transfer to a phone that has yet to answer

    def ringing(self, *targets: Party) -> None:
        """Each of them alerts: one fact per phone."""
        self.add("ringing", lambda: [_target(one) for one in targets])

    def dial_ended(self, outcome: str, *targets: Party) -> None:
        """answered, no-answer, busy, rejected, cancelled (by the caller, or because another took it), failed."""
        self.add("dial_ended", lambda: [_target(one) | {"outcome": outcome} for one in targets])
        if outcome == "answered" and self.sent_on:
            self.answered(*targets)

    def answered(self, by: Party) -> None:
        """The caller talks with a person: the first one, or one they were sent on to."""
        self.was_answered, self.sent_on = True, False
        self.add("answered", lambda: [{"by": by.channel}])

    def transferred(self, kind: str, by: Party, to: Iterable[Party], stays: Party | None = None) -> None:
        """`by` is replaced by `to` as far party of who `stays`: the caller, or the called, whose call it then is.

        Whoever has two legs does it with the second, on which they had reached the target.
        """
        there = list(to)
        self.caller = stays or self.caller
        self.sent_on = kind != "attended"
        self.add("transferred", lambda: [{"kind": kind, "by": by.channel, "to": [party.channel for party in there]}])

    def queue_joined(self, queue: str) -> None:
        self.add("queue_joined", lambda: [{"queue": queue, "reason": "joined"}])

    def queue_left(self, queue: str, reason: str) -> None:
        """answered, abandoned, timeout, empty, withdrawn, transferred."""
        self.add("queue_left", lambda: [{"queue": queue, "reason": reason}])

    def ended(self, outcome: str = "completed") -> None:
        """completed: a person answered last. Anything else: nobody did, whoever had before."""
        answered = self.was_answered
        self.add("call_ended", lambda: [{"outcome": outcome, "answered": answered}])

    def taken(self, by: Party, *others: Party) -> None:
        """`by` takes the call that rings; the phones of `others` stop ringing."""
        self.dial_ended("answered", by)
        self.dial_ended("cancelled", *others)
        self.answered(by)

    def add(self, fact: str, more: Callable[[], list[Fields]]) -> None:
        caller = self.caller
        self.truth.add(
            lambda: [
                {"fact": fact, "call": self.first.linkedid, "caller": caller.channel} | fields for fields in more()
            ]
        )


def by_call(facts: Iterable[Fields]) -> dict[str, list[Fields]]:
    """Each call's facts in their order, except within a moment.

    In which order several phones begin to ring means nothing, nor whether the others fall silent before or after the
    caller is joined with the one that answered.
    """
    calls: dict[str, list[Fields]] = {}
    for fact in facts:
        calls.setdefault(fact["call"], []).append(fact)
    return {call: list(_in_moments(told)) for call, told in calls.items()}


def _in_moments(facts: list[Fields]) -> Iterable[Fields]:
    moments = {"ringing": "ringing", "dial_ended": "settled", "queue_left": "settled", "answered": "settled"}
    named = [(moments.get(fact["fact"], str(place)), fact) for place, fact in enumerate(facts)]
    for _, together in itertools.groupby(named, key=lambda one: one[0]):
        yield from sorted((fact for _, fact in together), key=lambda fact: json.dumps(fact, sort_keys=True))


def _target(target: Party) -> Fields:
    return {"targets": [target.channel]}
