"""What is taken out of telephone-network data before it leaves the companion for a screen.

Caller IDs, names and reasons come from strangers. Escaping is the template's and the browser's work; here numbers lose
all but their last three digits, and text loses what could disturb a reader without being markup: control characters,
unpaired surrogates (they cannot be encoded) and the marks that reverse the direction of what follows.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_WORDS = 2000  # of what callers are told: our own words, shown whole
LONGEST = 300  # characters of one text shown; a caller decides how long a name is, not how long our page is

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DIGIT = re.compile(r"[0-9]")
# A number in running text: seven or more digits together, or in groups when a plus says that it is one. Shorter runs
# are cause codes, extensions, ports and counts. Groups without a plus are left: they look like dates and addresses.
_NUMBER = re.compile(r"\+[0-9](?:[ ().-]{0,2}[0-9]){6,}|\+?[0-9]{7,}")


def mask_number(number: str) -> str:
    """Return `number` with all but its last three digits hidden, and how many there were hidden too; idempotent."""
    digits = _DIGIT.findall(number)
    return "•••" + "".join(digits[-3:]) if digits else "withheld"


def clean(text: str, longest: int = LONGEST) -> str:
    """Return `text` fit to be shown on one line, at most `longest` characters of it."""
    if text.isascii() and text.isprintable():
        return _cut(text, longest)  # nearly all there is
    spaced = "".join(" " if c in "\t\r\n" else c for c in text if c not in _BIDI)
    return _cut("".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cs")), longest)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def clean_and_mask(text: str) -> str:
    """Return `text` cleaned, with every telephone number in it masked."""
    return _NUMBER.sub(lambda found: mask_number(found.group()), clean(text))
