"""What a PBX says of its SIP peers: whom it reaches, where it is registered, how their audio arrives.

Read by `decode` and `snapshot`, which raise what is missing here (KeyError) or no number (ValueError).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from ami_bridge.ami.headers import RawHeaders, count
from ami_bridge.domain import events as ev
from ami_bridge.domain.events import RegistrationState
from ami_bridge.domain.names import TrunkName, Uniqueid

# All else, such as chan_sip's Timeout, is not registered.
_REGISTRATIONS = {
    "Registered": RegistrationState.REGISTERED,
    "Rejected": RegistrationState.REJECTED,
    "Stopping": RegistrationState.STOPPED,
    "Stopped": RegistrationState.STOPPED,
}
_WIZARD = re.compile(r"-reg-[0-9]+$", re.ASCII)
_REACHABLE = {"Reachable": True, "Avail": True, "Unreachable": False, "Unavail": False}
_CLOCK = 8_000  # Hz of RTP timestamps in telephone codecs, G.722 too (RFC 3551); RTCP events do not name the codec
_BLOCKS = 31  # that a report has room for (RFC 3550)
_ONE = b"\r\nReportCount: 1\r\n"
_BLOCK = re.compile(
    rb"\r\nReport0FractionLost: ([0-9]{1,10})\r\n(?:Report0(?!IAJitter).*\r\n)*Report0IAJitter: ([0-9]{1,10})\r\n"
)
_ENDPOINT = re.compile(rb"\r\nChannel: [^/\r\n]*/(.*)-")  # of PJSIP/acme-primary-00000012: acme-primary
_NO_ROUND_TRIP = {"", "N/A"}


def contact_listed(h: Mapping[str, str]) -> ev.ContactChanged:
    """ContactStatusDetail of PJSIPShowEndpoint."""
    return _contact(h, h["Status"])


def registration_listed(h: Mapping[str, str]) -> ev.RegistrationChanged:
    """OutboundRegistrationDetail of PJSIPShowRegistrationsOutbound.

    The trunk is the endpoint it names, which it does only for `line = yes`, and else what the registration is called;
    PJSIP's configuration wizard adds `-reg-0` to that.
    """
    trunk = h.get("Endpoint") or _WIZARD.sub("", h["ObjectName"])
    state = _REGISTRATIONS.get(h["Status"], RegistrationState.UNREGISTERED)
    return ev.RegistrationChanged(client=h["ClientUri"], server=h["ServerUri"], state=state, trunk=TrunkName(trunk))


def registry(h: Mapping[str, str]) -> ev.RegistrationChanged:
    state = _REGISTRATIONS.get(h["Status"], RegistrationState.UNREGISTERED)
    return ev.RegistrationChanged(client=h["Username"], server=h["Domain"], state=state)


def contact_changed(h: Mapping[str, str]) -> ev.ContactChanged:
    return _contact(h, h["ContactStatus"])


def _contact(h: Mapping[str, str], status: str) -> ev.ContactChanged:
    """Only an answer took its time: for contacts that gave none Asterisk has 0, or the figure of an earlier one."""
    reachable, took = _REACHABLE.get(status), h.get("RoundtripUsec", "")
    return ev.ContactChanged(
        endpoint=h["EndpointName"],
        uri=h["URI"],
        reachable=reachable,
        round_trip=count(took) / 1e6 if reachable and took not in _NO_ROUND_TRIP else None,
    )


def audio_reported(h: RawHeaders) -> ev.AudioReported | None:
    """RTCPSent and RTCPReceived: the first says how audio reaches the PBX, the second how it reaches the far end.

    Both follow RFC 3550: the share lost since the last report in 256ths, jitter in ticks of the codec's clock. Of a
    stream that was not heard there is no block, and one that stopped altogether loses nothing in Asterisk's eyes. More
    than one block comes of bundled streams: the worst counts. A report may come after its channel is gone.
    """
    raw = h.raw  # a PBX sends more of these than of all else, nearly all with one block: that one is read at once
    if (at := raw.find(_ONE)) >= 0 and (block := _BLOCK.search(raw, at)) is not None:
        lost, jitter = int(block[1]), int(block[2])
    else:
        lost, jitter = _worst(h)
    if lost < 0 or not (uniqueid := h.get("Uniqueid")):
        return None
    return ev.AudioReported(uniqueid=Uniqueid(uniqueid), lost=min(lost / 256, 1.0), jitter=jitter / _CLOCK)


def _worst(h: Mapping[str, str]) -> tuple[int, int]:
    """The worst of all blocks in a report, -1 if it has none: of the shares lost, and of the jitters."""
    lost = jitter = -1
    for n in range(min(count(h["ReportCount"]), _BLOCKS)):
        if (share := h.get(f"Report{n}FractionLost")) is None:
            break  # Asterisk counts blocks it does not list
        lost = max(lost, count(share))
        jitter = max(jitter, count(h[f"Report{n}IAJitter"]))
    return lost, jitter


def over(trunks: Iterable[str]) -> Callable[[bytes], bool]:
    """Whether a raw event is of a channel over one of `trunks`. Half of all reports are of phones."""
    names = frozenset(name.encode() for name in trunks)

    def is_over(raw: bytes) -> bool:
        found = _ENDPOINT.search(raw)
        return found is not None and found[1] in names

    return is_over
