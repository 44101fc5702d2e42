"""Who may read the page, and what a browser may do with it.

The page has no password yet and so listens on loopback; a web site open in the operator's browser could still reach it
by letting its own name resolve to 127.0.0.1 (DNS rebinding). Such a request carries that site's name in Host, and is
refused. No cross-origin permission is ever given, so other sites can send requests but not read answers.
"""

from __future__ import annotations

import re

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ANY = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - names what is listened on, opens nothing
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::[0-9]{1,5})?")

SECURITY = {
    # trusted-types: the page's own script cannot turn a string into markup even by mistake.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
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


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Add the security headers to every answer, errors included, and do not tell versions."""
    response.headers.update(SECURITY)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Server"] = "keepline"
