"""How the API takes a body and answers: JSON both ways, one sentence for people in every answer, faults by field."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel

from ami_bridge.domain.orders import Refused
from ami_bridge.integrations.reading import Fault, Misread, read
from ami_bridge.web.signing import NotLetIn

LARGEST = 1 << 20  # bytes of one body
READ_SECONDS = 5.0  # within which it must have come

Body = TypeVar("Body", bound=BaseModel)


class NoAnswer(Exception):
    """A request that is not carried out, with the status and the one sentence that say why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def said(words: str, status: int = 200, **more: object) -> web.Response:
    return answered(status, {"said": words, **more})


def failed(status: int, words: str, faults: Sequence[Fault] = ()) -> web.Response:
    return answered(status, {"error": words, "faults": [{"field": f.field, "problem": f.problem} for f in faults]})


def answered(status: int, answer: dict[str, Any]) -> web.Response:
    return web.Response(status=status, text=json.dumps(answer) + "\n", content_type="application/json")


TOO_LONG = "This took too long; whether it was done is not known: look at the status."


def spoken(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], patience: float, late: str = TOO_LONG
) -> Handler:
    """`handler`, with what it raises put into an answer, given within `patience` seconds; else it is `late`.

    An order that was read is carried out to its end, even when its sender has left or does not wait any longer.
    """
    running: set[asyncio.Task[web.StreamResponse]] = set()

    async def answer(request: web.Request) -> web.StreamResponse:
        task = asyncio.create_task(put(handler, request), name=f"{request.method} {request.path}"[:80])
        running.add(task)
        task.add_done_callback(running.discard)
        try:
            async with asyncio.timeout(patience):
                return await asyncio.shield(task)
        except TimeoutError:
            return failed(504, late)

    return answer


async def put(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], request: web.Request
) -> web.StreamResponse:
    """What `handler` answers, or what it raises as an answer."""
    try:
        return await handler(request)
    except NotLetIn as error:
        return _not_let_in(error)
    except NoAnswer as error:
        return failed(error.status, str(error))
    except Misread as error:
        return failed(422, str(error), error.faults)
    except Refused as error:
        return failed(409, str(error))


def _not_let_in(error: NotLetIn) -> web.Response:
    answer = failed(429 if error.wait else 401, str(error))
    if error.wait:
        answer.headers["Retry-After"] = str(math.ceil(error.wait))
    else:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="keepline"'
    return answer


async def raw(request: web.Request) -> bytes:
    """The JSON body as it came, or raise NoAnswer: too large, or said to be something else."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            body = await request.read()
    except TimeoutError:
        raise NoAnswer(408, "the body: it did not come in time; send it at once") from None
    except web.HTTPRequestEntityTooLarge:
        raise NoAnswer(413, f"the body: it is larger than {LARGEST // 1024} KiB; send less at once") from None
    if body and request.content_type != "application/json":
        raise NoAnswer(415, "Content-Type: the body is read as JSON only; write application/json")
    return body


async def taken(request: web.Request, model: type[Body]) -> Body:
    return read(model, await raw(request))
