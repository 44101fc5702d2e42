"""The store as the rest of the house sees it: what is owed and what is wrong, written down before it is said.

Every method returns after its change is committed, and raises StoreBusy or StoreFailed when it could not be.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import URL

from ami_bridge.domain.promise import Policy
from ami_bridge.store import address, retention, schema
from ami_bridge.store.backend import Backend
from ami_bridge.store.errors import StoreError, StoreUnavailable
from ami_bridge.store.facades import Baselines, BlindSpots, Incidents, StandingOrders, Windows
from ami_bridge.store.postgres import PostgresBackend
from ami_bridge.store.promising import Promises
from ami_bridge.store.sqlite import SqliteBackend

DEADLINE_SECONDS = 5.0
_MIGRATION_SECONDS = 300.0


class Store:
    """An open database. Use it on the event loop that opened it, and `close` it there."""

    def __init__(self, backend: Backend, policy: Policy) -> None:
        self._backend = backend
        self.promises = Promises(backend, policy)
        self.incidents = Incidents(backend)
        self.blind_spots = BlindSpots(backend)
        self.baselines = Baselines(backend)
        self.maintenance = Windows(backend)
        self.orders = StandingOrders(backend)

    @classmethod
    async def open(cls, url: str, policy: Policy, deadline: float = DEADLINE_SECONDS) -> Store:
        """Open `url` (sqlite:///PATH or postgresql://...) and bring its schema up to date.

        `deadline` in seconds bounds every later call. Raises StoreUnavailable, in one line that names `store.url`, says
        what is wrong and never holds a password.
        """
        parsed = address.parse(url)
        backend = _backend(parsed, deadline)
        try:
            await backend.write(schema.upgrade, deadline=_MIGRATION_SECONDS)
        except BaseException as error:
            await backend.close()
            if isinstance(error, StoreError) and not isinstance(error, StoreUnavailable):
                raise StoreUnavailable(f"store.url: cannot open {address.describe(parsed)}: {error}") from None
            raise
        return cls(backend, policy)

    async def prune(self, before: datetime, at_once: int = 500) -> int:
        """Forget what was over before `before`: incidents with their timelines, planned work and orders that lapsed.

        At most `at_once` of them in one transaction; returns how many, so call it again while it returns `at_once`.
        Nothing that is open goes, and no incident an open promise refers to. Let `before` lie further back than a
        promise may live: a key press that a PBX kept meanwhile should still find the incident it was about.
        """
        return await self._backend.write(lambda conn: retention.prune(conn, before, at_once))

    async def close(self) -> None:
        """Finish what was accepted and close every connection; later calls raise StoreFailed."""
        await self._backend.close()


def _backend(url: URL, deadline: float) -> Backend:
    if url.get_backend_name() == "postgresql":
        return PostgresBackend(url, deadline)
    path = Path(str(url.database)).absolute()
    address.prepare_file(path)
    return SqliteBackend(path, deadline)
