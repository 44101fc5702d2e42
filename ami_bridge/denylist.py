"""The do-not-call list of a tenant: the numbers in its settings, and those in a file that may change at any time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from ami_bridge.domain.numbers import BadPrefix, NumberFacts, NumberPolicy

log = structlog.get_logger(__name__)

LOOK_EVERY = 5.0  # seconds between two looks at whether the file has changed


class BadList(Exception):
    """A do-not-call file cannot be read, or has a line that is no number. The message names the file and the line."""


def read(path: Path) -> tuple[str, ...]:
    """The numbers and prefixes in `path`: one on a line, with spaces and what follows # left out. Raise BadList."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadList(f"{path} cannot be read: {error}") from None
    found: list[str] = []
    for number, line in enumerate(lines, start=1):
        if text := "".join(line.partition("#")[0].split()):
            try:
                found += NumberPolicy((text,)).allowed
            except BadPrefix as bad:
                raise BadList(f"{path}, line {number}: {bad}") from None
    return tuple(found)


class DoNotCall:
    """Whether somebody must not be called. A file that became unreadable leaves the list as it last was."""

    def __init__(
        self,
        numbers: tuple[str, ...],
        path: Path | None = None,
        facts: Callable[[str], NumberFacts] = lambda number: NumberFacts(number=number),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`facts` tells under which other form a listed number is known. Raise BadList if `path` cannot be read."""
        self._numbers = numbers
        self._path = path
        self._facts = facts
        self._monotonic = monotonic
        self._looked = monotonic()
        self._version = self._stamp()
        self._take(() if path is None else read(path))

    def has(self, number: NumberFacts) -> bool:
        """Whether `number` is on the list, in whichever form it was given."""
        self._look()
        forms = {number.number, number.identity}
        return not self._exact.isdisjoint(forms) or any(
            text.startswith(prefix) for prefix in self._prefixes for text in forms
        )

    def _look(self) -> None:
        if self._path is None or self._monotonic() - self._looked < LOOK_EVERY:
            return
        self._looked = self._monotonic()
        version = self._stamp()
        if version == self._version:
            return
        self._version = version
        try:
            self._take(read(self._path))
        except BadList as bad:
            log.warning("The do-not-call list stays as it was", problem=str(bad))

    def _take(self, listed: tuple[str, ...]) -> None:
        texts = {*self._numbers, *listed}
        exact = {text for text in texts if not text.endswith("*")}
        self._exact = frozenset(exact | {self._facts(text).identity for text in exact})
        self._prefixes = tuple(sorted(text.removesuffix("*") for text in texts - exact))

    def _stamp(self) -> tuple[int, int, int] | None:
        """What changes whenever the file does; None while it is not there."""
        if self._path is None:
            return None
        try:
            seen = self._path.stat()
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_size, seen.st_ino
