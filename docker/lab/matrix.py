"""The fault matrix: every fault x {incident on, incident off, unanswered line} x {Asterisk 16, 22}, on real calls.

    python -m docker.lab.matrix [NAME...] [22] [16]     rows whose names hold a NAME, with these versions; or all

Both versions are tested side by side, each fault in turn. The situations are three lines of the same PBX, called at the
same time: a fault that lasts meets them all. What it shows and how to read it: docs/faults.md.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

from docker.lab.ami import AmiError, NotSeen
from docker.lab.breaking import ROWS, Moment, Row
from docker.lab.callers import Crowd, Manner
from docker.lab.judging import GOAL, Cell, Words, hold_to, judge, overhearing, settle, with_overheard, words
from docker.lab.side import ALONE, TOLD, WELL, Side, side
from docker.lab.stack import Stack, StackError

SITUATIONS = {TOLD: "incident on", WELL: "incident off", ALONE: "unanswered"}
VERSIONS = ("16", "22")
OFFERED_AFTER = 7.0  # seconds from calling a line where nobody is to being told so (keepline.toml: patience)

_OUTLIVE = {
    Moment.BEFORE: (),
    Moment.PLAYING: (Manner.INTERRUPTS, Manner.CHOOSES),
    Moment.AWAITING: (Manner.CHOOSES,),
}
ROW_WITHIN = 240.0  # seconds

Say = Callable[[str], None]
Cells = dict[str, Cell]  # by line


@dataclass(slots=True)
class Matrix:
    """What came of each cell, by row, line and version."""

    cells: dict[tuple[str, str, str], Cell] = field(default_factory=dict)

    @property
    def remarks(self) -> list[str]:
        return [
            f"{row}, {SITUATIONS[line]}, {version}: {r}"
            for (row, line, version), c in self.cells.items()
            for r in c.remarks
        ]

    def table(self) -> str:
        """Rows are faults; cells hold the longest silence in seconds, and what else is amiss."""
        rows = dict.fromkeys(row for row, _, _ in self.cells)
        width = max(len(row) for row in rows)
        lines = [" " * width + "".join(f"   {SITUATIONS[line]:<17}" for line in SITUATIONS)]
        lines.append(" " * width + "".join(f"   {version:<7}" for _ in SITUATIONS for version in VERSIONS))
        for row in rows:
            cells = [self.cells.get((row, line, version)) for line in SITUATIONS for version in VERSIONS]
            lines.append(f"{row:<{width}}" + "".join(f"   {_short(cell):<7}" for cell in cells))
        return "\n".join(line.rstrip() for line in lines)

    def figures(self) -> list[str]:
        cells = self.cells.values()
        return [
            f"figure: longest_silence = {max(cell.silence for cell in cells):.1f} s (goal: {GOAL:g})",
            f"figure: calls_dropped = {sum(cell.dropped for cell in cells)}",
            f"figure: key_presses_lost = {sum(cell.lost for cell in cells)}",
            f"figure: announcements_missed = {sum(cell.missed for cell in cells)}",
        ]


def _short(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    marks = "".join(
        f" {mark}{count}" for mark, count in (("d", cell.dropped), ("k", cell.lost), ("m", cell.missed)) if count
    )
    return f"{cell.silence:.1f}{marks}" + ("" if marks or cell.good else " !")


async def play(stack: Stack, rows: Iterable[Row], say: Say, *, versions: Iterable[str] = VERSIONS) -> Matrix:
    """Play `rows` in turn, the versions side by side."""
    matrix, rows = Matrix(), list(rows)
    async with asyncio.TaskGroup() as tasks:
        for version in versions:
            tasks.create_task(_play_side(stack, version, rows, matrix, say), name=f"Asterisk {version}")
    return matrix


async def _play_side(stack: Stack, version: str, rows: list[Row], matrix: Matrix, say: Say) -> None:
    """While one row's recordings are listened to, the next is played."""
    async with side(stack, old=version == "16") as one, asyncio.TaskGroup() as listening:
        for row in rows:
            try:
                async with asyncio.timeout(ROW_WITHIN):
                    judged = listening.create_task(_judged(*await play_row(one, row)))
            except (NotSeen, AmiError, StackError, TimeoutError) as error:
                judged = listening.create_task(_not_played(error))
            judged.add_done_callback(partial(_enter, matrix, say, row.name, version))


def _enter(matrix: Matrix, say: Say, row: str, version: str, judged: asyncio.Task[Cells]) -> None:
    if judged.cancelled() or judged.exception():
        return
    matrix.cells |= {(row, line, version): cell for line, cell in judged.result().items()}
    found = ", ".join(f"{SITUATIONS[line]} {_short(cell)}" for line, cell in judged.result().items())
    say(f"Asterisk {version}, {row}: {found}")
    for remark in dict.fromkeys(remark for cell in judged.result().values() for remark in cell.remarks):
        say(f"    {remark}")


async def _judged(crowd: Crowd, said: Words, counted: dict[str, int]) -> Cells:
    cells = await judge(crowd, said)
    hold_to(counted, crowd, cells)
    return cells


async def _not_played(error: Exception) -> Cells:
    """A row that could not be played at all is amiss in all its cells."""
    return {line: Cell(dropped=1, remarks=[f"not played: {error!r}"]) for line in SITUATIONS}


async def play_row(one: Side, row: Row) -> tuple[Crowd, Words, dict[str, int]]:
    """One fault on one side, from a known beginning: who called, what they should hear, how many promises each has."""
    async with AsyncExitStack() as prepared:
        lines = await prepared.enter_async_context(row.prepared(one)) if row.prepared else ()
        await one.begin(*lines)
        said = await words(one)
        crowd = Crowd(one, re.sub(r"\W+", "-", row.name), _OUTLIVE[row.moment])
        # Announcements are to end at the same time on both lines.
        ahead = OFFERED_AFTER + said.seconds[ALONE] - said.seconds[TOLD] - 0.5
        delay = {TOLD: max(0.0, ahead), WELL: max(0.0, ahead), ALONE: max(0.0, -ahead)}
        async with overhearing(one) as told, AsyncExitStack() as broken:
            if row.moment is Moment.BEFORE:
                await broken.enter_async_context(row.strikes(one))
                crowd.struck.set()
                await crowd.calls(delay)
            else:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(crowd.calls(delay), name="callers")
                    await (crowd.listening() if row.moment is Moment.PLAYING else crowd.awaited())
                    await broken.enter_async_context(row.strikes(one))
                    crowd.struck.set()
        return crowd, with_overheard(one, said, told), await settle(crowd)


def chosen(names: Iterable[str]) -> list[Row]:
    """The rows of these names, or else those whose names hold one of them; all without any."""
    names = [name.casefold() for name in names if name]
    rows = [row for row in ROWS if row.name.casefold() in names] or [
        row for row in ROWS if not names or any(name in row.name.casefold() for name in names)
    ]
    if not rows:
        raise SystemExit(f"no such fault; there are: {', '.join(row.name for row in ROWS)}")
    return rows


async def _main(names: list[str]) -> int:
    versions = [name for name in names if name in VERSIONS] or VERSIONS
    stack, rows = Stack(), chosen(set(names) - set(VERSIONS))
    await stack.up()
    await stack.up("carrier16", "pbx16", "keepline16")
    matrix = await play(stack, rows, lambda text: print(text, flush=True), versions=versions)
    print(matrix.table(), *matrix.figures(), sep="\n")
    return 1 if matrix.remarks else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1:])))
