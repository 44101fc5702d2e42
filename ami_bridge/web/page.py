"""The status page: what callers hear now, and everything that is owed, broken or not watched, changing live."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files

from aiohttp import web
from aiohttp.typedefs import Handler
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from ami_bridge.domain.orders import Orders
from ami_bridge.web import guard, words
from ami_bridge.web.answers import LARGEST
from ami_bridge.web.board import Board
from ami_bridge.web.callers import CallerDesk, Callers
from ami_bridge.web.door import HOW_TO_ENABLE, Door
from ami_bridge.web.entrance import Entrance
from ami_bridge.web.hooks import HookDoor
from ami_bridge.web.listening import Listener, bounded
from ami_bridge.web.orders import OrderDesk
from ami_bridge.web.promises import Book, PromiseDesk
from ami_bridge.web.recordings import RecordingDesk, Recordings
from ami_bridge.web.settings import PageSettings
from ami_bridge.web.signing import Attempts, Sessions
from ami_bridge.web.stream import Streams
from ami_bridge.web.view import present

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_STATIC = ("page.css", "live.js", "orders.js", "recordings.js", "sending.js", "bind.js", "times.js", "mark.svg")


class PageServer:
    """GET / (HTML), /api/status (JSON), /events (a stream of the same), /healthz, /static/*; orders and webhooks in.

    `orders` is where orders and reports go; without it, or without a token in the settings, the page only shows.
    `recordings` keeps operators' own words, `callers` explains what a caller would hear, `book` is what is owed; all
    are for the token, too. `monotonic` measures how long sessions and failed attempts last.
    """

    def __init__(
        self,
        board: Board,
        settings: PageSettings,
        *,
        orders: Orders | None = None,
        recordings: Recordings | None = None,
        callers: Callers | None = None,
        book: Book | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board, self._settings, self._clock = board, settings, clock
        self._streams = Streams(board, settings, clock)
        self._template = _environment().get_template("page.html.j2")
        sessions, attempts = Sessions(monotonic), Attempts(monotonic)
        token = settings.token if orders is not None else None
        door = Door(token, sessions, attempts)
        self._keeps = recordings is not None
        recorded = RecordingDesk(recordings, door, settings.order_patience)
        desks = (
            OrderDesk(orders, door, recorded.has, settings.order_patience, clock),
            recorded,
            CallerDesk(callers, door, settings.order_patience),
            PromiseDesk(book, door, settings.order_patience),
        )
        self._entrance = Entrance(token, sessions, attempts, self._render)
        self._hooks = HookDoor(orders, settings.hooks, attempts, clock, settings.order_patience)
        checks = [bounded(settings.patience), guard.only(guard.names(settings.host, settings.hosts)), guard.own_site]
        app = web.Application(middlewares=checks, client_max_size=LARGEST)
        app.on_response_prepare.append(guard.harden)
        app.on_shutdown.append(self._streams.stop)
        app.router.add_get("/", self._page)
        app.router.add_get("/api/status", self._status)
        app.router.add_get("/events", self._streams.answer, allow_head=False)
        app.router.add_get("/healthz", self._health)
        for room in (self._entrance, self._hooks, *desks):
            app.router.add_routes(room.routes())
        for name in _STATIC:
            app.router.add_get(f"/static/{name}", _static(name))
        self._listener = Listener(app, setting="web.listen", host=settings.host, port=settings.port)

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def unmatched(self) -> Mapping[str, int]:
        """Per webhook, how many alerts came that no rule speaks of."""
        return self._hooks.unmatched

    @property
    def viewers(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    async def start(self) -> None:
        """Listen; raise CannotListen naming `web.listen`."""
        await self._listener.start()

    async def close(self) -> None:
        """End the streams and stop listening, within seconds."""
        await self._listener.close()

    async def _page(self, request: web.Request) -> web.Response:
        return self._render(request)

    def _render(self, request: web.Request, *, problem: str = "", status: int = 200) -> web.Response:
        """The page as whoever asks may see it; `problem` says why signing in failed."""
        now, quiet = self._clock(), self._settings.keep_alive * 5 / 3
        html = self._template.render(
            doc=present(self._board.status()),
            blank=_Blank(),
            now=now,
            quiet_ms=round(quiet * 1000),
            may=(by := self._entrance.who(request)) is not None,
            by=by or "",
            off="" if self._entrance.open else HOW_TO_ENABLE,
            problem=problem,
            keeps=self._keeps,
            languages=words.LANGUAGE,
        )
        return web.Response(text=html, content_type="text/html", status=status)

    async def _status(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._streams.document(), content_type="application/json")

    async def _health(self, _request: web.Request) -> web.Response:
        """Says that this process serves requests, and no more: what is wrong with a PBX is not its own illness."""
        return web.Response(text="ok\n")


class _Blank(dict[str, str]):
    """A row with nothing in it, from which the empty forms are rendered that the browser fills for new rows."""

    def __missing__(self, key: str) -> str:
        return ""


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ami_bridge.web"),
        autoescape=select_autoescape(["html.j2"], default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clock": _clock_words, "utc": _utc, "since": _since, "until": _until}
    return environment


def _clock_words(iso: str, style: str) -> str:
    """The time of day in UTC, said so; the browser puts it in the viewer's zone."""
    return (
        f"{datetime.fromisoformat(iso):%H:%M:%S} UTC"
        if style == "second"
        else f"{datetime.fromisoformat(iso):%H:%M} UTC"
    )


def _utc(iso: str) -> str:
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _since(iso: str, now: datetime) -> str:
    return words.elapsed(now - datetime.fromisoformat(iso))


def _until(iso: str, now: datetime) -> str:
    left = datetime.fromisoformat(iso) - now
    return f"{words.elapsed(left)} left" if left > timedelta(0) else f"overdue by {words.elapsed(-left)}"


def _static(name: str) -> Handler:
    """A handler for one file of static/, read once. Browsers ask each time whether it has changed."""
    body = files("ami_bridge.web").joinpath("static", name).read_bytes()
    tag = hashlib.sha256(body).hexdigest()[:32]
    headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}

    async def answer(request: web.Request) -> web.Response:
        if any(known.value == tag for known in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type=_TYPES[name.rpartition(".")[2]], charset="utf-8", headers=headers)

    return answer
