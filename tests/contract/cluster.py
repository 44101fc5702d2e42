"""A PostgreSQL server of the tests' own: made in a temporary directory, on loopback, gone afterwards."""

from __future__ import annotations

import getpass
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

REMEDY = "PostgreSQL 15 or later is not installed: run `make setup` (Debian package postgresql-15)"
USER = "keepline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    port: int
    password: str
    binaries: Path

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def run(self, sql: str, database: str = "postgres") -> str:
        """Run `sql` with psql; return what it printed, unaligned and without headings."""
        command: list[str | Path] = [
            self.binaries / "psql",
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            self.url(database),
            "-c",
            sql,
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
        return str(done.stdout).strip()


def binaries() -> Path:
    """The directory of initdb and postgres: version 15 where it is installed, else the newest after it."""
    found = {int(path.parent.name): path for path in Path("/usr/lib/postgresql").glob("[0-9]*/bin")}
    usable = [found[v] for v in sorted(found) if v >= 15 and (found[v] / "initdb").exists()]
    if not usable:
        pytest.fail(REMEDY, pytrace=False)
    return usable[0]


@contextmanager
def running() -> Iterator[Cluster]:
    """Make and start a cluster, as the user postgres when we are root, which PostgreSQL refuses to run as."""
    where = binaries()
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    home = Path(tempfile.mkdtemp(prefix="keepline-pg-"))
    cluster = Cluster(port=_free_port(), password=secrets.token_hex(8), binaries=where)
    try:
        (home / "password").write_text(cluster.password)
        for path in (home, home / "password"):
            shutil.chown(path, user)
        _initdb(cluster, home, user)
        with (home / "log").open("w") as log:
            server = subprocess.Popen(_server_command(cluster, home), user=user, cwd=home, stdout=log, stderr=log)
        try:
            _await_ready(cluster, server, home / "log")
            yield cluster
        finally:
            server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            server.wait(timeout=20)
    finally:
        shutil.rmtree(home)


def _initdb(cluster: Cluster, home: Path, user: str) -> None:
    command: list[str | Path] = [
        cluster.binaries / "initdb",
        f"--pgdata={home / 'data'}",
        f"--username={USER}",
        f"--pwfile={home / 'password'}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    subprocess.run(command, user=user, cwd=home, check=True, capture_output=True, timeout=60)


def _server_command(cluster: Cluster, home: Path) -> list[str | Path]:
    # A zone that is not UTC, so that a time stored or returned without its zone shows.
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": cluster.port,
        "unix_socket_directories": home,
        "timezone": "Asia/Kolkata",
        "fsync": "off",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [cluster.binaries / "postgres", "-D", home / "data", *options]


def _await_ready(cluster: Cluster, server: subprocess.Popen[bytes], log: Path) -> None:
    probe: list[str | Path] = [cluster.binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(cluster.port)]
    deadline = time.monotonic() + 30
    while subprocess.run(probe, check=False, timeout=10).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the tests' PostgreSQL did not start:\n{log.read_text()}", pytrace=False)
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def database_name(test: str) -> str:
    """A database name for a test: what is special in SQL or an address removed, unique, at most 63 characters."""
    return re.sub(r"\W", "_", test)[:50].lower() + "_" + secrets.token_hex(4)
