"""Announcements over HTTP, as Asterisk's media cache asks for them."""

from __future__ import annotations

import asyncio
import hashlib
import select
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from ami_bridge.web.audio import AudioServer
from ami_bridge.web.listening import CannotListen
from ami_bridge.web.settings import AudioSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(256)) * 2000
WIDE = WAV + WAV[44:]
NAME = hashlib.sha256(WAV).hexdigest()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "private.txt").write_text("not for PBXs")
    directory = tmp_path / "library"
    directory.mkdir()
    (directory / f"{NAME}.wav").write_bytes(WAV)
    (directory / f"{NAME}.wav16").write_bytes(WIDE)
    return directory


@pytest_asyncio.fixture(loop_scope="session")
async def audio(library: Path) -> AsyncIterator[AudioServer]:
    def find(name: str) -> Path | None:
        path = library / f"{name}.wav"
        return path if path.exists() else None

    server = AudioServer(find, AudioSettings(port=0))
    await server.start()
    yield server
    await server.close()


def url(audio: AudioServer, path: str = f"/announcements/{NAME}.wav") -> str:
    return f"http://127.0.0.1:{audio.port}{path}"


async def test_a_pbx_gets_the_file_and_may_keep_it_for_ever(audio: AudioServer, http: ClientSession) -> None:
    async with http.get(url(audio)) as answer:
        assert answer.status == 200
        assert await answer.read() == WAV
        headers = answer.headers
    assert headers["Content-Type"] == "audio/x-wav"
    assert headers["Content-Length"] == str(len(WAV))
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert headers["ETag"] == f'"{NAME}"'


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_wideband_file_has_the_type_by_which_asterisk_knows_it(
    audio: AudioServer, http: ClientSession, method: str
) -> None:
    async with http.request(method, url(audio, f"/announcements/{NAME}.wav16")) as answer:
        assert answer.status == 200
        assert await answer.read() == (WIDE if method == "GET" else b"")
        headers = answer.headers
    # format_wav.c registers exactly this, and the media cache compares the whole header.
    assert headers["Content-Type"] == "audio/x-wav;codec=pcm;bit=16;rate=16000"
    assert headers["Content-Length"] == str(len(WIDE))
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert headers["ETag"] == f'"{NAME}"'


async def test_head_says_the_same_without_the_body(audio: AudioServer, http: ClientSession) -> None:
    async with http.head(url(audio)) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert answer.headers["Content-Length"] == str(len(WAV))
        assert answer.headers["Content-Type"] == "audio/x-wav"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_expired_copy_is_confirmed(audio: AudioServer, http: ClientSession, method: str) -> None:
    async with http.request(method, url(audio), headers={"If-None-Match": f'"{NAME}"'}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
        assert answer.headers["ETag"] == f'"{NAME}"'
        assert "max-age=31536000" in answer.headers["Cache-Control"]
    async with http.request(method, url(audio), headers={"If-None-Match": '"of another file"'}) as answer:
        assert answer.status == 200


async def raw(audio: AudioServer, target: str, method: str = "GET") -> tuple[int, bytes]:
    """The status and whole answer to a target sent as it is: clients tidy paths up, attackers do not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", audio.port)
    try:
        writer.write(f"{method} {target} HTTP/1.1\r\nHost: pbx\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(5):
            answer = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    return int(answer.split(b" ", 2)[1]), answer


async def test_the_raw_request_the_other_tests_build_on_is_answered(audio: AudioServer) -> None:
    status, answer = await raw(audio, f"/announcements/{NAME}.wav")
    assert status == 200
    assert answer.endswith(WAV)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/announcements/",
        f"/announcements/{NAME}",
        f"/announcements/{NAME}.mp3",
        f"/announcements/{NAME.upper()}.wav",
        f"/announcements/{NAME[:-1]}.wav",
        f"/announcements/{'0' * 64}.wav",
        f"/announcements/{NAME}.wav?x=1",
        f"/announcements/{NAME}.wav160",
        f"/announcements/{NAME}.json",
        f"/announcements/{'0' * 64}.wav16",
        f"/announcements/{NAME}.wav/",
        f"/announcements/{NAME}.wav%00",
        f"//announcements/{NAME}.wav",
        "/announcements/../private.txt",
        "/announcements/..%2fprivate.txt",
        "/announcements/%2e%2e/%2e%2e/etc/passwd",
        "/../../../../etc/passwd",
        "/api/status",
        "/events",
        "/healthz",
    ],
)
async def test_anything_else_is_not_there(audio: AudioServer, target: str) -> None:
    status, answer = await raw(audio, target)
    assert status == 404
    assert b"max-age" not in answer
    assert b"not for PBXs" not in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_files_are_only_read(audio: AudioServer, library: Path, method: str) -> None:
    status, _ = await raw(audio, f"/announcements/{NAME}.wav", method)
    assert status == 404
    assert (library / f"{NAME}.wav").read_bytes() == WAV


async def test_a_file_gone_since_it_was_found_is_not_there(http: ClientSession, tmp_path: Path) -> None:
    server = AudioServer(lambda name: tmp_path / f"{name}.wav", AudioSettings(port=0))
    await server.start()
    try:
        async with http.get(url(server)) as answer:
            assert answer.status == 404
            assert "Cache-Control" not in answer.headers
    finally:
        await server.close()


async def test_a_pbx_that_stops_reading_is_cut_off(library: Path) -> None:
    big = library / "big.wav"
    big.write_bytes(b"\0" * 30_000_000)
    server = AudioServer(lambda _: big, AudioSettings(port=0, patience=0.2))
    await server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port)) as pbx:
            pbx.sendall(f"GET /announcements/{NAME}.wav HTTP/1.1\r\nHost: pbx\r\n\r\n".encode())
            reset = select.poll()
            reset.register(pbx, 0)  # nothing but errors and hang-ups
            assert await asyncio.to_thread(reset.poll, 5000)
    finally:
        await server.close()


async def test_a_port_in_use_is_named_by_its_setting(audio: AudioServer) -> None:
    second = AudioServer(lambda _: None, AudioSettings(port=audio.port))
    with pytest.raises(CannotListen, match=r"^audio\.listen: cannot listen on .*another program already listens"):
        await second.start()
