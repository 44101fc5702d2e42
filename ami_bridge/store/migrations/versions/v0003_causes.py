"""Incidents have causes of every kind, the tenants they touched, and evidence with its time and source.

What 0002 wrote is converted: its one trunk is the cause, its one tenant is whom it touched, and each of its words is a
piece of evidence, dated by the time of day the words began with. How the disturbed thing is called towards customers
was in the settings alone and stays empty. The rows are held in memory meanwhile: there is one for each past outage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0003"
down_revision = "0002"

_TIME = sa.DateTime(timezone=True)
_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_OLD_INCIDENTS = sa.table(
    "incidents",
    sa.column("id", sa.Text),
    sa.column("tenant", sa.Text),
    sa.column("pbx", sa.Text),
    sa.column("trunk", sa.Text),
    sa.column("lines", sa.JSON),
    sa.column("state", sa.Text),
    sa.column("since", _TIME),
    sa.column("changed", _TIME),
    sa.column("next_word", _TIME),
    sa.column("evidence", sa.JSON),
)
_OLD_TIMELINE = sa.table(
    "incident_timeline",
    sa.column("seq", _SEQ),
    sa.column("incident", sa.Text),
    sa.column("tenant", sa.Text),
    sa.column("pbx", sa.Text),
    sa.column("at", _TIME),
    sa.column("state", sa.Text),
    sa.column("evidence", sa.JSON),
)
_WHEN = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d) ")
_WITNESS = re.compile(r"(qualify|call): ")


def upgrade(op: Operations) -> None:
    conn = op.get_bind()
    timeline = [dict(row) for row in conn.execute(_OLD_TIMELINE.select().order_by(_OLD_TIMELINE.c.seq)).mappings()]
    incidents = [dict(row) for row in conn.execute(_OLD_INCIDENTS.select()).mappings()]
    # Made anew rather than altered: SQLite cannot change a column, and both databases then hold the same definition.
    op.drop_table("incident_timeline")
    op.drop_table("incidents")
    new_incidents, new_timeline = _create(op)
    lines: dict[str, list[Any]] = {}
    for row in timeline:
        row["evidence"] = _evidence(row["evidence"], row["at"])
        lines.setdefault(row["incident"], []).extend(row["evidence"])
    _insert(op, new_incidents, [_incident(row, lines.get(row["id"], [])) for row in incidents])
    _insert(op, new_timeline, [_line(row) for row in timeline])


def _create(op: Operations) -> tuple[sa.Table, sa.Table]:
    incidents = op.create_table(
        "incidents",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("pbx", sa.Text, nullable=False),
        sa.Column("tenants", sa.JSON, nullable=False),
        sa.Column("causes", sa.JSON, nullable=False),
        sa.Column("lines", sa.JSON, nullable=False),
        sa.Column("story", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("changed", _TIME, nullable=False),
        sa.Column("next_word", _TIME, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("until", _TIME),
    )
    op.create_index("incidents_by_state", "incidents", ["state", "changed"])
    timeline = op.create_table(
        "incident_timeline",
        sa.Column("seq", _SEQ, primary_key=True),
        sa.Column(
            "incident", sa.Text, sa.ForeignKey("incidents.id", name="incident_timeline_incident"), nullable=False
        ),
        sa.Column("pbx", sa.Text, nullable=False),
        sa.Column("tenants", sa.JSON, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
    )
    op.create_index("incident_timeline_by_incident", "incident_timeline", ["incident", "seq"])
    return incidents, timeline


def _insert(op: Operations, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        op.get_bind().execute(table.insert(), rows)


def _incident(row: dict[str, Any], noted: list[Any]) -> dict[str, Any]:
    """One incident as 0003 keeps it; the evidence its timeline has `noted` is dated as there."""
    trunk = row.pop("trunk")
    cause = {
        "kind": "trunk",
        "name": trunk,
        "since": _utc(row["since"]).isoformat(),
        "lines": row["lines"],
        "over": row["state"] == "resolved",
    }
    return row | {
        "tenants": [row.pop("tenant")],
        "causes": [] if trunk is None else [cause],
        "story": "outage",
        "what": "",
        "told": True,
        "evidence": noted + _evidence(row["evidence"][len(noted) :], row["changed"]),
        "until": None,
    }


def _line(row: dict[str, Any]) -> dict[str, Any]:
    del row["seq"]  # numbered anew, in the same order, so that the database's own counter goes on from there
    return row | {"tenants": [row.pop("tenant")]}


def _evidence(words: Sequence[str], written: datetime) -> list[dict[str, str]]:
    """What was said, each at the last such time of day before what came after it; `written` bounds the last."""
    found: list[dict[str, str]] = []
    at = _utc(written)
    for said in reversed(words):
        if when := _WHEN.match(said):
            hour, minute, second = (int(part) for part in when.groups())
            clock = at.replace(hour=hour, minute=minute, second=second, microsecond=0)
            at = clock if clock <= at else clock - timedelta(days=1)
        rest = said[when.end() :] if when else said
        witness = _WITNESS.match(rest)
        rest = rest[witness.end() :] if witness else rest
        source = "qualify" if witness and witness[1] == "qualify" else "calls"
        found.append({"at": at.isoformat(), "source": source, "words": rest})
    return found[::-1]


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
