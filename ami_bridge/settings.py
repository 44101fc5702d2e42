"""Settings: what an operator may set, validated once, frozen afterwards. `loading` reads them.

Every error names the setting, what is wrong with it and what to do; values are never echoed, since one may be a
secret.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cached_property
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from ami_bridge.domain.numbers import BadPrefix, NumberPolicy
from ami_bridge.forms import (
    EMERGENCY,
    AgiUrl,
    AudioUrl,
    DeviceName,
    Host,
    Name,
    Network,
    Number,
    OpeningHours,
    Pin,
    Port,
    Seconds,
    Secret,
    Spoken,
    Token,
    form,
    no_doubles,
)
from ami_bridge.tuning import Detection


class SettingsError(Exception):
    """The settings cannot be used. The message has one line per problem, each naming the setting."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _split_listen(value: object) -> object:
    match = re.fullmatch(r"(.+):(\d{1,5})", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("an address and port such as 127.0.0.1:8080 is needed")
    return {"host": match[1].strip("[]"), "port": int(match[2])}


class Listen(_Part):
    host: Host
    port: Annotated[int, Field(ge=0, le=65535)]


Listener = Annotated[Listen, BeforeValidator(_split_listen)]


class Store(_Part):
    url: str = "sqlite:///keepline.db"


class Voice(_Part):
    directory: Path = Path("announcements")
    recordings: Path | None = None  # operators' own recordings by phrase; they win over synthesis


class Agi(_Part):
    listen: Listener = Listen(host="127.0.0.1", port=4573)
    url: AgiUrl = "agi://127.0.0.1:4573"
    allow: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"),)
    token: Token
    sessions: Annotated[int, Field(ge=1, le=100_000)] = 2000
    drain_seconds: Seconds = 30


class Audio(_Part):
    listen: Listener = Listen(host="127.0.0.1", port=8081)
    url: AudioUrl = "http://127.0.0.1:8081"


class Web(_Part):
    listen: Listener = Listen(host="127.0.0.1", port=8080)
    hosts: tuple[str, ...] = ()  # host names, beside loopback's, under which the page may be asked for
    token: Token | None = None  # with which orders are given; none are taken without


class Announcement(_Part):
    lifetime_seconds: Annotated[float, Field(ge=60, le=86400)] = 7200
    word_every_seconds: Annotated[float, Field(ge=300, le=86400)] = 1800
    suspected: Literal["announce", "wait"] = "wait"  # whether callers hear of what is only suspected


class Callback(_Part):
    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    spacing_seconds: Seconds = 600
    lifetime_seconds: Seconds = 96 * 3600
    ring_seconds: Annotated[float, Field(ge=5, le=120)] = 30
    news_at_once: Annotated[int, Field(ge=1, le=100)] = 2  # calls at a time that tell people it is fixed


class Tenant(_Part):
    name: Name
    spoken: Spoken
    timezone: str = "UTC"
    language: Annotated[str, form(r"[a-z]{2}(_[A-Z]{2})?", "a language such as en or de_AT")] = "en"
    callback_numbers: tuple[str, ...] = ()
    pin: Pin | None = None  # with which its operators declare an outage by telephone

    @model_validator(mode="after")
    def _checks(self) -> Self:
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):
            raise ValueError("timezone is not one of the IANA names, such as Europe/Berlin") from None
        try:
            NumberPolicy(self.callback_numbers)
        except BadPrefix as bad:
            raise ValueError(f"callback_numbers: {bad}") from None
        return self

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @cached_property
    def numbers(self) -> NumberPolicy:
        return NumberPolicy(self.callback_numbers)


class Trunk(_Part):
    name: Name  # the PJSIP endpoint's name
    spoken: Spoken  # in the customer's terms: "our main telephone line"


# From which minor version on each of these filters events by name; older ones only by regular expressions.
_FILTERS_BY_NAME = {18: 26, 20: 11, 21: 6, 22: 1}


def _version_text(value: object) -> object:
    """A number stands for a whole version; 18.20 as a number would be 18.2."""
    if isinstance(value, float):
        raise ValueError(  # noqa: TRY004 - pydantic tells people of no other
            'a version with a point is written in quotes, such as "18.20"'
        )
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class RecordFiles(_Part):
    """Files in which a PBX writes down what becomes of calls, as they are named on this host."""

    cel: Path | None = None
    queue_log: Path | None = None
    cdr: Path | None = None


class Pbx(_Part):
    name: Name
    host: Host
    port: Port = 5038
    username: Name = "keepline"
    secret: Secret
    permit: tuple[Network, ...] = (IPv4Network("127.0.0.1/32"),)  # from where the PBX lets us log in
    asterisk: Annotated[
        str, form(r"[0-9]{1,3}(\.[0-9]{1,4}){0,2}", 'a version such as 22 or "18.20"'), BeforeValidator(_version_text)
    ] = "22"
    trunk: tuple[Trunk, ...] = ()
    spoken: Spoken = "our telephone system"
    records: RecordFiles = RecordFiles()

    @property
    def filters_by_name(self) -> bool:
        """Whether this Asterisk filters AMI events by name; without a minor version 18, 20 and 21 may not."""
        major, *minor = (int(part) for part in self.asterisk.split("."))
        since = _FILTERS_BY_NAME.get(major, 0 if major > max(_FILTERS_BY_NAME) else None)
        if since is None:
            return False
        return minor[0] >= since if minor else major >= max(_FILTERS_BY_NAME)

    @model_validator(mode="after")
    def _trunks_differ(self) -> Self:
        no_doubles("trunk names", [trunk.name for trunk in self.trunk])
        return self


class Line(_Part):
    name: Name
    tenant: Name
    pbx: Name
    dids: Annotated[tuple[Number, ...], Field(min_length=1)]
    queue: Annotated[str, form(r"[A-Za-z0-9_-]{1,60}", "a queue's name of letters, digits, - and _")] | None = None
    ring: tuple[DeviceName, ...] = ()
    patience_seconds: Annotated[int, Field(ge=3, le=3600)] = 20
    trunks: tuple[Name, ...] = ()  # whose failure this line's callers are told about
    callback_trunks: Annotated[tuple[Name, ...], Field(min_length=1)]  # tried in this order, those not down first
    caller_id: Number
    open: tuple[OpeningHours, ...] = ()  # when somebody should be there to answer; empty: whenever callers come
    declare_code: Annotated[str, form(r"[*#0-9]{2,10}", "a code such as *5501")] | None = None

    @model_validator(mode="after")
    def _one_way_to_people(self) -> Self:
        no_doubles("dids", self.dids)
        if emergency := [did for did in self.dids if did in EMERGENCY]:
            raise ValueError(f"dids: {emergency[0]} is an emergency number; those never pass through a line")
        if (self.queue is None) == (not self.ring):
            raise ValueError("a line has either a `queue` or phones to `ring`, and not both")
        return self


class Site(_Part):
    """A group of a tenant's phones at one place, whose network or power can fail for all of them together."""

    name: Name
    tenant: Name
    pbx: Name
    spoken: Spoken  # in the customer's terms: "our office in Hamburg"
    phones: Annotated[tuple[DeviceName, ...], Field(min_length=2)]
    lines: tuple[Name, ...] = ()  # whose callers are told when it fails

    @model_validator(mode="after")
    def _phones_differ(self) -> Self:
        no_doubles("phones", self.phones)
        return self


class Settings(_Part):
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

    def _check_site(self, site: Site) -> None:
        if site.tenant not in {t.name for t in self.tenant}:
            raise ValueError(f"site {site.name}: there is no [[tenant]] {site.tenant}")
        if site.pbx not in {p.name for p in self.pbx}:
            raise ValueError(f"site {site.name}: there is no [[pbx]] {site.pbx}")
        mine = {line.name for line in self.lines_of(site.pbx) if line.tenant == site.tenant}
        if strangers := [name for name in site.lines if name not in mine]:
            raise ValueError(f"site {site.name}: {site.tenant} has no [[line]] {strangers[0]} on {site.pbx}")

    def tenant_named(self, name: str) -> Tenant:
        return next(t for t in self.tenant if t.name == name)

    def lines_of(self, pbx: str) -> tuple[Line, ...]:
        return tuple(line for line in self.line if line.pbx == pbx)

    def sites_of(self, pbx: str) -> tuple[Site, ...]:
        return tuple(site for site in self.site if site.pbx == pbx)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)
