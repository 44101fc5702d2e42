"""The statements of blind spots and the beats that bound them: plain functions over a connection in a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from ami_bridge.domain.names import PbxName
from ami_bridge.domain.status import BlindSpot
from ami_bridge.store.rows import insert_unless_taken
from ami_bridge.store.tables import blind_spots, watched
from ami_bridge.store.values import Beat


def begin(conn: Connection, pbx: PbxName, at: datetime, reason: str) -> None:
    """Open a blind spot; one that is open already stays as it is, since the PBX was not watched in between."""
    insert_unless_taken(conn, blind_spots, {"pbx": pbx, "began": at, "reason": reason})


def end(conn: Connection, pbx: PbxName, at: datetime, found: str = "") -> None:
    """Close the blind spot of `pbx`, if one is open; what was `found` then is added to its reason."""
    lasting = (blind_spots.c.pbx == pbx) & blind_spots.c.ended.is_(None)
    for row in conn.execute(select(blind_spots).where(lasting)):
        reason = "; ".join(filter(None, (row.reason, found)))
        conn.execute(update(blind_spots).where(blind_spots.c.seq == row.seq).values(ended=at, reason=reason))


def beat(conn: Connection, beats: Sequence[Beat]) -> None:
    """Write down until when each PBX was watched, in place of what was there before."""
    for one in beats:
        row = {"at": one.at, "started": one.started}
        if not conn.execute(update(watched).where(watched.c.pbx == one.pbx).values(row)).rowcount:
            insert_unless_taken(conn, watched, {"pbx": one.pbx, **row})


def last_beat(conn: Connection, pbx: PbxName) -> Beat | None:
    row = conn.execute(select(watched).where(watched.c.pbx == pbx)).one_or_none()
    return None if row is None else Beat(pbx=row.pbx, at=row.at, started=row.started)


def recent(conn: Connection, limit: int) -> list[BlindSpot]:
    newest = select(blind_spots).order_by(blind_spots.c.began.desc(), blind_spots.c.seq.desc()).limit(limit)
    return [BlindSpot(pbx=row.pbx, begin=row.began, end=row.ended, reason=row.reason) for row in conn.execute(newest)]
