"""Waiting between attempts, and the bounded inbox."""

from __future__ import annotations

import asyncio
import random
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.ami.inbox import Inbox, LinkDown, LinkUp
from ami_bridge.ami.session import delays


@pytest.mark.parametrize("seed", range(5))
def test_waits_double_up_to_the_cap_and_are_shortened_by_half_at_most(seed: int) -> None:
    full = [0.5, 1, 2, 4, 8, 15, 15, 15]
    waits = list(islice(delays(first=0.5, cap=15, rng=random.Random(seed)), len(full)))
    assert all(base / 2 <= wait <= base for wait, base in zip(waits, full, strict=True))


def test_many_companions_do_not_come_back_in_step() -> None:
    assert len({next(delays(rng=random.Random(seed))) for seed in range(50)}) == 50


async def test_the_inbox_keeps_order_and_times() -> None:
    inbox = Inbox()
    items = [LinkUp("22"), b"one", b"two", LinkDown("gone")]
    assert all(inbox.put(item, float(n)) for n, item in enumerate(items))
    assert [await inbox.take() for _ in items] == [(float(n), item) for n, item in enumerate(items)]


async def test_a_reader_waits_for_what_comes() -> None:
    inbox = Inbox()
    reader = asyncio.create_task(inbox.take())
    await asyncio.sleep(0)
    assert not reader.done()
    inbox.put(b"event", 1.0)
    async with asyncio.timeout(5):
        assert await reader == (1.0, b"event")


async def test_an_overflow_empties_the_inbox_and_says_so_once_per_flood() -> None:
    inbox = Inbox(capacity=3)
    assert [inbox.put(b"%d" % n, 0.0) for n in range(4)] == [True, True, True, False]
    assert (len(inbox), inbox.overflows) == (0, 1)


async def test_an_inbox_is_bounded_in_bytes_as_well_and_what_is_taken_makes_room() -> None:
    inbox = Inbox(size=10)
    assert inbox.put(b"x" * 6, 0.0)
    assert inbox.put(b"y" * 4, 0.0)
    assert inbox.size == 10
    await inbox.take()
    assert inbox.size == 4
    assert inbox.put(b"z" * 6, 0.0)
    assert not inbox.put(b"1", 0.0)
    assert (len(inbox), inbox.size, inbox.overflows) == (0, 0, 1)
    assert inbox.put(b"x" * 10, 0.0)


@given(st.lists(st.none() | st.binary(max_size=20) | st.just(LinkDown("cut")), max_size=60))
async def test_it_never_holds_more_than_its_bounds_and_always_knows_how_much(
    steps: list[bytes | LinkDown | None],
) -> None:
    """None takes one out."""
    inbox, held = Inbox(capacity=8, size=50), list[bytes | LinkDown]()
    for step in steps:
        if step is None:
            if held:
                assert (await inbox.take())[1] == held.pop(0)
        elif inbox.put(step, 0.0):
            held.append(step)
        else:
            held = [step] if isinstance(step, LinkDown) else []
        assert len(inbox) == len(held) <= 8
        assert inbox.size == sum(len(item) for item in held if isinstance(item, bytes)) <= 50


async def test_news_of_the_link_gets_in_also_when_the_inbox_is_full() -> None:
    inbox = Inbox(capacity=1)
    inbox.put(b"event", 0.0)
    assert not inbox.put(LinkDown("flood"), 1.0)
    assert await inbox.take() == (1.0, LinkDown("flood"))
