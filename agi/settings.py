"""How the front desk listens and how long it waits. Durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

LOOPBACK: tuple[IPv4Network | IPv6Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """`host` and `port` are the setting `agi.listen`; port 0 takes a free one.

    `token` is the secret the dialplan shows as its first argument. `allow` are the networks the PBXs are in. Over
    `max_sessions` a caller is turned away at once and hears the dialplan's fallback. `backlog` is how many connections
    the kernel holds before they are accepted (it caps this at net.core.somaxconn).

    `request_within`: from connecting to a whole `agi_*` block. `answer_within`: one question to the desk; the time the
    rendered dialplan gives each of its own (`PbxPlan.budget`) is longer, so that an answer in time is heard. `margin`:
    how long the PBX may take to answer a command, beyond the known duration of what it is told to do. In conversations
    the dialplan's own timer frees the caller then; it outlasts `answer_within`, as that timer runs on while the desk
    thinks. `fetch_within`: a PBX fetching one recording.
    """

    host: str = "127.0.0.1"
    port: int = 4573
    token: str = field(repr=False)
    allow: tuple[IPv4Network | IPv6Network, ...] = LOOPBACK
    max_sessions: int = 2000
    backlog: int = 2048
    request_within: float = 2.0
    answer_within: float = 1.5
    margin: float = 3.0
    fetch_within: float = 10.0

    def __post_init__(self) -> None:
        if not self.token:
            raise ValueError("the front desk needs a token: without one anybody could speak for a PBX")
        if self.margin <= self.answer_within:
            raise ValueError("margin must be longer than answer_within: else callers are freed while the desk answers")
