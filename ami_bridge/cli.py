"""The command `keepline`: run the companion and give it orders, check its settings, render a PBX's dialplan, replay and
record streams."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import uvloop
from cyclopts import App as Commands
from cyclopts import Parameter
from cyclopts.validators import Number

from ami_bridge import cli_callers, cli_promises, cli_voice
from ami_bridge.ami.decode import WANTED
from ami_bridge.ami.errors import LoginRefused
from ami_bridge.ami.masking import Masker
from ami_bridge.ami.session import Address
from ami_bridge.cli_ends import Config, give_up
from ami_bridge.cli_orders import register
from ami_bridge.loading import load
from ami_bridge.logs import configure
from ami_bridge.pipes import FileThere, Output, named, nobody_reads, opened, until_told
from ami_bridge.recording import CannotRecord, Recorder
from ami_bridge.replaying import NotAmi, tell
from ami_bridge.settings import Settings, SettingsError
from dialplan_templates.render import LinePlan, PbxPlan, ReadEvent, SegmentPlan, Unrenderable, write

# Exit statuses, as shells have them of SIGINT and SIGPIPE.
INTERRUPTED, PIPE_CLOSED = 130, 141

# `-` is no option: it stands for standard input or output.
Stream = Annotated[Path, Parameter(allow_leading_hyphen=True)]
commands = Commands(
    name="keepline", version=version("keepline"), help="Keeps an Asterisk phone system's promises to its callers."
)

register(commands)
cli_callers.register(commands)
cli_promises.register(commands)
cli_voice.register(commands)


@commands.command
def run(*, config: Config = Path("keepline.toml")) -> None:
    """Watch the PBXs, answer their callers, place what is owed. Ends after SIGTERM, when callers were heard out."""
    # Here, since loading them takes longer than all that the other commands do.
    from agi.errors import CannotListen as AgiCannotListen  # noqa: PLC0415
    from ami_bridge.app import App, NothingToWatch  # noqa: PLC0415
    from ami_bridge.store import StoreError  # noqa: PLC0415
    from ami_bridge.voice.errors import VoiceError  # noqa: PLC0415
    from ami_bridge.web.listening import CannotListen as WebCannotListen  # noqa: PLC0415

    settings = _settings(config)
    configure()
    try:
        uvloop.run(App(settings).run())
    except* (AgiCannotListen, WebCannotListen, StoreError, VoiceError, NothingToWatch) as errors:
        give_up("\n".join(str(error) for error in _leaves(errors)))


@commands.command
def check(*, config: Config = Path("keepline.toml")) -> None:
    """Read the settings and say what is wrong with them, or that nothing is."""
    settings = _settings(config)
    print(  # noqa: T201 - the command's answer
        f"{config}: {len(settings.pbx)} PBX, {len(settings.line)} lines, {len(settings.tenant)} tenants: no fault found"
    )


@commands.command
def render(*, config: Config = Path("keepline.toml"), out: Path, pbx: str | None = None) -> None:
    """Write extensions.conf and manager.conf for one PBX into a directory, for its own files to include.

    Parameters
    ----------
    out
        The directory, made if need be.
    pbx
        Which [[pbx]], when there is more than one.
    """
    settings = _settings(config)
    name = _one_pbx(settings, config, pbx)
    try:
        paths = write(plan(settings, name), out)
    except Unrenderable as error:
        give_up(f"{config}: {error}")
    except OSError as error:
        give_up(f"--out: {out} cannot be written: {error.strerror}")
    for path in paths:
        print(path)  # noqa: T201 - the command's answer


@commands.command
def replay(file: Stream, /) -> None:
    """Tell what happened to the calls of a recorded AMI stream: one JSON object a line, `{"fact": ...}`.

    Parameters
    ----------
    file
        The stream as it was on the wire, or JSON objects of headers; `-` is standard input, told of as it comes.
    """
    configure()
    name = named(file, "standard input")
    try:
        with opened(file) as stream:
            tell(stream, sys.stdout, sys.stderr)
    except NotAmi as error:
        give_up(f"{name} is no recorded AMI stream: {error}")
    except BrokenPipeError:
        nobody_reads()
        raise SystemExit(PIPE_CLOSED) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except OSError as error:
        give_up(f"{name} cannot be read: {error.strerror}")


@commands.command
def record(
    file: Stream,
    /,
    *,
    pbx: str,
    config: Config = Path("keepline.toml"),
    seconds: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    mask_numbers: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write down what a PBX says over AMI, for `keepline replay`, until SIGINT or SIGTERM.

    Parameters
    ----------
    file
        The file, made for its owner only; `-` is standard output.
    pbx
        Which [[pbx]]; its account and host are the companion's own.
    seconds
        End by itself after so many seconds.
    mask_numbers
        Replace telephone numbers of six digits or more, each by the same other number throughout; the lines' own stay.
    force
        Write over a file that is there already.
    """
    settings = _settings(config)
    name = _one_pbx(settings, config, pbx)
    configure()
    lines = settings.lines_of(name)
    ours = {number for line in lines for number in (*line.dids, line.caller_id)}
    output = Output(file, over=force)
    one = next(p for p in settings.pbx if p.name == name)
    address = Address(host=one.host, port=one.port, username=one.username, secret=one.secret.get_secret_value())
    recorder = Recorder(name, address, output.create, Masker(ours) if mask_numbers else None)
    try:
        output.check()
        uvloop.run(until_told(recorder.run, seconds))
    except BrokenPipeError:
        nobody_reads()
        raise SystemExit(PIPE_CLOSED) from None
    except (CannotRecord, LoginRefused, FileThere) as error:
        give_up(str(error))
    except OSError as error:
        give_up(f"{named(file, 'standard output')} cannot be written: {error.strerror}")


def plan(settings: Settings, name: str) -> PbxPlan:
    """What is rendered for the PBX `name`."""
    pbx = next(p for p in settings.pbx if p.name == name)
    return PbxPlan(
        pbx=pbx.name,
        agi_url=settings.agi.url,
        audio_url=settings.audio.url,
        username=pbx.username,
        permit=tuple(str(network) for network in pbx.permit),
        events=tuple(_read_events()),
        named_filters=pbx.filters_by_name,
        macros=pbx.has_macros,
        token=settings.agi.token.get_secret_value(),
        secret=pbx.secret.get_secret_value(),
        wide=pbx.wide,
        sounds=pbx.sounds.there if pbx.sounds else None,
        lines=tuple(
            LinePlan(
                name=line.name,
                dids=line.dids,
                patience=line.patience_seconds,
                queue=line.queue,
                ring=line.ring,
                declare_code=line.declare_code,
                segments=tuple(
                    SegmentPlan(numbers=segment.numbers, priority=segment.priority)
                    for segment in settings.tenant_named(line.tenant).segment
                ),
            )
            for line in settings.lines_of(name)
        ),
    )


def _read_events() -> Iterator[ReadEvent]:
    """The events the companion reads, and what it needs to come in."""
    yield ReadEvent(name="FullyBooted")
    for kind, mark in sorted(WANTED.items()):
        header, _colon, value = mark.decode().strip().partition(": ")
        yield ReadEvent(name=kind.decode(), header=header, value=value)


def _one_pbx(settings: Settings, config: Path, pbx: str | None) -> str:
    names = [p.name for p in settings.pbx]
    if pbx is None and len(names) > 1:
        give_up(f"{config} has more than one PBX; name one with --pbx: {', '.join(names)}")
    name = pbx or names[0]
    if name not in names:
        give_up(f"{config} has no [[pbx]] {name}; there are: {', '.join(names)}")
    return name


def _settings(config: Path) -> Settings:
    try:
        return load(config, os.environ)
    except SettingsError as error:
        give_up(str(error))


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


def main() -> None:
    """The entry point of the command."""
    commands()


if __name__ == "__main__":
    main()
