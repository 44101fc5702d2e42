"""The API by which operators give orders, used by the page and by the command alike.

POST /api/incidents, POST /api/incidents/{id}/{confirm|investigate|end}, POST /api/maintenance,
DELETE /api/maintenance/{id}. docs/operating.md describes them.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from ami_bridge.domain.names import IncidentId, MaintenanceId
from ami_bridge.domain.orders import Declaration, Maintenance, Orders
from ami_bridge.integrations.reading import Fault, Misread, Strict, wrong
from ami_bridge.integrations.subjects import Named
from ami_bridge.web.answers import NoAnswer, said, spoken, taken
from ami_bridge.web.outages import subject_words
from ami_bridge.web.settings import PageSettings
from ami_bridge.web.signing import Attempts, NotLetIn, Sessions, bearer

LONGEST_MINUTES = 7 * 24 * 60
AHEAD = timedelta(days=366)
TOO_FAR = f"that is too far away; write a time within the next {AHEAD.days} days"
NOBODY = "an operator"
HOW_TO_ENABLE = (
    "Orders are off: no token is set. Set web.token or KEEPLINE_WEB_TOKEN to a long random text and start again."
)


def _on_one_line(text: str) -> str:
    if any(unicodedata.category(sign)[0] == "C" for sign in text):
        raise ValueError("it has signs that cannot be printed, such as line breaks")
    return " ".join(text.split())


What = Annotated[str, AfterValidator(_on_one_line), Field(
    max_length=80, description="how customers call what is disturbed, in at most 80 characters, such as our main line",
)]  # fmt: skip
By = Annotated[str, AfterValidator(_on_one_line), Field(
    max_length=60, description="who gives the order, in at most 60 characters",
)]  # fmt: skip
Minutes = Annotated[int, Field(
    ge=1, le=LONGEST_MINUTES, description=f"a whole number of minutes from 1 to {LONGEST_MINUTES}",
)]  # fmt: skip


class Declare(Named):
    what: What = ""
    minutes: Minutes
    told: bool = Field(default=True, description="true if callers shall hear of it, else false")
    by: By = ""


class Steer(Strict):
    by: By = ""


class Plan(Named):
    what: What = ""
    begin: AwareDatetime | None = Field(
        default=None, description="when it begins, as 2026-03-01T22:00:00+01:00; leave it out for now"
    )
    minutes: Minutes
    announced: bool = Field(default=False, description="true if callers shall hear of it, else false")
    by: By = ""

    @model_validator(mode="after")
    def _is_near(self) -> Self:
        if self.begin is not None and not 2000 <= self.begin.year < 9000:  # beyond these, sums of times overflow
            raise wrong("begin", TOO_FAR)
        return self


class OrderDesk:
    """Takes orders of whoever may give them to `orders`; refuses all while there is no token."""

    def __init__(
        self,
        orders: Orders | None,
        settings: PageSettings,
        sessions: Sessions,
        attempts: Attempts,
        clock: Callable[[], datetime],
    ) -> None:
        self._orders, self._token = orders, settings.token
        self._sessions, self._attempts, self._clock = sessions, attempts, clock
        self._patience = settings.order_patience

    @property
    def open(self) -> bool:
        return self._orders is not None and self._token is not None

    def routes(self) -> list[web.RouteDef]:
        handlers = {
            "/api/incidents": self._declare,
            "/api/incidents/{id}/{step:confirm|investigate|end}": self._steer,
            "/api/maintenance": self._plan,
        }
        found = [web.post(path, spoken(handler, self._patience)) for path, handler in handlers.items()]
        return [*found, web.delete("/api/maintenance/{id}", spoken(self._cancel, self._patience))]

    def _let_in(self, request: web.Request) -> tuple[Orders, str]:
        """Where orders go and the name the session has for who gives this one; raise NotLetIn or NoAnswer."""
        if self._orders is None or self._token is None:
            raise NoAnswer(403, HOW_TO_ENABLE)
        if (session := self._sessions.of(request)) is not None:
            return self._orders, session.by
        shown = bearer(request)
        if shown is None:
            raise NotLetIn("Orders need the token: sign in on the page, or send Authorization: Bearer and the token.")
        self._attempts.check(request, self._token, shown)
        return self._orders, ""

    async def _declare(self, request: web.Request) -> web.Response:
        orders, who = self._let_in(request)
        order = await taken(request, Declare)
        declaration = Declaration(
            pbx=order.of,
            subject=order.subject,
            until=self._clock() + timedelta(minutes=order.minutes),
            what=order.what,
            told=order.told,
            by=order.by or who or NOBODY,
        )
        id_ = await orders.declare(declaration)
        told = "callers are told" if order.told else "callers are not told"
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
