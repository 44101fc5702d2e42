"""The main job as a story in three acts, played on the real test PBX and checked on the wire and in the audio.

The demonstration narrates it; the end-to-end tests play the same acts and assert the same expectations. An act raises
at the first expectation that was not observed: NotSeen for something on the wire or the page, NotHeard for audio.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from aiohttp import ClientSession

from dialplan_templates.contract import REHEARSE_CONTEXT
from docker.lab.ami import Event, NotSeen, Predicate
from docker.lab.carrier import Call
from docker.lab.hearing import Heard, NotHeard, heard, tone
from docker.lab.house import House, line, promises, trunk
from docker.lab.stack import Lab, Stack

SUPPORT, SALES = "5550100", "5550200"
LISTENS = 2.5  # seconds a caller of ours listens before pressing a key
HEARS_TIMES = 7.0  # seconds until they have also heard since when, which tells this outage from earlier ones
TALK = 1.5  # seconds a customer and an agent are joined
TONES = {"101": 440, "102": 660}  # Hz: what each agent sounds
WORDS_MADE = 240  # seconds in which all words are made, at the first start of all
GOOD = 0.8  # a score from which an announcement counts as heard

# The beginnings of the announcements' texts, by which the story knows them (ami_bridge/voice/phrases/en).
OFFER = "We are sorry that nobody could answer."
UNANSWERED = "Nobody is answering this line at the moment."
NOTED = "Thank you. It is written down, and we will call you back in your turn"
READ_BACK = "This is the number we will call."
RIGHT = "If that is right, press one"
DONE = "Thank you. We will call you. Goodbye."
CALLBACK = "Hello, this is Acme Hosting calling you back."
FAULT = "We know about a fault with our main telephone line. It began at"
NOTED_RESTORED = "Thank you. It is written down, and we will call you when the fault is fixed."
NOTED_OFFLINE = "Thank you. It is noted"
RESTORED = "Hello, this is Acme Hosting. You asked us to call you about a fault"
AGENT_TOLD = "This is a call back."
SOLVED = "One question before you go. Is it solved?"
THANKS = "Thank you for telling us."
# The last of the words a PBX is given for arranging a call back in a language: when it has these, callers can.
LAST_WORDS = "Plus."


# The ledger, and the announcements of outages that are over: looking for those too in every recording takes long.
FORGET = """cd /var/lib/keepline && rm -f keepline.db*
for one in $(grep -lE '(It began|Comenz|begann|commenc|noticed|expect to call)' announcements/*.json); do
    rm -f "${one%.json}".*
done"""


class Narrator(Protocol):
    """Is told what happens, as it happens."""

    def act(self, title: str) -> None: ...
    def step(self, text: str) -> None: ...
    def heard(self, who: str, what: Heard, recording: Path) -> None: ...


class Quiet:
    """A narrator for tests and benchmarks: says nothing, and leaves what failed to the error that says so."""

    def act(self, title: str) -> None: ...
    def step(self, text: str) -> None: ...
    def heard(self, who: str, what: Heard, recording: Path) -> None: ...


@dataclass(slots=True)
class Story:
    """The acts. They build on each other: play them in order, from `begin` on."""

    stack: Stack
    lab: Lab
    house: House
    tell: Narrator
    companion: str = "keepline"  # the service
    mark: int = 0  # in the PBX's events: just before the latest call
    started: int = 0  # there, too: just before the companion was started
    _proofs: list[asyncio.Task[None]] = field(default_factory=list)

    async def begin(self) -> None:
        """An empty ledger, nothing broken, nobody calling, no agent there: what an earlier run left is taken away."""
        await self.lab.carrier.reset()
        await self.stack.execute(self.companion, "sh", "-c", FORGET)
        await self.stack.kill(self.companion, "KILL")
        for family in ("keepline-line", "keepline-keys", "keepline-attempts", "keepline-solved"):
            await self.lab.pbx.ami.command(f"database deltree {family}")
        self.started = self.lab.pbx.ami.mark()
        await self.stack.start(self.companion)
        await self.house.until(
            lambda s: (
                s["pbxs"][0]["link"] == "up"
                and trunk(s, "acme-primary")["verdict"] == "up"
                and line(s, "support")["free_agents"] == 0
            ),
            "the PBX is watched, its trunk is up, no agent is free",
            deadline=30,
        )

    async def unanswered_line(self, did: str = SUPPORT, tail: str = "001") -> None:
        """A caller waits in vain, leaves a key press, and is called back and joined with an agent who has come."""
        self.tell.act("A support line that nobody answers")
        await self.can_arrange()
        customer, name = f"15551230{tail}", "support" if did == SUPPORT else "sales"
        call = await self.arrives(customer, f"caller-{tail}", did)
        await self.house.until(lambda s: line(s, name)["callers"] == 1, "the caller waits on the line")
        self.tell.step("The caller waits. No agent is logged in.")
        await self.says(call, OFFER)
        await call.press("1")
        self.tell.step("Nobody answered; the caller hears so, and presses 1.")
        await self.arranges(call)
        self.must_have_heard(call, OFFER, NOTED, READ_BACK, RIGHT, DONE)
        self.tell.step("It is written down. Their number is read back, and they say that it is right.")
        await self.house.until(
            lambda s: [p["state"] for p in promises(s, tail)][:1] == ["waiting"], "the promise is on the page"
        )
        self.tell.step("The promise is in the ledger: waiting for a free agent.")

        second = await self.arrives("15551230002", "caller-002", did)
        await self.says(second, UNANSWERED)
        await second.hangup()
        self.must_have_heard(second, UNANSWERED)
        self.tell.step("The next caller is told at once, without waiting first.")

        await self.kept(customer, f"customer-{tail}", agent="101")
        await self.proved()

    async def dead_trunk(self) -> None:
        """A trunk dies; callers hear it, one asks to be told when it is fixed, and is."""
        self.tell.act("A trunk that dies")
        await self.can_arrange()
        customer = "15551230003"
        mark = self.lab.pbx.ami.mark()
        await self.lab.carrier.cut("primary")
        self.tell.step("The network of acme-primary drops every packet.")
        failed = await self.lab.pbx.trunk_becomes("acme-primary", "Unreachable", since=mark)
        await self.line_state(present=True)
        live = time.monotonic() - failed.at
        self.tell.step(f"Asterisk notices; {live * 1000:.0f} ms later the announcement is live on the PBX.")
        said = await self.announced()
        call = await self.arrives(customer, "caller-003")
        await self.says(call, said, HEARS_TIMES)
        await call.press("2")
        await self.arranges(call)
        self.must_have_heard(call, said, NOTED_RESTORED, READ_BACK, RIGHT, DONE)
        await self.house.until(
            lambda s: [p["kind"] for p in promises(s, "003")][:1] == ["restored"], "the promise is on the page"
        )
        self.tell.step("The caller hears what is wrong and presses 2: call me when it is fixed.")

        await self.lab.carrier.phone(customer, mode="answer", ring=1, label="customer-003")
        mark = self.lab.carrier.ami.mark()
        await self.lab.carrier.restore("primary")
        self.tell.step("The trunk is mended.")
        phone = await self.lab.carrier.expect_call(customer, since=mark, deadline=40)
        await self.house.until(lambda s: not s["incidents"], "the incident is resolved")
        await self.line_state(present=False)
        await phone.answered()
        self.tell.step("The incident is resolved; the line is quiet again; the caller's phone rings.")
        await phone.ended(40)
        self.must_have_heard(phone, RESTORED)
        await self.house.until(
            lambda s: [p["state"] for p in promises(s, "003")][:1] == ["kept"], "the promise is kept"
        )
        self.tell.step("The caller has been told. The promise is kept.")
        await self.proved()

    async def dead_companion(self) -> None:
        """The trunk dies again and the companion is killed; callers still hear it, and a key press is kept."""
        self.tell.act("A companion that is killed while callers arrive")
        customer = "15551230004"
        said = await self.trunk_fails()
        await self.stack.kill(self.companion, "KILL")
        self.tell.step("The trunk is dead again, and now the companion too (SIGKILL).")
        calls = [await self.arrives(customer, "caller-004"), await self.arrives("15551230005", "caller-005")]
        await self.says(calls[0], said, HEARS_TIMES)
        await calls[0].press("1")
        await calls[0].ended(20)
        await calls[1].hangup()
        self.must_have_heard(calls[0], said, NOTED_OFFLINE)
        self.must_have_heard(calls[1], said)
        kept = await self.lab.pbx.db_tree("keepline-keys")
        if not any(f":1:{customer}" in value for value in kept.values()):
            raise NotSeen(f"the key press is not in AstDB: {sorted(kept)}")
        self.tell.step("Both hear the announcement from the PBX's own cache; one presses 1; AstDB keeps the key press.")
        await self.stack.start(self.companion)
        await self.house.until(
            lambda s: len(promises(s, "004")) > 0, "the key press is a promise in the ledger", deadline=30
        )
        if await self.lab.pbx.db_tree("keepline-keys"):
            raise NotSeen("AstDB still holds key presses after they were taken over")
        self.tell.step("The companion is back and has taken the key press into its ledger.")
        await self.kept(customer, "customer-004", agent="102")
        await self.lab.carrier.restore("primary")
        await self.proved()

    async def trunk_fails(self) -> str:
        """Cut the trunk, wait until callers are told all about it, and return what they are told."""
        mark = self.lab.pbx.ami.mark()
        await self.lab.carrier.cut("primary")
        await self.lab.pbx.trunk_becomes("acme-primary", "Unreachable", since=mark)
        return await self.announced()

    async def announced(self) -> str:
        """What callers of the support line are told, once that is all that is known about the fault."""
        status = await self.house.until(
            lambda s: line(s, "support")["announcing"].startswith(FAULT), "the announcement tells all that is known"
        )
        return str(line(status, "support")["announcing"])

    async def arrives(self, number: str, label: str, did: str = SUPPORT) -> Call:
        """Call `did` as `number` and wait for the answer."""
        self.mark = self.lab.pbx.ami.mark()
        call = await self.lab.carrier.call(did, number=number, trunk="backup", label=label)
        await call.answered()
        return call

    async def kept(self, customer: str, label: str, *, agent: str) -> None:
        """An agent comes; the customer is called, hears who it is, presses 1, and talks with that agent."""
        await self.lab.carrier.phone(customer, mode="answer", ring=1, label=label)
        mark, self.mark = self.lab.carrier.ami.mark(), self.lab.pbx.ami.mark()
        await self.lab.carrier.agent_arrives(agent)
        self.tell.step(f"Agent {agent} logs in.")
        phone = await self.lab.carrier.expect_call(customer, since=mark)
        picked_up = await phone.answered()
        self.tell.step("The customer's phone rings and is answered.")
        await self.says(phone, CALLBACK)
        mark = self.lab.carrier.ami.mark()
        await phone.press("1")
        agent_phone = await self.lab.carrier.expect_call(agent, since=mark)
        await agent_phone.answered()
        await self.house.until(
            lambda s: [p["state"] for p in promises(s, customer[-3:])][:1] == ["kept"], "the promise is kept"
        )
        joined = time.monotonic() - picked_up.at
        await asyncio.sleep(TALK)
        talked = time.monotonic() - picked_up.at
        await agent_phone.hangup()
        self.tell.step(f"They press 1 and talk with agent {agent}. The promise is kept.")
        await self.solved(phone)
        self.must_have_heard(phone, CALLBACK, SOLVED, THANKS)
        self.must_have_heard(agent_phone, AGENT_TOLD)
        sounded = tone(await phone.recorded(), TONES[agent], joined + 0.4, talked)
        if sounded < GOOD:
            raise NotHeard(f"{phone.recording.name}: agent {agent} sounds in only {sounded:.0%} of the talk")
        self.tell.step("The agent heard beforehand who it is. Asked afterwards, the customer says that it is solved.")
        await self.lab.carrier.agent_leaves(agent)

    async def can_arrange(self) -> None:
        """Wait until the PBX has been given all that a caller may hear while a call back is arranged."""
        ami, last = self.lab.pbx.ami, ""

        def given(event: Event) -> bool:
            return event.name == "AGIExecStart" and bool(last) and last in event["Command"]

        end = time.monotonic() + WORDS_MADE
        while not last:
            last = next((wav.stem for text, wav in self.house.announcements().items() if text == LAST_WORDS), "")
            if time.monotonic() > end:
                raise NotSeen("the words for arranging a call back were not made")
            await asyncio.sleep(0.2)
        tried = await ami.wait_for(given, "the PBX is given words for arranging", WORDS_MADE, self.started)
        over: Predicate = lambda e: e.name == "Hangup" and e["Uniqueid"] == tried["Uniqueid"]  # noqa: E731
        await ami.wait_for(over, "the PBX has tried them", 20, self.started)

    async def arranges(self, call: Call) -> None:
        """The caller, who has just pressed a key, hears their number read back, and says that it is right."""
        await self.says(call, RIGHT)
        await call.press("1")
        await call.ended(20)

    async def solved(self, phone: Call) -> None:
        """After the talk the customer is asked, and says that it is solved."""
        await self.says(phone, SOLVED)
        await phone.press("1")
        await phone.ended(20)

    async def line_state(self, *, present: bool, deadline: float = 20) -> None:
        """Wait until the PBX has, or no longer has, something to say about the support line."""
        end = time.monotonic() + deadline
        while bool(await self.lab.pbx.db_tree("keepline-line")) != present:
            if time.monotonic() > end:
                raise NotSeen(f"AstDB has {'no' if present else 'still a'} state for the line after {deadline:g} s")
            await asyncio.sleep(0.002)

    @staticmethod
    def playing(event: Event) -> str | None:
        """The companion has the PBX play a recording, or the dialplan looks for one to play by itself.

        Not for nobody: each recording is opened once, to find whether it can be played.
        """
        if event["Context"] == REHEARSE_CONTEXT:
            return None
        if event.name == "AGIExecStart":
            found = re.search(r"STREAM FILE \"?\S+/([0-9a-f]{64})\.wav", event["Command"])
        elif event.name == "Newexten" and event["Application"] == "Set":
            found = re.fullmatch(r"LOCAL\(kl_hash\)=([0-9a-f]{64})", event["AppData"])
        else:
            return None
        return found[1] if found else None

    async def says(self, call: Call, text: str, listens: float = LISTENS) -> None:
        """Wait until the PBX starts to play the announcement that begins with `text`, and listen to it for a while."""
        await self.lab.pbx.ami.wait_for(
            lambda e: (found := self.playing(e)) is not None and self._text(found).startswith(text),
            f"{call.label} is told: {text}...",
            25,
            self.mark,
        )
        await asyncio.sleep(listens)

    def _text(self, recording: str) -> str:
        return next((text for text, wav in self.house.announcements().items() if wav.stem == recording), "")

    def must_have_heard(self, call: Call, *beginnings: str) -> None:
        """Look through the recording of what `call` heard while the story goes on; `proved` says what came of it."""
        self._proofs.append(asyncio.create_task(self.did_hear(call, *beginnings), name=f"hearing {call.label}"))

    async def proved(self) -> None:
        """Wait for what was to be looked for in recordings; raise NotHeard for the first that was not there."""
        proofs, self._proofs = self._proofs, []
        await asyncio.gather(*proofs)

    async def forget_proofs(self) -> None:
        """An act that failed leaves no one looking through recordings."""
        proofs, self._proofs = self._proofs, []
        for proof in proofs:
            proof.cancel()
        await asyncio.gather(*proofs, return_exceptions=True)

    async def did_hear(self, call: Call, *beginnings: str) -> None:
        """The recording of what `call` heard holds announcements that begin so, in this order, and scores well."""
        recording = await call.recorded()
        found = await asyncio.to_thread(heard, recording, self.house.announcements())
        position = 0
        for beginning in beginnings:
            match = next((h for h in found[position:] if h.name.startswith(beginning)), None)
            if match is None or match.score < GOOD:
                seen = "; ".join(f"{h.name[:40]}... {h.score:.2f}" for h in found) or "no announcement at all"
                raise NotHeard(f"{recording.name}: expected {beginning!r}, heard: {seen}")
            position = found.index(match) + 1
            self.tell.heard(call.label, match, recording)


@asynccontextmanager
async def told(stack: Stack, narrator: Narrator, *, old: bool = False) -> AsyncIterator[Story]:
    """A story on the running test PBX; `old`: on the one with Asterisk 16, which has a companion of its own."""
    settings, suffix = await stack.settings(), "16" if old else ""
    async with stack.connected(old=old) as lab, ClientSession() as session:
        house = House(session, settings[f"KEEPLINE_PAGE{suffix}"].rstrip("/"), stack.announcements(old=old))
        story = Story(stack, lab, house, narrator, f"keepline{suffix}")
        try:
            yield story
        finally:
            await story.forget_proofs()
