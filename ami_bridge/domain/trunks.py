"""What one PBX's events tell about its trunks: calls in and out over them, their contacts, registrations and audio."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from ami_bridge.domain import events as ev
from ami_bridge.domain.attention import Attention
from ami_bridge.domain.call import endpoint_of
from ami_bridge.domain.detectors.audio import Audio
from ami_bridge.domain.detectors.failed_calls import FailedCalls
from ami_bridge.domain.detectors.qualify import Qualify
from ami_bridge.domain.detectors.registration import Registration
from ami_bridge.domain.detectors.round_trip import RoundTrip
from ami_bridge.domain.detectors.silence import Silence
from ami_bridge.domain.names import TrunkName, Uniqueid
from ami_bridge.domain.promise import is_attempt
from ami_bridge.domain.registration import Registrations
from ami_bridge.domain.signal import Detector, Kind, Signal, Source, Subject
from ami_bridge.domain.tracker import Tracker


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkDetectors:
    """All that watches one trunk."""

    registration: Registration
    qualify: Qualify
    round_trip: RoundTrip
    failed_calls: FailedCalls
    silence: Silence
    audio: Audio

    def by_source(self) -> dict[Source, Detector]:
        return {
            Source.REGISTRATION: self.registration,
            Source.QUALIFY: self.qualify,
            Source.ROUND_TRIP: self.round_trip,
            Source.CALLS: self.failed_calls,
            Source.SILENCE: self.silence,
            Source.AUDIO: self.audio,
        }


@dataclass(slots=True)
class Trunks:
    """The trunks of one PBX. The tracker knows the channels and is fed before this is."""

    tracker: Tracker
    detectors: Mapping[TrunkName, TrunkDetectors]
    restless: Callable[[Subject], bool]  # about whom a verdict other than up stands
    registrations: Registrations = field(init=False)
    _attention: Attention[TrunkName] = field(init=False)
    _placed: set[Uniqueid] = field(default_factory=set)  # calls out over trunks that began with their channel
    _contacts: dict[TrunkName, dict[str, bool]] = field(default_factory=dict)
    _ticking: dict[TrunkName, tuple[Detector, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.registrations = Registrations(self.detectors)
        self._attention = Attention(self.detectors, lambda name: self.restless(Subject(Kind.TRUNK, name)))
        self._ticking = {name: tuple(trunk.by_source().values()) for name, trunk in self.detectors.items()}

    def feed(self, event: ev.Event, now: datetime) -> list[Signal]:
        """Take one event that the tracker has taken."""
        on_event = _ON_EVENT.get(type(event))
        return on_event(self, event, now) if on_event is not None else []

    def tick(self, now: datetime) -> list[Signal]:
        due = self._attention.due(now)
        return [signal for name in due for detector in self._ticking[name] for signal in detector.tick(now)]

    def questions(self, now: datetime) -> list[TrunkName]:
        """The trunks whose far end should be asked again now, each told once."""
        asking = [name for name in self._attention.due(now) if self.detectors[name].qualify.asks_again]
        for name in asking:
            self.detectors[name].qualify.asked()
        return asking

    def lost_sight(self) -> None:
        """What contacts there are has to be seen anew."""
        self._contacts.clear()

    def seen_again(self, snapshot: Iterable[ev.Event], now: datetime) -> list[Signal]:
        """Registrations are listed as a whole; everything else of a snapshot is fed like news."""
        self._placed &= self.tracker.channels.keys()
        self.registrations.listed(snapshot)
        signals: list[Signal] = []
        for trunk, watched in self.detectors.items():
            signals += watched.registration.observe(self.registrations.of(trunk), now)
        return signals

    def hanging_up(self, event: ev.ChannelHungUp, now: datetime) -> list[Signal]:
        """A channel is about to be forgotten: to be told before the tracker forgets it."""
        trunk = self._trunk_of(event.uniqueid, now)
        if trunk is None:
            return []
        signals = trunk.audio.ended(event.uniqueid, now)
        if self._out(event):
            signals += trunk.failed_calls.ended(event.uniqueid, event.cause, now)
        self._placed.discard(event.uniqueid)
        return signals

    def channel_created(self, event: ev.ChannelCreated, now: datetime) -> list[Signal]:
        trunk = self._heeded(endpoint_of(event.name), now)
        if trunk is None:
            return []
        out = self._out(event)
        if event.incoming is False and not out:
            self._placed.add(event.uniqueid)  # by a dialler or an API: nobody called us
            out = self._out(event)
        if out:
            return trunk.silence.went_out(now)
        return trunk.silence.arrived(now) + trunk.registration.call_in(now) + trunk.qualify.call_well(now)

    def dial_begun(self, event: ev.DialBegun, now: datetime) -> list[Signal]:
        trunk = self._trunk_of(event.target, now)
        return trunk.failed_calls.dialled(event.target, event.number or event.dialled, now) if trunk else []

    def dial_alerted(self, event: ev.DialAlerted, now: datetime) -> list[Signal]:
        return self._went_well(event.target, now)

    def channel_state(self, event: ev.ChannelStateChanged, now: datetime) -> list[Signal]:
        if event.state is ev.ChannelState.DOWN or not self._out(event):
            return []
        return self._went_well(event.uniqueid, now)

    def contact_changed(self, event: ev.ContactChanged, now: datetime) -> list[Signal]:
        """A trunk with several contacts is out of reach when none of them answers."""
        name = TrunkName(event.endpoint)
        trunk = self.detectors.get(name)
        if trunk is None:
            return []
        self._attention.heed(name, now)
        contacts = self._contacts.setdefault(name, {})
        contacts.pop(event.uri, None)
        if event.reachable is not None:
            contacts[event.uri] = event.reachable
        if event.reachable is None or (any(contacts.values()) and not event.reachable):
            return []
        took = None if event.round_trip is None else timedelta(seconds=event.round_trip)
        signals = trunk.qualify.observe(event.reachable, took, now)
        return signals + (trunk.round_trip.observe(took, now) if event.reachable and took is not None else [])

    def registration_changed(self, event: ev.RegistrationChanged, now: datetime) -> list[Signal]:
        trunk = self.registrations.observe(event)
        if trunk is None:
            return []
        self._attention.heed(trunk, now)
        return self.detectors[trunk].registration.observe(self.registrations.of(trunk), now)

    def audio_reported(self, event: ev.AudioReported, now: datetime) -> list[Signal]:
        trunk = self._trunk_of(event.uniqueid, now)
        if trunk is None:
            return []
        return trunk.audio.report(event.uniqueid, event.lost, _seconds(event.jitter), now)

    def _went_well(self, uniqueid: Uniqueid, now: datetime) -> list[Signal]:
        trunk = self._trunk_of(uniqueid, now)
        if trunk is None:
            return []
        return trunk.failed_calls.alerted(uniqueid, now) + trunk.qualify.call_well(now)

    def _trunk_of(self, uniqueid: Uniqueid, now: datetime) -> TrunkDetectors | None:
        channel = self.tracker.channels.get(uniqueid)
        return self._heeded(channel.endpoint, now) if channel is not None else None

    def _heeded(self, endpoint: str, now: datetime) -> TrunkDetectors | None:
        """The detectors of the trunk that a channel of `endpoint` runs over, to which something is about to happen."""
        name = TrunkName(endpoint)
        trunk = self.detectors.get(name)
        if trunk is not None:
            self._attention.heed(name, now)
        return trunk

    def _out(self, event: ev.ChannelCreated | ev.ChannelStateChanged | ev.ChannelHungUp) -> bool:
        """Whether a channel goes out. The one a call began with came in, unless somebody had the PBX place it."""
        channel = self.tracker.channels.get(event.uniqueid)
        if channel is None:
            return False
        return event.uniqueid != channel.call.caller or event.uniqueid in self._placed or is_attempt(event.uniqueid)


@lru_cache(maxsize=1024)  # jitter comes in ticks of a clock, and most of it in few of them
def _seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


_ON_EVENT: dict[type, Callable[[Trunks, Any, datetime], list[Signal]]] = {
    ev.ChannelCreated: Trunks.channel_created,
    ev.DialBegun: Trunks.dial_begun,
    ev.DialAlerted: Trunks.dial_alerted,
    ev.ChannelStateChanged: Trunks.channel_state,
    ev.ContactChanged: Trunks.contact_changed,
    ev.RegistrationChanged: Trunks.registration_changed,
    ev.AudioReported: Trunks.audio_reported,
}
