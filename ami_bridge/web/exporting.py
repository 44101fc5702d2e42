"""The whole ledger as a stream: read and sent a part at a time, however long it is.

The end of the stream is the proof that it is whole: where the ledger cannot be read to its end, or the reader is too
slow, the connection is cut, so that nobody takes a part for everything.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from aiohttp import web

from ami_bridge.domain.names import PromiseId
from ami_bridge.domain.orders import Refused
from ami_bridge.domain.standing import Account, Wanted
from ami_bridge.web.listening import cut
from ami_bridge.web.owed import COLUMNS, flat, row, story

log = structlog.get_logger(__name__)

PART = 200  # promises read and sent at once
FORMATS = {"csv": "text/csv", "json": "application/json", "jsonl": "application/x-ndjson"}
# What a spreadsheet takes for the beginning of a formula, in either width, also behind blanks that it drops.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")

Listed = Callable[[Wanted, int, PromiseId | None], Awaitable[Sequence[Account]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How promises are written: `format` is one of FORMATS, `whole` leaves numbers as they are."""

    format: str
    whole: bool


async def send(
    request: web.Request, listed: Listed, wanted: Wanted, shape: Shape, patience: float
) -> web.StreamResponse:
    """Stream all that is `wanted`; raise Refused if the ledger cannot be read at all."""
    part = await listed(wanted, PART, None)
    response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="promises.{shape.format}"'})
    response.content_type, response.charset = FORMATS[shape.format], "utf-8"
    try:
        await response.prepare(request)
        await _write(response, _before(shape), patience)
        first = True
        while part:
            await _write(response, "".join(_pieces(part, shape, first)), patience)
            first = False
            part = await listed(wanted, PART, part[-1].promise.id) if len(part) == PART else ()
        await _write(response, _after(shape), patience)
        await response.write_eof()
    except (TimeoutError, Refused) as why:
        log.warning("An export was broken off", problem=str(why) or "the reader is too slow")
        cut(request)
    except ConnectionError:
        pass  # the reader left
    return response


async def _write(response: web.StreamResponse, text: str, patience: float) -> None:
    if text:
        async with asyncio.timeout(patience):
            await response.write(text.encode())


def _before(shape: Shape) -> str:
    return {"json": "[\n", "csv": _line(COLUMNS)}.get(shape.format, "")


def _after(shape: Shape) -> str:
    return "\n]\n" if shape.format == "json" else ""


def _pieces(part: Sequence[Account], shape: Shape, first: bool) -> list[str]:
    if shape.format == "csv":
        return [_line(flat(row(account, shape.whole))) for account in part]
    told = [json.dumps(story(account, shape.whole), ensure_ascii=False) for account in part]
    if shape.format == "jsonl":
        return [f"{one}\n" for one in told]
    return ["" if first else ",\n", ",\n".join(told)]


def _line(cells: Sequence[object]) -> str:
    """One record of RFC 4180, of which no cell is taken for a formula when a spreadsheet opens it."""
    out = io.StringIO()
    csv.writer(out).writerow([defused(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()


def defused(cell: str) -> str:
    """`cell`, as text: an apostrophe before what would be a formula, as spreadsheets themselves write it."""
    return f"'{cell}" if cell.lstrip(" \u00a0").startswith(_FORMULA) else cell
