"""Losing sight of one PBX and finding it again: what is shown of the link, and what is stored of the time in between.

Calls are kept over a gap. After it a snapshot says which of them live on; of the others the PBX's own records may tell
how they ended, and where those say nothing certain they end as unseen. The gap itself is a blind spot, stored from the
last moment at which the PBX was known to be there, whoever of the two was away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from ami_bridge.ami import actions
from ami_bridge.ami.errors import ActionRefused, AmiError
from ami_bridge.ami.inbox import LinkDown, LinkUp
from ami_bridge.ami.session import Session
from ami_bridge.ami.snapshot import snapshot
from ami_bridge.domain import events as ev
from ami_bridge.domain.effects import Effect
from ami_bridge.domain.names import PbxName
from ami_bridge.domain.status import Link
from ami_bridge.domain.watch import Watch
from ami_bridge.history.records import Records
from ami_bridge.store import Store
from ami_bridge.troubles import Troubles, Unwritten
from ami_bridge.turns import Turn

log = structlog.get_logger(__name__)

# What tells something about the PBX itself; see `Sight.heed`.
OF_THE_PBX = frozenset({ev.PbxStopping})
KILLED = "the companion ended without a word: it was killed, it crashed, or its host went down"


@dataclass(slots=True)
class LinkState:
    """What operators are shown about the link."""

    link: Link = Link.CONNECTING
    since: datetime | None = None
    detail: str = ""
    version: str = ""
    started: str = ""  # when the PBX was started, by its own clock
    lag: float = 0.0  # seconds between receiving and handling the last event


class Sight:
    """Whether one PBX is seen, and what that means for what is known of it."""

    def __init__(
        self,
        pbx: PbxName,
        *,
        session: Session,
        watch: Watch,
        records: Records,
        numbers: Collection[str],
        store: Store,
        unwritten: Unwritten,
        changed: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.state = LinkState(since=clock())
        self.awake = False  # what the run before left behind is known
        self._pbx = pbx
        self._session = session
        self._watch = watch
        self._records = records
        self._numbers = frozenset(numbers)
        self._store = store
        self._unwritten = unwritten
        self._changed = changed
        self._clock = clock
        self._stopping = False  # the PBX said that it is about to end
        self._again = clock(), ""  # since when it is seen again, and what was found then
        self._log = log.bind(pbx=pbx)

    async def wake(self) -> None:
        """Find out what the run before left behind: one that could not say so has been blind since its last beat.

        Where the store cannot tell yet, it is asked again before anything newer is written down.
        """
        with Troubles(self._log):
            await self._unwritten.write("what the run before left behind", self._look_back)

    async def _look_back(self) -> None:
        last = await self._store.blind_spots.last_beat(self._pbx)
        if last is not None:
            self.state.started = self.state.started or last.started
            await self._store.blind_spots.begin(self._pbx, last.at, KILLED)
        self.awake = True

    def heed(self, event: ev.Event) -> None:
        """Take what an event tells about the PBX itself."""
        if isinstance(event, ev.PbxStopping):
            self._stopping = True
            self._log.warning("The PBX says that it is shutting down")

    async def regain(self, up: LinkUp) -> list[Effect] | None:
        """The link is up: go on from what is true now. None when it could not be found out, or the link is lost again.

        What the PBX reports meanwhile waits in the inbox. Some of it is in the snapshot already, which does no harm.
        """
        if not self._session.holds(up):
            return None  # what would be asked now is asked of the next link
        now = self._clock()
        try:
            started = await self._started()
            true_now = await snapshot(
                self._session, self._watch.trunks.detectors, numbers=self._numbers, known=self._watch.tracker.calls
            )
        except AmiError as error:
            if self._session.holds(up):
                self._session.give_up(f"what is true on the PBX could not be asked: {error}")
            return None
        gone = self._watch.ended_unseen(true_now)
        endings = await self._records.endings(gone)
        if not self._session.holds(up):
            return None  # the answers may be of two links, with a gap between them
        effects: list[Effect] = []
        turn = Turn()
        for some in self._watch.seeing_again(true_now, now, endings):
            effects += some
            await turn.over()
        self._log.info(
            "Watching",
            version=up.version,
            calls=len(self._watch.tracker.calls),
            ended_meanwhile=len(gone),
            ended_unseen=len(gone) - len(endings),
        )
        self._seen(up, started, now)
        return effects

    async def watched(self, up: LinkUp) -> bool:
        """All that follows from having been away is done: tell operators that the PBX is watched again.

        False, and nothing told, when it is lost again already: then that is one gap.
        """
        if not self._session.holds(up):
            return False
        self._show(Link.UP, "")
        since, found = self._again
        with Troubles(self._log):
            end = partial(self._store.blind_spots.end, self._pbx, since, found)
            await self._unwritten.write(f"seen again {since}", end)
        return True

    async def lose(self, down: LinkDown, since: datetime) -> list[Effect]:
        """The link is down, or could not be built up; the PBX was last heard of at `since`. Return what follows."""
        reason = down.reason
        if self._stopping:
            reason, self._stopping = f"the PBX was shut down ({reason})", False
        first = self.state.link is Link.UP or not self.state.detail
        effects = self._watch.lost_sight(self._clock(), reason)
        self._show(Link.CONNECTING, reason)
        if first:
            self._log.warning("The AMI link is down", reason=reason)
            await self._begin(since, reason)
        return effects

    async def refused(self, why: str) -> list[Effect]:
        """The PBX does not let us in, and will not until somebody mends that."""
        self._log.error("Login refused", problem=why)
        effects = self._watch.lost_sight(self._clock(), why)
        self._show(Link.REFUSED, why)
        await self._begin(self._clock(), why)
        return effects

    async def _started(self) -> str:
        try:
            return await actions.started(self._session)
        except ActionRefused as refused:
            self._log.info("Since when the PBX runs is not to be known", answer=str(refused))
            return ""

    def _seen(self, up: LinkUp, started: str, now: datetime) -> None:
        """Keep since when the PBX is seen again, and whether it is the same process: else no call outlived the gap."""
        before, self.state.started = self.state.started, started or self.state.started
        self.state.version, self.state.lag, self._stopping = up.version, 0.0, False
        restarted = bool(started and before and started != before)
        if restarted:
            self._log.warning("The PBX restarted while it was not watched", started=started, before=before)
        self._again = now, "the PBX restarted" if restarted else ""

    async def _begin(self, since: datetime, reason: str) -> None:
        with Troubles(self._log):
            begin = partial(self._store.blind_spots.begin, self._pbx, since, reason)
            await self._unwritten.write(f"blind since {since}", begin)

    def _show(self, link: Link, detail: str) -> None:
        if link is not self.state.link or self.state.since is None:
            self.state.since = self._clock()
        self.state.link, self.state.detail = link, detail
        self._changed()
