"""One TCP listener of ours: started, named by its setting when it cannot be, closed in bounded time."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

_REASONS = {
    errno.EADDRINUSE: "another program already listens there; stop it or choose another port",
    errno.EACCES: "not permitted; choose a port above 1023 or grant the right to bind it",
    errno.EADDRNOTAVAIL: "this machine has no such address; choose one of its own, or 127.0.0.1",
}


class CannotListen(Exception):
    """A listener could not be opened; the message names the setting and what to do."""

    def __init__(self, setting: str, host: str, port: int, error: OSError) -> None:
        if isinstance(error, socket.gaierror):
            reason = "the host name is not known; write an address of this machine"
        else:
            reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        super().__init__(f"{setting}: cannot listen on {host}:{port}: {reason}")


class Listener:
    """`app` behind one address. `setting` is what the operator would change; `linger` bounds the close, in seconds."""

    def __init__(self, app: web.Application, *, setting: str, host: str, port: int, linger: float = 2.0) -> None:
        self._app, self._setting, self._host, self._port, self._linger = app, setting, host, port, linger
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port bound, which the system chose if 0 was asked for; the one asked for while not started."""
        return int(self._runner.addresses[0][1]) if self._runner else self._port

    async def start(self) -> None:
        """Listen, or raise CannotListen and leave nothing open. Requests are not logged."""
        runner = web.AppRunner(self._app, handler_cancellation=True, access_log=None, shutdown_timeout=self._linger)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, backlog=512).start()
        except OSError as error:
            await runner.cleanup()
            raise CannotListen(self._setting, self._host, self._port, error) from error
        self._runner = runner

    async def close(self) -> None:
        """Stop accepting, let running requests end within `linger`, then cut them. Does nothing if not started."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


def bounded(patience: float) -> Middleware:
    """A middleware that sends each whole answer within `patience` seconds, or cuts the connection.

    Without it a peer that stops reading would hold the answer in memory for as long as TCP lets it.
    """

    @web.middleware
    async def send(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        try:
            async with asyncio.timeout(patience):
                await response.prepare(request)
                await response.write_eof()
                await request.writer.drain()  # write_eof leaves the last part, here all of it, in the transport
        except TimeoutError:
            cut(request)
        except ConnectionError:
            pass  # the peer left before it had everything
        return response

    return send


def cut(request: web.Request) -> None:
    """Reset the connection: what a peer did not read is thrown away here and in the kernel, and it is told."""
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
