"""What goes in comes out: moments, whatever zone they were in, and text, whatever it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from ami_bridge.domain.names import IncidentId, LineName, TenantName
from ami_bridge.domain.promise import Step
from ami_bridge.domain.signal import Kind, Subject
from ami_bridge.store import LineKey, Store, Unstorable
from tests.contract.making import IN_TURN, LINE, NEVER, T0, a_cause, a_promise, after, an_incident, attempt, seen

HOSTILE = [
    "'; DROP TABLE promises; --",
    '" OR 1=1',
    "%s %(name)s :name ? $1 {}",
    "back\\slash \\' \\0",
    "line\r\nAction: Originate\r\n\r\n",
    "tab\t bell\x07 escape\x1b delete\x7f",
    "Zoë 🦊 \u202e\u200b\ufeff",
    " leading and trailing ",
    "NULL",
    "",
    "9" * 5000,
]
MOMENTS = [
    pytest.param(datetime(2026, 3, 1, 9, 0, 0, 1, tzinfo=UTC), id="a microsecond"),
    pytest.param(datetime(2026, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=14))), id="yesterday in UTC"),
    pytest.param(datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")), id="first half past two"),
    pytest.param(datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")), id="second half past two"),
    pytest.param(NEVER, id="the last moment there is"),
]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_moment_comes_back_as_the_same_moment_in_utc(store: Store, moment: datetime) -> None:
    promise, _ = await store.promises.make(a_promise(1, expires=moment), moment)
    stored = await store.promises.get(promise.id)
    assert stored is not None
    assert stored.expires == moment.astimezone(UTC)
    assert stored.expires.utcoffset() == timedelta(0)
    evidence = replace(seen("lost"), at=moment)
    incident = an_incident(causes=(a_cause(since=moment),), evidence=(evidence,), until=moment)
    await store.incidents.save(incident)
    [kept] = await store.incidents.open()
    assert (kept.causes[0].since, kept.evidence[0].at, kept.until) == (moment.astimezone(UTC),) * 3
    [made] = await store.promises.ledger(promise.id)
    assert (made.at, made.at.utcoffset()) == (moment.astimezone(UTC), timedelta(0))


async def test_order_of_arrival_is_of_moments_and_not_of_clock_faces(store: Store) -> None:
    east, west = timezone(timedelta(hours=9)), timezone(timedelta(hours=-8))
    arrivals = [
        T0.astimezone(east),
        (T0 + timedelta(microseconds=1)).astimezone(west),
        T0 + timedelta(seconds=1),
    ]
    for n in (2, 0, 1):
        await store.promises.make(a_promise(n, arrived=arrivals[n], not_before=arrivals[n]))
    assert [p.id for p in await store.promises.open()] == ["p0", "p1", "p2"]
    assert (
        await store.promises.claim(LINE, IN_TURN, (T0 - timedelta(microseconds=1)).astimezone(east), attempt(0)) is None
    )
    first = await store.promises.claim(LINE, IN_TURN, T0.astimezone(west), attempt(1))
    assert first is not None
    assert first.id == "p0"


async def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(Unstorable, match="without a zone"):
        await store.promises.make(a_promise(1, arrived=datetime(2026, 3, 1, 9, 0)))  # noqa: DTZ001 - the point of it
    naive = datetime(2026, 3, 1, 9, 0)  # noqa: DTZ001
    for values in ({"causes": (a_cause(since=naive),)}, {"evidence": (replace(seen("lost"), at=naive),)}):
        with pytest.raises(Unstorable, match="without a zone"):
            await store.incidents.save(an_incident(**values))
    assert await store.promises.open() == []


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_stored_to_the_letter(store: Store, text: str) -> None:
    line = LineKey(tenant=LINE.tenant, pbx=LINE.pbx, line=LineName(text))
    promise = a_promise(1, number=text, origin=text, line=text, reason=text, incident=IncidentId(text))
    assert await store.promises.make(promise) == (promise, True)
    claimed = await store.promises.claim(line, IN_TURN, after(60), attempt(text))
    assert claimed is not None
    assert (claimed.number, claimed.origin, claimed.attempt) == (text, text, attempt(text))
    await store.promises.step(promise.id, Step.NO_ANSWER, after(70), text, attempt(text))
    assert (await store.promises.ledger(promise.id))[-1].reason == text

    incident = an_incident(
        text,
        tenants=(TenantName(text),),
        causes=(a_cause(Subject(Kind.SITE, text), lines=(LineName(text),)),),
        lines=(LineName(text), LINE.line),
        what=text,
        evidence=(seen(text), seen("seen")),
    )
    await store.incidents.save(incident)
    assert await store.incidents.open() == [incident]
    assert (await store.incidents.timeline(incident.id))[0].evidence == (seen(text), seen("seen"))
    assert len(await store.promises.open()) == 1


@pytest.mark.parametrize("text", ["a\0b", "half \ud83d of a pair"])
async def test_text_that_a_database_cannot_hold_is_refused_by_both_and_leaves_nothing(store: Store, text: str) -> None:
    with pytest.raises(Unstorable, match="cannot be stored"):
        await store.promises.make(a_promise(1, origin=text))
    wrong: list[dict[str, object]] = [
        {"evidence": (seen("fine"), seen(text))},
        {"causes": (a_cause(Subject(Kind.SITE, text)),)},
        {"causes": (a_cause(lines=(LineName(text),)),)},
        {"tenants": (TenantName(text),)},
        {"what": text},
    ]
    for values in wrong:
        with pytest.raises(Unstorable, match="cannot be stored"):
            await store.incidents.save(an_incident(**values))
    promise, _ = await store.promises.make(a_promise(2))
    with pytest.raises(Unstorable, match="cannot be stored"):
        await store.promises.step(promise.id, Step.DECLINED, T0, text)
    assert await store.promises.open() == [promise]
    assert await store.incidents.open() == []
