"""Who may give orders: whoever shows the token, once per session on the page and with every request to the API.

Everything is in memory and bounded: sessions expire and are lost with a restart, and wrong tokens are counted per
address (an IPv6 network of /64 is one), so that guessing takes longer than anybody lives.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from aiohttp import web
from pydantic import SecretStr

COOKIE = "keepline_session"
SESSION_SECONDS = 12 * 3600.0  # a shift, with a margin
MOST_SESSIONS = 200  # the one that began first makes room
MOST_FAILURES, WINDOW_SECONDS = 5, 60.0  # wrong tokens of one address, and for how long they count
MOST_PEERS = 10_000


class NotLetIn(Exception):
    """A token is needed and was not shown, or a wrong one was. `wait`: seconds after which another may be tried."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


def same(token: SecretStr, shown: str) -> bool:
    """Whether `shown` is the token, found out in a time that does not tell how much of it is right."""
    return hmac.compare_digest(token.get_secret_value().encode(), shown.encode(errors="surrogateescape"))


def bearer(request: web.Request) -> str | None:
    """What is shown in `Authorization: Bearer ...`."""
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    return shown.strip() if scheme.lower() == "bearer" else None


class Attempts:
    """Wrong tokens of late, per address. Where there were too many, right ones are not looked at either."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, request: web.Request, token: SecretStr, shown: str) -> None:
        """Return if `shown` is the token; else raise NotLetIn, and remember it."""
        peer, now = _network(request.remote), self._clock()
        recent = [at for at in self._failures.pop(peer, []) if now - at < WINDOW_SECONDS]
        right = len(recent) < MOST_FAILURES and same(token, shown)
        if right:
            return
        locked = len(recent) >= MOST_FAILURES
        self._failures[peer] = recent if locked else [*recent, now]
        if len(self._failures) > MOST_PEERS:
            self._failures.popitem(last=False)
        if locked:
            wait = WINDOW_SECONDS - (now - recent[0])
            raise NotLetIn(f"Too many wrong tokens came from your address; try again in {wait:.0f} s.", wait)
        raise NotLetIn("That is not the token.")


@dataclass(frozen=True, slots=True)
class Session:
    by: str  # the name given when signing in
    until: float


class Sessions:
    """Those signed in on the page, by the random text in their cookie."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: OrderedDict[str, Session] = OrderedDict()

    def open(self, by: str) -> str:
        while len(self._open) >= MOST_SESSIONS:
            self._open.popitem(last=False)
        id_ = secrets.token_urlsafe(32)
        self._open[id_] = Session(by=by, until=self._clock() + SESSION_SECONDS)
        return id_

    def of(self, request: web.Request) -> Session | None:
        id_ = request.cookies.get(COOKIE, "")
        session = self._open.get(id_)
        if session is not None and session.until <= self._clock():
            del self._open[id_]
            return None
        return session

    def close(self, request: web.Request) -> None:
        self._open.pop(request.cookies.get(COOKIE, ""), None)


def _network(remote: str | None) -> str:
    try:
        address = ip_address((remote or "").partition("%")[0])
    except ValueError:
        return remote or ""
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)
