# ruff: noqa: SIM905 - lists of names are read more easily in few lines
"""The block of `agi_*` lines with which Asterisk opens a session: bytes in, a mapping out.

Lines are `name: value`, ended by LF; an empty line ends the block (res_agi.c, setup_env). Values came from a phone
network and may hold any bytes: they are read as UTF-8, what is not UTF-8 becomes U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from agi.errors import Malformed

MAX_BYTES = 64 * 1024
MAX_LINES = 200

# Who reads anything else adds it here.
READ = frozenset(
    "agi_network_script agi_channel agi_language agi_uniqueid agi_callerid agi_callingpres "
    "agi_arg_1 agi_arg_2 agi_arg_3 agi_arg_4 agi_arg_5 agi_arg_6 agi_arg_7 agi_arg_8".split()
)

# What a FastAGI block consists of, in the order in which Asterisk 16 to 22 write it (res_agi.c); arguments follow.
_USUAL = (
    "network network_script request channel language type uniqueid version callerid calleridname callingpres "
    "callingani2 callington callingtns dnid rdnis context extension priority enhanced accountcode threadid"
).split()
_USUAL_ARGUMENTS = 8

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
        """Take `data`; return what is READ of the block once it is whole (what came after it is in `rest`), else None.

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
    """Read a block whose every line ends in LF. This runs while a caller waits, so the usual one is read in one go."""
    arguments = block.count("\nagi_arg_")
    if arguments <= _USUAL_ARGUMENTS and (usual := _usual(arguments).fullmatch(block)):
        return usual.groupdict()
    lines = block.split("\n")
    lines.pop()
    if len(lines) > MAX_LINES:
        raise Malformed(f"the environment has more than {MAX_LINES} lines")
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        name, colon, value = line.partition(": ")
        if not colon or not name.startswith("agi_"):
            raise Malformed(f"line {number} of the environment is not `agi_name: value`")
        if name in found:
            raise Malformed("the environment names the same thing twice")
        found[name] = value
    return {name: found[name] for name in READ & found.keys()}


@cache
def _usual(arguments: int) -> re.Pattern[str]:
    names = [f"agi_{name}" for name in (*_USUAL, *(f"arg_{n}" for n in range(1, arguments + 1)))]
    return re.compile("".join(f"{name}: (?P<{name}>.*)\n" if name in READ else f"{name}: .*\n" for name in names))
