"""`keepline promises`: real processes against the real server and a real ledger."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from pydantic import SecretStr

from ami_bridge.domain.names import PromiseId
from ami_bridge.domain.promise import Kind, State, Step
from ami_bridge.web import exporting
from tests.web.commanding import complaint, keepline, refused
from tests.web.house import Running
from tests.web.ledger import GLOBEX, T0, Ledger
from tests.web.taking import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

Serve = Callable[..., Awaitable[Running]]
HOUR = timedelta(hours=1)
ONE, TWO = "7d1f0c3a9b52", "c40e77aa1d08"


async def two(ledger: Ledger) -> None:
    """One held until nine, and one of another tenant that rings."""
    held = await ledger.owe(ONE, "+15551230142")
    await ledger.store.promises.hold(held.id, T0, "outside calling hours", T0 + 24 * HOUR)
    ringing = await ledger.owe(TWO, "+15551230977", timedelta(minutes=30), tenant=GLOBEX, kind=Kind.SCHEDULED)
    await ledger.ring(ringing)


async def test_what_is_owed_is_listed_with_how_it_stands(serve: Serve, ledger: Ledger) -> None:
    await two(ledger)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    result = await keepline("promises", "list", "--url", page.url, TZ="UTC")
    assert (result.status, result.err) == (0, "")
    lines = [re.split(r" {2,}", line) for line in result.out.splitlines()]
    assert lines == [
        ["PROMISE", "NUMBER", "OWED", "LINE", "SINCE", "HOW IT STANDS"],
        ["c40e77aa", "•••977", "callback at a chosen time", "globex/support", "2026-03-01 09:30:00",
            "being called: the phone rings"],
        ["7d1f0c3a", "•••142", "callback in turn", "acme/support", "2026-03-01 09:00:00",
            "held: outside calling hours (until 2026-03-02 09:00:00)"],
    ]  # fmt: skip
    result = await keepline(
        "promises", "list", "--tenant", "acme", "--numbers", "--state", "waiting", "--kind", "in-turn",
        "--since", "2026-03-01T14:30", "--until", "2026-03-01T14:31", "--json", "--url", page.url, TZ="Asia/Kolkata",
    )  # fmt: skip
    assert [row["number"] for row in json.loads(result.out)["promises"]] == ["+15551230142"]
    result = await keepline("promises", "list", "--state", "ended", "--url", page.url)
    assert (result.status, result.out) == (0, "There is no such promise.\n")
    result = await keepline("promises", "list", "--state", "all", "--limit", "1", "--url", page.url)
    assert result.out.splitlines()[-1] == f"There are more: go on with --after {TWO}"


async def test_one_promise_tells_its_whole_story(serve: Serve, ledger: Ledger) -> None:
    await two(ledger)
    promise = await ledger.store.promises.get(PromiseId(TWO))
    assert promise is not None
    await ledger.step(promise, Step.BUSY, "the line was busy", timedelta(minutes=2))
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    result = await keepline("promises", "show", "c4", "--url", page.url, TZ="UTC")
    assert (result.status, result.err) == (0, "")
    assert (
        result.out
        == """Promise c40e77aa1d08: callback at a chosen time for •••977
    owed by globex, line support on pbx1
    waits to be called again: the line was busy
    the caller came 2026-03-01 09:30:00, called once, expires 2026-03-05 09:30:00
    they are spoken to in: en
What happened:
    2026-03-01 09:30:00  waiting        promised: pressed 1
    2026-03-01 09:31:00  about to dial  chosen to be called: its turn [attempt keepline-7]
    2026-03-01 09:31:00  ringing        rings: the phone rings [attempt keepline-7]
    2026-03-01 09:32:00  waiting        busy: the line was busy [attempt keepline-7]
"""
    )
    result = await keepline("promises", "show", "7d", "--numbers", "--json", "--url", page.url)
    told = json.loads(result.out)
    assert (told["number"], told["held"], [entry["what"] for entry in told["ledger"]]) == (
        "+15551230142", True, ["made", "hold"],
    )  # fmt: skip


async def test_a_promise_is_called_off_and_tried_again(serve: Serve, ledger: Ledger) -> None:
    await two(ledger)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    result = await keepline("promises", "cancel", "7d1", "--why", "we spoke", "--by", "Ada", "--url", page.url)
    assert (result.status, result.out) == (0, "The promise is withdrawn.\n")
    ended = await ledger.store.promises.get(PromiseId(ONE))
    assert ended is not None
    assert (ended.state, ended.reason) == (State.WITHDRAWN, "withdrawn by Ada: we spoke")
    result = await keepline("promises", "retry", "7d1", "--by", "Ada", "--url", page.url)
    found = re.fullmatch(r"Another promise stands in its place\. Promise (\S+)\.\n", result.out)
    assert found is not None, result
    anew = await ledger.store.promises.get(PromiseId(found[1]))
    assert anew is not None
    assert (anew.state, anew.number) == (State.WAITING, "+15551230142")


async def test_what_cannot_be_done_is_said_in_a_line(serve: Serve, ledger: Ledger) -> None:
    await two(ledger)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    assert await refused("promises", "show", "zz", "--url", page.url) == (
        "keepline: There is no promise zz; `keepline promises list` names them."
    )
    assert await complaint(page.url, lambda house: house.try_again(TWO, "")) == (
        "it is being called right now; see `keepline promises show`"
    )
    assert await complaint(page.url, lambda house: house.call_off(ONE, "", "")) == (
        "why: it is empty; write why, in at most 200 characters, such as called by hand"
    )
    assert (await complaint(page.url, lambda house: house.promise("", "masked"))).startswith("PROMISE: an id")
    said = await complaint(page.url, lambda house: list(house.export("csv", ())), None)
    assert said == "there is no token; set KEEPLINE_WEB_TOKEN to the one the companion was started with"
    said = await complaint(page.url, lambda house: list(house.export("csv", (("since", "today"),))))
    assert said == "since: write a time with its zone, such as 2026-03-01T14:30:00Z"
    result = await keepline("promises", "list", "--state", "done", "--url", page.url)
    assert result.status != 0
    bare = await serve(token=SecretStr(TOKEN))
    assert await complaint(bare.url, lambda house: house.promises((), 5, None)) == ("This companion keeps no promises.")


async def test_the_ledger_is_exported(serve: Serve, ledger: Ledger) -> None:
    await two(ledger)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    result = await keepline("promises", "export", "--whole-numbers", "--url", page.url)
    assert (result.status, result.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(result.out, newline="")))
    assert [(row["id"], row["number"]) for row in rows] == [(TWO, "'+15551230977"), (ONE, "'+15551230142")]
    result = await keepline("promises", "export", "--format", "jsonl", "--tenant", "globex", "--url", page.url)
    assert [json.loads(line)["number"] for line in result.out.splitlines()] == ["•••977"]


async def test_an_export_that_nobody_reads_to_its_end_ends_quietly(serve: Serve, ledger: Ledger) -> None:
    for n in range(60):
        await ledger.owe(f"p{n:03}", f"+1555123{n:04}", reason="x" * 250)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m ami_bridge.cli promises export --url {page.url} | head -c 1; echo ${{PIPESTATUS[0]}}",
        env={"KEEPLINE_WEB_TOKEN": TOKEN, "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
        executable="/bin/bash", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert (out.decode(), err.decode()) in {("i0\n", ""), ("i141\n", "")}  # head may be as slow as all of it


async def test_an_export_that_breaks_off_says_so(serve: Serve, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PART", 1)
    await two(ledger)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    listed, parts = ledger.book.listed, list[object]()

    async def once(*wanted: object) -> object:
        parts.append(wanted)
        if len(parts) == 2:
            await ledger.store.close()
        return await listed(*wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger.book, "listed", once)
    result = await keepline("promises", "export", "--format", "jsonl", "--url", page.url)
    assert (result.status, result.err) == (
        2, "keepline: the export broke off and is not whole; see the companion's log, and try again\n",
    )  # fmt: skip
