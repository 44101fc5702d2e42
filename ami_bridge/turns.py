"""Taking turns: whoever has much to do at once lets the others have theirs after a few milliseconds."""

from __future__ import annotations

import asyncio
from time import monotonic

LENGTH = 0.002  # seconds


class Turn:
    """One task's turn. It begins when this is made, and anew each time it was over."""

    def __init__(self) -> None:
        self._ends = monotonic() + LENGTH

    async def over(self) -> None:
        """Let all others that can go on do so, if this turn has lasted long enough."""
        if monotonic() >= self._ends:
            await asyncio.sleep(0)
            self._ends = monotonic() + LENGTH
