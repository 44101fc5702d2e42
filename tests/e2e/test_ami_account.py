"""The rendered AMI account on real Asterisks: it is sent the events that are read, no others, and may do what is done.

The account is rendered from the lab's settings and put beside the PBX's own for the time of a test. Its connection and
one with all rights watch the same calls side by side.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from ami_bridge.ami.decode import WANTED, decode
from ami_bridge.cli import plan
from ami_bridge.domain.events import AudioReported
from ami_bridge.loading import load
from dialplan_templates.render import READ, WRITE, render
from docker.lab.stack import DOCKER, Lab, Stack, driver_secret

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SECRET = "only-for-this-test"
ENVIRONMENT = {
    "KEEPLINE_AGI_TOKEN": "only-for-this-test",
    "KEEPLINE_PBX_LAB_SECRET": SECRET,
    "KEEPLINE_WEBHOOK_MONITORING_TOKEN": "only-for-this-test",
    "KEEPLINE_TENANT_ACME_PIN": "000000",
}
FILE = "account_of_a_test.conf"
# Extensions of the lab: a phone that is rung, a queue that lets its caller go after two seconds without an agent, and
# one that answers and stays.
PHONE, TIMED_QUEUE, ANSWERED = "5551101", "5551507", "5550902"


@dataclass
class Side:
    """One AMI connection, all of whose messages are kept as they came."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    messages: list[bytes]
    asked: int = 0

    async def read(self) -> None:
        while True:
            self.messages.append((await self.reader.readuntil(b"\r\n\r\n"))[:-4])

    async def ask(self, action: str, **headers: str) -> bytes:
        """The response to an action."""
        self.asked += 1
        number = f"{id(self)}-{self.asked}"
        lines = [f"Action: {action}", f"ActionID: {number}", *(f"{name}: {value}" for name, value in headers.items())]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        return await self.message(b"Response: ", f"\r\nActionID: {number}".encode())

    async def message(self, start: bytes, part: bytes, deadline: float = 15) -> bytes:
        """Wait for a message that begins so and has `part`."""
        async with asyncio.timeout(deadline):
            while True:
                for message in self.messages:
                    if message.startswith(start) and part in message:
                        return message
                await asyncio.sleep(0.02)

    def events(self, since: int) -> list[bytes]:
        """The events from `since` on that answer no question."""
        return [m for m in self.messages[since:] if m.startswith(b"Event: ") and b"\r\nActionID: " not in m]


@asynccontextmanager
async def logged_in(port: int, username: str, secret: str) -> AsyncIterator[Side]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    await reader.readline()
    side = Side(reader, writer, [])
    reading = asyncio.create_task(side.read())
    try:
        assert (await side.ask("Login", Username=username, Secret=secret)).startswith(b"Response: Success")
        yield side
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        writer.close()


@asynccontextmanager
async def account(stack: Stack, service: str, asterisk: str) -> AsyncIterator[str]:
    """The account as rendered for this version of Asterisk, under another name, known to the PBX; yields the name."""
    name = f"test-{asterisk}"
    plans = replace(
        plan(load(DOCKER / "keepline.toml", ENVIRONMENT), "lab"), username=name, named_filters=asterisk != "16"
    )
    text = base64.b64encode(render(plans)["manager.conf"].encode()).decode()
    put = f"echo {text} | base64 -d >{FILE} && chown asterisk: {FILE} && echo '#tryinclude {FILE}' >>manager.conf"
    drop = f"rm -f {FILE} && sed -i '/{FILE}/d' manager.conf"
    # First what a test that was killed left behind.
    await stack.execute(service, "sh", "-c", f"cd /etc/asterisk && {drop} && {put} && asterisk -rx 'manager reload'")
    try:
        yield name
    finally:
        await stack.execute(service, "sh", "-c", f"cd /etc/asterisk && {drop} && asterisk -rx 'manager reload'")


@dataclass(frozen=True)
class Watched:
    lab: Lab
    everything: Side
    ours: Side


@asynccontextmanager
async def side_by_side(stack: Stack, asterisk: str) -> AsyncIterator[Watched]:
    old = asterisk == "16"
    settings = await stack.settings()
    service = "pbx16" if old else "pbx"
    port = int(settings["KEEPLINE_PORT_PBX16_AMI" if old else "KEEPLINE_PORT_PBX_AMI"])
    async with stack.connected(old=old) as lab:
        await lab.carrier.reset()
        async with (
            account(stack, service, asterisk) as name,
            logged_in(port, "driver", driver_secret()) as everything,
            logged_in(port, name, SECRET) as ours,
        ):
            yield Watched(lab, everything, ours)
        await lab.carrier.reset()


VERSIONS = pytest.mark.parametrize("asterisk", ["22", "16"])


async def up(asterisk: str) -> Stack:
    """The two Asterisks; the companion has no part in this."""
    stack = Stack()
    await stack.up(*(("carrier16", "pbx16") if asterisk == "16" else ("carrier", "pbx")))
    return stack


def read(message: bytes) -> bool:
    mark = WANTED.get(message[len(b"Event: ") : message.find(b"\r\n")])
    return mark is not None and mark in message + b"\r\n"


@VERSIONS
async def test_the_account_is_sent_the_events_that_are_read_and_no_others(asterisk: str) -> None:
    """In the same order and to the byte, while a phone rings, a queue lets its caller go and audio is reported on."""
    stack = await up(asterisk)
    async with side_by_side(stack, asterisk) as watched:
        marker = b"Variable: QUEUESTATUS"
        since = [len(side.messages) for side in (watched.everything, watched.ours)]
        await watched.lab.carrier.phone("101", mode="answer", ring=10)
        await watched.lab.carrier.agent_arrives("101")
        talking = await watched.lab.carrier.call(ANSWERED)
        queued = await watched.lab.carrier.call(TIMED_QUEUE)
        rung = await watched.lab.carrier.call(PHONE)
        await watched.everything.message(b"Event: Newstate", b"\r\nChannelState: 5")
        await rung.hangup()
        await queued.ended(15)
        for side in (watched.everything, watched.ours):
            await side.message(b"Event: RTCPReceived", b"\r\nReport0FractionLost: ")
        await talking.hangup()
        for side in (watched.everything, watched.ours):
            await side.message(b"Event: VarSet", marker)
        # A last event that both are sent ends the comparison: what came before it has arrived on either side.
        for side in (watched.ours, watched.everything):
            await side.message(b"Event: Hangup", queued_channel(watched.everything, marker))
        everything, ours = (
            side.events(start) for side, start in zip((watched.everything, watched.ours), since, strict=True)
        )
    wanted = [message for message in everything if read(message)]
    shared = min(len(wanted), len(ours))
    assert ours[:shared] == wanted[:shared]
    assert abs(len(wanted) - len(ours)) <= 2  # what came while one was looked at and the other was not yet
    kinds = Counter(message.partition(b"\r\n")[0] for message in ours)
    assert kinds[b"Event: VarSet"] == 1
    assert {b"Event: " + kind for kind in (b"Newchannel", b"DialBegin", b"QueueCallerJoin", b"RTCPReceived")} <= set(
        kinds
    )
    assert not [message for message in wanted if message.startswith(b"Event: RTCP") and audio(message) is None]
    assert len([message for message in everything if message.startswith(b"Event: VarSet")]) > 10
    for message in ours:
        [privilege] = re.findall(rb"\r\nPrivilege: (\w+),", message)
        assert privilege.decode() in READ


def audio(message: bytes) -> AudioReported | None:
    """What the companion makes of a report; all of this test's are good ones."""
    report = decode(message)
    assert report is None or (isinstance(report, AudioReported) and report.lost < 0.1 and report.jitter < 0.1)
    return report


def queued_channel(side: Side, marker: bytes) -> bytes:
    """The header that names the channel whose queue has let it go."""
    [message] = [m for m in side.messages if m.startswith(b"Event: VarSet") and marker in m]
    found: bytes = re.findall(rb"\r\nUniqueid: \S+", message)[0]
    return found


# Each action sent, with headers that change nothing; the answer to those that are refused for other reasons is of no
# matter here.
ACTIONS: dict[str, dict[str, str]] = {
    "Ping": {},
    "CoreSettings": {},
    "CoreStatus": {},
    "CoreShowChannels": {},
    "BridgeList": {},
    "QueueStatus": {},
    "DeviceStateList": {},
    "PJSIPShowRegistrationsOutbound": {},
    "PJSIPShowEndpoint": {"Endpoint": "acme-primary"},
    "PJSIPQualify": {"Endpoint": "acme-primary"},
    "Getvar": {"Variable": "KL_NOTHING"},
    "DBPut": {"Family": "keepline-test", "Key": "x", "Val": "1"},
    "DBGetTree": {"Family": "keepline-test"},
    "DBDel": {"Family": "keepline-test", "Key": "x"},
    "Hangup": {"Channel": "nobody"},
    "Originate": {"Channel": "Local/nobody@nowhere", "Application": "Wait", "Data": "0", "Async": "true"},
}
FORBIDDEN: dict[str, dict[str, str]] = {
    "Command": {"Command": "core show version"},
    "Redirect": {"Channel": "nobody", "Context": "x", "Exten": "s", "Priority": "1"},
    "UpdateConfig": {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"},
    "QueueRemove": {"Queue": "support", "Interface": "PJSIP/101"},
    "UserEvent": {"UserEvent": "x"},
}


@VERSIONS
async def test_the_account_may_do_what_is_done_and_nothing_more(asterisk: str) -> None:
    stack = await up(asterisk)
    async with side_by_side(stack, asterisk) as watched:
        answers = {name: await watched.ours.ask(name, **headers) for name, headers in ACTIONS.items()}
        refusals = {name: await watched.ours.ask(name, **headers) for name, headers in FORBIDDEN.items()}
        for end in (
            b"CoreShowChannelsComplete",
            b"QueueStatusComplete",
            b"DeviceStateListComplete",
            b"DBGetTreeComplete",
        ):
            await watched.ours.message(b"Event: " + end, b"\r\nEventList: Complete")
        await watched.ours.message(b"Event: QueueMember", b"\r\nQueue: ")  # lists pass no filter
        service = "pbx16" if asterisk == "16" else "pbx"
        needed = {name: await privileges(stack, service, name) for name in ACTIONS}
    assert not [name for name, answer in answers.items() if b"Permission denied" in answer]
    assert [name for name, answer in refusals.items() if b"Permission denied" not in answer] == []
    for name, classes in needed.items():
        assert not classes or classes & set(WRITE), name
    for granted in WRITE:
        rest = set(WRITE) - {granted}
        assert [name for name, classes in needed.items() if classes and not classes & rest], f"{granted} is not needed"


async def privileges(stack: Stack, service: str, action: str) -> set[str]:
    """The classes of which any permits `action`, as this Asterisk says; none for those that anybody may send."""
    shown = await stack.execute(service, "asterisk", "-rx", f"manager show command {action}")
    [line] = re.findall(r"(?m)^(?:Privilege: |\[Privilege\]\s*\n)(.+)$", re.sub(r"\x1b\[[0-9;]*m", "", shown))
    return set(line.strip().split(",")) - {"all", "<none>"}
