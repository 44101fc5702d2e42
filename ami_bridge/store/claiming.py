"""Whose turn it is: the statements that look for promises to be tried now, and bind one to its attempt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, select

from ami_bridge.domain.names import AttemptId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import RANK, Kind, Policy, Promise, State, Step, step
from ami_bridge.store.errors import AttemptTaken
from ami_bridge.store.moves import move
from ami_bridge.store.rows import insert_unless_taken, promise_of, promises_of
from ami_bridge.store.tables import attempts, promises
from ami_bridge.store.values import LineKey


def claim(
    conn: Connection,
    line: LineKey,
    kinds: Iterable[Kind],
    now: datetime,
    attempt: AttemptId,
    policy: Policy,
    but: Collection[PromiseId] = (),
) -> Promise | None:
    """Bind the first claimable promise of the line to `attempt`, passing over those in `but`; None when there is none.

    On PostgreSQL, SKIP LOCKED passes over promises that other writers hold; on SQLite the clause vanishes and the
    transaction alone writes. Two lines can pick the same number at once: the unique index refuses the second, which
    goes on to its next promise.
    """
    passed_over = list(but)
    for wanted in by_rank(line, kinds, now, policy):
        first = wanted.limit(1).with_for_update(skip_locked=True)
        while (row := conn.execute(first.where(promises.c.id.not_in(passed_over))).first()) is not None:
            claimed = _bind(conn, promise_of(row), now, attempt, policy)
            if claimed is not None:
                return claimed
            passed_over.append(row.id)
    return None


def claim_this(conn: Connection, id_: PromiseId, now: datetime, attempt: AttemptId, policy: Policy) -> Promise | None:
    """Bind this one; None if it may not be tried now, is held by another writer, or its number is in flight."""
    row = conn.execute(
        select(promises).where(promises.c.id == id_, _may_be_tried(now)).with_for_update(skip_locked=True)
    ).first()
    if row is None or promise_of(row).tries >= policy.attempts_of(Kind(row.kind)):
        return None
    return _bind(conn, promise_of(row), now, attempt, policy)


def peek(
    conn: Connection, line: LineKey, kinds: Iterable[Kind], now: datetime, limit: int, policy: Policy
) -> list[Promise]:
    """The first `limit` promises of the line that claims would take, in the order in which they would."""
    found: list[Promise] = []
    for wanted in by_rank(line, kinds, now, policy):
        found += promises_of(conn, wanted.limit(limit - len(found)))
        if len(found) >= limit:
            break
    return found


def due(conn: Connection, pbx: PbxName, now: datetime, kinds: Iterable[Kind], policy: Policy) -> list[LineKey]:
    """The lines of `pbx` with something to claim, that of the first in turn first."""
    wanted = frozenset(kinds)
    waiting = select(promises.c.id).where(promises.c.pbx == pbx, promises.c.state == State.WAITING.value).limit(1)
    if conn.execute(waiting).first() is None:
        return []  # as things are most of the time
    firsts = [(first, line) for line in _lines(conn, pbx) for first in peek(conn, line, wanted, now, 1, policy)]
    firsts.sort(key=lambda found: (found[0].turn, found[1].tenant, found[1].line))
    return [line for _, line in firsts]


def by_rank(line: LineKey, kinds: Iterable[Kind], now: datetime, policy: Policy) -> Iterator[Select[Any]]:
    """For each rank of `kinds` those that may be tried, in turn: an order that one index has, rank by rank."""
    wanted = frozenset(kinds)
    for rank in sorted({RANK[kind] for kind in wanted}):
        alike = sorted((kind for kind in wanted if RANK[kind] == rank), key=lambda kind: kind.value)
        yield (
            select(promises)
            .where(
                promises.c.pbx == line.pbx,
                promises.c.tenant == line.tenant,
                promises.c.line == line.line,
                promises.c.rank == rank,
                promises.c.kind.in_([kind.value for kind in alike]),
                promises.c.attempts - promises.c.failures < policy.attempts_of(alike[0]),
                _may_be_tried(now),
            )
            .order_by(promises.c.turn, promises.c.id)
        )


def _may_be_tried(now: datetime) -> ColumnElement[bool]:
    """Waiting, due, not expired, and nobody is ringing that number."""
    ringing = exists().where(attempts.c.number == promises.c.number, attempts.c.ended.is_(None))
    return and_(
        promises.c.state == State.WAITING.value, promises.c.not_before <= now, promises.c.expires > now, ~ringing
    )


def _bind(conn: Connection, waiting: Promise, now: datetime, attempt: AttemptId, policy: Policy) -> Promise | None:
    """Write the attempt down and the promise as claimed; None if that number is in flight already."""
    row = {
        "id": attempt,
        "promise": waiting.id,
        "tenant": waiting.tenant,
        "pbx": waiting.pbx,
        "number": waiting.number,
        "started": now,
        "cost": 0,
    }
    if insert_unless_taken(conn, attempts, row):
        claimed = step(waiting, Step.CLAIM, now, reason="its turn", policy=policy, attempt=attempt)
        return move(conn, waiting, claimed, Step.CLAIM, now)
    if conn.scalar(select(attempts.c.id).where(attempts.c.id == attempt)) is not None:
        raise AttemptTaken(attempt)
    return None


def _lines(conn: Connection, pbx: PbxName) -> Iterator[LineKey]:
    """The lines of `pbx` that ever promised something: one step in the index for each, however much they owe."""
    names = select(promises.c.tenant, promises.c.line).where(promises.c.pbx == pbx)
    following = names.order_by(promises.c.tenant, promises.c.line).limit(1)
    row = conn.execute(following).first()
    while row is not None:
        yield LineKey(tenant=TenantName(row.tenant), pbx=pbx, line=LineName(row.line))
        # Two questions, because a comparison of pairs makes SQLite read through all of a tenant's rows.
        next_line = following.where(promises.c.tenant == row.tenant, promises.c.line > row.line)
        next_tenant = following.where(promises.c.tenant > row.tenant)
        row = conn.execute(next_line).first() or conn.execute(next_tenant).first()
