"""Every scenario by its name, in the order in which they are recorded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from docker.lab.play import Play

Deed = Callable[[Play], Awaitable[None]]
VERSIONS = (16, 22)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`play` does it and says what is true of it. `versions` are the Asterisks that can play it."""

    name: str
    play: Deed
    versions: tuple[int, ...]

    @property
    def about(self) -> str:
        return (self.play.__doc__ or "").partition("\n")[0]


SCENARIOS: dict[str, Scenario] = {}


def scenario(*versions: int) -> Callable[[Deed], Deed]:
    """Register a function as a scenario, by default one that every version can play."""

    def register(play: Deed) -> Deed:
        name = play.__name__.replace("_", "-")
        if name in SCENARIOS:
            raise ValueError(f"two scenarios are called {name}")
        SCENARIOS[name] = Scenario(name, play, versions or VERSIONS)
        return play

    return register
