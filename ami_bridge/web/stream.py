"""The live stream: the whole state to each viewer on connecting and on each change, as Server-Sent Events.

Each viewer's request waits on the board itself and sends whatever is newest when it wakes. There is no queue, so a
burst of changes reaches every viewer as one, and memory does not grow with slowness. All viewers pause to the same
ticks, so a state is turned into JSON once however many watch.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from ami_bridge.domain.status import Status
from ami_bridge.web.board import Board
from ami_bridge.web.listening import cut
from ami_bridge.web.settings import PageSettings
from ami_bridge.web.view import present


class Streams:
    """GET /events. Besides `status` it sends `clock` events: our time when sent, on connecting and in every silence.

    A comment alone would keep proxies patient, but scripts cannot see one; a viewer uses `clock` to notice a dead link
    and to measure waits by our clock rather than its own.
    """

    def __init__(self, board: Board, settings: PageSettings, clock: Callable[[], datetime]) -> None:
        self._board, self._settings, self._clock = board, settings, clock
        self._open: set[asyncio.Task[object]] = set()
        self._encoded: tuple[Status, str] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def document(self) -> str:
        """The newest state as JSON."""
        status = self._board.status()
        if self._encoded is None or self._encoded[0] is not status:
            self._encoded = (status, json.dumps(present(status), separators=(",", ":")))
        return self._encoded[1]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Stream until the viewer goes, stops reading or is stopped; 503 when as many as allowed are watching."""
        if len(self._open) >= self._settings.streams:
            raise web.HTTPServiceUnavailable(text="Too many viewers at once.\n", headers={"Retry-After": "5"})
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in a task
        self._open.add(task)
        try:
            return await self._stream(request)
        finally:
            self._open.discard(task)

    async def stop(self, _app: web.Application) -> None:
        """End every stream, so that a shutdown need not wait for viewers who never leave by themselves."""
        for task in tuple(self._open):
            task.cancel()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        try:
            await response.prepare(request)
            await self._follow(response)
        except TimeoutError:
            cut(request)
        except ConnectionError:
            pass  # the viewer left while we wrote
        return response

    async def _follow(self, response: web.StreamResponse) -> None:
        """Send for ever; raise TimeoutError for a viewer who does not read, ConnectionError for one who has gone."""
        settings, version = self._settings, -1
        await self._send(response, self._time())
        while True:
            newest = await self._newer(version)
            if newest is None:
                await self._send(response, ": nothing new\n\n" + self._time())
                continue
            version = newest
            await self._send(response, f"event: status\ndata: {self.document()}\n\n")
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(2 * settings.interval - now % settings.interval)

    async def _newer(self, version: int) -> int | None:
        try:
            async with asyncio.timeout(self._settings.keep_alive):
                return await self._board.changed(version)
        except TimeoutError:
            return None

    async def _send(self, response: web.StreamResponse, text: str) -> None:
        async with asyncio.timeout(self._settings.patience):
            await response.write(text.encode())

    def _time(self) -> str:
        return f'event: clock\ndata: {{"now":"{self._clock().isoformat()}"}}\n\n'
