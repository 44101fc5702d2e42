"""A small AMI client for the lab: actions with deadlines, and a history of events one can wait on.

A test tool. It keeps what it saw, so that "wait for X" cannot miss an X that came while the caller was busy: take
`mark()` before the deed, and wait `since` it. The companion's own AMI session is another thing (ami_bridge/ami).
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

KEPT = 50_000  # events; older ones are forgotten


class AmiError(Exception):
    """Asterisk refused an action, or the link is gone; the message says which and why."""


class NotSeen(AssertionError):
    """What was waited for did not come within the deadline; the message names it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One AMI message. `at` is the monotonic, `wall` the wall-clock time (UTC) of its arrival here."""

    fields: Mapping[str, str]
    output: tuple[str, ...] = ()  # the lines of a Command's answer
    at: float = field(default_factory=time.monotonic)
    wall: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        return self.fields.get("Event", "")

    def __getitem__(self, header: str) -> str:
        return self.fields.get(header, "")


Predicate = Callable[[Event], bool]


def parse(block: bytes) -> Event:
    """Read one message, without its closing empty line. A repeated header keeps its last value."""
    fields: dict[str, str] = {}
    output: list[str] = []
    for line in block.decode("utf-8", "replace").split("\r\n"):
        key, found, value = line.partition(":")
        if not found:
            continue
        if key == "Output":
            output.append(value.removeprefix(" "))
        else:
            fields[key] = value.strip()
    return Event(fields, tuple(output))


class Ami:
    """One logged-in AMI connection. Use `connect`, then as an async context manager."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count(1)
        self._events: list[Event] = []
        self._forgotten = 0
        self._news = asyncio.Condition()
        self._answers: dict[str, asyncio.Future[Event]] = {}
        self._lost: str | None = None
        self._task = asyncio.create_task(self._read(), name="lab-ami")

    @classmethod
    async def connect(
        cls, port: int, username: str, secret: str, *, host: str = "127.0.0.1", deadline: float = 10
    ) -> Self:
        """Log in, retrying while nobody listens yet; raise AmiError when refused or when `deadline` seconds passed."""
        end = time.monotonic() + deadline
        while True:
            try:
                reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port, limit=1 << 20), 2)
                await asyncio.wait_for(reader.readline(), 2)
                break
            except (OSError, TimeoutError) as error:
                if time.monotonic() > end:
                    raise AmiError(f"nobody speaks AMI on {host}:{port}") from error
                await asyncio.sleep(0.1)
        ami = cls(reader, writer)
        try:
            await ami.action("Login", {"Username": username, "Secret": secret})
        except BaseException:
            await ami.close()
            raise
        return ami

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        self._writer.close()

    async def action(
        self, name: str, headers: Mapping[str, str] | None = None, *, variables: Iterable[str] = (), deadline: float = 5
    ) -> Event:
        """Perform an action and return the response; AmiError if Asterisk answers Error or nothing in time."""
        if self._lost:
            raise AmiError(self._lost)
        number = f"lab-{next(self._numbers)}"
        lines = [f"Action: {name}", f"ActionID: {number}"]
        lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
        lines += [f"Variable: {value}" for value in variables]
        if any("\r" in line or "\n" in line for line in lines):
            raise AmiError(f"{name}: a value contains a line break")
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        try:
            response: Event = await asyncio.wait_for(answer, deadline)
        except TimeoutError:
            raise AmiError(f"{name}: no answer within {deadline} s") from None
        finally:
            self._answers.pop(number, None)
        if response["Response"] == "Error":
            raise AmiError(f"{name}: {response['Message']}")
        return response

    async def listing(self, name: str, headers: Mapping[str, str] | None = None, *, deadline: float = 5) -> list[Event]:
        """Perform an action whose answer is a list of events; an empty list is Asterisk's Error "none found"."""
        since = self.mark()
        try:
            response = await self.action(name, headers, deadline=deadline)
        except AmiError as error:
            if "No " in str(error):
                return []
            raise
        number = response["ActionID"]
        ours: Predicate = lambda event: event["ActionID"] == number  # noqa: E731
        await self.wait_for(lambda e: ours(e) and e["EventList"] == "Complete", f"the end of {name}", deadline, since)
        return [event for event in self.events(since) if ours(event) and event["EventList"] != "Complete"]

    async def command(self, line: str, *, deadline: float = 10) -> str:
        """Run a line on Asterisk's console and return what it printed."""
        return "\n".join((await self.action("Command", {"Command": line}, deadline=deadline)).output)

    def mark(self) -> int:
        """This moment in the history of events."""
        return self._forgotten + len(self._events)

    def events(self, since: int = 0) -> list[Event]:
        return self._events[max(0, since - self._forgotten) :]

    async def wait_for(self, wanted: Predicate, what: str, deadline: float = 10, since: int | None = None) -> Event:
        """Return the first event from `since` (default: now) on that is `wanted`; raise NotSeen, naming `what`."""
        position = self.mark() if since is None else since
        try:
            async with asyncio.timeout(deadline), self._news:
                while True:
                    for event in self.events(position):
                        if wanted(event):
                            return event
                    if self._lost:
                        raise AmiError(f"waiting for {what}: {self._lost}")
                    position = self.mark()
                    await self._news.wait()
        except TimeoutError:
            raise NotSeen(f"not seen within {deadline} s: {what}") from None

    async def _read(self) -> None:
        try:
            while True:
                event = parse((await self._reader.readuntil(b"\r\n\r\n"))[:-4])
                answer = self._answers.get(event["ActionID"])
                if "Response" in event.fields and answer is not None and not answer.done():
                    answer.set_result(event)
                    continue
                async with self._news:
                    self._events.append(event)
                    if len(self._events) > 2 * KEPT:
                        del self._events[:KEPT]
                        self._forgotten += KEPT
                    self._news.notify_all()
        except (OSError, asyncio.IncompleteReadError) as error:
            self._lost = f"the AMI link is gone ({type(error).__name__})"
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(AmiError(self._lost))
            async with self._news:
                self._news.notify_all()
