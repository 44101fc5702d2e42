"""The lab itself, before anything is judged by it: calls, keys, audio, time, cuts and agents on the real containers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker.lab.ami import NotSeen
from docker.lab.hearing import load, longest_silence, match, tone
from docker.lab.stack import STATE, Lab

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SWEEP_SECONDS = 2.0


@pytest.fixture(scope="module")
def sweep() -> Iterator[Path]:
    """Two seconds that sound like nothing else on a telephone, where both Asterisks find it as /sounds/lab-sweep."""
    path = STATE / "sounds" / "lab-sweep.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    make = ["sox", "-R", "-n", "-r", "8000", "-b", "16", "-c", "1", str(path), "synth", str(SWEEP_SECONDS)]
    subprocess.run([*make, "sine", "300:2800", "gain", "-6"], check=True)
    yield path
    path.unlink()


async def test_both_trunks_are_qualified_and_registered(lab: Lab) -> None:
    for trunk in ("acme-primary", "acme-backup"):
        assert await lab.pbx.trunk_reachable(trunk)
        assert await lab.pbx.trunk_registered(trunk)


@pytest.mark.parametrize("trunk", ["primary", "backup"])
async def test_a_caller_hears_what_the_pbx_plays(lab: Lab, sweep: Path, trunk: str) -> None:
    await lab.pbx.db_put("lab", "playback", "/sounds/lab-sweep")
    call = await lab.carrier.call("5550900", trunk=trunk, label="lab-heard")
    await call.answered()
    assert (await call.ended()).cause == 16
    assert match(await call.recorded(), sweep).score > 0.9


async def test_a_customer_the_pbx_calls_hears_it_too(lab: Lab, sweep: Path) -> None:
    await lab.carrier.phone("15550009999", mode="answer", ring=1, label="lab-called")
    await lab.pbx.originate("PJSIP/15550009999@acme-primary", "Playback", "/sounds/lab-sweep")
    phone = await lab.carrier.expect_call("15550009999")
    await phone.answered()
    await phone.ended()
    assert match(await phone.recorded(), sweep).score > 0.9


async def test_a_gap_of_two_seconds_is_two_seconds_in_the_recording(lab: Lab, sweep: Path) -> None:
    await lab.pbx.db_put("lab", "playback", "/sounds/lab-sweep")
    call = await lab.carrier.call("5550901", label="lab-gap")
    await call.ended()
    recording = await call.recorded()
    assert longest_silence(recording, 1.0) == pytest.approx(2.0, abs=0.15)
    assert len(load(recording)) / 8000 == pytest.approx(2 * SWEEP_SECONDS + 2, abs=0.2)


async def test_keys_arrive_once_each_and_in_order(lab: Lab) -> None:
    call = await lab.carrier.call("5550902", number="15550001111")
    await call.answered()
    since = lab.pbx.ami.mark()
    await call.press("1290#")  # Read ends at #, which it does not return
    await lab.pbx.ami.wait_for(lambda e: e["UserEvent"] == "LabDigit" and e["Digit"] == "0", "the key 0", 5, since)
    digits = [(e["Digit"], e["Caller"]) for e in lab.pbx.ami.events(since) if e["UserEvent"] == "LabDigit"]
    assert digits[:4] == [(digit, "15550001111") for digit in "1290"]
    await call.hangup()


async def test_a_withheld_number_does_not_reach_the_pbx(lab: Lab) -> None:
    call = await lab.carrier.call("5550902", number=None)
    await call.answered()
    since = lab.pbx.ami.mark()
    await call.press("5")
    seen = await lab.pbx.ami.wait_for(lambda e: e["UserEvent"] == "LabDigit", "the key", 5, since)
    assert (seen["CallerIDNum"], seen["Caller"]) == ("anonymous", "")
    await call.hangup()


@pytest.mark.parametrize(("mode", "cause"), [("busy", 17), ("reject", 21), ("unallocated", 1)])
async def test_a_phone_that_refuses_says_why(lab: Lab, mode: str, cause: int) -> None:
    await lab.carrier.phone("15550008888", mode=mode)
    since = lab.pbx.ami.mark()
    await lab.pbx.originate("PJSIP/15550008888@acme-backup", "Wait", "1")
    ended = await lab.pbx.ami.wait_for(lambda e: e.name == "Hangup", "the refusal", 10, since)
    assert int(ended["Cause"]) == cause


async def test_a_customers_scripted_keys_reach_the_pbx(lab: Lab) -> None:
    await lab.carrier.phone("15550007777", mode="answer", ring=0, keys="W7")
    since = lab.pbx.ami.mark()
    await lab.pbx.originate("PJSIP/15550007777@acme-primary", "Wait", "10")
    phone = await lab.carrier.expect_call("15550007777")
    await phone.answered()
    await lab.pbx.ami.wait_for(
        lambda e: e.name == "DTMFEnd" and e["Direction"] == "Received" and e["Digit"] == "7", "the key 7", 5, since
    )
    await phone.hangup()


async def test_a_phone_nobody_answers_rings(lab: Lab) -> None:
    await lab.carrier.phone("15550006666", mode="noanswer")
    await lab.pbx.originate("PJSIP/15550006666@acme-primary", "Wait", "1", timeout=20)
    phone = await lab.carrier.expect_call("15550006666")
    with pytest.raises(NotSeen):
        await phone.answered(deadline=2)
    await phone.hangup()


async def test_a_cut_trunk_is_seen_and_so_is_its_return(lab: Lab) -> None:
    since = lab.pbx.ami.mark()
    await lab.carrier.cut("primary")
    await lab.pbx.trunk_becomes("acme-primary", "Unreachable", since=since)
    assert not await lab.pbx.trunk_reachable("acme-primary")
    assert await lab.pbx.trunk_reachable("acme-backup")
    since = lab.pbx.ami.mark()
    await lab.carrier.restore("primary")
    await lab.pbx.trunk_becomes("acme-primary", "Reachable", since=since)


async def test_agents_come_and_go_and_are_known_by_their_tone(lab: Lab) -> None:
    assert await lab.pbx.device_state("101") == "UNAVAILABLE"
    for agent, did, hz in (("101", "5550911", 440), ("102", "5550912", 660)):
        await lab.carrier.agent_arrives(agent)
        await lab.pbx.agent_becomes(agent, "NOT_INUSE")
        call = await lab.carrier.call(did, label=f"lab-agent-{agent}")
        phone = await lab.carrier.expect_call(agent)
        await phone.answered()
        await lab.pbx.agent_becomes(agent, "INUSE")
        await call.answered()
        with pytest.raises(NotSeen):
            await call.ended(deadline=1.5)
        await call.hangup()
        await phone.ended()
        assert tone(await call.recorded(), hz, 0.3, 1.3) > 0.9
        assert tone(call.recording, 1100 - hz, 0.3, 1.3) < 0.1
        await lab.carrier.agent_leaves(agent)
        await lab.pbx.agent_becomes(agent, "UNAVAILABLE")
