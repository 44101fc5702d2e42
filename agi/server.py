"""The front desk's listener: who may speak, how many at once, and how a day ends.

A session that ends early for whatever reason (a bug included) ends alone and without the receipt `KL_NEXT`, so that
its caller hears the dialplan's fallback.
"""

from __future__ import annotations

import asyncio
import errno
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import lru_cache, partial
from hmac import compare_digest
from ipaddress import ip_address
from math import inf

import structlog

from agi.channel import Channel
from agi.desk import Caller, Desk, Next
from agi.environment import Environment
from agi.errors import AgiError, CannotListen, ChannelGone, DeskLate, Malformed, PeerSilent
from agi.request import Script, read_request
from agi.scripts.arrange import arrange
from agi.scripts.callback import callback
from agi.scripts.declare import declare
from agi.scripts.pressed import pressed
from agi.scripts.rehearse import rehearse
from agi.scripts.status import status
from agi.scripts.unanswered import unanswered
from agi.session import Session
from agi.settings import ServerSettings
from agi.talk import Talk
from agi.writing import WritingDesk

log = structlog.get_logger("agi")

SCRIPTS: dict[Script, Callable[[Channel, Desk, Caller], Awaitable[Next]]] = {
    Script.STATUS: status,
    Script.UNANSWERED: unanswered,
    Script.PRESSED: pressed,
    Script.ARRANGE: arrange,
    Script.CALLBACK: callback,
    Script.DECLARE: declare,
    Script.REHEARSE: rehearse,
}

# How often deadlines are looked at, in seconds: a deadline is kept to within this much.
SWEEP = 0.1
# How long what was cut may take to end, and what was pressed to be written down, in seconds.
CUT_WITHIN = 1.0


class End(StrEnum):
    """How a session ended."""

    FINISHED = "finished"  # all was said, the receipt is set
    GONE = "gone"  # the caller hung up
    UNUSED = "unused"  # connected and closed without a request: a health checker
    TURNED_AWAY = "turned-away"  # over the cap, or while draining
    REFUSED = "refused"  # not allowed, a wrong token, or not a request
    FAILED = "failed"  # the PBX fell silent or refused a command, a recording was missing, the desk was late
    BROKEN = "broken"  # a bug in a script or in the desk
    CUT = "cut"  # still running when the drain's time was up

    __hash__ = str.__hash__  # an Enum's own is a function in Python


class Server:
    """Answers FastAGI. `ends` counts how sessions ended since the start.

    Each session's script is a talk of its own: the failure of one does not touch another.
    """

    def __init__(self, desk: Desk, settings: ServerSettings) -> None:
        self._desk = WritingDesk(desk)
        self._settings = settings
        self._token = settings.token.encode()
        self._live: set[Session] = set()
        self._idle: asyncio.Event | None = None  # of a drain: nothing runs any more
        self._loop: asyncio.AbstractEventLoop
        self._listener: asyncio.Server | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._sweep_due = 0.0
        self._full = False
        self._permits = lru_cache(maxsize=1024)(self._judge)
        self.ends: Counter[End] = Counter()

    @property
    def port(self) -> int:
        """The port in use, once started."""
        if self._listener is None or not self._listener.sockets:
            raise RuntimeError("the front desk is not listening")
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    @property
    def sessions(self) -> int:
        """How many connections and scripts are running now."""
        return len(self._live)

    async def start(self) -> None:
        """Listen. Raises CannotListen, naming the setting, when the address cannot be used."""
        loop = self._loop = asyncio.get_running_loop()
        where = self._settings
        session = partial(Session, self, loop)
        try:
            self._listener = await loop.create_server(session, where.host, where.port, backlog=where.backlog)
        except OSError as error:
            address = f"agi.listen: cannot listen on {where.host}:{where.port}"
            if error.errno == errno.EADDRINUSE:
                raise CannotListen(f"{address}: the port is taken; stop what uses it or choose another") from error
            raise CannotListen(f"{address}: {error.strerror or error}; choose an address of this machine") from error
        self._sweep_again()
        log.info("The front desk is open", host=where.host, port=self.port)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let running sessions finish for at most `seconds`, then end what is left.

        What callers pressed is still written down, for a second longer at most. Calling it again changes nothing.
        """
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        clock = self._loop.time
        end = clock() + seconds
        listener.close()
        if not await self._emptied(seconds):
            log.warning("The front desk closes on callers still in a session", sessions=self.sessions)
            for session in list(self._live):
                self._cut(session)
            await self._emptied(CUT_WITHIN)
        await self._desk.settle(max(CUT_WITHIN, end - clock()))
        if self._sweep is not None:
            self._sweep.cancel()
        log.info("The front desk is closed")

    async def _emptied(self, seconds: float) -> bool:
        self._idle = asyncio.Event()
        if not self._live:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    # What sessions call (session.Host).

    def opened(self, session: Session) -> None:
        self._live.add(session)
        if not self._permits(session.peer):
            self._dismiss(session, End.REFUSED)
        elif self._listener is None:
            self._dismiss(session, End.TURNED_AWAY)
        elif len(self._live) > self._settings.max_sessions:
            if not self._full:
                log.warning(
                    "All sessions are taken: callers hear the fallback", max_sessions=self._settings.max_sessions
                )
            self._full = True
            self._dismiss(session, End.TURNED_AWAY)
        else:
            session.deadline = self._loop.time() + self._settings.request_within

    def ready(self, session: Session, environment: Environment) -> None:
        if not compare_digest(environment.arg_1.encode(), self._token):
            log.warning("A session was refused: wrong token", peer=session.peer)
            self._dismiss(session, End.REFUSED)
            return
        try:
            script, caller = read_request(environment)
        except Malformed as error:
            self.spoiled(session, error)
            return
        serving = self._serve(session, script, caller)
        session.talk = Talk(serving, self._loop, caller.uniqueid, self._settings.answer_within)

    def spoiled(self, session: Session, error: AgiError) -> None:
        if isinstance(error, ChannelGone):
            self._dismiss(session, End.UNUSED)
            return
        # A peer that connects and waits is a port scan or a sick PBX: worth a line, not an alarm.
        note = log.info if isinstance(error, PeerSilent) else log.warning
        note("A session was refused", peer=str(session.peer), reason=str(error))
        self._dismiss(session, End.REFUSED)

    def closed(self, session: Session) -> None:
        if session.talk is None or session.talk.over:
            self._forget(session)

    async def _serve(self, session: Session, script: Script, caller: Caller) -> None:
        end = End.CUT
        try:
            channel = Channel(session, self._settings)
            await channel.finish(await SCRIPTS[script](channel, self._desk, caller))
            end = End.FINISHED
        except ChannelGone as gone:
            end = End.GONE
            log.debug("The caller is gone", pbx=caller.pbx, uniqueid=caller.uniqueid, reason=str(gone))
        except AgiError as error:
            end = End.FAILED
            _complain(script, caller, error)
        except asyncio.CancelledError:
            # For the desk's lateness, unless it was cut as well: then that counts.
            if session.talk is None or not session.talk.late or session.talk.uncancel():
                raise
            end = End.FAILED
            _complain(script, caller, DeskLate("the desk did not answer in time"))
        except Exception:  # whatever went wrong, it is this caller's session only
            end = End.BROKEN
            log.exception(
                "A script failed: its caller hears the fallback",
                pbx=caller.pbx,
                uniqueid=caller.uniqueid,
                script=script.value,
            )
        finally:
            self.ends[end] += 1
            session.close()
            if session.lost:
                self._forget(session)

    def _dismiss(self, session: Session, end: End) -> None:
        """End a session for which nothing runs."""
        self.ends[end] += 1
        session.close()

    def _cut(self, session: Session) -> None:
        if session.talk is not None:
            session.talk.cancel()
            session.close()
        elif session.deadline < inf:  # its request is still coming in; all others have been dismissed
            self._dismiss(session, End.CUT)

    def _forget(self, session: Session) -> None:
        self._live.discard(session)
        if self._full and len(self._live) < self._settings.max_sessions:
            self._full = False
        if self._idle is not None and not self._live:
            self._idle.set()

    def _judge(self, peer: str) -> bool:
        """Whether `peer` is in an allowed network; one that is not is logged once, as answers are cached."""
        if not peer:
            return False
        if any(ip_address(peer) in network for network in self._settings.allow):
            return True
        log.warning("A peer outside the allowed networks was refused: see agi.allow", peer=peer)
        return False

    def _sweep_again(self) -> None:
        self._sweep_due = self._loop.time() + SWEEP
        self._sweep = self._loop.call_at(self._sweep_due, self._sweep_deadlines)

    def _sweep_deadlines(self) -> None:
        now = self._loop.time()
        if now > self._sweep_due + SWEEP:
            # It is we who were held up, and what came in time may not have been read yet: judge the next time.
            self._sweep_due = inf
            self._sweep = self._loop.call_later(SWEEP, self._sweep_deadlines)
            return
        self._sweep_again()
        for session in list(self._live):
            if session.deadline < now:
                session.overdue()
            elif session.talk is not None:
                session.talk.look(now)


def _complain(script: Script, caller: Caller, error: AgiError) -> None:
    log.warning(
        "A session ended early: its caller hears the fallback",
        pbx=caller.pbx,
        uniqueid=caller.uniqueid,
        script=script.value,
        reason=str(error),
    )
