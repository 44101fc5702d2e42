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
_WITHHELD = frozenset(str(byte) for byte in range(256) if byte & _PRESENTATION == _RESTRICTED)


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


_REHEARSE = Script.REHEARSE
_PRESSED = Script.PRESSED
_KEYS = frozenset("0123456789*#")
_LANGUAGE = re.compile(r"[A-Za-z]{2}")

_SCRIPTS = {script.value: script for script in Script}


def read_request(environment: Environment) -> tuple[Script, Caller]:
    """Return which script is asked for and for whom; raise Malformed naming what is missing or unknown."""
    name, channel, tag, own, callerid, presentation, *arguments = environment
    _token, pbx, line, attempt, wide, key, another, their_tag = arguments
    script = _SCRIPTS.get(name)
    if script is None:
        raise Malformed(f"there is no script {name[:40]!r}")
    uniqueid = another or own
    # A rehearsal is about the PBX, not about a line of it.
    if not (pbx and channel and uniqueid and (line or script is _REHEARSE)):
        raise Malformed(f"the request has no {_missing(environment)}")
    if script is not _PRESSED:
        key = ""
    elif key not in _KEYS:
        raise Malformed("agi_arg_6 is no key of a telephone")
    number = None if presentation in _WITHHELD else _number(callerid)
    language = _language(their_tag if another else tag)
    # By position: by keyword it takes twice as long.
    return script, Caller(pbx, channel, uniqueid, line, number, language, attempt or None, wide == "1", key)


def _missing(environment: Environment) -> str:
    return next(f"agi_{name}" for name in ("arg_2", "channel", "uniqueid", "arg_3") if not getattr(environment, name))


@lru_cache(maxsize=256)
def _language(tag: str) -> str:
    """The two letters that CHANNEL(language) begins with, as the dialplan reads it too: `de` of `de_AT`."""
    return tag[:2].lower() if _LANGUAGE.match(tag) else ""


def _number(callerid: str) -> str | None:
    """The caller's number, or None when it is unknown or not a number one could call."""
    if not (callerid.isascii() and callerid.removeprefix("+").isdigit()):
        callerid = callerid.translate(_SEPARATORS)
        if not _NUMBER.fullmatch(callerid):
            return None
    return callerid if len(callerid) <= _NUMBER_MAX else None
