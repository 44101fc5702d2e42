"""Reading a recording through dialplan functions, against a model of how Asterisk evaluates them."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agi import takes
from agi.errors import Malformed

FILE = "/var/spool/asterisk/keepline-1.ulaw"
AWKWARD = st.sampled_from([0, ord("("), ord(")"), ord(":"), ord(","), ord('"'), ord("\\"), ord("}"), 10, 255])


class Pbx:
    """`old`: as Asterisk 16, whose base64 has no room for what goes beyond a multiple of three bytes."""

    def __init__(self, data: bytes, *, old: bool = False) -> None:
        self.data, self.old, self.asked = data, old, 0

    async def value(self, expression: str) -> str:
        self.asked += 1
        if expression == f"${{STAT(s,{FILE})}}":
            return str(len(self.data))
        found = re.fullmatch(
            r"\$\{BASE64_ENCODE\((\(*)\$\{FILE\(" + re.escape(FILE) + r",(\d+),(\d+)\)\}(\w*)\)\}", expression
        )
        assert found, expression
        start, length = int(found[2]), int(found[3])
        piece = self.data[start : start + length].partition(b"\0")[0]
        return self._encoded(found[1].encode() + piece + found[4].encode())

    def _encoded(self, argument: bytes) -> str:
        depth = 0
        for at, byte in enumerate(b"(" + argument + b")"):
            depth += (byte == ord("(")) - (byte == ord(")"))
            if byte == ord(":") and depth == 0:  # taken for the beginning of an offset: what follows is lost
                argument = argument[: at - 1].rpartition(b")")[0]
                break
        if self.old:
            argument = argument[: len(argument) - len(argument) % 3]
        text = b64encode(argument).decode()
        assert len(text) <= 4095, "longer than a value that AGI returns"
        return text


def read(pbx: Pbx, most: int = 1_000_000) -> bytes:
    return asyncio.run(takes.read(FILE, pbx.value, most))


@given(st.lists(AWKWARD | st.integers(0, 255), max_size=4000).map(bytes), st.booleans())
@example(b"a):b" * 1000, False)
@example(b")" * 2999 + b":", False)
@example(b"\0" * 50, True)
@example(b"a\0", True)
@example(b"", False)
def test_every_byte_comes_over_as_it_was(data: bytes, old: bool) -> None:
    assert read(Pbx(data, old=old)) == data


def test_a_minute_of_speech_takes_few_questions() -> None:
    pbx = Pbx(b"\xff\x7f:)" * 120_000)
    assert read(pbx) == pbx.data
    assert pbx.asked <= 1 + 480_000 / takes.PIECE


def test_no_command_is_longer_than_asterisk_reads() -> None:
    commands: list[str] = []

    class Listening(Pbx):
        async def value(self, expression: str) -> str:
            commands.append(expression)
            return await super().value(expression)

    read(Listening(b"x" * 10_000))
    assert max(map(len, commands)) < 1900


@pytest.mark.parametrize("size", ["", "-1", "none", "1.5", "9" * 12])
def test_a_file_that_is_not_there_is_nothing(size: str) -> None:
    async def value(_expression: str) -> str:
        return size

    assert asyncio.run(takes.read(FILE, value, 1_000_000)) == b""


def test_more_than_could_have_been_recorded_is_not_read() -> None:
    pbx = Pbx(b"x" * 1001)
    assert read(pbx, most=1000) == b""
    assert pbx.asked == 1


@pytest.mark.parametrize("answer", ["!", "QUJD", "", b64encode(b"((((((((((0123456789abcuvwxyz").decode()])
def test_what_is_no_piece_is_refused(answer: str) -> None:
    async def value(expression: str) -> str:
        return "10" if "STAT" in expression else answer

    with pytest.raises(Malformed):
        asyncio.run(takes.read(FILE, value, 1000))


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("/var/spool/asterisk/keepline-17.1", True),
        ("", False),
        ("keepline-1", False),
        ("/a,b", False),
        ("/a)${SHELL(id)}", False),
        ("/a b", False),
        ("/" + "a" * 300, False),
    ],
)
def test_a_files_name_is_a_path_and_nothing_else(name: str, fits: bool) -> None:
    assert takes.is_file(name) is fits
