"""Who is talking, ringing and waiting on one PBX: AMI events in, facts about calls out.

A call is everything under one Linkedid, from its first channel to its last. It is answered when its caller is bridged
with a person: Local channels are pipes, looked through, and `Answer()` in the dialplan is not a person. Channels stay
with the call they were made for, whatever Linkedid Asterisk gives them later, except those that a transfer or a pickup
hands over to another caller. What the wire shows in each case is in tests/traces.

Events may be late, doubled, lost or about channels never seen: a link that came up in the middle of calls reports their
ends too. Such events are passed over, and what is not known is not told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ami_bridge.domain import dialling, queueing, resync, talking
from ami_bridge.domain import events as ev
from ami_bridge.domain.call import Call, Channel
from ami_bridge.domain.calls import Calls
from ami_bridge.domain.ending import EndedUnseen, Ending
from ami_bridge.domain.facts import Fact
from ami_bridge.domain.names import Linkedid, Uniqueid


@dataclass(slots=True)
class Tracker:
    """The live state of one PBX. No event makes `feed` raise."""

    _calls: Calls = field(default_factory=Calls)

    @property
    def calls(self) -> Mapping[Linkedid, Call]:
        return self._calls.calls

    @property
    def channels(self) -> Mapping[Uniqueid, Channel]:
        return self._calls.channels

    @property
    def empty(self) -> bool:
        """Whether nothing is remembered of any call."""
        live = self._calls
        return not (live.calls or live.channels or live.bridges.members)

    def call_of(self, uniqueid: Uniqueid) -> Call | None:
        """The call a channel belongs to, if that channel is known."""
        return self._calls.call_of(uniqueid)

    def feed(self, event: ev.Event, now: datetime) -> list[Fact]:
        """Take one event seen at `now` (aware); return what it means for calls, in order."""
        handle = _HANDLERS.get(type(event))
        return handle(self._calls, event, now) if handle is not None else []

    def ended_unseen(self, snapshot: Sequence[ev.Event]) -> list[EndedUnseen]:
        """The calls that are known and, by a `snapshot` of what lives, over: ask the PBX's records about them."""
        return resync.ended_unseen(self._calls, snapshot)

    def resync(
        self, snapshot: Sequence[ev.Event], now: datetime, endings: Mapping[Linkedid, Ending] | None = None
    ) -> list[Fact]:
        """Make what is remembered agree with a `snapshot` of the PBX taken at `now`; return what that means.

        Calls that are over are closed as `endings` tell, or as unseen; those that live on are the same calls still.
        """
        return resync.resync(self._calls, snapshot, now, endings or {})

    def resync_steps(
        self, snapshot: Sequence[ev.Event], now: datetime, endings: Mapping[Linkedid, Ending] | None = None
    ) -> Iterator[list[Fact]]:
        """The same as `resync`, a little at a time."""
        return resync.steps(self._calls, snapshot, now, endings or {})

    def cut(self, now: datetime) -> list[Fact]:
        """The watching ends here: what is still open is closed as unseen."""
        return resync.resync(self._calls, (), now, {})


def _created(calls: Calls, event: ev.ChannelCreated, now: datetime) -> list[Fact]:
    calls.add(event, now, whole=False)
    return []


def _renamed(calls: Calls, event: ev.ChannelRenamed, _now: datetime) -> list[Fact]:
    channel = calls.channels.get(event.uniqueid)
    if channel is not None and not event.name.endswith("<MASQ>"):  # in the middle of a masquerade, not a name yet
        calls.rename(channel, event.name)
    return []


_HANDLERS: dict[type, Callable[[Calls, Any, datetime], list[Fact]]] = {
    ev.ChannelCreated: _created,
    ev.ChannelRenamed: _renamed,
    ev.CallerIdChanged: dialling.caller_id_changed,
    ev.ChannelStateChanged: dialling.state_changed,
    ev.HangupRequested: dialling.hangup_requested,
    ev.ChannelHungUp: dialling.hung_up,
    ev.DialBegun: dialling.begun,
    ev.DialAlerted: dialling.alerted,
    ev.DialEnded: dialling.ended,
    ev.LocalPaired: talking.paired,
    ev.BridgeEntered: talking.entered,
    ev.BridgeLeft: talking.left,
    ev.BlindTransferred: talking.blind_transferred,
    ev.AttendedTransferred: talking.attended_transferred,
    ev.PickedUp: talking.picked_up,
    ev.Parked: talking.parked,
    ev.QueueCallerJoined: queueing.joined,
    ev.QueueCallerLeft: queueing.left,
    ev.QueueCallerAbandoned: queueing.abandoned,
    ev.QueueEnded: queueing.over,
}
