"""What all commands share: where the settings are, and how to end when something must be mended first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import Parameter

UNUSABLE = 2  # exit status: settings, surroundings or arguments must be mended first

Config = Annotated[Path, Parameter(name=["--config", "-c"], help="The settings file (TOML).")]


def give_up(message: str) -> NoReturn:
    """Say what is wrong on standard error, and end."""
    for line in message.splitlines():
        print(f"keepline: {line}", file=sys.stderr)  # noqa: T201 - before or after there is a log
    raise SystemExit(UNUSABLE)
