"""What an operator spoke, brought over from the PBX by AGI alone: no shared disk, nothing to fetch it with over there.

The dialplan functions FILE and BASE64_ENCODE read the file piece by piece. Both end at a NUL byte, so a piece that is
shorter than was asked for has met one there. In mu-law a NUL is the loudest sample there is, and therefore rare.

Asterisk takes a colon after the parenthesis that closes a function for the beginning of `:offset:length`, in what an
inner function gave as well (pbx_variables.c, parse_variable_name). So as many parentheses are opened before a piece as
could be closed in it. Old versions have no room for the last one or two bytes in base64, so some follow that may go.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable

from agi.errors import Malformed

RATE = 8000  # bytes of mu-law a second
TONE = 1.0  # seconds the tone takes at most
SILENCE = 3  # seconds of it end a recording
READ_WITHIN = 15.0  # seconds
TAIL = b"uvwxyz"
PIECE = 1500  # bytes; with their parentheses, in base64, they stay under the 4,095 bytes of a value that AGI returns

_FILE = re.compile(r"/[A-Za-z0-9_./-]{1,200}")


def is_file(name: str) -> bool:
    """Whether `name` is an absolute path that a dialplan function takes as one argument."""
    return _FILE.fullmatch(name) is not None


async def read(file: str, value: Callable[[str], Awaitable[str]], most: int) -> bytes:
    """The bytes of `file` on the PBX, of which `value` evaluates dialplan expressions.

    Empty when it is not there, longer than `most` or not read within READ_WITHIN: such a take is repeated.
    """
    size = await value(f"${{STAT(s,{file})}}")
    if not re.fullmatch("[0-9]{1,9}", size) or int(size) > most:
        return b""
    clock = asyncio.get_running_loop().time
    end = clock() + READ_WITHIN
    audio = bytearray()
    while len(audio) < int(size):
        if clock() > end:
            return b""
        wanted = min(PIECE, int(size) - len(audio))
        inner = f"{'(' * wanted}${{FILE({file},{len(audio)},{wanted})}}{TAIL.decode()}"
        piece = _piece(await value(f"${{BASE64_ENCODE({inner})}}"), wanted)
        audio += piece
        if len(piece) < wanted:
            audio.append(0)
    return bytes(audio)


def _piece(text: str, wanted: int) -> bytes:
    try:
        whole = b64decode(text, validate=True)
    except NotBase64:
        raise Malformed("a piece of a recording is not base64") from None
    for lost in range(3):
        tail = TAIL[: len(TAIL) - lost]
        if whole.startswith(b"(" * wanted) and whole.endswith(tail) and len(whole) <= 2 * wanted + len(tail):
            return whole[wanted : -len(tail)]
    raise Malformed("a piece of a recording is not what was asked for")
