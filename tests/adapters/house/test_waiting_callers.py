"""Callers who wait already: who of them is told what is new, in which language, and who is not told it again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ami_bridge.domain.names import IncidentId
from dialplan_templates import contract
from tests.adapters.ami.manager import until
from tests.adapters.house.house import HOLD, LINE, House, Pbx, a_caller, a_house, hash_of

ANN, BEN = "PJSIP/acme-backup-00000001", "PJSIP/acme-backup-00000002"


def told(house: House, pbx: Pbx) -> list[tuple[str, str]]:
    """Who was whispered to, and which words, in order."""
    texts = {hash_of(text): text for text in house.library.asked}
    return [(whisper["KL_SPY"], texts[whisper["KL_SAY"]]) for whisper in pbx.whispers]


def in_line(house: House) -> int:
    return sum(waiting.tried is not None for waiting in house.runner.watch.lines[LINE].waiting.values())


async def fails(house: House, pbx: Pbx) -> IncidentId:
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: bool(house.runner.watch.incidents))
    await until(lambda: (pbx.line_state or "--").split("-")[1] != "")
    return house.runner.watch.incidents[0].id


async def test_who_waits_is_told_of_a_fault_once_and_keeps_their_place(house: House, pbx: Pbx) -> None:
    await house.start()
    pbx.waits("1.1", ANN)
    await until(lambda: in_line(house) == 1)
    await fails(house, pbx)
    await until(lambda: bool(pbx.whispers))
    await house.ticks(3)
    [(channel, words)] = told(house, pbx)
    assert channel == ANN
    assert words.startswith("We have news for you")
    assert "fault with our main telephone line" in words
    assert "press" not in words, "nobody listens for keys there"
    assert words.endswith("You keep your place in line.")
    assert house.runner.whisperer.count[LINE] == 1


async def test_who_heard_it_on_the_way_in_is_told_only_what_is_new(house: House, pbx: Pbx) -> None:
    await house.start()
    incident = await fails(house, pbx)
    await until(lambda: "since" in house.runner.announcer.live[LINE]["en"].saying.params)
    assert (await house.desk.status(a_caller("1.1"))).audio
    pbx.waits("1.1", ANN)
    await until(lambda: in_line(house) == 1)
    await house.ticks(3)
    assert pbx.whispers == []
    await house.controls.expect(incident, house.clock() + timedelta(hours=1), "ops")
    await until(lambda: bool(pbx.whispers))
    [(_, words)] = told(house, pbx)
    assert "It should be fixed by" in words


async def test_its_end_is_told_to_those_who_still_wait(house: House, pbx: Pbx) -> None:
    await house.start()
    await fails(house, pbx)
    await house.desk.status(a_caller("1.1"))
    pbx.waits("1.1", ANN)
    await until(lambda: in_line(house) == 1)
    pbx.trunk("acme-primary", reachable=True)
    await house.ticks()
    house.clock.ahead = HOLD
    await until(lambda: not house.runner.watch.incidents)
    await until(lambda: bool(pbx.whispers))
    await house.ticks(3)
    [(channel, words)] = told(house, pbx)
    assert channel == ANN
    assert words.startswith("The fault with our main telephone line is fixed.")


async def test_who_is_answered_before_the_words_are_made_is_left_alone(house: House, pbx: Pbx) -> None:
    await house.start()
    pbx.waits("1.1", ANN)
    await until(lambda: in_line(house) == 1)
    house.library.ready.clear()
    pbx.trunk("acme-primary", reachable=False)
    await until(lambda: bool(house.runner.watch.incidents))
    await house.ticks()
    pbx.event("QueueCallerLeave", Uniqueid="1.1", Queue="support")
    pbx.hung_up("1.1")
    await until(lambda: in_line(house) == 0)
    house.library.ready.set()
    await until(lambda: "since" in house.runner.announcer.live[LINE]["en"].saying.params)
    await house.ticks(3)
    assert pbx.whispers == []


async def test_each_hears_their_own_language(tmp_path: Path, pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ami_bridge.runner.TICK", 0.05)
    async with a_house(tmp_path, pbx, languages=("de",)) as house:
        await house.start()
        pbx.waits("1.1", ANN, "de_AT")
        pbx.waits("1.2", BEN, "it")
        await until(lambda: in_line(house) == 2)
        await fails(house, pbx)
        await until(lambda: len(pbx.whispers) == 2)
        words = dict(told(house, pbx))
        assert "Störung" in words[ANN]
        assert "fault" in words[BEN], "who speaks what the tenant does not is spoken to in the tenant's own"
        await until(lambda: {LINE, f"{LINE}/de"} <= pbx.astdb[contract.LINES].keys())
        german = (await house.desk.status(a_caller("1.3", language="de"))).audio
        english = (await house.desk.status(a_caller("1.4", language="en"))).audio
        assert german != english


async def test_a_companion_that_comes_back_does_not_tell_it_again(
    tmp_path: Path, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.runner.TICK", 0.05)
    async with a_house(tmp_path, pbx) as first:
        await first.start()
        await fails(first, pbx)
        await first.stop()
    pbx.waiting.append("1.1")
    pbx.channels["1.1"] = ANN  # came meanwhile: the PBX told them from what it holds
    async with a_house(tmp_path, pbx) as second:
        await second.start()
        await until(lambda: in_line(second) == 1)
        await until(lambda: second.runner.announcer.stories.get(LINE) is not None)
        await second.ticks(3)
        assert pbx.whispers == []


@pytest.mark.parametrize("name", ["PJSIP/a,b-00000001", "PJSIP/a&b-00000001", "PJSIP/${EXTEN}-1", "x"])
async def test_a_channel_whose_name_means_something_to_the_dialplan_is_not_named(
    house: House, pbx: Pbx, name: str
) -> None:
    await house.start()
    pbx.waits("1.1", name)
    pbx.waits("1.2", BEN)
    await until(lambda: in_line(house) == 2)
    await fails(house, pbx)
    await until(lambda: bool(pbx.whispers))
    await house.ticks(3)
    assert {channel for channel, _ in told(house, pbx)} == {BEN}


async def test_who_is_answered_in_the_middle_of_it_hears_no_more_of_it(house: House, pbx: Pbx) -> None:
    await house.start()
    pbx.waits("1.1", ANN)
    pbx.waits("1.2", BEN)
    await until(lambda: in_line(house) == 2)
    await fails(house, pbx)
    await until(lambda: len(pbx.whispers) == 2)
    mine, other = [next(w["ChannelId"] for w in pbx.whispers if w["KL_SPY"] == who) for who in (ANN, BEN)]
    for whisper in (mine, other):
        pbx.channel(whisper, f"Local/say@keepline-whisper-{whisper[-8:]};1")
    await until(lambda: {mine, other} <= house.runner.watch.tracker.channels.keys())
    pbx.channel("9.1", "PJSIP/101-00000009", linkedid="1.1", state=6)
    for one in ("1.1", "9.1"):
        pbx.event("BridgeEnter", BridgeUniqueid="b1", BridgeTechnology="simple_bridge", Uniqueid=one)
    await until(lambda: in_line(house) == 1)
    await until(lambda: "Hangup" in pbx.names())
    assert [a["Channel"] for a in pbx.received if a["Action"] == "Hangup"] == [mine]
