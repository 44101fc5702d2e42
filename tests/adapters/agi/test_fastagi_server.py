"""The listener: opening, closing, and many callers at once."""

import asyncio

import pytest
from structlog.testing import capture_logs

from agi.desk import Next
from agi.errors import CannotListen
from agi.server import End, Server
from agi.settings import ServerSettings
from tests.adapters.agi.fastagi_peer import OK, PATIENCE, TOKEN, House, Peer, front_desk, heard, until


async def test_a_taken_port_is_named_with_its_setting() -> None:
    async with front_desk(House()) as server:
        second = Server(House(), ServerSettings(port=server.port, token=TOKEN))
        with pytest.raises(CannotListen, match=rf"agi\.listen: .*:{server.port}: the port is taken"):
            await second.start()


async def test_an_address_of_another_machine_is_named_with_its_setting() -> None:
    with pytest.raises(CannotListen, match=r"agi\.listen: cannot listen on 192\.0\.2\.1:0"):
        await Server(House(), ServerSettings(host="192.0.2.1", port=0, token=TOKEN)).start()


def test_settings_that_would_leave_callers_unguarded_are_refused() -> None:
    with pytest.raises(ValueError, match="token"):
        ServerSettings(token="")
    with pytest.raises(ValueError, match="margin"):
        ServerSettings(token=TOKEN, margin=1.0, answer_within=1.5)


def test_the_token_is_not_shown() -> None:
    assert TOKEN not in repr(ServerSettings(token=TOKEN))


async def until_refused(port: int) -> None:
    """uvloop stops listening an iteration later; a connection that slips in until then is turned away."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
            except ConnectionError:
                return


async def test_a_drain_lets_a_running_session_finish_and_takes_no_new_one() -> None:
    server = Server(House(), ServerSettings(port=0, token=TOKEN))
    await server.start()
    port = server.port
    peer = await Peer.call(server)
    assert await peer.command()
    drain = asyncio.create_task(server.drain(PATIENCE))
    await until_refused(port)
    assert not drain.done()
    peer.send(OK)
    assert (await peer.talk())[-1] == heard(Next.CONTINUE)
    await drain
    assert server.sessions == 0
    assert server.ends[End.FINISHED] == 1


async def test_a_drain_is_bounded_and_what_it_cuts_leaves_no_receipt() -> None:
    server = Server(House(), ServerSettings(port=0, token=TOKEN))
    await server.start()
    peer, waiting = await Peer.call(server), await Peer.connect(server)
    assert await peer.command()
    await until(lambda: server.sessions == 2)
    with capture_logs() as logs:
        await server.drain(0.1)
    assert await peer.command() == ""
    assert await waiting.command() == ""
    assert server.sessions == 0
    assert server.ends == {End.CUT: 2}
    assert [log["sessions"] for log in logs if log["log_level"] == "warning"] == [2]
    await server.drain(0.1)
    await peer.close()
    await waiting.close()


async def test_what_was_pressed_is_written_down_before_a_drain_ends() -> None:
    stored = asyncio.Event()
    house = House(before=lambda _: stored.wait())
    server = Server(house, ServerSettings(port=0, token=TOKEN))
    await server.start()
    peer = await Peer.call(server, "pressed", arg_6="1")
    await until(lambda: len(house.callers) == 1)
    asyncio.get_running_loop().call_later(0.3, stored.set)
    await server.drain(0.1)
    assert house.asked == [("pressed", "1")]
    await peer.close()


async def test_five_hundred_callers_at_once_are_all_served() -> None:
    async with front_desk(House()) as server:

        async def caller(number: int) -> str:
            script = ("status", "callback")[number % 2]
            peer = await Peer.call(server, script, uniqueid=f"1767225600.{number}")
            return (await peer.talk())[-1]

        ended = await asyncio.gather(*(caller(n) for n in range(500)))
        assert ended == [heard(Next.SAY), heard(Next.CONTINUE)] * 250
        assert server.ends == {End.FINISHED: 500}
