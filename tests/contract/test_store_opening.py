"""Opening a store: the schema it makes, what it refuses, and the one line that says why."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from ami_bridge.store import Store, StoreFailed, StoreUnavailable
from ami_bridge.store.schema import VERSION_TABLE
from ami_bridge.store.tables import metadata
from tests.contract.cluster import Cluster, database_name
from tests.contract.databases import execute, outside
from tests.contract.making import POLICY, a_promise

NOBODY = 65534
HEAD = "0007"


async def refusal(url: str, deadline: float = 5) -> str:
    with pytest.raises(StoreUnavailable) as refused:
        await (await Store.open(url, POLICY, deadline)).close()
    message = str(refused.value)
    assert message.startswith("store.url")
    assert "\n" not in message
    return message


async def test_a_migrated_database_is_what_the_tables_say(url: str) -> None:
    await (await Store.open(url, POLICY)).close()

    def differences(conn: Connection) -> list[object]:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(conn, opts=options), metadata))

    assert await outside(url, differences) == []


async def test_migrations_make_on_sqlite_what_the_tables_make(tmp_path: Path) -> None:
    migrated, made = (f"sqlite:///{tmp_path / name}" for name in ("migrated.db", "made.db"))
    await (await Store.open(migrated, POLICY)).close()
    await outside(made, metadata.create_all)

    def schema(conn: Connection) -> list[tuple[str, str]]:
        everything = "SELECT name, sql FROM sqlite_master WHERE tbl_name <> :version ORDER BY name"
        rows = conn.execute(text(everything), {"version": VERSION_TABLE})
        return [(name, " ".join((sql or "").split())) for name, sql in rows]

    expected = await outside(made, schema)
    assert len(expected) > len(metadata.tables)
    assert await outside(migrated, schema) == expected


async def test_migrations_make_on_postgresql_what_the_tables_make(cluster: Cluster) -> None:
    names = [database_name(name) for name in ("migrated", "made")]
    for name in names:
        cluster.run(f'CREATE DATABASE "{name}"')
    await (await Store.open(cluster.url(names[0]), POLICY)).close()
    await outside(cluster.url(names[1]), metadata.create_all)

    def schema(name: str) -> list[str]:
        dump: list[str | Path] = [
            cluster.binaries / "pg_dump",
            "--schema-only",
            "-T",
            VERSION_TABLE,
            "-d",
            cluster.url(name),
        ]
        done = subprocess.run(dump, check=True, capture_output=True, text=True, timeout=30)
        return [
            line for line in str(done.stdout).splitlines() if not re.match(r"\\(un)?restrict ", line)
        ]  # a random word in each dump

    expected = await asyncio.to_thread(schema, names[1])
    assert any("attempts_one_per_number" in line for line in expected)
    assert await asyncio.to_thread(schema, names[0]) == expected


async def test_opening_again_keeps_what_is_there(url: str) -> None:
    first = await Store.open(url, POLICY)
    promise, _ = await first.promises.make(a_promise(1))
    await first.close()
    second = await Store.open(url, POLICY)
    assert await second.promises.open() == [promise]
    await second.close()
    with pytest.raises(StoreFailed, match="closed"):
        await second.promises.open()


async def test_the_schema_of_a_newer_version_is_refused_and_left_alone(url: str) -> None:
    await (await Store.open(url, POLICY)).close()
    await execute(url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    message = await refusal(url)
    assert "9999" in message
    assert HEAD in message
    await execute(url, f"UPDATE {VERSION_TABLE} SET version_num = '{HEAD}'")
    await (await Store.open(url, POLICY)).close()


async def test_a_database_with_somebody_elses_tables_is_refused(url: str) -> None:
    await execute(url, "CREATE TABLE promises (wedding TEXT)")
    assert "not Keepline's (promises)" in await refusal(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "in-memory"),
        ("sqlite:///:memory:", "in-memory"),
        ("sqlite:///file:x?mode=memory&uri=true", "in-memory"),
        ("sqlite:///ledger.db?timeout=0", "no host or options"),
        ("mysql://keepline:hush@localhost/keepline", "mysql"),
        ("sqlite+pysqlite:///ledger.db", "sqlite\\+pysqlite"),
        ("postgresql://keepline:hush@localhost", "names no database"),
        ("postgresql://keepline:hush@localhost:port/keepline", "not a database address"),
        ("postgresql://keepline:hush@localhost/keepline?password=hush&options=x", "only option"),
        ("postgresql://keepline:hush@127.0.0.1:5432/keepline?ssl=hush", "sslmode"),
        ("just hush", "not a database address"),
    ],
)
async def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(url: str, says: str) -> None:
    message = await refusal(url)
    assert re.search(says, message)
    assert "hush" not in message


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda url, c: url.replace(c.password, "wr0ng"), "refuses this user or password", id="password"),
        pytest.param(lambda url, c: url.replace("keepline:", "stranger:"), "refuses this user", id="user"),
        pytest.param(lambda url, c: url + "x", "does not exist", id="database"),
        pytest.param(lambda url, c: url.replace(f":{c.port}", ":1"), "does not answer", id="port"),
        pytest.param(lambda url, c: url.replace("127.0.0.1", "pbx.invalid"), "cannot be resolved", id="host"),
    ],
)
async def test_a_wrong_part_of_a_server_address_is_named(
    postgres_url: str, cluster: Cluster, change: Callable[[str, Cluster], str], says: str
) -> None:
    message = await refusal(change(postgres_url, cluster))
    assert says in message
    assert cluster.password not in message
    assert "wr0ng" not in message


async def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "did not answer" in await refusal(f"postgresql://u:p@127.0.0.1:{port}/ledger", deadline=0.3)


async def test_a_missing_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "ledger.db"
    await (await Store.open(f"sqlite:///{path}", POLICY)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o007 == 0


async def test_a_file_that_cannot_be_the_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    assert "is not a file" in await refusal(f"sqlite:///{tmp_path}")
    assert "cannot be created" in await refusal(f"sqlite:///{tmp_path / 'no' / 'where' / 'ledger.db'}")
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear customer, " * 100)
    assert "not an SQLite database" in await refusal(f"sqlite:///{letter}")
    assert letter.read_text() == "Dear customer, " * 100


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody for a while: root may write anywhere, so that nothing could be refused."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was == 0:
            os.seteuid(was)


def modes(folder: Path, path: Path, of_folder: int, of_path: int) -> None:
    folder.chmod(of_folder)
    path.chmod(of_path)


async def test_what_this_user_may_not_write_to_is_refused() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name) / "ledger.db"
        await (await Store.open(f"sqlite:///{path}", POLICY)).close()
        modes(folder, path, 0o555, 0o444)
        with unprivileged():
            assert "cannot be created (Permission denied)" in await refusal(f"sqlite:///{folder / 'other.db'}")
            assert "cannot be created (Permission denied)" in await refusal(f"sqlite:///{folder / 'sub' / 'x.db'}")
            assert "not writable by this user" in await refusal(f"sqlite:///{path}")
        modes(folder, path, 0o755, 0o644)
