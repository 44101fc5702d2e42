"""What became of calls that ended while nobody watched, put together from all that one PBX wrote down about them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from ami_bridge.domain.ending import EndedUnseen, Ending
from ami_bridge.domain.facts import CallOutcome, QueueExit
from ami_bridge.domain.names import Linkedid
from ami_bridge.history import cdr, cel, queue_log
from ami_bridge.history.tail import tail

log = structlog.get_logger(__name__)

DEADLINE = 3.0  # seconds; a file on a network that does not answer holds up nothing for longer

Endings = dict[Linkedid, Ending]
Reader = Callable[[Iterable[str], Sequence[EndedUnseen]], Endings]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where one PBX's records are, as seen from here; None for what it does not write or we may not read."""

    cel: Path | None = None
    queue_log: Path | None = None
    cdr: Path | None = None


class Records:
    """The records of one PBX. One look at a time: a file that never answers costs one thread, not one per look."""

    def __init__(self, name: str, files: Files, *, deadline: float = DEADLINE) -> None:
        self._files = files
        self._deadline = deadline
        self._looking = False
        self._log = log.bind(pbx=name)

    async def endings(self, gone: Sequence[EndedUnseen]) -> Endings:
        """How the calls of `gone` went on, those that the records are sure of. What fails costs the knowledge only."""
        if not gone or self._looking or self._files == Files():
            return {}
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Endings] = loop.create_future()

        def tell(endings: Endings) -> None:
            self._looking = False
            if not found.done():
                found.set_result(endings)

        def look() -> None:
            endings: Endings = {}
            try:
                endings = self._read(gone)
            finally:
                with suppress(RuntimeError):  # the loop may have ended meanwhile
                    loop.call_soon_threadsafe(tell, endings)

        self._looking = True
        # A daemon: the exit of the companion waits for no file.
        threading.Thread(target=look, name="records", daemon=True).start()
        try:
            async with asyncio.timeout(self._deadline):
                return await found
        except TimeoutError:
            self._log.warning("The PBX's records could not be read in time", seconds=self._deadline)
            return {}

    def _read(self, gone: Sequence[EndedUnseen]) -> Endings:
        kinds: tuple[tuple[str, Path | None, Reader], ...] = (
            ("cel", self._files.cel, cel.endings),
            ("queue_log", self._files.queue_log, queue_log.endings),
            ("cdr", self._files.cdr, cdr.endings),
        )
        told: list[Endings] = []
        for kind, path, read in kinds:
            try:
                told.append(read(tail(path), gone) if path is not None else {})
            except OSError as error:
                self._log.warning(
                    "A PBX's records cannot be read; check [pbx.records] and the file's permissions",
                    setting=f"records.{kind}",
                    problem=error.strerror or str(error),
                )
                told.append({})
        return merged(*told)


def merged(
    by_cel: Mapping[Linkedid, Ending], by_queue: Mapping[Linkedid, Ending], by_cdr: Mapping[Linkedid, Ending]
) -> Endings:
    """One ending for each call, as the more exact of its witnesses has it: CEL, then the queue's log, then CDR."""
    ids = {*by_cel, *by_queue, *by_cdr}
    return {id_: _merged(by_cel.get(id_), by_queue.get(id_), by_cdr.get(id_)) for id_ in ids}


def _merged(exact: Ending | None, queue: Ending | None, rest: Ending | None) -> Ending:
    """CEL saw every step, so that nobody is denied or granted an answer against it; queues know best who gave up."""
    told = [ending for ending in (exact, queue, rest) if ending is not None]
    if queue is None:
        return next((ending for ending in told if ending.outcome is not CallOutcome.UNSEEN), told[0])
    if exact is None:
        best = next((ending for ending in told if ending.outcome is not CallOutcome.UNSEEN), told[0])
    elif exact.answered:
        best = exact
    elif queue.queue_exit is QueueExit.ANSWERED:  # by something at which nobody was
        best = replace(exact, outcome=CallOutcome.COMPLETED)
    elif queue.queue_exit is QueueExit.ABANDONED:
        best = replace(exact, outcome=CallOutcome.ABANDONED)
    else:
        best = exact if exact.outcome is not CallOutcome.UNSEEN else replace(exact, outcome=CallOutcome.NO_ANSWER)
    return replace(best, queue_exit=queue.queue_exit)
