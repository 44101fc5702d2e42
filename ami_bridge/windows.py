"""Within what time callers of each line are called back as things are, measured ahead so that no call waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ami_bridge.domain.hours import Hours
from ami_bridge.domain.names import LineName
from ami_bridge.domain.pace import Window, window
from ami_bridge.places import Tenant

TRUE_FOR = timedelta(minutes=2)  # after a measurement; a store that cannot be read leaves nothing to be told


@dataclass(frozen=True, slots=True)
class _Measured:
    at: datetime
    ahead: int
    kept: tuple[datetime, ...]


class Windows:
    """The pace of the lines of one PBX. `hours` are those of lines that have any."""

    def __init__(
        self, tenants: Mapping[LineName, Tenant], hours: Mapping[LineName, Hours], clock: Callable[[], datetime]
    ) -> None:
        self._tenants = tenants
        self._hours = hours
        self._clock = clock
        self._measured: dict[LineName, _Measured] = {}

    def measured(self, line: LineName, ahead: int, kept: Sequence[datetime]) -> None:
        """So many call backs are owed on `line`, and others were kept at these times."""
        self._measured[line] = _Measured(self._clock(), ahead, tuple(kept))

    def due(self, line: LineName, spacing: timedelta) -> bool:
        """Whether the last measurement is older than `spacing`."""
        last = self._measured.get(line)
        return last is None or self._clock() - last.at >= spacing

    def window(self, line: LineName, *, ahead: int | None = None) -> Window | None:
        """What a caller may be told who asks now, or who has so many others `ahead`; None: nothing can be told."""
        last, now = self._measured.get(line), self._clock()
        if last is None or now - last.at > TRUE_FOR:
            return None
        before = last.ahead if ahead is None else ahead
        return window(before, last.kept, now, self._hours.get(line), self._tenants[line].zone)
