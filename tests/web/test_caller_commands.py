"""`keepline trace-caller`, and times and recordings given by command: real processes against the real server."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from ami_bridge.domain.names import LineName
from ami_bridge.domain.orders import Declaration
from ami_bridge.domain.trace import Heard, Match, OnPbx, Part, Spell, TracedLine
from tests.web.commanding import complaint, keepline, refused
from tests.web.house import ACME, OWN_WORDS, PBX1, House, Running
from tests.web.keeping import tone
from tests.web.taking import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

Serve = Callable[..., Awaitable[Running]]
KOLKATA = ZoneInfo("Asia/Kolkata")


async def test_a_caller_is_explained_in_plain_words(serve: Serve, house: House) -> None:
    page = await serve(token=SecretStr(TOKEN))
    until = house.hence(days=2).replace(hour=9, minute=30, second=0)
    page.callers.lines = [
        TracedLine(
            line=LineName("support"), tenant=ACME, pbx=PBX1, language="de",
            on_pbx=OnPbx(match=Match.DIFFERS, holds="nothing: callers are put through"),
            hears=(
                Heard(part=Part.PROMISE, text="Sie haben uns um neun um einen Rückruf gebeten."),
                Heard(part=Part.ANNOUNCEMENT, text="", recording=OWN_WORDS),
            ),
            keys={"0": "hear it again"}, why=("incident i-1 comes first",),
            without_us=(Spell(text="Es gibt eine Störung.", until=until),),
            promise="a call back in turn", callback_refusal="the number is too short", segment="gold", place_in_line=5,
        ),
        TracedLine(line=LineName("sales"), tenant=ACME, pbx=PBX1, language="en", on_pbx=OnPbx(match=Match.SAME),
            why=("nothing is known to be wrong",)),
    ]  # fmt: skip
    result = await keepline("trace-caller", "+1 555 123 0142", "--language", "de", "--url", page.url, TZ="UTC")
    assert (result.status, result.err) == (0, "")
    assert (
        result.out
        == f"""What the caller +15551230142 would hear now:

Line support of acme on pbx1, in German
    What we owe them: “Sie haben uns um neun um einen Rückruf gebeten.”
    Announcement: an operator's own recording
    Key 0: hear it again
    Why: incident i-1 comes first
    Segment: gold
    Place in line: priority 5
    Promise: a call back in turn
    Callback: refused: the number is too short
    The PBX holds SOMETHING ELSE: nothing: callers are put through
    If Keepline were dead:
        until {until:%Y-%m-%d} 09:30:00: “Es gibt eine Störung.”
        after that: no announcement

Line sales of acme on pbx1, in English
    No announcement: the call goes on as usual.
    Why: nothing is known to be wrong
    Promise: nothing is owed to this number
    Callback: this number would be called back
    The PBX holds the same.
    If Keepline were dead: no announcement, the call goes on as usual.
"""
    )
    assert page.callers.asked == [("+15551230142", None, "de")]
    result = await keepline("trace-caller", "+15551230142", "--line", "sales", "--json", "--url", page.url)
    assert [line["line"] for line in json.loads(result.out)["lines"]] == ["sales"]


async def test_a_caller_that_cannot_be_explained(serve: Serve) -> None:
    page = await serve(token=SecretStr(TOKEN))
    assert await refused("trace-caller", "nobody", "--url", page.url) == (
        "keepline: number: write digits, with or without a + before them, such as +15551230142"
    )
    assert await complaint(page.url, lambda house: house.trace("123", "nowhere", None)) == "There is no line nowhere."
    said = await complaint(page.url, lambda house: house.trace("123", None, None), None)
    assert said == "there is no token; set KEEPLINE_WEB_TOKEN to the one the companion was started with"


async def test_a_declaration_brings_a_time_and_own_words(serve: Serve, house: House, tmp_path: Path) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    file = tmp_path / "words.wav"
    file.write_bytes(tone(2))
    when = (datetime.now(KOLKATA) + timedelta(days=1)).replace(second=0, microsecond=0)
    result = await keepline(
        "declare", "tenant", "acme", "--expected", f"{when:%Y-%m-%dT%H:%M}", "--recording", str(file),
        "--language", "de", "--url", page.url, TZ="Asia/Kolkata",
    )  # fmt: skip
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        "Tenant acme is declared out of order for 120 minutes; callers are told in your own words. "
        f"It should be fixed by {when:%Y-%m-%d %H:%M:%S}. Incident i-9.\n"
    )
    assert page.recordings.kept == [(tone(2), "de")]
    [(_, declared)] = page.orders.taken
    assert isinstance(declared, Declaration)
    assert (declared.expected, len(declared.recording)) == (when, 64)


async def test_a_recording_that_cannot_be_used_declares_nothing(serve: Serve, house: House, tmp_path: Path) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    (tmp_path / "words.txt").write_text("We are on it.")
    (tmp_path / "long.wav").write_bytes(bytes(10_000_001))
    trunk = ("declare", "trunk", "acme-backup", "--url", page.url, "--recording")
    assert await refused(*trunk, str(tmp_path / "words.txt")) == (
        "keepline: recording: it is no sound file that can be read; use a WAV file"
    )
    assert await refused(*trunk, str(tmp_path / "long.wav")) == (
        f"keepline: --recording: {tmp_path}/long.wav is larger than 10 MB; use a shorter one"
    )
    assert await complaint(page.url, lambda house: house.keep(tmp_path / "none.wav", "en")) == (
        f"--recording: {tmp_path}/none.wav cannot be read: No such file or directory"
    )
    assert page.orders.taken == []


async def test_a_time_of_day_is_the_next_there_is(serve: Serve, house: House) -> None:
    page = await serve(replace(house.quiet(), incidents=(house.incident(),)), token=SecretStr(TOKEN))
    now = datetime.now(KOLKATA)
    for when in (now - timedelta(minutes=2), now + timedelta(minutes=20)):
        result = await keepline("expect", "i-", f"{when:%H:%M}", "--by", "Ada", "--url", page.url, TZ="Asia/Kolkata")
        assert (result.status, result.err) == (0, "")
        pattern = rf"The time by which it should be fixed is noted\. It is (\S+ )?{when:%H:%M}:00\.\n"
        assert re.fullmatch(pattern, result.out)
        *_, (order, incident, expected, by) = page.orders.taken
        assert (order, incident, by) == ("expect", "i-1", "Ada")
        assert isinstance(expected, datetime)
        assert now < expected <= now + timedelta(days=1)
        assert f"{expected.astimezone(KOLKATA):%H:%M}" == f"{when:%H:%M}"
    result = await keepline("expect", "i-1", "none", "--by", "", "--url", page.url)
    assert (result.out, page.orders.taken[-1]) == (
        "No time is named any more.\n", ("expect", "i-1", None, "an operator"))  # fmt: skip


@pytest.mark.parametrize("when", ["soon", "25:00", "2026-03-02", "0001-01-01T00:00"])
async def test_what_is_no_time_is_not_sent(serve: Serve, house: House, when: str) -> None:
    page = await serve(replace(house.quiet(), incidents=(house.incident(),)), token=SecretStr(TOKEN))
    result = await keepline("expect", "i-1", when, "--url", page.url)
    assert result.status != 0
    assert page.orders.taken == []


async def test_status_tells_the_time_and_that_it_has_passed(serve: Serve, house: House) -> None:
    page = await serve(house.busy())
    result = await keepline("status", "--url", page.url, token=None, TZ="UTC")
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert "1 named time passed: name a new one" in lines[0]
    late = next(line for line in lines if "callers now hear that it takes longer. Name a new time. It was" in line)
    passed = house.ago(minutes=5).astimezone(UTC)
    assert re.search(rf"{passed:%H:%M:%S}\.$", late)
    assert any(re.match(r"    should be fixed by ", line) for line in lines)
    assert any(line.startswith("    callers hear in English: We know that calls") for line in lines)
    assert any(line.startswith("    callers hear in German: Wir wissen") for line in lines)
    assert "    1 caller told while waiting" in lines
