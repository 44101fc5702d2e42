"""The telephone network of the lab: callers, customers who are called back, agents' phones, and trunks one can cut.

Every answered leg is recorded with what it hears, from its answer on, in true time (docker/carrier/extensions.conf).
"""

from __future__ import annotations

import asyncio
import time
import uuid
import wave
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from docker.lab.ami import Ami, AmiError, Event, NotSeen

Execute = Callable[..., Awaitable[str]]
AGENTS = ("101", "102")
PORTS = {"primary": "5060", "backup": "5070", "phones": "5080", "site": "5090"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a call ended: the Q.850 cause, its text, and when (monotonic seconds)."""

    cause: int
    text: str
    at: float


class Call:
    """One leg at the carrier: a caller of ours, or a phone of ours that was called."""

    def __init__(
        self, ami: Ami, *, uniqueid: str, number: str, label: str, recordings: Path, since: int, channel: str = ""
    ) -> None:
        self._ami, self._since, self._name = ami, since, channel
        self.uniqueid, self.number, self.label = uniqueid, number, label
        self.recording = recordings / f"{label}.wav"

    async def answered(self, deadline: float = 15) -> Event:
        """Wait for the answer, when the recording begins; raise NotSeen if the call ends first."""
        event = await self._ami.wait_for(
            lambda e: (
                (e.name == "UserEvent" and e["UserEvent"] == "LabHears" and e["Uniqueid"] == self.uniqueid)
                or self._ends(e)
            ),
            f"{self.label} answered",
            deadline,
            self._since,
        )
        if self._ends(event):
            raise NotSeen(f"{self.label} ended before it was answered: {event['Cause-txt']}")
        return event

    async def press(self, digits: str) -> None:
        """Press keys on this phone, one after the other, as RFC 4733 events of 160 ms."""
        channel = await self._channel()
        for digit in digits:
            await self._ami.action(
                "PlayDTMF", {"Channel": channel, "Digit": digit, "Duration": "160", "Receive": "false"}
            )
            await asyncio.sleep(0.3)  # a finger: the next key waits for this one to come up

    async def do(self, deed: str, **variables: str) -> None:
        """Do with this leg what the carrier's dialplan describes under `driven`: answer, busy, transfer ..."""
        channel = await self._channel()
        for name, value in variables.items():
            await self._ami.action("Setvar", {"Channel": channel, "Variable": name, "Value": value})
        await self._ami.action("Redirect", {"Channel": channel, "Context": "driven", "Exten": deed, "Priority": "1"})

    async def variable(self, name: str) -> str:
        """A variable or function's value on this leg."""
        return (await self._ami.action("Getvar", {"Channel": await self._channel(), "Variable": name}))["Value"]

    async def hangup(self) -> Ended:
        """Hang up, if nobody has, and return how the call ended."""
        try:
            await self._ami.action("Hangup", {"Channel": await self._channel()})
        except AmiError as error:
            if "No such channel" not in str(error):
                raise
        return await self.ended(5)

    async def ended(self, deadline: float = 30) -> Ended:
        event = await self._ami.wait_for(self._ends, f"{self.label} ended", deadline, self._since)
        return Ended(cause=int(event["Cause"] or 0), text=event["Cause-txt"], at=event.at)

    @property
    def is_over(self) -> bool:
        """Whether this leg has ended."""
        return any(self._ends(event) for event in self._ami.events(self._since))

    async def recorded(self, deadline: float = 10) -> Path:
        """Wait until the recording of an ended call is whole: Asterisk writes a file's length last."""
        end = time.monotonic() + deadline
        while not whole(self.recording):
            if time.monotonic() > end:
                raise NotSeen(f"{self.recording} is not whole after {deadline} s")
            await asyncio.sleep(0.05)
        return self.recording

    async def _channel(self) -> str:
        if not self._name:
            created = await self._ami.wait_for(
                lambda e: e.name == "Newchannel" and e["Uniqueid"] == self.uniqueid,
                f"{self.label} dialled",
                5,
                self._since,
            )
            self._name = created["Channel"]
        return self._name

    def _ends(self, event: Event) -> bool:
        return event.name == "Hangup" and event["Uniqueid"] == self.uniqueid


def whole(recording: Path) -> bool:
    """Whether a WAV file's header counts all of the bytes that follow it, and there are some."""
    try:
        with wave.open(str(recording), "rb") as audio:
            frames = audio.getnframes()
    except (OSError, EOFError, wave.Error):
        return False
    return frames > 0 and 44 + 2 * frames >= recording.stat().st_size


class Carrier:
    """The carrier's Asterisk. `execute` runs a command as root in a service's container."""

    def __init__(self, ami: Ami, recordings: Path, execute: Execute, *, service: str = "carrier") -> None:
        self.ami, self._recordings, self._execute, self._service = ami, recordings, execute, service
        self._handed_out: set[str] = set()

    @property
    def recordings(self) -> Path:
        """Where each leg's recording is, by its label."""
        return self._recordings

    async def call(
        self, did: str, *, number: str | None = "15551230001", trunk: str = "backup", label: str | None = None
    ) -> Call:
        """Call `did` over a trunk as `number` (None: withheld) and return at once."""
        # Originate's CallerID header always presents the number, so a withheld one goes by the function behind it.
        withheld = ["CONNECTEDLINE(num)=15550000000", "CONNECTEDLINE(pres)=prohib"] if number is None else []
        headers = {} if number is None else {"CallerID": number}
        return await self._originate(f"PJSIP/{did}@acme-{trunk}", number or "withheld", label, headers, withheld)

    async def call_from(self, phone: str, target: str, **variables: str) -> Call:
        """Dial the SIP address `target` at an agent's phone ("101"), with channel variables set before, and return."""
        return await self._originate(
            f"PJSIP/phone-{phone}/{target}", phone, None, {}, [f"{key}={value}" for key, value in variables.items()]
        )

    async def expect_call(self, number: str, *, deadline: float = 30, since: int | None = None) -> Call:
        """Wait until the PBX calls `number` (an agent's is "101") and return that leg, each leg once.

        Without `since`, a call that came earlier counts as long as it lasts; with it, any from that mark on counts,
        also one refused at once (mode busy, reject, unallocated).
        """
        event = await self.ami.wait_for(
            lambda e: (
                e["UserEvent"] == "LabRing"
                and e["Number"] == number
                and e["Uniqueid"] not in self._handed_out
                and (since is not None or not self._over(e["Uniqueid"]))
            ),
            f"a call to {number}",
            deadline,
            since or 0,
        )
        self._handed_out.add(event["Uniqueid"])
        return self._leg(
            uniqueid=event["Uniqueid"], number=number, label=event["Label"], since=since or 0, channel=event["Channel"]
        )

    async def phone(self, number: str, **how: str | float) -> None:
        """Describe who answers `number`: mode, ring, keys, talk, label, tone (docker/carrier/extensions.conf)."""
        await self.ami.command(f"database deltree phone/{number}")
        for key, value in how.items():
            await self.ami.action("DBPut", {"Family": f"phone/{number}", "Key": key, "Val": str(value)})
        if isinstance(label := how.get("label"), str):
            self._forget(label)

    async def agent_arrives(self, agent: str, *, deadline: float = 10) -> None:
        """The agent's phone registers with the PBX. 101 sounds 440 Hz and 102 660 Hz unless `phone` says otherwise."""
        await self.ami.action("PJSIPRegister", {"Registration": f"phone-{agent}"})
        await self._registration_becomes(f"phone-{agent}", "Registered", deadline)

    async def agent_leaves(self, agent: str, *, deadline: float = 10) -> None:
        """The agent's phone unregisters."""
        await self.ami.action("PJSIPUnregister", {"Registration": f"phone-{agent}"})
        await self._registration_becomes(f"phone-{agent}", "Unregistered", deadline)

    async def cut(self, trunk: str) -> None:
        """Drop every SIP packet of `primary`, `backup`, `phones` or `site`, both ways, from now on. Twice is once."""
        await self._execute(self._service, "sh", "-c", "; ".join(self._through(trunk) + self._rules(trunk, "-I")))

    async def restore(self, trunk: str) -> None:
        """Let the packets through again."""
        await self._execute(self._service, "sh", "-c", "; ".join(self._through(trunk)))

    async def hang_up_all(self, *, deadline: float = 5) -> None:
        """End every call at the carrier and wait until the last is gone."""
        await self.ami.command("channel request hangup all")
        end = time.monotonic() + deadline
        while await self.ami.listing("CoreShowChannels"):
            if time.monotonic() > end:
                raise NotSeen(f"the carrier still has calls after {deadline} s")
            await asyncio.sleep(0.05)

    async def reset(self) -> None:
        """Back to the beginning: no calls, no agents, no phones described, nothing cut, nothing refused."""
        await self.hang_up_all()
        await self.ami.command("database deltree phone")
        await self.ami.command("database deltree trunk")
        await self._execute(
            self._service, "sh", "-c", "; ".join(rule for trunk in PORTS for rule in self._through(trunk))
        )
        registrations = await self.ami.listing("PJSIPShowRegistrationsOutbound")
        there = {one["ObjectName"].removeprefix("phone-") for one in registrations if one["Status"] == "Registered"}
        phones = {one["ObjectName"].removeprefix("phone-") for one in registrations if "phone-" in one["ObjectName"]}
        await asyncio.gather(*(self.agent_leaves(agent) for agent in phones & (there | set(AGENTS))))

    def _over(self, uniqueid: str) -> bool:
        return any(event.name == "Hangup" and event["Uniqueid"] == uniqueid for event in self.ami.events())

    async def _registration_becomes(self, name: str, status: str, deadline: float) -> None:
        end = time.monotonic() + deadline
        while True:
            found = await self.ami.listing("PJSIPShowRegistrationsOutbound")
            if any(event["ObjectName"] == name and event["Status"] == status for event in found):
                return
            if time.monotonic() > end:
                raise NotSeen(f"{name} is not {status} after {deadline} s")
            await asyncio.sleep(0.05)

    def _rules(self, trunk: str, verb: str) -> list[str]:
        port = PORTS[trunk]
        return [
            f"iptables -w {verb} {way} -p udp {port} -j DROP"
            for way, port in (("INPUT", f"--dport {port}"), ("OUTPUT", f"--sport {port}"))
        ]

    def _through(self, trunk: str) -> list[str]:
        return [f"while {rule} 2>/dev/null; do :; done" for rule in self._rules(trunk, "-D")]

    async def _originate(
        self, channel: str, number: str, label: str | None, headers: Mapping[str, str], variables: list[str]
    ) -> Call:
        since, uniqueid = self.ami.mark(), f"lab-{uuid.uuid4().hex[:12]}"
        label = label or f"caller-{uniqueid}"
        where = {"Channel": channel, "ChannelId": uniqueid, "Context": "heard", "Exten": "s", "Priority": "1"}
        self._forget(label)
        await self.ami.action(
            "Originate",
            {**where, "Timeout": "60000", "Async": "true", **headers},
            variables=[f"LABEL={label}", f"NUMBER={number}", *variables],
        )
        return self._leg(uniqueid=uniqueid, number=number, label=label, since=since)

    def _leg(self, *, uniqueid: str, number: str, label: str, since: int, channel: str = "") -> Call:
        return Call(
            self.ami,
            uniqueid=uniqueid,
            number=number,
            label=label,
            recordings=self._recordings,
            since=since,
            channel=channel,
        )

    def _forget(self, label: str) -> None:
        """A label used again must not be found with its earlier recording."""
        (self._recordings / f"{label}.wav").unlink(missing_ok=True)
