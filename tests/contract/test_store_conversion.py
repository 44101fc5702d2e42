"""A database written by an earlier version is opened by this one: nothing of what it knew is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from ami_bridge.domain.incident import Cause, Incident, IncidentState, Story, change
from ami_bridge.domain.names import NO_RECORDING, AnnouncementHash, AttemptId, IncidentId, LineName, PbxName, TenantName
from ami_bridge.domain.orders import Declaration, Report
from ami_bridge.domain.promise import Kind as Promises
from ami_bridge.domain.promise import State, Step
from ami_bridge.domain.signal import Evidence, Kind, Source, Strength, Subject
from ami_bridge.store import LineKey, Store
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


async def test_promises_of_two_kinds_become_promises_of_four(url: str) -> None:
    """What was owed is owed, in the same order, and what became of attempts is known as far as it was written."""

    def written_at_0006(conn: Connection) -> None:
        upgrade(conn, to="0006")
        zone = "+00" if conn.dialect.name == "postgresql" else ".000000"
        midnight, due = f"'2026-03-02 00:00:00{zone}'", f"'2026-03-06 00:00:00{zone}'"
        for id_, kind, state, attempt, ended in (
            ("p2", "in-turn", "ringing", "'keepline-3'", "NULL"),
            ("p1", "in-turn", "waiting", "NULL", "NULL"),
            ("p3", "restored", "waiting", "NULL", "NULL"),
            ("p4", "in-turn", "kept", "NULL", midnight),
        ):
            number = "+1" if id_ == "p3" else f"+{id_[1:]}"  # p1's caller is to be told the news as well
            conn.exec_driver_sql(
                f"INSERT INTO promises VALUES ('{id_}', 'acme', 'berlin', 'support', '{kind}', '{number}', 'o-{id_}', "
                f"{midnight}, {due}, {midnight}, '{state}', 'so it was', 2, {attempt}, NULL, {ended})"
            )
        for n, promise, reason, ended, outcome in (
            (1, "p1", "busy", midnight, "'unreached'"),
            (2, "p1", "cause 99", midnight, "'unreached'"),
            (3, "p2", "ringing", "NULL", "NULL"),
            (4, "p4", "talking with PJSIP/101", midnight, "'joined'"),
        ):
            what = "'rang'" if outcome == "NULL" else outcome
            conn.exec_driver_sql(
                f"INSERT INTO attempts VALUES ('keepline-{n}', '{promise}', 'acme', 'berlin', '+{promise[1:]}', "
                f"{midnight}, {ended}, {outcome})"
            )
            conn.exec_driver_sql(
                "INSERT INTO ledger (promise, tenant, pbx, at, what, state, reason, attempt) VALUES "
                f"('{promise}', 'acme', 'berlin', {midnight}, {what}, 'waiting', '{reason}', 'keepline-{n}')"
            )

    await outside(url, written_at_0006)
    store = await Store.open(url, POLICY)
    first, flying, news = await store.promises.open()
    assert [promise.id for promise in (first, flying, news)] == ["p1", "p2", "p3"]
    assert (first.arrived, first.turn, first.reason, first.attempts, first.tries) == (
        MIDNIGHT, MIDNIGHT, "so it was", 2, 2)  # fmt: skip
    assert (first.language, first.held, first.chosen, first.solved, first.revision) == ("", False, None, None, 0)
    assert (await store.promises.by_attempt(AttemptId("keepline-3"))) == flying
    assert [(entry.what, entry.reason) for entry in await store.promises.ledger(first.id)] == [
        ("busy", "busy"),
        ("no-answer", "cause 99"),
    ]

    def outcomes(conn: Connection) -> list[str | None]:
        return list(conn.exec_driver_sql("SELECT outcome FROM attempts ORDER BY id").scalars())

    assert await outside(url, outcomes) == ["busy", "no-answer", None, "joined"]
    line = LineKey(tenant=ACME, pbx=BERLIN, line=LineName("support"))
    assert [p.id for p in await store.promises.peek(line, Promises, NEXT_DAY, 9)] == ["p1", "p3"]
    waiting = await store.promises.step(flying.id, Step.BUSY, NEXT_DAY, "busy", AttemptId("keepline-3"))
    assert waiting.revision == 1
    assert [entry.what for entry in await store.promises.ledger(flying.id)] == ["rang", "busy"]
    await store.close()
