"""A PBX's AMI stream, made up: whole calls from first channel to last, interleaved, in the headers of Asterisk 22.

Most of it is RTCP: while two talk, Asterisk reports on both legs every 5 s, what it sends and what it receives, which
makes 144 events in three minutes, beside some 18 for the rest of the call's life. The others are what a busy PBX sends
to those who do not filter: variables, dialplan steps. Every header block is that of a PBX with `timestampevents`, a
system name and two `channelvars`.
The same seed gives the same bytes.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
LINES, AGENTS, TRUNKS = 20, 200, 10  # what the watched PBX has
NOISE = 2  # other events for each of a call's life
REPORTED = 36  # times on average while two talk: for three minutes, every 5 s (`rtcpinterval`)
_NAMES = ("A Customer", "Jürgen Müller", "<unknown>", "Ирина", "O'Neill, Café", "Event: Hangup", "Uniqueid: 1.1")
_STATES = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}


def line_name(n: int) -> str:
    return f"line-{n}"


def queue_name(n: int) -> str:
    return f"support-{n}"


def did(n: int) -> str:
    return f"5550{100 + n}"


def trunk_name(n: int) -> str:
    return f"carrier-{n}"


def agent_device(n: int) -> str:
    return f"PJSIP/{1000 + n}"


@dataclass(slots=True)
class Channel:
    """One channel of the PBX as it is at this moment of its life."""

    name: str
    uniqueid: str
    linkedid: str
    number: str
    caller_name: str
    exten: str
    state: int = 0

    def headers(self, prefix: str = "") -> str:
        return (
            f"{prefix}Channel: {self.name}\r\n{prefix}ChannelState: {self.state}\r\n"
            f"{prefix}ChannelStateDesc: {_STATES[self.state]}\r\n{prefix}CallerIDNum: {self.number}\r\n"
            f"{prefix}CallerIDName: {self.caller_name}\r\n{prefix}ConnectedLineNum: <unknown>\r\n"
            f"{prefix}ConnectedLineName: <unknown>\r\n{prefix}Language: en\r\n{prefix}AccountCode: \r\n"
            f"{prefix}Context: keepline-support\r\n{prefix}Exten: {self.exten}\r\n{prefix}Priority: 7\r\n"
            f"{prefix}Uniqueid: {self.uniqueid}\r\n{prefix}Linkedid: {self.linkedid}\r\n"
        )

    def variables(self) -> str:
        return f"ChanVariable({self.name}): TENANT=acme\r\nChanVariable({self.name}): SIPCALLID=8f1c{self.uniqueid}\r\n"


@dataclass(slots=True)
class Made:
    """A stream and what is in it. `facts` is how many of each a tracker has to find."""

    data: bytes
    events: int
    read: int  # events of types a call watcher reads
    calls: int
    facts: Counter[str] = field(default_factory=Counter)

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """The stream as a socket hands it over."""
        return (self.data[at : at + size] for at in range(0, len(self.data), size))


class Pbx:
    """Makes calls up and writes what Asterisk would say about them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.facts: Counter[str] = Counter()
        self.serial = 0
        self.clock = 1_795_310_318_000_000  # microseconds

    def event(self, kind: str, headers: str, privilege: str = "call,all") -> bytes:
        self.clock += 50
        stamp = f"{self.clock // 1_000_000}.{self.clock % 1_000_000:06}"
        return (
            f"Event: {kind}\r\nPrivilege: {privilege}\r\nSystemName: pbx-1\r\nTimestamp: {stamp}\r\n{headers}\r\n"
        ).encode()

    def channel(self, device: str, exten: str, number: str, caller: Channel | None = None) -> Channel:
        self.serial += 1
        uniqueid = f"1795310318.{self.serial}"
        name = f"{device}-{self.serial:08x}" if ";" not in device else device
        linkedid = caller.linkedid if caller else uniqueid
        return Channel(name, uniqueid, linkedid, number, self.rng.choice(_NAMES), exten, 0 if caller else 4)

    def about(self, kind: str, channel: Channel, more: str = "") -> bytes:
        return self.event(kind, channel.headers() + more + channel.variables())

    def becomes(self, channel: Channel, state: int) -> bytes:
        channel.state = state
        return self.about("Newstate", channel)

    def dial(self, kind: str, caller: Channel, target: Channel, more: str) -> bytes:
        return self.event(kind, caller.headers() + target.headers("Dest") + more)

    def bridge(self, kind: str, bridge: str, channel: Channel, count: int) -> bytes:
        headers = (
            f"BridgeUniqueid: {bridge}\r\nBridgeType: basic\r\nBridgeTechnology: simple_bridge\r\n"
            f"BridgeCreator: <unknown>\r\nBridgeName: <unknown>\r\nBridgeNumChannels: {count}\r\n"
            "BridgeVideoSourceMode: none\r\n"
        )
        return self.event(kind, headers + channel.headers())

    def member(self, queue: int, device: str, status: int) -> bytes:
        headers = (
            f"Queue: {queue_name(queue)}\r\nMemberName: {device}\r\nInterface: {device}\r\nStateInterface: {device}\r\n"
            "Membership: static\r\nPenalty: 0\r\nCallsTaken: 3\r\nLastCall: 1795310280\r\nLastPause: 0\r\n"
            f"LoginTime: 1795300000\r\nInCall: 0\r\nStatus: {status}\r\nPaused: 0\r\nPausedReason: \r\n"
            "Ringinuse: 0\r\nWrapuptime: 10\r\n"
        )
        return self.event("QueueMemberStatus", headers, "agent,all")

    # ---- the parts of a call

    def arrival(self, device: str, exten: str) -> tuple[Channel, Iterator[bytes]]:
        caller = self.channel(device, exten, f"+4416329{self.rng.randrange(10**5):05}")

        def events() -> Iterator[bytes]:
            self.facts["started"] += 1
            yield self.about("Newchannel", caller)
            yield self.about("NewCallerid", caller, "CID-CallingPres: 0 (Presentation Allowed, Not Screened)\r\n")
            yield self.becomes(caller, 6)

        return caller, events()

    def rung(self, caller: Channel, target: Channel, ends: str) -> Iterator[bytes]:
        """`target` is created, dialled and alerts; the dial ends with `ends`."""
        yield self.about("Newchannel", target)
        yield self.dial("DialBegin", caller, target, f"DialString: {target.name}\r\n")
        yield self.becomes(target, 5)
        yield self.dial("DialState", caller, target, "DialStatus: RINGING\r\n")
        if ends == "ANSWER":
            yield self.becomes(target, 6)
        yield self.dial("DialEnd", caller, target, f"DialStatus: {ends}\r\n")
        if ends != "ANSWER":
            yield self.hangup(target, 0)

    def talk(self, *pairs: tuple[Channel, Channel]) -> Iterator[bytes]:
        """Each pair in a bridge of its own; the first channel of all then hangs up."""
        self.facts["answered"] += 1
        bridges = [f"{self.rng.getrandbits(128):032x}" for _ in pairs]
        for bridge, pair in zip(bridges, pairs, strict=True):
            for count, channel in enumerate(pair, 1):
                yield self.bridge("BridgeEnter", bridge, channel, count)
        heard = [channel for pair in pairs for channel in pair if not channel.name.startswith("Local/")]
        for _ in range(round(self.rng.expovariate(1 / REPORTED))):
            for channel in heard:
                yield self.rtcp("RTCPSent", channel)
                yield self.rtcp("RTCPReceived", channel)
        yield self.about("HangupRequest", pairs[0][0])
        for bridge, pair in zip(bridges, pairs, strict=True):
            for count, channel in enumerate(pair):
                yield self.bridge("BridgeLeave", bridge, channel, 1 - count)
        for channel in [channel for pair in reversed(pairs) for channel in reversed(pair)]:
            yield self.hangup(channel, 16)
        self.facts["ended"] += 1

    def hangup(self, channel: Channel, cause: int) -> bytes:
        return self.about("Hangup", channel, f"Cause: {cause}\r\nCause-txt: Normal Clearing\r\n")

    def joins(self, caller: Channel, queue: int) -> bytes:
        self.facts["queue joined"] += 1
        return self.about("QueueCallerJoin", caller, f"Queue: {queue_name(queue)}\r\nPosition: 1\r\nCount: 1\r\n")

    def leaves(self, caller: Channel, queue: int) -> bytes:
        self.facts["queue left"] += 1
        return self.about("QueueCallerLeave", caller, f"Queue: {queue_name(queue)}\r\nCount: 0\r\nPosition: 1\r\n")

    def agent(self, queue: int) -> str:
        return agent_device(queue + LINES * self.rng.randrange(AGENTS // LINES))

    # ---- whole calls

    def queue_call(self, ends: str) -> tuple[Channel, Iterator[bytes]]:
        queue = self.rng.randrange(LINES)
        caller, arrives = self.arrival(f"PJSIP/{trunk_name(self.rng.randrange(TRUNKS))}", did(queue))
        device = self.agent(queue)

        def events() -> Iterator[bytes]:
            yield from arrives
            yield self.joins(caller, queue)
            phone = self.channel(device, "s", "5550100", caller)
            if ends == "local":
                pipe = f"Local/{device[6:]}@agents-{self.serial:08x}"
                one, two = (self.channel(f"{pipe};{half}", "s", "5550100", caller) for half in (1, 2))
                yield self.about("Newchannel", one)
                yield self.about("Newchannel", two)
                pair = one.headers("LocalOne") + two.headers("LocalTwo")
                yield self.event("LocalBridge", f"{pair}Context: agents\r\nExten: s\r\nLocalOptimization: No\r\n")
                yield from self.rung(two, phone, "ANSWER")
                yield self.leaves(caller, queue)
                yield from self.talk((caller, one), (two, phone))
            elif ends == "answered":
                yield self.member(queue, device, 6)
                yield from self.rung(caller, phone, "ANSWER")
                yield self.member(queue, device, 2)
                yield self.leaves(caller, queue)
                yield from self.talk((caller, phone))
                yield self.member(queue, device, 1)
            else:
                yield from self.rung(caller, phone, "NOANSWER")
                ring = (
                    f"Queue: {queue_name(queue)}\r\nInterface: {device}\r\nMemberName: {device}\r\nRingTime: 15000\r\n"
                )
                yield self.about("AgentRingNoAnswer", caller, ring)
                if ends == "abandoned":
                    yield self.about("HangupRequest", caller)
                    wait = f"Queue: {queue_name(queue)}\r\nPosition: 1\r\nOriginalPosition: 1\r\nHoldTime: 20\r\n"
                    yield self.about("QueueCallerAbandon", caller, wait)
                yield self.leaves(caller, queue)
                if ends == "timeout":
                    yield self.about("VarSet", caller, "Variable: QUEUESTATUS\r\nValue: TIMEOUT\r\n")
                yield self.hangup(caller, 16)
                self.facts["ended"] += 1

        return caller, events()

    def outward_call(self, ends: str) -> tuple[Channel, Iterator[bytes]]:
        caller, arrives = self.arrival(agent_device(self.rng.randrange(AGENTS)), "00441632960123")
        trunk = trunk_name(self.rng.randrange(TRUNKS))

        def events() -> Iterator[bytes]:
            yield from arrives
            far = self.channel(f"PJSIP/{trunk}", "s", "00441632960123", caller)
            yield from self.rung(caller, far, ends)
            if ends == "ANSWER":
                yield from self.talk((caller, far))
            else:
                yield self.hangup(caller, 17 if ends == "BUSY" else 16)
                self.facts["ended"] += 1

        return caller, events()

    def a_call(self) -> tuple[Channel, Iterator[bytes]]:
        kind: Callable[[str], tuple[Channel, Iterator[bytes]]]
        kind, ends = self.rng.choices(
            [
                (self.queue_call, "answered"),
                (self.queue_call, "local"),
                (self.queue_call, "abandoned"),
                (self.queue_call, "timeout"),
                (self.outward_call, "ANSWER"),
                (self.outward_call, "NOANSWER"),
                (self.outward_call, "BUSY"),
            ],
            [35, 15, 10, 5, 20, 10, 5],
        )[0]
        return kind(ends)

    # ---- what comes besides

    def noise(self, channel: Channel) -> bytes:
        kind = self.rng.choices(("VarSet", "Newexten", "NewConnectedLine"), (55, 40, 5))[0]
        if kind == "VarSet":
            variable = self.rng.choice(("DIALEDPEERNAME", "RTPAUDIOQOS", "QUEUEPOSITION", "SIP_CAUSE", "KL_LINE"))
            return self.about("VarSet", channel, f"Variable: {variable}\r\nValue: {self.rng.getrandbits(64):x}\r\n")
        if kind == "Newexten":
            step = "Extension: s\r\nApplication: Set\r\nAppData: CHANNEL(language)=en\r\n"
            return self.event("Newexten", channel.headers() + step + channel.variables(), "dialplan,all")
        return self.about(kind, channel)

    def rtcp(self, kind: str, channel: Channel) -> bytes:
        """A report: in one of thirty some packets were lost, and one of fifty knows of no audio, as on hold."""
        lost = self.rng.randrange(1, 20) if self.rng.random() < 1 / 30 else 0
        blocks = int(self.rng.random() > 1 / 50)
        report = (
            "To: 192.0.2.10:15001\r\nFrom: 192.0.2.1:10001\r\nSSRC: 0x1f2e3d4c\r\nPT: 200(SR)\r\n"
            f"ReportCount: {blocks}\r\nSentNTP: 1795310318.123456\r\nSentRTP: 160\r\nSentPackets: 250\r\n"
            "SentOctets: 40000\r\n"
        )
        block = (
            f"Report0SourceSSRC: 0x5b6a7988\r\nReport0FractionLost: {lost}\r\nReport0CumulativeLost: {lost}\r\n"
            "Report0HighestSequence: 250\r\nReport0SequenceNumberCycles: 0\r\n"
            f"Report0IAJitter: {self.rng.randrange(4, 160)}\r\nReport0LSR: 1530318\r\nReport0DLSR: 0.1230\r\n"
        )
        return self.event(kind, channel.headers() + report + block * blocks, "reporting,all")


def make(calls: int, at_once: int, seed: int) -> Made:
    """`calls` whole calls, `at_once` of them live at a time; all are over at the end."""
    pbx = Pbx(seed)
    parts: list[bytes] = [GREETING]
    read = 0
    left, live = calls, [pbx.a_call() for _ in range(min(at_once, calls))]
    left -= len(live)
    while live:
        which = pbx.rng.randrange(len(live))
        caller, events = live[which]
        if (event := next(events, None)) is not None:
            parts.append(event)
            read += 1
            if not event.startswith(b"Event: RTCP"):
                parts += [pbx.noise(caller) for _ in range(NOISE)]
        elif left:
            live[which], left = pbx.a_call(), left - 1
        else:
            live[which] = live[-1]
            live.pop()
    return Made(b"".join(parts), len(parts) - 1, read, calls, pbx.facts)


def standing_calls(calls: int, seed: int) -> Iterator[bytes]:
    """The events after which `calls` calls of two channels each talk, every one in a bridge of its own."""
    pbx = Pbx(seed)
    for n in range(calls):
        caller, arrives = pbx.arrival(f"PJSIP/{trunk_name(n % TRUNKS)}", did(n % LINES))
        yield from arrives
        phone = pbx.channel(pbx.agent(n % LINES), "s", "5550100", caller)
        yield from pbx.rung(caller, phone, "ANSWER")
        bridge = f"{pbx.rng.getrandbits(128):032x}"
        for count, channel in enumerate((caller, phone), 1):
            yield pbx.bridge("BridgeEnter", bridge, channel, count)


def listed_calls(calls: int, seed: int) -> tuple[list[str], list[str]]:
    """What CoreShowChannels and BridgeList say of such calls: the headers of each channel, and of each bridge."""
    pbx = Pbx(seed)
    channels: list[str] = []
    bridges: list[str] = []
    for n in range(calls):
        caller = pbx.channel(f"PJSIP/{trunk_name(n % TRUNKS)}", did(n % LINES), "+441632960123")
        phone = pbx.channel(pbx.agent(n % LINES), "s", "5550100", caller)
        bridge = f"{pbx.rng.getrandbits(128):032x}"
        for channel in (caller, phone):
            channel.state = 6
            more = f"Application: Queue\r\nApplicationData: support\r\nDuration: 00:01:00\r\nBridgeId: {bridge}\r\n"
            channels.append(channel.headers() + more)
        bridges.append(
            f"BridgeUniqueid: {bridge}\r\nBridgeType: basic\r\nBridgeTechnology: simple_bridge\r\n"
            "BridgeCreator: <unknown>\r\nBridgeName: <unknown>\r\nBridgeNumChannels: 2\r\n"
            "BridgeVideoSourceMode: none\r\n"
        )
    return channels, bridges
