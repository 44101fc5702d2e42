"""One FastAGI connection: the stream shell around the parsers, with a deadline and an end for everything awaited.

A Protocol rather than a pair of streams: at hundreds of callers at once that is what keeps the answer-to-audio time
small. Deadlines are a moment each session holds and its host sweeps (`overdue`), so that a command costs no timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator, Iterator
from math import inf
from types import coroutine
from typing import Protocol

from agi.commands import name_of
from agi.environment import Environment, EnvironmentParser
from agi.errors import AgiError, ChannelGone, CommandRefused, Malformed, PeerSilent
from agi.replies import Notice, Reply, ReplyParser, usual
from agi.talk import HELD, Talk

DEAD_CHANNEL = 511
SHORT = 64  # bytes: longer replies are not remembered
OK = b"200 result=1\n"  # the answer to most commands
DONE = Reply(200, 1)


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
        "_due",
        "_error",
        "_host",
        "_left",
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
        self._replies: ReplyParser | None = None  # where something of a reply is held
        self._asked = b""
        self._left: Iterator[bytes] | None = None  # while a command is under way: what is to be sent after it
        self._outcome: Reply | AgiError  # of the last command
        self._due = False  # the talk may go on: it does once all that came in the same segment has been read
        self._error: AgiError | None = None
        self.deadline = inf  # in the loop's time; when it has passed, the host calls `overdue`
        self.lost = False  # the connection is gone for good
        self.talk: Talk | None = None  # the host's: the script that runs for this session

    @property
    def peer(self) -> str:
        """The address the connection comes from; empty if it was gone before one could ask."""
        name = self._transport.get_extra_info("peername")
        peer: str = name[0] if name else ""
        return peer

    def command(self, line: bytes, within: float) -> Awaitable[Reply]:
        """Send `line` and return Asterisk's final reply, due `within` seconds. For this session's talk alone.

        Raises ChannelGone, PeerSilent, Malformed or CommandRefused.
        """
        return self.commands((line,), within)

    @coroutine
    def commands(self, lines: tuple[bytes, ...], within: float) -> Generator[object, None, Reply]:
        """Send `lines`, each upon the reply to the one before; return the last reply, due `within` seconds.

        For commands whose replies only say that they were carried out: the script is run on once all of them were. What
        `command` raises ends it at once.
        """
        if self._error is not None:
            raise self._error
        if self._left is not None:
            raise RuntimeError("commands go one at a time")
        left = self._left = iter(lines)
        self.deadline = self._loop.time() + within
        self._asked = line = next(left)
        self._transport.write(line)
        try:
            yield HELD
        finally:
            self._left = None
        outcome = self._outcome
        if isinstance(outcome, AgiError):
            raise outcome
        return outcome

    def close(self) -> None:
        """End the connection. Nothing is left unsent: a command that was answered has been sent."""
        self.deadline = inf
        self._left = None
        if self._error is None:
            self._error = ChannelGone("the session was closed")
        self._transport.abort()

    def overdue(self) -> None:
        """The host's sweep found the deadline past."""
        self.deadline = inf
        what = f"answer to {name_of(self._asked)}" if self._asked else "request"
        self._fail(PeerSilent(f"no {what} in time"))

    # What the event loop calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._host.opened(self)

    def data_received(self, data: bytes) -> None:
        # Nearly every segment is one short reply to the command under way; the general way gives the same.
        left = self._left
        if left is not None and self._replies is None:
            reply = DONE if data == OK else usual(data) if len(data) <= SHORT else None
            if reply is not None:
                for line in left:
                    self._asked = line
                    self._transport.write(line)
                    return
                self._outcome = reply
                self._run_on()
                return
        if self._error is not None:
            return
        try:
            if self._request is None:
                self._read(data)
            elif (environment := self._request.feed(data)) is not None:
                rest, self._request = self._request.rest, None
                self._host.ready(self, environment)
                if not rest:
                    self._run_on()
                    return
                self._due = True
                self._read(rest)
        except Malformed as error:
            self._fail(error)
        self._go_on()

    def eof_received(self) -> None:
        """Asterisk closes both ways at once; a half-closed peer cannot be served either."""
        self._ended()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a reset is one more way of being gone
        if self._error is None:
            self._ended()
        self.lost = True
        self._host.closed(self)

    def _ended(self) -> None:
        if self._request is not None and self._request.started:
            self._fail(Malformed("the connection ended before the request was whole"))
        else:
            self._fail(ChannelGone("the connection ended"))

    def _read(self, data: bytes) -> None:
        """Take replies and notices, or pieces of them. Raises Malformed."""
        replies = self._replies or ReplyParser()
        for event in replies.feed(data):
            self._take(event)
        self._replies = None if replies.empty else replies

    def _take(self, event: Reply | Notice) -> None:
        if event is Notice.HANGUP:
            self._fail(ChannelGone("the caller hung up"))
        elif isinstance(event, Reply):
            if self._left is None or self._due:
                raise Malformed("a reply came that nothing had asked for")
            if event.code == 200:
                self._settle(event)
            elif event.code == DEAD_CHANNEL:
                self._settle(ChannelGone("the channel is dead"))
            else:
                self._settle(CommandRefused(name_of(self._asked), event.code, event.text))

    def _settle(self, outcome: Reply | AgiError) -> None:
        """The command under way has ended."""
        self._due = True
        self._outcome = outcome

    def _go_on(self) -> None:
        """Send the next command or run the script on, if it is time."""
        if not self._due or self.talk is None:
            return
        self._due = False
        # Only now: what came in the same segment as a reply is no reply to the command after it.
        if self._left is not None and isinstance(self._outcome, Reply):
            line = next(self._left, None)
            if line is not None:
                if self._error is None:
                    self._asked = line
                    self._transport.write(line)
                    return
                self._outcome = self._error
        self._run_on()

    def _run_on(self) -> None:
        self.deadline = inf
        if self.talk is not None:
            self.talk.go_on()

    def _fail(self, error: AgiError) -> None:
        """Remember why the session cannot go on, and tell whoever waits. The first reason stands."""
        if self._error is not None:
            return
        self._error = error
        self.deadline = inf
        if self._left is not None and not self._due:
            self._settle(error)
            self._go_on()
        elif self.talk is None:
            self._host.spoiled(self, error)
