"""Whatever the other side does, one session ends, without a receipt, and the front desk goes on."""

import asyncio
import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from agi.desk import Next
from agi.server import End, Server
from tests.adapters.agi.fastagi_peer import (
    END_OF_FILE,
    OK,
    TOKEN,
    House,
    Peer,
    environment,
    front_desk,
    heard,
    until,
)

IMPATIENT = {"request_within": 0.2, "answer_within": 0.2, "margin": 0.4}


async def still_serves(server: Server) -> None:
    assert (await (await Peer.call(server)).talk())[-1] == heard(Next.CONTINUE)


def complaints(logs: list[Any]) -> list[str]:
    return [str(log["event"]) for log in logs if log["log_level"] in ("warning", "error", "critical")]


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\n\n",
        b"\x16\x03\x01\x02\x00\x01\x00\n\n",
        b"\n",
        b"agi_x: " + b"1" * 70_000,
        b"agi_x: 1\n" * 300 + b"\n",
        environment("nonsense"),
        environment(arg_3=""),
        environment() + b"200 result=1\n",  # a reply before anything was asked
        environment() + b"garbage\n",
    ],
)
async def test_what_is_not_a_request_ends_that_session_only(garbage: bytes) -> None:
    async with front_desk(House()) as server:
        peer = await Peer.connect(server)
        peer.send(garbage)
        assert heard(Next.CONTINUE) not in await peer.talk()
        await until(lambda: server.ends.total() == 1)
        assert set(server.ends) <= {End.REFUSED, End.FAILED}
        await still_serves(server)


async def test_health_checkers_are_ordinary() -> None:
    with capture_logs() as logs:
        async with front_desk(House()) as server:
            for ending in (Peer.close, Peer.half_close, Peer.reset):
                peer = await Peer.connect(server)
                await until(lambda: server.sessions == 1)
                if pending := ending(peer):
                    await pending
                await until(lambda: server.sessions == 0)
                await peer.close()
            assert server.ends == {End.UNUSED: 3}
    assert complaints(logs) == []


async def test_a_slow_loris_is_given_one_deadline_for_the_whole_request() -> None:
    async with front_desk(House(), **IMPATIENT) as server:
        peer = await Peer.connect(server)
        for byte in environment():
            peer.send(bytes([byte]))
            await asyncio.sleep(0.02)
            if server.ends:
                break
        assert server.ends == {End.REFUSED: 1}
        await peer.close()


async def test_a_request_cut_in_the_middle_is_no_request() -> None:
    async with front_desk(House()) as server:
        peer = await Peer.connect(server)
        peer.send(environment()[:100])
        peer.half_close()
        assert await peer.talk() == []
        assert server.ends == {End.REFUSED: 1}


@pytest.mark.parametrize("cut", ["hangup", "close", "half-close", "reset"])
@pytest.mark.parametrize("answered", range(5))
async def test_a_caller_may_hang_up_at_any_point(cut: str, answered: int) -> None:
    with capture_logs() as logs:
        async with front_desk(House()) as server:
            peer = await Peer.call(server)
            for reply in (OK, END_OF_FILE, OK, b"200 result=0\n")[:answered]:
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
            await still_serves(server)
    assert complaints(logs) == []


async def test_a_key_counts_although_the_hang_up_came_with_it() -> None:
    house = House()
    async with front_desk(house) as server:
        peer = await Peer.call(server)
        await peer.talk(OK, b"200 result=49 endpos=8000\nHANGUP\n")
        assert server.ends == {End.GONE: 1}
    assert house.asked == [("callback",), ("callback_pressed", "1")]


async def test_a_key_is_written_down_although_the_caller_hangs_up_meanwhile() -> None:
    stored = asyncio.Event()
    house = House(before=lambda what: stored.wait() if what == "callback_pressed" else None)
    async with front_desk(house) as server:
        peer = await Peer.call(server)
        assert await peer.command()
        peer.send(OK)
        assert await peer.command()
        peer.send(b"200 result=49 endpos=8000\n")
        await until(lambda: len(house.callers) == 2)
        await peer.close()
        stored.set()
        await until(lambda: server.ends == {End.GONE: 1})
    assert house.asked == [("callback",), ("callback_pressed", "1")]


@pytest.mark.parametrize(
    ("reply", "end"),
    [
        (b"510 Invalid or unknown command\n", End.FAILED),
        (b"520 Invalid command syntax.\n", End.FAILED),
        (b"520-Invalid command syntax.\nUsage: x\n520 End of proper usage.\n", End.FAILED),
        (b"511 Command Not Permitted on a dead channel\n", End.GONE),
        (b"garbage\n", End.FAILED),
        (b"200 result=1\n200 result=1\n", End.FAILED),
        (b"2" * 9000, End.FAILED),
        (b"520-x\n" + b"x\n" * 300, End.FAILED),
    ],
)
@pytest.mark.parametrize("answered", [0, 1, 3])
async def test_a_bad_reply_at_any_point_leaves_no_receipt(reply: bytes, end: End, answered: int) -> None:
    async with front_desk(House()) as server:
        peer = await Peer.call(server)
        commands = await peer.talk(*(OK, END_OF_FILE, OK)[:answered], reply)
        assert heard(Next.CONTINUE) not in commands
        assert server.ends == {end: 1}
        await still_serves(server)


async def test_a_key_that_was_not_offered_cannot_end_a_recording() -> None:
    async with front_desk(House()) as server:
        await (await Peer.call(server)).talk(OK, b"200 result=57 endpos=1\n")
        assert server.ends == {End.FAILED: 1}


async def test_trying_is_waited_out() -> None:
    async with front_desk(House()) as server:
        commands = await (await Peer.call(server)).talk(b"100 Trying...\n" + OK)
        assert commands[-1] == heard(Next.CONTINUE)


@pytest.mark.parametrize("answered", [0, 2, 4])
async def test_a_pbx_that_never_answers_is_given_up(answered: int) -> None:
    house = House()
    with capture_logs() as logs:
        async with front_desk(house, **IMPATIENT) as server:
            peer = await Peer.call(server)
            for reply in (OK, END_OF_FILE, OK, b"200 result=0\n")[:answered]:
                assert await peer.command()
                peer.send(reply)
            assert await peer.command()
            assert await peer.command() == ""
            await peer.close()
            assert server.ends == {End.FAILED: 1}
    assert [log["reason"] for log in logs if "reason" in log] == ["no answer to SET VARIABLE in time"]


async def test_an_answer_that_came_in_time_counts_though_the_front_desk_was_held_up() -> None:
    house = House()
    async with front_desk(house, **IMPATIENT) as server:
        first = await Peer.call(server)
        assert await first.command()

        def hold_up(_: str) -> None:
            first.send(OK)
            time.sleep(0.8)  # nothing else runs in this process meanwhile, as on a machine that is overloaded

        house.before = hold_up
        second = await Peer.call(server)
        assert await second.command()
        second.send(OK)
        assert [(await peer.talk())[-1] for peer in (first, second)] == [heard(Next.CONTINUE)] * 2
        assert server.ends == {End.FINISHED: 2}


async def test_a_playing_is_not_cut_short_by_the_deadline() -> None:
    async with front_desk(House(), **IMPATIENT) as server:
        peer = await Peer.call(server)
        assert await peer.command()
        peer.send(OK)
        assert (await peer.command()).startswith("STREAM FILE")
        await asyncio.sleep(1.0)  # the recording lasts 4.2 s; nothing else takes over 0.4 s
        peer.send(END_OF_FILE)
        assert (await peer.talk())[-1] == heard(Next.CONTINUE)


async def test_a_wrong_token_is_refused_and_never_logged() -> None:
    for wrong in ("", "guess-7f", TOKEN + "x", "\u00fc"):
        with capture_logs() as logs:
            async with front_desk(House()) as server:
                assert await (await Peer.call(server, arg_1=wrong)).talk() == []
                assert server.ends == {End.REFUSED: 1}
        assert complaints(logs) == ["A session was refused: wrong token"]
        assert TOKEN not in str(logs)
        assert not wrong or wrong not in str(logs)


async def test_a_peer_outside_the_allowed_networks_is_closed_and_logged_once() -> None:
    house = House()
    from ipaddress import ip_network

    with capture_logs() as logs:
        async with front_desk(house, allow=(ip_network("127.0.0.2/32"),)) as server:
            for _ in range(3):
                assert await (await Peer.call(server)).talk() == []
            allowed = await Peer.connect(server, source="127.0.0.2")
            allowed.send(environment())
            assert (await allowed.talk())[-1] == heard(Next.CONTINUE)
            assert server.ends == {End.REFUSED: 3, End.FINISHED: 1}
    assert complaints(logs) == ["A peer outside the allowed networks was refused: see agi.allow"]
    assert house.asked == [("callback",)]


async def test_over_the_cap_callers_are_turned_away_at_once_until_one_has_gone() -> None:
    with capture_logs() as logs:
        async with front_desk(House(), max_sessions=2) as server:
            first, second = await Peer.call(server), await Peer.call(server)
            assert await first.command()
            assert await second.command()
            for _ in range(3):
                assert await (await Peer.call(server)).talk() == []
            assert server.ends == {End.TURNED_AWAY: 3}
            first.send(OK)
            await first.talk()
            await still_serves(server)
            second.send(OK)
            await second.talk()
    assert complaints(logs) == ["All sessions are taken: callers hear the fallback"]


@pytest.mark.parametrize("asked", ["callback", "callback_pressed"])
async def test_a_bug_in_the_desk_ends_one_session(asked: str) -> None:
    def bug(what: str) -> None:
        if what == asked:
            raise KeyError("no such line")

    house = House(before=bug)
    with capture_logs() as logs:
        async with front_desk(house) as server:
            commands = await (await Peer.call(server)).talk(OK, b"200 result=49 endpos=1\n")
            assert not any("KL_NEXT" in command for command in commands)
            assert server.ends == {End.BROKEN: 1}
            house.before = None
            await still_serves(server)
    assert complaints(logs) == ["A script failed: its caller hears the fallback"]


async def test_a_desk_that_is_late_does_not_keep_the_caller() -> None:
    house = House(before=lambda _: asyncio.Event().wait())
    async with front_desk(house, **IMPATIENT) as server:
        assert await (await Peer.call(server)).talk() == []
        assert server.ends == {End.FAILED: 1}
        house.before = None
        await still_serves(server)


async def test_a_late_desk_still_writes_down_what_was_pressed() -> None:
    stored = asyncio.Event()
    house = House(before=lambda what: stored.wait() if what == "callback_pressed" else None)
    async with front_desk(house, **IMPATIENT) as server:
        commands = await (await Peer.call(server)).talk(OK, b"200 result=49 endpos=1\n")
        assert not any("KL_NEXT" in command for command in commands)
        assert server.ends == {End.FAILED: 1}
        assert house.asked == [("callback",)]
        stored.set()
        await until(lambda: house.asked == [("callback",), ("callback_pressed", "1")])


async def test_a_write_that_fails_after_its_session_is_logged() -> None:
    async def fail_late() -> None:
        await asyncio.sleep(0.5)
        raise OSError("disk full")

    house = House(before=lambda what: fail_late() if what == "callback_pressed" else None)
    with capture_logs() as logs:
        async with front_desk(house, **IMPATIENT) as server:
            await (await Peer.call(server)).talk(OK, b"200 result=49 endpos=1\n")
            await until(lambda: "What a caller pressed or heard could not be written down" in complaints(logs))
            assert server.ends == {End.FAILED: 1}
