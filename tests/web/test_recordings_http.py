"""Operators' own recordings by API: kept and given back, from whom, and what hostile or broken senders come to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from ami_bridge.web.recordings import AT_ONCE, LARGEST_AUDIO
from tests.web.house import Running
from tests.web.keeping import tone
from tests.web.taking import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

Serve = Callable[..., Awaitable[Running]]
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SHOWN = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
HEAD = f"POST /api/recordings HTTP/1.1\r\n{SHOWN}Content-Type: audio/wav\r\n"


async def send(
    http: ClientSession, page: Running, audio: bytes, query: str = "", **headers: str
) -> tuple[int, dict[str, Any]]:
    sent = {**BEARER, "Content-Type": "audio/wav", **{name.replace("_", "-"): text for name, text in headers.items()}}
    async with http.post(f"{page.url}/api/recordings{query}", data=audio, headers=sent) as answer:
        return answer.status, await answer.json()


@asynccontextmanager
async def connected(page: Running) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A sender that writes what it likes; everything with it is over within ten seconds."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", page.server.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def answered(http: ClientSession, page: Running, status: int) -> str:
    """Send until it is answered with `status`, and return what is said."""
    async with asyncio.timeout(10):
        while True:
            came, answer = await send(http, page, tone())
            if came == status:
                return str(answer.get("error", answer.get("said")))
            await asyncio.sleep(0.02)


async def status_of(reader: asyncio.StreamReader) -> int:
    return int((await reader.readline()).split()[1])


async def test_a_recording_is_kept_and_can_be_listened_to(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    audio = tone(1.5)
    status, answer = await send(http, page, audio, "?language=de_AT")
    assert (status, answer["seconds"], answer["said"]) == (201, 1.5, "The recording is kept: 1.5 s.")
    assert answer["recording"] == sha256(audio).hexdigest()
    assert page.recordings.kept == [(audio, "de_AT")]
    url = f"{page.url}/api/recordings/{answer['recording']}.wav"
    async with http.get(url, headers=BEARER) as heard:
        assert (heard.status, heard.content_type) == (200, "audio/wav")
        assert heard.headers["Cache-Control"] == "no-store"
        assert heard.headers["X-Content-Type-Options"] == "nosniff"
        assert await heard.read() == audio
    for asked, status, said, part in (
        ("bytes=10-19", 206, f"bytes 10-19/{len(audio)}", audio[10:20]),
        ("bytes=24000-", 206, f"bytes 24000-{len(audio) - 1}/{len(audio)}", audio[24000:]),
        ("bytes=-5", 206, f"bytes {len(audio) - 5}-{len(audio) - 1}/{len(audio)}", audio[-5:]),
        ("bytes=0-9,20-29", 200, None, audio),
        ("lines=1-2", 200, None, audio),
        ("bytes=99999-", 416, f"bytes */{len(audio)}", None),
    ):
        async with http.get(url, headers={**BEARER, "Range": asked}) as heard:
            assert (heard.status, heard.headers.get("Content-Range")) == (status, said)
            assert part is None or await heard.read() == part
    async with http.head(url, headers=BEARER) as head:
        assert (head.status, head.headers["Content-Length"]) == (200, str(len(audio)))


async def test_a_recording_as_large_as_allowed_is_taken_in_pieces(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    audio = tone((LARGEST_AUDIO - 44) / 16000)
    assert len(audio) > LARGEST_AUDIO - 100

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(audio), 70_000):
            yield audio[at : at + 70_000]

    headers = {**BEARER, "Content-Type": "application/octet-stream"}
    async with http.post(f"{page.url}/api/recordings", data=pieces(), headers=headers) as answer:
        assert answer.status == 201
    assert page.recordings.kept == [(audio, "en")]


@pytest.mark.parametrize("query", ["?language=", "?language=german", "?language=../x", "?language=d%00"])
async def test_a_language_that_is_none_is_refused(serve: Serve, http: ClientSession, query: str) -> None:
    page = await serve(token=SecretStr(TOKEN))
    status, answer = await send(http, page, tone(), query)
    assert (status, answer["error"]) == (422, "language: write the language that is spoken, such as en or de_AT")
    assert page.recordings.kept == []


@pytest.mark.parametrize("audio", [b"", b"MZ\x90\x00 not audio", tone()[:20], b"{}"])
async def test_what_is_no_audio_is_refused_in_words(serve: Serve, http: ClientSession, audio: bytes) -> None:
    page = await serve(token=SecretStr(TOKEN))
    status, answer = await send(http, page, audio)
    assert (status, answer["error"]) == (
        422,
        "recording: it is no sound file that can be read; use a WAV file",
    )
    assert answer["faults"][0]["field"] == "recording"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "application/json"},
        {"Content_Type": "multipart/form-data; boundary=x"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": "audio/wav", "Content_Encoding": "gzip"},
    ],
)
async def test_what_is_not_sent_as_audio_is_not_read(
    serve: Serve, http: ClientSession, headers: dict[str, str]
) -> None:
    page = await serve(token=SecretStr(TOKEN))
    status, answer = await send(http, page, tone(), **headers)
    assert (status, answer["error"]) == (
        415,
        "Content-Type: the body is read as audio only; write audio/wav, or what the file is",
    )
    assert page.recordings.kept == []


async def test_one_that_is_said_to_be_too_large_is_refused_before_it_comes(serve: Serve) -> None:
    page = await serve(token=SecretStr(TOKEN))
    async with connected(page) as (reader, writer):
        writer.write(f"{HEAD}Content-Length: {LARGEST_AUDIO + 1}\r\n\r\n".encode())
        assert await status_of(reader) == 413


async def test_one_without_an_end_is_refused_at_the_limit_and_not_listened_to_for_long(serve: Serve) -> None:
    page = await serve(token=SecretStr(TOKEN))
    piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    sent = 0
    async with connected(page) as (reader, writer):
        writer.write(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        answer = asyncio.create_task(status_of(reader))
        while not answer.done():
            writer.write(piece)
            sent += 0x10000
            await writer.drain()
            await asyncio.sleep(0)
        assert await answer == 413
    assert LARGEST_AUDIO < sent < LARGEST_AUDIO * 2
    assert page.recordings.kept == []


async def test_one_that_comes_too_slowly_is_not_waited_for(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ami_bridge.web.recordings.UPLOAD_SECONDS", 0.3)
    page = await serve(token=SecretStr(TOKEN))
    async with connected(page) as (reader, writer):
        writer.write(f"{HEAD}Content-Length: 5000\r\n\r\n".encode())
        answer = asyncio.create_task(status_of(reader))
        while not answer.done():  # a byte now and then keeps nobody waiting
            writer.write(b"x")
            await asyncio.sleep(0.02)
        assert await answer == 408


@pytest.mark.parametrize(
    "broken", [b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", b"Content-Length: 99\r\n\r\nRIFF"]
)
async def test_one_that_breaks_off_leaves_its_place_to_others(serve: Serve, http: ClientSession, broken: bytes) -> None:
    page = await serve(token=SecretStr(TOKEN))
    for _ in range(AT_ONCE + 1):
        async with connected(page) as (_, writer):
            writer.write(HEAD.encode() + broken)
            await writer.drain()
            await asyncio.sleep(0.02)
    await answered(http, page, 201)
    assert len(page.recordings.kept) == 1


async def test_no_more_than_a_few_are_held_in_memory_at_once(serve: Serve, http: ClientSession) -> None:
    page = await serve(token=SecretStr(TOKEN))
    async with AsyncExitStack() as slow:
        for _ in range(AT_ONCE):
            _, writer = await slow.enter_async_context(connected(page))
            writer.write(f"{HEAD}Content-Length: 100\r\n\r\n".encode())
        said = await answered(http, page, 503)
    assert said == "4 recordings are being taken in just now; try again in a moment"
    await answered(http, page, 201)


@pytest.mark.parametrize("shown", [None, "Bearer wrong", "Bearer ", f"Basic {TOKEN}"])
async def test_without_the_token_nothing_is_read_kept_or_heard(
    serve: Serve, http: ClientSession, shown: str | None
) -> None:
    page = await serve(token=SecretStr(TOKEN))
    kept = await page.recordings.keep(tone(), "en")
    async with connected(page) as (reader, writer):  # answered though not a byte of the body came
        head = HEAD.replace(f"Authorization: Bearer {TOKEN}\r\n", f"Authorization: {shown}\r\n" if shown else "")
        writer.write(f"{head}Content-Length: 5000000\r\n\r\n".encode())
        assert await status_of(reader) == 401
    headers = {"Authorization": shown} if shown else {}
    async with http.get(f"{page.url}/api/recordings/{kept.hash}.wav", headers=headers) as answer:
        assert answer.status == 401
        assert b"RIFF" not in await answer.read()
    assert len(page.recordings.kept) == 1


@pytest.mark.parametrize(
    "name", ["0" * 64 + ".wav", "0" * 63 + ".wav", "..%2F..%2Fetc%2Fpasswd.wav", "0" * 64, "0" * 64 + ".wav16"]
)
async def test_what_is_not_kept_cannot_be_heard(serve: Serve, http: ClientSession, name: str) -> None:
    page = await serve(token=SecretStr(TOKEN))
    async with http.get(f"{page.url}/api/recordings/{name}", headers=BEARER) as answer:
        assert answer.status == 404


async def test_a_listener_who_does_not_listen_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ami_bridge.web.recordings.LISTEN_SECONDS", 0.3)
    page = await serve(token=SecretStr(TOKEN))
    kept = await page.recordings.keep(tone(2000), "en")  # more than the kernel's buffers take
    async with connected(page) as (reader, writer):
        writer.transport.pause_reading()
        writer.write(f"GET /api/recordings/{kept.hash}.wav HTTP/1.1\r\n{SHOWN}\r\n".encode())
        await asyncio.sleep(0.6)
        writer.transport.resume_reading()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(32_000_000)
