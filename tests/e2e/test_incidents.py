"""Each fault of the real telephone network becomes one incident: with its cause and evidence, told to the callers it
touches and to no others, and over by itself once it is mended.

The companion begins each test with an empty ledger. Support and sales are Acme's, over acme-primary; workshop and desk
are Brook's, over acme-backup, and the site hamburg belongs to workshop (docker/keepline.toml).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from docker.lab.faults import Faults, talking
from docker.lab.stack import Stack
from docker.lab.story import Quiet, Story, told
from docker.lab.witness import Incident, Witness, witnessed

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SITE = ("105", "106", "107", "108")
DESK = ("103", "104")
CUSTOMERS = tuple(f"1555123005{n}" for n in range(4))
ACME, BROOK = ("support", "sales"), ("workshop", "desk")
Record = Callable[[str, object], None]


@pytest_asyncio.fixture(loop_scope="session")
async def story(stack: Stack) -> AsyncIterator[Story]:
    async with told(stack, Quiet()) as story:
        await story.begin()
        yield story
        await story.lab.carrier.reset()


@pytest.fixture
def faults(story: Story) -> Faults:
    return Faults(story.stack, story.lab)


@pytest_asyncio.fixture(loop_scope="session")
async def seen(story: Story) -> AsyncIterator[Witness]:
    async with witnessed(story.house, story.lab.pbx) as witness:
        yield witness


class Stopwatch:
    """How long after the fault something was seen; kept with the test's results."""

    def __init__(self, record: Record) -> None:
        self._record, self._began = record, time.monotonic()

    def __call__(self, what: str) -> None:
        self._record(what, round(time.monotonic() - self._began, 2))


def known(incident: Incident) -> bool:
    return bool(incident["state"] == "identified" and incident["told"])


def causes(incident: Incident) -> set[str]:
    return {f"{cause['kind']} {cause['name']}" for cause in incident["causes"]}


def words(incident: Incident, source: str) -> str:
    """All that this witness said, with when it was seen."""
    said = [one for one in incident["evidence"] if one["source"] == source]
    assert all(one["at"] for one in said)
    return "; ".join(one["text"] for one in said)


async def is_over(seen: Witness) -> Incident:
    """The incident ends by itself, and nobody is told anything any more."""
    ended = await seen.sees(lambda i: i["state"] == "resolved", "the incident is resolved", deadline=60)
    await seen.announces()
    assert all(cause["over"] for cause in ended["causes"])
    return ended


async def agents_come(story: Story, *agents: str) -> None:
    for agent in agents:
        await story.lab.carrier.agent_arrives(agent)
    for agent in agents:
        await story.lab.pbx.agent_becomes(agent, "NOT_INUSE")


async def call_out(story: Story, answered: bool) -> None:
    """Somebody at a desk calls each customer, over acme-primary if it works and else over acme-backup."""
    address = (await story.stack.settings())["KEEPLINE_NET"] + ".10"
    for number in CUSTOMERS:
        await story.lab.carrier.phone(number, mode="answer", ring=0.2, tone=800)
        call = await story.lab.carrier.call_from("101", f"sip:{number}@{address}:5060")
        if answered:
            await call.answered()
            await call.hangup()


@pytest.mark.faults
async def test_a_killed_carrier(story: Story, faults: Faults, seen: Witness, record_property: Record) -> None:
    after = Stopwatch(record_property)
    async with faults.carrier_killed():
        found = await seen.sees(lambda i: known(i) and len(i["causes"]) == 2, "both trunks are one incident")
        after("identified")
        await seen.announces(*ACME, *BROOK)
        after("announced")
        assert causes(found) == {"trunk acme-primary", "trunk acme-backup"}
        assert set(found["tenants"]) == {"acme", "brook"}
        assert set(found["lines"]) == {*ACME, *BROOK}
        assert "does not answer" in words(found, "qualify")
    ended = await is_over(seen)
    assert "answers again" in words(ended, "qualify")
    assert len(seen.incidents) == 1


@pytest.mark.faults
async def test_a_rejected_registration(story: Story, faults: Faults, seen: Witness, record_property: Record) -> None:
    after = Stopwatch(record_property)
    async with faults.registration_rejected("acme-primary"):
        found = await seen.sees(known, "the registration's incident")
        after("identified")
        await seen.announces(*ACME)
        touches_acme_primary(found)
        assert "does not accept the registration" in words(found, "registration")
    ended = await is_over(seen)
    assert "registered with the carrier again" in words(ended, "registration")
    assert seen.announced == set(ACME)


def touches_acme_primary(found: Incident) -> None:
    assert causes(found) == {"trunk acme-primary"}
    assert (found["tenants"], set(found["lines"])) == (["acme"], set(ACME))


@pytest.mark.faults
async def test_a_cut_network(story: Story, faults: Faults, seen: Witness, record_property: Record) -> None:
    """Packets are dropped, not refused."""
    after = Stopwatch(record_property)
    async with faults.network_cut("primary"):
        found = await seen.sees(known, "the trunk's incident")
        after("identified")
        await seen.announces(*ACME)
        after("announced")
        touches_acme_primary(found)
        assert "does not answer" in words(found, "qualify")
    ended = await is_over(seen)
    assert "answers again" in words(ended, "qualify")
    assert seen.announced == set(ACME)


@pytest.mark.faults
async def test_a_cut_network_under_traffic_is_known_from_its_calls(
    story: Story, faults: Faults, seen: Witness, record_property: Record
) -> None:
    """Whichever is first, calls in silence or the qualify: it is one incident."""
    await call_out(story, answered=True)
    after = Stopwatch(record_property)
    async with faults.network_cut("primary"):
        await call_out(story, answered=False)
        found = await seen.sees(known, "the trunk's incident")
        after("identified")
        await seen.announces(*ACME)
        touches_acme_primary(found)
        await story.lab.carrier.hang_up_all()
    await is_over(seen)
    assert seen.announced == set(ACME)


async def test_a_carrier_that_answers_503(story: Story, faults: Faults, seen: Witness, record_property: Record) -> None:
    """Its OPTIONS and REGISTER go well throughout: only the calls tell."""
    async with faults.calls_refused("acme-primary"):
        after = Stopwatch(record_property)
        await call_out(story, answered=True)  # over acme-backup, as the dialplan has it
        after("four calls made")
        found = await seen.sees(known, "the trunk's incident")
        after("identified")
        await seen.announces(*ACME)
        touches_acme_primary(found)
        assert "calls in a row failed" in words(found, "calls")
        assert not words(found, "qualify")
        assert not words(found, "registration")
    await call_out(story, answered=True)
    ended = await is_over(seen)
    assert "calls go through again" in words(ended, "calls")
    assert seen.announced == set(ACME)


@pytest.mark.faults
async def test_the_phones_of_a_cut_site(story: Story, faults: Faults, seen: Witness, record_property: Record) -> None:
    await agents_come(story, *SITE, "101")
    after = Stopwatch(record_property)
    async with faults.network_cut("site"):
        found = await seen.sees(known, "the site's incident")
        after("identified")
        await seen.announces("workshop")
        assert causes(found) == {"site hamburg"}
        assert (found["tenants"], found["lines"]) == (["brook"], ["workshop"])
        assert "of 4 phones went at once" in words(found, "phones")
    ended = await is_over(seen)
    assert "are back" in words(ended, "phones")
    assert seen.announced == {"workshop"}


@pytest.mark.parametrize(("how", "why"), [("out", "nobody is logged in"), ("paused", "is paused")])
async def test_a_queues_agents_are_gone(
    story: Story, faults: Faults, seen: Witness, record_property: Record, how: str, why: str
) -> None:
    await agents_come(story, *DESK)
    after = Stopwatch(record_property)
    async with faults.agents_logged_out(DESK) if how == "out" else faults.agents_paused("desk", DESK):
        found = await seen.sees(known, "the line's incident")
        after("identified")
        await seen.announces("desk")
        assert causes(found) == {"line desk"}
        assert (found["tenants"], found["lines"], found["story"]) == (["brook"], ["desk"], "unanswered")
        assert why in words(found, "agents")
    ended = await is_over(seen)
    assert "an agent is there again" in words(ended, "agents")
    assert seen.announced == {"desk"}


@pytest.mark.faults
async def test_audio_with_packets_lost(story: Story, faults: Faults, seen: Witness, record_property: Record) -> None:
    async with talking(story.lab, CUSTOMERS):
        after = Stopwatch(record_property)
        async with faults.packets_lost(0.3):
            found = await seen.sees(known, "the trunk's incident")
            after("identified")
            await seen.announces(*ACME)
            touches_acme_primary(found)
            assert found["story"] == "audio"
            assert "calls lose so many packets" in words(found, "audio")
        ended = await is_over(seen)
    assert "sound as they should again" in words(ended, "audio")
    assert seen.announced == set(ACME)
