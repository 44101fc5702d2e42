"""What the two listeners must be told. The composition root fills these from the configuration file."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from ami_bridge.integrations.hooks import HookSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    """The status page. `hosts` are further names, without a port, under which browsers may reach it. Times in seconds.

    `interval` is the least time between two states sent to one viewer, `keep_alive` the longest silence on a stream,
    `patience` how long one write may wait for a slow viewer before that viewer is dropped, `order_patience` how long
    somebody who gives an order waits for an answer. Without a `token` the page and the API only show.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    hosts: tuple[str, ...] = ()
    streams: int = 100
    interval: float = 0.25
    keep_alive: float = 15.0
    patience: float = 5.0
    order_patience: float = 10.0
    token: SecretStr | None = None
    hooks: tuple[HookSettings, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSettings:
    """The audio listener, which PBXs must reach. `patience` bounds one transfer, in seconds."""

    host: str = "127.0.0.1"
    port: int = 8081
    patience: float = 60.0
