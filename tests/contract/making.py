"""Values the store's tests speak of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ami_bridge.domain.incident import Incident, IncidentState
from ami_bridge.domain.names import AttemptId, IncidentId, LineName, PbxName, PromiseId, TenantName, TrunkName
from ami_bridge.domain.promise import Kind, Policy, Promise
from ami_bridge.store import LineKey

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)
POLICY = Policy(attempts=3, spacing=timedelta(minutes=10), lifetime=timedelta(hours=96))
LINE = LineKey(tenant=TenantName("acme"), pbx=PbxName("berlin"), line=LineName("support"))
IN_TURN = frozenset({Kind.IN_TURN})
RESTORED = frozenset({Kind.RESTORED})


def after(seconds: float = 0, **more: float) -> datetime:
    return T0 + timedelta(seconds=seconds, **more)


def attempt(n: object) -> AttemptId:
    return AttemptId(f"keepline-{n}")


def a_promise(n: int, **other: Any) -> Promise:
    """The `n`th caller's promise: each has a number and an origin of its own, and arrived a second after the last."""
    values: dict[str, Any] = {
        "id": PromiseId(f"p{n}"),
        "tenant": LINE.tenant,
        "pbx": LINE.pbx,
        "line": LINE.line,
        "kind": Kind.IN_TURN,
        "number": f"+4930{n:06}",
        "origin": f"call-{n}",
        "arrived": after(n),
        "expires": after(n) + POLICY.lifetime,
        "not_before": after(n),
    }
    return Promise(**values | other)


def a_restored(n: int, incident: str = "i1", **other: Any) -> Promise:
    return a_promise(n, kind=Kind.RESTORED, incident=IncidentId(incident), not_before=NEVER, **other)


def an_incident(id_: str = "i1", **other: Any) -> Incident:
    values: dict[str, Any] = {
        "id": IncidentId(id_),
        "tenant": LINE.tenant,
        "pbx": LINE.pbx,
        "trunk": TrunkName("acme-primary"),
        "lines": (LINE.line, LineName("sales")),
        "state": IncidentState.SUSPECTED,
        "since": T0,
        "changed": T0,
        "next_word": after(minutes=30),
        "evidence": ("qualify: unreachable",),
    }
    return Incident(**values | other)
