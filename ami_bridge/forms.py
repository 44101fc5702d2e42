"""The forms that a setting's text may have, each refused in words that say what is needed.

The words never repeat the value: it may be a secret that was put in the wrong place.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable
from datetime import UTC
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, SecretStr

from ami_bridge.calendars import known_holidays
from ami_bridge.domain.hours import Hours
from ami_bridge.numbering import known_region


class Part(BaseModel):
    """A section of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _network(value: object) -> object:
    try:
        if isinstance(value, str | IPv4Network | IPv6Network):
            return ip_network(value)
    except ValueError:
        pass
    raise ValueError("a network such as 10.0.0.0/8, or one address, is needed")


def form(pattern: str, needed: str) -> AfterValidator:
    """Refuse text that is not of the form `pattern`, saying in words what is needed."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{needed} is needed")
        return value

    return AfterValidator(check)


def _is_secret(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if not secret or not secret.isprintable():
        raise ValueError("it is empty or has characters that cannot be printed; set it to a long random text")
    return value


def _is_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_.~+=-]{8,200}", value.get_secret_value(), re.ASCII):
        raise ValueError(
            "8 to 200 letters, digits or _.~+=- are needed; set KEEPLINE_AGI_TOKEN to a random text of them"
        )
    return value


def _is_pin(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9]{4,12}", value.get_secret_value(), re.ASCII):
        raise ValueError("4 to 12 digits are needed")
    return value


def _is_hook_secret(value: SecretStr) -> SecretStr:
    """As the Standard Webhooks specification has it: 24 to 64 bytes in base64, with whsec_ before them or not."""
    try:
        length = len(b64decode(value.get_secret_value().removeprefix("whsec_"), validate=True))
    except ValueError:
        length = 0
    if not 24 <= length <= 64:
        raise ValueError("24 to 64 random bytes in base64, after whsec_, are needed")
    return value


def _region(value: str) -> str:
    if not known_region(value):
        raise ValueError("a country's two capital letters are needed, such as DE")
    return value


def _subdivision(value: str) -> str:
    if not known_holidays(value):
        raise ValueError("a country, or a part of one, whose holidays are known is needed, such as DE or DE-BY")
    return value


Pin = Annotated[SecretStr, AfterValidator(_is_pin)]
Network = Annotated[InstanceOf[IPv4Network] | InstanceOf[IPv6Network], BeforeValidator(_network)]
Name = Annotated[
    str,
    form(r"[a-z0-9][a-z0-9_-]{0,39}", "a name of up to 40 small letters, digits, - and _ that begins with no sign"),
]


def _hours(value: str) -> str:
    Hours((value,), UTC)
    return value


OpeningHours = Annotated[str, AfterValidator(_hours)]
Spoken = Annotated[str, Field(min_length=1, max_length=80)]
Words = Annotated[str, Field(min_length=1, max_length=600)]
Language = Annotated[str, form(r"[a-z]{2}(_[A-Z]{2})?", "a language such as en or de_AT")]
Translations = dict[Language, Spoken]  # by language
DeviceName = Annotated[str, form(r"[A-Za-z0-9]+/[A-Za-z0-9_.-]+", "a device such as PJSIP/101")]
Host = Annotated[str, form(r"[A-Za-z0-9.:_-]{1,253}", "a host name or address")]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=7 * 86400)]
_AUTHORITY = r"://[A-Za-z0-9.:\[\]_-]+[A-Za-z0-9\]]"
AgiUrl = Annotated[str, form("h?agi" + _AUTHORITY, "an address such as agi://192.0.2.1:4573, without a path,")]
AudioUrl = Annotated[str, form("https?" + _AUTHORITY, "an address such as http://192.0.2.1:8081, without a path,")]
Number = Annotated[str, form(r"\+?[0-9]{2,15}", "a number of 2 to 15 digits, with a + before it or not,")]
Region = Annotated[str, AfterValidator(_region)]
Subdivision = Annotated[str, AfterValidator(_subdivision)]
RatePrefix = Annotated[str, form(r"\+[0-9]{1,15}", "a prefix such as +4915")]
Rate = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
HookUrl = Annotated[str, form(r"https?://[\x21\x23-\x7e]{1,1000}", "an address such as https://crm.example/hook")]
HookSecret = Annotated[SecretStr, AfterValidator(_is_hook_secret)]
Secret = Annotated[SecretStr, AfterValidator(_is_secret)]
Token = Annotated[SecretStr, AfterValidator(_is_token)]


# Where one of these is dialled, nothing of ours may stand between the caller and help.
EMERGENCY = frozenset({"000", "08", "110", "111", "112", "113", "115", "117", "118", "119", "120", "122", "911", "999"})


def base(language: str) -> str:
    """The language a tag is a variety of: `de` for `de_AT`."""
    return language[:2]


def no_doubles(what: str, values: Iterable[str]) -> None:
    twice = sorted(value for value, count in Counter(values).items() if count > 1)
    if twice:
        raise ValueError(f"{what} must differ: {', '.join(twice)} is there twice")
