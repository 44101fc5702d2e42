"""What Asterisk sends while a session runs: replies to commands, and out of band the line HANGUP. Bytes in, values out.

Source: res_agi.c. 200 carries a result; 510 and 511 are one line; 520 is one line, or `520-` followed by usage text up
to a line that begins `520 `. HANGUP comes at any time, twice even, and is never the reply to a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from agi.errors import Malformed

MAX_LINE = 8 * 1024
MAX_USAGE_LINES = 200

_SUCCESS = re.compile(rb"200 result=(-?[0-9]{1,18})(?: \((.*)\))?(?: endpos=(-?[0-9]{1,18}))?")
_USUAL = re.compile(rb"200 result=(-?[0-9]{1,18})(?: endpos=(-?[0-9]{1,18}))?\n")
_FAILURE = re.compile(rb"(5[0-9]{2})(?: (.*))?")


class Reply(NamedTuple):
    """The final reply to one command. `text` is what a refusal said; `endpos` counts samples."""

    code: int
    result: int = 0
    data: str | None = None
    endpos: int | None = None
    text: str = ""


class Notice(Enum):
    """What is no reply."""

    TRYING = "trying"  # 100: the command runs, its reply follows
    HANGUP = "hangup"


@lru_cache(maxsize=256)
def usual(segment: bytes) -> Reply | None:
    """The reply that `segment` is when it is one whole 200 without data, and None otherwise.

    Remembered: all who hear a recording to its end send the same.
    """
    found = _USUAL.fullmatch(segment)
    return found and Reply(200, int(found[1]), endpos=None if found[2] is None else int(found[2]))


class ReplyParser:
    """Cuts the stream into replies and notices. However it is split, the same values come out in the same order.

    `empty` is whether all that came has been given out, so that nothing of a reply is held.
    """

    _buffer = b""
    _usage: list[bytes] | None = None
    empty = True

    def feed(self, data: bytes) -> Iterator[Reply | Notice]:
        """Take `data`; yield what is whole. To be iterated at once and to the end.

        Raises Malformed, after what came before it, for a line over 8 KiB or one that is no AGI reply; nothing can be
        read after that.
        """
        self.empty = False
        *lines, rest = (self._buffer + data if self._buffer else data).split(b"\n")
        for line in lines:
            _bounded(line)
            value = self._read(line)
            if value is not None:
                yield value
        _bounded(rest)
        self._buffer = rest
        self.empty = not rest and self._usage is None

    def _read(self, line: bytes) -> Reply | Notice | None:
        if line == b"HANGUP":
            return Notice.HANGUP
        if self._usage is not None:
            return self._read_usage(self._usage, line)
        if success := _SUCCESS.fullmatch(line):
            result, data, endpos = success.groups()
            return Reply(200, int(result), _text(data), None if endpos is None else int(endpos))
        if failure := _FAILURE.fullmatch(line):
            return Reply(int(failure[1]), text=_text(failure[2]) or "")
        if line.startswith(b"520-"):
            self._usage = [line[4:]]
            return None
        if line == b"100" or line.startswith(b"100 "):
            return Notice.TRYING
        raise Malformed(f"not an AGI reply: {line[:80]!r}")

    def _read_usage(self, usage: list[bytes], line: bytes) -> Reply | None:
        if line.startswith(b"520 "):
            self._usage = None
            return Reply(520, text=_text(b"\n".join(usage)) or "")
        usage.append(line.removeprefix(b"520-"))
        if len(usage) > MAX_USAGE_LINES:
            raise Malformed(f"the usage text of a 520 is longer than {MAX_USAGE_LINES} lines")
        return None


def _bounded(line: bytes) -> None:
    if len(line) > MAX_LINE:
        raise Malformed(f"a reply is longer than {MAX_LINE} bytes")


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", "replace")
