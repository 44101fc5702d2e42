"""What the settings name: tenants, PBXs with their trunks, lines, sites, and who may report by webhook."""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from ami_bridge.denylist import BadList, read
from ami_bridge.domain.numbers import BadPrefix, NumberPolicy
from ami_bridge.forms import (
    EMERGENCY,
    DeviceName,
    HookSecret,
    HookUrl,
    Host,
    Language,
    Name,
    Network,
    Number,
    OpeningHours,
    Part,
    Pin,
    Port,
    Rate,
    RatePrefix,
    Region,
    Seconds,
    Secret,
    Spoken,
    Subdivision,
    Token,
    Translations,
    Words,
    base,
    form,
    no_doubles,
)

CallableType = Literal[
    "fixed", "mobile", "voip", "toll-free", "shared-cost", "premium", "personal", "pager", "uan", "voicemail"
]
CallingTimes = Annotated[tuple[OpeningHours, ...], Field(min_length=1)]


class Segment(Part):
    """Callers of a tenant who are treated differently, known by their numbers."""

    name: Name  # of the segment
    numbers: Annotated[tuple[str, ...], Field(min_length=1)]  # numbers and prefixes ("+4930*") of these callers
    words: dict[Language, Words] = Field(default_factory=dict)  # said to them first where there is something to say
    # their place in the queue: from 9, ahead of all others, to 0, in turn
    priority: Annotated[int, Field(ge=0, le=9)] = 0

    @model_validator(mode="after")
    def _numbers_are(self) -> Self:
        _number_policy("numbers", self.numbers)
        return self

    @cached_property
    def policy(self) -> NumberPolicy:
        return NumberPolicy(self.numbers)


class Tenant(Part):
    """A customer of yours, to whom lines belong."""

    name: Name  # by which lines and sites refer to it
    spoken: Spoken  # as its callers know it: "Acme Hosting"
    timezone: str = "UTC"  # in which times are said and hours are open: an IANA name such as Europe/Berlin
    language: Language = "en"  # in which its callers are spoken to, and in which `spoken` texts are written
    languages: tuple[Language, ...] = ()  # others it speaks, to callers whose channel's language is one of them
    spoken_in: Translations = Field(default_factory=dict)  # `spoken` in those: { de = "Beispiel GmbH" }
    service: Spoken = "our service"  # in the customer's terms, where all that it offers is out of order
    service_in: Translations = Field(default_factory=dict)  # `service` in other languages
    segment: tuple[Segment, ...] = ()  # callers with words, or a place in line, of their own
    region: Region | None = None  # its country, as whose a number without + is read; else the first it calls back
    callback_regions: tuple[Region, ...] = ()  # whose numbers may be called: ["DE", "AT"]; no others are
    callback_types: tuple[CallableType, ...] = ("fixed", "mobile", "voip")  # and which of their numbers
    callback_numbers: tuple[str, ...] = ()  # numbers and prefixes ("+4930*") that may be called beside those
    do_not_call: tuple[str, ...] = ()  # numbers and prefixes that are never called, whatever else allows them
    do_not_call_file: Path | None = None  # more of them, one on a line; read again when it changes
    calling: CallingTimes = ("mon-sat 09:00-20:00",)  # when people may be called back, by the clock where they are
    calling_uninvited: CallingTimes = ("mon-sat 10:00-19:00",)  # when those who do not wait for it: missed calls, news
    # whose holidays are kept, beside those of the whole country that is called: ["DE-BY"]
    holidays: tuple[Subdivision, ...] = ()
    calling_on_holidays: bool = False  # whether people are called on them all the same
    calls_per_number: Annotated[int, Field(ge=1, le=1000)] = 6  # to one number in a day, at most
    calls_per_day: Annotated[int, Field(ge=1, le=100_000)] = 500  # of this tenant, to all numbers
    spend_per_day: Annotated[float, Field(gt=0, le=1_000_000)] | None = None  # money, in the currency of `rates`
    # what a minute costs, by prefix: { "+49" = 0.02, "+4915" = 0.12 }; where none fits, the dearest
    rates: Annotated[dict[RatePrefix, Rate], Field(max_length=10_000)] = Field(default_factory=dict)
    pin: Pin | None = None  # with which its operators declare an outage by telephone
    screen_pop: HookUrl | None = None  # told who is called back, before an agent is joined with them
    screen_pop_secret: HookSecret | None = None  # with which that is signed

    @model_validator(mode="after")
    def _checks(self) -> Self:
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):
            raise ValueError("timezone is not one of the IANA names, such as Europe/Berlin") from None
        _number_policy("callback_numbers", self.callback_numbers)
        _number_policy("do_not_call", self.do_not_call)
        if self.do_not_call_file is not None:
            try:
                read(self.do_not_call_file)
            except BadList as bad:
                raise ValueError(f"do_not_call_file: {bad}") from None
        if self.spend_per_day is not None and not self.rates:
            raise ValueError("spend_per_day needs `rates`: what a minute costs")
        if (self.screen_pop is None) != (self.screen_pop_secret is None):
            raise ValueError("screen_pop needs its secret, KEEPLINE_TENANT_<NAME>_SCREEN_POP_SECRET, and that needs it")
        no_doubles("languages", [base(tag) for tag in (self.language, *self.languages)])
        no_doubles("[[tenant.segment]] names", [segment.name for segment in self.segment])
        return self

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @cached_property
    def numbers(self) -> NumberPolicy:
        return NumberPolicy(self.callback_numbers)

    @cached_property
    def home(self) -> str:
        """The country as whose a number without + is read; "" if none is known."""
        return self.region or next(iter(self.callback_regions), "")

    @cached_property
    def spoken_languages(self) -> tuple[str, ...]:
        """All it speaks, its own first."""
        return tuple(base(tag) for tag in (self.language, *self.languages))

    def segment_of(self, number: str | None) -> Segment | None:
        """The segment that names `number` most closely, by its longest prefix; of equals the one further ahead."""
        fitting = [segment for segment in self.segment if number and segment.policy.closeness(number)]
        return max(fitting, key=lambda one: (one.policy.closeness(number or ""), one.priority), default=None)


def _number_policy(setting: str, numbers: tuple[str, ...]) -> None:
    try:
        NumberPolicy(numbers)
    except BadPrefix as bad:
        raise ValueError(f"{setting}: {bad}") from None


class Trunk(Part):
    """A way of the PBX to the telephone network."""

    name: Name  # the PJSIP endpoint's name
    spoken: Spoken  # in the customer's terms: "our main telephone line"
    spoken_in: Translations = Field(default_factory=dict)  # `spoken` in other languages


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

    cel: Path | None = None  # written by cel_custom: every step of every call
    queue_log: Path | None = None  # how waiting callers left the queue
    cdr: Path | None = None  # written by cdr_csv or cdr_custom


class Sounds(Part):
    """A directory in which this host writes recordings and the PBX reads them."""

    here: Path  # as it is named on this host
    there: Annotated[str, form(r"/[A-Za-z0-9_./-]+", "an absolute path")]  # as it is named on the PBX


class Pbx(Part):
    """An Asterisk server that is watched."""

    name: Name  # by which lines and sites refer to it
    host: Host  # where its manager interface (AMI) is reached
    port: Port = 5038  # of its manager interface
    username: Name = "keepline"  # of our account there
    secret: Secret  # of that account
    permit: tuple[Network, ...] = (IPv4Network("127.0.0.1/32"),)  # from where the PBX lets us log in
    # its version, which decides how events are filtered
    asterisk: Annotated[
        str, form(r"[0-9]{1,3}(\.[0-9]{1,4}){0,2}", 'a version such as 22 or "18.20"'), BeforeValidator(_version_text)
    ] = "22"
    trunk: tuple[Trunk, ...] = ()
    spoken: Spoken = "our telephone system"  # in the customer's terms, where all of it is out of order
    spoken_in: Translations = Field(default_factory=dict)  # `spoken` in other languages
    wide: bool = False  # also play recordings in 16 kHz, to channels whose codec is wideband
    sounds: Sounds | None = None  # a directory shared with this PBX; without one it fetches recordings by HTTP
    records: RecordFiles = RecordFiles()

    @property
    def filters_by_name(self) -> bool:
        """Whether this Asterisk filters AMI events by name; without a minor version 18, 20 and 21 may not."""
        major, *minor = (int(part) for part in self.asterisk.split("."))
        since = _FILTERS_BY_NAME.get(major, 0 if major > max(_FILTERS_BY_NAME) else None)
        if since is None:
            return False
        return minor[0] >= since if minor else major >= max(_FILTERS_BY_NAME)

    @property
    def has_macros(self) -> bool:
        """Whether this Asterisk runs macros, which were taken out with 21."""
        return int(self.asterisk.partition(".")[0]) < 21

    @model_validator(mode="after")
    def _trunks_differ(self) -> Self:
        no_doubles("trunk names", [trunk.name for trunk in self.trunk])
        return self


class Line(Part):
    """A support line: numbers whose callers must always hear something."""

    name: Name  # of the line
    tenant: Name  # whose line it is
    pbx: Name  # on which PBX
    dids: Annotated[tuple[Number, ...], Field(min_length=1)]  # its numbers, as trunks deliver them
    # where its callers wait: a queue of app_queue; or else `ring`
    queue: Annotated[str, form(r"[A-Za-z0-9_-]{1,60}", "a queue's name of letters, digits, - and _")] | None = None
    ring: tuple[DeviceName, ...] = ()  # phones that ring together for its callers
    patience_seconds: Annotated[int, Field(ge=3, le=3600)] = 20  # how long a caller waits before a callback is offered
    trunks: tuple[Name, ...] = ()  # whose failure this line's callers are told about
    callback_trunks: Annotated[tuple[Name, ...], Field(min_length=1)]  # tried in this order, those not down first
    caller_id: Number  # shown to customers who are called back
    # who is called first: the customer, once an agent is free, or an agent, who waits while the customer is called
    callback_way: Literal["customer-first", "agent-first"] = "customer-first"
    missed_calls: bool = False  # whether callers who gave up, or found nobody, are called back without having asked
    open: tuple[OpeningHours, ...] = ()  # when somebody should be there to answer; empty: whenever callers come
    # dialled by staff to declare an outage; see docs/operators-code.md
    declare_code: Annotated[str, form(r"[*#0-9]{2,10}", "a code such as *5501")] | None = None

    @model_validator(mode="after")
    def _one_way_to_people(self) -> Self:
        no_doubles("dids", self.dids)
        if emergency := [did for did in self.dids if did in EMERGENCY]:
            raise ValueError(f"dids: {emergency[0]} is an emergency number; those never pass through a line")
        if (self.queue is None) == (not self.ring):
            raise ValueError("a line has either a `queue` or phones to `ring`, and not both")
        if self.callback_way == "agent-first" and self.queue is None:
            raise ValueError('callback_way "agent-first" needs a `queue`')
        return self


class Site(Part):
    """A group of a tenant's phones at one place, whose network or power can fail for all of them together."""

    name: Name  # of the site
    tenant: Name  # whose site it is
    pbx: Name  # to which its phones belong
    spoken: Spoken  # in the customer's terms: "our office in Hamburg"
    spoken_in: Translations = Field(default_factory=dict)  # `spoken` in other languages
    phones: Annotated[tuple[DeviceName, ...], Field(min_length=2)]  # that fail together
    lines: tuple[Name, ...] = ()  # whose callers are told when it fails
    numbers: tuple[str, ...] = ()  # numbers and prefixes under which it is called; not called back while it is down

    @model_validator(mode="after")
    def _phones_differ(self) -> Self:
        no_doubles("phones", self.phones)
        _number_policy("numbers", self.numbers)
        return self


class Rule(Part):
    """Alerts that have all these labels are about this trunk, site, line, tenant or PBX."""

    labels: Annotated[dict[str, str], Field(min_length=1)]  # names and values that an alert must have, all of them
    pbx: Name  # on which PBX
    kind: Literal["trunk", "site", "line", "tenant", "pbx"]  # what it is about
    name: Name  # which of them


class Webhook(Part):
    """Another system that may say how something is: Prometheus' Alertmanager, or any by the plain form."""

    name: Name  # of the other system: part of the address it reports to
    token: Token  # with which it shows who it is
    says: Literal["hint", "suspect", "down"] = "suspect"  # how much it says by itself, at most
    lifetime_seconds: Seconds = 5 * 3600  # how long a report holds that nobody renews
    rule: tuple[Rule, ...] = ()
