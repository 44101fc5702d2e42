"""Calls that ended while nobody watched: what is asked about them, and what a PBX's own records can answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ami_bridge.domain.facts import CallOutcome, QueueExit
from ami_bridge.domain.names import ChannelName, Linkedid, Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedUnseen:
    """A call that was live when last seen and is gone. `channels` are those it had then, the caller's among them."""

    call: Linkedid
    caller: Uniqueid
    channels: frozenset[Uniqueid]
    began: datetime
    answered: bool  # as far as was seen
    waited_in_queue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How such a call went on, as the PBX wrote it down. `by` is who answered while nobody watched, if that is told."""

    outcome: CallOutcome
    answered: bool
    by: ChannelName | None = None
    queue_exit: QueueExit | None = None
