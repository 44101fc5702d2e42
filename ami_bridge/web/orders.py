"""The API by which operators give orders, used by the page and by the command alike.

POST /api/incidents, POST /api/incidents/{id}/{confirm|investigate|end|expected}, POST /api/maintenance,
DELETE /api/maintenance/{id}. docs/operating.md describes them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from aiohttp import web

from ami_bridge.domain import expecting
from ami_bridge.domain.names import AnnouncementHash, IncidentId, MaintenanceId
from ami_bridge.domain.orders import Declaration, Maintenance, Orders, Refused
from ami_bridge.integrations.reading import Fault, Misread
from ami_bridge.integrations.subjects import Named
from ami_bridge.web.answers import NoAnswer, said, spoken, taken
from ami_bridge.web.bodies import AHEAD, TOO_FAR, Declare, Expect, Plan, Steer
from ami_bridge.web.door import HOW_TO_ENABLE, Door
from ami_bridge.web.outages import subject_words

NOBODY = "an operator"


class OrderDesk:
    """Takes orders of whoever `door` lets in to `orders`. `recorded` knows which recordings there are."""

    def __init__(
        self,
        orders: Orders | None,
        door: Door,
        recorded: Callable[[str], bool],
        patience: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._orders, self._door, self._recorded = orders, door, recorded
        self._patience, self._clock = patience, clock

    def routes(self) -> list[web.RouteDef]:
        handlers = {
            "/api/incidents": self._declare,
            "/api/incidents/{id}/{step:confirm|investigate|end}": self._steer,
            "/api/incidents/{id}/expected": self._expect,
            "/api/maintenance": self._plan,
        }
        found = [web.post(path, spoken(handler, self._patience)) for path, handler in handlers.items()]
        return [*found, web.delete("/api/maintenance/{id}", spoken(self._cancel, self._patience))]

    def _let_in(self, request: web.Request) -> tuple[Orders, str]:
        """Where orders go and the name the session has for who gives this one; raise NotLetIn or NoAnswer."""
        who = self._door.let_in(request)
        if self._orders is None:
            raise NoAnswer(403, HOW_TO_ENABLE)
        return self._orders, who

    async def _declare(self, request: web.Request) -> web.Response:
        orders, who = self._let_in(request)
        order = await taken(request, Declare)
        expected = self._checked(order.expected)
        if order.recording and not self._recorded(order.recording):
            raise Misread((Fault("recording", "there is no such recording; send it to POST /api/recordings first"),))
        declaration = Declaration(
            pbx=order.of,
            subject=order.subject,
            until=self._clock() + timedelta(minutes=order.minutes),
            what=order.what,
            told=order.told,
            by=order.by or who or NOBODY,
            expected=expected,
            recording=AnnouncementHash(order.recording),
        )
        id_ = await orders.declare(declaration)
        in_which = " in your own words" if order.recording else ""
        told = f"callers are told{in_which}" if order.told else "callers are not told"
        return said(f"{_subject(order)} is declared out of order for {order.minutes} minutes; {told}.", 201, id=id_)

    async def _steer(self, request: web.Request) -> web.Response:
        orders, who = self._let_in(request)
        order = await taken(request, Steer)
        id_, by = IncidentId(request.match_info["id"]), order.by or who or NOBODY
        if request.match_info["step"] == "confirm":
            await orders.confirm(id_, by)
            return said("The incident is confirmed; callers are told.")
        if request.match_info["step"] == "investigate":
            await orders.look_into(id_, by)
            return said("The incident is marked as being looked into.")
        await orders.end(id_, by)
        return said("The incident is ended.")

    async def _expect(self, request: web.Request) -> web.Response:
        orders, who = self._let_in(request)
        order = await taken(request, Expect)
        expected = self._checked(order.expected)
        await orders.expect(IncidentId(request.match_info["id"]), expected, order.by or who or NOBODY)
        if expected is None:
            return said("No time is named any more.")
        return said("The time by which it should be fixed is noted.")

    def _checked(self, expected: datetime | None) -> datetime | None:
        """`expected` in UTC; raise Misread for a time by which nothing can be fixed."""
        try:
            expecting.check(expected, self._clock())
        except Refused as why:
            raise Misread((Fault("expected", str(why)),)) from None
        return None if expected is None else expected.astimezone(UTC)

    async def _plan(self, request: web.Request) -> web.Response:
        orders, who = self._let_in(request)
        order = await taken(request, Plan)
        now = self._clock()
        begin = now if order.begin is None else order.begin.astimezone(UTC)
        end = begin + timedelta(minutes=order.minutes)
        if end <= now:
            raise Misread((Fault("begin", "the work would be over already; write a later time, or more minutes"),))
        if begin - now > AHEAD:
            raise Misread((Fault("begin", TOO_FAR),))
        id_ = MaintenanceId(uuid.uuid4().hex)
        work = Maintenance(
            id=id_,
            pbx=order.of,
            subject=order.subject,
            begin=begin,
            end=end,
            what=order.what,
            announced=order.announced,
            by=order.by or who or NOBODY,
        )
        await orders.plan(work)
        told = "callers are told" if order.announced else "callers are not told"
        subject = _subject(order)
        subject = subject[0].lower() + subject[1:]
        return said(f"Work on {subject} is planned for {order.minutes} minutes; {told}.", 201, id=id_)

    async def _cancel(self, request: web.Request) -> web.Response:
        orders, _who = self._let_in(request)
        await orders.cancel(MaintenanceId(request.match_info["id"]))
        return said("The planned work is ended.")


def _subject(order: Named) -> str:
    return subject_words(order.subject)
