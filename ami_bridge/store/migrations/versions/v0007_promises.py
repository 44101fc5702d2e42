"""Promises of every kind: in what order they are claimed, why they are held, what their attempts cost.

The three tables are made anew, because SQLite cannot add a column without a default: what they hold is put aside and
copied back within the database. Until now an attempt that reached nobody was `unreached`: the busy and the refused
among them are known by their reasons, the others become `no-answer`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0007"
down_revision = "0006"

_TIME = sa.DateTime(timezone=True)
_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Those that refer to another one first.
_ASIDE = {
    "ledger": "CREATE TABLE ledger_0006 AS SELECT * FROM ledger",
    "attempts": "CREATE TABLE attempts_0006 AS SELECT * FROM attempts",
    "promises": "CREATE TABLE promises_0006 AS SELECT * FROM promises",
}
_BACK = (
    """
    INSERT INTO promises (id, tenant, pbx, line, kind, number, origin, arrived, expires, not_before, state, reason,
        attempts, attempt, incident, ended, language, failures, held, revision, rank, turn)
    SELECT id, tenant, pbx, line, kind, number, origin, arrived, expires, not_before, state, reason,
        attempts, attempt, incident, ended, '', 0, 1 = 0, 0, CASE kind WHEN 'restored' THEN 2 ELSE 0 END, arrived
    FROM promises_0006
    """,
    """
    UPDATE ledger_0006 SET what = CASE WHEN reason IN ('busy', 'refused') THEN reason ELSE 'no-answer' END
    WHERE what = 'unreached'
    """,
    "CREATE INDEX ledger_0006_by_attempt ON ledger_0006 (attempt)",
    """
    INSERT INTO attempts (id, promise, tenant, pbx, number, started, ended, outcome, cost)
    SELECT id, promise, tenant, pbx, number, started, ended, CASE outcome WHEN 'unreached' THEN coalesce(
        (SELECT max(l.what) FROM ledger_0006 l WHERE l.attempt = a.id AND l.what IN ('busy', 'refused')), 'no-answer')
        ELSE outcome END, 0
    FROM attempts_0006 a
    """,
    # Numbered anew, in the same order, so that the database's own counter goes on from there.
    """
    INSERT INTO ledger (promise, tenant, pbx, at, what, state, reason, attempt)
    SELECT promise, tenant, pbx, at, what, state, reason, attempt FROM ledger_0006 ORDER BY seq
    """,
)


def upgrade(op: Operations) -> None:
    for table, aside in _ASIDE.items():
        op.execute(aside)
        op.drop_table(table)
    _promises(op)
    _attempts(op)
    _ledger(op)
    for copy in _BACK:
        op.execute(copy)
    for table in _ASIDE:
        op.drop_table(f"{table}_0006")


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
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("chosen", _TIME),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("solved", sa.Boolean),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("turn", _TIME, nullable=False),
        sa.UniqueConstraint("pbx", "origin", "kind", name="promises_one_per_origin"),
    )
    turn = ["pbx", "tenant", "line", "state", "rank", "turn", "id", "not_before"]
    op.create_index("promises_by_turn", "promises", turn)
    op.create_index("promises_by_line", "promises", ["pbx", "tenant", "line", "ended"])
    op.create_index("promises_by_state", "promises", ["pbx", "state"])
    _partial(op, "promises_by_expiry", "promises", ["expires"], "state = 'waiting'")
    _partial(op, "promises_by_attempts", "promises", ["attempts"], "state = 'waiting'")
    op.create_index("promises_by_number", "promises", ["tenant", "number", "arrived", "id"])
    op.create_index("promises_by_tenant", "promises", ["tenant", "arrived", "id"])
    op.create_index("promises_by_arrival", "promises", ["arrived", "id"])
    op.create_index("promises_by_end", "promises", ["ended"])
    op.create_index("promises_by_incident", "promises", ["incident"])
    same = ["tenant", "line", "number"]
    _partial(op, "promises_one_callback", "promises", same, "ended IS NULL AND kind <> 'restored'", unique=True)
    _partial(op, "promises_one_news", "promises", same, "ended IS NULL AND kind = 'restored'", unique=True)


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
        sa.Column("answered", _TIME),
        sa.Column("cost", sa.Integer, nullable=False),
        sa.Column("channel", sa.Text),
    )
    op.create_index("attempts_by_promise", "attempts", ["promise"])
    op.create_index("attempts_by_tenant", "attempts", ["tenant", "started"])
    op.create_index("attempts_by_number", "attempts", ["number", "started"])
    _partial(op, "attempts_one_per_number", "attempts", ["number"], "ended IS NULL", unique=True)


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


def _partial(op: Operations, name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
