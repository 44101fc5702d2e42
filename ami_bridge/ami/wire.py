"""AMI on the wire: panoramisk's protocol with its defects contained.

Kept from panoramisk: how actions are serialised and numbered, and its Message. Replaced: framing in bytes with a cap
on a message's size; the event's type is looked at before anything is decoded; nothing is sent again after a lost
link (panoramisk repeats unanswered actions, and a customer would be dialled twice); futures fail when the link does.
Reading never pauses: Asterisk disconnects a reader slower than its `writetimeout` of 100 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from ami_bridge.ami.errors import LinkLost
from ami_bridge.ami.headers import ListEntry, RawHeaders

log = structlog.get_logger(__name__)

MESSAGE_LIMIT = 1 << 20  # bytes; a real AMI message is a few kilobytes
LIST_LIMIT = 64 << 20  # bytes; the channels of ten thousand calls are some fifteen megabytes
_GREETING = b"Asterisk Call Manager/"
_EOL = b"\r\n"
_END = b"\r\n\r\n"
_EVENT = b"Event: "
_TOO_LONG = f"a message of more than {MESSAGE_LIMIT} bytes"
_LIST_ENDS = ("Complete", "cancelled")

# By event type, what must stand in an event of that type for it to be wanted, or what tells whether it is.
Wanted = Mapping[bytes, bytes | Callable[[bytes], bool]]


@dataclass(slots=True)
class Asked:
    """An action whose answer is still to come, or to be completed."""

    action: Action
    replies: list[Message | ListEntry] = field(default_factory=list)
    size: int = 0  # of the replies, in bytes


class Wire(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """One connection. `on_event` gets the raw bytes of each event that is wanted; `on_lost` is called once."""

    def __init__(self, wanted: Wanted, on_event: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        self._wanted = {_EVENT + kind: mark for kind, mark in wanted.items()}
        self._on_event = on_event
        self._on_lost = on_lost
        self._rest = bytearray()  # of a message whose end has not come
        self._why = "the PBX closed the connection"
        self._given_up = False
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = False
        self.pending: dict[str, Asked] = {}
        self.ignored = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def send(self, data: Action, as_list: bool = False) -> asyncio.Future[Any]:
        """Write an action from encode.py. The future yields a list: its reply, and with `as_list` the entries after it.

        The last of those is the event that ends the list.
        """
        if self.closed:
            raise LinkLost("the AMI link is down")
        data.as_list = as_list
        raw = str(data).encode()
        self.pending[data.id] = Asked(data)
        self.transport.write(raw)
        return data.future  # type: ignore[no-any-return]

    def abandon(self, action: Action) -> None:
        """Stop waiting for an action's reply; should it come after all, it is ignored."""
        self.pending.pop(action.id, None)

    def data_received(self, data: bytes) -> None:
        """Take what has come, however it was cut. Garbage ends the connection at worst; nothing is raised."""
        if self._given_up:
            return
        if self._rest or not self.greeted.done():
            data = self._joined(data)
        messages = data.split(_END)
        self._rest += messages.pop()
        wanted, pending, on_event, ignored = self._wanted, self.pending, self._on_event, 0
        vast = len(data) > MESSAGE_LIMIT  # one of the messages may be too long
        for raw in messages:
            mark = wanted.get(raw[: raw.find(_EOL)])
            if vast or pending or (mark is None and not raw.startswith(_EVENT)):
                self._take(raw)
            elif mark is not None and (not mark or (mark in raw if isinstance(mark, bytes) else mark(raw))):
                on_event(raw)
            else:
                ignored += 1
                continue
            if self._given_up:
                break
        self.ignored += ignored
        if len(self._rest) >= MESSAGE_LIMIT + len(_END):
            self.abort(_TOO_LONG)

    def _joined(self, data: bytes) -> bytes:
        """What was left over and `data`, as soon as that has a whole message; nothing until then.

        Only what is new is searched: a message that comes in thousands of pieces costs no more than one in two.
        """
        seen = max(0, len(self._rest) - len(_END) + 1)
        self._rest += data
        if not self.greeted.done():
            seen = 0
            if not self._greeting():
                return b""
        if self._rest.find(_END, seen) < 0:
            return b""
        joined = bytes(self._rest)
        self._rest.clear()
        return joined

    def _greeting(self) -> bool:
        """Take the greeting off what has come; False while it is not complete, or is none."""
        greeting, end, after = self._rest.partition(_EOL)
        if not (greeting.startswith(_GREETING) or (not end and _GREETING.startswith(greeting))):
            self.abort("the other end is not an Asterisk Manager Interface")
        elif end:
            self._rest = after
            self.greeted.set_result(None)
            return True
        return False

    def _take(self, raw: bytes) -> None:
        """What is not plainly an event: a reply, an event that may be one, something odd."""
        if len(raw) > MESSAGE_LIMIT:
            self.abort(_TOO_LONG)
            return
        raw = raw.removeprefix(_EOL)  # an empty line more than the protocol asks for
        if raw.startswith(b"Response: "):
            self._reply(raw)
        elif raw.startswith(_EVENT) and not (b"\r\nActionID: " in raw and self._reply(raw)):
            mark = self._wanted.get(raw[: raw.find(_EOL)])
            if mark is None or not (mark in raw if isinstance(mark, bytes) else mark(raw)):
                self.ignored += 1
            else:
                self._on_event(raw)

    def _reply(self, raw: bytes) -> bool:
        """Hand a reply to the action it answers; False when no action waits for it.

        An event answers only an action that asked for a list: what else carries an ActionID, OriginateResponse above
        all, is news about the action and not its reply.
        """
        headers = RawHeaders(raw)
        asked = self.pending.get(headers.get("ActionID", ""))
        if asked is None:
            return False
        action, is_event = asked.action, raw.startswith(_EVENT)
        if is_event and not (action.as_list and asked.replies):
            return False
        reply: Any = ListEntry(raw) if is_event else Message.from_line(raw.decode("utf-8", "replace"))
        if reply is None:
            return False
        asked.replies.append(reply)
        asked.size += len(raw)
        if asked.size > LIST_LIMIT:
            self.abort(f"a list of more than {LIST_LIMIT} bytes")
            return True
        failed = not is_event and not reply.success
        ended = raw.partition(_EOL)[0].endswith(b"Complete") or headers.get("EventList") in _LIST_ENDS
        if failed or ended or not action.as_list:
            del self.pending[action.id]
            if not action.future.done():
                action.future.set_result(asked.replies)
        return True

    def abort(self, why: str) -> None:
        """Give the connection up because of what came over it, or did not; nothing more of it is handed on."""
        if not self._given_up:
            self._given_up, self._why = True, why
            self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.closed:
            return
        self.closed = True
        pending, self.pending = self.pending, {}
        for future in (self.greeted, *(asked.action.future for asked in pending.values())):
            if not future.done():
                future.set_exception(LinkLost("the AMI link was lost before the PBX answered"))
                future.exception()  # read here: whoever gave up waiting must not leave a warning behind
        self._on_lost(f"{self._why}: {exc}" if exc else self._why)
