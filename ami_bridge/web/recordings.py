"""Recordings in operators' own words: taken in, and given back to be listened to before callers hear them.

POST /api/recordings?language=en with the audio itself as body, GET /api/recordings/{hash}.wav. docs/operating.md.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from ami_bridge.domain.names import AnnouncementHash
from ami_bridge.domain.orders import Refused
from ami_bridge.integrations.reading import Fault, Misread
from ami_bridge.web.answers import NoAnswer, said, spoken
from ami_bridge.web.door import Door
from ami_bridge.web.listening import bounded
from ami_bridge.web.masking import clean

LARGEST_AUDIO = 10_000_000  # bytes of one recording as it is sent
UPLOAD_SECONDS = 60.0  # within which it must have come
LISTEN_SECONDS = 60.0  # within which a listener must have taken it
AT_ONCE = 4  # taken in at the same time: they are held in memory

_LANGUAGE = re.compile(r"[a-z]{2}([_-][A-Za-z]{2})?", re.ASCII)
_ADDRESS = r"/api/recordings/{hash:[0-9a-f]{64}}.wav"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A recording as callers will hear it: what it is known by, and how long it is."""

    hash: AnnouncementHash
    seconds: float


class Recordings(Protocol):
    """Where recordings are kept."""

    async def keep(self, audio: bytes, language: str) -> Kept:
        """Keep `audio`, in whatever format it is; raise Refused, saying why, for what callers could not be played."""

    def path(self, hash: AnnouncementHash) -> Path | None:  # noqa: A002 - it is one, and the field's name
        """The WAV file of a recording, at once; None if there is none."""


class RecordingDesk:
    """Takes recordings in for `recordings`, of whoever `door` lets in; without `recordings` there are none."""

    def __init__(self, recordings: Recordings | None, door: Door, patience: float) -> None:
        self._recordings, self._door, self._patience = recordings, door, patience
        self._coming = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/recordings", spoken(self._take, UPLOAD_SECONDS + self._patience)),
            web.get(_ADDRESS, _in_their_time(spoken(self._give, self._patience))),
        ]

    def has(self, recording: str) -> bool:
        return self._recordings is not None and self._recordings.path(AnnouncementHash(recording)) is not None

    async def _take(self, request: web.Request) -> web.Response:
        self._door.let_in(request)  # before a byte of the body is read
        if self._recordings is None:
            raise NoAnswer(404, "This companion keeps no recordings.")
        language = request.query.get("language", "en")
        if not _LANGUAGE.fullmatch(language):
            raise Misread((Fault("language", "write the language that is spoken, such as en or de_AT"),))
        if self._coming >= AT_ONCE:
            raise NoAnswer(503, f"{AT_ONCE} recordings are being taken in just now; try again in a moment")
        self._coming += 1
        try:
            kept = await self._recordings.keep(await _audio(request), language)
        except Refused as why:
            raise Misread((Fault("recording", clean(str(why))),)) from None
        finally:
            self._coming -= 1
        return said(
            f"The recording is kept: {kept.seconds:.1f} s.", 201, recording=kept.hash, seconds=round(kept.seconds, 3)
        )

    async def _give(self, request: web.Request) -> web.Response:
        self._door.let_in(request)
        hash_ = AnnouncementHash(request.match_info["hash"])
        path = self._recordings.path(hash_) if self._recordings is not None else None
        if path is None or (audio := await asyncio.to_thread(_read, path)) is None:
            raise NoAnswer(404, "There is no such recording; it may have been cleared away after nobody used it.")
        return _part(request, audio)


def _in_their_time(handler: Handler) -> Handler:
    """`handler`, whose answer is as long as a recording and may be taken as slowly as LISTEN_SECONDS allows."""
    send = bounded(LISTEN_SECONDS)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await send(request, handler)

    return answer


def _read(path: Path) -> bytes | None:
    """The file's content; None if it was cleared away meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _part(request: web.Request, audio: bytes) -> web.Response:
    """What was asked for of `audio`: browsers ask for ranges when a listener jumps (RFC 9110, 14)."""
    headers = {"Accept-Ranges": "bytes"}
    try:
        asked = request.http_range
    except ValueError:  # several ranges, or none that can be read, may be answered with the whole
        asked = slice(None)
    if asked.start is None:
        return web.Response(body=audio, content_type="audio/wav", headers=headers)
    first, end, _ = asked.indices(len(audio))
    if first >= end:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{len(audio)}"})
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(audio)}"
    return web.Response(status=206, body=audio[first:end], content_type="audio/wav", headers=headers)


async def _audio(request: web.Request) -> bytes:
    """The body, read as it comes and no further than allowed; raise NoAnswer."""
    kind = request.content_type
    if not (kind.startswith("audio/") or kind == "application/octet-stream") or "Content-Encoding" in request.headers:
        raise NoAnswer(415, "Content-Type: the body is read as audio only; write audio/wav, or what the file is")
    too_large = NoAnswer(413, f"the recording: it is larger than {LARGEST_AUDIO // 1_000_000} MB; send a shorter one")
    if (request.content_length or 0) > LARGEST_AUDIO:
        raise too_large
    audio = bytearray()
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            async for piece in request.content.iter_any():
                audio += piece
                if len(audio) > LARGEST_AUDIO:
                    raise too_large
    except TimeoutError:
        raise NoAnswer(408, f"the recording: it did not come within {UPLOAD_SECONDS:.0f} s; send it again") from None
    except (OSError, web.RequestPayloadError):
        raise NoAnswer(400, "the recording: it broke off; send it again") from None
    return bytes(audio)
