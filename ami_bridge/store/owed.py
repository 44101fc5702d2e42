"""What is owed, asked in many ways: plain functions over a connection in a transaction. None changes anything."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from ami_bridge.domain.names import AttemptId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import IN_FLIGHT, Kind, Promise, State, Usage
from ami_bridge.store.errors import UnknownPromise
from ami_bridge.store.rows import promise_of, promises_of
from ami_bridge.store.tables import attempts, ledger, promises
from ami_bridge.store.values import LedgerEntry, LineKey

_IN_FLIGHT = sorted(state.value for state in IN_FLIGHT)


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


def listed(
    conn: Connection,
    tenant: TenantName | None,
    states: Collection[State] | None,
    line: LineName | None,
    number: str | None,
    kinds: Collection[Kind] | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    after: PromiseId | None,
) -> list[Promise]:
    """Promises of `tenant` or of all, the latest arrivals first, from the one that follows `after` on."""
    wanted = select(promises).order_by(promises.c.arrived.desc(), promises.c.id.desc()).limit(limit)
    for column, value in ((promises.c.tenant, tenant), (promises.c.line, line), (promises.c.number, number)):
        if value is not None:
            wanted = wanted.where(column == value)
    if states is not None:
        wanted = wanted.where(promises.c.state.in_(sorted(state.value for state in states)))
    if kinds is not None:
        wanted = wanted.where(promises.c.kind.in_(sorted(kind.value for kind in kinds)))
    if since is not None:
        wanted = wanted.where(promises.c.arrived >= since)
    if until is not None:
        wanted = wanted.where(promises.c.arrived < until)
    if after is not None:
        last = get(conn, after)
        if last is None:
            raise UnknownPromise(after)
        before = and_(promises.c.arrived == last.arrived, promises.c.id < last.id)
        wanted = wanted.where(promises.c.arrived <= last.arrived, or_(promises.c.arrived < last.arrived, before))
    return promises_of(conn, wanted)


def beginning(conn: Connection, text: str, limit: int) -> list[PromiseId]:
    """The ids that begin with `text`, at most `limit` of them, in order; one that is `text` itself comes first."""
    cut = func.substr(promises.c.id, 1, len(text)) == text  # LIKE takes capitals for small letters on SQLite
    ids = conn.scalars(select(promises.c.id).where(cut).order_by(promises.c.id != text, promises.c.id).limit(limit))
    return [PromiseId(id_) for id_ in ids]


def usage(conn: Connection, tenant: TenantName, number: str, since: datetime) -> Usage:
    of_number = select(func.count()).where(attempts.c.number == number, attempts.c.started >= since)
    of_tenant = select(func.count(), func.coalesce(func.sum(attempts.c.cost), 0)).where(
        attempts.c.tenant == tenant, attempts.c.started >= since
    )
    begun, cost = conn.execute(of_tenant).one()
    return Usage(number_attempts=conn.scalar(of_number) or 0, tenant_attempts=begun, tenant_cost=int(cost))


def entries(conn: Connection, ids: Collection[PromiseId]) -> dict[PromiseId, list[LedgerEntry]]:
    """All that happened to these promises, of each in order."""
    found: dict[PromiseId, list[LedgerEntry]] = {id_: [] for id_ in ids}
    for r in conn.execute(select(ledger).where(ledger.c.promise.in_(sorted(ids))).order_by(ledger.c.seq)):
        entry = LedgerEntry(
            promise=r.promise, at=r.at, what=r.what, state=State(r.state), reason=r.reason, attempt=r.attempt
        )
        found[r.promise].append(entry)
    return found


def _of(line: LineKey) -> tuple[ColumnElement[bool], ...]:
    return promises.c.pbx == line.pbx, promises.c.tenant == line.tenant, promises.c.line == line.line
