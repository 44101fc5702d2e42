"""What the page's listener answers, and to whom."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp import ClientSession

from ami_bridge.domain.names import LineName
from ami_bridge.web.board import LiveBoard
from ami_bridge.web.listening import CannotListen
from ami_bridge.web.page import PageServer
from ami_bridge.web.settings import PageSettings
from tests.web.house import House, Running

pytestmark = pytest.mark.asyncio(loop_scope="session")

Serve = Callable[..., Awaitable[Running]]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


async def test_the_page_is_whole_without_any_script(serve: Serve, http: ClientSession, house: House) -> None:
    page = await serve(house.busy())
    async with http.get(page.url) as answer:
        html = await answer.text()
        assert (answer.status, answer.content_type, answer.charset) == (200, "text/html", "utf-8")
    for said in (
        "Press 2 and we call you",
        "•••977",
        "AMI login refused",
        "3 calls in a row failed: no route (cause 3)",
        "given up",
    ):
        assert said in html


async def test_every_answer_carries_the_security_headers_errors_too(serve: Serve, http: ClientSession) -> None:
    page = await serve()
    for path in ("/", "/api/status", "/healthz", "/static/page.css", "/no/such/page", "/static/../page.py"):
        async with http.get(page.url + path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'")
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["Server"] == "keepline"
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_nothing_on_the_page_comes_from_elsewhere_or_stands_inline(
    serve: Serve, http: ClientSession, house: House
) -> None:
    page = await serve(house.busy())
    async with http.get(page.url) as answer:
        html = await answer.text()
    assert "://" not in html
    assert "<style" not in html
    assert " style=" not in html
    assert html.count("<script") == html.count('<script type="module" src="/static/live.js"></script>') == 1


async def test_what_strangers_wrote_is_text_in_the_html(serve: Serve, http: ClientSession, house: House) -> None:
    status = replace(
        house.quiet(),
        lines=(house.line(HOSTILE, announcing={"en": HOSTILE}, waiting=(house.caller(HOSTILE),)),),
        promises=(house.promise(HOSTILE, reason=HOSTILE, line=LineName(HOSTILE)),),
        incidents=(house.incident(evidence=house.seen(HOSTILE)),),
        pbxs=(house.pbx(detail=HOSTILE, version=HOSTILE),),
    )
    page = await serve(status)
    async with http.get(page.url) as answer:
        html = await answer.text()
    assert "<img" not in html
    assert "<script>" not in html
    assert html.count("&lt;img src=x onerror=alert(2)&gt;&#34;&#39;&amp;") >= 7


async def test_the_api_tells_the_newest_state(serve: Serve, http: ClientSession, house: House) -> None:
    page = await serve()
    page.board.publish(replace(house.quiet(), promises=(house.promise(attempts=2),)))
    async with http.get(page.url + "/api/status") as answer:
        assert answer.content_type == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        [owed] = (await answer.json())["owed"]
    assert (owed["number"], owed["state"], owed["attempts"]) == ("•••142", "waiting", 2)


async def test_text_that_cannot_be_encoded_does_not_take_the_page_down(
    serve: Serve, http: ClientSession, house: House
) -> None:
    page = await serve(
        replace(house.quiet(), incidents=(house.incident(evidence=house.seen("caller \udcff\x00 name")),))
    )
    async with http.get(page.url) as answer:
        assert answer.status == 200
        assert re.search("caller.{0,4} name", await answer.text())


@pytest.mark.parametrize("path", ["/", "/api/status", "/events", "/healthz", "/static/live.js"])
async def test_a_page_reached_by_a_foreign_name_says_nothing(serve: Serve, http: ClientSession, path: str) -> None:
    page = await serve(hosts=("status.example.net",))
    async with http.get(page.url + path, headers={"Host": "evil.example:8080"}) as answer:
        assert answer.status == 421
        text = await answer.text()
        assert "web.hosts" in text
        assert "support" not in text


async def test_a_configured_name_is_answered(serve: Serve, http: ClientSession) -> None:
    page = await serve(hosts=("status.example.net",))
    async with http.get(page.url, headers={"Host": "status.example.net"}) as answer:
        assert answer.status == 200


async def test_health_is_the_process_s_own(serve: Serve, http: ClientSession, house: House) -> None:
    page = await serve(house.busy())
    async with http.get(page.url + "/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_unchanged_static_files_are_not_sent_twice(serve: Serve, http: ClientSession) -> None:
    page = await serve()
    async with http.get(page.url + "/static/live.js") as answer:
        assert (answer.status, answer.content_type) == (200, "text/javascript")
        tag = answer.headers["ETag"]
    async with http.get(page.url + "/static/live.js", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


async def test_a_port_in_use_is_named_by_its_setting(serve: Serve, house: House) -> None:
    page = await serve()
    second = PageServer(LiveBoard(house.quiet()), PageSettings(port=page.server.port))
    with pytest.raises(CannotListen, match=r"^web\.listen: cannot listen on 127\.0\.0\.1:\d+: another program already"):
        await second.start()
    await second.close()


async def test_an_address_that_is_not_ours_is_named_by_its_setting(house: House) -> None:
    server = PageServer(LiveBoard(house.quiet()), PageSettings(host="192.0.2.1", port=0))
    with pytest.raises(CannotListen, match=r"^web\.listen: .* no such address"):
        await server.start()


async def test_a_closed_page_has_left_its_port(serve: Serve, house: House) -> None:
    page = await serve()
    port = page.server.port
    await page.stop()
    await page.stop()  # closing twice is closing once
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
    with pytest.raises(OSError, match="onnect"):
        await asyncio.open_connection("127.0.0.1", port)
