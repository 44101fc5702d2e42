"""What a caller would hear, asked by API: told to those who have the token, in full, and to nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from ami_bridge.domain.names import LineName
from ami_bridge.domain.trace import Heard, Match, OnPbx, Part, Spell, TracedLine
from tests.web.house import ACME, OWN_WORDS, PBX1, Running
from tests.web.taking import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

Serve = Callable[..., Awaitable[Running]]
BEARER = {"Authorization": f"Bearer {TOKEN}"}
UNTIL = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
TOLD = TracedLine(
    line=LineName("support"), tenant=ACME, pbx=PBX1, language="de",
    on_pbx=OnPbx(match=Match.DIFFERS, holds="nothing"),
    hears=(
        Heard(part=Part.PROMISE, text="You asked us at nine to call you back."),
        Heard(part=Part.ANNOUNCEMENT, text="", recording=OWN_WORDS),
    ),
    keys={"0": "hear it again", "1": "be called back in turn"},
    why=("incident i-1 comes first", "incident i-2 is named after it\r\nX-Forged: yes"),
    without_us=(Spell(text="We know about a fault.", until=UNTIL),),
    promise="a call back in turn", callback_refusal=None, segment="gold", place_in_line=5,
)  # fmt: skip


async def ask(http: ClientSession, page: Running, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
    async with http.get(f"{page.url}/api/callers/{path}", headers={**BEARER, **headers}) as answer:
        return answer.status, await answer.json()


async def test_everything_that_is_known_of_a_caller_is_told(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    page.callers.lines = [TOLD]
    status, answer = await ask(http, page, "+15551230142?line=support&language=de_AT")
    assert (status, answer["number"]) == (200, "+15551230142")
    assert page.callers.asked == [("+15551230142", "support", "de")]
    [line] = answer["lines"]
    assert line == {
        "line": "support", "tenant": "acme", "pbx": "pbx1", "language": "de", "language_words": "German",
        "hears": [
            {"part": "your promise", "text": "You asked us at nine to call you back.", "recording": ""},
            {"part": "announcement", "text": "", "recording": OWN_WORDS},
        ],
        "keys": {"0": "hear it again", "1": "be called back in turn"},
        "why": ["incident i-1 comes first", "incident i-2 is named after it  X-Forged: yes"],
        "on_pbx": {"match": "differs", "holds": "nothing"},
        "without_us": [{"text": "We know about a fault.", "until": "2026-03-01T09:30:00.000Z"}],
        "promise": "a call back in turn", "callback_refusal": None, "segment": "gold", "place_in_line": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "asked"),
    [("+1%20(555)%20123-0142", "+15551230142"), ("0171.555%2F1234", "01715551234"), ("%2B4930123", "+4930123")],
)
async def test_a_number_may_be_written_as_people_do(
    serve: Serve, http: ClientSession, written: str, asked: str
) -> None:
    page = await serve(token=SecretStr(TOKEN))
    page.callers.lines = [TOLD]
    assert (await ask(http, page, written))[0] == 200
    assert page.callers.asked == [(asked, None, None)]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("anonymous", "number"), ("+", "number"), ("1" * 16, "number"), ("12%0d%0aAction", "number"),
        ("%F0%9D%9F%99%F0%9D%9F%9A", "number"), ("123?language=german", "language"), ("123?language=%0a", "language"),
    ],
)  # fmt: skip
async def test_what_is_no_number_or_language_is_refused(
    serve: Serve, http: ClientSession, path: str, field: str
) -> None:
    page = await serve(token=SecretStr(TOKEN))
    status, answer = await ask(http, page, path)
    assert (status, answer["faults"][0]["field"]) == (422, field)
    assert page.callers.asked == []


async def test_a_line_that_there_is_not_is_said_so(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    page.callers.lines = [TOLD]
    status, answer = await ask(http, page, "15551230142?line=nowhere")
    assert (status, answer["error"]) == (404, "There is no line nowhere.")


@pytest.mark.parametrize("shown", ["", "Bearer wrong", f"Basic {TOKEN}"])
async def test_callers_are_private(serve: Serve, http: ClientSession, shown: str) -> None:
    page = await serve(token=SecretStr(TOKEN))
    page.callers.lines = [TOLD]
    status, answer = await ask(http, page, "15551230142", Authorization=shown)
    assert (status, set(answer)) == (401, {"error", "faults"})
    assert page.callers.asked == []
