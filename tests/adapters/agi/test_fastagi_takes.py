"""An operator speaks what callers hear, as the commands Asterisk is sent; and callers who want to hear it again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from agi.desk import Next, Receipt, Take, Treatment
from agi.scripts.conversation import MOST_TIMES
from agi.scripts.declare import MOST_TAKES
from agi.server import End
from tests.adapters.agi.fastagi_peer import (
    AGAIN,
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
    usual,
)
from tests.unit.agi.test_takes import Pbx

STANDS = Treatment(audio=(NEWS,), keys="12", wait=8.0, then=Next.HANGUP)
TAKE = Take(audio=(MORE,), seconds=20.0)
BACK = Treatment(audio=(AGAIN,), keys="12", wait=8.0, then=Next.HANGUP)
FILE = "/var/spool/asterisk/keepline-1"
RECORD = f'RECORD FILE "{FILE}" "ulaw" "#" 20000 BEEP s=3'
SPOKEN = bytes(range(256)) * 20


class Asterisk:
    """Presses `keys` one after the other where keys are taken, and has recorded `spoken`."""

    def __init__(
        self, keys: str, spoken: bytes = SPOKEN, recorded: bytes = b"200 result=35 (dtmf) endpos=5120\n"
    ) -> None:
        self.keys, self.pbx, self.recorded = list(keys), Pbx(spoken), recorded
        self.commands: list[str] = []

    async def answer(self, command: str) -> bytes:
        self.commands.append(command)
        if command.startswith("GET FULL VARIABLE"):
            expression = command.partition('"')[2].removesuffix('"')
            if expression == "${KL_TAKE}":
                return f"200 result=1 ({FILE})\n".encode()
            return f"200 result=1 ({await self.pbx.value(expression)})\n".encode()
        if command.startswith("RECORD FILE"):
            return self.recorded
        if command.startswith("WAIT FOR DIGIT") and self.keys:
            return f"200 result={ord(self.keys.pop(0))}\n".encode()
        return usual(command)

    async def speaks_with(self, house: House, **settings: float) -> dict[End, int]:
        async with front_desk(house, **settings) as server:
            peer = await Peer.call(server, "declare")
            while command := await peer.command():
                peer.send(await self.answer(command))
            await peer.close()
            return dict(server.ends)


ADMITTED = "0420#"  # the PIN


async def test_an_operator_speaks_hears_it_back_and_puts_it_on_the_line() -> None:
    house = House(treatment=STANDS, take=TAKE, back=[BACK])
    asterisk = Asterisk(ADMITTED + "2" + "1")
    assert await asterisk.speaks_with(house) == {End.FINISHED: 1}
    assert house.asked == [
        ("operator", ""),
        ("operator", "0420"),
        ("ordered", "2"),
        ("taken", SPOKEN),
        ("approved", "1"),
    ]
    spoke = asterisk.commands.index(RECORD)
    assert asterisk.commands[spoke - 4 : spoke + 3] == [
        RENEW.format(4),
        f'STREAM FILE "{MORE.url}" ""',
        'GET FULL VARIABLE "${KL_TAKE}"',
        RENEW.format(24),  # 20 s, a second for the tone, and the margin
        RECORD,
        RENEW.format(18),
        f'GET FULL VARIABLE "${{STAT(s,{FILE}.ulaw)}}"',
    ]
    back = asterisk.commands.index(f'STREAM FILE "{AGAIN.url}" "12"')
    assert asterisk.commands[back - 2] == RENEW.format(8)  # what the desk may take, and the margin
    assert asterisk.commands[-2:] == [f'STREAM FILE "{THANKS.url}" ""', heard(Next.HANGUP)]


async def test_an_operator_may_speak_again_before_and_after_hearing_it() -> None:
    house = House(treatment=STANDS, take=TAKE, back=[TAKE, BACK, BACK])
    asterisk = Asterisk(ADMITTED + "2" + "2" + "1")
    assert await asterisk.speaks_with(house) == {End.FINISHED: 1}
    assert [what[0] for what in house.asked] == [
        *("operator", "operator", "ordered"),
        *("taken", "taken", "approved", "taken", "approved"),
    ]
    assert asterisk.commands.count(RECORD) == 3


async def test_whoever_chooses_nothing_changes_nothing() -> None:
    house = House(treatment=STANDS, take=TAKE, back=[BACK])
    asterisk = Asterisk(ADMITTED + "2")
    assert await asterisk.speaks_with(house) == {End.FINISHED: 1}
    assert house.asked[-1] == ("taken", SPOKEN)
    assert asterisk.commands[-1] == heard(Next.HANGUP)


async def test_what_was_spoken_may_take_longer_to_answer_than_other_questions_before_and_after() -> None:
    def slow(what: str) -> Coroutine[Any, Any, None] | None:
        return asyncio.sleep(0.6) if what in slowly else None

    house, slowly = House(treatment=STANDS, take=TAKE, back=[BACK], before=slow), {"taken"}
    assert await Asterisk(ADMITTED + "2" + "1").speaks_with(house, answer_within=0.2) == {End.FINISHED: 1}
    house, slowly = House(treatment=STANDS, take=TAKE, back=[BACK], before=slow), {"taken", "approved"}
    assert await Asterisk(ADMITTED + "2" + "1").speaks_with(house, answer_within=0.2) == {End.FAILED: 1}
    assert house.asked[-1] == ("approved", "1")  # written down all the same


async def test_nobody_is_asked_to_speak_for_ever() -> None:
    house = House(treatment=STANDS, take=TAKE, back=[TAKE] * (MOST_TAKES + 1))
    asterisk = Asterisk(ADMITTED + "2")
    assert await asterisk.speaks_with(house) == {End.FINISHED: 1}
    assert asterisk.commands.count(RECORD) == MOST_TAKES
    assert asterisk.commands[-1] == heard(Next.HANGUP)


@pytest.mark.parametrize("spoken", [b"", b"x" * 200_000])
async def test_silence_and_more_than_was_allowed_come_as_nothing(spoken: bytes) -> None:
    house = House(treatment=STANDS, take=TAKE, back=[BACK])
    await Asterisk(ADMITTED + "2" + "1", spoken).speaks_with(house)
    assert ("taken", b"") in house.asked


@pytest.mark.parametrize(
    "recorded",
    [b"200 result=-1 (hangup) endpos=800\nHANGUP\n", b"HANGUP\n", b"200 result=-1 (hangup) endpos=0\nHANGUP\n"],
)
async def test_an_operator_may_hang_up_while_speaking(recorded: bytes) -> None:
    house = House(treatment=STANDS, take=TAKE)
    assert await Asterisk(ADMITTED + "2", recorded=recorded).speaks_with(house) == {End.GONE: 1}
    assert house.asked[-1] == ("ordered", "2")


@pytest.mark.parametrize("recorded", [b"200 result=-1 (writefile)\n", b"200 result=-1 (randomerror) endpos=0\n"])
async def test_a_pbx_that_cannot_record_is_a_failure_that_is_told(recorded: bytes) -> None:
    house = House(treatment=STANDS, take=TAKE)
    asterisk = Asterisk(ADMITTED + "2", recorded=recorded)
    assert await asterisk.speaks_with(house) == {End.FAILED: 1}
    assert heard(Next.HANGUP) not in asterisk.commands


async def test_a_dialplan_of_before_names_no_file_and_nothing_is_recorded() -> None:
    class Old(Asterisk):
        async def answer(self, command: str) -> bytes:
            return b"200 result=0\n" if "KL_TAKE" in command else await super().answer(command)

    asterisk = Old(ADMITTED + "2")
    assert await asterisk.speaks_with(House(treatment=STANDS, take=TAKE)) == {End.FAILED: 1}
    assert not [command for command in asterisk.commands if command.startswith("RECORD")]


async def test_an_order_that_asks_for_no_words_is_carried_out_as_before() -> None:
    house = House(treatment=STANDS, take=TAKE, receipt=Receipt(audio=(THANKS,), then=Next.HANGUP))
    asterisk = Asterisk(ADMITTED + "1")
    assert await asterisk.speaks_with(house) == {End.FINISHED: 1}
    assert house.asked[-1] == ("ordered", "1")


@pytest.mark.parametrize("pressed", [b"200 result=48 endpos=8000\n", END_OF_FILE])
async def test_zero_plays_all_of_it_again(pressed: bytes) -> None:
    """During the audio, or after it; then another key counts as ever."""
    house = House(treatment=Treatment(audio=(NEWS, MORE), keys="012", wait=4.0))
    first = [OK, pressed] if pressed != END_OF_FILE else [OK, END_OF_FILE, OK, END_OF_FILE, OK, b"200 result=48\n"]
    async with front_desk(house) as server:
        commands = await (await Peer.call(server)).talk(*first, OK, b"200 result=49 endpos=8000\n")
    played = [command for command in commands if command.startswith("STREAM FILE")]
    news, more = f'STREAM FILE "{NEWS.url}" "012"', f'STREAM FILE "{MORE.url}" "012"'
    thanks = f'STREAM FILE "{THANKS.url}" ""'
    assert played == [news, *([more] if pressed == END_OF_FILE else []), news, thanks]
    assert house.asked == [("callback",), ("callback_pressed", "1")]


async def test_nobody_hears_the_same_for_ever() -> None:
    house = House(treatment=replace(STANDS, audio=(NEWS,), keys="01", then=Next.CONTINUE))
    async with front_desk(house) as server:
        commands = await (await Peer.call(server)).talk(*[OK, b"200 result=48 endpos=1\n"] * (MOST_TIMES + 5))
        assert server.ends == {End.FINISHED: 1}
    assert len([command for command in commands if command.startswith("STREAM")]) == MOST_TIMES
    assert commands[-1] == heard(Next.CONTINUE)
    assert house.asked == [("callback",)]


async def test_where_zero_is_not_offered_it_means_nothing() -> None:
    house = House(treatment=Treatment(audio=(NEWS,), keys="1", wait=4.0))
    async with front_desk(house) as server:
        commands = await (await Peer.call(server)).talk(OK, END_OF_FILE, OK, b"200 result=48\n", b"200 result=49\n")
    assert commands.count(f'STREAM FILE "{NEWS.url}" "1"') == 1
    assert house.asked == [("callback",), ("callback_pressed", "1")]
