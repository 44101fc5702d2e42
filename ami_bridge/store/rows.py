"""Between the domain's values and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

from ami_bridge.domain.incident import Incident, IncidentState, Story
from ami_bridge.domain.names import NO_RECORDING
from ami_bridge.domain.promise import RANK, Kind, Promise, State


def row_of(value: Promise | Incident) -> dict[str, Any]:
    """Return the columns of `value`: its fields by name, enums by their value."""
    columns = {field.name: getattr(value, field.name) for field in fields(value)}
    for name in ("state", "kind", "story"):
        if name in columns:
            columns[name] = columns[name].value
    return columns


def promise_row(promise: Promise) -> dict[str, Any]:
    """Return the columns of `promise`, with those that order claims."""
    return row_of(promise) | {"rank": RANK[promise.kind], "turn": promise.turn}


def promise_of(row: Row[Any]) -> Promise:
    columns = {field.name: getattr(row, field.name) for field in fields(Promise)}
    return Promise(**columns | {"kind": Kind(row.kind), "state": State(row.state)})


def promises_of(conn: Connection, wanted: Select[Any]) -> list[Promise]:
    return [promise_of(row) for row in conn.execute(wanted)]


def incident_of(row: Row[Any]) -> Incident:
    columns = {field.name: getattr(row, field.name) for field in fields(Incident)}
    columns["recording"] = row.recording or NO_RECORDING  # none is known of rows that older versions wrote
    return Incident(**columns | {"state": IncidentState(row.state), "story": Story(row.story)})


def insert_unless_taken(conn: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert `row`; False, and nothing done, if a unique key of it exists.

    Waits for a concurrent transaction that is inserting the same key, so a look afterwards sees that one's row.
    """
    if conn.dialect.name == "postgresql":
        return conn.execute(postgresql.insert(table).values(row).on_conflict_do_nothing()).rowcount == 1
    return conn.execute(sqlite.insert(table).values(row).on_conflict_do_nothing()).rowcount == 1


def upsert(conn: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert `rows`, each in place of the one with the same primary key, in the order given.

    Give many rows in the order of their keys: two writers that lock the same rows in different orders deadlock.
    """
    if not rows:
        return
    key = [column.name for column in table.primary_key]
    values: Any = (postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert)(table)
    new = {column.name: values.excluded[column.name] for column in table.c if column.name not in key}
    conn.execute(values.on_conflict_do_update(index_elements=key, set_=new), rows)
