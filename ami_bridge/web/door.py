"""Who is let in to give orders, and to what is too private for the page that everybody may read."""

from __future__ import annotations

from aiohttp import web
from pydantic import SecretStr

from ami_bridge.web.answers import NoAnswer
from ami_bridge.web.signing import Attempts, NotLetIn, Sessions, bearer

HOW_TO_ENABLE = (
    "Orders are off: no token is set. Set web.token or KEEPLINE_WEB_TOKEN to a long random text and start again."
)


class Door:
    """Lets in whoever is signed in on the page or shows the token; nobody while there is no token."""

    def __init__(self, token: SecretStr | None, sessions: Sessions, attempts: Attempts) -> None:
        self._token, self._sessions, self._attempts = token, sessions, attempts

    def let_in(self, request: web.Request) -> str:
        """The name the session has for who asks, which may be empty; raise NotLetIn or NoAnswer."""
        if self._token is None:
            raise NoAnswer(403, HOW_TO_ENABLE)
        if (session := self._sessions.of(request)) is not None:
            return session.by
        shown = bearer(request)
        if shown is None:
            raise NotLetIn("Orders need the token: sign in on the page, or send Authorization: Bearer and the token.")
        self._attempts.check(request, self._token, shown)
        return ""
