"""The statements of incidents and their timelines: plain functions over a connection in a transaction."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from ami_bridge.domain.incident import Incident, IncidentState
from ami_bridge.domain.names import IncidentId, PbxName
from ami_bridge.store.errors import Raced
from ami_bridge.store.rows import incident_of, insert_unless_taken, row_of
from ami_bridge.store.tables import incident_timeline, incidents
from ami_bridge.store.values import TimelineEntry


def save(conn: Connection, incident: Incident) -> None:
    """Insert or overwrite `incident`; a state it was not in before becomes a line of its timeline."""
    was = conn.execute(select(incidents.c.state).where(incidents.c.id == incident.id).with_for_update()).scalar()
    if was is not None:
        conn.execute(update(incidents).where(incidents.c.id == incident.id).values(row_of(incident)))
    elif not insert_unless_taken(conn, incidents, row_of(incident)):
        raise Raced(f"incident {incident.id} was saved elsewhere at the same moment")
    if was != incident.state.value:
        _note(conn, incident)


def _note(conn: Connection, incident: Incident) -> None:
    """Add a line with the evidence no earlier line has: some may have been saved without a change of state."""
    told = {seen for entry in timeline(conn, incident.id) for seen in entry.evidence}
    conn.execute(
        insert(incident_timeline).values(
            incident=incident.id,
            pbx=incident.pbx,
            tenants=incident.tenants,
            at=incident.changed,
            state=incident.state.value,
            evidence=tuple(seen for seen in incident.evidence if seen not in told),
        )
    )


def get(conn: Connection, id_: IncidentId) -> Incident | None:
    row = conn.execute(select(incidents).where(incidents.c.id == id_)).one_or_none()
    return incident_of(row) if row else None


def open_(conn: Connection, pbx: PbxName | None) -> list[Incident]:
    wanted = select(incidents).where(incidents.c.state != IncidentState.RESOLVED.value)
    if pbx is not None:
        wanted = wanted.where(incidents.c.pbx == pbx)
    return [incident_of(row) for row in conn.execute(wanted.order_by(incidents.c.since, incidents.c.id))]


def recent(conn: Connection, limit: int) -> list[Incident]:
    ended = select(incidents).where(incidents.c.state == IncidentState.RESOLVED.value)
    rows = conn.execute(ended.order_by(incidents.c.changed.desc(), incidents.c.id).limit(limit))
    return [incident_of(row) for row in rows]


def timeline(conn: Connection, id_: IncidentId) -> list[TimelineEntry]:
    lines = select(incident_timeline).where(incident_timeline.c.incident == id_).order_by(incident_timeline.c.seq)
    return [
        TimelineEntry(
            incident=id_, tenants=row.tenants, at=row.at, state=IncidentState(row.state), evidence=row.evidence
        )
        for row in conn.execute(lines)
    ]
