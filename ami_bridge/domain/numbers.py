"""Which numbers a callback may dial. Default deny: what no pattern of the tenant allows is not dialled.

A number that reached us as a caller ID is attacker data. Only digits with an optional leading `+` pass, so nothing in
it can be read by a dial string, and only prefixes the tenant has named, so nobody's premium line is called on the
provider's bill.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = re.compile(r"\+?[0-9]{1,15}", re.ASCII)  # E.164: 15 digits at most
_PREFIX = re.compile(r"\+?[0-9]{1,15}\*?", re.ASCII)

# Shorter numbers are emergency and service numbers somewhere in the world, and extensions of somebody's own PBX.
SHORTEST = 5


class BadPrefix(ValueError):
    """An allowed prefix is not digits with an optional leading + and an optional trailing *."""

    def __init__(self, prefix: str) -> None:
        super().__init__(f"{prefix!r} is not a number or a prefix such as +4930* or 5551234")


@dataclass(frozen=True, slots=True)
class NumberPolicy:
    """The numbers and prefixes (`5551*`) a tenant lets us dial. Empty: none."""

    allowed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for prefix in self.allowed:
            if not _PREFIX.fullmatch(prefix):
                raise BadPrefix(prefix)

    def refuses(self, number: str | None) -> str | None:
        """Why `number` is not dialled, in words for the ledger; None when it may be."""
        if number is None:
            return "the caller withheld their number"
        if not _NUMBER.fullmatch(number):
            return "the caller ID is not a telephone number"
        if len(number.removeprefix("+")) < SHORTEST:
            return "the number is too short: it may be an emergency number"
        if self.names(number):
            return None
        return "the number is not among those this tenant allows to be called back"

    def names(self, number: str) -> bool:
        """Whether one of the numbers and prefixes is that of `number`."""
        return self.closeness(number) > 0

    def closeness(self, number: str) -> int:
        """The length of the longest number or prefix that is that of `number`; 0 if none is."""
        return max((len(prefix) for prefix in self.allowed if self._matches(prefix, number)), default=0)

    @staticmethod
    def _matches(prefix: str, number: str) -> bool:
        return number.startswith(prefix[:-1]) if prefix.endswith("*") else number == prefix


def masked(number: str | None) -> str:
    """`number` as it may be shown and logged: all but the last three digits hidden; `unknown` if there is none."""
    if not number:
        return "unknown"
    return "•" * max(len(number) - 3, 0) + number[-3:] if len(number) > 3 else "•" * len(number)
