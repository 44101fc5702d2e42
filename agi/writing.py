"""The desk as scripts ask it: what a caller pressed is written down though they are no longer kept waiting for that.

What takes too long is given up by the talk that asks (`Talk.look`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import structlog

from agi.desk import TAKING, Caller, Challenge, Desk, Question, Receipt, Rehearsal, Take, Treatment
from agi.talk import Talk

log = structlog.get_logger("agi")

T = TypeVar("T")


class WritingDesk:
    """A Desk that is asked within a talk, and may be given up with it, except for what is written down.

    Writing down what a caller pressed or heard goes on to its end although the caller is no longer kept waiting for it,
    and although they may have hung up meanwhile.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._writing: set[asyncio.Task[Any]] = set()

    def status(self, caller: Caller) -> Coroutine[Any, Any, Treatment]:
        return self._desk.status(caller)

    def unanswered(self, caller: Caller) -> Coroutine[Any, Any, Treatment]:
        return self._desk.unanswered(caller)

    def callback(self, caller: Caller) -> Coroutine[Any, Any, Treatment]:
        return self._desk.callback(caller)

    def rehearsal(self, caller: Caller) -> Coroutine[Any, Any, Rehearsal]:
        return self._desk.rehearsal(caller)

    def operator(self, caller: Caller, pin: str) -> Coroutine[Any, Any, Treatment | Challenge]:
        return self._desk.operator(caller, pin)

    async def pressed(self, caller: Caller, key: str) -> Receipt:
        return await self._written(self._desk.pressed(caller, key))

    def arrange(self, caller: Caller) -> Coroutine[Any, Any, Question | Receipt]:
        return self._desk.arrange(caller)

    async def arranged(self, caller: Caller, answer: str) -> Question | Receipt:
        return await self._written(self._desk.arranged(caller, answer))

    async def callback_pressed(self, caller: Caller, key: str) -> Receipt:
        return await self._written(self._desk.callback_pressed(caller, key))

    async def callback_heard(self, caller: Caller) -> None:
        await self._written(self._desk.callback_heard(caller))

    async def ordered(self, caller: Caller, key: str) -> Receipt | Take:
        return await self._written(self._desk.ordered(caller, key))

    async def taken(self, caller: Caller, audio: bytes) -> Treatment | Take:
        talk: object = asyncio.current_task()
        if not isinstance(talk, Talk):
            return await self._written(self._desk.taken(caller, audio))
        talk.patience += TAKING
        try:
            return await self._written(self._desk.taken(caller, audio))
        finally:
            talk.patience -= TAKING

    async def approved(self, caller: Caller, key: str) -> Receipt | Take:
        return await self._written(self._desk.approved(caller, key))

    async def rehearsed(self, caller: Caller, playable: Mapping[str, bool]) -> None:
        await self._written(self._desk.rehearsed(caller, playable))

    async def settle(self, seconds: float) -> None:
        """Wait up to `seconds` for what is still being written down, then give it up."""
        if self._writing:
            _, late = await asyncio.wait(self._writing, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                log.error("What callers pressed or heard was not written down in time", writes=len(late))

    async def _written(self, answer: Coroutine[Any, Any, T]) -> T:
        # Held here rather than by the session, which must be free to end before it.
        task = asyncio.create_task(answer, name="agi: write down")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_report)
            raise


def _report(task: asyncio.Task[Any]) -> None:
    """Log a write that failed after its session had ended: nobody else would see it."""
    if not task.cancelled() and (error := task.exception()):
        log.error("What a caller pressed or heard could not be written down", exc_info=error)
