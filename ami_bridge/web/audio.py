"""The announcements as PBXs fetch them: one file per content, for ever the same under its name.

Asterisk's HTTP media cache (res_http_media_cache) takes the format from the end of the URL or from Content-Type, the
order having changed between versions, so both say the same. Content-Type is compared letter by letter with what
format_wav registers, alike in 16 and 22: `wav` has `audio/x-wav`, and `wav16` (16 kHz) only one with parameters and
no space in it. It keeps a file for `max-age`, then asks again with HEAD and If-None-Match and goes on with its copy on
304. A URL shorter than the path of the cached file is cut off (asterisk/asterisk#444): 64 hex digits are long enough.

A listener of its own: PBXs must reach the audio and have no business on the page.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from ami_bridge.web.listening import Listener, bounded
from ami_bridge.web.settings import AudioSettings

# Matched against the request's target as it came, percent signs and query included: there is one way to write it.
_TARGET = re.compile(r"/announcements/([0-9a-f]{64})\.(wav|wav16)")

_TYPES = {"wav": "audio/x-wav", "wav16": "audio/x-wav;codec=pcm;bit=16;rate=16000"}


class AudioServer:
    """Serves what `library_path` finds: given 64 hex digits it returns that announcement's `.wav` file, or None. It is
    called in a thread. The announcement at 16 kHz lies beside that file as `.wav16`."""

    def __init__(self, library_path: Callable[[str], Path | None], settings: AudioSettings) -> None:
        self._library_path = library_path
        app = web.Application(middlewares=[bounded(settings.patience)])
        app.router.add_route("*", "/{any:.*}", self._answer)
        app.on_response_prepare.append(_plain)
        self._listener = Listener(app, setting="audio.listen", host=settings.host, port=settings.port)

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self) -> None:
        """Listen; raise CannotListen naming `audio.listen`."""
        await self._listener.start()

    async def close(self) -> None:
        await self._listener.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        target = _TARGET.fullmatch(request.raw_path)
        if target is None or request.method not in ("GET", "HEAD"):
            raise web.HTTPNotFound
        name, ending = target.groups()
        path = await asyncio.to_thread(self._library_path, name)
        body = await asyncio.to_thread(_read, path.with_suffix(f".{ending}")) if path else None
        if body is None:
            raise web.HTTPNotFound
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": f'"{name}"'}
        if any(tag.value in (name, "*") for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers={**headers, "Content-Type": _TYPES[ending]})


def _read(path: Path) -> bytes | None:
    """The file's content, or None if it has gone since it was found. An announcement is well under a megabyte."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return None


async def _plain(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Server"] = "keepline"
