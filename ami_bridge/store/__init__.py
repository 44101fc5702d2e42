"""The ledger on disk: promises, incidents, blind spots, baselines and orders, in SQLite or PostgreSQL."""

from ami_bridge.store.errors import (
    AlreadyOwed,
    AttemptTaken,
    StaleAttempt,
    StoreBusy,
    StoreError,
    StoreFailed,
    StoreUnavailable,
    UnknownPromise,
    Unstorable,
)
from ami_bridge.store.store import Store
from ami_bridge.store.values import Beat, LedgerEntry, LineKey, PlannedWork, TimelineEntry

__all__ = [
    "AlreadyOwed",
    "AttemptTaken",
    "Beat",
    "LedgerEntry",
    "LineKey",
    "PlannedWork",
    "StaleAttempt",
    "Store",
    "StoreBusy",
    "StoreError",
    "StoreFailed",
    "StoreUnavailable",
    "TimelineEntry",
    "UnknownPromise",
    "Unstorable",
]
