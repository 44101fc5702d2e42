"""The statements of planned work: plain functions over a connection in a transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from ami_bridge.domain.names import MaintenanceId, PbxName
from ami_bridge.domain.orders import Maintenance
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.store.rows import upsert
from ami_bridge.store.tables import maintenance
from ami_bridge.store.values import PlannedWork


def save(conn: Connection, planned: Maintenance) -> None:
    """Insert `planned`, or put it in place of the one with its id, which then is not cancelled any more."""
    row = {
        "id": planned.id,
        "pbx": planned.pbx,
        "kind": planned.subject.kind.value,
        "name": planned.subject.name,
        "begins": planned.begin,
        "ends": planned.end,
        "what": planned.what,
        "announced": planned.announced,
        "planned_by": planned.by,
        "cancelled": None,
    }
    upsert(conn, maintenance, [row])


def current(conn: Connection, now: datetime, pbx: PbxName | None) -> list[Maintenance]:
    """What is not over at `now`, begun or not."""
    wanted = select(maintenance).where(maintenance.c.ends > now, maintenance.c.cancelled.is_(None))
    if pbx is not None:
        wanted = wanted.where(maintenance.c.pbx == pbx)
    return [_planned(row) for row in conn.execute(wanted.order_by(maintenance.c.begins, maintenance.c.id))]


def recent(conn: Connection, limit: int) -> list[PlannedWork]:
    newest = select(maintenance).order_by(maintenance.c.begins.desc(), maintenance.c.id).limit(limit)
    return [PlannedWork(planned=_planned(row), cancelled=row.cancelled) for row in conn.execute(newest)]


def cancel(conn: Connection, id_: MaintenanceId, at: datetime) -> bool:
    """Mark it cancelled, unless it has been or it is over."""
    lasting = (maintenance.c.id == id_) & (maintenance.c.ends > at) & maintenance.c.cancelled.is_(None)
    return conn.execute(update(maintenance).where(lasting).values(cancelled=at)).rowcount == 1


def _planned(row: Row[Any]) -> Maintenance:
    return Maintenance(
        id=row.id,
        pbx=row.pbx,
        subject=Subject(Kind(row.kind), row.name),
        begin=row.begins,
        end=row.ends,
        what=row.what,
        announced=row.announced,
        by=row.planned_by,
    )
