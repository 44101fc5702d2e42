"""What callers hear on the real test PBX, judged from recordings: in every language, again, in the ear while they wait,
about their own affairs, and in an operator's own words.

Agents are away. Each test ends what it declared.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from docker.lab.carrier import Call
from docker.lab.hearing import heard, match, tone
from docker.lab.house import line, promises
from docker.lab.stack import STATE, Stack
from docker.lab.story import GOOD, SUPPORT, Quiet, Story, told

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

LANGUAGES = {"en": "", "es": "2", "de": "3", "fr": "4"}  # with what is dialled before a line's number
BEGAN = ("It began", "Comenzó", "Die Störung begann", "Elle a commencé")  # what is said once all is known
KEPT = STATE / "keepline"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def story(stack: Stack) -> AsyncIterator[Story]:
    async with told(stack, Quiet()) as story:
        await story.begin()
        yield story
        await story.lab.carrier.reset()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def well(story: Story) -> AsyncIterator[None]:
    """After a test nobody is on the phone, nothing is out of order, and somebody is there again."""
    yield
    await story.lab.carrier.hang_up_all()
    for incident in (await story.house.status())["incidents"]:
        await within(story, "end", incident["key"])
    await story.lab.carrier.agent_arrives("102")
    await story.line_state(present=False)
    await story.lab.carrier.agent_leaves("102")


async def within(story: Story, *arguments: str) -> str:
    """`keepline ARGUMENTS` in the companion's own container."""
    return await story.stack.execute("keepline", "keepline", *arguments, "--config", "/etc/keepline/keepline.toml")


async def declared(story: Story, name: str, *more: str, languages: int = 4) -> Mapping[str, str]:
    """Declare line `name` out of order; what its callers are told in each language, once all of it is live."""
    await within(story, "declare", "line", name, *more)
    status = await story.house.until(
        lambda s: (
            len(line(s, name)["sayings"]) == languages
            and all(any(began in one["text"] for began in BEGAN) for one in line(s, name)["sayings"])
        ),
        f"{name} is announced in {languages} languages",
        40,
    )
    return {one["language"]: one["text"] for one in line(status, name)["sayings"]}


async def say(story: Story, language: str, text: str) -> Path:
    """`text` as the companion's own voice would say it: what a caller must not be taken to have heard."""
    name = f"decoy-{abs(hash((language, text)))}.wav"
    await within(story, "say", "--language", language, "--text", text, "--out", f"/var/lib/keepline/{name}")
    return KEPT / name


async def listens(story: Story, did: str, tail: str, seconds: float) -> Call:
    """Call, listen for so long after the answer, and hang up."""
    call = await story.arrives(f"15551230{tail}", f"caller-hears-{tail}", did)
    await asyncio.sleep(seconds)
    await call.hangup()
    return call


def another_time(text: str, language: str) -> list[str]:
    """The same words with other times in them: what is nearest to what was said and yet untrue."""
    changed = {
        "en": [(" past ", " to "), (" to ", " past "), ("in the ", "not in the ")],
        "es": [(" y ", " menos "), (" menos ", " y ")],
        "de": [(" Uhr ", " Uhr und "), ("vor ", "nach "), ("nach ", "vor ")],
        "fr": [(" heures ", " heures moins "), (" moins ", " ")],
    }[language]
    return [found for old, new in changed if (found := text.replace(old, new)) != text]


async def test_the_very_announcement_is_heard_in_every_language_times_included(story: Story) -> None:
    expected = (datetime.now(UTC) + timedelta(hours=2)).isoformat(timespec="minutes")
    texts = await declared(story, "support", "--expected", expected)
    assert texts.keys() == LANGUAGES.keys()
    calls = await asyncio.gather(
        *(listens(story, f"{prefix}{SUPPORT}", f"07{n}", 26) for n, prefix in enumerate(LANGUAGES.values()))
    )
    every = story.house.announcements(*LANGUAGES)
    for call, language in zip(calls, LANGUAGES, strict=True):
        known = {text: wav for text, wav in every.items() if text in texts.values()}
        known |= story.house.announcements(language)  # whatever else could have been said in it
        assert texts[language] in known
        [found, *_] = await asyncio.to_thread(heard, await call.recorded(), known)
        assert found.name == texts[language], f"{language}: heard {found}"
        assert found.score >= GOOD
        said = match(call.recording, known[texts[language]])
        for wrong in another_time(texts[language], language)[:1]:
            untrue = match(call.recording, await say(story, language, wrong))
            assert untrue.covered < said.covered, f"{language}: {wrong!r} fits as well"


async def test_who_speaks_what_nobody_here_speaks_hears_the_tenants_own_language(story: Story) -> None:
    texts = await declared(story, "support")
    call = await listens(story, f"5{SUPPORT}", "075", 8)
    found = await asyncio.to_thread(heard, await call.recorded(), story.house.announcements(*LANGUAGES))
    assert [one.name for one in found] == [texts["en"]]


async def test_key_0_says_it_again(story: Story) -> None:
    texts = await declared(story, "support")
    call = await story.arrives("15551230076", "caller-hears-076")
    await story.says(call, texts["en"], 4)
    await call.press("0")
    await asyncio.sleep(6)
    await call.hangup()
    found = await asyncio.to_thread(heard, await call.recorded(), story.house.announcements())
    assert [one.name for one in found] == [texts["en"]] * 2


async def test_who_waits_hears_of_it_at_once_and_of_its_end_and_keeps_the_place(story: Story) -> None:
    first = await story.arrives("15551230077", "caller-hears-077", f"3{SUPPORT}")
    await asyncio.sleep(1.1)  # places are by the second
    second = await story.arrives("15551230078", "caller-hears-078")
    await story.house.until(lambda s: line(s, "support")["callers"] == 2, "both wait")
    places = await places_in_line(story)
    texts = await declared(story, "support")
    await story.house.until(lambda s: line(s, "support")["told_waiting"] == 2, "both are told", 20)
    await asyncio.sleep(16)
    key = (await story.house.status())["incidents"][0]["key"]
    await within(story, "end", key)
    await story.house.until(lambda s: line(s, "support")["told_waiting"] == 4, "both are told of its end", 20)
    await asyncio.sleep(6)
    assert await places_in_line(story) == places
    for call in (first, second):
        await call.hangup()
    for call, language, news, over in (
        (first, "de", "Während Sie warten, haben wir Neuigkeiten", "Die Störung ist behoben."),
        (second, "en", "We have news for you", "The fault with our service is fixed."),
    ):
        known = {
            text: wav
            for text, wav in story.house.announcements(language).items()
            if text.startswith((news, over)) or text in texts.values()
        }
        found = [one.name for one in await asyncio.to_thread(heard, await call.recorded(), known)]
        assert [name.startswith(words) for name, words in zip(found, (news, over), strict=True)] == [True, True], found


async def test_who_is_known_hears_their_segments_words_and_what_they_are_owed_first(story: Story) -> None:
    await story.can_arrange()
    texts = await declared(story, "support")
    gold, number = "Thank you for being a gold customer.", "15551238079"
    story.mark = story.lab.pbx.ami.mark()
    first = await story.lab.carrier.call(SUPPORT, number=number, label="caller-hears-079")
    await first.answered()
    await asyncio.sleep(8)
    await first.press("1")
    await story.arranges(first)
    known = story.house.announcements()
    assert [one.name for one in await asyncio.to_thread(heard, await first.recorded(), known)][:2] == [
        gold,
        texts["en"],
    ]
    await story.house.until(lambda s: bool(promises(s, "079")), "the promise is in the ledger")
    await until_known(story, number)
    again = await story.lab.carrier.call(SUPPORT, number=number, label="caller-hears-080")
    await again.answered()
    await asyncio.sleep(14)
    await again.hangup()
    found = [one.name for one in await asyncio.to_thread(heard, await again.recorded(), story.house.announcements())]
    assert found[0] == gold
    assert found[1].startswith("You asked us")
    assert found[2] == texts["en"]


async def places_in_line(story: Story) -> list[int]:
    """The priorities with which both callers stand in the support line's queue, whoever came first ahead; one of them
    may be away for a while to hear the offer."""
    found: dict[str, int] = {}
    async with asyncio.timeout(60):
        while len(found) < 2:
            for entry in await story.lab.pbx.ami.listing("QueueStatus", {"Queue": "support"}):
                if entry.name == "QueueEntry":
                    found[entry["Channel"]] = int(entry["Priority"])
            await asyncio.sleep(0.2)
    first, second = (found[channel] for channel in sorted(found))  # channels are numbered as they come
    assert first > second
    return [first, second]


async def until_known(story: Story, number: str) -> None:
    """Poll until the companion has words ready for this caller, as `keepline trace-caller` shows."""
    async with asyncio.timeout(20):
        while True:
            [traced] = json.loads(await within(story, "trace-caller", number, "--line", "support", "--json"))["lines"]
            if any(one["part"] == "your promise" for one in traced["hears"]):
                return
            await asyncio.sleep(0.5)


async def test_a_fault_of_the_line_leads_and_one_of_its_trunk_is_named_after_it(story: Story) -> None:
    await declared(story, "support")
    mark = story.lab.pbx.ami.mark()
    await story.lab.carrier.cut("primary")
    await story.lab.pbx.trunk_becomes("acme-primary", "Unreachable", since=mark)
    status = await story.house.until(
        lambda s: "There is also a fault with our main telephone line." in line(s, "support")["announcing"],
        "both faults are one message",
        20,
    )
    said = line(status, "support")["announcing"]
    assert said.startswith("We know about a fault with our service. It began")
    call = await listens(story, SUPPORT, "081", 14)
    found = await asyncio.to_thread(heard, await call.recorded(), story.house.announcements())
    assert [one.name for one in found] == [said]
    await story.lab.carrier.restore("primary")
    await story.house.until(lambda s: "also" not in line(s, "support")["announcing"], "the trunk is well", 30)


async def test_an_operator_speaks_what_callers_hear_and_hears_it_back_first(story: Story) -> None:
    pin = (await story.stack.run("pin")).strip()
    net = (await story.stack.settings())["KEEPLINE_NET"]
    story.mark = story.lab.pbx.ami.mark()
    await story.lab.carrier.phone("101", tone=1000)
    phone = await story.lab.carrier.call_from("101", f"sip:*5501@{net}.10:5060")
    await phone.answered()
    await story.says(phone, "Please key in your PIN", 1.3)
    story.mark = story.lab.pbx.ami.mark()
    await phone.press(f"{pin}#")
    await story.says(phone, "No outage is declared", 1.3)
    story.mark = story.lab.pbx.ami.mark()
    await phone.press("2")
    await story.says(phone, "Please speak after the tone", 0.1)
    await story.lab.pbx.ami.wait_for(
        lambda e: e.name == "AGIExecStart" and e["Command"].startswith("RECORD FILE"), "it is recorded", 15, story.mark
    )
    await asyncio.sleep(4)  # all the while this phone sounds its tone
    story.mark = story.lab.pbx.ami.mark()
    await phone.press("#")
    await story.says(phone, "This is what callers will hear.", 1)
    assert not await story.lab.pbx.db_tree("keepline-line"), "nothing is live before it was approved"
    await story.says(phone, "To put it on the line", 1.5)
    await phone.press("1")
    await phone.ended(20)
    assert tone(await phone.recorded(), 1000, 0) > 0.05, "it was not heard back"
    await story.line_state(present=True)
    status = await story.house.until(lambda s: bool(line(s, "support")["announcing"]), "it is announced")
    assert re.search("We will have more to say", line(status, "support")["announcing"])
    call = await listens(story, SUPPORT, "082", 10)
    assert tone(await call.recorded(), 1000, 0.5, 4) > 0.5, "callers do not hear the operator's own recording"
