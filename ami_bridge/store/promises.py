"""The statements of promises, their attempts and their ledger: plain functions over a connection in a transaction.

Each is one unit of work. The caller's transaction makes it whole, so a crash leaves all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, select, update

from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.names import AttemptId, IncidentId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import IN_FLIGHT, Kind, Policy, Promise, State, Step, overdue, step
from ami_bridge.store.errors import AttemptTaken, Raced, StaleAttempt, UnknownPromise
from ami_bridge.store.rows import insert_unless_taken, promise_of, promises_of, row_of
from ami_bridge.store.tables import attempts, incidents, ledger, promises
from ami_bridge.store.values import LedgerEntry, LineKey

_IN_FLIGHT = sorted(state.value for state in IN_FLIGHT)


def make(conn: Connection, promise: Promise, at: datetime) -> tuple[Promise, bool]:
    """Write `promise` down, or return the one that already stands for it and False.

    A promise to be called once an outage is over may arrive after that outage has ended, because the PBX kept the key
    press: it is due at once. The incident's row is held against a change so that none slips between the two cases.
    """
    if promise.incident is not None and _is_resolved(conn, promise.incident):
        promise = replace(promise, not_before=promise.arrived)
    if insert_unless_taken(conn, promises, row_of(promise)):
        _note(conn, promise, at, "made", promise.attempt)
        return promise, True
    standing = _standing(conn, promise)
    if standing is None:
        raise Raced(f"the promise that stood for {promise.id} ended at the same moment")
    return standing, False


def _standing(conn: Connection, promise: Promise) -> Promise | None:
    """The promise stored for the same id or origin, or still open for the same number on the same line."""
    same_origin = and_(
        promises.c.pbx == promise.pbx, promises.c.origin == promise.origin, promises.c.kind == promise.kind.value
    )
    same_number = and_(
        promises.c.tenant == promise.tenant,
        promises.c.line == promise.line,
        promises.c.kind == promise.kind.value,
        promises.c.number == promise.number,
        promises.c.ended.is_(None),
    )
    for same in (promises.c.id == promise.id, same_origin, same_number):
        row = conn.execute(select(promises).where(same)).first()
        if row is not None:
            return promise_of(row)
    return None


def _is_resolved(conn: Connection, incident: IncidentId) -> bool:
    state = conn.scalar(select(incidents.c.state).where(incidents.c.id == incident).with_for_update(read=True))
    return state == IncidentState.RESOLVED.value


def claimable(now: datetime, policy: Policy) -> ColumnElement[bool]:
    """Waiting, due, not overdue (the domain's `overdue` in SQL), and nobody is ringing that number."""
    ringing = exists().where(attempts.c.number == promises.c.number, attempts.c.ended.is_(None))
    return and_(
        promises.c.state == State.WAITING.value,
        promises.c.not_before <= now,
        promises.c.expires > now,
        promises.c.attempts < policy.attempts,
        ~ringing,
    )


def claim(
    conn: Connection, line: LineKey, kinds: Iterable[Kind], now: datetime, attempt: AttemptId, policy: Policy
) -> Promise | None:
    """Bind the line's oldest claimable promise to `attempt`; None when there is none.

    On PostgreSQL, SKIP LOCKED passes over promises that other writers hold; on SQLite the clause vanishes and the
    transaction alone writes. Two lines can pick the same number at once: the unique index refuses the second, which
    goes on to its next promise.
    """
    oldest = (
        select(promises)
        .where(*_of(line), promises.c.kind.in_([kind.value for kind in kinds]), claimable(now, policy))
        .order_by(promises.c.arrived, promises.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    passed_over: list[str] = []
    while (row := conn.execute(oldest.where(promises.c.id.not_in(passed_over))).first()) is not None:
        waiting = promise_of(row)
        if not _start(conn, waiting, attempt, now):
            passed_over.append(waiting.id)
            continue
        claimed = step(waiting, Step.CLAIM, now, reason="its turn", policy=policy, attempt=attempt)
        _write(conn, waiting, claimed, now)
        _note(conn, claimed, now, Step.CLAIM.value, attempt)
        return claimed
    return None


def _start(conn: Connection, promise: Promise, attempt: AttemptId, now: datetime) -> bool:
    """Write the attempt down; False if that number is in flight already."""
    row = {
        "id": attempt,
        "promise": promise.id,
        "tenant": promise.tenant,
        "pbx": promise.pbx,
        "number": promise.number,
        "started": now,
    }
    if insert_unless_taken(conn, attempts, row):
        return True
    if conn.scalar(select(attempts.c.id).where(attempts.c.id == attempt)) is not None:
        raise AttemptTaken(attempt)
    return False


def take_step(
    conn: Connection, id_: PromiseId, what: Step, now: datetime, reason: str, attempt: AttemptId | None, policy: Policy
) -> Promise:
    """Move a promise by one step of the domain's table, with its ledger entry; close the attempt that this ends."""
    before = get(conn, id_)
    if before is None:
        raise UnknownPromise(id_)
    if attempt is not None and attempt != before.attempt:
        raise StaleAttempt(id_, attempt)
    after = step(before, what, now, reason=reason, policy=policy)
    _write(conn, before, after, now)
    if before.state in IN_FLIGHT and after.state not in IN_FLIGHT:
        closed = update(attempts).where(attempts.c.id == before.attempt)
        conn.execute(closed.values(ended=now, outcome=what.value))
    _note(conn, after, now, what.value, before.attempt)
    return after


def _write(conn: Connection, before: Promise, after: Promise, now: datetime) -> None:
    """Store `after`, provided the row is still as `before` was read; raise Raced if it is not.

    Every way back to an earlier state passes a claim, so state and count of attempts together name one moment.
    """
    unchanged = and_(
        promises.c.id == before.id, promises.c.state == before.state.value, promises.c.attempts == before.attempts
    )
    ended = None if after.state in IN_FLIGHT or after.state is State.WAITING else now
    if conn.execute(update(promises).where(unchanged).values(row_of(after) | {"ended": ended})).rowcount != 1:
        raise Raced(f"promise {before.id} was changed by another writer")


def end_overdue(conn: Connection, now: datetime, policy: Policy, limit: int) -> list[Promise]:
    """End at most `limit` waiting promises that can no longer be kept, oldest first; return them as they ended."""
    late = (
        select(promises)
        .where(
            promises.c.ended.is_(None),  # what the index knows: the ended ones only ever grow
            promises.c.state == State.WAITING.value,
            (promises.c.expires <= now) | (promises.c.attempts >= policy.attempts),
        )
        .order_by(promises.c.arrived, promises.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ended = []
    for before in promises_of(conn, late):
        what = overdue(before, now, policy)
        if what is None:
            continue
        tried = f"{before.attempts} of {policy.attempts} attempts made"
        reason = tried if what is Step.EXHAUST else f"expired at {before.expires.isoformat()}, {tried}"
        after = step(before, what, now, reason=reason, policy=policy)
        _write(conn, before, after, now)
        _note(conn, after, now, what.value, None)
        ended.append(after)
    return ended


def release_restored(conn: Connection, incident: IncidentId | None, now: datetime) -> list[Promise]:
    """Make due what was promised for the end of `incident`, or of every incident that is stored as resolved.

    Only promises not yet tried: running it again never shortens the wait after an attempt.
    """
    over = select(incidents.c.id).where(incidents.c.state == IncidentState.RESOLVED.value)
    held = (
        select(promises)
        .where(
            promises.c.incident.in_(over) if incident is None else promises.c.incident == incident,
            promises.c.kind == Kind.RESTORED.value,
            promises.c.state == State.WAITING.value,
            promises.c.attempts == 0,
            promises.c.not_before > now,
        )
        .order_by(promises.c.arrived, promises.c.id)
        .with_for_update()
    )
    released = []
    for before in promises_of(conn, held):
        after = replace(before, not_before=now, reason="service restored")
        _write(conn, before, after, now)
        _note(conn, after, now, "released", None)
        released.append(after)
    return released


def get(conn: Connection, id_: PromiseId) -> Promise | None:
    row = conn.execute(select(promises).where(promises.c.id == id_)).first()
    return None if row is None else promise_of(row)


def by_attempt(conn: Connection, attempt: AttemptId) -> Promise | None:
    of_attempt = select(promises).join(attempts, attempts.c.promise == promises.c.id).where(attempts.c.id == attempt)
    row = conn.execute(of_attempt).first()
    return None if row is None else promise_of(row)


def open_(conn: Connection, pbx: PbxName | None) -> list[Promise]:
    wanted = select(promises).where(promises.c.ended.is_(None)).order_by(promises.c.arrived, promises.c.id)
    return promises_of(conn, wanted if pbx is None else wanted.where(promises.c.pbx == pbx))


def recent(conn: Connection, limit: int) -> list[Promise]:
    ended = select(promises).where(promises.c.ended.is_not(None))
    return promises_of(conn, ended.order_by(promises.c.ended.desc(), promises.c.id).limit(limit))


def open_on(conn: Connection, line: LineKey) -> list[Promise]:
    wanted = select(promises).where(promises.c.ended.is_(None), *_of(line))
    return promises_of(conn, wanted.order_by(promises.c.arrived, promises.c.id))


def open_of(conn: Connection, tenant: TenantName, number: str) -> list[Promise]:
    same = (promises.c.tenant == tenant) & (promises.c.number == number) & promises.c.ended.is_(None)
    return promises_of(conn, select(promises).where(same).order_by(promises.c.arrived, promises.c.id))


def kept_since(conn: Connection, line: LineKey, since: datetime) -> list[datetime]:
    """When what was promised in turn on `line` was kept, `since` included, in order."""
    kept = select(promises.c.ended).where(
        promises.c.state == State.KEPT.value,
        promises.c.kind == Kind.IN_TURN.value,
        promises.c.ended >= since,
        *_of(line),
    )
    return [moment for (moment,) in conn.execute(kept.order_by(promises.c.ended))]


def in_flight(conn: Connection, pbx: PbxName) -> list[Promise]:
    flying = select(promises).where(promises.c.pbx == pbx, promises.c.state.in_(_IN_FLIGHT))
    return promises_of(conn, flying.order_by(promises.c.arrived, promises.c.id))


def waiting_count(conn: Connection, line: LineKey, kinds: Iterable[Kind]) -> int:
    wanted = promises.c.kind.in_([kind.value for kind in kinds])
    count = select(func.count()).where(promises.c.state == State.WAITING.value, wanted, *_of(line))
    return conn.scalar(count) or 0


def due(conn: Connection, pbx: PbxName, now: datetime, kinds: Iterable[Kind], policy: Policy) -> list[LineKey]:
    """The lines of `pbx` with something to claim, the longest-waiting caller's first."""
    lines = (
        select(promises.c.tenant, promises.c.line)
        .where(promises.c.pbx == pbx, promises.c.kind.in_([kind.value for kind in kinds]), claimable(now, policy))
        .group_by(promises.c.tenant, promises.c.line)
        .order_by(func.min(promises.c.arrived), promises.c.tenant, promises.c.line)
    )
    return [LineKey(tenant=TenantName(t), pbx=pbx, line=LineName(name)) for t, name in conn.execute(lines)]


def entries(conn: Connection, id_: PromiseId) -> list[LedgerEntry]:
    rows = conn.execute(select(ledger).where(ledger.c.promise == id_).order_by(ledger.c.seq))
    return [
        LedgerEntry(promise=id_, at=r.at, what=r.what, state=State(r.state), reason=r.reason, attempt=r.attempt)
        for r in rows
    ]


def _of(line: LineKey) -> tuple[ColumnElement[bool], ...]:
    return promises.c.pbx == line.pbx, promises.c.tenant == line.tenant, promises.c.line == line.line


def _note(conn: Connection, promise: Promise, at: datetime, what: str, attempt: AttemptId | None) -> None:
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
