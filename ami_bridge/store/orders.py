"""The statements of standing orders, declarations and reports: plain functions over a connection in a transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from ami_bridge.domain.names import NO_RECORDING, PbxName
from ami_bridge.domain.orders import Declaration, Report
from ami_bridge.domain.signal import Kind, Source, Strength, Subject
from ami_bridge.store.rows import upsert
from ami_bridge.store.tables import standing_orders


def keep(conn: Connection, order: Declaration | Report) -> None:
    """Insert `order`, or put it in place of what the same witness said of the subject before."""
    if isinstance(order, Report) and order.strength is Strength.CLEAR:
        withdraw(conn, order.pbx, order.subject, order.told_by)
    else:
        upsert(conn, standing_orders, [_row(order)])


def standing(conn: Connection, pbx: PbxName, now: datetime) -> list[Declaration | Report]:
    held = select(standing_orders).where(standing_orders.c.pbx == pbx, standing_orders.c.until > now)
    return [_order(row) for row in conn.execute(held.order_by(*standing_orders.primary_key))]


def withdraw(conn: Connection, pbx: PbxName, subject: Subject, told_by: str | None) -> bool:
    """Delete the report of `told_by` on `subject`, or the operator's declaration if `told_by` is None."""
    same = [standing_orders.c[name] == value for name, value in _key(pbx, subject, told_by).items()]
    return conn.execute(delete(standing_orders).where(*same)).rowcount == 1


def _key(pbx: PbxName, subject: Subject, told_by: str | None) -> dict[str, str]:
    source = Source.OPERATOR if told_by is None else Source.WEBHOOK
    return {
        "pbx": pbx,
        "kind": subject.kind.value,
        "name": subject.name,
        "source": source.value,
        "told_by": told_by or "",
    }


def _row(order: Declaration | Report) -> dict[str, Any]:
    if isinstance(order, Report):
        said: dict[str, Any] = {"words": order.words, "strength": order.strength.name.lower()}
        return _key(order.pbx, order.subject, order.told_by) | said | {"until": order.until}
    said = {
        "words": order.what,
        "told": order.told,
        "declared_by": order.by,
        "expected": order.expected,
        "recording": order.recording,
    }
    return _key(order.pbx, order.subject, None) | said | {"until": order.until}


def _order(row: Row[Any]) -> Declaration | Report:
    subject = Subject(Kind(row.kind), row.name)
    if row.source == Source.OPERATOR.value:
        return Declaration(
            pbx=row.pbx,
            subject=subject,
            until=row.until,
            what=row.words,
            told=row.told,
            by=row.declared_by,
            expected=row.expected,
            recording=row.recording or NO_RECORDING,
        )
    return Report(
        pbx=row.pbx,
        subject=subject,
        strength=Strength[row.strength.upper()],
        words=row.words,
        until=row.until,
        told_by=row.told_by,
    )
