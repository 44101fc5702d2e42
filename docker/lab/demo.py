"""`make demo`: plays the story on the test PBX and narrates it. Exit status 0 only if everything was observed."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import datetime
from pathlib import Path

from rich.console import Console

from docker.lab.ami import AmiError, NotSeen
from docker.lab.hearing import Heard, NotHeard
from docker.lab.stack import Stack, StackError
from docker.lab.story import told

GOAL = 120  # seconds, from the second time on


class Telling:
    """Prints what happens with the wall-clock time and the seconds since the step before."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self._acts = 0
        self._last = time.monotonic()

    def act(self, title: str) -> None:
        self._acts += 1
        self.console.print(f"\n[bold]Act {self._acts}. {title}[/bold]")
        self._last = time.monotonic()

    def step(self, text: str) -> None:
        now = time.monotonic()
        self.console.print(f"  {datetime.now():%H:%M:%S} [dim]{now - self._last:+5.1f} s[/dim]  {text}")  # noqa: DTZ005 - the reader's own clock
        self._last = now

    def heard(self, who: str, what: Heard, recording: Path) -> None:
        part = "all of it" if what.covered > 0.95 else f"{what.covered:.0%} of it"
        where = os.path.relpath(recording)
        self.console.print(f"           [green]{who} heard[/green] “{what.name}”", markup=True)
        self.console.print(
            f"           [dim]score {what.score:.2f}, {part}, from second {what.start_s:.1f} of {where}[/dim]"
        )


async def play(telling: Telling) -> None:
    stack = Stack()
    settings = await stack.settings()
    telling.console.print(f"The status page, live: [link]{settings['KEEPLINE_PAGE']}[/link]")
    async with told(stack, telling) as story:
        await story.begin()
        await story.unanswered_line()
        await story.dead_trunk()
        await story.dead_companion()


async def finish(telling: Telling, *, once: bool) -> None:
    if once:
        await Stack().down()
        telling.console.print("The test PBX is stopped (ONCE=1).")
        return
    page = (await Stack().settings())["KEEPLINE_PAGE"]
    telling.console.print(f"\nThe test PBX still runs: look around at {page}; `docker/testpbx down` stops it.")
    telling.console.print("To give orders on the page, sign in with the token that `docker/testpbx token` prints.")


def main() -> int:
    telling, began = Telling(), time.monotonic()
    started = float(os.environ.get("KEEPLINE_DEMO_STARTED") or time.time())
    try:
        asyncio.run(play(telling))
    except (NotSeen, NotHeard, AmiError, StackError, TimeoutError) as error:
        telling.console.print(f"\n[bold red]Not observed:[/bold red] {error or 'a deadline passed'}", markup=True)
        verdict = 1
    else:
        telling.console.print(f"\nEverything was observed. The acts took {time.monotonic() - began:.0f} s.")
        telling.console.print(
            f"figure: demo_seconds = {time.time() - started:.0f} s (goal: <= {GOAL}, 360 the first time)"
        )
        verdict = 0
    asyncio.run(finish(telling, once=bool(os.environ.get("ONCE"))))
    return verdict


if __name__ == "__main__":
    sys.exit(main())
