"""The AGI commands this desk sends, one function each, as the bytes that go on the wire.

Asterisk splits a command at spaces; inside double quotes a backslash escapes `"` and `\\`, and a line break cannot be
sent at all (res_agi.c, parse_args). It reads 2,048 bytes at most, so we stay under 2,000. Every argument is quoted,
which also keeps the count of words fixed.

The few commands that all callers get are remembered: building one costs more than sending it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from agi.errors import Unsendable

MAX_BYTES = 2000
DIGITS = frozenset("0123456789*#")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\([a-z]*\))?")


@lru_cache(maxsize=256)
def stream_file(file: str, escape_digits: str = "", offset: int = 0) -> bytes:
    """Play `file` from sample `offset`; a key in `escape_digits` ends it. The result is that key's ASCII code.

    0 means played to the end, -1 a file that cannot be opened or a hang-up; `endpos` is the sample reached.
    """
    if not DIGITS.issuperset(escape_digits):
        raise Unsendable(f"escape digits are 0-9, * and #: {escape_digits!r}")
    if offset < 0:
        raise Unsendable(f"an offset is not negative: {offset}")
    if offset:
        return _line(f'STREAM FILE {_quoted(file)} "{escape_digits}" {offset}')
    return _line(f'STREAM FILE {_quoted(file)} "{escape_digits}"')


@lru_cache(maxsize=256)
def wait_for_digit(seconds: float) -> bytes:
    """Wait for any key. The result is its ASCII code, 0 when none came, -1 on a channel that failed."""
    if not 0 <= seconds < 86_400:  # Asterisk takes -1 as for ever
        raise Unsendable(f"a wait is bounded: {seconds} s")
    return _line(f"WAIT FOR DIGIT {round(seconds * 1000)}")


@lru_cache(maxsize=256)
def set_variable(name: str, value: str) -> bytes:
    """Set a channel variable, or a dialplan function such as `TIMEOUT(absolute)`. The result is always 1."""
    if not _VARIABLE.fullmatch(name):
        raise Unsendable(f"not a variable's name: {name!r}")
    return _line(f'SET VARIABLE "{name}" {_quoted(value)}')


def record_file(file: str, seconds: float, silence: int) -> bytes:
    """After a tone, record into `file` + `.ulaw`, until `#`, `silence` seconds of silence, or `seconds`.

    The result is 0, the code of `#`, or -1 when the caller hung up or the file or the tone's cannot be opened.
    """
    if not 0 < seconds <= 600 or not 0 < silence < 60:  # Asterisk takes -1 as for ever
        raise Unsendable(f"a recording is bounded: {seconds} s, {silence} s of silence")
    return _line(f'RECORD FILE {_quoted(file)} "ulaw" "#" {round(seconds * 1000)} BEEP s={silence}')


def get_full_variable(expression: str) -> bytes:
    """Have `expression` evaluated, `${...}` and all; the reply's data is its value, of which 4,095 bytes come."""
    return _line(f"GET FULL VARIABLE {_quoted(expression)}")


def verbose(message: str, level: int = 3) -> bytes:
    """Write `message` to Asterisk's console and log, shown from verbosity `level` (1-4) on. The result is 1."""
    if not 1 <= level <= 4:
        raise Unsendable(f"a verbosity is 1 to 4: {level}")
    return _line(f"VERBOSE {_quoted(message)} {level}")


def name_of(command: bytes) -> str:
    """The command's words without its arguments, for messages: arguments may be private."""
    return command.split(b' "', 1)[0].decode().rstrip("0123456789 \n")


def _quoted(argument: str) -> str:
    if _CONTROL.search(argument):
        raise Unsendable("an argument holds a line break or another control character")
    if "\\" in argument or '"' in argument:
        argument = argument.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{argument}"'


def _line(command: str) -> bytes:
    try:
        line = command.encode() + b"\n"
    except UnicodeEncodeError:
        raise Unsendable("an argument is not text that UTF-8 can carry") from None
    if len(line) > MAX_BYTES:
        raise Unsendable(f"a command of {len(line)} bytes is over {MAX_BYTES}")
    return line
