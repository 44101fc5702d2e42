"""Files of a command's arguments, where `-` means standard input or output, and the signals that end a command."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

STANDARD = Path("-")


class FileThere(Exception):
    """The file is there already, and nobody said that it may be written over."""


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """`file` for reading; raise OSError when that cannot be."""
    if file == STANDARD:
        yield sys.stdin.buffer
        return
    with file.open("rb") as stream:
        yield stream


@dataclass(frozen=True, slots=True)
class Output:
    """A file to be made later, for its owner only; `over` says that one that is there may be written over."""

    file: Path
    over: bool = False

    def check(self) -> None:
        """Raise FileThere, or OSError for what could be foreseen, before anything is done for the file's content."""
        if self.file == STANDARD:
            return
        if not self.over and self.file.exists():
            raise FileThere(f"{self.file} is there already; name another, or write over it with --force")
        self.file.parent.stat()
        if self.file.is_dir():
            raise IsADirectoryError(0, "it is a directory")

    def create(self) -> int:
        """The descriptor to write to; raise FileThere or OSError."""
        if self.file == STANDARD:
            return sys.stdout.fileno()
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if self.over else os.O_EXCL)
        try:
            return os.open(self.file, flags, 0o600)
        except FileExistsError:
            raise FileThere(f"{self.file} has come to be there meanwhile") from None


def named(file: Path, standard: str) -> str:
    """`file` as messages call it; `standard` is what `-` stands for."""
    return standard if file == STANDARD else str(file)


async def until_told(job: Callable[[asyncio.Event], Awaitable[None]], seconds: float | None = None) -> None:
    """Run `job` with an event that is set by SIGINT, by SIGTERM, or after `seconds`."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    timer = loop.call_later(seconds, told.set) if seconds is not None else None
    try:
        await job(told)
    finally:
        if timer is not None:
            timer.cancel()


def nobody_reads() -> None:
    """Standard output's reader has gone: have the interpreter's last flush not complain about it."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
