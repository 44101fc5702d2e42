"""A promise says where it stands and why, in words that an operator can read out to a customer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ami_bridge.domain.names import AttemptId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import IN_FLIGHT, Kind, Promise, State
from ami_bridge.domain.standing import standing

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


def a_promise(**other: Any) -> Promise:
    values: dict[str, Any] = {
        "id": PromiseId("p1"),
        "tenant": TenantName("acme"),
        "pbx": PbxName("berlin"),
        "line": LineName("support"),
        "kind": Kind.IN_TURN,
        "number": "+4930123456",
        "origin": "call-1",
        "arrived": T0,
        "expires": T0 + timedelta(days=4),
        "not_before": T0,
        "reason": "pressed 1",
    }
    return Promise(**values | other)


def minutes(number: float) -> datetime:
    return T0 + timedelta(minutes=number)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "waiting for its turn since 09:00, not called yet: pressed 1"),
        ({"reason": ""}, "waiting for its turn since 09:00, not called yet"),
        (
            {"not_before": minutes(40), "attempts": 2, "failures": 1, "reason": "busy"},
            "to be called from 09:40 on, called 2 times, 1 through no fault of theirs: busy",
        ),
        (
            {"not_before": minutes(60 * 30), "held": True, "reason": "outside calling hours"},
            "held back until 2026-03-02 15:00, not called yet: outside calling hours",
        ),
        ({"held": True, "reason": "their own site is down"}, "held back, not called yet: their own site is down"),
        (
            {"kind": Kind.SCHEDULED, "chosen": minutes(240), "not_before": minutes(240), "reason": "chose 13:00"},
            "to be called from 13:00 on, as they chose, not called yet: chose 13:00",
        ),
        (
            {"kind": Kind.SCHEDULED, "chosen": minutes(10), "attempts": 1, "reason": "no answer"},
            "waiting for its turn since 09:10, called once: no answer",
        ),
        (
            {"kind": Kind.RESTORED, "not_before": NEVER, "reason": "pressed 2"},
            "waiting until it is fixed, not called yet: pressed 2",
        ),
        (
            {"kind": Kind.RESTORED, "not_before": minutes(20), "reason": "service restored"},
            "waiting for its turn since 09:20, not called yet: service restored",
        ),
        ({"expires": minutes(29)}, "too late since 09:29, not called yet: pressed 1"),
        (
            {"state": State.CLAIMED, "attempts": 1, "reason": "its turn"},
            "about to be called (for the first time): its turn",
        ),
        ({"state": State.RINGING, "attempts": 3, "reason": "ringing"}, "their phone rings (attempt 3): ringing"),
        (
            {"state": State.KEPT, "attempts": 1, "solved": False, "reason": "talking with PJSIP/101"},
            "kept, called once, not solved as they say: talking with PJSIP/101",
        ),
        (
            {"state": State.BLOCKED, "reason": "a premium number"},
            "not allowed to be called, never called: a premium number",
        ),
        (
            {"state": State.WITHDRAWN, "attempts": 1, "reason": "reached an agent by calling"},
            "withdrawn, called once: reached an agent by calling",
        ),
    ],
)
def test_where_it_stands_half_an_hour_later(changes: dict[str, Any], words: str) -> None:
    assert standing(a_promise(**changes), minutes(30)) == words


def test_times_are_told_where_the_reader_is() -> None:
    vienna = minutes(30).astimezone(ZoneInfo("Europe/Vienna"))
    assert standing(a_promise(), vienna).startswith("waiting for its turn since 10:00")
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC).astimezone(ZoneInfo("Europe/Vienna"))
    assert "2026-03-01 10:00" in standing(a_promise(), late)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("held", [True, False])
def test_every_promise_has_words_and_ends_with_its_reason(state: State, kind: Kind, *, held: bool) -> None:
    flying = AttemptId("keepline-1") if state in IN_FLIGHT else None
    words = standing(a_promise(state=state, kind=kind, held=held, attempt=flying, reason="so it is"), minutes(1))
    assert words.endswith(": so it is")
    assert "\n" not in words
