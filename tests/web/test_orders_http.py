"""Orders by API: what is taken, what is refused and in which words, and from whom."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from ami_bridge.domain.names import PbxName
from ami_bridge.domain.orders import Declaration, Maintenance
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.web.answers import LARGEST
from tests.web.house import Running
from tests.web.keeping import tone
from tests.web.taking import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

Serve = Callable[..., Awaitable[Running]]
BEARER = {"Authorization": f"Bearer {TOKEN}"}
TRUNK = {"pbx": "pbx1", "kind": "trunk", "name": "acme-primary"}


async def ask(
    http: ClientSession, page: Running, path: str, body: object = None, *, method: str = "POST", **headers: str
) -> tuple[int, dict[str, Any]]:
    async with http.request(method, page.url + path, json=body, headers={**BEARER, **headers}) as answer:
        return answer.status, await answer.json()


async def test_a_declaration_reaches_the_house_as_it_was_said(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    order = {**TRUNK, "what": "our main line", "minutes": 90, "told": False, "by": "Ada"}
    before = datetime.now(UTC)
    status, answer = await ask(http, page, "/api/incidents", order)
    assert (status, answer["id"]) == (201, "i-9")
    assert answer["said"] == ("Trunk acme-primary is declared out of order for 90 minutes; callers are not told.")
    [(_, declared)] = page.orders.taken
    assert isinstance(declared, Declaration)
    assert (declared.pbx, declared.subject) == (PbxName("pbx1"), Subject(Kind.TRUNK, "acme-primary"))
    assert (declared.what, declared.told, declared.by) == ("our main line", False, "Ada")
    assert before <= declared.until - timedelta(minutes=90) <= datetime.now(UTC)


async def test_a_declaration_names_a_time_and_an_operator_s_own_words(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    kept = await page.recordings.keep(tone(), "en")
    expected = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
    zone = timezone(timedelta(hours=5, minutes=30))
    order = {**TRUNK, "minutes": 90, "expected": expected.astimezone(zone).isoformat(), "recording": kept.hash}
    status, answer = await ask(http, page, "/api/incidents", order)
    assert (status, answer["said"]) == (
        201,
        "Trunk acme-primary is declared out of order for 90 minutes; callers are told in your own words.",
    )
    [(_, declared)] = page.orders.taken
    assert isinstance(declared, Declaration)
    assert (declared.expected, declared.recording) == (expected, kept.hash)
    assert declared.expected is not None
    assert declared.expected.tzinfo is UTC


async def test_a_time_is_named_and_taken_back(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    expected = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
    path = "/api/incidents/i-1/expected"
    status, answer = await ask(http, page, path, {"expected": expected.isoformat(), "by": "Ada"})
    assert (status, answer["said"]) == (200, "The time by which it should be fixed is noted.")
    status, answer = await ask(http, page, path, {"expected": None})
    assert (status, answer["said"]) == (200, "No time is named any more.")
    assert page.orders.taken == [("expect", "i-1", expected, "Ada"), ("expect", "i-1", None, "an operator")]
    page.orders.unknown = {"i-1"}
    assert (await ask(http, page, path, {"expected": None}))[0] == 409


async def test_a_pbx_is_named_once(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    status, _ = await ask(http, page, "/api/incidents", {"pbx": "pbx1", "kind": "pbx", "minutes": 5})
    [(_, declared)] = page.orders.taken
    assert isinstance(declared, Declaration)
    assert (status, declared.subject, declared.told, declared.by) == (
        201, Subject(Kind.PBX, "pbx1"), True, "an operator")  # fmt: skip


@pytest.mark.parametrize("step", ["confirm", "investigate", "end"])
@pytest.mark.parametrize("body", [None, {}, {"by": "Ada"}])
async def test_an_incident_is_steered(serve: Serve, http: ClientSession, step: str, body: object) -> None:
    page = await serve(token=SecretStr(TOKEN))
    status, _ = await ask(http, page, f"/api/incidents/i-1/{step}", body)
    assert status == 200
    assert page.orders.taken == [(step, "i-1", "Ada" if body else "an operator")]


async def test_work_is_planned_and_given_up(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    begin = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    order = {**TRUNK, "begin": begin.isoformat(), "minutes": 60, "announced": True, "what": "our line"}
    status, answer = await ask(http, page, "/api/maintenance", order)
    assert status == 201
    assert (await ask(http, page, f"/api/maintenance/{answer['id']}", method="DELETE"))[0] == 200
    (_, work), cancelled = page.orders.taken
    assert isinstance(work, Maintenance)
    assert (work.begin, work.end, work.announced) == (begin, begin + timedelta(minutes=60), True)
    assert cancelled == ("cancel", work.id)


async def test_work_without_a_beginning_begins_now(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    before = datetime.now(UTC)
    await ask(http, page, "/api/maintenance", {**TRUNK, "minutes": 60})
    [(_, work)] = page.orders.taken
    assert isinstance(work, Maintenance)
    assert before <= work.begin <= datetime.now(UTC)


FAR = "that is too far away; write a time within the next 366 days"
EXPECTED = "write when it should be fixed, as 2026-03-01T14:30:00+01:00, or null for no time"
NOTHING: dict[str, object] = {"pbx": ..., "kind": ..., "name": ..., "minutes": ...}
MINUTES = "write a whole number of minutes from 1 to 10080"


@pytest.mark.parametrize(
    ("path", "change", "field", "remedy"),
    [
        ("incidents", {"minutes": "60"}, "minutes", MINUTES),
        ("incidents", {"minutes": 0}, "minutes", MINUTES),
        ("incidents", {"minutes": 10**400}, "minutes", MINUTES),
        ("incidents", {"minutes": None}, "minutes", MINUTES),
        ("incidents", {"told": "yes"}, "told", "write true if callers shall hear of it, else false"),
        ("incidents", {"kind": "queue"}, "kind", 'write "trunk", "site", "line", "tenant" or "pbx"'),
        ("incidents", {"name": "A trunk"}, "name", "write the name of the trunk, site, line or tenant"),
        ("incidents", {"name": None}, "name", "write the name of the trunk in the settings"),
        ("incidents", {"kind": "pbx"}, "name", "write pbx1, or leave it out"),
        ("incidents", {"what": "x" * 81}, "what", "in at most 80 characters"),
        ("incidents", {"what": "our\nline"}, "what", "it has signs that cannot be printed, such as line breaks"),
        ("incidents", {"until": 5}, "until", "there is no such field; there are: pbx, kind, name, what, minutes"),
        ("incidents", {"expected": "14:30"}, "expected", EXPECTED),
        ("incidents", {"expected": "2026-03-01T14:30:00"}, "expected", EXPECTED),
        ("incidents", {"expected": 1772370000}, "expected", EXPECTED),
        ("incidents", {"expected": "2020-03-01T14:30:00Z"}, "expected", "has passed already"),
        ("incidents", {"expected": "0001-01-01T00:00:00+23:59"}, "expected", "has passed already"),
        ("incidents", {"expected": "9999-12-31T23:59:59-23:59"}, "expected", "name an earlier time"),
        ("incidents", {"recording": "../../etc/passwd"}, "recording", "write what POST /api/recordings answered"),
        ("incidents", {"recording": "AB" * 32}, "recording", "write what POST /api/recordings answered"),
        ("incidents", {"recording": "ab" * 32}, "recording", "send it to POST /api/recordings first"),
        ("incidents/i-1/expected", NOTHING, "expected", "it is missing; write when it should be fixed"),
        ("incidents/i-1/expected", {**NOTHING, "expected": "2020-03-01T14:30:00Z"}, "expected", "has passed already"),
        ("maintenance", {"begin": "tomorrow"}, "begin", "write when it begins, as 2026-03-01T22:00:00+01:00"),
        ("maintenance", {"begin": "2026-03-01T22:00:00"}, "begin", "write when it begins, as 2026-03-01T22:00:00+01"),
        ("maintenance", {"begin": "2020-03-01T22:00:00Z"}, "begin", "write a later time, or more minutes"),
        ("maintenance", {"begin": "2999-03-01T22:00:00Z"}, "begin", FAR),
        ("maintenance", {"begin": "9999-12-31T23:59:59-23:59"}, "begin", FAR),
        ("maintenance", {"begin": "0001-01-01T00:00:00+23:59"}, "begin", FAR),
        ("incidents/i-1/end", {**NOTHING, "by": 1}, "by", "who gives"),
    ],
)
async def test_each_fault_names_its_field_and_the_remedy(
    serve: Serve, http: ClientSession, path: str, change: dict[str, object], field: str, remedy: str
) -> None:
    page = await serve(token=SecretStr(TOKEN))
    order = {**TRUNK, "minutes": 60, **change}
    status, answer = await ask(http, page, f"/api/{path}", {k: v for k, v in order.items() if v is not ...})
    assert status == 422
    [fault] = answer["faults"]
    assert fault["field"] == field
    assert remedy in fault["problem"]
    assert answer["error"] == f"{field}: {fault['problem']}"
    assert page.orders.taken == []


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        (b"[" * 100_000, "application/json", 422, "not JSON (recursion limit exceeded"),
        (b'{"pbx": "pbx1"', "application/json", 422, "write one JSON object"),
        (b"\xff\xfe", "application/json", 422, "write one JSON object"),
        (b"[]", "application/json", 422, "it is no JSON object"),
        (b"pbx=pbx1", "application/x-www-form-urlencoded", 415, "write application/json"),
        (b" " * (LARGEST + 1), "application/json", 413, "larger than 1024 KiB"),
    ],
)
async def test_a_body_that_is_no_order_is_refused(
    serve: Serve, http: ClientSession, body: bytes, kind: str, status: int, said: str
) -> None:
    page = await serve(token=SecretStr(TOKEN))
    headers = {**BEARER, "Content-Type": kind}
    async with http.post(page.url + "/api/incidents", data=io.BytesIO(body), headers=headers) as answer:
        assert answer.status == status
        assert said in (await answer.json())["error"]


async def test_a_body_that_does_not_come_is_not_waited_for(
    serve: Serve, http: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.web.answers.READ_SECONDS", 0.1)
    page = await serve(token=SecretStr(TOKEN))
    reader, writer = await asyncio.open_connection("127.0.0.1", page.server.port)
    head = f"POST /api/incidents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
    async with asyncio.timeout(5):
        assert b" 408 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_what_the_house_refuses_is_told_in_its_words(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    page.orders.unknown = {"acme-primary", "i-1"}
    status, answer = await ask(http, page, "/api/incidents", {**TRUNK, "minutes": 60})
    assert (status, answer["error"]) == (409, "there is no acme-primary; name one that is in the settings")
    assert (await ask(http, page, "/api/incidents/i-1/end"))[0] == 409


async def test_an_order_is_carried_out_though_its_sender_left(
    serve: Serve, http: ClientSession, until: Callable[[Callable[[], bool]], Awaitable[None]]
) -> None:
    page = await serve(token=SecretStr(TOKEN), order_patience=0.1)
    page.orders.free.clear()
    status, answer = await ask(http, page, "/api/incidents/i-1/end")
    assert (status, answer["error"].endswith("look at the status.")) == (504, True)
    _, writer = await asyncio.open_connection("127.0.0.1", page.server.port)
    writer.write(
        f"POST /api/incidents/i-2/end HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    )
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    await writer.wait_closed()
    page.orders.free.set()
    await until(lambda: len(page.orders.taken) == 2)
    assert {order[1] for order in page.orders.taken} == {"i-1", "i-2"}


@pytest.mark.parametrize("shown", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", "Bearer \udcff"])
async def test_nothing_is_done_without_the_token(serve: Serve, http: ClientSession, shown: str | None) -> None:
    page = await serve(token=SecretStr(TOKEN))
    headers = {} if shown is None else {"Authorization": shown}
    async with http.post(page.url + "/api/incidents/i-1/end", headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert TOKEN not in await answer.text()
    assert page.orders.taken == []


async def test_without_a_token_in_the_settings_everything_is_read_only_and_says_how_to_change_that(
    serve: Serve, http: ClientSession
) -> None:
    page = await serve()
    for method, path in (
        ("POST", "/api/incidents"),
        ("POST", "/api/incidents/i/end"),
        ("POST", "/api/incidents/i/expected"),
        ("POST", "/api/recordings"),
        ("GET", f"/api/recordings/{'0' * 64}.wav"),
        ("GET", "/api/callers/15551230142"),
        ("DELETE", "/api/maintenance/m"),
    ):
        status, answer = await ask(http, page, path, method=method)
        assert status == 403
        assert "Set web.token or KEEPLINE_WEB_TOKEN" in answer["error"]
    async with http.post(page.url + "/sign-in", data={"token": ""}) as answer_:
        assert answer_.status == 403
        assert "Set web.token or KEEPLINE_WEB_TOKEN" in await answer_.text()


async def test_guessing_is_stopped_even_for_the_right_token_and_goes_on_later(
    serve: Serve, http: ClientSession
) -> None:
    page = await serve(token=SecretStr(TOKEN))
    for _ in range(5):
        assert (await ask(http, page, "/api/incidents/i-1/end", Authorization="Bearer wrong"))[0] == 401
    async with http.post(page.url + "/api/incidents/i-1/end", headers=BEARER) as answer:
        assert answer.status == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert page.orders.taken == []
    page.later = 61.0
    assert (await ask(http, page, "/api/incidents/i-1/end"))[0] == 200
