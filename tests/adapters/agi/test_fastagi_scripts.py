"""What a customer whom we called goes through, and a rehearsal, as the commands Asterisk is sent."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from agi.desk import Caller, Next, Receipt, Treatment
from agi.server import End
from tests.adapters.agi.fastagi_peer import (
    END_OF_FILE,
    MORE,
    NEWS,
    OK,
    RENEW,
    THANKS,
    House,
    Peer,
    front_desk,
    heard,
)

PLAY_NEWS = f'STREAM FILE "{NEWS.url}" "12"'
PLAY_MORE = f'STREAM FILE "{MORE.url}" "12"'
PLAY_THANKS = f'STREAM FILE "{THANKS.url}" ""'
KEY_1 = b"200 result=49 endpos=8000\n"


async def session(house: House, *replies: bytes, script: str = "callback", **changed: str) -> list[str]:
    async with front_desk(house) as server:
        return await (await Peer.call(server, script, **changed)).talk(*replies)


async def test_who_presses_nothing_hears_all_and_the_call_goes_on() -> None:
    house = House(treatment=Treatment(audio=(NEWS, MORE), keys="12", wait=4.0, then=Next.CONTINUE))
    assert await session(house) == [
        RENEW.format(8),  # 4.2 s of news and the margin of 3 s, rounded up
        PLAY_NEWS,
        RENEW.format(4),
        PLAY_MORE,
        RENEW.format(7),
        "WAIT FOR DIGIT 4000",
        heard(Next.CONTINUE),
    ]
    assert house.asked == [("callback",)]


async def test_only_one_round_trip_comes_before_the_first_audio() -> None:
    assert (await session(House())).index(PLAY_NEWS) == 1


async def test_a_key_ends_the_playing_and_is_stored_before_it_is_confirmed() -> None:
    house = House(
        treatment=Treatment(audio=(NEWS, MORE), keys="12"), receipt=Receipt(audio=(THANKS,), then=Next.HANGUP)
    )
    assert await session(house, OK, KEY_1) == [
        RENEW.format(8),
        PLAY_NEWS,
        RENEW.format(5),
        PLAY_THANKS,
        heard(Next.HANGUP),
    ]
    assert house.asked == [("callback",), ("callback_pressed", "1")]


async def test_a_key_after_the_audio_counts_as_well() -> None:
    house = House()
    commands = await session(house, OK, END_OF_FILE, OK, b"200 result=50\n")
    assert house.asked == [("callback",), ("callback_pressed", "2")]
    assert commands[-2:] == [PLAY_THANKS, heard(Next.HANGUP)]


async def test_a_key_that_means_nothing_does_not_end_the_wait() -> None:
    house = House()
    commands = await session(house, OK, END_OF_FILE, OK, b"200 result=57\n", b"200 result=49\n")
    waits = [command for command in commands if command.startswith("WAIT")]
    assert len(waits) == 2
    assert int(waits[1].split()[-1]) <= 4000
    assert house.asked == [("callback",), ("callback_pressed", "1")]


async def test_nothing_to_say_costs_one_command() -> None:
    assert await session(House(treatment=Treatment(keys="1", then=Next.HANGUP))) == [heard(Next.HANGUP)]


async def test_without_keys_nobody_is_kept_waiting() -> None:
    commands = await session(House(treatment=Treatment(audio=(NEWS,), then=Next.HANGUP)))
    assert commands == [RENEW.format(8), f'STREAM FILE "{NEWS.url}" ""', heard(Next.HANGUP)]


async def test_a_customer_accepts_a_callback() -> None:
    house = House(treatment=Treatment(audio=(NEWS,), keys="12", then=Next.HANGUP), receipt=Receipt(then=Next.CONNECT))
    commands = await session(house, OK, KEY_1, arg_4="attempt-7")
    assert commands == [RENEW.format(8), PLAY_NEWS, heard(Next.CONNECT)]
    assert house.asked == [("callback",), ("callback_pressed", "1")]
    assert house.callers[0] == Caller(
        pbx="pbx-1",
        channel="PJSIP/carrier-00000001",
        uniqueid="1767225600.1",
        line="support",
        number="+441632960123",
        attempt="attempt-7",
    )


async def test_a_callback_nobody_accepts_was_not_heard() -> None:
    house = House(treatment=Treatment(audio=(NEWS,), keys="1", then=Next.HANGUP))
    assert (await session(house))[-1] == heard(Next.HANGUP)
    assert house.asked == [("callback",)]


async def test_news_played_to_the_end_was_heard() -> None:
    house = House(treatment=Treatment(audio=(NEWS, MORE), then=Next.HANGUP))
    assert (await session(house))[-1] == heard(Next.HANGUP)
    assert house.asked == [("callback",), ("callback_heard",)]


@pytest.mark.parametrize("cut", [b"200 result=-1 endpos=8000\n", b"HANGUP\n", b"511 Command Not Permitted\n"])
async def test_news_cut_short_by_a_hang_up_was_not_heard(cut: bytes) -> None:
    house = House(treatment=Treatment(audio=(NEWS,), then=Next.HANGUP))
    assert heard(Next.HANGUP) not in await session(house, OK, cut)
    assert house.asked == [("callback",)]


@pytest.mark.parametrize("failed", [b"200 result=-1 endpos=0\n", b"200 result=0 endpos=0\n"])
async def test_a_recording_that_cannot_be_opened_leaves_no_receipt(failed: bytes) -> None:
    with capture_logs() as logs:
        async with front_desk(House()) as server:
            commands = await (await Peer.call(server)).talk(OK, failed)
            assert server.ends == {End.FAILED: 1}
    assert commands[-1] == f'VERBOSE "Keepline: cannot play {NEWS.url}" 1'
    assert [log["reason"] for log in logs if log["log_level"] == "warning"] == [
        f"the recording could not be played: {NEWS.url}"
    ]


async def test_a_hang_up_at_the_first_sample_is_not_taken_for_a_missing_recording() -> None:
    async with front_desk(House()) as server:
        await (await Peer.call(server)).talk(OK, b"200 result=-1 endpos=0\nHANGUP\n")
        assert server.ends == {End.GONE: 1}


async def test_a_rehearsal_tells_which_recordings_can_be_played() -> None:
    house = House(urls=("http://a", "http://b", "http://c", "http://d"))
    commands = await session(
        house,
        *(OK, b"200 result=0 endpos=32000\n"),
        *(OK, b"200 result=-1 endpos=2000000000\n"),
        *(OK, b"200 result=0 endpos=2000000000\n"),  # how old versions say the same
        *(OK, b"520 Invalid command syntax.\n"),
        script="rehearse",
        arg_3="",
    )
    playable: dict[str, Any] = {"http://a": True, "http://b": False, "http://c": False, "http://d": False}
    assert house.asked == [("rehearsal",), ("rehearsed", playable)]
    assert commands[:2] == [RENEW.format(13), 'STREAM FILE "http://a" "" 2000000000']
    assert commands[-2:] == ['VERBOSE "Keepline: 1 of 4 recordings can be played" 3', heard(Next.HANGUP)]


async def test_a_rehearsal_cut_short_tells_nothing() -> None:
    house = House(urls=("http://a",))
    await session(house, OK, b"200 result=-1 endpos=2000000000\nHANGUP\n", script="rehearse")
    assert house.asked == [("rehearsal",)]
