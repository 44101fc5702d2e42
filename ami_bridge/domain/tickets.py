"""Tickets of a help desk, as far as callers are told of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ami_bridge.domain.names import TenantName


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A fault that a caller has reported. `number` is theirs, `reference` what they know the ticket by."""

    tenant: TenantName
    number: str
    reference: str
    opened: datetime


class Tickets(Protocol):
    """A help desk. It is asked every few seconds and not while a caller waits, so it may be slow, and may fail."""

    async def open(self) -> Iterable[Ticket]:
        """All tickets that are open; raise OSError when that is not to be known now."""
