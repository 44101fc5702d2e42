"""GET /api/callers/{number}: what this caller would hear now on each line, and why. Numbers are private: for the token.

`?line=` asks about one line, `?language=` as if the caller's channel spoke that language. docs/operating.md.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from aiohttp import web

from ami_bridge.domain.trace import TracedLine
from ami_bridge.integrations.reading import Fault, Misread
from ami_bridge.web import words
from ami_bridge.web.answers import NoAnswer, answered, spoken
from ami_bridge.web.door import Door
from ami_bridge.web.masking import LONGEST_WORDS, clean
from ami_bridge.web.rows import iso

LATE = "The PBX did not say in time what it holds; try again."

_BETWEEN = re.compile(r"[ ()./-]")  # what people write between digits
_NUMBER = re.compile(r"\+?[0-9]{1,15}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2}([_-][a-z]{2})?", re.ASCII | re.IGNORECASE)


class Callers(Protocol):
    """Who knows what a caller would hear."""

    async def trace(self, number: str, line: str | None, language: str | None) -> list[TracedLine]:
        """Explain what the caller of `number` (digits, perhaps after a +) would hear now on `line`, or on each line.

        `language` is two letters, or None for the one that the line speaks by default. Nothing when there is no such
        line; raise Refused when it cannot be found out.
        """


class CallerDesk:
    """Answers whoever `door` lets in from what `callers` knows."""

    def __init__(self, callers: Callers | None, door: Door, patience: float) -> None:
        self._callers, self._door, self._patience = callers, door, patience

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/callers/{number}", spoken(self._explain, self._patience, LATE))]

    async def _explain(self, request: web.Request) -> web.Response:
        self._door.let_in(request)
        if self._callers is None:
            raise NoAnswer(404, "This companion explains no callers.")
        number = _BETWEEN.sub("", request.match_info["number"])
        if not _NUMBER.fullmatch(number):
            raise Misread((Fault("number", "write digits, with or without a + before them, such as +15551230142"),))
        language = request.query.get("language") or None
        if language is not None and not _LANGUAGE.fullmatch(language):
            raise Misread((Fault("language", "write two letters, such as de"),))
        wanted = language[:2].lower() if language else None
        line = request.query.get("line") or None
        lines = await self._callers.trace(number, line, wanted)
        if not lines:
            raise NoAnswer(404, f"There is no line {clean(line)}." if line else "There is no line.")
        return answered(200, {"number": number, "lines": [_line(line) for line in lines]})


def _line(line: TracedLine) -> dict[str, Any]:
    return {
        "line": clean(line.line),
        "tenant": clean(line.tenant),
        "pbx": clean(line.pbx),
        "language": line.language,
        "language_words": words.language(line.language),
        "hears": [
            {"part": heard.part.value, "text": clean(heard.text, LONGEST_WORDS), "recording": heard.recording}
            for heard in line.hears
        ],
        "keys": {key: clean(means) for key, means in line.keys.items()},
        "why": [clean(sentence) for sentence in line.why],
        "on_pbx": {"match": line.on_pbx.match.value, "holds": clean(line.on_pbx.holds, LONGEST_WORDS)},
        "without_us": [
            {"text": clean(spell.text, LONGEST_WORDS), "until": iso(spell.until)} for spell in line.without_us
        ],
        "promise": _maybe(line.promise),
        "callback_refusal": _maybe(line.callback_refusal),
        "segment": _maybe(line.segment),
        "place_in_line": line.place_in_line,
    }


def _maybe(text: str | None) -> str | None:
    return None if text is None else clean(text)
