"""What a crowd went through, judged from each caller's own recording, and from the ledger once the fault is mended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Collection, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from aiohttp import ClientError

from docker.lab.ami import AmiError
from docker.lab.callers import Caller, Crowd
from docker.lab.hearing import RATE, heard, load, longest_silence
from docker.lab.house import promises
from docker.lab.side import ALONE, TOLD, WELL, Side
from docker.lab.voices import voices

GOAL = 4.0  # seconds of silence
AGENTS = {"agent": 660.0}  # Hz: what phones of agents sound unless told otherwise (docker/carrier/extensions.conf)
GOOD = 0.7  # a score from which an announcement counts as heard; a busy machine costs packets
CLEAR = 0.6  # one from which a receipt does: a few words that nothing else resembles
OVERHEARD_EVERY = 0.5  # seconds between two looks at what callers are told
TAKEN_OVER = 60.0  # seconds after a fault within which its key presses are promises
RECEIPTS = (
    *(
        "Thank you. It is written down. We will call you back",
        "Thank you. It is written down, and we will call you back",
    ),
    "Thank you. It is noted",
)


@dataclass(slots=True)
class Cell:
    """One fault in one situation on one version: the figures, and a sentence about everything that is amiss."""

    silence: float = 0.0
    missed: int = 0
    dropped: int = 0
    lost: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.remarks

    def amiss(self, sentence: str) -> None:
        self.remarks.append(sentence)


@dataclass(frozen=True, slots=True)
class Words:
    """The recordings that count as being told, by line, and those that confirm a key press."""

    told: Mapping[str, Mapping[str, Path]]
    receipts: Mapping[str, Path]
    seconds: Mapping[str, float]  # that each line's announcement lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What one recording holds."""

    silence: float
    seconds: float
    told: bool = False
    receipt: bool = False
    agent: bool = False


async def judge(crowd: Crowd, words: Words) -> dict[str, Cell]:
    """The cells of all three situations, but for what the ledger says."""
    cells = {line: Cell() for line in (TOLD, WELL, ALONE)}
    await asyncio.gather(*(_judge(caller, cells[caller.line], words) for caller in crowd.callers))
    return cells


async def _judge(caller: Caller, cell: Cell, words: Words) -> None:
    who = f"{caller.number} ({caller.manner.value})"
    if caller.call is None or not caller.call.recording.is_file():
        cell.dropped += 1
        cell.amiss(f"{who} was not answered: {caller.trouble}")
        return
    told = words.told.get(caller.line, {})
    receipts = words.receipts if caller.pressed and told else {}
    recording = await caller.call.recorded()
    loop = asyncio.get_running_loop()
    hearing = await loop.run_in_executor(_listeners(), listen, recording, dict(told), dict(receipts))
    cell.silence = max(cell.silence, hearing.silence)
    if hearing.silence > GOAL:
        cell.amiss(f"{who} heard {hearing.silence:.1f} s of silence: {recording.name}")
    if caller.line == WELL:
        if not (caller.ended_by_us and hearing.agent):
            cell.dropped += 1
            cell.amiss(f"{who} did not stay with an agent: {caller.trouble or recording.name}")
        return
    if not hearing.told:
        cell.missed += 1
        cell.amiss(f"{who} was not told: {recording.name}")
    if not caller.pressed:
        if not caller.ended_by_us:
            cell.dropped += 1
            cell.amiss(f"{who} was cut off: {caller.trouble or recording.name}")
    elif caller.ended_by_us:
        cell.amiss(f"{who} pressed a key and heard nothing of it: {recording.name}")
    elif not hearing.receipt:
        cell.dropped += 1
        cell.amiss(f"{who} was cut off without a receipt: {recording.name}")


def listen(recording: Path, told: Mapping[str, Path], receipts: Mapping[str, Path]) -> Hearing:
    """Listen to one recording for announcements and receipts; without any to listen for, for an agent."""
    silence, seconds = longest_silence(recording, 0.0), len(load(recording)) / RATE
    if not told:
        return Hearing(silence=silence, seconds=seconds, agent=bool(voices(recording, AGENTS)))
    found = heard(recording, {**told, **receipts})
    return Hearing(
        silence=silence,
        seconds=seconds,
        told=any(one.name in told and one.score >= GOOD for one in found),
        receipt=any(one.name in receipts and one.score >= CLEAR for one in found),
    )


@cache
def _listeners() -> ProcessPoolExecutor:
    """One process beside this one, that lets telephones go first.

    Started anew, not forked: it would go on holding the files this one has locked.
    """
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=os.nice, initargs=(10,))


async def settle(crowd: Crowd) -> dict[str, int]:
    """The fault is mended: how many promises each caller has, once everybody who is owed one has it, or never will."""
    owed = [caller for caller in crowd.on(TOLD, ALONE) if caller.pressed]
    end = time.monotonic() + TAKEN_OVER
    counted = await _ledger(crowd.side, crowd.callers)
    while not all(counted[caller.tail] for caller in owed) and time.monotonic() < end:
        await asyncio.sleep(0.3)
        counted = await _ledger(crowd.side, crowd.callers)
    return counted


def hold_to(counted: Mapping[str, int], crowd: Crowd, cells: Mapping[str, Cell]) -> None:
    """Each key press that was offered is a promise exactly once, and nothing else is one."""
    for caller in crowd.callers:
        wanted = 1 if caller.pressed and caller.line != WELL else 0
        if (there := counted[caller.tail]) != wanted:
            cells[caller.line].lost += max(0, wanted - there)
            cells[caller.line].amiss(f"{caller.number} is owed {there} promises, not {wanted}")


async def _ledger(side: Side, callers: list[Caller]) -> dict[str, int]:
    """How many promises each caller has; none while the companion cannot be asked."""
    try:
        status = await side.house.status()
    except (ClientError, TimeoutError, ValueError):
        return {caller.tail: 0 for caller in callers}
    return {caller.tail: len(promises(status, caller.tail)) for caller in callers}


@contextlib.asynccontextmanager
async def overhearing(side: Side) -> AsyncIterator[set[str]]:
    """Meanwhile, all that callers of the line TOLD may be told: a clock that is set changes the times in it."""
    told: set[str] = set()

    async def overhear() -> None:
        while True:
            with contextlib.suppress(AmiError, OSError):  # while the PBX is started again
                told.update(await side.told())
            await asyncio.sleep(OVERHEARD_EVERY)

    overheard = asyncio.create_task(overhear(), name=f"what is told on {side.pbx}")
    try:
        yield told
    finally:
        overheard.cancel()
        await asyncio.wait([overheard])


def with_overheard(side: Side, said: Words, told: Collection[str]) -> Words:
    """The same, with what else was told of the line TOLD."""
    by_hash = {wav.stem: wav for wav in side.house.announcements().values()}
    more = {recording: by_hash[recording] for recording in told if recording in by_hash}
    return replace(said, told={**said.told, TOLD: {**said.told[TOLD], **more}})


async def words(side: Side) -> Words:
    """What counts as being told now, on both lines where there is something to say."""
    folder = side.house.announcements()
    by_hash = {wav.stem: wav for wav in folder.values()}
    told = {TOLD: await side.told(), ALONE: await side.offered(ALONE)}
    receipts = {text: wav for text, wav in folder.items() if text.startswith(RECEIPTS)}
    seconds = {name: len(load(by_hash[recordings[0]])) / RATE for name, recordings in told.items()}
    return Words({name: {h: by_hash[h] for h in recordings} for name, recordings in told.items()}, receipts, seconds)
