"""What is owed: made once, claimed in order, moved by the domain's table, ended once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.names import IncidentId, LineName, PbxName, PromiseId, TenantName
from ami_bridge.domain.promise import IllegalStep, Kind, State, Step, step
from ami_bridge.store import AttemptTaken, LineKey, StaleAttempt, Store, StoreBusy, UnknownPromise, moves
from tests.contract.making import (
    IN_TURN,
    LINE,
    NEVER,
    POLICY,
    RESTORED,
    T0,
    a_promise,
    a_restored,
    after,
    an_incident,
    attempt,
)

SALES = LineKey(tenant=LINE.tenant, pbx=LINE.pbx, line=LineName("sales"))


async def test_a_promise_is_returned_as_it_was_made(store: Store) -> None:
    promise = a_promise(1, incident=IncidentId("i9"), reason="pressed 1")
    assert await store.promises.make(promise) == (promise, True)
    assert await store.promises.get(promise.id) == promise
    assert await store.promises.open() == [promise]


async def test_one_origin_yields_one_promise_of_a_kind_even_after_it_ended(store: Store) -> None:
    first, _ = await store.promises.make(a_promise(1))
    await store.promises.step(first.id, Step.DECLINED, T0, "called again")
    again = a_promise(2, origin=first.origin)
    stored, made = await store.promises.make(again)
    assert (stored.id, stored.state, made) == (first.id, State.WITHDRAWN, False)
    assert await store.promises.make(replace(again, kind=Kind.RESTORED)) == (replace(again, kind=Kind.RESTORED), True)


async def test_an_open_promise_to_a_number_stands_for_later_ones_until_it_ends(store: Store) -> None:
    first, _ = await store.promises.make(a_promise(1))
    second = a_promise(2, number=first.number)
    assert await store.promises.make(second) == (first, False)
    await store.promises.step(first.id, Step.DECLINED, T0, "not needed")
    assert await store.promises.make(second) == (second, True)


async def test_the_same_number_on_another_line_or_for_another_tenant_is_another_promise(store: Store) -> None:
    first = a_promise(1)
    others = [
        a_promise(2, number=first.number, line=SALES.line),
        a_promise(3, number=first.number, tenant=TenantName("globex")),
        a_promise(4, number=first.number, kind=Kind.RESTORED),
    ]
    for promise in (first, *others):
        assert await store.promises.make(promise) == (promise, True)


async def test_claims_come_in_order_of_arrival_not_of_making(store: Store) -> None:
    for n in (3, 1, 2):
        await store.promises.make(a_promise(n, id=PromiseId(f"p{9 - n}")))
    claimed = [await store.promises.claim(LINE, IN_TURN, after(60), attempt(i)) for i in range(4)]
    assert [p and p.id for p in claimed] == ["p8", "p7", "p6", None]


async def test_a_claim_writes_promise_attempt_and_ledger(store: Store) -> None:
    await store.promises.make(a_promise(1))
    claimed = await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    assert claimed is not None
    assert (claimed.state, claimed.attempt, claimed.attempts) == (State.CLAIMED, attempt(1), 1)
    assert await store.promises.by_attempt(attempt(1)) == claimed
    assert await store.promises.in_flight(LINE.pbx) == [claimed]
    assert await store.promises.in_flight(PbxName("elsewhere")) == []
    assert [(e.what, e.state, e.attempt) for e in await store.promises.ledger(claimed.id)] == [
        ("made", State.WAITING, None),
        ("claim", State.CLAIMED, attempt(1)),
    ]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"not_before": after(61)}, id="not yet due"),
        pytest.param({"expires": after(60)}, id="expired"),
        pytest.param({"attempts": POLICY.attempts}, id="attempts used up"),
        pytest.param({"line": SALES.line}, id="another line"),
        pytest.param({"tenant": TenantName("globex")}, id="another tenant"),
        pytest.param({"pbx": PbxName("hamburg")}, id="another PBX"),
        pytest.param({"kind": Kind.RESTORED}, id="another kind"),
    ],
)
async def test_what_may_not_be_tried_now_is_not_claimed(store: Store, other: dict[str, object]) -> None:
    await store.promises.make(a_promise(1, **other))
    assert await store.promises.claim(LINE, IN_TURN, after(60), attempt(1)) is None
    assert await store.promises.by_attempt(attempt(1)) is None
    assert LINE not in await store.promises.due(LINE.pbx, after(60), IN_TURN)


async def test_a_number_in_flight_for_one_line_is_passed_over_on_another(store: Store) -> None:
    ringing = a_promise(1)
    await store.promises.make(ringing)
    await store.promises.make(a_promise(2, number=ringing.number, line=SALES.line))
    await store.promises.make(a_promise(3, line=SALES.line))
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))

    passed_over = await store.promises.claim(SALES, IN_TURN, after(60), attempt(2))
    assert passed_over is not None
    assert passed_over.id == "p3"
    assert await store.promises.due(LINE.pbx, after(60)) == []
    assert await store.promises.claim(SALES, IN_TURN, after(60), attempt(3)) is None

    await store.promises.step(ringing.id, Step.NO_ANSWER, after(90), "busy", attempt(1))
    freed = await store.promises.claim(SALES, IN_TURN, after(90), attempt(4))
    assert freed is not None
    assert freed.id == "p2"


async def test_an_attempt_id_serves_once(store: Store) -> None:
    await store.promises.make(a_promise(1))
    await store.promises.make(a_promise(2))
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    with pytest.raises(AttemptTaken, match="keepline-1"):
        await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    assert await store.promises.waiting_count(LINE) == 1


async def test_a_callback_that_is_kept(store: Store) -> None:
    await store.promises.make(a_promise(1), after(5))
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    story = [(Step.DIALLED, 61), (Step.RANG, 62), (Step.ANSWERED, 65), (Step.ACCEPTED, 70), (Step.JOINED, 72)]
    for what, second in story:
        promise = await store.promises.step(PromiseId("p1"), what, after(second), f"saw {what.value}", attempt(1))
    assert promise.state is State.KEPT
    assert await store.promises.open() == []
    assert await store.promises.recent(5) == [promise]
    assert await store.promises.by_attempt(attempt(1)) == promise
    assert [(e.at, e.what, e.reason) for e in await store.promises.ledger(promise.id)] == [
        (after(5), "made", ""),
        (after(60), "claim", "its turn"),
        *[(after(second), what.value, f"saw {what.value}") for what, second in story],
    ]


async def test_one_that_was_not_reached_waits_and_is_tried_again_with_another_attempt(store: Store) -> None:
    await store.promises.make(a_promise(1))
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    waiting = await store.promises.step(PromiseId("p1"), Step.NO_ANSWER, after(90), "no answer", attempt(1))
    assert (waiting.state, waiting.attempt, waiting.not_before) == (State.WAITING, None, after(90) + POLICY.spacing)
    assert await store.promises.claim(LINE, IN_TURN, after(91), attempt(2)) is None
    again = await store.promises.claim(LINE, IN_TURN, after(90) + POLICY.spacing, attempt(2))
    assert again is not None
    assert (again.attempts, again.attempt) == (2, attempt(2))
    assert await store.promises.by_attempt(attempt(1)) == again


async def test_news_of_an_old_attempt_changes_nothing(store: Store) -> None:
    await store.promises.make(a_promise(1))
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    await store.promises.step(PromiseId("p1"), Step.NO_ANSWER, after(90), "no answer", attempt(1))
    for now in (after(91), after(90) + POLICY.spacing):
        before = await store.promises.get(PromiseId("p1")), await store.promises.ledger(PromiseId("p1"))
        with pytest.raises(StaleAttempt, match="keepline-1"):
            await store.promises.step(PromiseId("p1"), Step.ANSWERED, now, "late news", attempt(1))
        assert before == (await store.promises.get(PromiseId("p1")), await store.promises.ledger(PromiseId("p1")))
        await store.promises.claim(LINE, IN_TURN, after(90) + POLICY.spacing, attempt(2))


async def test_a_write_based_on_what_is_no_longer_so_is_refused(store: Store) -> None:
    """Tried and waiting again is not the same as never tried, though the state is."""
    never_tried, _ = await store.promises.make(a_promise(1))
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    waiting = await store.promises.step(never_tried.id, Step.NO_ANSWER, after(90), "busy", attempt(1))
    ended = step(never_tried, Step.DECLINED, after(91), reason="not needed", policy=POLICY)
    with pytest.raises(StoreBusy, match="another writer"):
        await store._backend.write(lambda conn: moves.write(conn, never_tried, ended, after(91)))
    assert await store.promises.get(never_tried.id) == waiting


async def test_a_step_the_domain_refuses_changes_nothing(store: Store) -> None:
    promise, _ = await store.promises.make(a_promise(1))
    with pytest.raises(IllegalStep, match="waiting"):
        await store.promises.step(promise.id, Step.JOINED, T0, "impossible")
    assert await store.promises.get(promise.id) == promise
    assert len(await store.promises.ledger(promise.id)) == 1
    with pytest.raises(ValueError, match="a claim names its attempt"):
        await store.promises.step(promise.id, Step.CLAIM, T0, "not this way")
    with pytest.raises(UnknownPromise, match="p404"):
        await store.promises.step(PromiseId("p404"), Step.DECLINED, T0, "who?")


async def test_a_customer_who_gets_through_ends_the_promise_in_flight_and_frees_the_number(store: Store) -> None:
    first, _ = await store.promises.make(a_promise(1))
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    await store.promises.step(first.id, Step.DECLINED, after(61), "got through by calling")
    await store.promises.make(a_promise(2, number=first.number))
    claimed = await store.promises.claim(LINE, IN_TURN, after(62), attempt(2))
    assert claimed is not None
    assert claimed.id == "p2"


async def test_overdue_promises_end_with_their_reason_and_those_in_flight_do_not(store: Store) -> None:
    end = after(0) + POLICY.lifetime
    await store.promises.make(a_promise(1, expires=end))
    await store.promises.make(a_promise(2, attempts=POLICY.attempts))
    await store.promises.make(a_promise(3, expires=end + timedelta(seconds=1)))
    await store.promises.make(a_promise(4, expires=end, line=SALES.line))
    flying = await store.promises.claim(SALES, IN_TURN, after(60), attempt(1))

    ended = await store.promises.end_overdue(end)
    assert [(p.id, p.state) for p in ended] == [("p1", State.EXPIRED), ("p2", State.EXHAUSTED)]
    assert [p.id for p in await store.promises.open()] == ["p3", "p4"]
    assert await store.promises.in_flight(LINE.pbx) == [flying]
    assert "0 of 3 attempts" in (await store.promises.ledger(ended[0].id))[-1].reason
    assert await store.promises.end_overdue(end) == []


async def test_many_overdue_promises_all_end(store: Store) -> None:
    many = 201  # more than one transaction ends at once
    for n in range(many):
        await store.promises.make(a_promise(n))
    ended = await store.promises.end_overdue(after(days=30))
    assert len(ended) == many
    assert await store.promises.open() == []


async def test_promises_for_the_end_of_an_outage_are_due_when_it_resolves(store: Store) -> None:
    await store.incidents.save(an_incident("i1"))
    await store.promises.make(a_restored(1))
    await store.promises.make(a_restored(2, "i2"))
    assert await store.promises.claim(LINE, RESTORED, after(60), attempt(1)) is None

    released = await store.promises.release_restored(IncidentId("i1"), after(60))
    assert [(p.id, p.not_before, p.state) for p in released] == [("p1", after(60), State.WAITING)]
    assert (await store.promises.ledger(PromiseId("p1")))[-1].what == "released"
    claimed = await store.promises.claim(LINE, RESTORED, after(60), attempt(1))
    assert claimed == replace(
        released[0], state=State.CLAIMED, attempts=1, attempt=attempt(1), reason="its turn", not_before=after(60)
    )


async def test_a_second_release_does_not_shorten_the_wait_after_an_attempt(store: Store) -> None:
    await store.promises.make(a_restored(1))
    await store.promises.release_restored(IncidentId("i1"), after(60))
    await store.promises.claim(LINE, RESTORED, after(60), attempt(1))
    waiting = await store.promises.step(PromiseId("p1"), Step.NO_ANSWER, after(70), "busy", attempt(1))
    assert await store.promises.release_restored(IncidentId("i1"), after(71)) == []
    assert await store.promises.get(PromiseId("p1")) == waiting


async def test_a_crash_between_resolving_and_releasing_is_made_good(store: Store) -> None:
    await store.incidents.save(an_incident("i1"))
    await store.incidents.save(an_incident("i2"))
    await store.promises.make(a_restored(1, "i1"))
    await store.promises.make(a_restored(2, "i2"))
    await store.incidents.save(an_incident("i1", state=IncidentState.RESOLVED, changed=after(30)))
    assert [p.id for p in await store.promises.release_restored(None, after(60))] == ["p1"]


async def test_one_made_after_its_outage_ended_is_due_at_once(store: Store) -> None:
    await store.incidents.save(an_incident("i1", state=IncidentState.RESOLVED))
    made, is_new = await store.promises.make(a_restored(1))
    assert (is_new, made.not_before) == (True, made.arrived)
    assert (await store.promises.make(a_restored(2, "i2")))[0].not_before == NEVER
    assert await store.promises.due(LINE.pbx, after(60), RESTORED) == [LINE]


async def test_due_lines_come_longest_waiting_first_and_only_while_something_is_claimable(store: Store) -> None:
    await store.promises.make(a_promise(1, line=SALES.line))
    await store.promises.make(a_promise(2))
    await store.promises.make(a_promise(3, pbx=PbxName("hamburg"), tenant=TenantName("globex")))
    assert await store.promises.due(LINE.pbx, after(60)) == [SALES, LINE]
    assert await store.promises.due(LINE.pbx, after(60), RESTORED) == []
    await store.promises.claim(SALES, IN_TURN, after(60), attempt(1))
    assert await store.promises.due(LINE.pbx, after(60)) == [LINE]


async def test_waiting_promises_are_counted_per_line_and_kind(store: Store) -> None:
    for n in range(3):
        await store.promises.make(a_promise(n))
    await store.promises.make(a_restored(7))
    await store.promises.make(a_promise(8, line=SALES.line))
    await store.promises.claim(LINE, IN_TURN, after(60), attempt(1))
    assert await store.promises.waiting_count(LINE) == 3
    assert await store.promises.waiting_count(LINE, IN_TURN) == 2
    assert await store.promises.waiting_count(SALES, RESTORED) == 0


async def test_lists_are_by_pbx_and_bounded(store: Store) -> None:
    for n in range(4):
        await store.promises.make(a_promise(n))
    elsewhere, _ = await store.promises.make(a_promise(9, pbx=PbxName("hamburg")))
    assert await store.promises.open(PbxName("hamburg")) == [elsewhere]
    assert len(await store.promises.open()) == 5
    for n in (2, 0, 1):
        await store.promises.step(PromiseId(f"p{n}"), Step.DECLINED, after(100 - n), "not needed")
    assert [p.id for p in await store.promises.recent(2)] == ["p0", "p1"]
