# ruff: noqa: SIM905 - lists of names are read more easily in few lines
"""The block of `agi_*` lines with which Asterisk opens a session: bytes in, an Environment out.

Lines are `name: value`, ended by LF; an empty line ends the block (res_agi.c, setup_env). Values came from a phone
network and may hold any bytes: they are read as UTF-8, what is not UTF-8 becomes U+FFFD.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from agi.errors import Malformed

MAX_BYTES = 64 * 1024
MAX_LINES = 200


class Environment(NamedTuple):
    """What is read of a block; empty where the block does not name it. Who reads anything else adds it here, in the
    order in which Asterisk writes it."""

    network_script: str = ""
    channel: str = ""
    language: str = ""
    uniqueid: str = ""
    callerid: str = ""
    callingpres: str = ""
    arg_1: str = ""
    arg_2: str = ""
    arg_3: str = ""
    arg_4: str = ""
    arg_5: str = ""
    arg_6: str = ""
    arg_7: str = ""
    arg_8: str = ""


_READ = {f"agi_{name}" for name in Environment._fields}

# What a FastAGI block consists of, in the order in which Asterisk 16 to 22 write it (res_agi.c); arguments follow.
# One that is written so is read in one go, as its caller waits; the general way gives the same.
_USUAL = (
    "network network_script request channel language type uniqueid version callerid calleridname callingpres "
    "callingani2 callington callingtns dnid rdnis context extension priority enhanced accountcode threadid"
).split()
_USUAL_ARGUMENTS = 8


def _usual_line(name: str) -> str:
    # Possessive: there is one way only to match a line.
    return f"agi_{name}: (.*+)\n" if name in Environment._fields else f"agi_{name}: .*+\n"


def _usual_block(arguments: int) -> re.Pattern[str]:
    """What a block with so many arguments is; its groups are the fields of an Environment."""
    names = (*_USUAL, *(f"arg_{n}" for n in range(1, arguments + 1)))
    absent = sum(field not in names for field in Environment._fields)
    return re.compile("".join(_usual_line(name) for name in names) + "\n" + "()" * absent)


# By the number of the last argument.
_USUAL_BLOCKS = {b"%d" % arguments: _usual_block(arguments) for arguments in range(1, _USUAL_ARGUMENTS + 1)}
_ARGUMENT = b"\nagi_arg_"
_new = tuple.__new__


class EnvironmentParser:
    """Collects one block. However the stream is cut, the outcome is the same. `rest` is what came after it."""

    _buffer = b""
    rest = b""

    @property
    def started(self) -> bool:
        """Whether any byte came: a health checker connects and closes without one."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Environment | None:
        """Take `data`; return the block once it is whole, else None.

        Raises Malformed for a block over 64 KiB or 200 lines, a line that is not `agi_name: value`, or a name given
        twice: Asterisk sends none of them, so a second one was smuggled in with a value.
        """
        # A block is one or two segments in practice; joining beats keeping a list of them.
        buffer = self._buffer = self._buffer + data if self._buffer else data
        if buffer.endswith(b"\n\n") and (usual := _usual(buffer)):
            return usual
        if buffer.startswith(b"\n"):
            end = 0
        elif (end := buffer.find(b"\n\n", 0, MAX_BYTES) + 1) == 0:
            if len(buffer) >= MAX_BYTES:
                raise Malformed(f"the environment is longer than {MAX_BYTES} bytes")
            return None
        self.rest = buffer[end + 1 :]
        return _parse(buffer[:end].decode("utf-8", "replace"))


def _usual(block: bytes) -> Environment | None:
    """Read a whole block that is written as usual."""
    number = block.rfind(_ARGUMENT) + len(_ARGUMENT)
    pattern = _USUAL_BLOCKS.get(block[number : number + 1])
    if pattern is None or len(block) > MAX_BYTES:
        return None
    found = pattern.fullmatch(block.decode("utf-8", "replace"))
    # What a NamedTuple does itself, without the default values that it would look for first.
    return found and _new(Environment, found.groups())


def _parse(block: str) -> Environment:
    """Read a block whose every line ends in LF."""
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
    return Environment(**{name.removeprefix("agi_"): found[name] for name in _READ & found.keys()})
