"""Telephone numbers hidden in an AMI stream that is to be shown to others, and its secrets left out.

A number of six digits or more becomes another of as many digits, always the same within one masker and never the same
as another number's: calls stay distinguishable. The permutation is keyed with a secret that is made for each masker and
kept nowhere, so nobody can find a number again by masking all there are. Numbers of up to five digits (extensions) and
those that are to be kept (the house's own) stay.

What identifies channels, calls and bridges stays too, as far as Asterisk made it; where somebody put a number into such
a name, the number is masked wherever the name occurs. A stream that was masked tells the same of calls.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b

_ROUNDS = 10
_CACHED = 1 << 16

_NUMBER = rb"[0-9](?:(?:[ .()-]{1,3}(?!0000[0-9a-f]{4}))?[0-9]){5,39}"
_PLAIN_NUMBER = re.compile(rb"[0-9](?:-?[0-9]){5,39}")
_PERSONS_NUMBER = re.compile(rb"[0-9](?:[ .()/-]{0,3}[0-9]){5,39}")
# More than 40 digits are no number, and are masked piece by piece. What has digits and is no number: escapes of URIs,
# UUIDs, hashes, addresses, Uniqueids, the end of a channel's name.
_NO_NUMBER = (
    rb"%[0-9A-Fa-f]{2}"
    rb"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    rb"|\b(?=[0-9]*[a-f])[0-9a-f]{32,}\b"
    rb"|(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])"
    rb"|(?<![0-9])1[0-9]{9}\.[0-9]+"
    rb"|-0000[0-9a-f]{4}(?![0-9a-f])"
)
_TEXT = re.compile(rb"(%s)|%s" % (_NO_NUMBER, _NUMBER))
_CHANNEL = re.compile(rb"(.*?)(-[0-9a-f]{8}(?:;[12])?(?:<[A-Z]+>)?)?", re.DOTALL)
_OWN_ID = re.compile(rb"(?:[^\s]*-)?1[0-9]{9}\.[0-9]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_NOBODYS = re.compile(rb"Event|Timestamp|LoginTime|LastCall|LastPause|Asterisk\w+|Core\w+|AMIversion|\w*Privilege")
_IDS = re.compile(rb"\w*(?:uniqueid|linkedid|bridgeid)|ActionID", re.IGNORECASE)
_CHANNELS = re.compile(rb"\w*Channel|Oldname|Newname")
# Names that the tracker holds against channels' names, so both are read alike.
_NAMES = re.compile(rb"\w*(?:Exten|Context)|Queue|Interface|StateInterface|Location|Device|MemberName|EndpointName")
_PERSONS = re.compile(rb"\w*(?:CallerID|ConnectedLine)\w*|Callerid\w*|DNID|AccountCode")
_SECRET = re.compile(rb"\w*(?:password|secret|md5_?cred|token)\w*", re.IGNORECASE)
_SECRET_EVENTS = (b"Event: AuthDetail\r", b"Event: AuthList\r", b"Event: ChallengeSent\r")


class Masker:
    """Masks messages, each without the empty line that ends it. `kept` are numbers to be shown as they are."""

    def __init__(self, kept: Iterable[str] = (), key: bytes | None = None) -> None:
        self._kept = frozenset(re.sub(r"[^0-9]", "", number) for number in kept)
        self._key = secrets.token_bytes(32) if key is None else key
        self._masked = lru_cache(_CACHED)(self._permuted)
        self._masks: dict[str, Callable[[bytes], bytes]] = {
            "identity": self.identity,
            "channel": self.channel,
            "name": self.name,
            "person": self.person,
            "text": self.text,
            "same": bytes,
        }

    def message(self, raw: bytes) -> bytes:
        """The message with every telephone number in it masked."""
        return b"\r\n".join(self._line(line) for line in raw.split(b"\r\n"))

    def _line(self, line: bytes) -> bytes:
        name, colon, value = line.partition(b":")
        if not colon:
            return self.text(line)
        space = b" " if value.startswith(b" ") else b""
        return name + colon + space + self._masks[_kind(name)](value.removeprefix(b" "))

    def text(self, value: bytes) -> bytes:
        """Any text: whatever could be a number is taken for one, unless its form says that it is not."""
        return _TEXT.sub(lambda found: found[0] if found[1] else self._number(found), value)

    def person(self, value: bytes) -> bytes:
        """What stands for a person: nothing but a number has digits here."""
        return _PERSONS_NUMBER.sub(self._number, value)

    def name(self, value: bytes) -> bytes:
        """A name in the dialplan or of a device."""
        return _PLAIN_NUMBER.sub(self._number, value)

    def channel(self, value: bytes) -> bytes:
        """A channel's name: what Asterisk counted at its end stays."""
        found = _CHANNEL.fullmatch(value)
        assert found is not None  # noqa: S101 - the pattern takes anything
        return self.name(found[1]) + (found[2] or b"")

    def identity(self, value: bytes) -> bytes:
        """A Uniqueid, Linkedid or bridge's id: as it is when Asterisk made it."""
        return value if _OWN_ID.fullmatch(value) else self.name(value)

    def _number(self, found: re.Match[bytes]) -> bytes:
        """The digits of a number exchanged, whatever separates them left in its place."""
        digits = iter(self._masked(re.sub(rb"[^0-9]", b"", found[0]).decode()).encode())
        return bytes(next(digits) if 0x30 <= byte <= 0x39 else byte for byte in found[0])

    def _permuted(self, digits: str) -> str:
        """Another number for this one: walks on from numbers that are kept, so that no mask can be taken for them."""
        if digits in self._kept:
            return digits
        while (digits := self._step(digits)) in self._kept:
            pass
        return digits

    def _step(self, digits: str) -> str:
        """A Feistel network over two halves of decimal digits, in the manner of NIST SP 800-38G: one to one."""
        half = len(digits) // 2
        left, right = int(digits[:half]), int(digits[half:])
        sizes = (half, len(digits) - half)
        for turn in range(_ROUNDS):
            seed = f"{len(digits)}:{turn}:{right}".encode()
            mixed = int.from_bytes(blake2b(seed, key=self._key, digest_size=32).digest(), "big")
            left, right = right, (left + mixed) % 10 ** sizes[turn % 2]
        return f"{left:0{sizes[0]}d}{right:0{sizes[1]}d}"


_KINDS = (
    (_IDS, "identity"),
    (_CHANNELS, "channel"),
    (_NAMES, "name"),
    (_PERSONS, "person"),
    (_NOBODYS, "same"),
)


@lru_cache(_CACHED)
def _kind(name: bytes) -> str:
    return next((kind for names, kind in _KINDS if names.fullmatch(name)), "text")


def without_secrets(raw: bytes) -> bytes | None:
    """The message without headers that could let somebody in; None for one that is about nothing else."""
    if raw.startswith(_SECRET_EVENTS):
        return None
    lines = raw.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not _SECRET.fullmatch(line.partition(b":")[0]))
