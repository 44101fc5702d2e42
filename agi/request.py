"""What a session asks for and who the caller is, read from the `agi_*` block. The only place that builds a Caller.

The dialplan runs `AGI(agi://HOST:PORT/SCRIPT,TOKEN,PBX,LINE[,ATTEMPT])`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from agi.desk import Caller
from agi.environment import Environment
from agi.errors import Malformed

_NUMBER = re.compile(r"\+?[0-9]+")
_NUMBER_MAX = 20
_SEPARATORS = str.maketrans("", "", " ().-")

# ITU-T Q.951.3 as Asterisk's AST_PRES_* holds it: two bits say whether the number may be shown.
_PRESENTATION = 0x60
_RESTRICTED = 0x20


class Script(Enum):
    """The flows the dialplan can ask for; the value is the path in the AGI address."""

    STATUS = "status"
    UNANSWERED = "unanswered"
    CALLBACK = "callback"
    REHEARSE = "rehearse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    script: Script
    token: str = field(repr=False)
    caller: Caller


def read_request(environment: Environment) -> Request:
    """Return what `environment` asks for; raise Malformed naming what is missing or unknown."""
    name = environment.get("agi_network_script", "")
    try:
        script = Script(name)
    except ValueError:
        raise Malformed(f"there is no script {name[:40]!r}") from None
    # A rehearsal is about the PBX, not about a line of it.
    line = environment.get("agi_arg_3", "") if script is Script.REHEARSE else _needed(environment, "agi_arg_3")
    caller = Caller(
        pbx=_needed(environment, "agi_arg_2"),
        channel=_needed(environment, "agi_channel"),
        uniqueid=_needed(environment, "agi_uniqueid"),
        line=line,
        number=_number(environment),
        language=environment.get("agi_language") or "en",
        attempt=environment.get("agi_arg_4") or None,
    )
    return Request(script=script, token=environment.get("agi_arg_1", ""), caller=caller)


def _needed(environment: Environment, name: str) -> str:
    value = environment.get(name)
    if not value:
        raise Malformed(f"the request has no {name}")
    return value


def _number(environment: Environment) -> str | None:
    """The caller's number, or None when it is withheld, unknown, or not a number one could call."""
    presentation = environment.get("agi_callingpres", "0")
    if presentation.isdecimal() and len(presentation) < 4 and int(presentation) & _PRESENTATION == _RESTRICTED:
        return None
    number = environment.get("agi_callerid", "").translate(_SEPARATORS)
    return number if len(number) <= _NUMBER_MAX and _NUMBER.fullmatch(number) else None
