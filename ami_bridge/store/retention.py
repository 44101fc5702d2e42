"""Forgetting what was over long ago: plain functions over a connection in a transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, select, tuple_

from ami_bridge.domain.incident import IncidentState
from ami_bridge.store.tables import incident_timeline, incidents, maintenance, promises, standing_orders


def prune(conn: Connection, before: datetime, at_once: int) -> int:
    """Delete at most `at_once` incidents, windows and orders that were over before `before`; return how many."""
    gone = _incidents(conn, before, at_once)
    gone += _rows(conn, maintenance, (maintenance.c.ends < before) | (maintenance.c.cancelled < before), at_once - gone)
    return gone + _rows(conn, standing_orders, standing_orders.c.until < before, at_once - gone)


def _incidents(conn: Connection, before: datetime, limit: int) -> int:
    """Those resolved, the oldest first, with their timelines.

    A promise may be made for one of them at the same moment. Its writer holds the incident's row, which is then passed
    over; one that had just let it go is seen by the second look, since nobody else can hold the row after the first.
    """
    waited_for = exists().where(promises.c.incident == incidents.c.id, promises.c.ended.is_(None))
    over = (
        select(incidents.c.id)
        .where(incidents.c.state == IncidentState.RESOLVED.value, incidents.c.changed < before, ~waited_for)
        .order_by(incidents.c.changed, incidents.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    held = conn.scalars(over).all()
    ids = conn.scalars(select(incidents.c.id).where(incidents.c.id.in_(held), ~waited_for)).all()
    conn.execute(delete(incident_timeline).where(incident_timeline.c.incident.in_(ids)))
    return conn.execute(delete(incidents).where(incidents.c.id.in_(ids))).rowcount


def _rows(conn: Connection, table: Table, over: ColumnElement[bool], limit: int) -> int:
    """Delete at most `limit` rows of `table` that are `over`.

    Said twice, so that PostgreSQL looks again at a row that was renewed while this waited for its lock.
    """
    some = select(*table.primary_key).where(over).limit(limit)
    return conn.execute(delete(table).where(tuple_(*table.primary_key).in_(some), over)).rowcount
