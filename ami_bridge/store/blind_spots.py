"""The statements of blind spots: plain functions over a connection in a transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from ami_bridge.domain.names import PbxName
from ami_bridge.domain.status import BlindSpot
from ami_bridge.store.rows import insert_unless_taken
from ami_bridge.store.tables import blind_spots


def begin(conn: Connection, pbx: PbxName, at: datetime, reason: str) -> None:
    """Open a blind spot; one that is open already stays as it is, since the PBX was not watched in between."""
    insert_unless_taken(conn, blind_spots, {"pbx": pbx, "began": at, "reason": reason})


def end(conn: Connection, pbx: PbxName, at: datetime) -> None:
    conn.execute(update(blind_spots).where(blind_spots.c.pbx == pbx, blind_spots.c.ended.is_(None)).values(ended=at))


def recent(conn: Connection, limit: int) -> list[BlindSpot]:
    newest = select(blind_spots).order_by(blind_spots.c.began.desc(), blind_spots.c.seq.desc()).limit(limit)
    return [BlindSpot(pbx=row.pbx, begin=row.began, end=row.ended, reason=row.reason) for row in conn.execute(newest)]
