"""Settings: what an operator may set, validated once, frozen afterwards. `loading` reads them.

Every error names the setting, what is wrong with it and what to do; values are never echoed, since one may be a
secret.
"""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ami_bridge.forms import AgiUrl, AudioUrl, Host, Language, Network, Part, Seconds, Token, form, no_doubles
from ami_bridge.places import Line, Pbx, Site, Tenant, Webhook
from ami_bridge.tuning import Detection


class SettingsError(Exception):
    """The settings cannot be used. The message has one line per problem, each naming the setting."""


def _split_listen(value: object) -> object:
    match = re.fullmatch(r"(.+):(\d{1,5})", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("an address and port such as 127.0.0.1:8080 is needed")
    return {"host": match[1].strip("[]"), "port": int(match[2])}


class Listen(Part):
    host: Host
    port: Annotated[int, Field(ge=0, le=65535)]


Listener = Annotated[Listen, BeforeValidator(_split_listen)]


class Store(Part):
    """The ledger."""

    url: str = "sqlite:///keepline.db"  # sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME
    keep_days: Annotated[int, Field(ge=8, le=3650)] = 90  # ended incidents, planned work and orders are forgotten after


class Voice(Part):
    """What is said to callers."""

    directory: Path = Path("announcements")  # where recordings are kept
    recordings: Path | None = None  # operators' own recordings by phrase; they win over synthesis
    phrases: Path | None = None  # templates of your own, used in place of ours ([announcements.md](announcements.md))
    piper_voices: dict[Language, Path] = Field(default_factory=dict)  # voice files of piper, where it is to be used
    flite_voice: Annotated[str, form(r"[a-z0-9_]{1,20}", "a voice of flite")] = "slt"  # for English without piper
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 14  # recordings nobody needs any more are deleted after


class Agi(Part):
    """Where PBXs ask what to say to a caller."""

    listen: Listener = Listen(host="127.0.0.1", port=4573)  # the address and port Keepline listens on
    url: AgiUrl = "agi://127.0.0.1:4573"  # the same as the PBXs reach it
    allow: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"),)  # networks of the PBXs that may ask
    token: Token  # what the rendered dialplan shows when it asks
    sessions: Annotated[int, Field(ge=1, le=100_000)] = 2000  # callers spoken to at a time; others hear the cache
    drain_seconds: Seconds = 30  # how long callers may be heard out when Keepline stops


class Audio(Part):
    """Where PBXs fetch recordings."""

    listen: Listener = Listen(host="127.0.0.1", port=8081)  # the address and port Keepline listens on
    url: AudioUrl = "http://127.0.0.1:8081"  # the same as the PBXs reach it


class Web(Part):
    """The status page, and where orders and webhooks are taken."""

    listen: Listener = Listen(host="127.0.0.1", port=8080)  # better left on the loopback address, or behind a proxy
    hosts: tuple[str, ...] = ()  # host names, beside loopback's, under which the page may be asked for
    token: Token | None = None  # with which orders are given; none are taken without


class Announcement(Part):
    """What callers hear of incidents, and for how long."""

    lifetime_seconds: Annotated[float, Field(ge=60, le=86400)] = 7200  # what is not renewed is not played any more
    word_every_seconds: Annotated[float, Field(ge=300, le=86400)] = 1800  # between two words: "next word by 14:30"
    suspected: Literal["announce", "wait"] = "wait"  # whether callers hear of what is only suspected
    # how long an outage declared by telephone lasts
    declared_seconds: Annotated[float, Field(ge=60, le=7 * 86400)] = 4 * 3600


class Callback(Part):
    """How promised calls are placed."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 5  # calls at most, until the customer is reached
    spacing_seconds: Seconds = 600  # between two of them
    busy_seconds: Seconds = 180  # the same after their line was busy
    failed_seconds: Seconds = 60  # and after a call that failed here: doubled each time, to a quarter of an hour
    lifetime_seconds: Seconds = 96 * 3600  # a promise that could not be kept by then ends
    missed_attempts: Annotated[int, Field(ge=1, le=20)] = 2  # calls at most to those who did not ask for one
    missed_lifetime_seconds: Seconds = 24 * 3600  # and for how long
    at_once_seconds: Annotated[float, Field(ge=0, le=86400)] = 7200  # who asked so lately is called at any hour
    ring_seconds: Annotated[float, Field(ge=5, le=120)] = 30  # how long the customer's phone rings
    news_at_once: Annotated[int, Field(ge=1, le=100)] = 2  # calls at a time that tell people it is fixed
    news_per_second: Annotated[float, Field(gt=0, le=100)] = 1.0  # and how many of them are begun in a second
    # calls of anybody's on a trunk, above which none of them is begun: what it carries less what others need
    channels: Annotated[int, Field(ge=1, le=10_000)] = 20


class Settings(Part):
    """Everything an operator may set. Durations are in seconds."""

    store: Store = Store()
    voice: Voice = Voice()
    agi: Agi
    audio: Audio = Audio()
    web: Web = Web()
    detection: Detection = Detection()
    announcement: Announcement = Announcement()
    callback: Callback = Callback()
    tenant: Annotated[tuple[Tenant, ...], Field(min_length=1)]
    pbx: Annotated[tuple[Pbx, ...], Field(min_length=1)]
    line: Annotated[tuple[Line, ...], Field(min_length=1)]
    site: tuple[Site, ...] = ()
    webhook: tuple[Webhook, ...] = ()

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        no_doubles("[[tenant]] names", [t.name for t in self.tenant])
        no_doubles("[[pbx]] names", [p.name for p in self.pbx])
        no_doubles("[[line]] names", [x.name for x in self.line])
        no_doubles("[[site]] names", [s.name for s in self.site])
        for line in self.line:
            self._check_line(line)
        for site in self.site:
            self._check_site(site)
        no_doubles("[[webhook]] names", [hook.name for hook in self.webhook])
        for hook in self.webhook:
            self._check_rules(hook)
        return self

    def _check_line(self, line: Line) -> None:
        if line.tenant not in {t.name for t in self.tenant}:
            raise ValueError(f"line {line.name}: there is no [[tenant]] {line.tenant}")
        pbx = next((p for p in self.pbx if p.name == line.pbx), None)
        if pbx is None:
            raise ValueError(f"line {line.name}: there is no [[pbx]] {line.pbx}")
        trunks = {t.name for t in pbx.trunk}
        for trunk in (*line.trunks, *line.callback_trunks):
            if trunk not in trunks:
                raise ValueError(f"line {line.name}: [[pbx]] {pbx.name} has no [[pbx.trunk]] {trunk}")
        for other in self.line:
            if other is line or other.pbx != line.pbx:
                continue
            if clash := set(other.dids) & set(line.dids):
                raise ValueError(f"line {line.name}: did {min(clash)} belongs to line {other.name} too")
            if line.queue is not None and line.queue == other.queue:
                raise ValueError(f"line {line.name}: queue {line.queue} belongs to line {other.name} too")
            if line.declare_code is not None and line.declare_code == other.declare_code:
                raise ValueError(f"line {line.name}: declare_code belongs to line {other.name} too")
        if line.declare_code is not None and self.tenant_named(line.tenant).pin is None:
            raise ValueError(
                f"line {line.name}: declare_code needs a PIN; set KEEPLINE_TENANT_<NAME>_PIN for tenant {line.tenant}"
            )

    def _check_site(self, site: Site) -> None:
        if site.tenant not in {t.name for t in self.tenant}:
            raise ValueError(f"site {site.name}: there is no [[tenant]] {site.tenant}")
        if site.pbx not in {p.name for p in self.pbx}:
            raise ValueError(f"site {site.name}: there is no [[pbx]] {site.pbx}")
        mine = {line.name for line in self.lines_of(site.pbx) if line.tenant == site.tenant}
        if strangers := [name for name in site.lines if name not in mine]:
            raise ValueError(f"site {site.name}: {site.tenant} has no [[line]] {strangers[0]} on {site.pbx}")

    def _check_rules(self, hook: Webhook) -> None:
        for rule in hook.rule:
            pbx = next((p for p in self.pbx if p.name == rule.pbx), None)
            if pbx is None:
                raise ValueError(f"webhook {hook.name}: there is no [[pbx]] {rule.pbx}")
            names = {
                "pbx": {pbx.name},
                "trunk": {trunk.name for trunk in pbx.trunk},
                "site": {site.name for site in self.sites_of(pbx.name)},
                "line": {line.name for line in self.lines_of(pbx.name)},
                "tenant": {line.tenant for line in self.lines_of(pbx.name)},
            }[rule.kind]
            if rule.name not in names:
                raise ValueError(f"webhook {hook.name}: {pbx.name} has no {rule.kind} {rule.name}")

    def tenant_named(self, name: str) -> Tenant:
        return next(t for t in self.tenant if t.name == name)

    def lines_of(self, pbx: str) -> tuple[Line, ...]:
        return tuple(line for line in self.line if line.pbx == pbx)

    def sites_of(self, pbx: str) -> tuple[Site, ...]:
        return tuple(site for site in self.site if site.pbx == pbx)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)
