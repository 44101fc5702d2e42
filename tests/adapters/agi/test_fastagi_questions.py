"""What the dialplan asks about a caller and then carries out alone: what to say, and what became of a key."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from agi.desk import Next, Receipt, Treatment
from agi.server import End
from tests.adapters.agi.fastagi_peer import (
    KEYS,
    MORE,
    NEWS,
    OK,
    SAY,
    THANKS,
    House,
    Peer,
    front_desk,
    heard,
    until,
)

ARGUMENTS = {"status": {}, "unanswered": {}, "pressed": {"arg_4": "", "arg_5": "", "arg_6": "2"}}
ASKED = {"status": ("status",), "unanswered": ("unanswered",), "pressed": ("pressed", "2")}
COMMANDS = {"status": 3, "unanswered": 3, "pressed": 2}  # the receipt among them
IMPATIENT = {"request_within": 0.2, "answer_within": 0.2, "margin": 0.4}

every_question = pytest.mark.parametrize("script", ARGUMENTS)
in_the_middle = pytest.mark.parametrize(
    ("script", "answered"), [(script, n) for script, count in COMMANDS.items() for n in range(count)]
)


async def ask(house: House, script: str, *replies: bytes, **changed: str) -> list[str]:
    async with front_desk(house) as server:
        return await (await Peer.call(server, script, **{**ARGUMENTS[script], **changed})).talk(*replies)


def left_a_receipt(commands: list[str]) -> bool:
    return any("KL_NEXT" in command for command in commands)


@pytest.mark.parametrize("script", ["status", "unanswered"])
async def test_what_to_say_is_named_in_order_and_left_to_the_dialplan(script: str) -> None:
    house = House(treatment=Treatment(audio=(NEWS, MORE), keys="012"))
    assert await ask(house, script) == [SAY.format("a" * 64 + "-" + "b" * 64), KEYS.format("012"), heard(Next.SAY)]
    assert house.asked == [(script,)]


@pytest.mark.parametrize("script", ["status", "unanswered"])
async def test_no_keys_are_said_to_be_none(script: str) -> None:
    """The variable may hold what was offered on the way in."""
    assert await ask(House(treatment=Treatment(audio=(NEWS,))), script) == [
        SAY.format(NEWS.name),
        KEYS.format(""),
        heard(Next.SAY),
    ]


@pytest.mark.parametrize("then", [Next.CONTINUE, Next.HANGUP])
@pytest.mark.parametrize("script", ["status", "unanswered"])
async def test_nothing_to_say_costs_one_command(script: str, then: Next) -> None:
    assert await ask(House(treatment=Treatment(keys="1", then=then)), script) == [heard(then)]


@pytest.mark.parametrize("key", "0123456789*#")
async def test_a_key_is_asked_about_once_and_its_receipt_names_the_confirmation(key: str) -> None:
    house = House(receipt=Receipt(audio=(THANKS,), then=Next.HANGUP))
    assert await ask(house, "pressed", arg_6=key) == [SAY.format(THANKS.name), heard(Next.HANGUP)]
    assert house.asked == [("pressed", key)]
    assert [caller.key for caller in house.callers] == [key]


async def test_a_receipt_without_words_takes_back_those_that_were_said_before() -> None:
    assert await ask(House(receipt=Receipt(then=Next.CONTINUE)), "pressed") == [SAY.format(""), heard(Next.CONTINUE)]


@pytest.mark.parametrize("wrong", ["", "12", "A", "x", " ", "1 ", "\u0661", "${EXTEN}"])
async def test_what_is_no_key_is_refused_and_nothing_is_asked(wrong: str) -> None:
    house = House()
    with capture_logs() as logs:
        async with front_desk(house) as server:
            assert await (await Peer.call(server, "pressed", arg_4="", arg_5="", arg_6=wrong)).talk() == []
            assert server.ends == {End.REFUSED: 1}
    assert house.callers == []
    [reason] = [log["reason"] for log in logs if "reason" in log]
    assert "agi_arg_6" in reason


async def test_an_old_dialplan_that_names_no_key_is_refused() -> None:
    house = House()
    async with front_desk(house) as server:
        assert await (await Peer.call(server, "pressed")).talk() == []
        assert server.ends == {End.REFUSED: 1}
    assert house.callers == []


async def test_a_key_is_stored_before_anything_is_left_about_it() -> None:
    stored = asyncio.Event()
    house = House(before=lambda _: stored.wait())
    async with front_desk(house) as server:
        peer = await Peer.call(server, "pressed", arg_6="1")
        await until(lambda: len(house.callers) == 1)
        first = asyncio.ensure_future(peer.command())
        await asyncio.wait({first}, timeout=0.2)
        assert not first.done()
        stored.set()
        assert await first == SAY.format(THANKS.name)
        assert house.asked == [("pressed", "1")]
        peer.send(OK)
        assert await peer.talk() == [heard(Next.HANGUP)]


async def test_a_key_counts_although_the_caller_hangs_up_meanwhile() -> None:
    stored = asyncio.Event()
    house = House(before=lambda _: stored.wait())
    async with front_desk(house) as server:
        peer = await Peer.call(server, "pressed", arg_6="1")
        await until(lambda: len(house.callers) == 1)
        await peer.close()
        stored.set()
        await until(lambda: server.ends == {End.GONE: 1})
    assert house.asked == [("pressed", "1")]


@every_question
async def test_a_desk_that_is_late_leaves_no_receipt(script: str) -> None:
    answer = asyncio.Event()
    house = House(before=lambda _: answer.wait())
    async with front_desk(house, **IMPATIENT) as server:
        assert await (await Peer.call(server, script, **ARGUMENTS[script])).talk() == []
        assert server.ends == {End.FAILED: 1}
        assert house.asked == []
        answer.set()
        await asyncio.sleep(0)
    # What was only a question is given up; what was pressed is written down all the same.
    assert house.asked == ([ASKED["pressed"]] if script == "pressed" else [])


@every_question
async def test_a_bug_in_the_desk_leaves_no_receipt(script: str) -> None:
    def bug(_: str) -> None:
        raise KeyError("no such line")

    with capture_logs() as logs:
        async with front_desk(House(before=bug)) as server:
            assert await (await Peer.call(server, script, **ARGUMENTS[script])).talk() == []
            assert server.ends == {End.BROKEN: 1}
    assert [log["event"] for log in logs if log["log_level"] == "error"] == [
        "A script failed: its caller hears the fallback"
    ]


@in_the_middle
@pytest.mark.parametrize("cut", ["hangup", "close", "half-close", "reset"])
async def test_a_caller_may_hang_up_at_any_point(script: str, answered: int, cut: str) -> None:
    house = House()
    with capture_logs() as logs:
        async with front_desk(house) as server:
            peer = await Peer.call(server, script, **ARGUMENTS[script])
            for _ in range(answered):
                assert await peer.command()
                peer.send(OK)
            assert await peer.command()
            if cut == "hangup":
                peer.send(b"HANGUP\n")
            elif cut == "half-close":
                peer.half_close()
            elif cut == "reset":
                peer.reset()
            await peer.close()
            await until(lambda: server.ends.total() == 1)
            assert server.ends == {End.GONE: 1}
    assert house.asked == [ASKED[script]]
    assert not [log for log in logs if log["log_level"] in ("warning", "error", "critical")]


@in_the_middle
@pytest.mark.parametrize(
    ("reply", "end"),
    [
        (b"510 Invalid or unknown command\n", End.FAILED),
        (b"511 Command Not Permitted on a dead channel\n", End.GONE),
        (b"garbage\n", End.FAILED),
    ],
)
async def test_a_bad_reply_at_any_point_ends_it_there(script: str, answered: int, reply: bytes, end: End) -> None:
    async with front_desk(House()) as server:
        commands = await (await Peer.call(server, script, **ARGUMENTS[script])).talk(*[OK] * answered, reply)
        assert server.ends == {end: 1}
    assert len(commands) == answered + 1
    assert left_a_receipt(commands) is (answered == COMMANDS[script] - 1)


@in_the_middle
async def test_a_pbx_that_never_answers_is_given_up(script: str, answered: int) -> None:
    async with front_desk(House(), **IMPATIENT) as server:
        peer = await Peer.call(server, script, **ARGUMENTS[script])
        for _ in range(answered):
            assert await peer.command()
            peer.send(OK)
        assert await peer.command()
        assert await peer.command() == ""
        await peer.close()
        assert server.ends == {End.FAILED: 1}
