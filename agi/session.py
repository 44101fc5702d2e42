"""One FastAGI connection: the stream shell around the parsers, with a deadline and an end for everything awaited.

A Protocol rather than a pair of streams: at hundreds of callers at once that is what keeps the answer-to-audio time
small. Deadlines are a moment each session holds and its host sweeps (`overdue`), so that a command costs no timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from math import inf
from types import coroutine
from typing import Protocol, cast

from agi.commands import name_of
from agi.environment import Environment, EnvironmentParser
from agi.errors import AgiError, ChannelGone, CommandRefused, Malformed, PeerSilent
from agi.replies import Notice, Reply, ReplyParser, usual
from agi.talk import HELD, Talk

DEAD_CHANNEL = 511
SHORT = 64  # bytes: longer replies are not remembered


class Host(Protocol):
    """Who keeps the sessions. Called from the event loop, never concurrently."""

    def opened(self, session: Session) -> None:
        """A peer connected. Give the session a deadline, or close it."""

    def ready(self, session: Session, environment: Environment) -> None:
        """The request is whole. Called once at most. Give the session its talk, or close it."""

    def spoiled(self, session: Session, error: AgiError) -> None:
        """The connection ended, or broke the protocol, before the request was whole."""

    def closed(self, session: Session) -> None:
        """The connection is gone. Called once, last."""


class Session(asyncio.Protocol):
    """The connection of one channel.

    Commands go one at a time: Asterisk takes a second one for an order to stop the first, and may overlook one that
    arrives in the same segment (res_agi.c). A hang-up, an end of the stream, a missed deadline or malformed bytes
    raise out of the command under way, and out of every later one. While no command is under way (the desk is being
    asked) they wait for the next: what the caller pressed is still written down.
    """

    __slots__ = (
        "_asked",
        "_awaiting",
        "_due",
        "_error",
        "_host",
        "_loop",
        "_outcome",
        "_replies",
        "_request",
        "_transport",
        "deadline",
        "lost",
        "talk",
    )

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self._loop = loop
        self._transport: asyncio.Transport
        self._request: EnvironmentParser | None = EnvironmentParser()
        self._replies = ReplyParser()
        self._asked = b""
        self._awaiting = False  # a command is under way
        self._outcome: Reply | AgiError  # of the last command
        self._due = True  # the talk may go on: it does once all that came in the same segment has been read
        self._error: AgiError | None = None
        self.deadline = inf  # in the loop's time; when it has passed, the host calls `overdue`
        self.lost = False  # the connection is gone for good
        self.talk: Talk | None = None  # the host's: the script that runs for this session

    @property
    def peer(self) -> str:
        """The address the connection comes from; empty if it was gone before one could ask."""
        name = self._transport.get_extra_info("peername")
        return str(name[0]) if name else ""

    @coroutine
    def command(self, line: bytes, within: float) -> Generator[object, None, Reply]:
        """Send `line` and return Asterisk's final reply, due `within` seconds. For this session's talk alone.

        Raises ChannelGone, PeerSilent, Malformed or CommandRefused.
        """
        if self._error is not None:
            raise self._error
        if self._awaiting:
            raise RuntimeError("commands go one at a time")
        self._awaiting = True
        self._asked = line
        self.deadline = self._loop.time() + within
        self._transport.write(line)
        try:
            yield HELD
        finally:
            self._awaiting = False
        outcome = self._outcome
        if isinstance(outcome, AgiError):
            raise outcome
        return outcome

    def close(self) -> None:
        """End the connection. Nothing is left unsent: a command that was answered has been sent."""
        self.deadline = inf
        self._awaiting = False
        if self._error is None:
            self._error = ChannelGone("the session was closed")
        self._transport.abort()

    def overdue(self) -> None:
        """The host's sweep found the deadline past."""
        self.deadline = inf
        what = f"answer to {name_of(self._asked)}" if self._asked else "request"
        self._fail(PeerSilent(f"no {what} in time"))

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._host.opened(self)

    def data_received(self, data: bytes) -> None:
        # Nearly every segment is one short reply to the command under way; the general way gives the same.
        if (
            self._awaiting
            and self.talk is not None
            and self._replies.empty
            and len(data) <= SHORT
            and (reply := usual(data)) is not None
        ):
            self._outcome = reply
            self._awaiting = False
            self.deadline = inf
            self.talk.go_on()
            return
        if self._error is not None:
            return
        try:
            if self._request is not None:
                environment = self._request.feed(data)
                if environment is None:
                    return
                data, self._request = self._request.rest, None
                self.deadline = inf
                self._host.ready(self, environment)
            for event in self._replies.feed(data):
                self._take(event)
        except Malformed as error:
            self._fail(error)
        self._go_on()

    def eof_received(self) -> None:
        """Asterisk closes both ways at once; a half-closed peer cannot be served either."""
        self._ended()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a reset is one more way of being gone
        self._ended()
        self.lost = True
        self._host.closed(self)

    def _ended(self) -> None:
        if self._error is not None:
            return
        if self._request is not None and self._request.started:
            self._fail(Malformed("the connection ended before the request was whole"))
        else:
            self._fail(ChannelGone("the connection ended"))

    def _take(self, event: Reply | Notice) -> None:
        if event is Notice.HANGUP:
            self._fail(ChannelGone("the caller hung up"))
        elif isinstance(event, Reply):
            if not self._awaiting:
                raise Malformed("a reply came that nothing had asked for")
            if event.code == 200:
                self._settle(event)
            elif event.code == DEAD_CHANNEL:
                self._settle(ChannelGone("the channel is dead"))
            else:
                self._settle(CommandRefused(name_of(self._asked), event.code, event.text))

    def _settle(self, outcome: Reply | AgiError) -> None:
        """The command under way has ended."""
        self._awaiting = False
        self._due = True
        self._outcome = outcome
        self.deadline = inf

    def _go_on(self) -> None:
        if self._due and self.talk is not None:
            self._due = False
            self.talk.go_on()

    def _fail(self, error: AgiError) -> None:
        """Remember why the session cannot go on, and tell whoever waits. The first reason stands."""
        if self._error is not None:
            return
        self._error = error
        self.deadline = inf
        if self._awaiting:
            self._settle(error)
            self._go_on()
        elif self.talk is None:
            self._host.spoiled(self, error)
