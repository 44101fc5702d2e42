"""Hundreds of callers at once: real SIP and RTP over UDP, with no Asterisk behind them.

They call as a carrier's trunk would, each with a number of its own, and send the audio of a quiet room. What they hear
waits in the kernel, with the time of each packet, until the storm is over: callers elsewhere would not take processor
time from the PBX either. One thread, one socket for signalling and one for all audio, as the PBX sends each call's
from a port of its own.
"""

from __future__ import annotations

import ctypes
import heapq
import select
import socket
import struct
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from docker.lab import sip

AGAIN = (0.5, 1.0, 2.0, 4.0)  # seconds after which a request without a response is sent again (RFC 3261, 17)
ANSWER_WITHIN = 30.0  # seconds a caller lets it ring
FRAME = 0.02  # seconds of audio in a packet
QUIET_ROOM = b"\xff" * 160  # mu-law for no sound
HELD = 1024 * 1024 * 1024 - 1  # bytes the kernel may hold for us, its own included: a million packets

_RTP = struct.Struct(">BBHII")
_STAMP = struct.Struct("qq")
_CLONE_NEWNET = 0x40000000  # sched.h
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35  # asm-generic/socket.h; Python has no names for them


@dataclass(slots=True)
class Leg:
    """One caller. Times are epoch seconds; 0.0 is never."""

    number: str
    did: str
    listens: float  # seconds from the answer on, after which this caller hangs up
    answered: float = 0.0
    ended: float = 0.0
    failure: str = ""  # why it was no call, or not one to its end
    packets: list[tuple[float, bytes]] = field(default_factory=list)  # RTP and when it came
    call_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    port: int = 0  # of the PBX, for audio
    provisional: bool = False  # the PBX has the call
    over: bool = False  # there is nothing left to do
    to: str = ""  # the header, with the PBX's tag once known
    contact: str = ""  # where the PBX wants its requests
    sent: int = 0  # packets of audio

    @property
    def talks(self) -> bool:
        return bool(self.answered) and not self.ended


class Storm:
    """Callers who come from the address `source` to the PBX at `pbx`, whose SIP is at `port`.

    `network`: where they are, when not in this process's own network, as /proc/PID/ns/net; only root can go there.
    """

    def __init__(self, pbx: str, source: str, port: int = 5060, network: Path | None = None) -> None:
        self._pbx, self._port, self._source = pbx, port, source
        with ThreadPoolExecutor(1) as aside:
            self._signals, self._audio = aside.submit(_sockets, source, network).result()
        self._via = f"{source}:{self._signals.getsockname()[1]}"
        self._legs: dict[str, Leg] = {}
        self._heard: dict[int, list[tuple[float, bytes]]] = {}  # by the port of the PBX
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self.most = 0  # callers at once
        self.cpu = 0.0  # seconds of processor time this took

    def run(self, did: str, numbers: Sequence[str], over: float, listens: float) -> list[Leg]:
        """Have all `numbers` call `did` within `over` seconds, each hang up `listens` seconds after its answer, and
        return once all is over."""
        began = time.thread_time()
        legs = [Leg(number, did, listens) for number in numbers]
        start = time.monotonic()
        for place, leg in enumerate(legs):
            self._legs[leg.call_id] = leg
            self._at(start + over * place / len(legs), partial(self._dial, leg))
        self._at(start, self._speak)
        with select.epoll() as poll:
            poll.register(self._signals, select.EPOLLIN)
            while not all(leg.over for leg in legs):
                poll.poll(max(0.0, self._timers[0][0] - time.monotonic()))
                self._drain(self._signals, self._signal)
                self._due()
        self.cpu = time.thread_time() - began
        self._drain(self._audio, self._hear)
        self._signals.close()
        self._audio.close()
        for leg in legs:
            leg.packets = self._heard.get(leg.port, [])
        return legs

    def _at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (when, next(self._number), what))

    def _due(self) -> None:
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    @staticmethod
    def _drain(one: socket.socket, take: Callable[[float, bytes, int], None]) -> None:
        while True:
            try:
                data, (stamp,), _flags, sender = one.recvmsg(2048, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = _STAMP.unpack(stamp[2])
            take(seconds + nanoseconds / 1e9, data, sender[1])

    # Audio

    def _hear(self, at: float, packet: bytes, port: int) -> None:
        self._heard.setdefault(port, []).append((at, packet))

    def _speak(self) -> None:
        talking = [leg for leg in self._legs.values() if leg.talks]
        self.most = max(self.most, len(talking))
        for leg in talking:
            header = _RTP.pack(0x80, 0, leg.sent & 0xFFFF, leg.sent * 160, leg.port)
            self._send(self._audio, header + QUIET_ROOM, leg.port)
            leg.sent += 1
        self._at(time.monotonic() + FRAME, self._speak)

    def _send(self, one: socket.socket, data: bytes, port: int) -> None:
        try:
            one.sendto(data, (self._pbx, port))
        except OSError:
            return  # full, or refused: lost, as packets are

    # Signalling

    def _dial(self, leg: Leg) -> None:
        leg.to = f"<sip:{leg.did}@{self._pbx}>"
        leg.contact = f"sip:{leg.did}@{self._pbx}:{self._port}"
        body = sip.offer(self._source, self._audio.getsockname()[1])
        self._request(leg, "INVITE", 1, until=lambda: leg.provisional, body=body)
        self._at(time.monotonic() + ANSWER_WITHIN, partial(self._give_up, leg))

    def _give_up(self, leg: Leg) -> None:
        if not leg.answered and not leg.over:
            self._failed(leg, f"no answer within {ANSWER_WITHIN:g} s")

    @staticmethod
    def _failed(leg: Leg, why: str) -> None:
        leg.failure, leg.over = leg.failure or why, True
        leg.ended = leg.ended or time.time()

    def _hang_up(self, leg: Leg) -> None:
        if leg.talks:
            leg.ended = time.time()
            self._request(leg, "BYE", 2, until=lambda: leg.over)

    def _request(self, leg: Leg, method: str, number: int, *, until: Callable[[], bool], body: str = "") -> None:
        """Send it, and again as long as `until` is not true."""
        request = self._written(leg, method, number, body)

        def send(left: Sequence[float]) -> None:
            if until() or leg.over:
                return
            if not left:
                self._failed(leg, f"no response to {method}")
                return
            self._send(self._signals, request, self._port)
            self._at(time.monotonic() + left[0], partial(send, left[1:]))

        send(AGAIN)

    def _written(self, leg: Leg, method: str, number: int, body: str = "") -> bytes:
        # A refused INVITE's ACK belongs to its transaction, so both have one branch; so may an accepted one's.
        branch = f"z9hG4bK{leg.call_id}{number}"
        headers = [
            ("Via", f"SIP/2.0/UDP {self._via};branch={branch};rport"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{leg.number}@{self._source}>;tag={leg.call_id[:12]}"),
            ("To", leg.to),
            ("Call-ID", leg.call_id),
            ("CSeq", f"{number} {method}"),
            ("Contact", f"<sip:{leg.number}@{self._via}>"),
        ]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return sip.message(f"{method} {leg.contact} SIP/2.0", headers, body)

    def _signal(self, at: float, datagram: bytes, port: int) -> None:
        message = sip.parse(datagram)
        leg = self._legs.get(message["Call-ID"])
        if leg is None:
            return
        if not message.status:
            self._asked(leg, message, at, port)
        elif message.method == "BYE":
            leg.over = leg.over or message.status >= 200
        elif message.method == "INVITE":
            leg.provisional = True
            if message.status >= 200:
                self._final(leg, message, at)

    def _final(self, leg: Leg, message: sip.Message, at: float) -> None:
        leg.to = message["To"]
        if message.status >= 300:
            self._send(self._signals, self._written(leg, "ACK", 1), self._port)
            self._failed(leg, message.first.removeprefix("SIP/2.0 "))
            return
        leg.contact = message.contact or leg.contact
        self._send(self._signals, self._written(leg, "ACK", 1), self._port)
        if leg.over or leg.answered:  # an answer sent again
            return
        leg.answered, leg.port = at, message.audio_port
        self._at(time.monotonic() + leg.listens, partial(self._hang_up, leg))

    def _asked(self, leg: Leg, message: sip.Message, at: float, port: int) -> None:
        if message.method == "ACK":
            return
        if message.method == "BYE":
            if leg.talks:
                leg.ended, leg.failure = at, f"the PBX hung up after {at - leg.answered:.1f} s"
            leg.over = True
        self._send(self._signals, sip.response(message, "200 OK"), port)


def _sockets(source: str, network: Path | None) -> tuple[socket.socket, socket.socket]:
    """One for signalling, one for audio. A thread's network is its own, and a socket keeps the one it was made in."""
    if network:
        with network.open() as entrance:
            if ctypes.CDLL(None, use_errno=True).setns(entrance.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "only root can enter another network", str(network))
    return _bound(source), _bound(source)


def _bound(source: str) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, _SO_RCVBUFFORCE):  # the second goes beyond the system's limit, for root
        with suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, option, HELD)
    one.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    one.bind((source, 0))
    one.setblocking(False)
    return one
