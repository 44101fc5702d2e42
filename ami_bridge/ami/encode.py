"""Actions for the PBX, refused when a value would break the protocol. Header names live here and in decode.py only."""

from __future__ import annotations

import re
from collections.abc import Mapping

from panoramisk.actions import Action

from ami_bridge.ami.errors import Unsendable

# Lone surrogates, which undecodable bytes of an environment become, have no UTF-8.
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_KEY = re.compile(r"[A-Za-z0-9]+", re.ASCII)

Header = str | int | tuple[str, ...]


def action(name: str, headers: Mapping[str, Header] | None = None) -> Action:
    """The action `name`; a tuple repeats its header. Raise Unsendable for what would end or break a header."""
    if not _KEY.fullmatch(name):
        raise Unsendable("the name of an AMI action has letters and digits only")
    fields: dict[str, str | list[str]] = {"Action": name}
    for key, value in (headers or {}).items():
        values = list(value) if isinstance(value, tuple) else [str(value)]
        if not _KEY.fullmatch(key):
            raise Unsendable(f"AMI action {name}: the name of a header has letters and digits only")
        if any(_UNSENDABLE.search(text) for text in values):
            raise Unsendable(f"AMI action {name}: the value of {key} has a control character")
        fields[key] = values if isinstance(value, tuple) else values[0]
    return Action(fields)
