"""How soon callers hear of an outage, on the real test PBX.

outage_to_live: from the trunk's failure on the AMI wire, as an observer of its own receives it, to the announcement
in AstDB, where the dialplan reads it; the observer asks for it in a loop. The trunk is really cut, by dropping its
packets, and Asterisk notices by itself.

announcement_over_playback: from the answer to the first audible sample, in the caller's own recording: the line's
announcement through FastAGI against a plain Playback() of the same file, in turns, several callers at a time.

    python benchmarks/announcing.py [outages] [pairs]
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from statistics import median, quantiles

from docker.lab.hearing import first_sound
from docker.lab.stack import Lab, Stack
from docker.lab.story import SUPPORT, Quiet, Story, told

PLAYBACK = "5550900"  # a plain Playback() of what AstDB lab/playback names
AT_ONCE = 5
LISTEN = 2.5  # seconds: enough of an announcement to find its beginning
LIVE_GOAL, OVER_GOAL = 200, 100  # milliseconds

# The trunk is qualified every second, so that fifty outages take minutes; how Asterisk notices stays the same.
FAST = {"KEEPLINE_QUALIFY_SECONDS": "1", "KEEPLINE_QUALIFY_TIMEOUT": "0.5"}


def p99(values: list[float]) -> float:
    """The 99th percentile, by linear interpolation between the order statistics."""
    return quantiles(values, n=100, method="inclusive")[98]


async def outage(story: Story) -> float:
    """One outage from cut to quiet again; seconds from the failure on the wire to the announcement live."""
    mark = story.lab.pbx.ami.mark()
    await story.lab.carrier.cut("primary")
    failed = await story.lab.pbx.trunk_becomes("acme-primary", "Unreachable", since=mark)
    await story.line_state(present=True)
    took = time.monotonic() - failed.at
    await story.lab.carrier.restore("primary")
    await story.line_state(present=False)
    return took


async def first_heard(lab: Lab, did: str, number: str, label: str, announcement: Path) -> float:
    """Seconds from the answer to the first audible sample of `announcement`."""
    call = await lab.carrier.call(did, number=number, trunk="backup", label=label)
    await call.answered()
    await asyncio.sleep(LISTEN)
    await call.hangup()
    return await asyncio.to_thread(first_sound, await call.recorded(), announcement)


async def over_playback(story: Story, pairs: int) -> list[tuple[float, float]]:
    """Pairs of (through FastAGI, plain Playback) in seconds, while the trunk is down and announced."""
    said = await story.trunk_fails()
    wav = story.house.announcements()[said]
    await story.lab.pbx.db_put("lab", "playback", f"http://keepline:8081/announcements/{wav.stem}.wav")
    measured: list[tuple[float, float]] = []
    while len(measured) < pairs:
        both = [
            first_heard(story.lab, did, f"155512302{n:02}", f"bench-{did}-{n}", wav)
            for n in range(AT_ONCE)
            for did in (SUPPORT, PLAYBACK)
        ]
        heard = await asyncio.gather(*both)
        measured += zip(heard[::2], heard[1::2], strict=True)
    await story.lab.carrier.restore("primary")
    await story.line_state(present=False)
    return measured[:pairs]


async def main(outages: int, pairs: int) -> None:
    stack = Stack(FAST)
    await stack.up()
    try:
        async with told(stack, Quiet()) as story:
            await story.begin()
            live = [await outage(story) * 1000 for _ in range(outages)]
            compared = await over_playback(story, pairs)
    finally:
        await Stack().up()
    over = [(ours - plain) * 1000 for ours, plain in compared]
    print(f"outages: {outages}, median {median(live):.0f} ms, longest {max(live):.0f} ms")
    print(f"figure: outage_to_live_p99 = {p99(live):.0f} ms (goal: <= {LIVE_GOAL})")
    print(
        f"pairs: {len(over)}, medians: {median(o for o, _ in compared) * 1000:.0f} ms through FastAGI, "
        f"{median(p for _, p in compared) * 1000:.0f} ms by Playback, difference {median(over):.0f} ms"
    )
    print(f"figure: announcement_over_playback_p99 = {p99(over):.0f} ms (goal: <= {OVER_GOAL})")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50, int(sys.argv[2]) if len(sys.argv) > 2 else 50))
