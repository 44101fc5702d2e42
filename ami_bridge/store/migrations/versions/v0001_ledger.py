"""The first schema: promises with their attempts and ledger, incidents with their timeline, blind spots."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)
_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    _promises(op)
    _attempts(op)
    _ledger(op)
    _incidents(op)
    _blind_spots(op)


def _promises(op: Operations) -> None:
    op.create_table(
        "promises",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("pbx", sa.Text, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("arrived", _TIME, nullable=False),
        sa.Column("expires", _TIME, nullable=False),
        sa.Column("not_before", _TIME, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Text),
        sa.Column("incident", sa.Text),
        sa.Column("ended", _TIME),
        sa.UniqueConstraint("pbx", "origin", "kind", name="promises_one_per_origin"),
    )
    op.create_index("promises_by_line", "promises", ["pbx", "state", "tenant", "line", "arrived"])
    op.create_index("promises_by_end", "promises", ["ended"])
    op.create_index("promises_by_incident", "promises", ["incident"])
    _unique_while_open(op, "promises_one_open", "promises", ["tenant", "line", "kind", "number"])


def _attempts(op: Operations) -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("promise", sa.Text, sa.ForeignKey("promises.id", name="attempts_promise"), nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("pbx", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("started", _TIME, nullable=False),
        sa.Column("ended", _TIME),
        sa.Column("outcome", sa.Text),
    )
    op.create_index("attempts_by_promise", "attempts", ["promise"])
    _unique_while_open(op, "attempts_one_per_number", "attempts", ["number"])


def _ledger(op: Operations) -> None:
    op.create_table(
        "ledger",
        sa.Column("seq", _SEQ, primary_key=True),
        sa.Column("promise", sa.Text, sa.ForeignKey("promises.id", name="ledger_promise"), nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("pbx", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("attempt", sa.Text),
    )
    op.create_index("ledger_by_promise", "ledger", ["promise", "seq"])


def _incidents(op: Operations) -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("pbx", sa.Text, nullable=False),
        sa.Column("trunk", sa.Text),
        sa.Column("lines", sa.JSON, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("changed", _TIME, nullable=False),
        sa.Column("next_word", _TIME, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
    )
    op.create_index("incidents_by_state", "incidents", ["state", "changed"])
    op.create_table(
        "incident_timeline",
        sa.Column("seq", _SEQ, primary_key=True),
        sa.Column(
            "incident", sa.Text, sa.ForeignKey("incidents.id", name="incident_timeline_incident"), nullable=False
        ),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("pbx", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
    )
    op.create_index("incident_timeline_by_incident", "incident_timeline", ["incident", "seq"])


def _blind_spots(op: Operations) -> None:
    op.create_table(
        "blind_spots",
        sa.Column("seq", _SEQ, primary_key=True),
        sa.Column("pbx", sa.Text, nullable=False),
        sa.Column("began", _TIME, nullable=False),
        sa.Column("ended", _TIME),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("blind_spots_by_begin", "blind_spots", ["began"])
    _unique_while_open(op, "blind_spots_one_open", "blind_spots", ["pbx"])


def _unique_while_open(op: Operations, name: str, table: str, columns: list[str]) -> None:
    still_open = sa.text("ended IS NULL")
    op.create_index(name, table, columns, unique=True, sqlite_where=still_open, postgresql_where=still_open)
