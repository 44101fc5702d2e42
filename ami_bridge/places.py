"""What the settings name: tenants, PBXs with their trunks, lines, sites, and who may report by webhook."""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from ami_bridge.domain.numbers import BadPrefix, NumberPolicy
from ami_bridge.forms import (
    EMERGENCY,
    DeviceName,
    Host,
    Name,
    Network,
    Number,
    OpeningHours,
    Part,
    Pin,
    Port,
    Seconds,
    Secret,
    Spoken,
    Token,
    form,
    no_doubles,
)


class Tenant(Part):
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


class Trunk(Part):
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


class RecordFiles(Part):
    """Files in which a PBX writes down what becomes of calls, as they are named on this host."""

    cel: Path | None = None
    queue_log: Path | None = None
    cdr: Path | None = None


class Pbx(Part):
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


class Line(Part):
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


class Site(Part):
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


class Rule(Part):
    """Alerts that have all these labels are about this trunk, site, line or PBX."""

    labels: Annotated[dict[str, str], Field(min_length=1)]
    pbx: Name
    kind: Literal["trunk", "site", "line", "pbx"]
    name: Name


class Webhook(Part):
    """Another system that may say how something is: Prometheus' Alertmanager, or any by the plain form."""

    name: Name
    token: Token
    says: Literal["hint", "suspect", "down"] = "suspect"  # how much it says by itself, at most
    lifetime_seconds: Seconds = 5 * 3600  # how long a report holds that nobody renews
    rule: tuple[Rule, ...] = ()
