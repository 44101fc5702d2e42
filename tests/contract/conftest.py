"""Each test of this directory that asks for a store runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ami_bridge.store import Store
from tests.contract import cluster as clusters
from tests.contract.making import POLICY


@pytest.fixture(scope="session")
def cluster() -> Iterator[clusters.Cluster]:
    with clusters.running() as running:
        yield running


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def postgres_url(cluster: clusters.Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    name = clusters.database_name(request.node.originalname)
    cluster.run(f'CREATE DATABASE "{name}"')
    yield cluster.url(name)
    cluster.run(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database's address."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await Store.open(url, POLICY)
    try:
        yield opened
    finally:
        await opened.close()
