"""The desk, with a limit to how long a caller waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping
from time import monotonic
from typing import Any, TypeVar

import structlog

from agi.desk import TAKING, Caller, Challenge, Desk, Question, Receipt, Rehearsal, Take, Treatment
from agi.errors import DeskLate

log = structlog.get_logger("agi")

T = TypeVar("T")


class PunctualDesk:
    """A Desk that answers within `limit` seconds or raises DeskLate.

    A question is given up then. What a caller pressed or heard is not: writing it down goes on to its end although the
    caller is no longer kept waiting for it, and although they may have hung up meanwhile.

    Limits are kept by `sweep`, which its owner calls several times a second: a timer for each question costs more than
    most answers do.
    """

    def __init__(self, desk: Desk, limit: float) -> None:
        self._desk = desk
        self._limit = limit
        self._asking: dict[asyncio.Task[Any] | None, float] = {}  # who waits for an answer, until when
        self._late: set[asyncio.Task[Any] | None] = set()
        self._writing: set[asyncio.Task[Any]] = set()

    def status(self, caller: Caller) -> Coroutine[Any, Any, Treatment]:
        return self._within(self._desk.status(caller))

    def unanswered(self, caller: Caller) -> Coroutine[Any, Any, Treatment]:
        return self._within(self._desk.unanswered(caller))

    def callback(self, caller: Caller) -> Coroutine[Any, Any, Treatment]:
        return self._within(self._desk.callback(caller))

    def rehearsal(self, caller: Caller) -> Coroutine[Any, Any, Rehearsal]:
        return self._within(self._desk.rehearsal(caller))

    def operator(self, caller: Caller, pin: str) -> Coroutine[Any, Any, Treatment | Challenge]:
        return self._within(self._desk.operator(caller, pin))

    async def pressed(self, caller: Caller, key: str) -> Receipt:
        return await self._written(self._desk.pressed(caller, key))

    def arrange(self, caller: Caller) -> Coroutine[Any, Any, Question | Receipt]:
        return self._within(self._desk.arrange(caller))

    async def arranged(self, caller: Caller, answer: str) -> Question | Receipt:
        return await self._written(self._desk.arranged(caller, answer))

    async def callback_pressed(self, caller: Caller, key: str) -> Receipt:
        return await self._written(self._desk.callback_pressed(caller, key))

    async def callback_heard(self, caller: Caller) -> None:
        await self._written(self._desk.callback_heard(caller))

    async def ordered(self, caller: Caller, key: str) -> Receipt | Take:
        return await self._written(self._desk.ordered(caller, key))

    async def taken(self, caller: Caller, audio: bytes) -> Treatment | Take:
        return await self._written(self._desk.taken(caller, audio), self._limit + TAKING)

    async def approved(self, caller: Caller, key: str) -> Receipt | Take:
        return await self._written(self._desk.approved(caller, key))

    async def rehearsed(self, caller: Caller, playable: Mapping[str, bool]) -> None:
        await self._written(self._desk.rehearsed(caller, playable))

    def sweep(self) -> None:
        """Give up the questions whose time has passed."""
        now = monotonic()
        for task in [task for task, end in self._asking.items() if end < now]:
            del self._asking[task]
            self._late.add(task)
            if task is not None:
                task.cancel()

    async def settle(self, seconds: float) -> None:
        """Wait up to `seconds` for what is still being written down, then give it up."""
        if self._writing:
            _, late = await asyncio.wait(self._writing, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                log.error("What callers pressed or heard was not written down in time", writes=len(late))

    async def _within(self, answer: Awaitable[T], limit: float | None = None) -> T:
        task = asyncio.current_task()
        limit = limit or self._limit
        self._asking[task] = monotonic() + limit
        try:
            return await answer
        except asyncio.CancelledError:
            # Ours, unless whoever runs this task cancelled it as well: then that counts.
            if task not in self._late or task is None or task.uncancel():
                raise
            raise DeskLate(f"the desk did not answer within {limit:g} s") from None
        finally:
            self._asking.pop(task, None)
            self._late.discard(task)

    async def _written(self, answer: Coroutine[Any, Any, T], limit: float | None = None) -> T:
        # Held here rather than by the session, which must be free to end before it.
        task = asyncio.create_task(answer, name="agi: write down")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        try:
            return await self._within(asyncio.shield(task), limit)
        except (DeskLate, asyncio.CancelledError):
            task.add_done_callback(_report)
            raise


def _report(task: asyncio.Task[Any]) -> None:
    """Log a write that failed after its session had ended: nobody else would see it."""
    if not task.cancelled() and (error := task.exception()):
        log.error("What a caller pressed or heard could not be written down", exc_info=error)
