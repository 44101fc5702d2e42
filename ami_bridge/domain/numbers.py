"""What is known of a telephone number, lists of numbers and prefixes, and the only way to a dial string.

A number that reached us as a caller ID is attacker data. Only digits with an optional leading `+` pass, so nothing in
it can be read by a dial string. Whether it may be called is `permission`'s to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_NUMBER = re.compile(r"\+?[0-9]{1,15}", re.ASCII)  # E.164: 15 digits at most
_TRUNK = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_PREFIX = re.compile(r"\+?[0-9]{1,15}\*?", re.ASCII)

# Shorter numbers are emergency and service numbers somewhere in the world, and extensions of somebody's own PBX.
SHORTEST = 5


class NumberType(Enum):
    """What kind of connection a number is, by its range. What nobody knows is UNKNOWN, and not dialled by default."""

    FIXED = "fixed"
    MOBILE = "mobile"
    FIXED_OR_MOBILE = "fixed or mobile"  # where numbers do not tell which, as in North America
    TOLL_FREE = "toll-free"
    PREMIUM = "premium"
    SHARED_COST = "shared-cost"
    VOIP = "voip"
    PERSONAL = "personal"  # follows a person about, at any price: +44 70
    PAGER = "pager"
    UAN = "uan"  # a company's one number for all its places
    VOICEMAIL = "voicemail"
    SATELLITE = "satellite"
    INTERNATIONAL_NETWORK = "international-network"  # +882, +883, +888: of no country
    UNKNOWN = "unknown"
    INTERNAL = "internal"  # a number, an extension or the caller ID of the house itself
    EMERGENCY = "emergency"
    SHORT = "short"  # too short for a subscriber: services, directory enquiries, extensions of somebody's PBX


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFacts:
    """What is known of a number by its digits alone.

    `number` is as it was given (a stranger's text: not to be dialled before it is judged), "" if it was withheld.
    `e164` is the same in international form where it can be told, and who compares numbers compares `identity`.
    `region` is a country's two letters, "" if it belongs to none. `zones` are the IANA zones its owner may be in.
    `national` is how many digits it has behind the calling code (all, where there is no `e164`).
    `main` is the country that a calling code is known for: US for all of +1.
    """

    number: str
    e164: str | None = None
    region: str = ""
    type: NumberType = NumberType.UNKNOWN
    zones: tuple[str, ...] = ()
    main: str = ""
    national: int = 0

    @property
    def identity(self) -> str:
        """What is the same of one telephone however its number was written."""
        return self.e164 or self.number


def is_number(text: str) -> bool:
    """Whether `text` is 1 to 15 digits with an optional + before them, and nothing else at all."""
    return _NUMBER.fullmatch(text) is not None


class NotDialable(ValueError):
    """A number that is no number, or a trunk that is no name: no dial string is made of it."""

    def __init__(self) -> None:
        super().__init__("not dialled: the number or the trunk has characters that neither may have")


def dial_string(number: str, trunk: str) -> str:
    """What Asterisk is told to dial for `number` over `trunk`. Raise NotDialable for whatever could mean more."""
    if not is_number(number) or len(number.removeprefix("+")) < SHORTEST or not _TRUNK.fullmatch(trunk):
        raise NotDialable
    return f"PJSIP/{number}@{trunk}"


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
        return max((len(prefix) for prefix in self.matching(number)), default=0)

    def matching(self, number: str) -> list[str]:
        """The numbers and prefixes that are that of `number`."""
        return [prefix for prefix in self.allowed if self._matches(prefix, number)]

    @staticmethod
    def _matches(prefix: str, number: str) -> bool:
        return number.startswith(prefix[:-1]) if prefix.endswith("*") else number == prefix


def masked(number: str | None) -> str:
    """`number` as it may be shown and logged: all but the last three digits hidden; `unknown` if there is none."""
    if not number:
        return "unknown"
    return "•" * max(len(number) - 3, 0) + number[-3:] if len(number) > 3 else "•" * len(number)
