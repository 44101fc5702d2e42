"""Hundreds of callers enter within ten seconds while an incident is on: each must hear the announcement to its end.

They call the real test PBX over SIP and RTP, each with a telephone's audio both ways; what each heard is put together
from the packets it got, and the announcement is looked for in it by content. Everything runs on this machine: the PBX,
the companion, and the callers, who share the PBX's network, so that no packet crosses a bridge that real callers do
not cross. Meanwhile the PBX takes its timing from res_timing_pthread (docs/install.md); `timerfd` leaves it as it is.
Prints what it cost, and how long callers waited and how long the longest silence was. Run it as root.

On a virtual machine look at the share that was stolen: while its host serves others, the PBX sends nothing.

    python benchmarks/storm.py [callers] [seconds] [timerfd]
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from docker.lab.correlation import RATE
from docker.lab.following import follow
from docker.lab.hearing import load, longest_silence
from docker.lab.house import line
from docker.lab.playout import played, save
from docker.lab.stack import Stack
from docker.lab.storm import Leg, Storm
from docker.lab.story import SUPPORT, Quiet, Story, told

WHOLE = 0.95  # of an announcement's speech: it was heard, to its end
LINGER = 4.0  # seconds a caller stays on the line beyond the announcement's own length
SERVICES = ("pbx", "keepline")
USUAL = "timerfd"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one caller heard. Seconds, from the answer on; `waited` is None for one who heard nothing of it."""

    missed: str  # why this caller counts as missed, or an empty string
    waited: float | None = None
    silence: float = 0.0


def judge(recording: Path, announcements: Mapping[str, Path]) -> Verdict:
    """Whether `recording` holds one of `announcements` to its end."""
    samples = load(recording)
    found = [one for path in announcements.values() if (one := follow(load(path), samples)) is not None]
    best = max(found, key=lambda one: one.covered, default=None)
    if best is None:
        return Verdict("heard nothing of the announcement", None, longest_silence(recording, 0))
    silence = longest_silence(recording, 0, best.last_s)
    missed = "" if best.covered >= WHOLE else f"heard {best.covered:.0%} of the announcement"
    return Verdict(missed, best.first_s, silence)


async def processor_time(stack: Stack) -> dict[str, float]:
    """Seconds of processor time that Asterisk and the companion have used, by service."""
    used = {}
    for service in SERVICES:
        after_name = (await stack.execute(service, "cat", "/proc/1/stat")).rsplit(")", 1)[1].split()
        used[service] = (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
    return used


def machine_time() -> dict[str, int]:
    """Ticks of all processors together since the start: idle, stolen by the host of a virtual machine, and used."""
    ticks = [int(number) for number in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle, stolen = ticks[3] + ticks[4], ticks[7]
    return {"idle": idle, "stolen": stolen, "used": sum(ticks) - idle - stolen}


async def watch(story: Story, said: set[str]) -> None:
    """Note whatever callers of the support line are told meanwhile: hundreds of callers may themselves be news."""
    while True:
        status = await story.house.until(bool, "the page")
        said.add(str(line(status, "support")["announcing"]))
        await asyncio.sleep(0.5)


async def play(stack: Stack, story: Story, callers: int, over: float) -> tuple[list[Leg], dict[str, Path]]:
    """The storm, while the trunk is down; what it cost is printed. Returns the callers and what they were told."""
    network = (await stack.settings())["KEEPLINE_NET"]
    said = {await story.trunk_fails()}
    lasts = len(load(story.house.announcements()[next(iter(said))])) / RATE
    place = Path("/proc", (await stack.run("pid", "pbx")).strip(), "ns/net")
    storm = Storm(f"{network}.10", f"{network}.10", network=place)
    numbers = [f"1555125{n:04}" for n in range(callers)]
    before, began, machine = await processor_time(stack), time.monotonic(), machine_time()
    watching = asyncio.create_task(watch(story, said), name="what is said")
    try:
        legs = await asyncio.to_thread(storm.run, SUPPORT, numbers, over, lasts + LINGER)
    finally:
        watching.cancel()
    took, after = time.monotonic() - began, await processor_time(stack)
    costs = [(service, after[service] - before[service]) for service in SERVICES] + [("callers", storm.cpu)]
    shares = ", ".join(f"{name} {100 * seconds / took:.0f} %" for name, seconds in costs)
    print(f"{callers} callers within {over:g} s, {storm.most} at once, {took:.0f} s in all; of one processor: {shares}")
    spent = {name: now - machine[name] for name, now in machine_time().items()}
    print(
        f"of the machine's {os.cpu_count()} processors: idle {spent['idle'] / sum(spent.values()):.0%}, "
        f"stolen {spent['stolen'] / sum(spent.values()):.0%}"
    )
    announcements = story.house.announcements()
    return legs, {text: announcements[text] for text in said if text in announcements}


def judge_all(legs: list[Leg], announcements: Mapping[str, Path]) -> list[Verdict]:
    """One verdict for each caller, in their order."""
    with tempfile.TemporaryDirectory() as directory, ProcessPoolExecutor() as judges:
        pending = []
        for number, leg in enumerate(legs):
            if not leg.answered:
                pending.append(judges.submit(Verdict, leg.failure))
                continue
            recording = Path(directory) / f"{number}.wav"
            save(played(leg.packets, leg.answered, leg.ended), recording)
            pending.append(judges.submit(judge, recording, announcements))
        return [verdict.result() for verdict in pending]


def tell(legs: list[Leg], verdicts: list[Verdict]) -> None:
    failures = Counter(leg.failure for leg in legs if leg.failure)
    print(f"calls that failed: {failures.total()}{''.join(f'; {why}: {n}' for why, n in failures.items())}")
    if waited := [verdict.waited for verdict in verdicts if verdict.waited is not None]:
        p99 = quantiles(waited, n=100, method="inclusive")[98] if len(waited) > 1 else waited[0]
        print(
            f"from the answer to the first audible sample: median {median(waited) * 1000:.0f} ms, "
            f"p99 {p99 * 1000:.0f} ms, longest {max(waited) * 1000:.0f} ms"
        )
    print(f"longest silence up to the announcement's end: {max(verdict.silence for verdict in verdicts):.2f} s")
    missed = Counter(verdict.missed for verdict in verdicts if verdict.missed)
    for why, number in missed.items():
        print(f"missed: {number} x {why}")
    print(f"figure: storm_callers_missed = {missed.total()} callers (goal: 0)")


@asynccontextmanager
async def timed_by(stack: Stack, timing: str) -> AsyncIterator[None]:
    """The PBX takes its timing from this module; nobody is on the phone when that changes."""
    if timing != USUAL:
        await swap(stack, USUAL, timing)
    try:
        yield
    finally:
        if timing != USUAL:
            await swap(stack, timing, USUAL)
    print(f"timing: {timing}")


async def swap(stack: Stack, out: str, into: str) -> None:
    """Unload one module and load the other, on the PBX's console: AMI may do neither."""

    async def console(command: str) -> str:
        return await stack.execute("pbx", "asterisk", "-rx", command)

    end = time.monotonic() + 30
    while f"res_timing_{out}" in await console("module show like res_timing_"):
        if time.monotonic() > end:
            raise RuntimeError(f"res_timing_{out} is still in use after 30 s")
        await console(f"module unload res_timing_{out}.so")
        await asyncio.sleep(0.5)
    await console(f"module load res_timing_{into}.so")
    if f"res_timing_{into}" not in await console("module show like res_timing_"):
        raise RuntimeError(f"the PBX cannot load res_timing_{into}")


async def main(callers: int, over: float, timing: str) -> None:
    stack = Stack()
    await stack.up()
    async with told(stack, Quiet()) as story, timed_by(stack, timing):
        await story.begin()
        try:
            legs, announcements = await play(stack, story, callers, over)
            tell(legs, await asyncio.to_thread(judge_all, legs, announcements))
        finally:
            await story.begin()  # hundreds of callers who hung up are not what the next one expects to find


if __name__ == "__main__":
    numbers = [float(argument) for argument in sys.argv[1:] if argument != USUAL]
    callers, over = [*numbers, *(500.0, 10.0)[len(numbers) :]]
    asyncio.run(main(int(callers), over, USUAL if USUAL in sys.argv else "pthread"))
