"""The commands that talk to a running companion: how the house is, outages declared and steered, work planned."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from getpass import getuser
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App as Commands
from cyclopts import Parameter
from cyclopts.validators import Number

from ami_bridge.cli_ends import Config, give_up
from ami_bridge.ordering import CannotOrder, clock, companion, told
from ami_bridge.settings import SettingsError

Kind = Literal["trunk", "site", "line", "tenant", "pbx"]
Url = Annotated[
    str | None, Parameter(help="Where the companion's page is; by default as [web] listen in the settings.")
]
OnPbx = Annotated[str | None, Parameter(help="On which [[pbx]], where several have one of that name.")]
What = Annotated[str, Parameter(help="What callers hear it called; by default as in the settings.")]
Minutes = Annotated[int, Parameter(validator=Number(gte=1, lte=10080))]
Language = Annotated[str, Parameter(help="The language spoken in the recording.")]
By = Annotated[str | None, Parameter(help="Who says so, as the timeline shows it; by default this machine's user.")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="As JSON, all of it.")]

orders = Commands()
maintenance = Commands(name="maintenance", help="Plan work, and end it.")
orders.command(maintenance)


def register(commands: Commands) -> None:
    """Make these commands of the command `keepline`."""
    commands.update(orders)


@orders.command
def status(*, config: Config = Path("keepline.toml"), url: Url = None, as_json: AsJson = False) -> None:
    """Tell how the house is: what is out of order, who is told, what was seen, what is planned."""
    with plainly():
        document = companion(config, url, os.environ).status()
        lines = [json.dumps(document)] if as_json else told(document)
        print("\n".join(lines))  # noqa: T201 - the command's answer


@orders.command
def declare(
    kind: Kind,
    name: str,
    /,
    *,
    pbx: OnPbx = None,
    what: What = "",
    minutes: Minutes = 120,
    expected: str | None = None,
    recording: Path | None = None,
    language: Language = "en",
    silent: Annotated[bool, Parameter(negative="")] = False,
    by: By = None,
    config: Config = Path("keepline.toml"),
    url: Url = None,
) -> None:
    """Say that something is out of order: its callers are told from now on.

    Parameters
    ----------
    kind
        What it is.
    name
        Its name in the settings.
    minutes
        After how many minutes it ends by itself.
    expected
        When it should be fixed: 14:30, or 2026-03-02T09:00; in local time unless it says otherwise.
    recording
        A sound file with your own words, which callers hear in place of ours.
    silent
        Do not tell callers.
    """
    with plainly():
        house = companion(config, url, os.environ)
        order = {**house.subject(kind, name, pbx), "what": what, "minutes": minutes, "told": not silent, "by": who(by)}
        words = ""
        if expected is not None:
            moment = _moment(expected, "--expected")
            order["expected"] = moment.isoformat()
            words = f" It should be fixed by {clock(moment.isoformat())}."
        if recording is not None:
            order["recording"] = house.keep(recording, language)["recording"]
        answer = house.declare(order)
        print(f"{answer['said']}{words} Incident {answer['id']}.")  # noqa: T201 - the command's answer


@orders.command
def confirm(incident: str, /, *, by: By = None, config: Config = Path("keepline.toml"), url: Url = None) -> None:
    """Say that a suspected incident is real: its callers are told. INCIDENT is its id, or how that begins."""
    _steer(incident, "confirm", by, config, url)


@orders.command
def investigate(incident: str, /, *, by: By = None, config: Config = Path("keepline.toml"), url: Url = None) -> None:
    """Say that somebody looks into an incident. INCIDENT is its id, or how that begins."""
    _steer(incident, "investigate", by, config, url)


@orders.command
def end(incident: str, /, *, by: By = None, config: Config = Path("keepline.toml"), url: Url = None) -> None:
    """Say that an incident is over, or never was. INCIDENT is its id, or how that begins."""
    _steer(incident, "end", by, config, url)


@orders.command
def expect(
    incident: str, when: str, /, *, by: By = None, config: Config = Path("keepline.toml"), url: Url = None
) -> None:
    """Say when an incident should be fixed, which its callers are told. INCIDENT is its id, or how that begins.

    Parameters
    ----------
    when
        The time, as 14:30 or 2026-03-02T09:00, in local time unless it says otherwise; or `none` for no time.
    """
    with plainly():
        moment = None if when == "none" else _moment(when, "WHEN")
        said = companion(config, url, os.environ).expect(incident, moment, who(by))["said"]
        words = "" if moment is None else f" It is {clock(moment.isoformat())}."
        print(f"{said}{words}")  # noqa: T201 - the command's answer


@maintenance.command
def add(
    kind: Kind,
    name: str,
    /,
    *,
    pbx: OnPbx = None,
    begin: datetime | None = None,
    minutes: Minutes = 60,
    what: What = "",
    announce: Annotated[bool, Parameter(negative="")] = False,
    by: By = None,
    config: Config = Path("keepline.toml"),
    url: Url = None,
) -> None:
    """Plan work: meanwhile nothing that is seen of it opens an incident.

    Parameters
    ----------
    kind
        What is worked on; a PBX stands for all that is on it.
    name
        Its name in the settings.
    begin
        When it begins, as 2026-03-01T22:00, in local time unless it says otherwise; now, if not given.
    minutes
        How long it takes.
    announce
        Tell callers of it.
    """
    with plainly():
        house = companion(config, url, os.environ)
        order = {**house.subject(kind, name, pbx), "what": what, "minutes": minutes, "announced": announce}
        if begin is not None:
            order["begin"] = begin.astimezone().isoformat()
        answer = house.plan({**order, "by": who(by)})
        print(f"{answer['said']} Planned work {answer['id']}.")  # noqa: T201 - the command's answer


@maintenance.command(name="end")
def cancel(work: str, /, *, config: Config = Path("keepline.toml"), url: Url = None) -> None:
    """Say that planned work is over, or will not be done. WORK is its id, or how that begins."""
    with plainly():
        print(companion(config, url, os.environ).cancel(work)["said"])  # noqa: T201 - the command's answer


def _steer(incident: str, step: str, by: str | None, config: Path, url: str | None) -> None:
    with plainly():
        said = companion(config, url, os.environ).steer(incident, step, who(by))["said"]
        print(said)  # noqa: T201 - the command's answer


def _moment(text: str, name: str) -> datetime:
    """The time meant by `14:30`, the next there is, or by a date and a time; local unless it says otherwise."""
    now = datetime.now().astimezone()
    try:
        if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", text, re.ASCII):
            hour, minute = text.split(":")
            today = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0, tzinfo=None)
            moment = today.astimezone()
            return moment if moment > now else (today + timedelta(days=1)).astimezone()
        if re.search("[T ]", text):
            return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        pass
    raise CannotOrder(f"{name}: a time such as 14:30 or 2026-03-02T09:00 is needed")


def who(by: str | None) -> str:
    """Who gives an order, as the timeline shows it: by default the user of this machine."""
    if by is not None:
        return by
    try:
        return getuser()
    except (OSError, KeyError, ImportError):  # no such user: containers run under numbers
        return ""


@contextmanager
def plainly() -> Iterator[None]:
    """What goes wrong with an order is told in a line."""
    try:
        yield
    except (CannotOrder, SettingsError) as error:
        give_up(str(error))
