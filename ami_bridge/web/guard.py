"""Who may read the page, and what a browser may do with it.

Reading needs no password, so the page listens on loopback; a web site open in the operator's browser could still reach
it by letting its own name resolve to 127.0.0.1 (DNS rebinding). Such a request carries that site's name in Host, and is
refused. No cross-origin permission is ever given, so other sites can send requests but not read answers; and what
would change something is refused when a browser says that another site sent it.
"""

from __future__ import annotations

import re

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_ANY = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - names what is listened on, opens nothing
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::[0-9]{1,5})?")

SECURITY = {
    # trusted-types: the page's own script cannot turn a string into markup even by mistake.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # under no-referrer, browsers send our own forms with `Origin: null`
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def allowed(host: str | None, names: frozenset[str]) -> bool:
    """Whether a Host header names one of `names` (lower case, IPv6 in brackets), with any port or none."""
    found = _HOST.fullmatch((host or "").lower())
    return found is not None and found["name"] in names


def names(listen: str, extra: tuple[str, ...]) -> frozenset[str]:
    """The host names the page answers to: loopback's, the address listened on, and those configured."""
    own = {listen} - _ANY
    bracketed = {f"[{name}]" if ":" in name and not name.startswith("[") else name for name in own | set(extra)}
    return LOOPBACK | {name.lower() for name in bracketed}


def only(accepted: frozenset[str]) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not allowed(request.headers.get("Host"), accepted):
            raise web.HTTPMisdirectedRequest(
                text="This status page does not answer to that host name. "
                "Use http://localhost, or add the name to the setting web.hosts.\n"
            )
        return await handler(request)

    return check


@web.middleware
async def own_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site had a browser send (Fetch Metadata, and Origin where a browser sends only that)."""
    if request.method not in _READING and not _ours(request):
        raise web.HTTPForbidden(
            text="Another web site sent this, so it is refused. Open the status page itself; behind a proxy, "
            "have it pass on the Host header.\n"
        )
    return await handler(request)


def _ours(request: web.Request) -> bool:
    """Programs send neither header, nor a cookie that another site could misuse."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site == "same-origin"
    if origin is not None:
        return origin.lower().partition("://")[2] == request.headers.get("Host", "").lower()
    return "Cookie" not in request.headers


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Add the security headers to every answer, errors included, and do not tell versions."""
    response.headers.update(SECURITY)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Server"] = "keepline"
