"""The dialplan and the AMI account of one PBX, from values that were checked for what a dialplan would interpret."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from dialplan_templates import contract

# What may stand in a dialplan unquoted without being read as syntax.
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@-]+", re.ASCII)
# What names a context or an extension: no leading underscore, which would make it a pattern.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_URL = re.compile(r"[a-z]+://[A-Za-z0-9_.:\[\]-]+", re.ASCII)
_EXTENSION = re.compile(r"[0-9+*#]+", re.ASCII)
_SECRET = re.compile(r"[A-Za-z0-9_.~+=-]+", re.ASCII)

_FOLDER = re.compile(r"/[A-Za-z0-9_./-]+", re.ASCII)
_CALLER = re.compile(r"\+?[0-9]+\*?", re.ASCII)

# What must never lead to a line of ours, whatever the settings say: emergency numbers with more than two digits.
EMERGENCY = frozenset({"000", "110", "111", "112", "113", "115", "117", "118", "119", "120", "122", "911", "999"})
# Codecs that carry 16 kHz, as CHANNEL(audionativeformat) names them.
WIDEBAND = "g722|opus|slin1|slin2|slin3|slin4|slin9|speex16|speex32|silk16|silk24|siren|amrwb"
# How often a caller may hear the fallback again, and how long it may take in all, in seconds.
AGAIN_MOST, CACHED_MOST = 5, 300
# How often one caller is put to a line: a call whose caller is no longer there ends some time.
ROUNDS_MOST = 500
# Seconds after an announcement in which a key may still come. With the second before the next round it stays under the
# four seconds of silence that nobody is to hear.
KEY_WAIT = 2.5
# Seconds a place-holder may stand in line.
HOLD_MOST = 3600
# Seconds for which nobody is asked who was late: what callers hear then lies on the PBX.
SILENT_FOR = 10

OURS = ("WIDEBAND", "AGAIN_MOST", "CACHED_MOST", "KEY_WAIT", "ROUNDS_MOST", "SILENT_FOR", "HOLD_MOST")

# The classes of the events read, and of the actions sent; docs/install.md says which is for what.
READ = ("system", "call", "agent", "dialplan", "reporting", "user")
WRITE = ("system", "reporting", "originate")


class Unrenderable(ValueError):
    """A value cannot stand in a dialplan without being read as syntax, or must not; nothing was written."""

    def __init__(self, what: str, value: str, why: str = "has characters that a dialplan would interpret") -> None:
        super().__init__(f"{what} {value!r} {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPlan:
    """Callers with a place of their own in a line's queue: `numbers`, of which one ending in `*` is a prefix.

    Of several that fit a caller the longest counts, and of equal ones the highest `priority` (0 to 9).
    """

    numbers: tuple[str, ...]
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    """A line as the dialplan knows it: its numbers, and a queue or the phones that ring for `patience` seconds.

    `declare_code` is what staff dial to say that it is out of order. `segments` hold with the companion dead.
    """

    name: str
    dids: tuple[str, ...]
    patience: int
    queue: str | None = None
    ring: tuple[str, ...] = ()
    declare_code: str | None = None
    segments: tuple[SegmentPlan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEvent:
    """A type of AMI event that is read; with `header`, only those in which it has exactly this `value`."""

    name: str
    header: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxPlan:
    """Everything rendered for one PBX. `budget` is how long, in seconds, the companion may be silent during a call.

    `named_filters`: whether this Asterisk filters events by name (18.26, 20.11, 21.6, 22.1 and later) or only by
    regular expressions over the whole text of each event. `macros`: whether its Queue() takes a macro too (before 21).
    `wide`: recordings are there in 16 kHz too, and are played to channels whose codec carries them. `sounds`: where
    this PBX finds the recordings as files, in a directory it shares with us; None: it fetches them from `audio_url`.
    """

    pbx: str
    agi_url: str
    audio_url: str
    username: str
    permit: tuple[str, ...]
    lines: tuple[LinePlan, ...]
    token: str = field(repr=False)
    secret: str = field(repr=False)
    events: tuple[ReadEvent, ...]
    named_filters: bool = True
    macros: bool = False
    budget: int = 3
    wide: bool = False
    sounds: str | None = None


def render(plan: PbxPlan) -> Mapping[str, str]:
    """The files by name: `extensions.conf` and `manager.conf`. Raise Unrenderable before anything is made."""
    _check(plan)
    environment = Environment(
        loader=PackageLoader("dialplan_templates", "."),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - not HTML; _check above is what guards a dialplan
        keep_trailing_newline=True,
    )
    values = {name: getattr(plan, name) for name in PbxPlan.__dataclass_fields__}
    agreed = {name: value for name, value in vars(contract).items() if name.isupper()}
    ours = {name: globals()[name] for name in OURS}
    return {
        name: environment.get_template(f"{name}.j2").render(
            **values, **agreed, **ours, places=_places, read=READ, write=WRITE
        )
        for name in ("extensions.conf", "manager.conf")
    }


def write(plan: PbxPlan, directory: Path) -> list[Path]:
    """Write the rendered files into `directory`, readable by owner and group only: they hold the two secrets."""
    files = render(plan)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in files.items():
        path = directory / name
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        # Never readable by others, not even for the moment before a chmod.
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        fresh.chmod(0o640)
        fresh.replace(path)
        paths.append(path)
    return paths


def _places(line: LinePlan) -> list[tuple[str, int]]:
    """The line's segments as extensions with their priorities: `c` and a number, or a pattern for a prefix.

    Asterisk itself looks for the longest that fits; `c` keeps a number from being an extension of Asterisk's own.
    """
    found: dict[str, int] = {}
    for segment in line.segments:
        for number in segment.numbers:
            extension = f"_c{number[:-1]}!" if number.endswith("*") else f"c{number}"
            found[extension] = max(segment.priority, found.get(extension, 0))
    return sorted(found.items())


def _check(plan: PbxPlan) -> None:
    _allow(_NAME, "pbx name", plan.pbx)
    _allow(_URL, "agi.url", plan.agi_url)
    _allow(_URL, "audio.url", plan.audio_url)
    _allow(_NAME, "username", plan.username)
    for what, secret in (("agi token", plan.token), ("AMI secret", plan.secret)):
        if not _SECRET.fullmatch(secret):
            raise Unrenderable(what, "(not shown)")
    for event in plan.events:
        _allow(_NAME, "event", event.name)
        if event.header:
            _allow(_NAME, f"event {event.name}: header", event.header)
            _allow(_NAME, f"event {event.name}: value", event.value)
    for network in plan.permit:
        _allow(_PLAIN, "permit", network)
    if plan.sounds is not None:
        _allow(_FOLDER, "sounds", plan.sounds)
    for line in plan.lines:
        _check_line(line)


def _check_line(line: LinePlan) -> None:
    _allow(_NAME, "line name", line.name)
    for what, number in (*(("did", did) for did in line.dids), ("declare_code", line.declare_code)):
        if number is not None:
            _allow(_EXTENSION, f"line {line.name}: {what}", number)
            if number.lstrip("+") in EMERGENCY:
                raise Unrenderable(f"line {line.name}: {what}", number, "is an emergency number")
    for device in line.ring:
        _allow(_PLAIN, f"line {line.name}: ring", device)
    if line.queue is not None:
        _allow(_PLAIN, f"line {line.name}: queue", line.queue)
    for segment in line.segments:
        for number in segment.numbers:
            _allow(_CALLER, f"line {line.name}: segment", number)
        if not 0 <= segment.priority < contract.CALLBACK_PRIORITY:
            raise Unrenderable(f"line {line.name}: priority", str(segment.priority), "is not 0 to 9")


def _allow(pattern: re.Pattern[str], what: str, value: str) -> None:
    if not pattern.fullmatch(value):
        raise Unrenderable(what, value)
