"""What callers hear from the dialplan itself, on the real Asterisk, while the companion is away, hangs or lies.

The desk, the audio server and the recordings are the test's (delivering.py); the scripts and the dialplan are ours.
"""

from __future__ import annotations

import asyncio
import random
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agi import takes
from agi.desk import Caller, Next, Receipt, Take, Treatment
from agi.errors import AgiError
from docker.lab.hearing import longest_silence, match, tone
from docker.lab.stack import Stack
from tests.adapters.agi.fastagi_peer import House
from tests.e2e.delivering import (
    ASK,
    ATTENDED,
    AUSTRIAN,
    CODE,
    DID,
    EAR,
    HEARD,
    LINE,
    QUEUE,
    READ,
    Delivery,
    Speech,
    delivery,
    mu_law,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

NEWS, NACHRICHT = Speech("news"), Speech("nachricht")
SPARE, NOTED, NOTIERT = Speech("spare"), Speech("noted"), Speech("notiert")
NEVER = Speech("never")  # is fetched by nobody
ALL = (NEWS, NACHRICHT, SPARE, NOTED, NOTIERT)


@pytest_asyncio.fixture(
    loop_scope="session",
    scope="module",
    params=["22", pytest.param("16", marks=pytest.mark.faults)],
    ids=lambda version: f"asterisk{version}",
)
async def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Delivery]:
    """One PBX with the dialplan under test, and no companion that would take key presses over."""
    old = request.param == "16"
    stack = Stack()
    await stack.up(*(("carrier16", "pbx16") if old else ("carrier", "pbx")))
    companion = "keepline16" if old else "keepline"
    running = re.search(rf"^{companion} +running", await stack.run("status"), re.MULTILINE)
    if running:
        await stack.stop(companion)
    try:
        async with (
            stack.connected(old=old) as lab,
            delivery(stack, lab, tmp_path_factory.mktemp("recordings"), old=old) as place,
        ):
            yield place
    finally:
        if running:
            await stack.start(companion)


@pytest_asyncio.fixture(loop_scope="session")
async def here(place: Delivery) -> AsyncIterator[Delivery]:
    await place.lab.carrier.reset()
    await place.clean()
    yield place
    await place.lab.carrier.reset()
    await place.nobody_left()


def names(here: Delivery, recording: Path) -> list[str]:
    return [one.name for one in here.recognised(recording, ALL)]


async def test_the_callers_language_decides_and_what_it_lacks_is_said_in_the_tenants(here: Delivery) -> None:
    await here.warm(*ALL)
    await here.state(NEWS)
    await here.state(NACHRICHT, language="de")
    english, german = await asyncio.gather(
        here.listens(DID, seconds=5), here.listens(AUSTRIAN, seconds=5, number="15551230002")
    )
    assert names(here, english) == ["news"]
    assert names(here, german) == ["nachricht"]
    await here.lab.pbx.db_del("keepline-line", f"{LINE}/de")
    assert names(here, await here.listens(AUSTRIAN, seconds=5)) == ["news"]


async def test_words_whose_time_has_passed_are_not_said_and_the_spare_ones_are(here: Delivery) -> None:
    await here.warm(*ALL)
    await here.state(NEWS, SPARE, for_s=-5)
    await here.state(NACHRICHT, language="de", for_s=-5)  # without spare words: the other language's are true
    english, german = await asyncio.gather(
        here.listens(DID, seconds=5), here.listens(AUSTRIAN, seconds=5, number="15551230002")
    )
    assert names(here, english) == names(here, german) == ["spare"]
    await here.state(NEWS, for_s=-5)
    assert names(here, await here.listens(DID, seconds=3)) == []


async def test_zero_says_it_again_and_one_is_kept_and_confirmed(here: Delivery) -> None:
    await here.warm(*ALL)
    await here.state(NEWS)
    await here.prompt("noted_offline", NOTED)
    await here.prompt("noted_offline", NOTIERT, "de")
    again, kept = await asyncio.gather(
        here.listens(DID, seconds=7, keys="0"), here.listens(AUSTRIAN, seconds=9, number="15551230002", keys="1")
    )
    assert names(here, again) in (["news", "news"], ["news"])
    [*_, last] = here.recognised(again, [NEWS])
    assert last.end_s > NEWS.seconds + 1.0  # it began again a second after it had begun
    assert names(here, kept)[-1] == "notiert"
    assert await here.kept() == [f"{LINE}:1:15551230002:de"]


async def test_a_recording_that_is_not_on_the_pbx_is_not_waited_for(here: Delivery) -> None:
    """A fetch cannot be interrupted: with an audio server that hangs it would hold the caller for minutes."""
    NEVER.write(here.folder)
    here.shop.hanging.add(NEVER.hash)
    await here.warm(SPARE)
    await here.state(NEVER, SPARE)
    assert names(here, await here.listens(DID, seconds=5)) == ["spare"]
    await here.state(NEVER)
    since = here.lab.pbx.ami.mark()
    recording = await here.listens(DID, seconds=3)
    assert here.recognised(recording, [NEVER]) == []
    await here.lab.pbx.ami.wait_for(lambda e: e.name == "QueueCallerJoin", "the call went its way", 1, since)
    assert not [path for path in here.shop.asked if NEVER.hash in path]


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def lies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff not AGI\n\n\n" + random.Random(1).randbytes(500) + b"\n")
    await hangs(reader, writer)


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while not writer.is_closing():
            writer.write(b"NOOP\n" * 20)
            await writer.drain()
            await asyncio.sleep(0.02)  # Asterisk tells AMI of each: more would be a test of that
    except ConnectionError:
        writer.close()


@pytest.mark.faults
@pytest.mark.parametrize("behave", [hangs, lies, floods])
async def test_whatever_listens_in_our_place_callers_hear_what_is_true(here: Delivery, behave: Any) -> None:
    await here.warm(*ALL)
    await here.state(NEWS)
    async with here.in_its_place(behave):
        recording = await here.listens(DID, seconds=8)
    assert names(here, recording) == ["news"]
    assert longest_silence(recording, 0.0) <= 4.0


async def test_zero_says_it_again_while_the_companion_is_there(here: Delivery) -> None:
    await here.warm(*ALL)
    await here.state(NEWS)
    here.house.treatment = Treatment(audio=(here.audio(NEWS),), keys="01")
    async with here.desk() as server:
        recording = await here.listens(DID, seconds=7, keys="0")
        assert server.ends.total() == 1
    [*_, last] = here.recognised(recording, [NEWS])
    assert last.end_s > NEWS.seconds + 1.0
    assert here.house.asked == [("status",)]


async def test_what_the_desk_names_is_played_in_order_and_a_key_is_stored_confirmed_and_forgotten(
    here: Delivery,
) -> None:
    await here.warm(*ALL)
    await here.state(SPARE)
    here.house.treatment = Treatment(audio=(here.audio(NACHRICHT), here.audio(NEWS)), keys="01")
    here.house.receipt = Receipt(audio=(here.audio(NOTED),), then=Next.HANGUP)
    since = here.lab.pbx.ami.mark()
    async with here.desk():
        silent, pressed = await asyncio.gather(
            here.listens(DID, seconds=11), here.listens(DID, seconds=9, number="15551230002", keys="1")
        )
    assert names(here, silent) == ["nachricht", "news"]
    assert names(here, pressed)[-1] == "noted"
    assert sorted(here.house.asked) == [("pressed", "1"), ("status",), ("status",)]
    assert [caller.number for caller in here.house.callers if caller.key] == ["15551230002"]
    assert await here.kept() == []
    joined = [e["CallerIDNum"] for e in here.lab.pbx.ami.events(since) if e.name == "QueueCallerJoin"]
    assert joined == ["15551230001"]  # who has a promise has no need to wait


async def test_what_is_not_there_is_left_out_and_without_the_last_the_pbx_says_what_it_has(here: Delivery) -> None:
    NEVER.write(here.folder)
    await here.warm(NEWS, SPARE)
    await here.state(SPARE)
    for audio, said in (((NEVER, NEWS), "news"), ((NEWS, NEVER), "spare")):
        here.house.treatment = Treatment(audio=tuple(here.audio(one) for one in audio))
        async with here.desk():
            assert names(here, await here.listens(DID, seconds=5)) == [said]
    assert not [path for path in here.shop.asked if NEVER.hash in path]


@pytest.mark.parametrize("how", ["late", "broken"])
async def test_a_key_of_which_the_desk_leaves_no_receipt_is_kept_on_the_pbx(here: Delivery, how: str) -> None:
    stored = asyncio.Event()

    def before(what: str) -> Any:
        if what == "pressed" and how == "broken":
            raise KeyError("a bug")
        return stored.wait() if what == "pressed" else None

    await here.warm(NEWS, NOTED)
    await here.state(NEWS)
    await here.prompt("noted_offline", NOTED)
    here.house = House(treatment=Treatment(audio=(here.audio(NEWS),), keys="1"), before=before)
    async with here.desk():
        recording = await here.listens(DID, seconds=10, keys="1")
        stored.set()
    assert names(here, recording)[-1] == "noted"
    assert await here.kept() == [f"{LINE}:1:15551230001:en"]
    # The desk that was late has stored it as well: who takes it over from the PBX makes one promise of the two.
    assert here.house.asked == [("status",), *([("pressed", "1")] if how == "late" else [])]


async def test_who_listens_hears_all_of_it_and_is_heard_although_the_desk_is_gone_meanwhile(here: Delivery) -> None:
    long = Speech("a long one", 8.0)
    await here.warm(long, NOTED)
    await here.state(long)
    await here.prompt("noted_offline", NOTED)
    here.house.treatment = Treatment(audio=(here.audio(long),), keys="1")
    async with here.desk():
        call = await here.lab.carrier.call(DID, number="15551230001")
        await call.answered()
        await here.asked(1)
    await asyncio.sleep(long.seconds)
    await call.press("1")
    await call.ended(15)
    recording = await call.recorded()
    assert [one.name for one in here.recognised(recording, [long, NOTED])] == [long.name, "noted"]
    assert longest_silence(recording, 0.0) <= 4.0
    assert await here.kept() == [f"{LINE}:1:15551230001:en"]


async def test_callers_have_their_place_in_the_queue_with_nobody_else_there(here: Delivery) -> None:
    """Numbers by the longest that fits: a plain caller, two of a prefix, and one named whole."""
    ami, positions = here.lab.pbx.ami, []
    for number in ("15551110001", "15551230001", "15551230009", "+15551112222"):
        since = ami.mark()
        call = await here.lab.carrier.call(DID, number=number)
        await call.answered()
        joined = await ami.wait_for(lambda e: e.name == "QueueCallerJoin", f"{number} waits", 5, since)
        positions.append(joined["Position"])
    waiting = await ami.listing("QueueStatus", {"Queue": QUEUE})
    order = sorted((int(e["Position"]), e["CallerIDNum"]) for e in waiting if e.name == "QueueEntry")
    assert positions == ["1", "1", "1", "2"]
    assert [number for _place, number in order] == ["15551230009", "+15551112222", "15551230001", "15551110001"]


async def test_what_an_operator_speaks_comes_over_byte_by_byte(here: Delivery) -> None:
    """NUL bytes above all, which end a dialplan function's value: one alone, runs of them, at the edges of a piece."""
    noise = bytearray(random.Random(2).randbytes(20_000))
    noise[0:1] = noise[2999:3002] = noise[5999:6000] = b"\x00"
    noise[9000:9040] = bytes(40)
    noise[-2:] = b"\x00\x00"
    await here.stack.execute(here.service, "sh", "-c", f"head -c 1 /dev/zero >/dev/null; : >{READ}")
    for start in range(0, len(noise), 5000):
        octal = "".join(f"\\0{byte:03o}" for byte in noise[start : start + 5000])
        await here.stack.execute(here.service, "sh", "-c", f"printf '%b' '{octal}' >>{READ}")
    got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n")

        async def value(expression: str) -> str:
            writer.write(f'GET FULL VARIABLE "{expression}"\n'.encode())
            return (await reader.readline()).decode().partition("(")[2].removesuffix(")\n")

        try:
            got.set_result(await takes.read(READ, value, 1_000_000))
        except AgiError as error:  # it is the test that fails, not this task alone
            got.set_exception(error)
        writer.close()

    async with here.in_its_place(reads), asyncio.timeout(15):
        await here.listens(ASK, seconds=5)
        assert await got == bytes(noise)


class Unguarded(House):
    """Whoever dials the code is an operator."""

    async def operator(self, caller: Caller, pin: str) -> Treatment:
        await self._note(caller, "operator", pin)
        return self.treatment


async def test_an_operator_speaks_into_the_telephone_and_the_pbx_keeps_nothing_of_it(here: Delivery) -> None:
    await here.warm(NEWS, SPARE, NOTED)
    here.house = house = Unguarded(
        treatment=Treatment(audio=(here.audio(NEWS),), keys="12", then=Next.HANGUP),
        take=Take(audio=(here.audio(SPARE),), seconds=20.0),
        back=[Treatment(audio=(here.audio(NOTED),), keys="12", then=Next.HANGUP)],
        receipt=Receipt(),
    )
    on_disk: list[bytes] = []

    async def look(what: str) -> None:
        if what == "taken":
            there = await here.stack.execute(here.service, "sh", "-c", "base64 -w0 /var/spool/asterisk/keepline-*.ulaw")
            on_disk.append(b64decode(there))

    house.before = look
    await here.stack.execute(here.service, "sh", "-c", "rm -f /var/spool/asterisk/keepline-*.ulaw")
    await here.lab.carrier.phone("15551230001", tone=440)  # the operator's voice
    async with here.desk() as server:
        call = await here.lab.carrier.call(CODE)
        await call.answered()
        await asyncio.sleep(1.0)
        await call.press("2")
        await asyncio.sleep(SPARE.seconds + 3.0)  # they are asked, the tone comes, they speak
        await call.press("#")
        await here.asked(3)
        await asyncio.sleep(NOTED.seconds)  # they hear it back
        await call.press("1")
        await call.ended(15)
        assert server.ends.total() == 1
    assert [what[0] for what in house.asked] == ["operator", "ordered", "taken", "approved"]
    audio = house.asked[2][1]
    assert [audio] == on_disk
    assert 1.0 < len(audio) / takes.RATE < 6.0
    assert tone(mu_law(audio, here.folder), 440, 0.3) > 0.8
    assert names(here, await call.recorded()) == ["news", "spare", "noted"]
    sizes = await here.stack.execute(here.service, "sh", "-c", "stat -c %s /var/spool/asterisk/keepline-*.ulaw")
    assert set(sizes.split()) == {"0"}


async def test_a_message_reaches_callers_who_wait_over_the_music_and_nothing_is_left_of_it(here: Delivery) -> None:
    await here.warm(NEWS, NACHRICHT)
    callers = await asyncio.gather(here.waits(number="15551230001"), here.waits(number="15551230002"))
    for (_call, channel), speech in zip(callers, (NEWS, NACHRICHT), strict=True):
        await here.whisper(channel, speech)
    await here.channels_are(2, deadline=15)
    for (call, _channel), speech in zip(callers, (NEWS, NACHRICHT), strict=True):
        await call.hangup()
        assert names(here, await call.recorded()) == [speech.name]


async def test_the_agent_who_answers_in_the_middle_hears_nothing_of_it(here: Delivery) -> None:
    long = Speech("a long one", 8.0)
    await here.warm(long)
    call, channel = await here.waits(ATTENDED)
    await here.whisper(channel, long)
    await asyncio.sleep(2.5)
    await here.lab.carrier.phone("101", mode="answer", ring=0, tone=440, label="agent-of-the-delivery")
    await here.lab.carrier.agent_arrives("101")
    agent = await here.lab.carrier.expect_call("101")
    await agent.answered()
    await here.channels_are(2, deadline=15)  # the message ends, the call goes on
    await call.hangup()
    assert [one.name for one in here.recognised(await call.recorded(), [long])] == [long.name]
    ear = await agent.recorded()
    assert here.recognised(ear, [long]) == []
    assert match(ear, long.write(here.folder)).score < 0.3


async def test_a_message_for_somebody_who_is_gone_is_for_nobody(here: Delivery) -> None:
    await here.warm(NEWS)
    (gone, channel), (other, _) = await asyncio.gather(here.waits(), here.waits(number="15551230002"))
    await gone.hangup()
    await here.channels_are(1)
    await here.whisper(channel, NEWS)
    await here.whisper("", NEWS)
    await here.channels_are(1)
    await other.hangup()
    assert names(here, await other.recorded()) == []


async def test_a_wideband_channel_is_played_16_khz(here: Delivery) -> None:
    await here.install(wide=True)
    await here.warm(NEWS)
    await here.warm(NEWS, rate=16_000)
    await here.state(NEWS)
    for codec, rate in (("slin16", 16_000), ("ulaw", 8000)):
        await here.stack.execute(here.service, "rm", "-f", HEARD)
        await here.lab.pbx.ami.action(
            "Originate",
            {
                "Channel": f"Local/{DID}@keepline-lines/n",
                "Codecs": codec,
                "CallerID": "15551230001",
                "Context": "keepline-lines",
                "Exten": EAR,
                "Priority": "1",
                "Async": "true",
            },
        )
        await here.channels_are(2)
        await here.channels_are(0, deadline=15)
        above = await here.above_4_khz()
        assert (above > 0.1) is (rate == 16_000), (codec, above)
    await here.install()


async def test_recordings_in_a_shared_directory_need_no_audio_server(here: Delivery) -> None:
    settings = await here.stack.settings()
    folder = Path(settings["KEEPLINE_RECORDINGS"]).parent / "sounds"
    files = [NEWS.write(folder), NEWS.write(folder, 16_000)]
    try:
        await here.install(sounds="/sounds")
        await here.state(NEWS)
        assert names(here, await here.listens(DID, seconds=5)) == ["news"]
        assert here.shop.asked == []
    finally:
        for file in files:
            file.unlink()
        await here.install()
