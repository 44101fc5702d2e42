"""Faults of our peers: what could not be done is put off, told in one line, and done later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from ami_bridge.ami.errors import AmiError
from ami_bridge.store import StoreError
from ami_bridge.voice.errors import VoiceError


class Troubles:
    """Survives what a PBX, the store or a voice cannot do. A bug is none of these and ends the program loudly."""

    def __init__(self, logger: structlog.typing.FilteringBoundLogger) -> None:
        self._log = logger

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, StoreError | AmiError | VoiceError):
            self._log.warning("Put off", problem=str(error), kind=type(error).__name__)
            return True
        return False


class Unwritten:
    """What must be written down and is not yet, because the store could not: the first comes first.

    Of what has the same name, such as the states of one incident, only the latest is kept.
    """

    def __init__(self) -> None:
        self._left: dict[str, Callable[[], Awaitable[None]]] = {}
        self._writing = asyncio.Lock()

    async def write(self, name: str = "", what: Callable[[], Awaitable[None]] | None = None) -> None:
        """Write all that is left and then `what`; raise StoreError, and keep what is left, when the store fails."""
        if what is not None:
            self._left.pop(name, None)
            self._left[name] = what
        async with self._writing:
            while self._left:
                first, write = next(iter(self._left.items()))
                await write()
                if self._left.get(first) is write:
                    del self._left[first]
