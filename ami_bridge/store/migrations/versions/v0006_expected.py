"""When an outage should be fixed, and the recording in which an operator speaks of it, with incidents and orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0006"
down_revision = "0005"

_TIME = sa.DateTime(timezone=True)


def upgrade(op: Operations) -> None:
    op.add_column("incidents", sa.Column("expected", _TIME))
    op.add_column("incidents", sa.Column("recording", sa.Text))
    op.add_column("standing_orders", sa.Column("expected", _TIME))
    op.add_column("standing_orders", sa.Column("recording", sa.Text))
