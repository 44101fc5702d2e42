"""What is done to a waiting promise: held, moved, tried again, withdrawn, and claimed by its name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ami_bridge.domain.names import IncidentId, LineName, PromiseId, TenantName
from ami_bridge.domain.promise import CALLBACKS, IllegalStep, Kind, Promise, State, Step
from ami_bridge.store import AlreadyOwed, Store, UnknownPromise
from tests.contract.making import IN_TURN, LINE, NEVER, POLICY, RESTORED, a_promise, a_restored, after, attempt

SALES = LineName("sales")
P1 = PromiseId("p1")


async def make(store: Store, *promises: Promise) -> None:
    for promise in promises:
        assert await store.promises.make(promise) == (promise, True)


async def whats(store: Store, id_: PromiseId = P1) -> list[str]:
    return [entry.what for entry in await store.promises.ledger(id_)]


async def test_a_hold_is_noted_once_for_each_reason_and_keeps_it_from_being_claimed(store: Store) -> None:
    await make(store, a_promise(1), a_promise(2))
    assert await store.promises.hold(P1, after(60), "outside hours", after(minutes=30))
    assert not await store.promises.hold(P1, after(61), "outside hours", after(minutes=30))
    assert not await store.promises.hold(P1, after(62), "outside hours", after(minutes=40))
    assert [p.id for p in await store.promises.peek(LINE, IN_TURN, after(minutes=35), 9)] == ["p2"]
    assert await store.promises.claim_this(P1, after(minutes=35), attempt(1)) is None
    assert await store.promises.hold(P1, after(63), "their site is down", None)
    held = await store.promises.get(P1)
    assert held is not None
    assert (held.held, held.reason, held.not_before) == (True, "their site is down", after(minutes=40))
    assert await whats(store) == ["made", "hold", "hold"]
    assert [e.reason for e in await store.promises.ledger(P1)][1:] == ["outside hours", "their site is down"]
    claimed = await store.promises.claim_this(P1, after(minutes=40), attempt(1))
    assert claimed is not None
    assert not claimed.held
    with pytest.raises(IllegalStep):
        await store.promises.hold(P1, after(minutes=41), "too late", None)


async def test_a_reason_it_waits_for_anyway_is_still_a_new_hold(store: Store) -> None:
    await make(store, a_promise(1, reason="busy"))
    assert await store.promises.hold(P1, after(60), "busy", None)


async def test_a_call_with_news_that_is_put_off_is_not_released_again(store: Store) -> None:
    await store.promises.make(a_restored(1))
    assert not await store.promises.hold(P1, after(5), "outside hours", after(minutes=5)), "nobody would call it yet"
    [released] = await store.promises.release_restored(IncidentId("i1"), after(60))
    assert released.not_before == after(60)
    assert await store.promises.hold(P1, after(61), "outside hours", after(minutes=30))
    assert await store.promises.release_restored(IncidentId("i1"), after(62)) == []
    assert await store.promises.claim(LINE, RESTORED, after(minutes=29), attempt(1)) is None
    assert await store.promises.claim(LINE, RESTORED, after(minutes=30), attempt(1)) is not None


async def test_a_move_changes_the_turn_the_number_and_the_kind(store: Store) -> None:
    await make(store, a_promise(1), a_promise(2))
    moved = await store.promises.step(P1, Step.MOVE, after(60), "chose the afternoon", not_before=after(minutes=90))
    assert (moved.kind, moved.turn) == (Kind.SCHEDULED, after(minutes=90))
    assert [p.id for p in await store.promises.peek(LINE, CALLBACKS, after(minutes=90), 9)] == ["p2", "p1"]
    again = await store.promises.step(P1, Step.MOVE, after(61), "gave another number", number="+431")
    assert await store.promises.open_of(LINE.tenant, "+431") == [again]
    assert await whats(store) == ["made", "move", "move"]


async def test_a_move_to_a_number_that_is_owed_a_call_already_changes_nothing(store: Store) -> None:
    first, second = a_promise(1), a_promise(2)
    await make(store, first, second, a_promise(3, number="+431", line=SALES), a_restored(4, number="+431"))
    with pytest.raises(AlreadyOwed) as refused:
        await store.promises.step(P1, Step.MOVE, after(60), "another number", number=second.number)
    assert refused.value.other == "p2"
    assert await store.promises.get(P1) == first
    await store.promises.make(a_restored(5, number=second.number))
    with pytest.raises(AlreadyOwed):  # news that become a callback, where one is owed
        await store.promises.step(PromiseId("p5"), Step.MOVE, after(60), "tomorrow", not_before=after(days=1))
    assert (await store.promises.step(P1, Step.MOVE, after(60), "another", number="+431")).number == "+431"


async def test_what_is_open_for_a_number_is_withdrawn_in_flight_too(store: Store) -> None:
    mine = a_promise(1)
    await make(
        store,
        mine,
        a_promise(2, number=mine.number, line=SALES),
        a_promise(3, number=mine.number, tenant=TenantName("globex")),
        a_restored(4, number=mine.number),
        a_promise(5),
    )
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    ended = await store.promises.withdraw_open(LINE.tenant, mine.number, after(61), "talks with PJSIP/101")
    assert [(p.id, p.state, p.attempt) for p in ended] == [
        ("p1", State.WITHDRAWN, attempt(1)),
        ("p2", State.WITHDRAWN, None),
    ]
    stored = await store.promises.get(P1)
    assert stored is not None
    assert (stored.attempt, stored.reason) == (None, "talks with PJSIP/101")
    assert await whats(store) == ["made", "claim", "withdraw"]
    assert [p.id for p in await store.promises.open()] == ["p3", "p4", "p5"]
    assert await store.promises.withdraw_open(LINE.tenant, mine.number, after(62), "again") == []
    assert [p.id for p in await store.promises.withdraw_open(LINE.tenant, mine.number, after(63), "x", kinds=Kind)] == [
        "p4"
    ]


async def test_only_the_lines_named_are_withdrawn(store: Store) -> None:
    mine = a_promise(1)
    await make(store, mine, a_promise(2, number=mine.number, line=SALES))
    assert await store.promises.withdraw_open(LINE.tenant, mine.number, after(9), "x", lines=[]) == []
    ended = await store.promises.withdraw_open(LINE.tenant, mine.number, after(9), "x", lines=[SALES])
    assert [p.id for p in ended] == ["p2"]


async def test_a_retry_moves_what_waits_and_follows_what_has_ended(store: Store) -> None:
    await make(store, a_promise(1))
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    with pytest.raises(IllegalStep):
        await store.promises.retry(P1, after(61))
    await store.promises.step(P1, Step.NO_ANSWER, after(70), "no reply", attempt(1))
    waiting = await store.promises.retry(P1, after(71))
    assert (waiting.id, waiting.not_before, waiting.attempts) == ("p1", after(71), 1)

    ended = await store.promises.step(P1, Step.WITHDRAW, after(80), "cancelled")
    new = await store.promises.retry(P1, after(90))
    assert (new.origin, new.arrived, new.attempts, new.state) == ("retry-p1", ended.arrived, 0, State.WAITING)
    assert (new.expires, new.not_before) == (after(90) + POLICY.lifetime, after(90))
    assert new.reason.endswith("withdrawn, cancelled")
    assert await store.promises.get(P1) == ended
    assert (await store.promises.retry(P1, after(91))).id == new.id, "asked for twice it is still one"
    await store.promises.step(new.id, Step.WITHDRAW, after(92), "cancelled again")
    third = await store.promises.retry(P1, after(93))
    assert third.origin == f"retry-{new.id}"
    with pytest.raises(UnknownPromise):
        await store.promises.retry(PromiseId("p404"), after(94))


async def test_a_retry_returns_what_is_open_for_that_number_meanwhile(store: Store) -> None:
    first = a_promise(1)
    await make(store, first)
    await store.promises.step(P1, Step.WITHDRAW, after(2), "cancelled")
    later = a_promise(2, number=first.number)
    await make(store, later)
    assert await store.promises.retry(P1, after(9)) == later


async def test_one_is_claimed_by_name_only_if_it_may_be_tried(store: Store) -> None:
    first = a_promise(1)
    await make(store, first, a_promise(2, number=first.number, line=SALES), a_promise(3, expires=after(50)))
    assert await store.promises.claim_this(PromiseId("p404"), after(60), attempt(1)) is None
    assert await store.promises.claim_this(PromiseId("p3"), after(60), attempt(1)) is None, "expired"
    assert await store.promises.claim_this(P1, after(0), attempt(1)) is None, "not yet due"
    claimed = await store.promises.claim_this(P1, after(60), attempt(1))
    assert claimed == replace(first, state=State.CLAIMED, attempt=attempt(1), attempts=1, reason="its turn")
    assert await store.promises.by_attempt(attempt(1)) == claimed
    assert await store.promises.claim_this(P1, after(60), attempt(2)) is None, "in flight"
    assert await store.promises.claim_this(PromiseId("p2"), after(60), attempt(2)) is None, "its number is"
    assert await store.promises.by_attempt(attempt(2)) is None


async def test_a_claim_passes_over_those_it_is_told_to(store: Store) -> None:
    await make(store, *(a_promise(n) for n in range(4)))
    claimed = await store.promises.claim(LINE, IN_TURN, after(60), attempt(1), but={PromiseId("p0"), P1})
    assert claimed is not None
    assert claimed.id == "p2"
    assert await store.promises.claim(LINE, IN_TURN, after(60), attempt(2), but=["p0", "p1", "p3"]) is None  # type: ignore[list-item]


async def test_an_incident_named_by_a_callback_in_turn_does_not_make_it_wait(store: Store) -> None:
    promise, _ = await store.promises.make(a_promise(1, incident=IncidentId("i1")))
    assert promise.not_before == after(1) != NEVER
    assert await store.promises.release_restored(IncidentId("i1"), after(60)) == []
