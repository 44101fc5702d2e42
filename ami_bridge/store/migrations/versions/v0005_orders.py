"""Planned work, and what operators and other systems said that still stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0005"
down_revision = "0004"

_TIME = sa.DateTime(timezone=True)


def upgrade(op: Operations) -> None:
    op.create_table(
        "maintenance",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("pbx", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("begins", _TIME, nullable=False),
        sa.Column("ends", _TIME, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("announced", sa.Boolean, nullable=False),
        sa.Column("planned_by", sa.Text, nullable=False),
        sa.Column("cancelled", _TIME),
    )
    op.create_index("maintenance_by_end", "maintenance", ["ends"])
    op.create_table(
        "standing_orders",
        sa.Column("pbx", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("told_by", sa.Text, primary_key=True),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("strength", sa.Text),
        sa.Column("told", sa.Boolean),
        sa.Column("declared_by", sa.Text),
    )
