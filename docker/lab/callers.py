"""Several callers at once on the three lines of a side: who only listens, who presses a key, and when.

A caller goes by what the PBX plays to them, whoever has it played: the companion by FastAGI, or the dialplan alone.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import Enum

from docker.lab.ami import Event, NotSeen
from docker.lab.carrier import Call
from docker.lab.hearing import RATE, load
from docker.lab.side import ALONE, NUMBERS, TOLD, WELL, Side

GOES_ON = 7.0  # seconds that who only listens stays after an announcement
HAS_HEARD = 60.0  # seconds after which they have heard enough, however often it is said again
TALKS = 8.0  # seconds with an agent
INTO = 3.2  # seconds into an announcement at which an impatient caller presses a key: past a first sentence
AFTER = 0.8  # seconds after its end at which a patient one does
PATIENCE = 45.0  # seconds to whatever a caller waits for
SETTLES = 1.0  # seconds in which a fault that struck meanwhile has an effect
RECEIPT = 45.0  # seconds within which a key press is confirmed, their number read back, and the call is over
_PLAYS = {"Read", "Playback", "BackGround", "ControlPlayback"}


class Manner(Enum):
    """What a caller does."""

    LISTENS = "listens"
    INTERRUPTS = "presses 1 during the announcement"
    CHOOSES = "presses 1 after it"


@dataclass(slots=True)
class Caller:
    """One caller, and what became of the call."""

    line: str
    manner: Manner
    number: str
    call: Call | None = None
    heard_from: float = 0.0  # monotonic seconds: when the latest announcement began, and when it ends
    heard_to: float = 0.0
    pressed: bool = False
    ended_by_us: bool = False
    trouble: str = ""

    @property
    def tail(self) -> str:
        """By which the ledger's page knows the number."""
        return self.number[-3:]


@dataclass(slots=True)
class Crowd:
    """All callers of one fault."""

    side: Side
    label: str
    outlive: Collection[Manner] = ()  # who press their keys only when the fault has struck
    callers: list[Caller] = field(default_factory=list)
    struck: asyncio.Event = field(default_factory=asyncio.Event)  # by the fault
    _mark: int = 0

    def __post_init__(self) -> None:
        present = {
            TOLD: (Manner.LISTENS, Manner.LISTENS, Manner.INTERRUPTS, Manner.CHOOSES),
            WELL: (Manner.LISTENS, Manner.INTERRUPTS),
            ALONE: (Manner.LISTENS, Manner.INTERRUPTS, Manner.CHOOSES),
        }
        for line, manners in present.items():
            for manner in manners:
                self.callers.append(Caller(line, manner, f"15551230{101 + len(self.callers)}"))

    def on(self, *lines: str) -> list[Caller]:
        return [caller for caller in self.callers if caller.line in lines]

    async def calls(self, delay: dict[str, float]) -> None:
        """Everybody calls, each line's callers after its delay in seconds, and does what their manner is."""
        self._mark = self.side.lab.pbx.ami.mark()
        async with asyncio.TaskGroup() as tasks:
            for nth, caller in enumerate(self.callers):
                tasks.create_task(self._experience(caller, delay[caller.line] + 0.15 * (nth % 4)), name=caller.number)

    async def listening(self) -> None:
        """Wait until everybody with something to hear has heard a good second of it."""
        await self._until(lambda caller, now: caller.heard_from and now > caller.heard_from + 1.2)

    async def awaited(self) -> None:
        """Wait until all announcements are over, so that keys are awaited."""
        await self._until(lambda caller, now: caller.heard_to and now > caller.heard_to + 0.3)

    async def _until(self, is_so: Callable[[Caller, float], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not all(is_so(caller, time.monotonic()) for caller in self.on(TOLD, ALONE) if not caller.pressed):
            if time.monotonic() > end:
                raise NotSeen("the callers do not hear announcements at the same time")
            await asyncio.sleep(0.05)

    async def _experience(self, caller: Caller, delay: float) -> None:
        await asyncio.sleep(delay)
        label = f"{self.label}-{caller.tail}"
        call = caller.call = await self.side.lab.carrier.call(NUMBERS[caller.line], number=caller.number, label=label)
        following = asyncio.create_task(self._follows(caller), name=f"{label} follows")
        try:
            await call.answered(PATIENCE)
            await self._behaves(caller, call)
            if caller.pressed and caller.line != WELL:
                await call.ended(RECEIPT)
        except NotSeen as error:
            caller.trouble = str(error)
        finally:
            following.cancel()
            await asyncio.wait([following])
            caller.ended_by_us = not call.is_over
            await call.hangup()

    async def _behaves(self, caller: Caller, call: Call) -> None:
        if caller.line == WELL:
            await _stays(call, TALKS / 2)
            if caller.manner is not Manner.LISTENS:
                await self._press(caller, call)
            await _stays(call, TALKS / 2)
            return
        await self._is_told(caller, call)
        if caller.manner is Manner.LISTENS:
            enough = time.monotonic() + HAS_HEARD
            await _listens(call, lambda: min(caller.heard_to + GOES_ON, enough))
            return
        if caller.manner in self.outlive:
            await asyncio.wait_for(self.struck.wait(), PATIENCE)
        during = caller.manner is Manner.INTERRUPTS
        if during and caller.manner in self.outlive:
            await _stays(call, SETTLES)  # who presses afterwards has no more than the seconds in which a key may come
        await _listens(call, lambda: caller.heard_from + INTO if during else caller.heard_to + AFTER)
        await self._press(caller, call)

    async def _press(self, caller: Caller, call: Call) -> None:
        if call.is_over:
            raise NotSeen(f"{call.label} ended before a key was pressed")
        caller.pressed = True
        await call.press("1")

    async def _is_told(self, caller: Caller, call: Call) -> None:
        """Wait until an announcement is played to the caller."""
        end = time.monotonic() + PATIENCE
        while not caller.heard_from:
            if time.monotonic() > end:
                raise NotSeen(f"{call.label} is told nothing")
            await _stays(call, 0.05)

    async def _follows(self, caller: Caller) -> None:
        """Note when the PBX begins to play a recording to the caller, and when it will be over."""
        ami, seen, named = self.side.lab.pbx.ami, self._mark, ""
        folder = self.side.stack.announcements(old=bool(self.side.suffix))
        while True:
            event = await ami.wait_for(lambda e: e["CallerIDNum"] == caller.number, "anything", 3600, seen)
            seen = ami.mark() - len(ami.events(seen)) + ami.events(seen).index(event) + 1
            named = named_by(event) or named
            if begins(event) and (wav := folder / f"{named}.wav").is_file():
                caller.heard_from, caller.heard_to = event.at, event.at + len(load(wav)) / RATE


def named_by(event: Event) -> str:
    """The recording (by its hash) that an event names: the dialplan looks one up before it plays a copy of it."""
    found = re.search(r"[0-9a-f]{64}", event["Command"] or event["AppData"])
    return found[0] if found else ""


def begins(event: Event) -> bool:
    """Whether an event says that a recording begins to be played: the one that was named last."""
    if event.name == "AGIExecStart":
        return event["Command"].startswith("STREAM FILE")
    return event.name == "Newexten" and event["Application"] in _PLAYS and "/" in event["AppData"]


async def _listens(call: Call, until: Callable[[], float]) -> None:
    """Stay until a moment that moves when another announcement begins."""
    while (left := until() - time.monotonic()) > 0:
        await _stays(call, left)


async def _stays(call: Call, seconds: float) -> None:
    """Stay on the line; raise NotSeen if it is cut."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if call.is_over:
            raise NotSeen(f"{call.label} was cut off")
        await asyncio.sleep(min(0.1, max(0.0, end - time.monotonic())))
