"""An operator at the telephone, as the commands Asterisk is sent: the PIN, the choice, the receipt."""

import asyncio

import pytest
from structlog.testing import capture_logs

from agi.desk import Next, Treatment
from agi.scripts.declare import MOST_DIGITS
from agi.server import End
from tests.adapters.agi.fastagi_peer import (
    AGAIN,
    ASK,
    END_OF_FILE,
    NEWS,
    OK,
    REFUSED,
    RENEW,
    THANKS,
    House,
    Peer,
    front_desk,
    heard,
    until,
    usual,
)

STANDS = Treatment(audio=(NEWS,), keys="13", wait=8.0, then=Next.HANGUP)
PLAY_ASK = f'STREAM FILE "{ASK.url}" "#*0123456789"'
PLAY_AGAIN = f'STREAM FILE "{AGAIN.url}" "#*0123456789"'
PLAY_REFUSED = f'STREAM FILE "{REFUSED.url}" ""'
PLAY_NEWS = f'STREAM FILE "{NEWS.url}" "13"'
PLAY_THANKS = f'STREAM FILE "{THANKS.url}" ""'
WAIT = "WAIT FOR DIGIT 5000"
NOTHING = b"200 result=0\n"


def key(digit: str, endpos: int | None = None) -> bytes:
    return f"200 result={ord(digit)}{'' if endpos is None else f' endpos={endpos}'}\n".encode()


def keyed(digits: str) -> list[bytes]:
    """Digits during the wait, as many as there are, each with the reply to the handle's renewal where that comes."""
    return [OK, *(key(digit) for digit in digits)]


# The whole of a call: arrival, PIN in time with its #, the choice, the receipt.
WHOLE = [OK, END_OF_FILE, *keyed("0420#"), OK, key("1", 8000), OK, END_OF_FILE]


async def talk(house: House, *replies: bytes) -> list[str]:
    async with front_desk(house) as server:
        commands = await (await Peer.call(server, "declare")).talk(*replies)
        assert server.ends.total() == 1
        return commands


async def test_a_right_pin_a_choice_and_a_receipt() -> None:
    house = House(treatment=STANDS)
    assert await talk(house, *WHOLE) == [
        RENEW.format(6),
        PLAY_ASK,
        RENEW.format(18),  # for three keys of 5 s and the margin of 3 s
        *[WAIT] * 5,
        RENEW.format(8),
        PLAY_NEWS,
        RENEW.format(5),
        PLAY_THANKS,
        heard(Next.HANGUP),
    ]
    assert house.asked == [("operator", ""), ("operator", "0420"), ("ordered", "1")]


async def test_a_key_during_the_prompt_ends_it_and_is_the_first_digit() -> None:
    house = House(treatment=STANDS)
    commands = await talk(house, OK, key("0", 800), OK, key("4"), key("2"), key("0"), NOTHING, OK, key("3", 1))
    assert commands[1:7] == [PLAY_ASK, RENEW.format(18), *[WAIT] * 4]
    assert house.asked == [("operator", ""), ("operator", "0420"), ("ordered", "3")]


async def test_whoever_listens_and_hangs_up_or_presses_another_key_changes_nothing() -> None:
    house = House(treatment=STANDS)
    commands = await talk(house, *WHOLE[:8], OK, END_OF_FILE, OK, key("2"), NOTHING)
    assert commands[-1] == heard(Next.HANGUP)
    assert house.asked == [("operator", ""), ("operator", "0420")]


async def test_three_wrong_pins_and_no_more() -> None:
    house = House(treatment=STANDS)
    wrong = [OK, END_OF_FILE, *keyed("1111#")]
    commands = await talk(house, *wrong * 3)
    assert [command for command in commands if command.startswith("STREAM")] == [
        PLAY_ASK,
        PLAY_AGAIN,
        PLAY_AGAIN,
        PLAY_REFUSED,
    ]
    assert commands[-1] == heard(Next.HANGUP)
    assert house.asked == [("operator", ""), *[("operator", "1111")] * 3]


async def test_nobody_who_keys_nothing_is_asked_for_ever() -> None:
    house = House(treatment=STANDS)
    commands = await talk(house)
    assert commands.count(PLAY_ASK) == 3
    assert commands[-2:] == [PLAY_REFUSED, heard(Next.HANGUP)]
    assert house.asked == [("operator", "")] * 4


@pytest.mark.parametrize("first", ["prompt", "wait"])
async def test_a_hash_alone_is_no_pin(first: str) -> None:
    house = House(treatment=STANDS)
    await talk(house, OK, *([key("#", 1)] if first == "prompt" else [END_OF_FILE, OK, key("#")]))
    assert house.asked[:2] == [("operator", ""), ("operator", "")]


@pytest.mark.parametrize("garbage", ["****", "04*20", "0420*", "ABCD", "04204", "042"])
async def test_garbage_is_a_wrong_pin(garbage: str) -> None:
    house = House(treatment=STANDS)
    commands = await talk(house, OK, END_OF_FILE, *keyed(f"{garbage}#"))
    assert house.asked[1] == ("operator", garbage)
    assert PLAY_AGAIN in commands


async def test_more_digits_than_any_pin_has_are_not_waited_for() -> None:
    house = House(treatment=STANDS)
    async with front_desk(house) as server:
        peer = await Peer.call(server, "declare")
        while command := await peer.command():
            peer.send(key("7") if command == WAIT else END_OF_FILE if command.startswith("STREAM") else OK)
        await peer.close()
    assert house.asked[1] == ("operator", "7" * MOST_DIGITS)


@pytest.mark.parametrize("reply", [b"200 result=300\n", b"200 result=10\n", b"200 result=7\n"])
async def test_what_is_no_key_ends_the_call_without_a_receipt_and_without_being_shown(reply: bytes) -> None:
    house = House(treatment=STANDS)
    with capture_logs() as logs:
        async with front_desk(house) as server:
            commands = await (await Peer.call(server, "declare")).talk(OK, END_OF_FILE, OK, reply)
            assert server.ends == {End.FAILED: 1}
    assert not any("KL_NEXT" in command for command in commands)
    assert house.asked == [("operator", "")]
    assert [log["reason"] for log in logs if "reason" in log] == ["a key came that means nothing here"]


async def test_slow_fingers_have_the_handle_renewed() -> None:
    """However long a PIN takes, the dialplan's timer is never further run down than to the next renewal."""
    clock = asyncio.get_running_loop().time
    house = House(treatment=STANDS, pin="042004200420", wait=0.2)
    async with front_desk(house, margin=0.3, answer_within=0.2) as server:
        peer = await Peer.call(server, "declare")
        digits, runs_out = iter(house.pin), clock()
        while command := await peer.command():
            if command.startswith("SET VARIABLE"):
                runs_out = clock() + int(command.split('"')[-2]) if "TIMEOUT" in command else runs_out
                peer.send(OK)
            elif command == "WAIT FOR DIGIT 200" and (digit := next(digits, None)):
                await asyncio.sleep(0.15)
                assert clock() < runs_out
                peer.send(key(digit))
            else:
                peer.send(usual(command))
        await peer.close()
    assert house.asked[1] == ("operator", house.pin)


@pytest.mark.parametrize("cut", ["hangup", "close", "half-close", "reset"])
@pytest.mark.parametrize("answered", range(len(WHOLE)))
async def test_an_operator_may_hang_up_at_any_point_and_only_a_choice_is_an_order(cut: str, answered: int) -> None:
    house = House(treatment=STANDS)
    with capture_logs() as logs:
        async with front_desk(house) as server:
            peer = await Peer.call(server, "declare")
            for reply in WHOLE[:answered]:
                assert await peer.command()
                peer.send(reply)
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
    chosen = answered >= 10
    assert (("ordered", "1") in house.asked) is chosen
    assert not [log for log in logs if log["log_level"] in ("warning", "error", "critical")]


async def test_an_order_is_carried_out_although_the_operator_hangs_up_meanwhile() -> None:
    stored = asyncio.Event()
    house = House(treatment=STANDS, before=lambda what: stored.wait() if what == "ordered" else None)
    async with front_desk(house) as server:
        peer = await Peer.call(server, "declare")
        for reply in WHOLE[:10]:
            assert await peer.command()
            peer.send(reply)
        await until(lambda: len(house.callers) == 3)
        await peer.close()
        stored.set()
        await until(lambda: server.ends == {End.GONE: 1})
    assert house.asked[-1] == ("ordered", "1")


async def test_nothing_is_confirmed_that_is_not_stored() -> None:
    house = House(treatment=STANDS, before=lambda what: asyncio.Event().wait() if what == "ordered" else None)
    async with front_desk(house, request_within=0.2, answer_within=0.2, margin=0.4) as server:
        commands = await (await Peer.call(server, "declare")).talk(*WHOLE[:10])
        assert server.ends == {End.FAILED: 1}
    assert PLAY_THANKS not in commands
    assert not any("KL_NEXT" in command for command in commands)


async def test_no_log_and_no_command_shows_what_was_keyed() -> None:
    def bug(what: str) -> None:
        if what == "ordered":
            raise RuntimeError("a bug")

    house = House(treatment=STANDS, pin="83614", before=bug)
    with capture_logs() as logs:
        commands = await talk(house, OK, END_OF_FILE, *keyed("83614#"), OK, key("1", 1))
    assert house.asked == [("operator", ""), ("operator", "83614")]
    assert [log["event"] for log in logs if log["log_level"] == "error"] == [
        "A script failed: its caller hears the fallback"
    ]
    assert "83614" not in str(logs)
    assert "83614" not in str(commands)
