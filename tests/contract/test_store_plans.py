"""What is asked for every call costs the same however much the ledger holds: counted in steps, not in time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, create_engine, text

from ami_bridge.domain.names import AttemptId, PbxName, PromiseId
from ami_bridge.domain.promise import CALLBACKS, Kind, Step
from ami_bridge.store import Store, claiming, owed, promises
from ami_bridge.store.tables import metadata
from tests.contract.databases import outside
from tests.contract.making import IN_TURN, LINE, POLICY, a_promise, after, attempt

NOW = after(days=1)
ENDED, OPEN, RESTING = 100_000, 10_000, 10_000
HAMBURG = PbxName("hamburg")

# Rows as the store writes them, made inside the database. Each has a number of its own.
ROWS = """
INSERT INTO promises (id, tenant, pbx, line, kind, number, origin, arrived, expires, not_before, state, reason,
    attempts, attempt, incident, ended, language, failures, held, revision, rank, turn)
SELECT 'r' || i, 'acme', :pbx, :line, :kind, '+49' || i, 'o' || i, :arrived, :expires, :due, :state, '', 0,
    NULL, NULL, :ended, 'en', 0, 1 = 0, 0, :rank, :arrived
FROM (WITH RECURSIVE n(i) AS (
    SELECT CAST(:first AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :first + CAST(:many AS INTEGER)
) SELECT CAST(i AS TEXT) AS i FROM n) AS numbers
"""
TRIED = """
INSERT INTO attempts (id, promise, tenant, pbx, number, started, ended, outcome, cost)
SELECT 'a' || id, id, tenant, pbx, number, arrived, ended, 'withdraw', 100 FROM promises WHERE state = 'withdrawn'
"""


def rows(conn: Connection, first: int, many: int, *, due: object = None, ended: bool = False, **other: object) -> None:
    values = {
        "first": first,
        "many": many,
        "pbx": LINE.pbx,
        "line": LINE.line,
        "kind": "in-turn",
        "rank": 0,
        "arrived": after(0),
        "expires": NOW + timedelta(days=1),
        "due": due or after(0),
        "state": "withdrawn" if ended else "waiting",
        "ended": after(1) if ended else None,
    } | other
    # SQLite is given what the store's own column type would make of a time.
    if conn.dialect.name == "sqlite":
        values = {
            name: f"{value:%Y-%m-%d %H:%M:%S.%f}" if hasattr(value, "hour") else value for name, value in values.items()
        }
    conn.execute(text(ROWS), values)


def filled(conn: Connection, *, ended: int, opened: int) -> None:
    rows(conn, 1_000_000, ended, ended=True)
    conn.execute(text(TRIED))
    rows(conn, 2_000_000, opened)
    rows(conn, 3_000_000, opened, kind="restored", rank=2, due=NOW + timedelta(days=900))
    promises.make(conn, a_promise(1, not_before=after(0)), after(0), POLICY)


def database(*, ended: int, opened: int) -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as conn:
        metadata.create_all(conn)
        filled(conn, ended=ended, opened=opened)
        yield conn
    engine.dispose()


@pytest.fixture(scope="module")
def small() -> Iterator[Connection]:
    yield from database(ended=20, opened=20)


@pytest.fixture(scope="module")
def large() -> Iterator[Connection]:
    yield from database(ended=ENDED, opened=OPEN)


def steps(conn: Connection, work: Callable[[Connection], object]) -> int:
    """How many instructions SQLite runs for `work`, to within ten; what it changed is undone."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    driver = conn.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    conn.execute(text("SAVEPOINT measured"))
    driver.set_progress_handler(count, 10)
    try:
        work(conn)
    finally:
        driver.set_progress_handler(None, 0)
        conn.execute(text("ROLLBACK TO measured"))
    return counted * 10


def claim_and_end(conn: Connection) -> None:
    claimed = claiming.claim(conn, LINE, CALLBACKS, NOW, attempt(1), POLICY)
    assert claimed is not None
    promises.take_step(conn, claimed.id, Step.BUSY, NOW, "busy", attempt(1), POLICY)


P1 = PromiseId("p1")
WORK: dict[str, Callable[[Connection], object]] = {
    "claim and end": claim_and_end,
    "claim this": lambda conn: claiming.claim_this(conn, P1, NOW, AttemptId("keepline-1"), POLICY),
    "peek": lambda conn: claiming.peek(conn, LINE, CALLBACKS, NOW, 10, POLICY),
    "due": lambda conn: claiming.due(conn, LINE.pbx, NOW, frozenset(Kind), POLICY),
    "nothing due elsewhere": lambda conn: claiming.due(conn, HAMBURG, NOW, frozenset(Kind), POLICY),
    "make": lambda conn: promises.make(conn, a_promise(9), NOW, POLICY),
    "make what is owed": lambda conn: promises.make(conn, a_promise(9, number="+492000001"), NOW, POLICY),
    "hold": lambda conn: promises.hold(conn, P1, NOW, "outside hours", NOW, POLICY),
    "withdraw": lambda conn: promises.withdraw_open(
        conn, LINE.tenant, a_promise(1).number, NOW, "reached", None, CALLBACKS, POLICY
    ),
    "in flight": lambda conn: owed.in_flight(conn, LINE.pbx),
    "open of a number": lambda conn: owed.open_of(conn, LINE.tenant, a_promise(1).number),
    "end overdue": lambda conn: promises.end_overdue(conn, NOW, POLICY, 200),
    "kept since": lambda conn: owed.kept_since(conn, LINE, after(days=0.9)),
    "usage": lambda conn: owed.usage(conn, LINE.tenant, a_promise(1).number, after(days=0.9)),
    "a page": lambda conn: owed.listed(conn, LINE.tenant, None, None, None, None, None, None, 10, None),
    "a page of all": lambda conn: owed.listed(conn, None, None, None, None, None, None, None, 10, None),
}


@pytest.mark.parametrize("what", WORK)
def test_a_full_ledger_costs_no_more_steps_than_an_empty_one(what: str, small: Connection, large: Connection) -> None:
    few, many = steps(small, WORK[what]), steps(large, WORK[what])
    assert many <= 1.5 * few + 200, f"{few} steps among 60 promises, {many} among {ENDED + 2 * OPEN}"


def test_promises_that_are_not_due_are_passed_over_in_the_index() -> None:
    """All of them came before the first that is due. To look at each one's row would take several times the steps."""

    def first(conn: Connection) -> object:
        return claiming.peek(conn, LINE, IN_TURN, NOW, 1, POLICY)

    for conn in database(ended=0, opened=0):
        conn.execute(text("DELETE FROM ledger"))
        conn.execute(text("DELETE FROM promises"))
        rows(conn, 1, RESTING, due=NOW + timedelta(hours=1))
        rows(conn, 5_000_000, 1, arrived=after(5))
        assert [promise.id for promise in claiming.peek(conn, LINE, IN_TURN, NOW, 1, POLICY)] == ["r5000000"]
        taken = steps(conn, first)
        assert taken <= 8 * RESTING, f"{taken / RESTING:.1f} steps for each of {RESTING} that are not due"


async def test_postgresql_finds_whose_turn_it_is_in_the_index_without_sorting(postgres_url: str) -> None:
    store = await Store.open(postgres_url, POLICY)
    try:
        await outside(postgres_url, lambda conn: filled(conn, ended=20_000, opened=2_000))
        await outside(postgres_url, lambda conn: conn.execute(text("ANALYZE")).close())
        plans = await outside(postgres_url, planned)
    finally:
        await store.close()
    assert len(plans) == 2, "one for each rank of callbacks"
    for plan in plans:
        assert "promises_by_turn" in plan
        assert "Sort" not in plan
        assert "Seq Scan on promises" not in plan


def planned(conn: Connection) -> list[str]:
    """What PostgreSQL would do for the statements of a peek."""
    found = []
    for wanted in claiming.by_rank(LINE, CALLBACKS, NOW, POLICY):
        explained = text("EXPLAIN " + str(wanted.limit(10).compile(conn, compile_kwargs={"literal_binds": True})))
        found.append("\n".join(conn.scalars(explained)))
    return found
