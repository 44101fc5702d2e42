"""Signing in on the page: a form with the token, answered by a cookie that no script can read and no other site send.

The cookie holds a random text and nothing else. It is not marked Secure, since the page speaks HTTP on loopback; a
proxy that puts TLS before it should add the mark.
"""

from __future__ import annotations

from typing import Protocol

from aiohttp import web
from pydantic import SecretStr

from ami_bridge.web.masking import clean
from ami_bridge.web.signing import COOKIE, SESSION_SECONDS, Attempts, NotLetIn, Sessions

_FORM = "application/x-www-form-urlencoded"  # anything else would be unpacked to files first
LONGEST_NAME = 60


class Render(Protocol):
    def __call__(self, request: web.Request, *, problem: str, status: int) -> web.Response: ...


class Entrance:
    """POST /sign-in and /sign-out. Without a token nobody gets in."""

    def __init__(self, token: SecretStr | None, sessions: Sessions, attempts: Attempts, render: Render) -> None:
        self._token, self._sessions, self._attempts, self._render = token, sessions, attempts, render

    @property
    def open(self) -> bool:
        return self._token is not None

    def who(self, request: web.Request) -> str | None:
        """The name of whoever is signed in, which may be empty; None for everybody else."""
        session = self._sessions.of(request) if self.open else None
        return session.by if session else None

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/sign-in", self._sign_in), web.post("/sign-out", self._sign_out)]

    async def _sign_in(self, request: web.Request) -> web.Response:
        if self._token is None:
            return self._render(request, problem="", status=403)
        if request.content_type != _FORM:
            raise web.HTTPUnsupportedMediaType(text="Sign in with the form on the page.\n")
        form = await request.post()
        try:
            self._attempts.check(request, self._token, str(form.get("token", "")).strip())
        except NotLetIn as error:
            return self._render(request, problem=str(error), status=429 if error.wait else 403)
        self._sessions.close(request)
        answer = _to_the_page()
        answer.set_cookie(
            COOKIE,
            self._sessions.open(clean(str(form.get("by", "")).strip(), LONGEST_NAME)),
            max_age=int(SESSION_SECONDS),
            path="/",
            httponly=True,
            samesite="Strict",
        )
        return answer

    async def _sign_out(self, request: web.Request) -> web.Response:
        self._sessions.close(request)
        answer = _to_the_page()
        answer.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return answer


def _to_the_page() -> web.Response:
    return web.Response(status=303, headers={"Location": "/"})
