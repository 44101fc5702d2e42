import asyncio
from datetime import UTC, datetime

from ami_bridge.domain.status import Status
from ami_bridge.web.board import LiveBoard

T0 = Status(now=datetime(2026, 3, 1, 9, 0, tzinfo=UTC))
T1 = Status(now=datetime(2026, 3, 1, 9, 1, tzinfo=UTC))


async def test_the_first_state_is_newer_than_none() -> None:
    board = LiveBoard(T0)
    async with asyncio.timeout(1):
        assert await board.changed(-1) == board.version
    assert board.status() is T0


async def test_everyone_who_waits_is_woken_by_one_publication() -> None:
    board = LiveBoard(T0)
    waiting = [asyncio.create_task(board.changed(board.version)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    board.publish(T1)
    async with asyncio.timeout(1):
        assert await asyncio.gather(*waiting) == [board.version] * 3
    assert board.status() is T1


async def test_a_reader_who_comes_late_finds_the_newest_at_once() -> None:
    board = LiveBoard(T0)
    seen = board.version
    for _ in range(5):
        board.publish(T1)
    async with asyncio.timeout(1):
        assert await board.changed(seen) == board.version


async def test_a_reader_who_gave_up_leaves_the_others_waiting() -> None:
    board = LiveBoard(T0)
    patient = asyncio.create_task(board.changed(board.version))
    hasty = asyncio.create_task(board.changed(board.version))
    await asyncio.sleep(0)
    hasty.cancel()
    await asyncio.wait([hasty])
    board.publish(T1)
    async with asyncio.timeout(1):
        assert await patient == board.version
