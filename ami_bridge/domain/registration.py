"""What a PBX says of its registrations with carriers, by trunk.

One witness among several: a trunk that is registered may refuse every call, and one that is not may carry them all.
"""

from __future__ import annotations

from collections.abc import Iterable

from ami_bridge.domain.events import RegistrationChanged, RegistrationState
from ami_bridge.domain.names import TrunkName

_WORST_FIRST = (
    RegistrationState.REJECTED,
    RegistrationState.STOPPED,
    RegistrationState.UNREGISTERED,
    RegistrationState.REGISTERED,
)


class Registrations:
    """The registrations of the trunks watched. Between snapshots one is known by its two URIs alone."""

    def __init__(self, trunks: Iterable[TrunkName]) -> None:
        self._trunks = frozenset(trunks)
        self._trunk_of: dict[tuple[str, str], TrunkName] = {}
        self._states: dict[tuple[str, str], RegistrationState] = {}

    def listed(self, events: Iterable[object]) -> None:
        """Take all that a snapshot has of registrations, and forget those that are not there any more."""
        self._trunk_of.clear()
        self._states.clear()
        for event in events:
            if isinstance(event, RegistrationChanged) and event.trunk in self._trunks:
                self._trunk_of[event.client, event.server] = event.trunk
                self._states[event.client, event.server] = event.state

    def observe(self, event: RegistrationChanged) -> TrunkName | None:
        """Take one report; return the trunk it is news of, None when nothing changed or no watched trunk is meant."""
        uris = event.client, event.server
        if uris not in self._trunk_of or self._states[uris] is event.state:
            return None  # one that holds is reported each time it is renewed
        self._states[uris] = event.state
        return self._trunk_of[uris]

    def of(self, trunk: TrunkName) -> RegistrationState | None:
        """The worst state among the registrations of `trunk`; None when it has none, or the PBX did not say."""
        states = {self._states[uris] for uris, name in self._trunk_of.items() if name == trunk}
        return next((state for state in _WORST_FIRST if state in states), None)
