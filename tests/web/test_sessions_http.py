"""Signing in by form: what the cookie is worth, for how long, and to whom."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from tests.web.house import Running
from tests.web.taking import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

Serve = Callable[..., Awaitable[Running]]


async def sign_in(http: ClientSession, page: Running, token: str = TOKEN) -> tuple[int, str]:
    """The status, and the Set-Cookie header."""
    form = {"token": token, "by": "Ada"}
    async with http.post(
        page.url + "/sign-in", data=form, headers={"Origin": page.url}, allow_redirects=False
    ) as answer:
        return answer.status, answer.headers.get("Set-Cookie", "")


async def test_signing_in_gives_a_cookie_that_scripts_and_other_sites_do_not_get(
    serve: Serve, http: ClientSession
) -> None:
    page = await serve(token=SecretStr(TOKEN))
    assert await sign_in(http, page, "wrong") == (403, "")
    status, cookie = await sign_in(http, page)
    assert status == 303
    for mark in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"):
        assert mark in cookie
    assert TOKEN not in cookie
    assert len(cookie.partition("=")[2].partition(";")[0]) >= 43


async def test_a_session_gives_orders_until_it_ends(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    _, cookie = await sign_in(http, page)
    headers = {"Cookie": cookie.partition(";")[0], "Sec-Fetch-Site": "same-origin"}

    async def end() -> int:
        async with http.post(page.url + "/api/incidents/i-1/end", headers=headers) as answer:
            return answer.status

    assert await end() == 200
    assert page.orders.taken == [("end", "i-1", "Ada")]
    page.later = 12 * 3600 + 1.0
    assert await end() == 401
    page.later = 0.0
    _, cookie = await sign_in(http, page)
    headers["Cookie"] = cookie.partition(";")[0]
    assert await end() == 200
    async with http.post(page.url + "/sign-out", headers=headers, allow_redirects=False) as answer:
        assert answer.status == 303
    assert await end() == 401


@pytest.mark.parametrize(
    "sent",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {},
    ],
)
async def test_what_another_site_has_a_browser_send_is_refused(
    serve: Serve, http: ClientSession, sent: dict[str, str]
) -> None:
    page = await serve(token=SecretStr(TOKEN))
    _, cookie = await sign_in(http, page)
    headers = {**sent, "Cookie": cookie.partition(";")[0]}
    for method, path in (
        ("POST", "/api/incidents/i-1/end"), ("DELETE", "/api/maintenance/m-1"), ("POST", "/sign-out"),
        ("POST", "/sign-in"), ("POST", "/hooks/plain/x"), ("POST", "/api/recordings"),
        ("POST", "/api/incidents/i-1/expected"),
    ):  # fmt: skip
        async with http.request(method, page.url + path, headers=headers) as answer:
            assert (answer.status, "Another web site" in await answer.text()) == (403, True)
    assert page.orders.taken == []


async def test_a_form_of_parts_is_not_unpacked(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    body = json.dumps({"token": TOKEN})
    async with http.post(page.url + "/sign-in", data=body, headers={"Content-Type": "multipart/form-data"}) as answer:
        assert answer.status == 415
