"""A recorded AMI stream, read back: bytes in, whole messages out, each with where it stood.

Two forms, told apart by how they begin. Text as it was on the wire: CRLF or, once people have pasted and edited it, LF;
several connections may follow each other, each with its greeting. JSON: see jsonform. Both come out as what the wire
carries, so that one decoder reads live and recorded streams.
Memory is bounded: what is pending never exceeds MESSAGE_LIMIT and one chunk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from ami_bridge.ami.jsonform import JsonForm
from ami_bridge.ami.messages import GREETING, Greeting, Item, Message, Unreadable, excerpt
from ami_bridge.ami.wire import MESSAGE_LIMIT

_BOM = b"\xef\xbb\xbf"
_JSON = re.compile(rb"\s*(\{|\[\s*[\[\]{\"])")
_TEXT = re.compile(rb"\s*([^\s\[{]|\[\s*[^\s\[\]{\"])")
_KINDS = (b"Event", b"Response", b"Action")
# Asterisk before 14 answers a command with bare lines, empty ones among them, up to this one; should that be missing,
# the next message begins all the same.
_FOLLOWS, _FOLLOWED = b"Response: Follows", b"--END COMMAND--"
_FIRST_LINES = (b"Event: ", b"Response: ")
_END = b"\r\n\r\n"
# What makes a second look at a message necessary: lines of blanks only, and a greeting that cuts it.
_ODD = (b"\n ", b"\n\t", b"\r\r", b"\n" + GREETING)


class Form(Protocol):
    def feed(self, data: bytes) -> Iterator[Item]: ...
    def finish(self) -> Iterator[Item]: ...


class Transcript:
    """Feed it chunks as they come, then `finish`. It never raises; what it cannot read comes out as Unreadable."""

    def __init__(self) -> None:
        self._form: Form | None = None
        self._head = b""

    def feed(self, data: bytes) -> Iterator[Item]:
        """The items that end within `data`."""
        if self._form is None:
            self._head += data
            if len(self._head) < len(_BOM) and _BOM.startswith(self._head):
                return
            data = self._head.removeprefix(_BOM)
            if _JSON.match(data):
                self._form = JsonForm()
            elif _TEXT.match(data) or len(data) > MESSAGE_LIMIT:
                self._form = TextForm()
            else:
                return
            self._head = b""
        yield from self._form.feed(data)

    def finish(self) -> Iterator[Item]:
        """What the end of the stream completes, or cuts."""
        if self._form is None:
            self._form = TextForm()
            yield from self._form.feed(self._head)
        yield from self._form.finish()


class TextForm:
    """Lines into messages, which an empty line ends."""

    def __init__(self) -> None:
        self._partial = b""
        self._block: list[bytes] = []
        self._size = 0
        self._line = 0  # the number of the last whole line
        self._began = 1  # that of the block's first
        self._skipping = False
        self._gap = False  # an empty line in the answer to a command, which does not end it
        self._unix = False  # whether the last whole line ended in a bare LF

    def feed(self, data: bytes) -> Iterator[Item]:
        data, start = self._partial + data, 0
        while (end := data.find(b"\n", start)) >= 0:
            if (message := self._event_at(data, start)) is not None:
                yield message
                start += len(message.raw) + len(_END)
                continue
            yield from self._take(data[start:end])
            start = end + 1
        self._partial = data[start:]
        if len(self._partial) > MESSAGE_LIMIT:
            self._partial = b""
            yield from self._skip()

    def _event_at(self, data: bytes, start: int) -> Message | None:
        """The event that begins at `start`, when all of it is there just as Asterisk writes it: most of a recording."""
        if self._block or self._skipping or not data.startswith(_FIRST_LINES, start):
            return None
        end = data.find(_END, start, start + MESSAGE_LIMIT)
        raw = data[start:end] if end >= 0 else b""
        lines = raw.count(b"\n")
        if not raw or lines != raw.count(b"\r\n") or raw.startswith(_FOLLOWS) or any(odd in raw for odd in _ODD):
            return None
        message = Message(self._line + 1, raw)
        self._line += lines + 2
        self._unix = self._gap = False
        return message

    def finish(self) -> Iterator[Item]:
        """A last message without its empty line counts, unless it ends in mid-line as only a cut stream does."""
        if self._partial and (self._unix or self._partial.startswith(GREETING)):
            yield from self._take(self._partial)
        elif self._partial and not self._skipping:
            began, self._block = self._began if self._block else self._line + 1, []
            yield Unreadable(began, "the stream ends in the middle of a message")
        yield from self._end()

    def _take(self, line: bytes) -> Iterator[Item]:
        self._line += 1
        self._unix = not line.endswith(b"\r")
        line = line.rstrip(b"\r")
        if line.startswith(GREETING):
            yield from self._end()
            yield Greeting(self._line)
            self._skipping = False
        elif line.strip():
            if self._skipping:
                return
            if self._gap and line.startswith(_FIRST_LINES):
                yield from self._end()
            self._gap = False
            if not self._block:
                self._began, self._size = self._line, 0
            self._block.append(line)
            self._size += len(line)
            if self._size > MESSAGE_LIMIT:
                yield from self._skip()
        elif self._block[:1] == [_FOLLOWS] and not self._block[-1].endswith(_FOLLOWED):
            self._gap = True
        else:
            yield from self._end()
            self._skipping = False

    def _skip(self) -> Iterator[Item]:
        """Leave out all up to the next empty line."""
        if not self._skipping:
            began = self._began if self._block else self._line + 1
            yield Unreadable(began, f"a message of more than {MESSAGE_LIMIT} bytes")
        self._block, self._skipping = [], True

    def _end(self) -> Iterator[Item]:
        if not self._block:
            return
        block, self._block = self._block, []
        pairs = [line.split(b":", 1) for line in block if b":" in line]
        kind = pairs[0][0].strip() if pairs and b":" in block[0] else b""
        if kind in _KINDS:
            # Of a line without a colon, such as what a bare line feed in a value leaves, nothing is known.
            raw = b"\r\n".join(key.strip() + b": " + value.removeprefix(b" ") for key, value in pairs)
            yield Message(self._began, raw)
        elif kind and kind.isalnum():
            yield Unreadable(self._began, f"a message without its first line, beginning {excerpt(block[0])}")
        else:
            yield Unreadable(self._began, f"no AMI message: {excerpt(block[0])}")
