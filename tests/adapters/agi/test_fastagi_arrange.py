"""A caller arranges a call back, as the commands Asterisk is sent: asked, stored, and confirmed whatever happens."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from agi.desk import Caller, Next, Question, Receipt
from agi.server import End
from tests.adapters.agi.fastagi_peer import (
    ASK,
    END_OF_FILE,
    NEWS,
    OK,
    RENEW,
    THANKS,
    House,
    Peer,
    front_desk,
    heard,
    until,
)

NOTED = 'SET VARIABLE "KL_NOTED" "yes"'
WHAT = Question(audio=(NEWS,), keys="0123", noted=True)
NUMBER = Question(audio=(ASK,), digits=18, noted=True)
END = Receipt(audio=(THANKS,), noted=True)


@dataclass
class Arranger(House):
    """A desk with its questions; `answers` is what it was told."""

    questions: list[Question | Receipt] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def arrange(self, caller: Caller) -> Question | Receipt:
        await self._note(caller, "arrange")
        return self.questions.pop(0)

    async def arranged(self, caller: Caller, answer: str) -> Question | Receipt:
        self.answers.append(answer)
        await self._note(caller, "arranged", answer)
        return self.questions.pop(0)


def key(digit: str) -> bytes:
    return f"200 result={ord(digit)}\n".encode()


def stops_at(digit: str) -> bytes:
    return f"200 result={ord(digit)} endpos=800\n".encode()


async def talk(house: House, *replies: bytes) -> list[str]:
    async with front_desk(house) as server:
        commands = await (await Peer.call(server, "arrange")).talk(*replies)
        assert server.ends.total() == 1
        return commands


async def test_a_number_is_keyed_in_with_its_zeros_and_the_dialplan_knows_that_the_wish_is_stored() -> None:
    house = Arranger(questions=[WHAT, NUMBER, END])
    # told that it is stored, then two recordings: ended by a key, and by the first digit
    commands = await talk(house, OK, OK, stops_at("2"), OK, stops_at("0"), OK, key("0"), key("4"), key("9"), key("#"))
    assert commands[0] == NOTED, "before anything is said"
    assert commands.count(NOTED) == 1
    assert house.answers == ["2", "0049"]
    assert commands[-3:] == [RENEW.format(5), f'STREAM FILE "{THANKS.url}" ""', heard(Next.HANGUP)]


async def test_before_anything_is_stored_the_dialplan_is_told_nothing() -> None:
    nothing = Question(audio=(ASK,), digits=18)
    commands = await talk(Arranger(questions=[nothing, Receipt(audio=(THANKS,), then=Next.CONTINUE)]))
    assert NOTED not in commands
    assert commands[-1] == heard(Next.CONTINUE)


async def test_it_is_told_as_soon_as_something_is() -> None:
    first = Question(audio=(ASK,), digits=18)
    commands = await talk(Arranger(questions=[first, WHAT, END]))
    assert commands.index(NOTED) < commands.index(f'STREAM FILE "{NEWS.url}" "0123"')
    assert commands.count(NOTED) == 1


async def test_silence_is_an_answer() -> None:
    house = Arranger(questions=[WHAT, END])
    await talk(house)
    assert house.answers == [""]


@pytest.mark.parametrize("answered", range(6))
async def test_whoever_hangs_up_at_any_point_leaves_no_receipt_and_no_alarm(answered: int) -> None:
    house = Arranger(questions=[WHAT, NUMBER, END])
    replies = [OK, OK, stops_at("2"), OK, END_OF_FILE, OK]
    async with front_desk(house) as server:
        peer = await Peer.call(server, "arrange")
        for reply in replies[:answered]:
            assert await peer.command()
            peer.send(reply)
        assert await peer.command()
        peer.send(b"HANGUP\n")
        await peer.close()
        await until(lambda: server.ends.total() == 1)
        assert server.ends == {End.GONE: 1}


async def test_a_desk_that_fails_leaves_the_confirmation_to_the_dialplan() -> None:
    def bug(what: str) -> None:
        if what == "arranged":
            raise RuntimeError("a bug")

    commands = await talk(Arranger(questions=[WHAT], before=bug), OK, OK, stops_at("1"))
    assert commands[0] == NOTED
    assert not any("KL_NEXT" in command for command in commands)
