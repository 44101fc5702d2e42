"""What a PBX is given to play with: a rendered dialplan that asks a desk of the test's, and recordings of the test's.

The front desk and the audio server listen on this machine's address in the containers' network, so that each can be
made to hang, to lie and to die by itself, without the companion's part in it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import wave
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path
from socket import socket
from typing import Any

import numpy as np

from agi.desk import Audio
from agi.server import Server
from agi.settings import ServerSettings
from dialplan_templates import contract
from dialplan_templates.render import LinePlan, PbxPlan, ReadEvent, SegmentPlan, render
from docker.lab.ami import NotSeen
from docker.lab.carrier import Call
from docker.lab.hearing import Heard, heard
from docker.lab.stack import Lab, Stack
from tests.adapters.agi.fastagi_peer import House

LINE = "delivery"
DID, AUSTRIAN = "5550700", "5550701"  # the line; the same, its callers speaking de_AT
CODE, ASK = "5550702", "5550703"  # the line's code; whatever listens where the desk should, and nothing else
EAR = "5550704"  # listens for five seconds, in 16 kHz
ATTENDED = "5550710"  # a line at whose queue phone 101 is logged in
READ, HEARD = "/tmp/keepline-read.ulaw", "/tmp/keepline-heard.wav16"
QUEUE = "lab-nobody"  # nobody answers it
TOKEN = "token-of-the-test"
INSTALLED = "/etc/asterisk/keepline/extensions.conf"


@dataclass(frozen=True)
class Speech:
    """A recording that sounds like nothing else: noise in bursts as long as syllables. Its upper band needs 16 kHz."""

    name: str
    seconds: float = 3.0

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    def samples(self, rate: int) -> np.ndarray[Any, Any]:
        random = np.random.default_rng(int(self.hash[:8], 16))
        noise = random.standard_normal(int(16_000 * self.seconds))
        spectrum = np.fft.rfft(noise)
        hertz = np.fft.rfftfreq(len(noise), 1 / 16_000)
        spectrum[(hertz < 300) | (hertz > 7000) | ((hertz > 3000) & (hertz < 5000))] = 0
        if rate == 8000:
            spectrum[hertz > 3400] = 0
        syllables = np.repeat(random.uniform(0.2, 1.0, int(self.seconds * 8)), 2000)
        speech = np.fft.irfft(spectrum)[: len(syllables)] * syllables
        return np.asarray((speech / np.abs(speech).max() * 20_000)[:: 16_000 // rate], np.int16)

    def write(self, folder: Path, rate: int = 8000) -> Path:
        path = folder / f"{self.hash}{'.wav' if rate == 8000 else '.wav16'}"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(self.samples(rate).tobytes())
        return path


@dataclass
class Shop:
    """The audio server: `asked` are the paths fetched; one in `hanging` is accepted and never answered."""

    folder: Path
    port: int = 0
    asked: list[str] = field(default_factory=list)
    hanging: set[str] = field(default_factory=set)
    closed: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            self.asked.append(path)
            if not any(part in path for part in self.hanging):
                body = (self.folder / path.rpartition("/")[2]).read_bytes()
                kind = "audio/x-wav;codec=pcm;bit=16;rate=16000" if path.endswith("16") else "audio/x-wav"
                head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n"
                head += f"Cache-Control: public, max-age=31536000, immutable\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
            else:
                await reader.read()
        writer.close()


@dataclass
class Delivery:
    """One PBX with the dialplan under test, the desk it asks and the shop it fetches from."""

    lab: Lab
    stack: Stack
    service: str
    gateway: str
    house: House
    shop: Shop
    agi_port: int
    folder: Path
    fetched: set[str] = field(default_factory=set)

    def plan(self, **changed: Any) -> PbxPlan:
        segments = (
            SegmentPlan(numbers=("155512300*",), priority=3),
            SegmentPlan(numbers=("15551230009", "+1555*"), priority=7),
        )
        values: dict[str, Any] = {
            "pbx": "pbx-1",
            "agi_url": f"agi://{self.gateway}:{self.agi_port}",
            "audio_url": f"http://{self.gateway}:{self.shop.port}",
            "username": "nobody",
            "permit": (),
            "lines": (
                LinePlan(name=LINE, dids=(DID,), patience=60, queue=QUEUE, segments=segments),
                LinePlan(name="attended", dids=(ATTENDED,), patience=60, queue="lab-one"),
            ),
            "token": TOKEN,
            "secret": "unused",
            "events": (ReadEvent(name="Hangup"),),
        }
        return PbxPlan(**{**values, **changed})

    async def install(self, **changed: Any) -> None:
        """Have the PBX use the dialplan rendered from the plan."""
        text = render(self.plan(**changed))["extensions.conf"] + self._added()
        await self.stack.execute(
            self.service,
            "sh",
            "-c",
            f"echo {b64encode(text.encode()).decode()} | base64 -d >{INSTALLED}.new && chmod 644 {INSTALLED}.new "
            f"&& mv {INSTALLED}.new {INSTALLED} && asterisk -rx 'dialplan reload'",
        )

    def _added(self) -> str:
        return f"""
[keepline-lines](+)
exten => {AUSTRIAN},1,Set(CHANNEL(language)=de_AT)
 same => n,Goto({DID},1)
exten => {CODE},1,Gosub(keepline-declare,s,1({LINE}))
 same => n,Hangup()
exten => {EAR},1,MixMonitor(,r({HEARD}))
 same => n,Wait(5)
 same => n,StopMixMonitor()
 same => n,Hangup()
exten => {ASK},1,Answer()
 same => n,AGI(agi://{self.gateway}:{self.agi_port}/ask)
 same => n,Hangup()
"""

    def url(self, speech: Speech, suffix: str = ".wav") -> str:
        return f"http://{self.gateway}:{self.shop.port}/announcements/{speech.hash}{suffix}"

    def audio(self, speech: Speech) -> Audio:
        return Audio(url=self.url(speech), seconds=speech.seconds, name=speech.hash)

    async def warm(self, *speeches: Speech, rate: int = 8000) -> None:
        """Have the PBX fetch these into its media cache, as a rehearsal does."""
        for speech in speeches:
            suffix = speech.write(self.folder, rate).suffix
            self.fetched.add(self.url(speech, suffix))
            await self.lab.pbx.ami.command(f"media cache refresh {self.url(speech, suffix)}")

    async def state(
        self,
        words: Speech | None,
        spare: Speech | None = None,
        *,
        keys: str = "012",
        language: str = "",
        for_s: int = 600,
    ) -> None:
        """What callers of the line are told: `words` for `for_s` seconds and `spare` after that."""
        until = int(time.time()) + for_s
        first, second = (speech.hash if speech else "" for speech in (words, spare))
        value = f"{until:010d}-{first}-{keys}-{until + 600 * bool(spare):010d}-{second}"
        await self.lab.pbx.db_put(contract.LINES, f"{LINE}/{language}" if language else LINE, value)

    async def prompt(self, phrase: str, speech: Speech, language: str = "") -> None:
        key = f"{LINE}-{phrase}"
        await self.lab.pbx.db_put(contract.PROMPTS, f"{key}/{language}" if language else key, speech.hash)

    async def kept(self) -> list[str]:
        """The key presses the PBX keeps, without their times."""
        found = await self.lab.pbx.db_tree(contract.KEYS)
        return sorted(value.partition(":")[2] for value in found.values())

    async def clean(self) -> None:
        """Nothing to say, nothing kept, nobody on the phone."""
        self.house, self.shop.asked, self.shop.hanging = House(), [], set()
        for family in (contract.LINES, contract.PROMPTS, contract.KEYS):
            await self.lab.pbx.ami.command(f"database deltree {family}")
        await self.lab.pbx.ami.command("dialplan set global KL_SILENT 0")  # whoever was late is asked again

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Server]:
        """The front desk, with the real scripts, open."""
        settings = ServerSettings(
            host=self.gateway, port=self.agi_port, token=TOKEN, allow=(ip_network(f"{self.gateway}/24", strict=False),)
        )
        server = Server(self.house, settings)
        await server.start()
        try:
            yield server
        finally:
            await server.drain(2.0)

    @asynccontextmanager
    async def in_its_place(self, behave: Any) -> AsyncIterator[None]:
        """Something else that listens where the front desk should."""
        server = await asyncio.start_server(behave, self.gateway, self.agi_port)
        try:
            yield
        finally:
            server.close()

    async def listens(self, did: str, *, seconds: float, number: str = "15551230001", keys: str = "") -> Path:
        """A caller who stays for `seconds` after the answer, pressing `keys` a second after it; what they heard."""
        call = await self.lab.carrier.call(did, number=number)
        answered = await call.answered()
        if keys:
            await asyncio.sleep(1.0)
            await call.press(keys)
        with suppress(NotSeen):
            await call.ended(max(0.1, seconds - (time.monotonic() - answered.at)))
        await call.hangup()
        return await call.recorded()

    def recognised(self, recording: Path, speeches: Iterable[Speech]) -> list[Heard]:
        return heard(recording, {speech.name: speech.write(self.folder) for speech in speeches})

    async def waits(self, did: str = DID, number: str = "15551230001") -> tuple[Call, str]:
        """A caller who waits in the queue, and the name of their channel on the PBX."""
        since = self.lab.pbx.ami.mark()
        call = await self.lab.carrier.call(did, number=number)
        joined = await self.lab.pbx.ami.wait_for(
            lambda e: e.name == "QueueCallerJoin" and e["CallerIDNum"] == number, f"{number} waits", 15, since
        )
        return call, joined["Channel"]

    async def whisper(self, channel: str, speech: Speech) -> None:
        """Say it into the ear of the caller on `channel`, as the companion does."""
        where = {"Channel": contract.WHISPER_CHANNEL, "Context": contract.WHISPER_CONTEXT, "Priority": "1"}
        await self.lab.pbx.ami.action(
            "Originate",
            {**where, "Exten": contract.WHISPER_EXTENSION, "Async": "true"},
            variables=[f"KL_SPY={channel}", f"KL_SAY={speech.hash}"],
        )

    async def asked(self, count: int, deadline: float = 15) -> None:
        """Wait until the desk was asked that often."""
        end = time.monotonic() + deadline
        while len(self.house.asked) < count:
            if time.monotonic() > end:
                raise NotSeen(f"the desk was asked only {self.house.asked} within {deadline} s")
            await asyncio.sleep(0.05)

    async def channels_are(self, count: int, deadline: float = 10) -> None:
        """Wait until the PBX has that many channels."""
        end = time.monotonic() + deadline
        while len(there := await self.lab.pbx.channels()) != count:
            if time.monotonic() > end:
                raise NotSeen(f"not {count} after {deadline} s: {[one['Channel'] for one in there]}")
            await asyncio.sleep(0.1)

    async def nobody_left(self) -> None:
        await self.channels_are(0)

    async def above_4_khz(self) -> float:
        """How much of what the 16 kHz ear heard no telephone of 8 kHz could have carried, 0 to 1."""
        end, text = time.monotonic() + 5, ""
        while len(text) < 100_000 and time.monotonic() < end:  # Asterisk writes the file's length last
            await asyncio.sleep(0.1)
            text = await self.stack.execute(self.service, "base64", "-w0", HEARD)
        with wave.open(BytesIO(b64decode(text)), "rb") as file:
            assert file.getframerate() == 16_000
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
        power = np.abs(np.fft.rfft(samples)) ** 2
        return float(power[len(power) * 9 // 16 :].sum() / power.sum())


def mu_law(audio: bytes, folder: Path) -> Path:
    """Mu-law at 8 kHz as a WAV file (ITU-T G.711)."""
    code = ~np.frombuffer(audio, np.uint8)
    size = (((code & 15).astype(np.int32) << 3) + 132) << ((code & 112) >> 4)
    samples = np.where(code & 128, 132 - size, size - 132)
    path = folder / "spoken.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


@asynccontextmanager
async def delivery(stack: Stack, lab: Lab, folder: Path, *, old: bool = False) -> AsyncIterator[Delivery]:
    """A PBX with the dialplan under test; afterwards it has its own again."""
    gateway = f"{(await stack.settings())['KEEPLINE_NET']}.1"
    service = "pbx16" if old else "pbx"
    shop = Shop(folder)
    listener = await asyncio.start_server(shop.serve, gateway, 0)
    shop.port = listener.sockets[0].getsockname()[1]
    with socket() as free:
        free.bind((gateway, 0))
        agi_port = free.getsockname()[1]
    here = Delivery(lab, stack, service, gateway, House(), shop, agi_port, folder)
    try:
        await here.install()
        yield here
    finally:
        listener.close()
        await here.clean()
        for address in here.fetched:
            await lab.pbx.ami.command(f"media cache delete {address}")
        await stack.execute(service, "start-asterisk", "refresh")
