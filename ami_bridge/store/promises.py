"""The statements that make promises and move them: plain functions over a connection in a transaction.

Each is one unit of work. The caller's transaction makes it whole, so a crash leaves all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Select, and_, case, select, text, update

from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.names import AttemptId, IncidentId, LineName, PromiseId, TenantName
from ami_bridge.domain.promise import (
    CALLBACKS,
    ENDS,
    IN_FLIGHT,
    Kind,
    Policy,
    Promise,
    State,
    Step,
    overdue,
    step,
)
from ami_bridge.domain.standing import waits_for_its_incident
from ami_bridge.store.errors import AlreadyOwed, Raced, StaleAttempt, UnknownPromise
from ami_bridge.store.moves import move, note, write
from ami_bridge.store.owed import by_attempt, get
from ami_bridge.store.rows import insert_unless_taken, promise_of, promise_row, promises_of
from ami_bridge.store.tables import attempts, incidents, promises


def make(conn: Connection, promise: Promise, at: datetime, policy: Policy) -> tuple[Promise, bool]:
    """Write `promise` down, or return the one that already stands for it and False.

    A promise to be called once an outage is over may arrive after that outage has ended, because the PBX kept the key
    press: it is due at once. The incident's row is held against a change so that none slips between the two cases.
    """
    if promise.incident is not None and promise.kind is Kind.RESTORED and _is_resolved(conn, promise.incident):
        promise = replace(promise, not_before=promise.arrived)
    if promise.kind is Kind.SCHEDULED and promise.chosen is None:
        promise = replace(promise, chosen=promise.not_before)
    if _insert(conn, promise, at):
        return promise, True
    standing = _standing(conn, promise)
    if standing is not None and _is_superseded(standing, promise):
        if standing.state in IN_FLIGHT:
            return _asked_for(conn, standing, promise, at), False
        withdrawn = step(standing, Step.WITHDRAW, at, reason="they asked for a call themselves", policy=policy)
        move(conn, standing, withdrawn, Step.WITHDRAW, at)
        if _insert(conn, promise, at):
            return promise, True
    if standing is None:
        raise Raced(f"the promise that stood for {promise.id} ended at the same moment")
    return standing, False


def _insert(conn: Connection, promise: Promise, at: datetime) -> bool:
    if not insert_unless_taken(conn, promises, promise_row(promise)):
        return False
    note(conn, promise, at, "made", promise.attempt)
    return True


def _standing(conn: Connection, promise: Promise) -> Promise | None:
    """The promise stored for the same id or origin, or still open for the same number on the same line."""
    same_origin = and_(
        promises.c.pbx == promise.pbx, promises.c.origin == promise.origin, promises.c.kind == promise.kind.value
    )
    for same in (promises.c.id == promise.id, same_origin, and_(*_same_place(promise))):
        row = conn.execute(select(promises).where(same)).first()
        if row is not None:
            return promise_of(row)
    return None


def _same_place(promise: Promise) -> tuple[ColumnElement[bool], ...]:
    """Open for the same number on the same line: one callback, or one call with news."""
    news = promises.c.kind == Kind.RESTORED.value
    return (
        promises.c.tenant == promise.tenant,
        promises.c.line == promise.line,
        promises.c.number == promise.number,
        promises.c.ended.is_(None),
        ~news if promise.kind in CALLBACKS else news,
    )


def _is_superseded(standing: Promise, by: Promise) -> bool:
    """Whether somebody who would have been called uninvited now asks for it."""
    return (
        standing.state not in ENDS
        and standing.kind is Kind.MISSED
        and by.kind in CALLBACKS - {Kind.MISSED}
        and (standing.id, standing.origin) != (by.id, by.origin)
    )


def _asked_for(conn: Connection, flying: Promise, asked: Promise, at: datetime) -> Promise:
    """They are being called at this very moment: that call serves, and if it fails they are owed what they asked for.

    A second promise would dial them while the first call still rings.
    """
    taken_over = replace(
        flying,
        kind=asked.kind,
        chosen=asked.chosen,
        expires=max(flying.expires, asked.expires),
        language=asked.language or flying.language,
        reason="they asked for a call themselves while they were being called",
    )
    stored = write(conn, flying, taken_over, at)
    note(conn, stored, at, "asked", flying.attempt)
    return stored


def _is_resolved(conn: Connection, incident: IncidentId) -> bool:
    state = conn.scalar(select(incidents.c.state).where(incidents.c.id == incident).with_for_update(read=True))
    return state == IncidentState.RESOLVED.value


def take_step(
    conn: Connection,
    id_: PromiseId,
    what: Step,
    now: datetime,
    reason: str,
    attempt: AttemptId | None,
    policy: Policy,
    not_before: datetime | None = None,
    number: str | None = None,
) -> Promise:
    """Move a promise by one step of the domain's table, with its ledger entry; close the attempt that this ends."""
    before = get(conn, id_)
    if before is None:
        raise UnknownPromise(id_)
    if attempt is not None and attempt != before.attempt:
        raise StaleAttempt(id_, attempt)
    after = step(before, what, now, reason=reason, policy=policy, not_before=not_before, number=number)
    if what is Step.MOVE:
        other = conn.scalar(select(promises.c.id).where(*_same_place(after), promises.c.id != id_))
        if other is not None:
            raise AlreadyOwed(id_, PromiseId(other))
    return move(conn, before, after, what, now)


def hold(conn: Connection, id_: PromiseId, now: datetime, reason: str, until: datetime | None, policy: Policy) -> bool:
    """Say why a waiting promise is not called now. Another `until` for the same reason changes the row alone."""
    before = get(conn, id_)
    if before is None:
        raise UnknownPromise(id_)
    if waits_for_its_incident(before, now):
        return False
    after = step(before, Step.HOLD, now, reason=reason, policy=policy, not_before=until)
    if not before.held or before.reason != reason:
        move(conn, before, after, Step.HOLD, now)
        return True
    if after.not_before != before.not_before:
        write(conn, before, after, now)
    return False


def withdraw_open(
    conn: Connection,
    tenant: TenantName,
    number: str,
    now: datetime,
    reason: str,
    lines: Collection[LineName] | None,
    kinds: Iterable[Kind],
    policy: Policy,
) -> list[Promise]:
    """End what is open for a number, in flight or not; each as it ended, with the attempt that was in flight."""
    wanted = select(promises).where(
        promises.c.tenant == tenant,
        promises.c.number == number,
        promises.c.ended.is_(None),
        promises.c.kind.in_(sorted(kind.value for kind in kinds)),
    )
    if lines is not None:
        wanted = wanted.where(promises.c.line.in_(sorted(lines)))
    withdrawn = []
    for before in promises_of(conn, wanted.order_by(promises.c.arrived, promises.c.id).with_for_update()):
        after = step(before, Step.WITHDRAW, now, reason=reason, policy=policy)
        ended = move(conn, before, after, Step.WITHDRAW, now)
        withdrawn.append(replace(ended, attempt=before.attempt))
    return withdrawn


def retry(conn: Connection, id_: PromiseId, now: datetime, policy: Policy) -> Promise:
    """Have it tried now: the promise itself while it waits; once it has ended, the one that follows it."""
    old = get(conn, id_)
    if old is None:
        raise UnknownPromise(id_)
    if old.state not in ENDS:
        return take_step(conn, id_, Step.RETRY, now, "an operator wants it tried now", None, policy)
    again = Promise(
        id=PromiseId(uuid4().hex),
        tenant=old.tenant,
        pbx=old.pbx,
        line=old.line,
        kind=old.kind,
        number=old.number,
        origin=f"retry-{old.id}",
        arrived=old.arrived,
        expires=now + policy.lifetime_of(old.kind),
        not_before=now,
        reason=f"an operator wants it tried again: {old.state.value}, {old.reason}",
        incident=old.incident,
        language=old.language,
        chosen=old.chosen,
    )
    standing, made = make(conn, again, now, policy)
    if made or standing.state not in ENDS:
        return standing
    return retry(conn, standing.id, now, policy)  # it was retried before, and that one has ended too


def solved(conn: Connection, attempt: AttemptId, answer: bool, at: datetime | None) -> Promise | None:
    """Write down whether the talk solved it, once; None for an attempt nobody knows. Undated: when that call ended."""
    before = by_attempt(conn, attempt)
    if before is None or before.solved is answer:
        return before
    if at is None:
        times = select(attempts.c.ended, attempts.c.started).where(attempts.c.id == attempt)
        ended, started = conn.execute(times).one()
        at = ended or started
    stored = write(conn, before, replace(before, solved=answer), at)
    said = "solved, they say" if answer else "not solved, they say"
    note(conn, replace(stored, reason=said), at, "solved", attempt)
    return stored


def charge(conn: Connection, attempt: AttemptId, cost: int, channel: str | None) -> bool:
    """Set what an attempt costs, and the channel it went over; False for one nobody knows."""
    values: dict[str, object] = {"cost": cost} if channel is None else {"cost": cost, "channel": channel}
    return conn.execute(update(attempts).where(attempts.c.id == attempt).values(values)).rowcount == 1


def any_overdue(conn: Connection, now: datetime, policy: Policy) -> bool:
    """Whether `end_overdue` would end something."""
    return any(conn.execute(late.limit(1)).first() is not None for late in _overdue(now, policy))


def end_overdue(conn: Connection, now: datetime, policy: Policy, limit: int) -> list[Promise]:
    """End waiting promises that can no longer be kept, at most `limit` for each reason; return them as they ended."""
    ended = [promise for late in _overdue(now, policy) for promise in _end(conn, late, now, policy, limit)]
    return sorted(ended, key=lambda promise: (promise.arrived, promise.id))


def _overdue(now: datetime, policy: Policy) -> tuple[Select[tuple[object, ...]], Select[tuple[object, ...]]]:
    """Those of which no attempt is left, and those that have expired."""
    waiting = text("promises.state = 'waiting'")  # in so many words: the indexes hold no others
    missed = promises.c.kind == Kind.MISSED.value
    allowed = case((missed, policy.missed_attempts), else_=policy.attempts)
    exhausted = select(promises).where(
        waiting,
        promises.c.attempts >= min(policy.attempts, policy.missed_attempts),  # what an index knows
        promises.c.attempts - promises.c.failures >= allowed,
    )
    expired = select(promises).where(waiting, promises.c.expires <= now)
    return exhausted.order_by(promises.c.attempts), expired.order_by(promises.c.expires)


def _end(
    conn: Connection, late: Select[tuple[object, ...]], now: datetime, policy: Policy, limit: int
) -> list[Promise]:
    ended = []
    for before in promises_of(conn, late.limit(limit).with_for_update(skip_locked=True)):
        what = overdue(before, now, policy)
        if what is None:
            continue
        tried = f"{before.tries} of {policy.attempts_of(before.kind)} attempts made"
        reason = tried if what is Step.EXHAUST else f"expired at {before.expires.isoformat()}, {tried}"
        after = step(before, what, now, reason=reason, policy=policy)
        ended.append(move(conn, before, after, what, now))
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
            promises.c.held.is_(False),  # released before, and put off since
            promises.c.not_before > now,
        )
        .order_by(promises.c.arrived, promises.c.id)
        .with_for_update()
    )
    released = []
    for before in promises_of(conn, held):
        after = replace(before, not_before=now, reason="service restored")
        stored = write(conn, before, after, now)
        note(conn, stored, now, "released", None)
        released.append(stored)
    return released
