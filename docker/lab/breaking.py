"""What can die between a caller and the truth, really done to one side of the lab, and really mended.

Each fault is an async context manager: inside it the fault is there, after it, whatever happened, it is mended.
`docs/faults.md` says what each is like in the world, and how it is done here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from docker.lab.ami import NotSeen
from docker.lab.clocks import clock_moved, companions_clock, pbxs_clock
from docker.lab.side import AGI_PORT, AMI_PORT, ELSEWHERE, LEDGER, Side

HOSTILE = Path(__file__).with_name("hostile.py")
HOSTILE_PORT, CLOSED_PORT = "4599", "4598"  # in the companion's container; nobody listens at the second

Fault = Callable[[Side], AbstractAsyncContextManager[None]]


class Moment(Enum):
    """When a fault strikes."""

    BEFORE = "before callers come"
    PLAYING = "while callers are listening to an announcement"
    AWAITING = "when the announcement is over and a key is awaited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the matrix. `prepared` is what `Side.begin` does before the companion starts."""

    name: str
    strikes: Fault
    moment: Moment = Moment.BEFORE
    prepared: Callable[[Side], AbstractAsyncContextManager[tuple[str, ...]]] | None = None


@contextlib.asynccontextmanager
async def healthy(_: Side) -> AsyncIterator[None]:
    """Nothing is broken."""
    yield


@contextlib.asynccontextmanager
async def killed(side: Side) -> AsyncIterator[None]:
    """SIGKILL: its port is closed with it."""
    await side.stack.kill(side.keepline)
    try:
        yield
    finally:
        await side.stack.start(side.keepline)


@contextlib.asynccontextmanager
async def stopped(side: Side) -> AsyncIterator[None]:
    """SIGSTOP: the kernel goes on accepting connections, and nobody answers them."""
    await side.stack.kill(side.keepline, "STOP")
    try:
        yield
    finally:
        await side.stack.kill(side.keepline, "CONT")


def packets(*rules: str) -> Fault:
    """Packet filter rules on the PBX, between it and its companion. `{0}` stands for the companion's address."""

    @contextlib.asynccontextmanager
    async def strikes(side: Side) -> AsyncIterator[None]:
        await side.shell(side.pbx, " && ".join(f"iptables -w {rule.format(side.address)}" for rule in rules))
        try:
            yield
        finally:
            await side.shell(side.pbx, "iptables -w -F; iptables -w -t nat -F")

    return strikes


def redirected(port: str) -> str:
    """The rule that leads the PBX's AGI to another port of the companion's container."""
    return f"-t nat -I OUTPUT -p tcp -d {{0}} --dport {AGI_PORT} -j DNAT --to-destination {{0}}:{port}"


refused = packets(redirected(CLOSED_PORT))
unreachable = packets(
    f"-I OUTPUT -p tcp -d {{0}} --dport {AGI_PORT} -j DROP", f"-I INPUT -p tcp -s {{0}} --sport {AGI_PORT} -j DROP"
)
ami_cut = packets(
    f"-I INPUT -p tcp -s {{0}} --dport {AMI_PORT} -j DROP", f"-I OUTPUT -p tcp -d {{0}} --sport {AMI_PORT} -j DROP"
)


@contextlib.asynccontextmanager
async def half_open(side: Side) -> AsyncIterator[None]:
    """The connection's other end is gone, and neither FIN nor RST ever says so."""
    async with unreachable(side), killed(side):
        yield


def answers(mode: str) -> Fault:
    """The AGI port is another's, who does not help (docker/lab/hostile.py)."""

    @contextlib.asynccontextmanager
    async def strikes(side: Side) -> AsyncIterator[None]:
        there = (f"{side.address}:{AGI_PORT}",) if mode == "slow" else ()
        async with _hostile(side, mode, HOSTILE_PORT, *there), packets(redirected(HOSTILE_PORT))(side):
            yield

    return strikes


@contextlib.asynccontextmanager
async def dribbling(side: Side) -> AsyncIterator[None]:
    """What Asterisk goes on reading costs it a processor for ever: it is started anew, or the next row would suffer."""
    try:
        async with answers("dribble")(side):
            yield
    finally:
        await side.restart_pbx()


@contextlib.asynccontextmanager
async def database_locked(side: Side) -> AsyncIterator[None]:
    """Another process holds the ledger in an exclusive transaction and does not let go."""
    async with _hostile(side, "lock", LEDGER):
        yield


@contextlib.asynccontextmanager
async def on_a_small_disk(side: Side) -> AsyncIterator[tuple[str, ...]]:
    """The ledger lies on a disk of its own, of 16 MB (docker/compose.yaml)."""
    try:
        yield (f"echo sqlite:////small/keepline.db > {ELSEWHERE}",)
    finally:
        await side.shell(side.keepline, f"rm -f {ELSEWHERE}")


@contextlib.asynccontextmanager
async def disk_full(side: Side) -> AsyncIterator[None]:
    """Not a byte is left where the ledger lies."""
    filled = (
        "dd if=/dev/zero of=/small/filler bs=4096 2>&1; dd if=/dev/zero of=/small/rest bs=1 count=4096 2>&1; df /small"
    )
    if " 100% " not in await side.shell(side.keepline, f"({filled}) || true"):
        raise NotSeen("the small disk is not full")
    try:
        yield
    finally:
        await side.shell(side.keepline, "rm -f /small/filler /small/rest")


@contextlib.asynccontextmanager
async def pbx_restarted(side: Side) -> AsyncIterator[None]:
    """The PBX crashes (SIGKILL) and starts again; callers come as soon as it is there."""
    await side.restart_pbx()
    yield


@contextlib.asynccontextmanager
async def all_restarted(side: Side) -> AsyncIterator[None]:
    """The PBX crashes and starts again while its companion is dead: all there is, is what the PBX kept."""
    async with killed(side), pbx_restarted(side):
        yield


@contextlib.asynccontextmanager
async def _hostile(side: Side, *arguments: str) -> AsyncIterator[None]:
    """Run docker/lab/hostile.py in the companion's container, as the companion's user."""
    await side.shell(side.keepline, "rm -f /tmp/hostile")
    as_companion = ("setpriv", "--reuid", "keepline", "--regid", "keepline", "--clear-groups")
    command = (*as_companion, "python3", "-c", HOSTILE.read_text(encoding="utf-8"), *arguments)
    running = asyncio.create_task(side.stack.execute(side.keepline, *command, deadline=600), name="hostile")
    try:
        waits = "for i in $(seq 100); do test -s /tmp/hostile && exit 0; sleep 0.1; done; exit 1"
        await side.shell(side.keepline, waits)
        yield
    finally:
        if not running.done():
            await side.shell(side.keepline, "test ! -s /tmp/hostile || kill $(cat /tmp/hostile)")
        await asyncio.wait([running])
        running.exception()  # it was ended by a signal


ROWS = (
    Row(name="healthy", strikes=healthy),
    Row(name="killed", strikes=killed),
    Row(name="stopped", strikes=stopped),
    Row(name="port refused", strikes=refused),
    Row(name="unreachable", strikes=unreachable),
    Row(name="accepts and hangs", strikes=answers("hang")),
    Row(name="garbage", strikes=answers("garbage")),
    Row(name="bytes dribble", strikes=dribbling),
    Row(name="slow line", strikes=answers("slow")),
    Row(name="killed while playing", strikes=killed, moment=Moment.PLAYING),
    Row(name="killed while awaiting a key", strikes=killed, moment=Moment.AWAITING),
    Row(name="stopped while playing", strikes=stopped, moment=Moment.PLAYING),
    Row(name="half-open while playing", strikes=half_open, moment=Moment.PLAYING),
    Row(name="database locked", strikes=database_locked),
    Row(name="disk full", strikes=disk_full, prepared=on_a_small_disk),
    Row(name="AMI cut", strikes=ami_cut),
    Row(name="PBX restarted", strikes=pbx_restarted),
    Row(name="PBX restarted, companion dead", strikes=all_restarted),
    Row(name="companion's clock 3 h ahead", strikes=clock_moved("keepline", 3), prepared=companions_clock),
    Row(name="companion's clock 3 h back", strikes=clock_moved("keepline", -3), prepared=companions_clock),
    Row(name="PBX's clock 3 h ahead", strikes=clock_moved("pbx", 3), prepared=pbxs_clock),
    Row(name="PBX's clock 3 h back", strikes=clock_moved("pbx", -3), prepared=pbxs_clock),
)
