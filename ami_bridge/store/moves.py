"""How a promise changes: its row, the ledger entry that says why, and the end of an attempt, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, and_, insert, update
from sqlalchemy.exc import IntegrityError

from ami_bridge.domain.names import AttemptId
from ami_bridge.domain.promise import ENDS, IN_FLIGHT, Promise, Step
from ami_bridge.store.errors import Raced
from ami_bridge.store.rows import promise_row
from ami_bridge.store.tables import attempts, ledger, promises


def move(conn: Connection, before: Promise, after: Promise, what: Step, now: datetime) -> Promise:
    """Store that `what` made `after` of `before`, with its entry; close the attempt that this ends."""
    stored = write(conn, before, after, now)
    attempt = before.attempt or after.attempt
    if before.state in IN_FLIGHT and after.state not in IN_FLIGHT:
        closed = update(attempts).where(attempts.c.id == attempt)
        conn.execute(closed.values(ended=now, outcome=what.value))
    elif what is Step.ANSWERED:
        conn.execute(update(attempts).where(attempts.c.id == attempt).values(answered=now))
    note(conn, stored, now, what.value, attempt)
    return stored


def write(conn: Connection, before: Promise, after: Promise, now: datetime) -> Promise:
    """Store `after` and return it as stored, provided the row is still as `before` was read; else raise Raced."""
    unchanged = and_(promises.c.id == before.id, promises.c.revision == before.revision)
    stored = replace(after, revision=before.revision + 1)
    values = promise_row(stored)
    if after.state in ENDS and before.state not in ENDS:
        values["ended"] = now
    with racing(before):
        if conn.execute(update(promises).where(unchanged).values(values)).rowcount != 1:
            raise Raced(f"promise {before.id} was changed by another writer")
    return stored


@contextmanager
def racing(promise: Promise) -> Iterator[None]:
    """What was free when it was looked at may have been taken since: then all of it is done again."""
    try:
        yield
    except IntegrityError as error:
        raise Raced(f"another promise took the place that {promise.id} was to have") from error


def note(conn: Connection, promise: Promise, at: datetime, what: str, attempt: AttemptId | None) -> None:
    conn.execute(
        insert(ledger).values(
            promise=promise.id,
            tenant=promise.tenant,
            pbx=promise.pbx,
            at=at,
            what=what,
            state=promise.state.value,
            reason=promise.reason,
            attempt=attempt,
        )
    )
