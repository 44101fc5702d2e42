"""The time of day at one PBX against ours: either may be wrong, and either may be set at any moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from ami_bridge.ami.session import Session

log = structlog.get_logger(__name__)

# Clocks that drift, or that are asked over a slow line, differ by less from one look to the next.
SET = timedelta(seconds=2)
NOTICED = timedelta(seconds=10)  # from here on operators are told: spoken times may be wrong


class Clocks:
    """How far the clock of a PBX is ahead of ours. A PBX that does not tell the time is taken to have ours."""

    def __init__(self, session: Session, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._clock = clock
        self._logged = timedelta()

    def ahead(self) -> timedelta:
        """The PBX's time of day less ours: what is added to a time of ours to have it in the PBX's."""
        theirs = self._session.pbx_time()
        return timedelta() if theirs is None else theirs - self._clock()

    @property
    def problem(self) -> str:
        """That the clocks differ, and what to do; empty when they do not."""
        ahead = self.ahead()
        if abs(ahead) < NOTICED:
            return ""
        direction = "ahead of" if ahead > timedelta() else "behind"
        return (
            f"the clock of PBX {self._session.name} is {_in_words(abs(ahead))} {direction} ours: one of "
            "the two is wrong, and so may be the times callers are told; keep both on NTP"
        )

    def look(self) -> None:
        """Log it when the clocks do not differ as they did when this was last called."""
        ahead = self.ahead()
        if abs(ahead - self._logged) > SET:
            self._logged = ahead
            log.warning(
                "The PBX's clock and ours differ in a new way", pbx=self._session.name, ahead=ahead.total_seconds()
            )


def _in_words(time: timedelta) -> str:
    seconds = time.total_seconds()
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
