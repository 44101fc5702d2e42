"""The end of a file a PBX appends to: whole lines, a bounded number of bytes, what was rotated away if need be.

Nothing here waits: only regular files are opened, since a pipe of the same name would never answer.
"""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

LIMIT = 8 << 20  # bytes of one kind of record; tens of thousands of lines
_PACKED = (".gz", ".bz2", ".xz", ".zst")


def tail(path: Path, limit: int = LIMIT) -> list[str]:
    """The last whole lines of `path` within `limit` bytes, oldest first; raise OSError when it cannot be read.

    Where the file is shorter than that, as just after a rotation, the newest file it was rotated to (`name.1`,
    `name-20260301`) comes before it. A last line without its end is still being written and is left out.
    """
    lines, size = _lines(path, limit)
    if size < limit and (older := _rotated(path)) is not None:
        with suppress(OSError):  # it may be rotated on while we look
            lines = _lines(older, limit - size)[0] + lines
    return lines


def _lines(path: Path, limit: int) -> tuple[list[str], int]:
    """The lines, and how many bytes the file has."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(f"{path.name} is not a regular file")
    with path.open("rb", buffering=0) as file:
        size = file.seek(0, 2)
        begin = max(0, size - limit)
        # One byte more, to see whether the first line is whole.
        file.seek(max(0, begin - 1))
        text = file.read(size - max(0, begin - 1)).decode("utf-8", "replace")
    if begin:
        text = text.partition("\n")[2]
    *whole, _unfinished = text.split("\n")
    return [line.removesuffix("\r") for line in whole], size


def _rotated(path: Path) -> Path | None:
    siblings = (
        entry
        for entry in path.parent.iterdir()
        if entry.name.startswith((f"{path.name}.", f"{path.name}-")) and entry.suffix not in _PACKED
    )
    files = [(entry.stat().st_mtime, entry) for entry in siblings if entry.is_file()]
    return max(files)[1] if files else None
