"""The tables. Every row carries its tenants and PBX; a blind spot belongs to a whole PBX and so to all its tenants, and
whose the subject of planned work or of an order is, the settings say.

A change here needs a migration in `migrations/versions`; the contract suite compares the two on both databases.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, Table, UniqueConstraint, text

from ami_bridge.store.columns import Blob, Causes, EvidenceList, UtcDateTime, WordList, Words

# SQLite numbers rows by itself only for a key declared exactly INTEGER.
Sequence = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def _one_open(name: str, *columns: str, where: str = "ended IS NULL") -> Index:
    return _partial(name, *columns, where=where, unique=True)


promises = Table(
    "promises",
    metadata,
    Column("id", Words, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("pbx", Words, nullable=False),
    Column("line", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("number", Words, nullable=False),
    Column("origin", Words, nullable=False),
    Column("arrived", UtcDateTime, nullable=False),
    Column("expires", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("state", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("attempt", Words),
    # No foreign key: a key press kept by a PBX while we were away may name an incident this database never held,
    # and what is owed is written down all the same.
    Column("incident", Words),
    Column("ended", UtcDateTime),
    Column("language", Words, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("chosen", UtcDateTime),
    Column("held", Boolean, nullable=False),
    Column("solved", Boolean),
    Column("revision", Integer, nullable=False),
    # Of the kind, and of what was chosen or else of the arrival: the order in which promises are claimed.
    Column("rank", Integer, nullable=False),
    Column("turn", UtcDateTime, nullable=False),
    UniqueConstraint("pbx", "origin", "kind", name="promises_one_per_origin"),
    # A claim reads this one alone until it has found its promise, and passes over those not due without a look at them.
    Index("promises_by_turn", "pbx", "tenant", "line", "state", "rank", "turn", "id", "not_before"),
    Index("promises_by_line", "pbx", "tenant", "line", "ended"),
    Index("promises_by_state", "pbx", "state"),
    # Partial, so that nothing but the search for those overdue is led astray by them.
    _partial("promises_by_expiry", "expires", where="state = 'waiting'"),
    _partial("promises_by_attempts", "attempts", where="state = 'waiting'"),
    Index("promises_by_number", "tenant", "number", "arrived", "id"),
    Index("promises_by_tenant", "tenant", "arrived", "id"),
    Index("promises_by_arrival", "arrived", "id"),
    Index("promises_by_end", "ended"),
    Index("promises_by_incident", "incident"),
    # An open callback stands for all that are asked for, and a call with news may be owed beside it.
    _one_open("promises_one_callback", "tenant", "line", "number", where="ended IS NULL AND kind <> 'restored'"),
    _one_open("promises_one_news", "tenant", "line", "number", where="ended IS NULL AND kind = 'restored'"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Words, primary_key=True),
    Column("promise", Words, ForeignKey("promises.id", name="attempts_promise"), nullable=False),
    Column("tenant", Words, nullable=False),
    Column("pbx", Words, nullable=False),
    Column("number", Words, nullable=False),
    Column("started", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime),
    Column("outcome", Words),
    Column("answered", UtcDateTime),
    Column("cost", Integer, nullable=False),  # in ten-thousandths of the tenant's currency
    Column("channel", Words),
    Index("attempts_by_promise", "promise"),
    Index("attempts_by_tenant", "tenant", "started"),
    Index("attempts_by_number", "number", "started"),
    # A phone rings for one of us at a time, whichever line or tenant it is for.
    _one_open("attempts_one_per_number", "number"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("promise", Words, ForeignKey("promises.id", name="ledger_promise"), nullable=False),
    Column("tenant", Words, nullable=False),
    Column("pbx", Words, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("what", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("attempt", Words),
    Index("ledger_by_promise", "promise", "seq"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", Words, primary_key=True),
    Column("pbx", Words, nullable=False),
    Column("tenants", WordList, nullable=False),
    Column("causes", Causes, nullable=False),
    Column("lines", WordList, nullable=False),
    Column("story", Words, nullable=False),
    Column("what", Words, nullable=False),
    Column("told", Boolean, nullable=False),
    Column("state", Words, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("changed", UtcDateTime, nullable=False),
    Column("next_word", UtcDateTime, nullable=False),
    Column("evidence", EvidenceList, nullable=False),
    Column("until", UtcDateTime),
    Column("expected", UtcDateTime),
    Column("recording", Words),
    Index("incidents_by_state", "state", "changed"),
)

incident_timeline = Table(
    "incident_timeline",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("incident", Words, ForeignKey("incidents.id", name="incident_timeline_incident"), nullable=False),
    Column("pbx", Words, nullable=False),
    Column("tenants", WordList, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("state", Words, nullable=False),
    Column("evidence", EvidenceList, nullable=False),
    Index("incident_timeline_by_incident", "incident", "seq"),
)

blind_spots = Table(
    "blind_spots",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("pbx", Words, nullable=False),
    Column("began", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime),
    Column("reason", Words, nullable=False),
    Index("blind_spots_by_begin", "began"),
    _one_open("blind_spots_one_open", "pbx"),
)

# One row for each PBX, written over every few seconds while it is watched: a companion that is killed leaves it behind.
watched = Table(
    "watched",
    metadata,
    Column("pbx", Words, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("started", Words, nullable=False),
)

# What is normal for a series of calls (`trunk/acme-primary/in`), as the domain dumps it.
baselines = Table(
    "baselines",
    metadata,
    Column("pbx", Words, primary_key=True),
    Column("series", Words, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("written", UtcDateTime, nullable=False),
    Column("blob", Blob, nullable=False),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("id", Words, primary_key=True),
    Column("pbx", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("begins", UtcDateTime, nullable=False),
    Column("ends", UtcDateTime, nullable=False),
    Column("what", Words, nullable=False),
    Column("announced", Boolean, nullable=False),
    Column("planned_by", Words, nullable=False),
    Column("cancelled", UtcDateTime),
    Index("maintenance_by_end", "ends"),
)

# What was said of a subject and holds until it is renewed, withdrawn or over: by `source` operator, one declaration; by
# source webhook, one report for each who tells us. The columns of the other kind are empty.
standing_orders = Table(
    "standing_orders",
    metadata,
    Column("pbx", Words, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("source", Words, primary_key=True),
    Column("told_by", Words, primary_key=True),
    Column("until", UtcDateTime, nullable=False),
    Column("words", Words, nullable=False),
    Column("strength", Words),
    Column("told", Boolean),
    Column("declared_by", Words),
    Column("expected", UtcDateTime),
    Column("recording", Words),
)
