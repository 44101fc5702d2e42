"""Until when each PBX was watched, so that a companion that was killed leaves no gap unnoticed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0002"
down_revision = "0001"


def upgrade(op: Operations) -> None:
    op.create_table(
        "watched",
        sa.Column("pbx", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started", sa.Text, nullable=False),
    )
