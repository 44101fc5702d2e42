"""What a session asks for and who the caller is, read from the `agi_*` block. The only place that builds a Caller.

The dialplan runs `AGI(agi://HOST:PORT/SCRIPT,TOKEN,PBX,LINE[,ATTEMPT[,WIDE[,KEY[,UNIQUEID,LANGUAGE]]]])`. The last two
are the caller's where another channel asks about them.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from agi.desk import Caller
from agi.environment import Environment
from agi.errors import Malformed

_NUMBER = re.compile(r"\+?[0-9]+")
_NUMBER_MAX = 20
_SEPARATORS = str.maketrans("", "", " ().-")

# ITU-T Q.951.3 as Asterisk's AST_PRES_* holds it: two bits say whether the number may be shown.
_PRESENTATION = 0x60
_RESTRICTED = 0x20
_DECIMAL = re.compile(r"[0-9]{1,3}")


class Script(StrEnum):
    """The flows the dialplan can ask for; the value is the path in the AGI address."""

    STATUS = "status"
    UNANSWERED = "unanswered"
    PRESSED = "pressed"
    ARRANGE = "arrange"
    CALLBACK = "callback"
    DECLARE = "declare"
    REHEARSE = "rehearse"

    __hash__ = str.__hash__  # an Enum's own is a function in Python, and callers wait


_KEYS = frozenset("0123456789*#")
_LANGUAGE = re.compile(r"[A-Za-z]{2}")

_SCRIPTS = {script.value: script for script in Script}


def read_token(environment: Environment) -> str:
    """The secret the dialplan showed; empty if it showed none."""
    return environment.get("agi_arg_1", "")


def read_request(environment: Environment) -> tuple[Script, Caller]:
    """Return which script is asked for and for whom; raise Malformed naming what is missing or unknown."""
    name = environment.get("agi_network_script", "")
    script = _SCRIPTS.get(name)
    if script is None:
        raise Malformed(f"there is no script {name[:40]!r}")
    # A rehearsal is about the PBX, not about a line of it.
    line = environment.get("agi_arg_3", "") if script is Script.REHEARSE else _needed(environment, "agi_arg_3")
    of_another = environment.get("agi_arg_7")
    return script, Caller(
        pbx=_needed(environment, "agi_arg_2"),
        channel=_needed(environment, "agi_channel"),
        uniqueid=of_another or _needed(environment, "agi_uniqueid"),
        line=line,
        number=_number(environment),
        language=_language(environment.get("agi_arg_8" if of_another else "agi_language", "")),
        attempt=environment.get("agi_arg_4") or None,
        wide=environment.get("agi_arg_5") == "1",
        key=_key(environment) if script is Script.PRESSED else "",
    )


def _key(environment: Environment) -> str:
    key = _needed(environment, "agi_arg_6")
    if key not in _KEYS:
        raise Malformed("agi_arg_6 is no key of a telephone")
    return key


def _needed(environment: Environment, name: str) -> str:
    value = environment.get(name)
    if not value:
        raise Malformed(f"the request has no {name}")
    return value


@lru_cache(maxsize=256)
def _language(tag: str) -> str:
    """The two letters that CHANNEL(language) begins with, as the dialplan reads it too: `de` of `de_AT`."""
    return tag[:2].lower() if _LANGUAGE.match(tag) else ""


@lru_cache(maxsize=256)
def _withheld(presentation: str) -> bool:
    return _DECIMAL.fullmatch(presentation) is not None and int(presentation) & _PRESENTATION == _RESTRICTED


def _number(environment: Environment) -> str | None:
    """The caller's number, or None when it is withheld, unknown, or not a number one could call."""
    if _withheld(environment.get("agi_callingpres", "0")):
        return None
    number = environment.get("agi_callerid", "")
    if not _NUMBER.fullmatch(number):
        number = number.translate(_SEPARATORS)
        if not _NUMBER.fullmatch(number):
            return None
    return number if len(number) <= _NUMBER_MAX else None
