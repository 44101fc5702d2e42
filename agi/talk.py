"""A script at work: a task that runs on at once, by hand of whatever it waits for."""

from __future__ import annotations

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Coroutine
from math import inf
from typing import Any

# What a session yields for a command's reply: it will call `go_on` itself.
HELD = object()
# What comes of a script that is over.
_OVER = object()


class Talk:
    """What an asyncio.Task is to its coroutine, without the turn of the event loop that a Task waits at its start and
    after each reply; that, and a Future for each reply, took longer than all the rest of a session.

    Its coroutine waits for a Future, and then goes on by itself, or for its session, by yielding HELD, until that
    calls `go_on`. To what runs in it, it is the current task (docs.python.org: Extending asyncio, Task lifetime
    support) and can be cancelled, so that time-outs and task groups work; context variables are the connection's.

    What it waits for between two commands, other than its session, is given `patience` seconds in all. Then it is
    cancelled and `late` is set, once its owner looks (`look`): a timer for each costs more than most answers do.
    """

    __slots__ = (
        "_awaited",
        "_cancels",
        "_loop",
        "_must_cancel",
        "_name",
        "_since",
        "_steps",
        "late",
        "over",
        "patience",
    )

    def __init__(
        self, script: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop, name: str, patience: float = inf
    ) -> None:
        self._steps = script.__await__()
        self._loop = loop
        self._name = name
        self.patience = patience
        self._since = inf  # when it began to wait so, in the loop's time
        self.late = False
        self._awaited: asyncio.Future[Any] | None = None
        self._cancels = 0
        self._must_cancel = False
        self.over = False

    def go_on(self, _awaited: asyncio.Future[Any] | None = None) -> None:
        """Run until the script waits again, or is over. Not to be called while a task runs."""
        loop = self._loop
        awaited: Any = HELD
        _enter_task(loop, self)  # type: ignore[arg-type]
        try:
            if self._must_cancel:
                self._must_cancel = False
                awaited = self._steps.throw(asyncio.CancelledError())
            else:
                # Not `send`, at whose end an exception would be made for nothing.
                awaited = next(self._steps, _OVER)
        except (StopIteration, asyncio.CancelledError):
            awaited = _OVER
        except BaseException:
            self.over = True
            raise
        finally:
            _leave_task(loop, self)  # type: ignore[arg-type]
            self._awaited = None
        if awaited is HELD:
            self._since = inf
        elif awaited is _OVER:
            self.over = True
        else:
            self._wait(awaited)

    def look(self, now: float) -> None:
        """Give up what it has been waiting for too long."""
        if self._since + self.patience < now:
            self._since = inf
            self.late = self.cancel()

    def _wait(self, awaited: asyncio.Future[Any] | None) -> None:
        if self._since == inf:
            self._since = self._loop.time()
        if awaited is None:  # it only gives others their turn, as asyncio.sleep(0) does
            awaited = self._loop.create_future()
            awaited.set_result(None)
        # So a Future is told that whoever drives the coroutine has understood.
        awaited._asyncio_future_blocking = False  # noqa: SLF001 - what every driver of coroutines does
        awaited.add_done_callback(self.go_on)
        self._awaited = awaited

    # What may be asked of a task that runs.

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - nobody reads it
        """Raise CancelledError out of what the script waits for, in a turn of the event loop of its own."""
        if self.over:
            return False
        self._cancels += 1
        if self._awaited is None or not self._awaited.cancel():
            self._must_cancel = True
            self._loop.call_soon(self._interrupt)
        return True

    def _interrupt(self) -> None:
        if not self._must_cancel or self.over:
            return
        if self._awaited is None:
            self.go_on()
        elif self._awaited.cancel():  # it began to wait only after it was cancelled
            self._must_cancel = False

    def cancelling(self) -> int:
        return self._cancels

    def uncancel(self) -> int:
        self._cancels = max(0, self._cancels - 1)
        return self._cancels

    def done(self) -> bool:
        return self.over

    def get_name(self) -> str:
        return self._name
