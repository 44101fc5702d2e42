"""What is owed to callers, asked and ordered by API. Whom it is owed to is private: all of it is for the token.

GET /api/promises, /api/promises/{id}, /api/promises.{csv|json|jsonl} (all of it, as a stream),
POST /api/promises/{id}/cancel and /retry. An id may be shortened to a beginning that fits only one. docs/promises.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from ami_bridge.domain.names import PromiseId
from ami_bridge.domain.promise import Promise
from ami_bridge.domain.standing import Account, Wanted
from ami_bridge.integrations.reading import Fault, Misread
from ami_bridge.web.answers import NoAnswer, answered, put, said, spoken, taken
from ami_bridge.web.asking import asked, refuse_unknown, whole_number, wished
from ami_bridge.web.bodies import Cancel, Steer
from ami_bridge.web.door import Door
from ami_bridge.web.exporting import FORMATS, Shape, send
from ami_bridge.web.masking import clean
from ami_bridge.web.orders import NOBODY
from ami_bridge.web.owed import row, story

MOST, USUAL = 500, 100  # promises in one answer: at most, and if nobody says
READING = 60.0  # seconds a reader of an export may pause
AT_ONCE = 4  # exports read at the same time
_LONGEST_ID = 80
_NAMED = 5  # ids that are named when a beginning fits several
_LATE = "The ledger could not be read in time; ask for fewer, or try again."


class Book(Protocol):
    """Who knows what is owed and may change it. Everything raises Refused when the ledger cannot be read or written."""

    async def listed(self, wanted: Wanted, limit: int, after: PromiseId | None) -> Sequence[Account]:
        """At most `limit` of those `wanted`, the latest callers first, from the one that follows `after` on."""

    async def meant(self, beginning: str, limit: int) -> Sequence[PromiseId]:
        """At most `limit` of the ids that begin so; the one that is `beginning` alone, if there is one."""

    async def account(self, promise: PromiseId) -> Account | None:
        """The promise with all that happened to it; None if there is no such promise."""

    async def cancel(self, promise: PromiseId, why: str, by: str) -> str:
        """End it as withdrawn, also while it is being kept; raise Refused when it has ended already.

        Return what became of its call, in words; empty when none was under way.
        """

    async def retry(self, promise: PromiseId, by: str) -> Promise:
        """Have it tried as soon as the rules allow: itself, or a new one in place of one that has ended.

        Return the one that is owed now; raise Refused when that cannot be.
        """


class PromiseDesk:
    """Answers whoever `door` lets in from `book`. A slow reader of an export has `reading` seconds for each part."""

    def __init__(self, book: Book | None, door: Door, patience: float, reading: float = READING) -> None:
        self._book, self._door = book, door
        self._patience, self._reading = patience, reading
        self._exports = 0

    def routes(self) -> list[web.RouteDef]:
        formats = "|".join(FORMATS)
        return [
            web.get("/api/promises", spoken(self._list, self._patience, _LATE)),
            web.get(f"/api/promises.{{format:{formats}}}", self._export),
            web.get("/api/promises/{id}", spoken(self._show, self._patience, _LATE)),
            web.post("/api/promises/{id}/cancel", spoken(self._cancel, self._patience)),
            web.post("/api/promises/{id}/retry", spoken(self._retry, self._patience)),
        ]

    def _let_in(self, request: web.Request) -> tuple[Book, str]:
        """The book, and the name the session has for who asks; raise NotLetIn or NoAnswer."""
        who = self._door.let_in(request)
        if self._book is None:
            raise NoAnswer(404, "This companion keeps no promises.")
        return self._book, who

    async def _list(self, request: web.Request) -> web.Response:
        book, _who = self._let_in(request)
        refuse_unknown(request, also=("limit", "after"))
        limit = whole_number(request, "limit", USUAL, MOST)
        after = asked(request, "after")
        found = await book.listed(wished(request), limit + 1, PromiseId(after) if after else None)
        shown, whole = found[:limit], _whole(request)
        following = shown[-1].promise.id if len(found) > limit else None
        return answered(200, {"promises": [row(account, whole) for account in shown], "after": following})

    async def _export(self, request: web.Request) -> web.StreamResponse:
        return await put(self._stream, request)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        book, _who = self._let_in(request)
        refuse_unknown(request)
        shape, wanted = Shape(format=request.match_info["format"], whole=_whole(request)), wished(request)
        if self._exports >= AT_ONCE:
            raise NoAnswer(503, f"{AT_ONCE} exports are being read just now; try again when one is done")
        self._exports += 1
        try:
            return await send(request, book.listed, wanted, shape, self._reading)
        finally:
            self._exports -= 1

    async def _show(self, request: web.Request) -> web.Response:
        book, _who = self._let_in(request)
        refuse_unknown(request, only=("numbers",))
        account = await book.account(await _meant(book, request))
        if account is None:
            raise NoAnswer(404, "The promise has been forgotten meanwhile.")
        return answered(200, story(account, _whole(request)))

    async def _cancel(self, request: web.Request) -> web.Response:
        book, who = self._let_in(request)
        order = await taken(request, Cancel)
        id_ = await _meant(book, request)
        call = await book.cancel(id_, order.why, order.by or who or NOBODY)
        return said(f"The promise is withdrawn{f'; {clean(call)}' if call else ''}.", id=id_)

    async def _retry(self, request: web.Request) -> web.Response:
        book, who = self._let_in(request)
        order = await taken(request, Steer)
        id_ = await _meant(book, request)
        owed = await book.retry(id_, order.by or who or NOBODY)
        if owed.id == id_:
            return said("The promise is tried again as soon as the rules allow and an agent is free.", id=id_)
        return said("Another promise stands in its place.", 201, id=owed.id)


def _whole(request: web.Request) -> bool:
    """Whether numbers are asked for unmasked."""
    text = asked(request, "numbers") or "masked"
    if text not in ("masked", "whole"):
        raise Misread((Fault("numbers", "write masked or whole"),))
    return text == "whole"


async def _meant(book: Book, request: web.Request) -> PromiseId:
    """The id that is meant by its beginning; raise NoAnswer when there is none, or more than one."""
    beginning = request.match_info["id"]
    found = await book.meant(beginning, _NAMED + 1) if len(beginning) <= _LONGEST_ID else ()
    if not found:
        raise NoAnswer(
            404, f"There is no promise {clean(beginning, _LONGEST_ID)}; `keepline promises list` names them."
        )
    if len(found) > 1:
        names = ", ".join(found[:_NAMED]) + (" and others" if len(found) > _NAMED else "")
        raise NoAnswer(409, f"The promise {clean(beginning)} fits more than one: {names}. Write more of the id.")
    return found[0]
