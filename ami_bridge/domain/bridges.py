"""Who hears whom: bridges, seen through Local channels, which are pipes between two of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ami_bridge.domain.call import Channel
from ami_bridge.domain.names import Bridgeid


@dataclass(slots=True)
class Bridges:
    """The bridges of one PBX and the channels in them, in the order in which they came."""

    members: dict[Bridgeid, dict[Channel, None]] = field(default_factory=dict)

    def enter(self, channel: Channel, bridge: Bridgeid) -> None:
        """A channel is in one bridge at a time: news of the next one is also news of having left the last."""
        self.leave(channel)
        channel.bridge = bridge
        self.members.setdefault(bridge, {})[channel] = None

    def leave(self, channel: Channel) -> None:
        bridge, channel.bridge = channel.bridge, None
        if bridge is None:
            return
        members = self.members[bridge]
        del members[channel]
        if not members:
            del self.members[bridge]

    def beyond(self, pipe: Channel) -> list[Channel]:
        """The parties at the far end of a pipe, without those on this side of it."""
        return self.parties(pipe.pair.bridge, but=pipe.bridge) if pipe.pair is not None else []

    def parties(self, bridge: Bridgeid | None, *, but: Bridgeid | None = None) -> list[Channel]:
        """The parties who hear each other through `bridge`; not those in `but`, and not through it either."""
        found: list[Channel] = []
        seen = {bridge, but}
        todo = [bridge]
        while todo:
            here = todo.pop()
            for channel in self.members.get(here, ()) if here is not None else ():
                if channel.party:
                    found.append(channel)
                elif channel.pair is not None and channel.pair.bridge not in seen:
                    seen.add(channel.pair.bridge)
                    todo.append(channel.pair.bridge)
        return found
