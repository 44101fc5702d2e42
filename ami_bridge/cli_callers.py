"""`keepline trace-caller`: what one caller would hear now on each line, and why, asked of the running companion."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App as Commands

from ami_bridge.cli_ends import Config
from ami_bridge.cli_orders import AsJson, Url, plainly
from ami_bridge.ordering import Answer, clock, companion

_UNREACHABLE = "The PBX could not be asked what it holds."

callers = Commands()


def register(commands: Commands) -> None:
    """Make this a command of `keepline`."""
    commands.update(callers)


@callers.command
def trace_caller(
    number: str,
    /,
    *,
    line: str | None = None,
    language: str | None = None,
    config: Config = Path("keepline.toml"),
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Explain what a caller would hear now, and why.

    Parameters
    ----------
    number
        The caller's number as the PBX sees it, such as +15551230142.
    line
        Only this line; each, if not given.
    language
        As if the caller's channel spoke this language, such as de; by default the one the line speaks.
    """
    with plainly():
        answer = companion(config, url, os.environ).trace(number, line, language)
        print("\n".join([json.dumps(answer)] if as_json else explained(answer)))  # noqa: T201 - the command's answer


def explained(answer: Answer) -> Iterator[str]:
    """The answer of GET /api/callers in lines for a terminal. Times are local."""
    yield f"What the caller {answer['number']} would hear now:"
    for line in answer["lines"]:
        yield ""
        yield f"Line {line['line']} of {line['tenant']} on {line['pbx']}, in {line['language_words']}"
        yield from (f"    {text}" for text in _line(line))


def _line(line: Answer) -> Iterator[str]:
    for heard in line["hears"]:
        yield f"{_PARTS.get(heard['part'], heard['part'])}: {_quoted(heard['text'])}"
    if not line["hears"]:
        yield "No announcement: the call goes on as usual."
    for key, means in line["keys"].items():
        yield f"Key {key}: {means}"
    yield from (f"Why: {sentence}" for sentence in line["why"])
    if line["segment"]:
        yield f"Segment: {line['segment']}"
    if line["place_in_line"] is not None:
        yield f"Place in line: priority {line['place_in_line']}"
    yield f"Promise: {line['promise'] or 'nothing is owed to this number'}"
    yield f"Callback: {_callback(line['callback_refusal'])}"
    yield _on_pbx(line["on_pbx"])
    yield from _without_us(line["without_us"])


_PARTS = {"your promise": "What we owe them", "segment": "Words for their segment", "announcement": "Announcement"}


def _quoted(text: str) -> str:
    return f"“{text}”" if text else "an operator's own recording"


def _callback(refusal: str | None) -> str:
    return f"refused: {refusal}" if refusal else "this number would be called back"


def _on_pbx(held: Answer) -> str:
    match, holds = held["match"], held["holds"]
    if match == "not reachable":
        return _UNREACHABLE
    words = "The PBX holds the same" if match == "same" else "The PBX holds SOMETHING ELSE"
    return f"{words}: {holds}" if holds else f"{words}."


def _without_us(spells: list[Answer]) -> Iterator[str]:
    """What comes one after the other, each until its time."""
    if not spells:
        yield "If Keepline were dead: no announcement, the call goes on as usual."
        return
    yield "If Keepline were dead:"
    for spell in spells:
        yield f"    until {clock(spell['until'])}: {_quoted(spell['text'])}"
    yield "    after that: no announcement"
