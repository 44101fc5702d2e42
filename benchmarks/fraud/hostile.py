"""Numbers that must never be dialled, each with what they are, in every way of writing them that a trunk may deliver.

Ranges are those of the national numbering plans and of the ITU's list of assigned codes, written down here by hand:
what is tested knows them from another source. `0` in a range stands for itself, `N` for a random digit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ami_bridge.domain.permission import Refusal

R = Refusal
_STRANGE = frozenset({R.REGION, R.TYPE})  # which of the two it is depends on where the tenant is
_UNREAL = _STRANGE | {R.SHORT, R.EMERGENCY}  # some have no number of that length, or none that begins so
_NO_PREFIX = frozenset({"US", "ES"})  # homes whose subscribers' numbers begin with any digit,
_LONGEST = 15  # digits of any number
_SUBSCRIBERS = (9, 10)  # and their lengths
_ZERO = {"49": "DE", "44": "GB"}  # homes whose numbers begin with 0, by their code
_BROKEN = frozenset({R.NOT_A_NUMBER})

PREMIUM = (
    "+49900NNNNNNN", "+49900100NNNN", "+49900300NNNN", "+49900500NNNN", "+43900NNNNNN", "+43930NNNNNN",
    "+43931NNNNNN", "+43939NNNNNN", "+449098NNNNNN", "+44911NNNNNNN", "+449130NNNNNN", "+1900NNNNNNN",
    "+1212976NNNN", "+33899NNNNNN", "+33897NNNNNN", "+34803NNNNNN", "+34806NNNNNN", "+34807NNNNNN", "+39899NNNNNN",
    "+41900NNNNNN", "+41901NNNNNN", "+41906NNNNNN", "+31900NNNN", "+31906NNNNNNN", "+31909NNNN", "+32902NNNNN",
    "+32905NNNNN", "+97900NNNNNN", "+979NNNNNNNN", "+48701NNNNNN", "+61190NNNNNNN", "+353152NNNNNN", "+46939NNNNNN",
    "+47829NNNNN",
)  # fmt: skip
SHARED_COST = (
    "+49180NNNNNNN", "+491801NNNNNN", "+491805NNNNNN", "+491371NNNNNN", "+491379NNNNNN", "+43810NNNNNN",
    "+43820NNNNNN", "+448712NNNNNN", "+44844NNNNNNN", "+44843NNNNNNN", "+44872NNNNNNN", "+33820NNNNNN",
    "+33825NNNNNN", "+34902NNNNNN", "+34901NNNNNN", "+39848NNNNNN", "+41842NNNNNN", "+41844NNNNNN", "+41848NNNNNN",
    "+808NNNNNNNN",
)  # fmt: skip
SATELLITE = (
    "+8816NNNNNNNN", "+8817NNNNNNNN", "+8818NNNNNNNN", "+8819NNNNNNNN", "+881NNNNNNNNN", "+870773NNNNNN",
    "+870763NNNNNN", "+870NNNNNNNNN", "+8821NNNNNNNNN", "+88216NNNNNNNN", "+88213NNNNNN", "+882NNNNNNNN",
)  # fmt: skip
NETWORKS = ("+883NNNNNNNNN", "+88351000NNNNNNN", "+8835110NNNNNNNN", "+888NNNNNNNN", "+878NNNNNNNNNNNN", "+882345NNNNN")
CARIBBEAN = tuple(
    f"+1{area}[2-9]NNNNNN"
    for area in (
        242, 246, 264, 268, 284, 340, 345, 441, 473, 649, 658, 664, 721, 758, 767, 784, 787, 809, 829, 849, 868, 869,
        876, 939, 670, 671, 684,
    )
)  # fmt: skip
PERSONAL = (
    "+4470NNNNNNNN", "+447011NNNNNN", "+4476NNNNNNNN", "+49700NNNNNNNN", "+1500NNNNNNN", "+1533NNNNNNN",
    "+41878NNNNNN", "+39178NNNNNNN", "+43718NNNNNN",
)  # fmt: skip
UAN = ("+443NNNNNNNNN", "+4456NNNNNNNN", "+41581NNNNNN", "+49181NNNNNN")
ABROAD = (
    "+252NNNNNNNN", "+535NNNNNNN", "+2246NNNNNNNN", "+23276NNNNNN", "+6757NNNNNNN", "+37181NNNNNN", "+21690NNNNNN",
    "+9607NNNNNN", "+247NNNNN", "+682NNNNN", "+690NNNN", "+6785NNNNNN", "+68572NNNNN", "+239NNNNNNN", "+2637NNNNNNNN",
    "+850NNNNNNN", "+88NNNNNNNNN", "+7840NNNNNNN", "+53NNNNNNNN", "+509NNNNNNNN", "+592NNNNNNN", "+501NNNNNNN",
    "+441534NNNNNN", "+441481NNNNNN", "+441624NNNNNN", "+447797NNNNNN", "+999NNNNNNNN", "+210NNNNNNNN", "+384NNNNNNNN",
)  # fmt: skip
SERVICES = ("+49118NN", "118NN", "0118NN", "+49115", "+49116NNN", "+4411850N", "+1411", "+1611", "+33118NNN", "1911NN")
HELP = (
    "112", "911", "110", "999", "000", "111", "113", "114", "115", "117", "118", "119", "120", "122", "190", "191",
    "08", "15", "17", "18", "061", "062", "091", "092", "100", "101", "102", "103", "104", "105", "106", "107", "108",
    "997", "998", "1122", "10111", "993", "995", "066", "123",
)  # fmt: skip
SURELY_HELP = ("112", "911", "110", "999", "000")
BEFORE_HELP = ("", "+", "0", "9", "00", "011", "0011", "+49", "0049", "01149", "49", "+1", "1", "001", "+44", "0044",
               "+490", "00490", "900", "90049", "9011")  # fmt: skip
# What may follow or stand within a number, to be read by a dial string, a dialplan, AMI or a shell.
INJECTED = (
    ";", "&", ",", "@", "|", "/", "\\", "'", '"', "`", "(", ")", "<", ">", "!", "?", "=", "%", "^", "~", "*", "#", "_",
    "[", "]", "{", "}", " ", "\t", "\r", "\n", "\r\n", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u00a0", "\u200b",
    "\u202e", "\ufeff", "++", "-", ".", ":", "e3", "x101", "w", "p", "${EXTEN}", "${SHELL(id)}", "$[1+1]", "&PJSIP/x",
    "&PJSIP/00881612345678@trunk", "@other-trunk", "/sip:x@evil.example", ";ext=9", ";phone-context=+1900", ",30,tT",
    "^M(evil)", "|30|tT", "\r\nAction: Originate\r\nChannel: PJSIP/0900@t", "\r\n\r\n", "%0d%0a", "&#x2b;", "<script>",
    "' OR 1=1 --", "../../etc/passwd", "||id", "`id`", "$(id)", "anonymous", "sip:", "tel:",
)  # fmt: skip
# Digits of other scripts, which a careless check takes for digits, and pluses that are none.
SCRIPTS = (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0x1040, 0xFF10, 0x1D7CE, 0x1D7F6)
SIGNS = ("\uff0b", "\ufe62", "\u207a", "\u2795")
REAL = ("+4930901820", "030901820", "+436641234567", "+12125550123", "2125550123", "+442079460000", "+4915112345678")


@dataclass(frozen=True, slots=True)
class Hostile:
    """What a stranger shows as their number, what it is, and what it may be refused for.

    The same digits can be somebody else's elsewhere: `only_at` and `not_at` are the homes where they are this.
    """

    given: str
    what: str
    refusals: frozenset[Refusal]
    only_at: str = ""
    not_at: frozenset[str] = frozenset()

    def is_so_at(self, home: str) -> bool:
        return home not in self.not_at and (not self.only_at or self.only_at == home)


def hostile(rng: random.Random, each: int) -> Iterator[Hostile]:
    """All of them, `each` times with other digits."""
    for _ in range(each):
        for what, ranges in _RANGES.items():
            for one in ranges:
                yield from _written(_filled(one, rng), what)
        yield from _services(rng)
        yield from _injections(rng)
        yield from _garbage(rng)
    yield from _help(rng)
    yield Hostile("", "withheld", frozenset({R.WITHHELD}))


_RANGES = {
    "premium": PREMIUM,
    "shared cost": SHARED_COST,
    "satellite": SATELLITE,
    "international network": NETWORKS,
    "Caribbean and Pacific +1": CARIBBEAN,
    "personal number": PERSONAL,
    "one number for a company": UAN,
    "abroad": ABROAD,
}


def _filled(pattern: str, rng: random.Random) -> str:
    while "[2-9]" in pattern:
        pattern = pattern.replace("[2-9]", str(rng.randint(2, 9)), 1)
    return "".join(str(rng.randint(0, 9)) if sign == "N" else sign for sign in pattern)


def _written(e164: str, what: str) -> Iterator[Hostile]:
    """The same number as trunks of several countries deliver it, and as people would have it dialled."""
    digits = e164.removeprefix("+")
    yield Hostile(e164, what, _UNREAL)
    yield Hostile(digits, what, _UNREAL, not_at=_NO_PREFIX if len(digits) in _SUBSCRIBERS else frozenset())
    for before, not_at in (("00", ""), ("0011", ""), ("011", "GB")):  # 011 is Leeds and Leicester there
        given = f"{before}{digits}"
        yield Hostile(given, what, _UNREAL if len(given) <= _LONGEST else _BROKEN, not_at=frozenset({not_at} - {""}))
    if home := next((home for code, home in _ZERO.items() if digits.startswith(code)), None):
        yield Hostile(f"0{digits[2:]}", what, _UNREAL, only_at=home)
    if digits.startswith("1"):
        yield Hostile(digits[1:], what, _UNREAL, only_at="US")


def _services(rng: random.Random) -> Iterator[Hostile]:
    for pattern in SERVICES:
        yield Hostile(_filled(pattern, rng), "service", _UNREAL)
    for length in (1, 2, 3, 4):
        digits = "".join(str(rng.randint(0, 9)) for _ in range(length))
        yield Hostile(digits, "too short", frozenset({R.SHORT, R.EMERGENCY}))


def _help(rng: random.Random) -> Iterator[Hostile]:
    for number in HELP:
        for before in BEFORE_HELP if number in SURELY_HELP else ("", "+49", "+1", "+44"):
            given = before + number
            surely = number in SURELY_HELP
            yield Hostile(given, "emergency", frozenset({R.EMERGENCY}) if surely else _UNREAL)
    for number in ("112", "911"):
        yield Hostile(number + "".join(str(rng.randint(0, 9)) for _ in range(7)), "emergency with a tail", _UNREAL)


def _injections(rng: random.Random) -> Iterator[Hostile]:
    for real in REAL:
        for text in INJECTED:
            at = rng.randint(1, len(real) - 1)
            for given in (real + text, text + real, real[:at] + text + real[at:]):
                yield Hostile(given, "injection", _BROKEN)
        for zero in SCRIPTS:
            other = "".join(chr(zero + int(sign)) if sign.isdigit() else sign for sign in real)
            at = rng.randint(1, len(real) - 1)
            yield Hostile(other, "digits of another script", _BROKEN)
            yield Hostile(real[:at] + other[at:], "digits of another script", _BROKEN)
        for sign in SIGNS:
            yield Hostile(sign + real.removeprefix("+"), "a plus that is none", _BROKEN)


def _garbage(rng: random.Random) -> Iterator[Hostile]:
    for length in (16, 17, 31, 200, 70_000):
        yield Hostile("+" + "4930" * (length // 4) + "1" * (length % 4), "too long", _BROKEN)
    for _ in range(50):
        text = "".join(
            chr(rng.choice((rng.randint(0, 127), rng.randint(0, 0xD7FF)))) for _ in range(rng.randint(1, 20))
        )
        if not text.isascii() or not text.isdigit():
            yield Hostile(text if not text.removeprefix("+").isdigit() else text + "x", "garbage", _BROKEN)
