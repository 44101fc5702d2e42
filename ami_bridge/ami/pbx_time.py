"""What time of day it is at a PBX, as its answers to Ping tell.

Our own wall clock, which may be wrong or set at any moment, has no part in it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

# Epoch seconds and microseconds, as Asterisk writes them; float() takes more, such as nan and digits of other scripts.
_STAMP = re.compile(r"[0-9]{1,10}(\.[0-9]{1,6})?")
_BEYOND = 2.0**32  # epoch seconds; no clock that is right gets there before 2106


class PbxTime:
    """How far the time of day at a PBX is ahead of our monotonic clock."""

    def __init__(self) -> None:
        self._ahead: float | None = None  # seconds

    def told(self, stamp: object, sent: float, received: float) -> None:
        """Take the Timestamp of an answer to what was sent and received at these monotonic times, in seconds.

        The PBX wrote it at some moment between the two. What was known before is kept while that allows it, so that a
        slow answer spoils nothing; else the middle is taken. After a stamp that is none the time is not known.
        """
        epoch = _epoch(stamp)
        if epoch is None:
            self._ahead = None
            return
        least, most = epoch - received, epoch - sent
        if self._ahead is None or not least <= self._ahead <= most:
            self._ahead = (least + most) / 2

    def at(self, now: float) -> datetime | None:
        """The time of day at the PBX at the monotonic time `now`; None when the PBX does not tell."""
        return None if self._ahead is None else datetime.fromtimestamp(self._ahead + now, UTC)


def _epoch(stamp: object) -> float | None:
    if not isinstance(stamp, str) or not _STAMP.fullmatch(stamp):
        return None
    epoch = float(stamp)
    return epoch if epoch < _BEYOND else None
