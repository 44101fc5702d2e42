"""`keepline promises`: what is owed to callers, told, called off, tried again and exported by the running companion."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App as Commands
from cyclopts import Parameter
from cyclopts.validators import Number

from ami_bridge.cli_ends import Config
from ami_bridge.cli_orders import AsJson, By, Url, plainly, who
from ami_bridge.ordering import Answer, clock, companion
from ami_bridge.pipes import nobody_reads

PIPE_CLOSED = 141  # exit status, as shells have it of SIGPIPE

Which = Literal[
    "open", "ended", "all", "waiting", "claimed", "dialling", "ringing", "confirming", "connecting",
    "kept", "withdrawn", "expired", "exhausted", "blocked",
]  # fmt: skip
Owed = Literal["in-turn", "missed", "restored", "scheduled"]
Form = Literal["csv", "json", "jsonl"]

Tenant = Annotated[str | None, Parameter(help="Only what this tenant owes.")]
Line = Annotated[str | None, Parameter(help="Only what is owed on this line.")]
Caller = Annotated[str | None, Parameter(help="Only what is owed to this number, as +15551230142.")]
Kinds = Annotated[tuple[Owed, ...], Parameter(help="Only these kinds; may be given more than once.", negative="")]
States = Annotated[tuple[Which, ...], Parameter(help="Only in these states; may be given more than once.", negative="")]
Whole = Annotated[bool, Parameter(name="--numbers", negative="", help="Show telephone numbers whole.")]
Since = Annotated[datetime | None, Parameter(help="Only callers who came then or later; local time unless it says.")]
Until = Annotated[datetime | None, Parameter(help="Only callers who came before then.")]

promises = Commands(name="promises", help="What is owed to callers: list, show, call off, try again, export.")


def register(commands: Commands) -> None:
    """Make these commands of `keepline`."""
    commands.command(promises)


@promises.command(name="list")
def list_(
    *,
    tenant: Tenant = None,
    line: Line = None,
    number: Caller = None,
    state: States = ("open",),
    kind: Kinds = (),
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=500))] = 100,
    after: str | None = None,
    numbers: Whole = False,
    config: Config = Path("keepline.toml"),
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List what is owed, the latest callers first: each with how it stands.

    Parameters
    ----------
    limit
        How many at most.
    after
        Only those after this one, by its whole id, as the end of a longer list names it.
    """
    with plainly():
        wishes = _wishes(tenant, line, number, state, kind, since, until, numbers)
        answer = companion(config, url, os.environ).promises(wishes, limit, after)
        _say([json.dumps(answer)] if as_json else listed(answer))


@promises.command
def show(
    promise: str,
    /,
    *,
    numbers: Whole = False,
    config: Config = Path("keepline.toml"),
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Tell all about one promise: how it stands and why, and everything that happened to it.

    PROMISE is its id, or how that begins.
    """
    with plainly():
        answer = companion(config, url, os.environ).promise(promise, "whole" if numbers else "masked")
        _say([json.dumps(answer)] if as_json else told(answer))


@promises.command
def cancel(
    promise: str, /, *, why: str, by: By = None, config: Config = Path("keepline.toml"), url: Url = None
) -> None:
    """Call a promise off: it ends as withdrawn, and a call on its way to keep it is hung up.

    PROMISE is its id, or how that begins.

    Parameters
    ----------
    why
        Why, as the ledger will say it.
    """
    with plainly():
        _say([str(companion(config, url, os.environ).call_off(promise, why, who(by))["said"])])


@promises.command
def retry(promise: str, /, *, by: By = None, config: Config = Path("keepline.toml"), url: Url = None) -> None:
    """Have a promise tried as soon as the rules allow; one that has ended is promised anew.

    PROMISE is its id, or how that begins.
    """
    with plainly():
        answer = companion(config, url, os.environ).try_again(promise, who(by))
        _say([f"{answer['said']} Promise {answer['id']}."])


@promises.command
def export(
    *,
    format: Form = "csv",  # noqa: A002 - what it is called on the command line
    tenant: Tenant = None,
    line: Line = None,
    number: Caller = None,
    state: States = ("all",),
    kind: Kinds = (),
    since: Since = None,
    until: Until = None,
    whole_numbers: Annotated[bool, Parameter(negative="")] = False,
    config: Config = Path("keepline.toml"),
    url: Url = None,
) -> None:
    """Write the ledger to standard output, the latest callers first. Times are in UTC.

    Parameters
    ----------
    format
        `csv` for spreadsheets, a row for each promise; `json` and `jsonl` with everything that happened to each.
    whole_numbers
        Write telephone numbers whole, not masked.
    """
    with plainly():
        wishes = _wishes(tenant, line, number, state, kind, since, until, whole_numbers)
        try:
            for part in companion(config, url, os.environ).export(format, wishes):
                sys.stdout.buffer.write(part)
            sys.stdout.flush()
        except BrokenPipeError:
            nobody_reads()
            raise SystemExit(PIPE_CLOSED) from None


def _wishes(
    tenant: str | None,
    line: str | None,
    number: str | None,
    states: Sequence[str],
    kinds: Sequence[str],
    since: datetime | None,
    until: datetime | None,
    numbers: bool,
) -> list[tuple[str, str]]:
    """What is asked for, as the API takes it."""
    named = {"tenant": tenant, "line": line, "number": number, "since": _iso(since), "until": _iso(until)}
    return [
        *((name, text) for name, text in named.items() if text is not None),
        *(("state", state) for state in (() if "all" in states else states)),
        *(("kind", kind) for kind in kinds),
        ("numbers", "whole" if numbers else "masked"),
    ]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone().isoformat()


def listed(answer: Answer) -> Iterator[str]:
    """The answer of GET /api/promises as a table for a terminal. Times are local."""
    rows = answer["promises"]
    if not rows:
        yield "There is no such promise."
        return
    heads = ("PROMISE", "NUMBER", "OWED", "LINE", "SINCE", "HOW IT STANDS")
    cells = [heads, *(_cells(row) for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(heads) - 1)]
    for row in cells:
        yield "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1])).rstrip()
    if answer["after"]:
        yield f"There are more: go on with --after {answer['after']}"


def _cells(row: Answer) -> tuple[str, ...]:
    return (
        row["id"][:_SHORT],
        row["number"],
        row["kind_words"],
        f"{row['tenant']}/{row['line']}",
        clock(row["arrived"]),
        _standing(row),
    )


_SHORT = 8  # characters of an id in a table: as good as never those of two


def _standing(row: Answer) -> str:
    until = f" (until {clock(row['standing_until'])})" if row["standing_until"] else ""
    danger = f"; {row['danger'].upper()} at {clock(row['expires'])}" if row["danger"] else ""
    return f"{row['standing']}{until}{danger}"


def told(row: Answer) -> Iterator[str]:
    """The answer of GET /api/promises/ID in lines for a terminal. Times are local."""
    yield f"Promise {row['id']}: {row['kind_words']} for {row['number']}"
    yield f"    owed by {row['tenant']}, line {row['line']} on {row['pbx']}"
    yield f"    {_standing(row)}"
    end = f"ended {clock(row['ended'])}" if row["ended"] else f"expires {clock(row['expires'])}"
    yield f"    the caller came {clock(row['arrived'])}, {_tries(row)}, {end}"
    if row["language"]:
        yield f"    they are spoken to in: {row['language']}"
    if row["incident"]:
        yield f"    to be called when incident {row['incident']} is over"
    if row["solved"] is not None:
        yield f"    asked whether it is solved, they said {'yes' if row['solved'] else 'no'}"
    yield "What happened:"
    width = max((len(entry["state_words"]) for entry in row["ledger"]), default=0)
    for entry in row["ledger"]:
        attempt = f" [attempt {entry['attempt']}]" if entry["attempt"] else ""
        reason = f": {entry['reason']}" if entry["reason"] else ""
        yield f"    {clock(entry['at'])}  {entry['state_words']:<{width}}  {entry['what_words']}{reason}{attempt}"


def _tries(row: Answer) -> str:
    attempts = row["attempts"]
    tried = "not called yet" if not attempts else f"called {'once' if attempts == 1 else f'{attempts} times'}"
    failures = f" ({row['failures']} not for their fault)" if row["failures"] else ""
    return f"{tried}{failures}"


def _say(lines: Sequence[str] | Iterator[str]) -> None:
    print("\n".join(lines))  # noqa: T201 - the command's answer
