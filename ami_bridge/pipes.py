"""Files of a command's arguments, where `-` means standard input or output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

STANDARD = Path("-")


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """`file` for reading; raise OSError when that cannot be."""
    if file == STANDARD:
        yield sys.stdin.buffer
        return
    with file.open("rb") as stream:
        yield stream


def named(file: Path, standard: str) -> str:
    """`file` as messages call it; `standard` is what `-` stands for."""
    return standard if file == STANDARD else str(file)


def nobody_reads() -> None:
    """Standard output's reader has gone: have the interpreter's last flush not complain about it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
