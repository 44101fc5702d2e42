"""A PBX at the far end of the AMI link: its manager interface, AstDB, channels, queue and rendered dialplan, modelled.

It speaks AMI bytes to the real session, plays what our dialplan does with a callback, and keeps its own account of
whom it dialled and what came of that. It goes on living while its companion is dead; killed, it loses every channel
and keeps AstDB.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from agi.desk import Audio, Caller, Desk, Next
from dialplan_templates import contract
from tests.adapters.ami.manager import BOOTED, GREETING, Action, listing, response
from tests.model.clockwork import Clockwork
from tests.model.lives import Life
from tests.model.people import CAUSES, STATUSES, Behaviour, Customer, Phone

PORT = 5038
BOOT = 3.0  # seconds in which a PBX that starts takes no connection
BUDGET = 3.0  # seconds a question to the desk may take (dialplan_templates/extensions.conf.j2)
FREE, IN_USE, RINGING = 1, 2, 6  # ast_device_state
ANNOUNCEMENT = 2.0  # seconds
_CHOICES = {"2": "later", "3": "declined"}


class Companion(Protocol):
    """The process at the other end, as the PBX meets it."""

    life: Life
    desk: Desk

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]: ...


@dataclass(slots=True)
class Dial:
    """One call the PBX placed for us. `free` agents there were, `ahead` calls already on their way to one.

    `did` is what the customer did in it (joined, told, later, declined), whoever noticed; `outcome` what the PBX or the
    companion was there to notice, or why nobody was reached.
    """

    attempt: str
    number: str
    line: str
    at: float
    free: int
    ahead: int
    in_turn: bool
    did: str = ""
    outcome: str = ""
    ended: float | None = None
    agent: str | None = None  # who was rung for it or talks

    @property
    def on_its_way(self) -> bool:
        """To an agent who is not rung for it yet."""
        return self.ended is None and self.agent is None and self.in_turn


class _Link(asyncio.Transport):
    """The connection of one companion, written to by it."""

    def __init__(self, pbx: ModelPbx, protocol: Any) -> None:
        super().__init__()
        self.pbx, self.protocol, self.open = pbx, protocol, True
        self.rest = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.rest += bytes(data)
        while b"\r\n\r\n" in self.rest and self.open:
            raw, _, self.rest = self.rest.partition(b"\r\n\r\n")
            self.pbx.asked(self, _read(raw.decode()))

    def abort(self) -> None:
        self.lose(None)

    def close(self) -> None:
        self.lose(None)

    def lose(self, why: Exception | None) -> None:
        if self.open:
            self.open = False
            self.pbx.links.discard(self)
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, why)

    def send(self, data: bytes) -> None:
        if self.open:
            asyncio.get_running_loop().call_soon(self._deliver, data)

    def _deliver(self, data: bytes) -> None:
        if self.open:
            self.protocol.data_received(data)


def _read(block: str) -> Action:
    action: Action = {}
    for line in block.split("\r\n"):
        name, _, value = line.partition(": ")
        action[name] = f"{action[name]}\n{value}" if name in action else value
    return action


@dataclass
class ModelPbx:
    """`customer` says how each call to a customer goes. `originate` is how it takes our calls: accepted; refused; late
    (the call is placed at once, the answer comes after 8 s: too late); lost (placed, and the link breaks)."""

    loop: Clockwork
    customer: Customer
    queue: str = "support"
    originate: str = "accepted"
    agents: dict[str, int] = field(default_factory=dict)  # device -> ast_device_state
    astdb: dict[str, dict[str, str]] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)  # Uniqueid -> name
    bridged: dict[str, str] = field(default_factory=dict)  # Uniqueid -> bridge
    dials: list[Dial] = field(default_factory=list)
    links: set[_Link] = field(default_factory=set)
    companion: Companion | None = None
    started: int = 0  # how often it was started again
    on_dial: Callable[[Dial], None] = lambda _dial: None
    _waiting: list[tuple[Dial, asyncio.Future[str]]] = field(default_factory=list)
    _living: set[asyncio.Task[None]] = field(default_factory=set)
    _calls: int = 0

    def __post_init__(self) -> None:
        self.loop.peers[PORT] = self._connected

    # ---- living and dying

    def kill(self) -> None:
        """SIGKILL: every channel is gone without a word. It is there again after BOOT."""
        for task in self._living:
            task.cancel()
        for dial in self.dials:
            if dial.ended is None:
                dial.ended = self.loop.time()
        self.channels.clear()
        self.bridged.clear()
        self._waiting.clear()
        self.agents = dict.fromkeys(self.agents, FREE)
        self.loop.peers.pop(PORT, None)
        for link in list(self.links):
            link.lose(ConnectionResetError("the PBX was killed"))
        self.started += 1
        self.loop.call_later(BOOT, self.loop.peers.setdefault, PORT, self._connected)

    def cut(self) -> None:
        """The AMI link breaks; everything else goes on."""
        for link in list(self.links):
            link.lose(ConnectionResetError("the link was cut"))

    def companion_died(self) -> None:
        """Its end of every connection is gone."""
        for link in list(self.links):
            link.open = False
            self.links.discard(link)
        self.companion = None

    # ---- agents

    @property
    def free(self) -> int:
        return sum(state == FREE for state in self.agents.values())

    def press(self, number: str, line: str, uniqueid: str) -> None:
        """A caller presses 1: the dialplan keeps the key, asks the desk, and forgets it once it has the receipt."""
        entry = f"{uniqueid}-1"
        keys = self.astdb.setdefault(contract.KEYS, {})
        keys[entry] = f"{int(self.loop.clock().timestamp())}:{line}:1:{number}:en"
        self._spawn(self._pressed(entry, _caller(uniqueid, line, number, attempt=False)), entry)

    async def _pressed(self, entry: str, caller: Caller) -> None:
        if await self.ask(lambda desk: desk.pressed(caller, "1")) is not None:
            self.astdb[contract.KEYS].pop(entry, None)

    def agent(self, device: str, state: int) -> None:
        """An agent's phone changes its state, and who waits in the queue may get them."""
        self.agents[device] = state
        self.event(
            "QueueMemberStatus", Queue=self.queue, Interface=device, StateInterface=device, Status=state, Paused=0
        )
        self._offer()

    def _offer(self) -> None:
        for device, state in self.agents.items():
            if state == FREE and self._waiting:
                dial, found = self._waiting.pop(0)
                if not found.done():
                    dial.agent = device
                    found.set_result(device)
                    self.agent(device, RINGING)
                return

    # ---- AMI

    def event(self, name: str, **headers: object) -> None:
        raw = "\r\n".join([f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items()), "", ""]).encode()
        for link in self.links:
            link.send(raw)

    def asked(self, link: _Link, action: Action) -> None:
        """An action came; a companion that dies at this step is not there for the answer, or never asked."""
        life = self.companion.life if self.companion is not None else Life()
        if not life.begins(f"AMI {_label(action)}") or not link.open:
            return
        reply = self._answer(link, action)
        if life.taken() and link.open and reply is not None:
            link.send(reply)

    def _answer(self, link: _Link, action: Action) -> bytes | None:
        handler = _ANSWERS.get(action["Action"])
        return handler(self, link, action) if handler else response(action, "Success", "Message: done")

    def _connected(self, protocol: Any) -> _Link:
        link = _Link(self, protocol)
        self.links.add(link)
        link.send(GREETING)
        return link

    def _login(self, _link: _Link, action: Action) -> bytes:
        return response(action, "Success", "Message: Authentication accepted") + BOOTED

    def _put(self, _link: _Link, action: Action) -> bytes:
        self.astdb.setdefault(action["Family"], {})[action["Key"]] = action["Val"]
        return response(action, "Success", "Message: Updated database successfully")

    def _del(self, _link: _Link, action: Action) -> bytes:
        gone = self.astdb.get(action["Family"], {}).pop(action["Key"], None)
        return response(action, "Success" if gone is not None else "Error", "Message: Database entry")

    def _tree(self, _link: _Link, action: Action) -> bytes:
        family = action["Family"]
        if not (kept := self.astdb.get(family)):
            return response(action, "Error", "Message: Database entry not found")
        return listing(action, *(f"DBGetTreeResponse|Key: /{family}/{key}|Val: {value}" for key, value in kept.items()))

    def _show_channels(self, _link: _Link, action: Action) -> bytes:
        entries = (
            f"CoreShowChannel|Channel: {name}|ChannelState: 6|CallerIDNum: |Exten: s|Uniqueid: {uniqueid}"
            f"|Linkedid: {self._linked(uniqueid)}|BridgeId: {self.bridged.get(uniqueid, '')}"
            for uniqueid, name in self.channels.items()
        )
        return listing(action, *entries)

    def _linked(self, uniqueid: str) -> str:
        return uniqueid.partition("/")[0]

    def _queue_status(self, _link: _Link, action: Action) -> bytes:
        members = (
            f"QueueMember|Queue: {self.queue}|Location: {device}|StateInterface: {device}|Status: {state}|Paused: 0"
            for device, state in self.agents.items()
        )
        entries = (
            f"QueueEntry|Queue: {self.queue}|Position: {place}|Channel: x|Uniqueid: {dial.attempt}|Wait: 1"
            for place, (dial, _found) in enumerate(self._waiting, 1)
        )
        return listing(action, *members, *entries)

    def _endpoint(self, _link: _Link, action: Action) -> bytes:
        name = action["Endpoint"]
        return listing(action, f"ContactStatusDetail|EndpointName: {name}|URI: sip:carrier|Status: Reachable")

    def _nothing(self, _link: _Link, action: Action) -> bytes:
        return listing(action)

    def _status(self, _link: _Link, action: Action) -> bytes:
        return response(
            action, "Success", "CoreStartupDate: 2026-03-01", f"CoreStartupTime: 08:00:{self.started % 60:02}"
        )

    def _settings(self, _link: _Link, action: Action) -> bytes:
        return response(action, "Success", "AsteriskVersion: 22.10.1")

    def _hang_up(self, _link: _Link, action: Action) -> bytes:
        if action["Channel"] not in self.channels:
            return response(action, "Error", "Message: No such channel")
        for task in self._living:
            if task.get_name() == action["Channel"]:
                task.cancel()
        return response(action, "Success", "Message: Channel Hungup")

    def _originate(self, link: _Link, action: Action) -> bytes | None:
        accepted = response(action, "Success", "Message: Originate successfully queued")
        if action["Channel"] == contract.REHEARSE_CHANNEL:
            self._spawn(self._rehearse(), "rehearsal")
            return accepted
        if action["Context"] != contract.CALLBACK_CONTEXT:
            return accepted
        if self.originate == "refused":
            return response(action, "Error", "Message: Extension does not exist.")
        variables = dict(one.removeprefix("__").split("=", 1) for one in action["Variable"].split("\n"))
        self._dial(action, variables)
        if self.originate == "lost":
            self.originate = "accepted"
            self.cut()
            return None
        if self.originate == "late":
            self.originate = "accepted"
            self.loop.call_later(8, link.send, accepted)
            return None
        return accepted

    # ---- calls

    def _dial(self, action: Action, variables: dict[str, str]) -> None:
        number, _, trunk = action["Channel"].removeprefix("PJSIP/").partition("@")
        in_turn = variables["KL_KEYS"] != ""
        dial = Dial(
            attempt=action["ChannelId"],
            number=number,
            line=variables["KL_LINE"],
            at=self.loop.time(),
            free=self.free,
            ahead=sum(one.on_its_way for one in self.dials[-200:]),
            in_turn=in_turn,
        )
        nth = sum(one.number == number for one in self.dials)
        self.dials.append(dial)
        self.on_dial(dial)
        behaviour = self.customer(number, nth)
        self._spawn(
            self._call(dial, behaviour, f"PJSIP/{trunk}-{self._next():08x}", float(action["Timeout"]) / 1000),
            dial.attempt,
        )

    def _next(self) -> int:
        self._calls += 1
        return self._calls

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = self.loop.create_task(work, name=name)
        self._living.add(task)
        task.add_done_callback(self._living.discard)

    async def _call(self, dial: Dial, does: Behaviour, channel: str, ring: float) -> None:
        """One call of ours from its channel's beginning to its end."""
        cause = 16
        self.channels[dial.attempt] = channel
        self._born(dial.attempt, channel, dial.attempt)
        self.event("DialBegin", DestUniqueid=dial.attempt, DialString=f"{dial.number}@trunk")
        try:
            if not await self._answered(dial, does, ring):
                cause = CAUSES.get(does.phone, 16)
                dial.outcome = does.phone.value
                return
            await _Dialplan(self, dial, does).run()
        finally:
            if dial.attempt in self.channels:  # a PBX that was killed says nothing
                self._gone(dial, cause)

    async def _answered(self, dial: Dial, does: Behaviour, ring: float) -> bool:
        await asyncio.sleep(0.2)
        alerts = does.phone in (Phone.PICKED_UP, Phone.RINGS_OUT, Phone.REJECTED)
        if alerts:
            self.event("Newstate", Uniqueid=dial.attempt, ChannelState=5)
            self.event("DialState", DestUniqueid=dial.attempt, DialStatus="RINGING")
            await asyncio.sleep(ring if does.phone is Phone.RINGS_OUT else min(does.ring, ring))
        if does.phone is not Phone.PICKED_UP:
            self.event("DialEnd", DestUniqueid=dial.attempt, DialStatus=STATUSES[does.phone])
            return False
        self.event("Newstate", Uniqueid=dial.attempt, ChannelState=6)
        self.event("DialEnd", DestUniqueid=dial.attempt, DialStatus="ANSWER")
        self.event("OriginateResponse", ActionID=dial.attempt, Response="Success", Uniqueid=dial.attempt)
        return True

    def _born(self, uniqueid: str, channel: str, linkedid: str) -> None:
        self.event(
            "Newchannel",
            Uniqueid=uniqueid,
            Linkedid=linkedid,
            Channel=channel,
            ChannelState=0,
            CallerIDNum="",
            Exten="s",
        )

    def _gone(self, dial: Dial, cause: int) -> None:
        self._waiting = [(one, found) for one, found in self._waiting if one is not dial]
        if dial.agent is not None:
            self.hung_up(f"{dial.attempt}/agent", 16)
            self.agent(dial.agent, FREE)
        dial.ended = self.loop.time()
        self.hung_up(dial.attempt, cause)
        if dial.outcome in {phone.value for phone in Phone}:
            self.event("OriginateResponse", ActionID=dial.attempt, Response="Failure", Uniqueid="<null>")

    def hung_up(self, uniqueid: str, cause: int) -> None:
        if uniqueid in self.channels:
            del self.channels[uniqueid]
            self.bridged.pop(uniqueid, None)
            self.event("Hangup", Uniqueid=uniqueid, Cause=cause)

    async def _rehearse(self) -> None:
        """Everything can be played."""
        caller = _caller("rehearsal", "-", None, attempt=False)
        wanted = await self.ask(lambda desk: desk.rehearsal(caller))
        if wanted is not None:
            await self.ask(lambda desk: desk.rehearsed(caller, dict.fromkeys(wanted.urls, True)))

    async def ask(self, question: Callable[[Desk], Coroutine[Any, Any, Any]]) -> Any:
        """Ask the desk by FastAGI: None when nobody answers in time."""
        companion = self.companion
        if companion is None or companion.life.over.is_set():
            return None
        task = companion.spawn(question(companion.desk), "a caller at the desk")
        died = self.loop.create_task(companion.life.over.wait())
        try:
            await asyncio.wait({task, died}, timeout=BUDGET, return_when=asyncio.FIRST_COMPLETED)
        finally:
            died.cancel()
        if not task.done() or task.cancelled() or companion.life.over.is_set() or task.exception() is not None:
            return None
        return task.result() if task.result() is not None else True

    async def listens(self, seconds: float) -> bool:
        """The customer listens for so long; False when whoever plays it to them died meanwhile."""
        companion = self.companion
        if companion is None or companion.life.over.is_set():
            return False
        died = self.loop.create_task(companion.life.over.wait())
        await asyncio.wait({died}, timeout=seconds)
        died.cancel()
        return not companion.life.over.is_set()

    def queues(self, dial: Dial) -> asyncio.Future[str]:
        """A customer who accepted stands in the queue: the agent who is rung for them, when there is one."""
        found: asyncio.Future[str] = self.loop.create_future()
        self._waiting.append((dial, found))
        self.event("QueueCallerJoin", Uniqueid=dial.attempt, Queue=self.queue, Position=len(self._waiting))
        self._offer()
        return found

    def mark(self, dial: Dial, how: str) -> None:
        self.astdb.setdefault(contract.ATTEMPTS, {})[dial.attempt] = how

    def joins(self, dial: Dial) -> None:
        """An agent answered and is joined with the customer."""
        agent = f"{dial.attempt}/agent"
        self.channels[agent] = f"{dial.agent}-{self._next():08x}"
        self._born(agent, self.channels[agent], dial.attempt)
        self.event("DialBegin", Uniqueid=dial.attempt, DestUniqueid=agent, DialString=dial.agent)
        self.event("Newstate", Uniqueid=agent, ChannelState=6)
        self.event("DialEnd", Uniqueid=dial.attempt, DestUniqueid=agent, DialStatus="ANSWER")
        for uniqueid in (dial.attempt, agent):
            self.bridged[uniqueid] = f"bridge of {dial.attempt}"
            self.event(
                "BridgeEnter",
                BridgeUniqueid=self.bridged[uniqueid],
                BridgeTechnology="simple_bridge",
                Uniqueid=uniqueid,
            )


class _Dialplan:
    """The contexts keepline-callback, -connect and -joined of dialplan_templates/extensions.conf.j2, for one call."""

    def __init__(self, pbx: ModelPbx, dial: Dial, does: Behaviour) -> None:
        self._pbx, self._dial, self._does = pbx, dial, does
        self._caller = _caller(dial.attempt, dial.line, dial.number)

    async def run(self) -> None:
        pbx, dial = self._pbx, self._dial
        pbx.mark(dial, "answered")
        where = await self._served()
        if where is None:
            where = await self._alone()
        if where is Next.CONNECT:
            await self._connect()

    async def _served(self) -> Next | None:
        """The companion talks to the customer; None when it died, hung or failed on the way."""
        pbx, does, caller = self._pbx, self._does, self._caller
        treatment = await pbx.ask(lambda desk: desk.callback(caller))
        if treatment is None or (treatment.audio and not await pbx.listens(_lasts(treatment.audio) + does.listens)):
            return None
        if treatment.keys and does.key:
            self._dial.did = _CHOICES.get(does.key, "")
            receipt = await pbx.ask(lambda desk: desk.callback_pressed(caller, does.key))
            if receipt is None:
                return None
            self._dial.outcome = self._dial.did
            return Next(receipt.then)
        if treatment.audio and not treatment.keys:
            self._dial.did = "told"
            if await pbx.ask(lambda desk: desk.callback_heard(caller)) is None:
                return None
            self._dial.outcome = "told"
        return Next(treatment.then)

    async def _alone(self) -> Next:
        pbx, dial, does = self._pbx, self._dial, self._does
        await asyncio.sleep(ANNOUNCEMENT + does.listens)
        if not dial.in_turn:
            pbx.mark(dial, "told")
            dial.did = dial.outcome = "told"
        elif does.key == "1":
            return Next.CONNECT
        elif does.key:
            dial.did = dial.outcome = _CHOICES[does.key]
            pbx.mark(dial, dial.outcome)
        return Next.HANGUP

    async def _connect(self) -> None:
        pbx, dial, does = self._pbx, self._dial, self._does
        pbx.mark(dial, "accepted")
        found = pbx.queues(dial)
        await asyncio.wait({found}, timeout=does.patience)
        if not found.done():
            pbx.mark(dial, "unmet")
            dial.outcome = "unmet"
            await asyncio.sleep(ANNOUNCEMENT)
            return
        await asyncio.sleep(1.0)  # the agent's phone rings
        pbx.mark(dial, "joined")
        dial.did = dial.outcome = "joined"
        pbx.agent(found.result(), IN_USE)
        pbx.joins(dial)
        await asyncio.sleep(does.talk)


def _caller(uniqueid: str, line: str, number: str | None, *, attempt: bool = True) -> Caller:
    return Caller(
        pbx="lab",
        channel="PJSIP/acme-primary-1",
        uniqueid=uniqueid,
        line=line,
        number=number,
        attempt=uniqueid if attempt else None,
    )


def _lasts(audio: tuple[Audio, ...]) -> float:
    return sum(one.seconds for one in audio)


def _label(action: Action) -> str:
    return " ".join(action[header] for header in ("Action", "Family", "Context", "Endpoint") if action.get(header))


_ANSWERS: dict[str, Callable[[ModelPbx, _Link, Action], bytes | None]] = {
    "Login": ModelPbx._login,
    "CoreSettings": ModelPbx._settings,
    "CoreStatus": ModelPbx._status,
    "DBPut": ModelPbx._put,
    "DBDel": ModelPbx._del,
    "DBGetTree": ModelPbx._tree,
    "Originate": ModelPbx._originate,
    "Hangup": ModelPbx._hang_up,
    "CoreShowChannels": ModelPbx._show_channels,
    "QueueStatus": ModelPbx._queue_status,
    "PJSIPShowEndpoint": ModelPbx._endpoint,
    **dict.fromkeys(("DeviceStateList", "BridgeList", "PJSIPShowRegistrationsOutbound"), ModelPbx._nothing),
}
