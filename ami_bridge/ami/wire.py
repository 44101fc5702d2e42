"""AMI on the wire: panoramisk's protocol with its defects contained.

Kept from panoramisk: how actions are serialised and numbered, and its Message. Replaced: framing in bytes with a cap
on a message's size; the event's type is looked at before anything is decoded; nothing is sent again after a lost
link (panoramisk repeats unanswered actions, and a customer would be dialled twice); futures fail when the link does.
Reading never pauses: Asterisk disconnects a reader slower than its `writetimeout` of 100 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from typing import Any, cast

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from ami_bridge.ami.errors import LinkLost

log = structlog.get_logger(__name__)

MESSAGE_LIMIT = 1 << 20  # bytes; a real AMI message is a few kilobytes
_GREETING = b"Asterisk Call Manager/"
_END = b"\r\n\r\n"
_EVENT = b"Event: "
_LIST_ENDS = ("Complete", "cancelled")


class Wire(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """One connection. `on_event` gets the raw bytes of each event whose type is wanted; `on_lost` is called once."""

    def __init__(
        self, wanted: Container[bytes], on_event: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> None:
        self._wanted = wanted
        self._on_event = on_event
        self._on_lost = on_lost
        self._rest = b""
        self._why = "the PBX closed the connection"
        self._given_up = False
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = False
        self.pending: dict[str, tuple[Action, list[Message]]] = {}
        self.ignored = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def send(self, data: Action, as_list: bool = False) -> asyncio.Future[Any]:
        """Write an action from encode.py; the future yields its reply, or with `as_list` all replies to the last."""
        if self.closed:
            raise LinkLost("the AMI link is down")
        data.as_list = as_list
        raw = str(data).encode()
        self.pending[data.id] = (data, [])
        self.transport.write(raw)
        return data.future  # type: ignore[no-any-return]

    def abandon(self, action: Action) -> None:
        """Stop waiting for an action's reply; should it come after all, it is ignored."""
        self.pending.pop(action.id, None)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self.greeted.done():
            greeting, end, data = data.partition(b"\r\n")
            if not (greeting.startswith(_GREETING) or (not end and _GREETING.startswith(greeting))):
                self.abort("the other end is not an Asterisk Manager Interface")
                return
            if not end:
                self._rest = self._capped(greeting)
                return
            self.greeted.set_result(None)
        *messages, rest = data.split(_END)
        self._rest = self._capped(rest)
        for raw in messages:
            if self._given_up:
                return
            self._take(raw)

    def _capped(self, rest: bytes) -> bytes:
        if len(rest) <= MESSAGE_LIMIT:
            return rest
        self.abort(f"a message of more than {MESSAGE_LIMIT} bytes")
        return b""

    def _take(self, raw: bytes) -> None:
        if raw.startswith(b"\r\n"):  # an empty line more than the protocol asks for
            raw = raw.lstrip(b"\r\n")
        if raw.startswith(_EVENT):
            if self.pending and b"\r\nActionID: " in raw and self._reply(raw):
                return
            if raw[7 : raw.find(b"\r\n")] in self._wanted:
                self._on_event(raw)
            else:
                self.ignored += 1
        elif raw.startswith(b"Response: "):
            self._reply(raw)

    def _reply(self, raw: bytes) -> bool:
        """Hand a reply to the action it answers; False when no action waits for it.

        An event answers only an action that asked for a list: what else carries an ActionID, OriginateResponse above
        all, is news about the action and not its reply.
        """
        message = Message.from_line(raw.decode("utf-8", "replace"))
        waiting = self.pending.get(str(message.get("ActionID", ""))) if message else None
        if message is None or waiting is None:
            return False
        action, replies = waiting
        is_event = raw.startswith(_EVENT)
        if is_event and not (action.as_list and replies):
            return False
        replies.append(message)
        failed = not is_event and not message.success
        # A repeated header is a list in panoramisk's Message: the wire's own first line tells the event.
        ended = raw.partition(b"\r\n")[0].endswith(b"Complete") or str(message.get("EventList")) in _LIST_ENDS
        complete = ended or not action.as_list
        if failed or complete:
            del self.pending[action.id]
            if not action.future.done():
                action.future.set_result(replies)
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
        for future in (self.greeted, *(action.future for action, _replies in pending.values())):
            if not future.done():
                future.set_exception(LinkLost("the AMI link was lost before the PBX answered"))
                future.exception()  # read here: whoever gave up waiting must not leave a warning behind
        self._on_lost(f"{self._why}: {exc}" if exc else self._why)
