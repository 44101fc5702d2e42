"""The statements of baselines: plain functions over a connection in a transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from ami_bridge.domain.names import PbxName, TenantName
from ami_bridge.store.rows import upsert
from ami_bridge.store.tables import baselines


def save(conn: Connection, pbx: PbxName, learnt: Mapping[str, tuple[TenantName, Any]], at: datetime) -> None:
    """Insert or overwrite the series that are `learnt`; all others stay."""
    rows = [
        {"pbx": pbx, "series": series, "tenant": tenant, "written": at, "blob": blob}
        for series, (tenant, blob) in sorted(learnt.items())
    ]
    upsert(conn, baselines, rows)


def load(conn: Connection, pbx: PbxName) -> dict[str, Any]:
    rows = conn.execute(select(baselines.c.series, baselines.c.blob).where(baselines.c.pbx == pbx))
    return {row.series: row.blob for row in rows}


def forget(conn: Connection, pbx: PbxName, keep: Collection[str]) -> int:
    """Delete the series of `pbx` that are not among `keep`; one at a time, for neither may fit into one statement."""
    stored = conn.scalars(select(baselines.c.series).where(baselines.c.pbx == pbx)).all()
    gone = [{"gone": series} for series in sorted(set(stored).difference(keep))]
    if gone:
        conn.execute(delete(baselines).where(baselines.c.pbx == pbx, baselines.c.series == bindparam("gone")), gone)
    return len(gone)
