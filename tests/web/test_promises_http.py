"""What is owed, asked and ordered by API: a real ledger behind the real server, told to those who have the token."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientPayloadError, ClientSession
from pydantic import SecretStr

from ami_bridge.domain.names import PromiseId, TenantName
from ami_bridge.domain.orders import Refused
from ami_bridge.domain.promise import Kind, State, Step
from ami_bridge.domain.standing import Account, Wanted
from ami_bridge.web import exporting
from ami_bridge.web.exporting import FORMATS
from tests.web.house import Running
from tests.web.ledger import ATTEMPT, GLOBEX, T0, Ledger
from tests.web.taking import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

Serve = Callable[..., Awaitable[Running]]
BEARER = {"Authorization": f"Bearer {TOKEN}"}
MINUTE = timedelta(minutes=1)


async def ask(
    http: ClientSession, page: Running, path: str, method: str = "GET", body: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    async with http.request(method, f"{page.url}/api/promises{path}", headers=BEARER, json=body) as answer:
        return answer.status, await answer.json()


async def ids(http: ClientSession, page: Running, wishes: str = "") -> list[str]:
    status, answer = await ask(http, page, f"?{wishes}")
    assert status == 200, answer
    return [row["id"] for row in answer["promises"]]


async def filled(ledger: Ledger) -> None:
    """aaa1 waits, bbb2 rings, ccc3 was called off, ddd4 waits for another tenant."""
    await ledger.owe("aaa1", "+15551230142", 0 * MINUTE, not_before=T0 + timedelta(hours=9))
    ringing = await ledger.owe("bbb2", "+15551230143", 1 * MINUTE)
    await ledger.ring(ringing)
    over = await ledger.owe("ccc3", "+15551230144", 2 * MINUTE, kind=Kind.SCHEDULED)
    await ledger.step(over, Step.WITHDRAW, "their number +15551230144 was wrong", 5 * MINUTE)
    await ledger.owe("ddd4", "+15551230142", 3 * MINUTE, tenant=GLOBEX)


WISHES = (
    ("", ["ddd4", "ccc3", "bbb2", "aaa1"]),
    ("state=open", ["ddd4", "bbb2", "aaa1"]),
    ("state=ended", ["ccc3"]),
    ("state=waiting&state=withdrawn", ["ddd4", "ccc3", "aaa1"]),
    ("tenant=acme", ["ccc3", "bbb2", "aaa1"]),
    ("tenant=nobody", []),
    ("line=support&tenant=globex", ["ddd4"]),
    ("number=%2B1%20(555)%20123-0142", ["ddd4", "aaa1"]),
    ("kind=scheduled", ["ccc3"]),
    ("kind=scheduled&kind=in-turn&state=open", ["ddd4", "bbb2", "aaa1"]),
    ("since=2026-03-01T09:01:00Z", ["ddd4", "ccc3", "bbb2"]),
    ("until=2026-03-01T10:01:00%2B01:00", ["aaa1"]),
    ("since=2026-03-01T09:01:00Z&until=2026-03-01T09:03:00Z", ["ccc3", "bbb2"]),
)


async def test_what_is_owed_is_found_by_every_wish(serve: Serve, http: ClientSession, ledger: Ledger) -> None:
    await filled(ledger)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    for wishes, found in WISHES:
        assert await ids(http, page, wishes) == found, wishes


async def test_a_long_list_is_read_to_its_end_in_parts(serve: Serve, http: ClientSession, ledger: Ledger) -> None:
    for n in range(7):
        await ledger.owe(f"p{n}", f"+1555123{n:04}", MINUTE)  # all at one moment: the ids keep them apart
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    found, after = [], ""
    for _part in range(4):
        status, answer = await ask(http, page, f"?limit=2{after}")
        assert status == 200
        found += [row["id"] for row in answer["promises"]]
        after = f"&after={answer['after']}"
    assert found == [f"p{n}" for n in range(6, -1, -1)]
    assert answer["after"] is None


async def test_one_promise_is_told_whole_with_everything_that_happened(
    serve: Serve, http: ClientSession, ledger: Ledger
) -> None:
    await filled(ledger)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    status, told = await ask(http, page, "/bb")
    assert status == 200
    assert (told["id"], told["number"], told["standing"]) == ("bbb2", "•••143", "being called: the phone rings")
    assert [(e["what"], e["state"], e["attempt"]) for e in told["ledger"]] == [
        ("made", "waiting", None),
        ("claim", "claimed", ATTEMPT),
        ("rang", "ringing", ATTEMPT),
    ]
    assert told["ledger"][1]["at"] == "2026-03-01T09:02:00.000Z"
    status, told = await ask(http, page, "/ccc3?numbers=whole")
    assert (told["number"], told["ended"]) == ("+15551230144", "2026-03-01T09:07:00.000Z")
    assert told["standing"] == "withdrawn: their number +15551230144 was wrong"
    assert "5551230144" not in json.dumps((await ask(http, page, "/ccc3"))[1])


async def test_an_id_is_as_long_as_it_must_be(serve: Serve, http: ClientSession, ledger: Ledger) -> None:
    for n, id_ in enumerate(("4f0a", "4f9b", "4f9", "_x", "%y")):
        await ledger.owe(id_, f"+1555123{n:04}")
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    status, answer = await ask(http, page, "/4f")
    assert (status, answer["error"]) == (
        409, "The promise 4f fits more than one: 4f0a, 4f9, 4f9b. Write more of the id.",
    )  # fmt: skip
    assert (await ask(http, page, "/4f9"))[1]["id"] == "4f9"  # one that is whole is meant, though another begins so
    assert (await ask(http, page, "/4f0"))[1]["id"] == "4f0a"
    for nothing in ("5", "%25a", "_f", "4f0a0", "4F0A"):
        status, answer = await ask(http, page, f"/{nothing}")
        assert (status, answer["error"].partition(";")[2]) == (404, " `keepline promises list` names them."), nothing


async def test_a_promise_is_called_off_with_a_reason(serve: Serve, http: ClientSession, ledger: Ledger) -> None:
    await filled(ledger)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    status, answer = await ask(http, page, "/aa/cancel", "POST", {"why": "called by hand", "by": "Ada"})
    assert (status, answer) == (200, {"said": "The promise is withdrawn.", "id": "aaa1"})
    ended = await ledger.store.promises.get(PromiseId("aaa1"))
    assert ended is not None
    assert (ended.state, ended.reason) == (State.WITHDRAWN, "withdrawn by Ada: called by hand")
    status, answer = await ask(http, page, "/aaa1/cancel", "POST", {"why": "again"})
    assert (status, answer["error"]) == (
        409, "it has ended already: withdrawn: withdrawn by Ada: called by hand",
    )  # fmt: skip
    status, answer = await ask(http, page, "/ddd4/cancel", "POST", {})
    assert (status, answer["faults"][0]["field"]) == (422, "why")


async def test_a_call_that_cannot_be_reached_is_said_to_go_on(
    serve: Serve, http: ClientSession, ledger: Ledger
) -> None:
    await filled(ledger)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    status, answer = await ask(http, page, "/bbb2/cancel", "POST", {"why": "called by hand"})
    assert (status, answer["said"]) == (
        200, "The promise is withdrawn; its call goes on: no PBX pbx1 is in the settings.",
    )  # fmt: skip


async def test_one_that_waits_is_tried_now_and_one_that_ended_is_promised_anew(
    serve: Serve, http: ClientSession, ledger: Ledger
) -> None:
    await filled(ledger)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    status, answer = await ask(http, page, "/aaa1/retry", "POST", {"by": "Ada"})
    assert (status, answer["id"]) == (200, "aaa1")
    waiting = await ledger.store.promises.get(PromiseId("aaa1"))
    assert waiting is not None
    assert (waiting.not_before, waiting.reason) == (ledger.now, "Ada wants it tried now")
    status, answer = await ask(http, page, "/ccc3/retry", "POST")
    assert status == 201
    anew = await ledger.store.promises.get(answer["id"])
    assert anew is not None
    assert (anew.id != "ccc3", anew.state, anew.number) == (True, State.WAITING, "+15551230144")
    ended = await ledger.store.promises.get(PromiseId("ccc3"))
    assert ended is not None
    assert ended.state is State.WITHDRAWN
    status, answer = await ask(http, page, "/bbb2/retry", "POST")
    assert (status, answer["error"]) == (409, "it is being called right now; see `keepline promises show`")


async def test_one_that_waits_for_an_outage_to_end_is_not_told_that_it_has(
    serve: Serve, http: ClientSession, ledger: Ledger
) -> None:
    await ledger.owe("fff6", "+15551230142", kind=Kind.RESTORED, not_before=T0 + timedelta(days=3650))
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    status, answer = await ask(http, page, "/fff6/retry", "POST")
    assert (status, answer["error"]) == (
        409, "it waits for an outage to end, and is due then; say that the outage is over",
    )  # fmt: skip


UNREADABLE = (
        ("state=done", "state"), ("kind=vip", "kind"), ("limit=0", "limit"), ("limit=501", "limit"),
        ("limit=%D9%A1", "limit"), ("since=yesterday", "since"), ("since=2026-03-01T09:00:00", "since"),
        ("until=9999-12-31T23:59:59-01:00", "until"), ("tenant=a&tenant=b", "tenant"), ("numbers=all", "numbers"),
        ("tennant=acme", "tennant"), ("line=" + "x" * 201, "line"),
)  # fmt: skip


async def test_what_cannot_be_read_is_named(serve: Serve, http: ClientSession, ledger: Ledger) -> None:
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    for wishes, field in UNREADABLE:
        status, answer = await ask(http, page, f"?{wishes}")
        assert (status, answer["faults"][0]["field"]) == (422, field), wishes


async def test_a_list_cannot_go_on_after_what_there_is_not(serve: Serve, http: ClientSession, ledger: Ledger) -> None:
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    status, answer = await ask(http, page, "?after=zzz")
    assert (status, answer["error"]) == (409, "there is no promise zzz; begin the list anew")


@pytest.mark.parametrize("shown", ["", "Bearer wrong"])
async def test_what_is_owed_is_private(serve: Serve, http: ClientSession, ledger: Ledger, shown: str) -> None:
    await filled(ledger)
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    for method, path in (
        ("GET", ""),
        ("GET", "/aaa1"),
        ("GET", ".csv"),
        ("POST", "/aaa1/cancel"),
        ("POST", "/x/retry"),
    ):
        headers = {"Authorization": shown} if shown else {}
        async with http.request(method, f"{page.url}/api/promises{path}", headers=headers) as answer:
            assert (answer.status, set(await answer.json())) == (401, {"error", "faults"})
        page.later += 61  # past the count of wrong tokens
    assert await ledger.store.promises.get(PromiseId("aaa1")) is not None


async def read(http: ClientSession, page: Running, path: str) -> tuple[str, str]:
    async with http.get(f"{page.url}/api/promises{path}", headers=BEARER) as answer:
        assert answer.status == 200
        return answer.headers["Content-Type"], await answer.text()


async def test_the_whole_ledger_is_exported_in_each_format(
    serve: Serve, http: ClientSession, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PART", 3)  # so that it takes more than one
    await filled(ledger)
    await ledger.owe("eee5", "=cmd|'/C calc'!A0", 4 * MINUTE, tenant=TenantName("@SUM(1)"))
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    expected = ["eee5", "ddd4", "ccc3", "bbb2", "aaa1"]

    kind, text = await read(http, page, ".csv?numbers=whole")
    assert kind == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["id"] for row in rows] == expected
    assert (rows[0]["number"], rows[0]["tenant"], rows[1]["number"]) == (
        "'=cmd|'/C calc'!A0", "'@SUM(1)", "'+15551230142",
    )  # fmt: skip
    assert (rows[2]["ended"], rows[2]["not_before"]) == ("2026-03-01T09:07:00.000Z", "")
    assert (rows[4]["ended"], rows[4]["not_before"]) == ("", "2026-03-01T18:00:00.000Z")

    kind, text = await read(http, page, ".jsonl")
    assert [json.loads(line)["id"] for line in text.splitlines()] == expected
    assert "5551230142" not in text
    kind, text = await read(http, page, ".json?tenant=acme&since=2026-03-01T09:01:00Z")
    told = json.loads(text)
    assert [one["id"] for one in told] == ["ccc3", "bbb2"]
    assert [entry["what"] for entry in told[0]["ledger"]] == ["made", "withdraw"]


@pytest.mark.parametrize(("form", "nothing"), [("json", "[\n\n]\n"), ("jsonl", "")])
async def test_an_export_of_nothing_can_be_read(
    serve: Serve, http: ClientSession, ledger: Ledger, form: str, nothing: str
) -> None:
    page = await serve(book=ledger.book, token=SecretStr(TOKEN))
    assert (await read(http, page, f".{form}"))[1] == nothing


class Failing:
    """A ledger that cannot be read any more after `good` parts."""

    def __init__(self, ledger: Ledger, good: int) -> None:
        self._book, self._good = ledger.book, good
        self.parts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._book, name)

    async def listed(self, wanted: Wanted, limit: int, after: PromiseId | None) -> Sequence[Account]:
        self.parts += 1
        if self.parts > self._good:
            raise Refused("the disk is full")
        return await self._book.listed(wanted, limit, after)


@pytest.mark.parametrize("form", FORMATS)
async def test_an_export_that_breaks_off_cannot_be_taken_for_the_whole(
    serve: Serve, http: ClientSession, ledger: Ledger, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PART", 2)
    await filled(ledger)
    page = await serve(book=Failing(ledger, good=1), token=SecretStr(TOKEN))
    with pytest.raises((ClientPayloadError, ClientConnectionError)):
        await read(http, page, f".{form}")
    status, answer = await ask(http, await serve(book=Failing(ledger, good=0), token=SecretStr(TOKEN)), f".{form}")
    assert (status, answer["error"]) == (409, "the disk is full")


async def test_a_long_export_is_read_as_fast_as_it_is_taken(
    serve: Serve, http: ClientSession, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger is never further ahead of its reader than what the connection's buffers hold."""
    await filled(ledger)
    part = await ledger.book.listed(Wanted(), 1, None)
    endless = Failing(ledger, good=10**9)

    async def listed(wanted: Wanted, limit: int, after: PromiseId | None) -> Sequence[Account]:
        endless.parts += 1
        return [part[0]] * limit

    monkeypatch.setattr(endless, "listed", listed, raising=False)
    page = await serve(book=endless, token=SecretStr(TOKEN))
    async with http.get(f"{page.url}/api/promises.jsonl", headers=BEARER) as answer:
        await answer.content.read(1)
        stalled, seen = 0, -1
        async with asyncio.timeout(20):
            while stalled < 5:  # its reader reads no more: then it stands still
                stalled, seen = (stalled + 1 if endless.parts == seen else 0), endless.parts
                await asyncio.sleep(0.1)
        size = len(json.dumps(dict.fromkeys(range(10)))) * exporting.PART
        assert endless.parts * size < 50_000_000
        answer.close()
