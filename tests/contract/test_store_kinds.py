"""Callbacks of every kind: one open for a number, whoever asks wins over who does not, and who comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ami_bridge.domain.names import LineName, PromiseId
from ami_bridge.domain.promise import CALLBACKS, Kind, Promise, State, Step
from ami_bridge.store import Store
from tests.contract.making import LINE, POLICY, T0, a_promise, a_restored, after, attempt


async def made(store: Store, *promises: Promise) -> None:
    for promise in promises:
        assert (await store.promises.make(promise))[1]


async def state(store: Store, id_: str) -> State:
    promise = await store.promises.get(PromiseId(id_))
    assert promise is not None
    return promise.state


@pytest.mark.parametrize("first", CALLBACKS, ids=lambda kind: kind.value)
@pytest.mark.parametrize("second", CALLBACKS, ids=lambda kind: kind.value)
async def test_a_number_has_one_callback_open_on_a_line_and_news_beside_it(
    store: Store, first: Kind, second: Kind
) -> None:
    stands = a_promise(1, kind=first)
    await made(store, stands, a_restored(2, number=stands.number))
    asked = a_promise(3, kind=second, number=stands.number)
    answer, new = await store.promises.make(asked)
    asks_at_last = first is Kind.MISSED and second is not Kind.MISSED
    assert (answer.id, new) == (("p3", True) if asks_at_last else ("p1", False))
    assert await state(store, "p1") is (State.WITHDRAWN if asks_at_last else State.WAITING)
    assert await store.promises.make(a_restored(4, number=stands.number)) == (
        await store.promises.get(PromiseId("p2")),
        False,
    )
    opened = await store.promises.open_of(LINE.tenant, stands.number)
    assert len(opened) == 2
    assert (
        await store.promises.make(replace(asked, line=LineName("sales"), id=PromiseId("p5"), origin="o5")) is not None
    )


async def test_a_missed_call_gives_way_with_its_reason_in_the_ledger(store: Store) -> None:
    missed = a_promise(1, kind=Kind.MISSED)
    await made(store, missed)
    assert (await store.promises.make(a_promise(2, number=missed.number), after(9)))[1]
    last = (await store.promises.ledger(missed.id))[-1]
    assert (last.what, last.state, last.at, last.reason) == (
        "withdraw", State.WITHDRAWN, after(9), "they asked for a call themselves")  # fmt: skip


async def test_who_asks_while_being_called_uninvited_is_not_called_twice(store: Store) -> None:
    """The ringing call becomes the one they asked for; if it fails they are owed that one."""
    missed = a_promise(1, kind=Kind.MISSED, expires=after(minutes=60))
    await made(store, missed)
    await store.promises.claim(LINE, CALLBACKS, after(60), attempt(1))
    asked = a_promise(2, number=missed.number, language="de")
    standing, new = await store.promises.make(asked, after(61))
    assert (standing.id, new, standing.kind, standing.attempt) == ("p1", False, Kind.IN_TURN, attempt(1))
    assert (standing.expires, standing.language) == (asked.expires, "de")
    assert (await store.promises.ledger(missed.id))[-1].what == "asked"
    assert await store.promises.claim(LINE, CALLBACKS, after(62), attempt(2)) is None
    waiting = await store.promises.step(missed.id, Step.BUSY, after(70), "busy", attempt(1))
    assert await store.promises.claim(LINE, {Kind.IN_TURN}, waiting.not_before, attempt(3)) is not None


async def test_the_same_missed_call_reported_again_is_still_one(store: Store) -> None:
    missed = a_promise(1, kind=Kind.MISSED)
    await made(store, missed)
    assert await store.promises.make(replace(missed, id=PromiseId("again"))) == (missed, False)


async def test_chosen_times_stand_in_line_with_arrivals_and_the_uninvited_come_last(store: Store) -> None:
    await made(
        store,
        a_promise(0, kind=Kind.MISSED),
        a_promise(30),
        a_promise(5, kind=Kind.SCHEDULED, not_before=after(20)),
        a_promise(10),
        a_promise(1, kind=Kind.SCHEDULED, not_before=after(minutes=9)),
        replace(a_restored(2), not_before=T0),
    )
    order = ["p10", "p5", "p30", "p0", "p2"]
    assert [p.id for p in await store.promises.peek(LINE, Kind, after(60), 9)] == order
    assert [p.id for p in await store.promises.peek(LINE, Kind, after(60), 2)] == order[:2]
    assert [p.id for p in await store.promises.peek(LINE, {Kind.MISSED, Kind.RESTORED}, after(60), 9)] == ["p0", "p2"]
    claimed = [await store.promises.claim(LINE, Kind, after(60), attempt(n)) for n in range(6)]
    assert [p and p.id for p in claimed] == [*order, None]
    late = await store.promises.claim(LINE, Kind, after(minutes=9), attempt(9))
    assert late is not None
    assert (late.id, late.turn) == ("p1", after(minutes=9))


async def test_a_try_does_not_cost_the_place_of_a_chosen_time(store: Store) -> None:
    await made(store, a_promise(1, kind=Kind.SCHEDULED, not_before=after(50)), a_promise(100))
    await store.promises.claim(LINE, CALLBACKS, after(60), attempt(1))
    waiting = await store.promises.step(PromiseId("p1"), Step.BUSY, after(90), "busy", attempt(1))
    assert [p.id for p in await store.promises.peek(LINE, CALLBACKS, waiting.not_before, 9)] == ["p1", "p100"]


async def test_failures_that_were_not_theirs_do_not_use_up_their_attempts(store: Store) -> None:
    missed = a_promise(1, kind=Kind.MISSED)
    await made(store, missed)
    now = after(60)
    for n in range(4):
        assert await store.promises.claim(LINE, CALLBACKS, now, attempt(n)) is not None
        now = (await store.promises.step(missed.id, Step.FAILED, now, "trunk lost", attempt(n))).not_before
        assert await store.promises.end_overdue(now) == []
    for n in range(4, 4 + POLICY.missed_attempts):
        assert await store.promises.claim(LINE, CALLBACKS, now, attempt(n)) is not None
        now = (await store.promises.step(missed.id, Step.NO_ANSWER, now, "no reply", attempt(n))).not_before
    assert await store.promises.claim(LINE, CALLBACKS, now, attempt(9)) is None
    assert await store.promises.claim_this(missed.id, now, attempt(9)) is None
    [ended] = await store.promises.end_overdue(now)
    assert (ended.state, ended.reason) == (State.EXHAUSTED, "2 of 2 attempts made")
