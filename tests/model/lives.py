"""One companion's life: every store commit and every AMI action of it is a step at which it may be killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any


class Killed(asyncio.CancelledError):
    """The process is dead: whoever still runs in it goes no further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Before or `after` a step, in the world as it was then."""

    step: int
    after: bool
    what: str
    world: Hashable


@dataclass
class Life:
    """A process, and the step (counted from `base`, the steps of before) before or `after` which something strikes.

    `strikes` is what happens then: unless said otherwise, this process dies. With `world`, which tells what stands in
    the store and on the PBX, each moment at which something could have struck is noted.
    """

    at: int | None = None
    base: int = 0
    after: bool = False
    strikes: Callable[[], None] | None = None
    world: Callable[[], Hashable] | None = None
    steps: list[str] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def begins(self, what: str) -> bool:
        """A step is about to be taken; False when it is not, because the process died first."""
        if self.over.is_set():
            return False
        self.steps.append(what)
        self._note(after=False)
        if self._here and not self.after:
            self._strike()
        return not self.over.is_set()

    def taken(self) -> bool:
        """The step that began is done; False when nobody is there any more to hear of it."""
        self._note(after=True)
        if self._here and self.after:
            self._strike()
        return not self.over.is_set()

    def _note(self, *, after: bool) -> None:
        if self.world is not None:
            step = len(self.steps) - 1 - self.base
            self.moments.append(Moment(step=step, after=after, what=self.steps[-1], world=self.world()))

    @property
    def _here(self) -> bool:
        return self.at is not None and len(self.steps) == self.base + self.at + 1

    def _strike(self) -> None:
        (self.strikes or self.over.set)()


def named(work: Any) -> str:
    """What a unit of work of the store is called."""
    work = getattr(work, "func", work)
    return str(getattr(work, "__qualname__", work)).removesuffix(".<locals>.<lambda>")
