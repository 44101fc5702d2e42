"""A database written by an earlier version is opened by this one: nothing of what it knew is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from ami_bridge.domain.incident import Cause, Incident, IncidentState, Story, change
from ami_bridge.domain.names import NO_RECORDING, AnnouncementHash, IncidentId, LineName, PbxName, TenantName
from ami_bridge.domain.orders import Declaration, Report
from ami_bridge.domain.promise import State
from ami_bridge.domain.signal import Evidence, Kind, Source, Strength, Subject
from ami_bridge.store import Store
from ami_bridge.store.schema import upgrade
from tests.contract.databases import outside
from tests.contract.making import POLICY

WRITTEN = (Path(__file__).parent / "ledger_0002.sql").read_text().splitlines()[1:]
BERLIN, ACME, GLOBEX = PbxName("berlin"), TenantName("acme"), TenantName("globex")
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
NEXT_DAY = MIDNIGHT + timedelta(days=1)
REJECTED = 'call rejected: it says "no" \' (21)'


def written_at_0002(conn: Connection) -> None:
    upgrade(conn, to="0002")
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
    for statement in WRITTEN:
        conn.exec_driver_sql(statement)
    if conn.dialect.name == "postgresql":  # its counters do not follow numbers that were given
        for table in ("ledger", "incident_timeline"):
            conn.exec_driver_sql(f"SELECT setval('{table}_seq_seq', max(seq)) FROM {table}").close()


def at(moment: datetime, clock: str, source: Source, words: str) -> Evidence:
    hour, minute, second = (int(part) for part in clock.split(":"))
    return Evidence(at=moment.replace(hour=hour, minute=minute, second=second), source=source, words=words)


OVER = (
    at(MIDNIGHT - timedelta(days=1), "23:59:58", Source.CALLS, "no circuit or channel available (34)"),
    at(MIDNIGHT - timedelta(days=1), "23:59:59", Source.CALLS, "network out of order (38)"),
    at(MIDNIGHT, "00:00:01", Source.QUALIFY, "all contacts unreachable"),
    at(NEXT_DAY, "00:59:58", Source.QUALIFY, "all contacts reachable"),
    at(NEXT_DAY, "01:00:38", Source.CALLS, "stable again"),
)
LASTING = (
    *(at(NEXT_DAY, f"01:01:{second}", Source.CALLS, REJECTED) for second in (38, 39, 40)),
    at(NEXT_DAY, "01:08:18", Source.CALLS, "to be tried again"),
    at(NEXT_DAY, "01:09:58", Source.CALLS, "no circuit or channel available (34)"),
)


async def test_an_outage_of_one_trunk_becomes_an_incident_of_one_cause(url: str) -> None:
    await outside(url, written_at_0002)
    store = await Store.open(url, POLICY)
    [lasting], [over] = await store.incidents.open(), await store.incidents.recent(5)
    quarter = timedelta(milliseconds=250)
    since = NEXT_DAY + timedelta(hours=1, minutes=1, seconds=40) + quarter
    assert lasting == Incident(
        id=IncidentId("i2"),
        pbx=BERLIN,
        tenants=(GLOBEX,),
        causes=(Cause(subject=Subject(Kind.TRUNK, "globex-sip"), since=since, lines=(LineName("help"),)),),
        lines=(LineName("help"),),
        story=Story.OUTAGE,
        what="",
        told=True,
        state=IncidentState.IDENTIFIED,
        since=since,
        changed=NEXT_DAY + timedelta(hours=1, minutes=9, seconds=58) + quarter,
        next_word=NEXT_DAY + timedelta(hours=1, minutes=35),
        evidence=LASTING,
    )
    assert (over.tenants, over.lines, over.evidence) == ((ACME,), (LineName("support"), LineName("sales")), OVER)
    [cause] = over.causes
    assert (cause.subject.name, cause.since, cause.lines, cause.over) == ("acme-primary", over.since, over.lines, True)
    await store.close()


async def test_a_timeline_keeps_its_lines_and_goes_on(url: str) -> None:
    await outside(url, written_at_0002)
    store = await Store.open(url, POLICY)
    lines = await store.incidents.timeline(IncidentId("i1"))
    assert [(line.state.value, line.tenants, line.evidence) for line in lines] == [
        ("identified", (ACME,), OVER[:3]),
        ("monitoring", (ACME,), OVER[3:4]),
        ("resolved", (ACME,), OVER[4:]),
    ]
    assert lines[2].at == NEXT_DAY + timedelta(hours=1, seconds=38, milliseconds=250)

    [lasting] = await store.incidents.open()
    stable = at(NEXT_DAY, "02:00:00", Source.QUALIFY, "stable again")
    await store.incidents.save(change(lasting, IncidentState.RESOLVED, stable.at, stable))
    lines = await store.incidents.timeline(lasting.id)
    assert [line.state.value for line in lines] == ["identified", "monitoring", "identified", "resolved"]
    assert [seen for line in lines for seen in line.evidence] == [*LASTING, stable]

    [promise] = await store.promises.release_restored(lasting.id, stable.at)
    assert (promise.state, promise.not_before) == (State.WAITING, stable.at)
    await store.close()


async def test_words_of_any_kind_and_incidents_of_no_trunk_are_converted(url: str) -> None:
    def strange(conn: Connection) -> None:
        upgrade(conn, to="0002")
        zone = "+00" if conn.dialect.name == "postgresql" else ".000000"
        for id_, trunk, words in (
            ("i1", "NULL", "[]"),
            ("i2", "'t'", '["24:00:00 call: x", "", "a\\nb", "qualify: "]'),
        ):
            conn.exec_driver_sql(
                f"INSERT INTO incidents VALUES ('{id_}', 'acme', 'berlin', {trunk}, '[]', 'monitoring', "
                f"'2026-03-02 00:00:00{zone}', '2026-03-02 00:00:00{zone}', '2026-03-02 00:30:00{zone}', '{words}')"
            )

    await outside(url, strange)
    store = await Store.open(url, POLICY)
    none, some = await store.incidents.open()
    assert (none.causes, none.evidence) == ((), ())
    assert [cause.over for cause in some.causes] == [False]
    assert {seen.at for seen in some.evidence} == {MIDNIGHT}
    assert [(seen.source.value, seen.words) for seen in some.evidence] == [
        ("calls", "24:00:00 call: x"),
        ("calls", ""),
        ("calls", "a\nb"),
        ("qualify", ""),
    ]
    await store.close()


async def test_what_was_open_and_ordered_before_times_and_recordings_were_kept_goes_on(url: str) -> None:
    def written_at_0005(conn: Connection) -> None:
        upgrade(conn, to="0005")
        zone = "+00" if conn.dialect.name == "postgresql" else ".000000"
        midnight = f"'2026-03-02 00:00:00{zone}'"
        yes = "true" if conn.dialect.name == "postgresql" else "1"
        conn.exec_driver_sql(
            "INSERT INTO incidents VALUES ('i1', 'berlin', '[\"acme\"]', '[]', '[\"support\"]', 'outage', 'our line', "
            f"{yes}, 'identified', {midnight}, {midnight}, {midnight}, '[]', {midnight})"
        )
        for source, told_by, words, strength, told, by in (
            ("operator", "", "our line", "NULL", yes, "'Ada'"),
            ("webhook", "probe", "no answer", "'down'", "NULL", "NULL"),
        ):
            conn.exec_driver_sql(
                f"INSERT INTO standing_orders VALUES ('berlin', 'trunk', 'acme-primary', '{source}', '{told_by}', "
                f"{midnight}, '{words}', {strength}, {told}, {by})"
            )

    await outside(url, written_at_0005)
    store = await Store.open(url, POLICY)
    [incident] = await store.incidents.open()
    assert (incident.until, incident.expected, incident.recording) == (MIDNIGHT, None, NO_RECORDING)
    trunk = Subject(Kind.TRUNK, "acme-primary")
    declared = Declaration(pbx=BERLIN, subject=trunk, until=MIDNIGHT, what="our line", told=True, by="Ada")
    reported = Report(
        pbx=BERLIN, subject=trunk, strength=Strength.DOWN, words="no answer", until=MIDNIGHT, told_by="probe"
    )
    assert await store.orders.standing(BERLIN, MIDNIGHT - timedelta(hours=1)) == [declared, reported]
    own = AnnouncementHash("a" * 64)
    await store.incidents.save(replace(incident, expected=NEXT_DAY, recording=own))
    assert await store.incidents.open() == [replace(incident, expected=NEXT_DAY, recording=own)]
    await store.close()
