"""Values the store's tests speak of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ami_bridge.domain.incident import Cause, Incident, IncidentState, Story
from ami_bridge.domain.names import AttemptId, IncidentId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import Kind, Policy, Promise
from ami_bridge.domain.signal import Evidence, Source, Subject
from ami_bridge.domain.signal import Kind as Subjects
from ami_bridge.store import LineKey

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)
POLICY = Policy(attempts=3, spacing=timedelta(minutes=10), lifetime=timedelta(hours=96))
LINE = LineKey(tenant=TenantName("acme"), pbx=PbxName("berlin"), line=LineName("support"))
IN_TURN = frozenset({Kind.IN_TURN})
TRUNK = Subject(Subjects.TRUNK, "acme-primary")
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


def seen(words: str, seconds: float = 0, source: Source = Source.QUALIFY) -> Evidence:
    return Evidence(at=after(seconds), source=source, words=words)


def a_cause(subject: Subject = TRUNK, **other: Any) -> Cause:
    values: dict[str, Any] = {
        "subject": subject,
        "since": T0,
        "lines": (LINE.line,),
        "what": "our line",
        "sources": (Source.CALLS, Source.QUALIFY),
    }
    return Cause(**values | other)


def an_incident(id_: str = "i1", **other: Any) -> Incident:
    values: dict[str, Any] = {
        "id": IncidentId(id_),
        "pbx": LINE.pbx,
        "tenants": (LINE.tenant,),
        "causes": (a_cause(),),
        "lines": (LINE.line, LineName("sales")),
        "story": Story.OUTAGE,
        "what": "our telephone line",
        "told": True,
        "state": IncidentState.SUSPECTED,
        "since": T0,
        "changed": T0,
        "next_word": after(minutes=30),
        "evidence": (seen("unreachable"),),
    }
    return Incident(**values | other)
