"""The live stream on a real connection."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession

from tests.web.house import House, Running

pytestmark = pytest.mark.asyncio(loop_scope="session")

Serve = Callable[..., Awaitable[Running]]
Until = Callable[[Callable[[], bool]], Awaitable[None]]


class Viewer:
    """Reads events off one stream; every read has a deadline."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def block(self) -> str:
        async with asyncio.timeout(5):
            return (await self.answer.content.readuntil(b"\n\n", max_size=2**24)).decode()

    async def event(self, name: str) -> dict[str, Any]:
        """The data of the next event of this name."""
        while True:
            fields = dict(line.split(": ", 1) for line in (await self.block()).strip().splitlines())
            if fields.get("event") == name:
                return dict(json.loads(fields["data"]))


@asynccontextmanager
async def watching(http: ClientSession, page: Running) -> AsyncIterator[Viewer]:
    async with http.get(page.url + "/events") as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        yield Viewer(answer)


async def test_a_viewer_gets_the_clock_then_the_whole_state_then_each_change(
    serve: Serve, http: ClientSession, house: House
) -> None:
    page = await serve()
    async with watching(http, page) as viewer:
        assert (await viewer.block()).startswith("event: clock\ndata: ")
        assert (await viewer.event("status"))["waiting"] == []
        page.board.publish(replace(house.quiet(), lines=(house.line(waiting=(house.caller(),)),)))
        [caller] = (await viewer.event("status"))["waiting"]
        assert caller["number"] == "•••142"


async def test_the_stream_says_what_the_api_says(serve: Serve, http: ClientSession, house: House) -> None:
    page = await serve(house.busy())
    async with watching(http, page) as viewer, http.get(page.url + "/api/status") as answer:
        assert await viewer.event("status") == await answer.json()


async def test_a_burst_of_changes_is_sent_at_most_four_times_a_second_and_ends_with_the_newest(
    serve: Serve, http: ClientSession, house: House
) -> None:
    page = await serve()
    async with watching(http, page) as viewer:
        await viewer.event("status")
        begun, sent = time.monotonic(), 0
        publishing = asyncio.create_task(publish_many(page, house, 100))
        while True:
            state = await viewer.event("status")
            sent += 1
            if state["pbxs"][0]["calls"] == 100:
                break
        await publishing
        assert 1 < sent <= 2 + 4 * (time.monotonic() - begun)


async def publish_many(page: Running, house: House, count: int) -> None:
    for calls in range(1, count + 1):
        page.board.publish(replace(house.quiet(), pbxs=(house.pbx(calls=calls),)))
        await asyncio.sleep(0.01)


async def test_silence_is_broken_by_a_comment_and_the_clock(serve: Serve, http: ClientSession) -> None:
    page = await serve(keep_alive=0.05)
    async with watching(http, page) as viewer:
        await viewer.event("status")
        assert (await viewer.block()).startswith(":")
        first, second = await viewer.event("clock"), await viewer.event("clock")
        assert first["now"] < second["now"]


async def test_one_viewer_too_many_is_asked_to_come_back(serve: Serve, http: ClientSession, until: Until) -> None:
    page = await serve(streams=2)
    async with watching(http, page) as one:
        await one.event("status")
        async with watching(http, page) as two:
            await two.event("status")
            async with http.get(page.url + "/events") as third:
                assert (third.status, third.headers["Retry-After"]) == (503, "5")
            async with http.get(page.url) as answer:
                assert answer.status == 200
        await until(lambda: page.server.viewers == 1)
        async with watching(http, page) as late:
            await late.event("status")


async def test_a_viewer_who_leaves_is_forgotten_though_nothing_changes(
    serve: Serve, http: ClientSession, until: Until
) -> None:
    page = await serve()
    async with watching(http, page) as viewer:
        await viewer.event("status")
        assert page.server.viewers == 1
    await until(lambda: page.server.viewers == 0)


async def test_a_viewer_who_does_not_read_is_dropped_and_the_others_are_not(
    serve: Serve, http: ClientSession, house: House, until: Until
) -> None:
    page = await serve(patience=0.3, interval=0.001)
    # Larger than any socket buffer after a few sendings.
    many = tuple(house.line(f"line-{i}", announcing={"en": "x" * 250}) for i in range(1000))
    async with watching(http, page) as reading:
        await reading.event("status")
        with socket.create_connection(("127.0.0.1", page.server.port)) as stalled:
            stalled.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await until(lambda: page.server.viewers == 2)
            for _ in range(40):
                page.board.publish(replace(house.quiet(), lines=many))
                assert len((await reading.event("status"))["lines"]) == len(many)
                if page.server.viewers == 1:
                    break
            await until(lambda: page.server.viewers == 1)
        page.board.publish(house.quiet())
        while len((await reading.event("status"))["lines"]) > 1:
            pass


async def test_closing_ends_the_streams(serve: Serve, http: ClientSession) -> None:
    page = await serve()
    async with watching(http, page) as viewer:
        await viewer.event("status")
        async with asyncio.timeout(5):
            await page.stop()
        with pytest.raises((aiohttp.ClientError, asyncio.IncompleteReadError)):
            await viewer.event("status")
        assert page.server.viewers == 0
