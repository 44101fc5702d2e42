"""Recorded AMI events as JSON: the objects of a stream, and each object as the wire would carry it.

Read are objects one a line, objects one after the other however they are laid out, and arrays of them. The headers may
be the object itself or one object within it. A value is a string, a number, a truth value, a list of such for a header
that repeats, or an object whose pairs become NAME=VALUE; null is no header.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ami_bridge.ami.messages import Item, Message, Unreadable, excerpt
from ami_bridge.ami.wire import MESSAGE_LIMIT

# Within an object: strings, braces, a line that begins with an opening brace, and a quotation mark with no other.
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}]|\n[\s,\[]*\{|"')
_NEW_LINE = re.compile(r"\n[\s,\[]*(?=\{)")
_BETWEEN = re.compile(r"[\s,\[\]]+")
_TIMES = ("timestamp", "Timestamp")
_KINDS = ("Event", "Response", "Action")
_BREAKS = re.compile(r"[\r\n]+")


class JsonForm:
    """Finds objects by their braces, so that one broken object costs no other."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._line = 1  # that on which the pending text begins
        self._skipping = False
        self._in_junk = False
        self._looked = 0, 0  # how far the pending object was looked through, and how deep it is nested there

    def feed(self, data: bytes) -> Iterator[Item]:
        self._text += self._decoder.decode(data)
        yield from self._objects(at_end=False)
        if len(self._text) > MESSAGE_LIMIT:
            if not self._skipping:
                yield Unreadable(self._line, f"a JSON object of more than {MESSAGE_LIMIT} characters")
            self._skipping = True
            self._drop(len(self._text))

    def finish(self) -> Iterator[Item]:
        self._text += self._decoder.decode(b"", final=True)
        yield from self._objects(at_end=True)
        if self._text.strip() and not self._skipping:
            yield Unreadable(self._line, "the stream ends in the middle of a JSON object")

    def _objects(self, *, at_end: bool) -> Iterator[Item]:
        while True:
            if self._skipping:
                if (start := _NEW_LINE.search(self._text)) is None:
                    return
                self._skipping = False
                self._drop(start.end())
            if between := _BETWEEN.match(self._text):
                self._drop(between.end())
            if not self._text:
                return
            if not self._text.startswith("{"):
                if (junk := _junk(self._text, at_end)) == 0:
                    return
                if not self._in_junk:
                    yield Unreadable(self._line, f"no JSON object: {excerpt(self._text[:junk].strip().encode())}")
                self._in_junk = True
                self._drop(junk)
                continue
            end, whole = self._object_end()
            if end is None:
                return
            text, line = self._text[:end], self._line
            self._drop(end)
            self._in_junk = not whole  # what a broken object leaves behind needs no word of its own
            yield _item(text, line) if whole else Unreadable(line, f"a broken JSON object: {excerpt(text.encode())}")

    def _object_end(self) -> tuple[int | None, bool]:
        """Where the pending object ends, and whether it is whole; None while its end has not come.

        What was looked through is not looked through again when more has come.
        """
        place, depth = self._looked
        for token in _TOKEN.finditer(self._text, place):
            found = token[0]
            if found == "{":
                depth += 1
            elif found == "}":
                depth -= 1
                if depth == 0:
                    return token.end(), True
            elif found[0] == "\n":
                return token.start(), False
            elif found == '"':
                if (end := self._text.find("\n", token.start())) >= 0:
                    return end, False
                break
            place = token.end()
        self._looked = place, depth
        return None, False

    def _drop(self, count: int) -> None:
        self._line += self._text.count("\n", 0, count)
        self._text = self._text[count:]
        self._looked = 0, 0


def _junk(text: str, at_end: bool) -> int:
    """How much of `text`, which begins no object, may be left out; 0 while that is not known."""
    this_line, newline, _rest = text.partition("\n")
    if "{" in this_line:
        return this_line.index("{")
    return len(text) if at_end else len(this_line) if newline else 0


def _item(text: str, line: int) -> Item:
    try:
        return Message(line, to_wire(json.loads(text, object_pairs_hook=_repeats)))
    except (ValueError, RecursionError) as wrong:
        return Unreadable(line, f"{wrong}: {excerpt(text.encode())}")


def _repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose name occurs twice has a list for it, as a header that repeats should have had."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name] = [*_many(found[name]), *_many(value)] if name in found else value
    return found


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def to_wire(parsed: Mapping[str, Any]) -> bytes:
    """An object of headers as an AMI message; raise ValueError for one that has no such headers."""
    headers = _headers_of(parsed)
    kind = next(kind for kind in _KINDS if kind in headers)
    time = next((parsed[name] for name in _TIMES if name in parsed), None)
    ordered = {kind: headers[kind], **headers}
    if "Timestamp" not in headers and (epoch := _epoch(time)) is not None:
        ordered["Timestamp"] = f"{epoch:.6f}"
    lines = [
        f"{_BREAKS.sub(' ', key)}: {_text(key, value)}"
        for key, values in ordered.items()
        for value in _many([f"{name}={v}" for name, v in values.items()] if isinstance(values, dict) else values)
        if value is not None
    ]
    return "\r\n".join(lines).encode("utf-8", "replace")


def _headers_of(parsed: Mapping[str, Any]) -> Mapping[str, Any]:
    if any(isinstance(parsed.get(kind), str) for kind in _KINDS):
        return parsed
    inner = [
        value
        for value in parsed.values()
        if isinstance(value, dict) and any(isinstance(value.get(kind), str) for kind in _KINDS)
    ]
    if len(inner) != 1:
        raise ValueError("a JSON object without an Event header")
    return inner[0]


def _text(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _BREAKS.sub(" ", value)
    if isinstance(value, int | float):
        return str(value)
    raise ValueError(f"the header {key} is neither text nor a number")


def _epoch(time: object) -> float | None:
    """Seconds since 1970 from such a number or an ISO 8601 time with its offset; None when it is neither."""
    if isinstance(time, int | float) and not isinstance(time, bool):
        return float(time)
    if not isinstance(time, str):
        return None
    try:
        return float(time)
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(time)
    except ValueError:
        return None
    return when.timestamp() if when.tzinfo else None
