"""As much of SIP (RFC 3261) and SDP as a caller needs who dials, listens and hangs up. Bytes in, values out."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MEDIA = re.compile(r"^m=audio ([0-9]+) RTP/AVP", re.MULTILINE)
_CONTACT = re.compile(r"<([^>]+)>")


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response. Headers in their order: Via may be there twice."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def status(self) -> int:
        """A response's; 0 for a request."""
        return int(self.first.split(" ", 2)[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of a request, or of the request that a response answers."""
        return self["CSeq"].split()[1]

    def __getitem__(self, name: str) -> str:
        """The first header of that name, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def contact(self) -> str:
        """Where later requests of the dialogue go."""
        found = _CONTACT.search(self["Contact"])
        return found[1] if found else self["Contact"]

    @property
    def audio_port(self) -> int:
        """Where the body says that audio is sent from and received; 0 if it says nothing."""
        found = _MEDIA.search(self.body)
        return int(found[1]) if found else 0


def parse(datagram: bytes) -> Message:
    """Raise ValueError for what is no SIP message."""
    head, _, body = datagram.decode("utf-8", "replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = [line.split(":", 1) for line in lines]
    if "SIP/2.0" not in first or any(len(header) < 2 for header in headers):
        raise ValueError(f"not SIP: {first[:80]!r}")
    return Message(first, tuple((name.strip(), value.strip()) for name, value in headers), body)


def message(first: str, headers: list[tuple[str, str]], body: str = "") -> bytes:
    """The bytes of a message, its length counted."""
    whole = [*headers, ("Content-Length", str(len(body.encode())))]
    return "\r\n".join([first, *(f"{name}: {value}" for name, value in whole), "", body]).encode()


def response(request: Message, status: str) -> bytes:
    """Answer `request` with `status` ("200 OK"), without a body."""
    kept = [(n, v) for n, v in request.headers if n.lower() in ("via", "from", "to", "call-id", "cseq")]
    return message(f"SIP/2.0 {status}", kept)


def offer(host: str, port: int) -> str:
    """An SDP offer of G.711 mu-law at `host` and `port`."""
    lines = ("v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} RTP/AVP 0")
    return "\r\n".join((*lines, "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=sendrecv", ""))
