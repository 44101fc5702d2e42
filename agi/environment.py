"""The block of `agi_*` lines with which Asterisk opens a session: bytes in, a mapping out.

Lines are `name: value`, ended by LF; an empty line ends the block (res_agi.c, setup_env). Values came from a phone
network and may hold any bytes: they are read as UTF-8, what is not UTF-8 becomes U+FFFD.
"""

from __future__ import annotations

from collections.abc import Mapping

from agi.errors import Malformed

MAX_BYTES = 64 * 1024
MAX_LINES = 200

Environment = Mapping[str, str]


class EnvironmentParser:
    """Collects one block. However the stream is cut, the outcome is the same.

    `started` is whether any byte came: a health checker connects and closes without one.
    """

    __slots__ = ("_buffer", "rest")

    def __init__(self) -> None:
        self._buffer = b""
        self.rest = b""

    @property
    def started(self) -> bool:
        return bool(self._buffer)

    def feed(self, data: bytes) -> Environment | None:
        """Take `data`; return the environment once it is whole (what came after it is in `rest`), else None.

        Raises Malformed for a block over 64 KiB or 200 lines, a line that is not `agi_name: value`, or a name given
        twice: Asterisk sends none of them, so a second one was smuggled in with a value.
        """
        # A block is one or two segments in practice; joining beats keeping a list of them.
        buffer = self._buffer = self._buffer + data if self._buffer else data
        if buffer.startswith(b"\n"):
            end = 0
        elif (end := buffer.find(b"\n\n", 0, MAX_BYTES) + 1) == 0:
            if len(buffer) >= MAX_BYTES:
                raise Malformed(f"the environment is longer than {MAX_BYTES} bytes")
            return None
        self.rest = buffer[end + 1 :]
        return _parse(buffer[:end].decode("utf-8", "replace"))


def _parse(block: str) -> Environment:
    """Read a block whose every line ends in LF."""
    lines = block.split("\n")
    lines.pop()
    if len(lines) > MAX_LINES:
        raise Malformed(f"the environment has more than {MAX_LINES} lines")
    # This runs while a caller waits: the lines are looked at one by one only to say which of them is wrong.
    try:
        found = dict([line.split(": ", 1) for line in lines])
    except ValueError:
        raise _wrong(lines) from None
    if block.startswith("agi_") + block.count("\nagi_") != len(lines):
        raise _wrong(lines)
    if len(found) < len(lines):
        raise Malformed("the environment names the same thing twice")
    return found


def _wrong(lines: list[str]) -> Malformed:
    number = next(n for n, line in enumerate(lines, 1) if not line.startswith("agi_") or ": " not in line)
    return Malformed(f"line {number} of the environment is not `agi_name: value`")
