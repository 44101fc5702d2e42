"""A talk is to what runs in it what a task is: the current one, to be cancelled, timed out and gathered in groups."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf

import pytest

from agi.talk import HELD, Talk
from tests.adapters.agi.fastagi_peer import PATIENCE, until


def begin(script: Callable[[], Awaitable[None]], patience: float = inf) -> Talk:
    async def run() -> None:
        await script()

    talk = Talk(run(), asyncio.get_running_loop(), "talk", patience)
    # As sessions do: from a callback, while no task runs.
    asyncio.get_running_loop().call_soon(talk.go_on)
    return talk


async def test_it_waits_for_futures_and_tasks_and_goes_on_by_itself() -> None:
    future, seen = asyncio.get_running_loop().create_future(), []

    async def answer() -> str:
        await asyncio.sleep(0)
        return "task"

    async def script() -> None:
        seen.append(await future)
        seen.append(await asyncio.create_task(answer()))
        seen.append(asyncio.current_task())

    talk = begin(script)
    await asyncio.sleep(0)
    assert not talk.over
    future.set_result("future")
    await until(lambda: talk.over)
    assert seen == ["future", "task", talk]


async def test_a_time_out_ends_what_it_is_around_and_nothing_else() -> None:
    seen: list[object] = []

    async def script() -> None:
        for waits in (asyncio.Event().wait(), asyncio.sleep(0)):
            try:
                async with asyncio.timeout(0.05):
                    seen.append(await waits)
            except TimeoutError:
                seen.append("late")
        async with asyncio.TaskGroup() as group:
            both = [group.create_task(asyncio.sleep(0, n)) for n in (1, 2)]
        seen.extend(task.result() for task in both)

    talk = begin(script)
    await until(lambda: talk.over)
    assert seen == ["late", None, 1, 2]
    assert talk.cancelling() == 0


async def test_the_failure_of_a_group_is_the_scripts() -> None:
    seen: list[object] = []

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError

    async def script() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                await asyncio.Event().wait()
        except* ValueError:
            seen.append("failed")

    talk = begin(script)
    await until(lambda: talk.over)
    assert seen == ["failed"]


@pytest.mark.parametrize("waits", ["future", "session", "done future"])
async def test_a_cancel_comes_out_of_whatever_it_waits_for(waits: str) -> None:
    future, seen = asyncio.get_running_loop().create_future(), []

    class Session:
        def __await__(self):  # type: ignore[no-untyped-def]
            yield HELD

    async def script() -> None:
        try:
            await (Session() if waits == "session" else future)
        except asyncio.CancelledError:
            seen.append("cut")
            raise

    talk = begin(script)
    await asyncio.sleep(0)
    if waits == "done future":  # its talk is to go on in this very turn
        future.set_result(None)
    assert talk.cancel()
    await until(lambda: talk.over)
    assert seen == ["cut"]
    assert not talk.cancel()


async def test_what_takes_too_long_is_given_up_when_one_looks() -> None:
    loop, seen = asyncio.get_running_loop(), []
    first = loop.create_future()

    async def script() -> None:
        try:
            await first  # this counts as well
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append(talk.uncancel())

    talk = begin(script, patience=1000.0)
    await asyncio.sleep(0.02)
    between = loop.time()
    first.set_result(None)
    await asyncio.sleep(0.02)
    talk.look(between)
    assert not talk.late
    talk.look(between + 1000.0)
    await until(lambda: talk.over)
    assert (talk.late, seen) == (True, [0])


async def test_no_patience_is_lost_on_a_session() -> None:
    class Session:
        def __await__(self):  # type: ignore[no-untyped-def]
            yield HELD

    async def script() -> None:
        await asyncio.sleep(0)
        await Session()
        await asyncio.Event().wait()

    loop = asyncio.get_running_loop()
    talk = begin(script, patience=1000.0)
    await asyncio.sleep(0.02)
    talk.look(loop.time() + 10_000.0)
    assert not talk.late
    before = loop.time()
    loop.call_soon(talk.go_on)  # the session's reply has come
    await asyncio.sleep(0.02)
    talk.look(before + 1000.0)  # it has begun to wait only since
    assert not talk.late
    talk.look(loop.time() + 1000.0)
    await until(lambda: talk.over)
    assert talk.late


async def test_a_script_that_cancels_itself_ends_at_what_it_waits_for_next() -> None:
    seen: list[str] = []

    async def script() -> None:
        current = asyncio.current_task()
        assert current is not None
        current.cancel()
        seen.append("before")
        await asyncio.Event().wait()
        seen.append("after")

    talk = begin(script)
    await until(lambda: talk.over)
    assert seen == ["before"]


async def test_a_cancel_that_is_caught_is_over() -> None:
    seen: list[object] = []

    async def script() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            current = asyncio.current_task()
            assert current is not None
            seen.append(current.uncancel())
        seen.append(await asyncio.wait_for(asyncio.sleep(0, "on"), PATIENCE))

    talk = begin(script)
    await asyncio.sleep(0)
    talk.cancel()
    await until(lambda: talk.over)
    assert seen == [0, "on"]
