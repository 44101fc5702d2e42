# ruff: noqa: ARG002 - the desk and the floor look at nothing they are given
"""FastAGI sessions per second: the real front desk and its status script against the least a server can do.

The floor is a bare Protocol on uvloop that reads nothing and sends the same commands; ours parses, checks the token,
asks the desk and keeps every deadline. Both serve in a process of their own, one after the other in short turns, and
are driven by the same client from this process, so that a busy machine slows both alike. Prints `figure:` lines.

    python benchmarks/fastagi.py [seconds per turn]
"""

from __future__ import annotations

import asyncio
import resource
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import cast

import structlog
import uvloop

from agi.desk import Audio, Caller, Receipt, Rehearsal, Treatment
from agi.server import Server
from agi.settings import ServerSettings
from ami_bridge.memory import settle_memory

TOKEN = "benchmark"
NAME = "0123456789abcdef" * 4
URL = f"http://127.0.0.1:8080/announcements/{NAME}.wav"
TURNS = 5
GOAL = 0.75

ENVIRONMENT = (
    "".join(
        f"agi_{name}: {value}\n"
        for name, value in {
            "network": "yes",
            "network_script": "status",
            "request": "agi://127.0.0.1:4573/status",
            "channel": "Local/ask@keepline-question-00000015;2",
            "language": "en",
            "type": "Local",
            "uniqueid": "1767225600.44",
            "version": "22.1.0",
            "callerid": "+441632960123",
            "calleridname": "A Customer",
            "callingpres": "0",
            "callingani2": "0",
            "callington": "0",
            "callingtns": "0",
            "dnid": "unknown",
            "rdnis": "unknown",
            "context": "keepline-question",
            "extension": "ask",
            "priority": "3",
            "enhanced": "0.0",
            "accountcode": "",
            "threadid": "139872145",
            "arg_1": TOKEN,
            "arg_2": "pbx-1",
            "arg_3": "support",
            "arg_4": "",
            "arg_5": "",
            "arg_6": "",
            "arg_7": "1767225600.42",
            "arg_8": "en",
        }.items()
    ).encode()
    + b"\n"
)


class OneAnswer:
    """A desk that always has the same to say: what is measured is the front desk, not the house behind it."""

    treatment = Treatment(audio=(Audio(url=URL, seconds=4.0, name=NAME),), keys="1", wait=4.0)

    async def status(self, caller: Caller) -> Treatment:
        return self.treatment

    async def unanswered(self, caller: Caller) -> Treatment:
        return self.treatment

    async def callback(self, caller: Caller) -> Treatment:
        return self.treatment

    async def pressed(self, caller: Caller, key: str) -> Receipt:
        return Receipt()

    async def callback_pressed(self, caller: Caller, key: str) -> Receipt:
        return Receipt()

    async def callback_heard(self, caller: Caller) -> None: ...

    async def rehearsal(self, caller: Caller) -> Rehearsal:
        return Rehearsal()

    async def rehearsed(self, caller: Caller, playable: Mapping[str, bool]) -> None: ...


class Floor(asyncio.Protocol):
    """The same bytes out, nothing looked at: one command for each thing received, then the end."""

    COMMANDS: tuple[bytes, ...] = ()  # what the real script sends

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.commands = cast("asyncio.Transport", transport), iter(self.COMMANDS)

    def data_received(self, data: bytes) -> None:
        command = next(self.commands, None)
        if command is None:
            self.transport.abort()
        else:
            self.transport.write(command)


async def serve(kind: str, *commands: str) -> None:
    """Serve until standard input ends; for each line of it print the processor time used until then, in seconds."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    loop = asyncio.get_running_loop()
    if kind == "floor":
        Floor.COMMANDS = tuple(command.encode() + b"\n" for command in commands)
        listener = await loop.create_server(Floor, "127.0.0.1", 0, backlog=2048)
        port = listener.sockets[0].getsockname()[1]
    else:
        server = Server(OneAnswer(), ServerSettings(port=0, token=TOKEN))
        await server.start()
        port = server.port
    settle_memory()
    print(f"port {port}", flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), lambda: print(cpu(), flush=True) if sys.stdin.readline() else ended.set())
    await ended.wait()


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    per_second: float
    p99: float  # seconds from connecting to the end of the session
    cpu: float  # the server's processor time per session, in seconds
    failed: int


class Process:
    """A server in a process of its own."""

    def __init__(self, kind: str, *commands: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", kind, *commands],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._line().split()[1])

    def cpu(self) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the server ended")
        return line

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


def reply(command: bytes) -> bytes:
    """What Asterisk answers when all goes well and no key is pressed."""
    if command.startswith(b"STREAM"):
        return b"200 result=0 endpos=32000\n"
    return b"200 result=0\n" if command.startswith(b"WAIT") else b"200 result=1\n"


def said(server: Process) -> list[str]:
    """The commands of one session."""
    commands = []
    with socket.create_connection(("127.0.0.1", server.port), 5) as caller:
        caller.send(ENVIRONMENT)
        try:
            while command := caller.recv(4096):
                commands.append(command.decode().removesuffix("\n"))
                caller.send(reply(command))
        except ConnectionResetError:
            pass  # how a session ends
    return commands


class Callers:
    """`count` callers at once, each calling again when done. Bare epoll: the client must outrun every server."""

    def __init__(self, port: int, count: int) -> None:
        self.port = port
        self.count = count
        self.poll = select.epoll()
        self.open: dict[int, tuple[socket.socket, float]] = {}
        self.told: set[int] = set()
        self.times: list[float] = []
        self.failed = 0

    def call(self) -> None:
        caller = socket.socket()
        caller.setblocking(False)
        # At the end reset rather than linger: thousands of sessions a second would use up the ports.
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.open[caller.fileno()] = caller, time.perf_counter()
        caller.connect_ex(("127.0.0.1", self.port))
        self.poll.register(caller, select.EPOLLOUT)

    def run(self, seconds: float) -> float:
        """Call for `seconds`, let the last ones finish; return how long it all took."""
        begin = time.perf_counter()
        end = begin + seconds
        for _ in range(self.count):
            self.call()
        while self.open and time.perf_counter() < end + 10:
            # Never asleep: waking a sleeping client costs a server more than a command does, and only a server slow
            # enough to let it fall asleep would pay for that.
            for number, event in self.poll.poll(0):
                if event & select.EPOLLOUT:
                    self.open[number][0].send(ENVIRONMENT)
                    self.poll.modify(number, select.EPOLLIN)
                elif not self.answer(number) and time.perf_counter() < end:
                    self.call()
        took = time.perf_counter() - begin
        self.failed += len(self.open)
        self.poll.close()
        return took

    def answer(self, number: int) -> bool:
        """Answer one command; return False once the session is over."""
        caller, began = self.open[number]
        try:
            command = caller.recv(4096)
        except OSError:
            command = b""
        if command:
            if b"KL_NEXT" in command:
                self.told.add(number)
            caller.send(reply(command))
        else:
            self.times.append(time.perf_counter() - began)
            self.failed += number not in self.told
            self.told.discard(number)
            del self.open[number]
            caller.close()
            return False
        return True


def turn(server: Process, callers: int, seconds: float) -> Turn:
    before = server.cpu()
    client = Callers(server.port, callers)
    took = client.run(seconds)
    done = len(client.times)
    return Turn(
        per_second=done / took,
        p99=sorted(client.times)[int(done * 0.99)],
        cpu=(server.cpu() - before) / done,
        failed=client.failed,
    )


def compare(callers: int, seconds: float) -> int:
    """Print the figures for `callers` at once; return how many of the front desk's sessions failed."""
    desk = Process("desk")
    commands = said(desk)
    floor = Process("floor", *commands)
    try:
        for server in (floor, desk):
            turn(server, callers, 0.5)  # warm
        pairs = [(turn(floor, callers, seconds), turn(desk, callers, seconds)) for _ in range(TURNS)]
    finally:
        floor.stop()
        desk.stop()
    print(f"{len(commands)} commands a session")
    for name, turns in (("floor", [f for f, _ in pairs]), ("desk", [d for _, d in pairs])):
        rate, p99 = median(t.per_second for t in turns), median(t.p99 for t in turns)
        each = median(t.cpu for t in turns)
        print(f"{name} at {callers}: {rate:.0f} sessions/s, p99 {p99 * 1e3:.1f} ms, {each * 1e6:.0f} us of CPU each")
    if any(f.failed for f, _ in pairs):
        raise RuntimeError("the floor itself failed sessions: there is nothing to compare with")
    figure(f"fastagi_ratio_to_floor_{callers}", median(d.per_second / f.per_second for f, d in pairs), f">= {GOAL}")
    figure(f"fastagi_p99_to_floor_{callers}", median(d.p99 / f.p99 for f, d in pairs), "<= 1.5")
    figure(f"fastagi_cpu_to_floor_{callers}", median(d.cpu / f.cpu for f, d in pairs), f"<= {1 / GOAL:.2f}")
    return sum(d.failed for _, d in pairs)


def figure(name: str, value: float, goal: str) -> None:
    print(f"figure: {name} = {value:.2f} ratio (goal: {goal})", flush=True)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.5
    failed = sum(compare(callers, seconds) for callers in (50, 500))
    print(f"figure: fastagi_failed_sessions = {failed} sessions (goal: 0)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        uvloop.run(serve(*sys.argv[2:]))
    else:
        main()
