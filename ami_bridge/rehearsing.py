"""What one PBX can play, proved by having it fetch and open each recording ahead of the first caller who needs it.

A rehearsal is a call the PBX makes to itself. It proves the whole way: the PBX reaches our FastAGI, our audio server
or the shared directory, and its own media cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import AmiError
from ami_bridge.ami.session import Session
from ami_bridge.domain.names import AnnouncementHash
from ami_bridge.sounds import Sounds
from ami_bridge.voice.library import Recording
from dialplan_templates import contract

log = structlog.get_logger(__name__)

REHEARSAL_DEADLINE = 15.0  # seconds
AT_ONCE = 60  # recordings of one rehearsal: a PBX that fetches each for the first time is done well before the deadline


class Rehearsals:
    """The recordings one PBX can play. One rehearsal goes on at a time."""

    def __init__(self, session: Session, sounds: Sounds) -> None:
        self._session = session
        self._sounds = sounds
        self._playable: set[AnnouncementHash] = set()
        self._unplayable: set[AnnouncementHash] = set()
        self._unrehearsed = ""
        self._asked: dict[str, AnnouncementHash] = {}  # whose recording each address is that is being rehearsed
        self._missing: dict[AnnouncementHash, set[str]] = {}  # addresses that were not answered for yet
        self._failed: set[AnnouncementHash] = set()
        self._done = asyncio.Event()
        self._one = asyncio.Lock()

    @property
    def problem(self) -> str:
        """What keeps callers from hearing what they should, and what to do; empty when nothing does."""
        if self._unplayable:
            return f"the PBX could not play {len(self._unplayable)} announcements from audio.url"
        return self._unrehearsed

    def can_play(self, recording: Recording) -> bool:
        return recording.hash in self._playable

    def cannot_play(self, recording: Recording) -> bool:
        """Whether the PBX tried this recording and failed; one it was not asked about may well be playable."""
        return recording.hash in self._unplayable

    def forget(self) -> None:
        """The PBX is there (again): what it can play has to be proved anew."""
        self._playable.clear()
        self._unplayable.clear()

    async def ready(self, recording: Recording) -> bool:
        """Whether the PBX can play `recording`, which it is made to try if it has not."""
        if recording.hash not in self._playable:
            await self.rehearse([recording])
        return recording.hash in self._playable

    async def rehearse(self, recordings: Iterable[Recording]) -> None:
        """Have the PBX fetch and open `recordings`, some at a time, until one rehearsal comes to nothing.

        What is wanted at once does not wait for all of a long list: it has its turn after those that are tried now.
        """
        left = {recording.hash: recording for recording in recordings}
        while left:
            async with self._one:
                some = [hash_ for hash_ in left if hash_ not in self._playable][:AT_ONCE]
                if not some or not await self._rehearse([left.pop(hash_) for hash_ in some]):
                    return

    async def _rehearse(self, recordings: list[Recording]) -> bool:
        for recording in recordings:
            await self._sounds.publish(recording)
        self._missing = {recording.hash: set(self._sounds.addresses(recording)) for recording in recordings}
        self._asked = {address: hash_ for hash_, addresses in self._missing.items() for address in addresses}
        self._failed, self._done = set(), asyncio.Event()
        try:
            async with asyncio.timeout(REHEARSAL_DEADLINE):
                await actions.call_itself(self._session, contract.REHEARSE_CHANNEL, contract.REHEARSE_CONTEXT)
                await self._done.wait()
        except (TimeoutError, AmiError) as error:
            self._unrehearsed = (
                "the PBX could not fetch announcements: is the rendered dialplan loaded, and can the PBX reach "
                f"agi.url and audio.url? ({str(error) or 'no answer'})"
            )
            log.warning("Announcements could not be rehearsed", pbx=self._session.name, problem=self._unrehearsed)
            return False
        finally:
            self._asked, self._missing = {}, {}
        return True

    def addresses(self) -> tuple[str, ...]:
        """What the PBX is to fetch now."""
        return tuple(self._asked)

    def rehearsed(self, outcome: Mapping[str, bool]) -> None:
        """The PBX tried these addresses; a recording of which one could not be played is reported and stays unused."""
        self._unrehearsed = ""
        for address, played in outcome.items():
            hash_ = self._asked.get(address)
            if hash_ is None:
                continue  # of a rehearsal that was given up
            self._missing[hash_].discard(address)
            if not played:
                self._failed.add(hash_)
        for hash_ in [hash_ for hash_, left in self._missing.items() if not left]:
            del self._missing[hash_]
            (self._unplayable if hash_ in self._failed else self._playable).add(hash_)
            (self._playable if hash_ in self._failed else self._unplayable).discard(hash_)
        if failed := sorted(self._failed):
            log.warning("The PBX could not play announcements", pbx=self._session.name, recordings=failed)
        if not self._missing:
            self._done.set()
