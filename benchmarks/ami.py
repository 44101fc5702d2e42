"""How many AMI events a second are read, decoded, tracked and judged on one core, beside what others do with them.

The same made-up stream (whole calls, 20 to 40 headers an event, three in four of a type that is read, most of those
RTCP's reports) goes through Keepline as in production (wire, inbox, decoder, tracker, lines and trunks), through
panoramisk alone with a callback that does nothing, and through two bare splitters. Each has a process of its own on
uvloop. They take turns, and what counts is processor time from the first byte on, so that a busy machine slows all
alike. That Keepline finds in the stream exactly the facts that were put into it is checked first.

memory_per_live_call is what tracemalloc counts in a watch that followed 10,000 calls of two channels until they talked.
resync_10000_calls is the time from the link's coming up to a new watch's knowing as many calls from a PBX's lists,
which a process of its own sends over loopback. Prints `figure:` lines.

    python benchmarks/ami.py [seed]
"""

from __future__ import annotations

import asyncio
import gc
import random
import resource
import subprocess
import sys
import time
import tracemalloc
from datetime import UTC, datetime
from statistics import median
from time import monotonic

import uvloop

from ami_bridge.ami.decode import WANTED, decode
from ami_bridge.ami.inbox import Inbox, LinkUp
from ami_bridge.ami.session import Address, Session
from ami_bridge.ami.snapshot import snapshot
from benchmarks.pbx import peer, stream
from benchmarks.pbx.contenders import CONTENDERS, a_watch, check

CALLS, AT_ONCE = 450, 300  # in the stream: some 65,000 events
LIVE = 10_000  # calls of two channels, for memory and resync
TURNS, RESYNCS = 7, 5
PER_SECOND = 200_000
# A list has ten seconds to come, and others want their turn; a call is some strings and sets.
RESYNC_GOAL, MEMORY_GOAL = 5, 8192


def contend(name: str, calls: int, seed: int) -> None:
    """Take the stream once for every line of standard input; print the processor time in seconds, and the megabytes."""
    made = stream.make(calls, AT_ONCE, seed)
    if name == "keepline":
        uvloop.run(check(made))

    async def once() -> float:
        reading = CONTENDERS[name](made)
        before = time.process_time()
        await reading
        return time.process_time() - before

    print("ready", flush=True)
    for _ in sys.stdin:
        gc.collect()
        print(uvloop.run(once()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)


class Child:
    """This program in a process of its own."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.first = self.line()

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the benchmark ended")
        return line

    def turn(self) -> tuple[float, float]:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        seconds, megabytes = self.line().split()
        return float(seconds), float(megabytes)

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


def throughput(seed: int) -> None:
    made = stream.make(CALLS, AT_ONCE, seed)
    headers, size = made.data.count(b"\r\n") / made.events - 1, len(made.data) / made.events
    each = f"{headers:.1f} headers and {size:.0f} bytes each"
    print(f"stream: {made.events} events, {made.read} of types that are read, {each}")
    children = {name: Child("--contend", name, CALLS, seed) for name in CONTENDERS}
    try:
        for child in children.values():
            child.turn()  # warm
        turns = [{name: child.turn() for name, child in children.items()} for _ in range(TURNS)]
    finally:
        for child in children.values():
            child.stop()
    rates = {name: [made.events / turn[name][0] for turn in turns] for name in CONTENDERS}
    for name, rate in rates.items():
        print(f"{name}: {median(rate):.0f} events/s ({min(rate):.0f} to {max(rate):.0f})")
    first, last = turns[0]["keepline"][1], turns[-1]["keepline"][1]
    print(f"keepline: {first:.1f} MB resident at most by the first turn, stream included, {last:.1f} by the last")
    figure("ami_events_per_second", f"{median(rates['keepline']):.0f} events/s", f">= {PER_SECOND}")
    for name, other, goal in (("panoramisk", "panoramisk", ">= 3"), ("dict_floor", "dict floor", ">= 1")):
        ratio = median(ours / theirs for ours, theirs in zip(rates["keepline"], rates[other], strict=True))
        figure(f"ami_ratio_to_{name}", f"{ratio:.2f} ratio", goal)


def memory(seed: int) -> None:
    """What the tracker, the lines and the trunks hold for each live call, as tracemalloc counts it."""
    watch, now = a_watch(), datetime.now(UTC)
    gc.collect()
    tracemalloc.start()
    for raw in stream.standing_calls(LIVE, seed):
        if (event := decode(raw.removesuffix(b"\r\n\r\n"))) is not None:
            watch.feed(event, now)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    if len(watch.tracker.calls) != LIVE or len(watch.tracker.channels) != 2 * LIVE:
        raise RuntimeError("not all calls are tracked")
    figure("memory_per_live_call", f"{held / LIVE:.0f} bytes", f"<= {MEMORY_GOAL}")


async def resync(port: int) -> float:
    """Seconds from the link's coming up to the tracker's holding every live call, on a watch that knew none of them."""
    inbox, watch = Inbox(), a_watch()
    session = Session("pbx-1", Address(host="127.0.0.1", port=port, username="keepline", secret="x"), WANTED, inbox)
    link = asyncio.create_task(session.run())
    try:
        came, item = await inbox.take()
        if item != LinkUp("22.10.1"):
            raise RuntimeError(f"the link did not come up: {item}")
        numbers = [stream.did(n) for n in range(stream.LINES)]
        true_now = await snapshot(session, watch.trunks.detectors, numbers=numbers)
        watch.seen_again(true_now, datetime.now(UTC))
        took = monotonic() - came
    finally:
        link.cancel()
        await asyncio.wait([link])
    if len(watch.tracker.calls) != LIVE or len(watch.tracker.channels) != 2 * LIVE:
        raise RuntimeError("not all calls are tracked")
    return took


def resyncs(seed: int) -> None:
    child = Child("--peer", LIVE, seed)
    try:
        port = int(child.first.split()[1])
        took = [uvloop.run(resync(port)) for _ in range(RESYNCS)]
    finally:
        child.stop()
    print(f"resync: {', '.join(f'{seconds:.2f}' for seconds in took)} s")
    figure("resync_10000_calls", f"{median(took):.2f} s", f"<= {RESYNC_GOAL}")


def figure(name: str, value: str, goal: str) -> None:
    print(f"figure: {name} = {value} (goal: {goal})", flush=True)


def main() -> None:
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(10**6)
    print(f"seed: {seed}")
    throughput(seed)
    memory(seed)
    resyncs(seed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--contend"]:
        contend(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1:2] == ["--peer"]:
        asyncio.run(peer.serve(int(sys.argv[2]), int(sys.argv[3])))
    else:
        main()
