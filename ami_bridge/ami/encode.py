"""Actions for the PBX, refused when a value would break the protocol. Header names live here and in decode.py only."""

from __future__ import annotations

import re
from collections.abc import Mapping

from panoramisk.actions import Action

from ami_bridge.ami.errors import Unsendable

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Header = str | int | tuple[str, ...]


def action(name: str, headers: Mapping[str, Header] | None = None) -> Action:
    """The action `name`; a tuple repeats its header. Raise Unsendable for a control character anywhere."""
    fields: dict[str, str | list[str]] = {"Action": name}
    for key, value in (headers or {}).items():
        values = list(value) if isinstance(value, tuple) else [str(value)]
        if any(_CONTROL.search(text) for text in (key, *values)):
            raise Unsendable(f"AMI action {name}: the value of {key} has a control character")
        fields[key] = values if isinstance(value, tuple) else values[0]
    return Action(fields)
