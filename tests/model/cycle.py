"""One callback from the key press to its end, with something striking at one of its steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cache

from ami_bridge.domain.promise import Kind
from ami_bridge.settings import Settings
from tests.model.account import Figures, audit
from tests.model.clockwork import Clockwork, simulated
from tests.model.companion import LINE, SimulatedCompanion, a_promise, settings
from tests.model.ledger import Database
from tests.model.lives import Life, Moment
from tests.model.pbx import FREE, IN_USE, ModelPbx
from tests.model.people import Behaviour, Customer, Phone, always, then

NUMBER = "+15550001"
AGENT = "PJSIP/101"
TICK = 30.0  # seconds; what is due by an event does not wait for it
DOWN = 20.0  # seconds a companion that died is away
LONGEST = timedelta(hours=3)  # within which every cycle is over, whatever struck


class Victim(Enum):
    COMPANION = "the companion dies"
    PBX = "the PBX dies"
    BOTH = "both die"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """Strikes `victim` before or `after` a step of a companion's life, counted from the key press or from its start."""

    step: int
    after: bool
    victim: Victim


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a customer does, and what the promise comes to. `busy_after`: seconds after the first dial in which the only
    agent takes another call, for two minutes."""

    name: str
    ends: str
    customer: Customer
    kind: Kind = Kind.IN_TURN
    originate: str = "accepted"
    busy_after: float | None = None
    stands: bool = False  # the promise was made before the cycle begins
    number: str = NUMBER


_ACCEPTS = Behaviour()
STORIES = (
    Story(name="accepted", ends="kept", customer=always(_ACCEPTS)),
    Story(name="busy", ends="kept", customer=then(Behaviour(phone=Phone.BUSY), _ACCEPTS)),
    Story(name="rejected", ends="kept", customer=then(Behaviour(phone=Phone.REJECTED), _ACCEPTS)),
    Story(name="rings out", ends="kept", customer=then(Behaviour(phone=Phone.RINGS_OUT), _ACCEPTS)),
    Story(name="not reached", ends="kept", customer=then(Behaviour(phone=Phone.NOT_REACHED), _ACCEPTS)),
    Story(name="machine", ends="kept", customer=then(Behaviour(key=""), _ACCEPTS)),
    Story(name="later", ends="kept", customer=then(Behaviour(key="2"), _ACCEPTS)),
    Story(name="declined", ends="withdrawn", customer=always(Behaviour(key="3"))),
    Story(name="no agent after all", ends="kept", customer=then(Behaviour(patience=15.0), _ACCEPTS), busy_after=3.0),
    Story(name="never there", ends="exhausted", customer=always(Behaviour(phone=Phone.BUSY))),
    Story(name="not allowed", ends="blocked", customer=always(_ACCEPTS), number="+4930123456", stands=True),
    Story(name="news", ends="kept", customer=always(Behaviour(key="")), kind=Kind.RESTORED, stands=True),
    Story(name="answer late", ends="kept", customer=always(_ACCEPTS), originate="late"),
    Story(name="link lost", ends="kept", customer=always(_ACCEPTS), originate="lost"),
)


@cache
def _settings() -> Settings:
    return settings(attempts=4, spacing_seconds=60)


@dataclass(slots=True)
class Outcome:
    """What came of one run: the moments of the first life at which something could strike, the figures, the state."""

    moments: list[Moment]
    figures: Figures
    state: str


def play(
    story: Story,
    moment: Moment | None = None,
    victim: Victim = Victim.COMPANION,
    *,
    blows: Sequence[Blow] = (),
) -> Outcome:
    """Play `story`; `victim` is struck at `moment`, one of an earlier outcome; or each life by the next of `blows`."""
    if moment is not None:
        blows = [Blow(step=moment.step, after=moment.after, victim=victim)]
    with simulated(TICK) as loop:
        return loop.run_until_complete(_play(loop, story, list(blows)))


def different(moments: Iterable[Moment]) -> list[Moment]:
    """Without those at which the same step finds the same world once more, as whoever looks round in vain does."""
    return list({(one.what, one.after, one.world): one for one in reversed(list(moments))}.values())[::-1]


async def _play(loop: Clockwork, story: Story, blows: list[Blow]) -> Outcome:
    database, pbx = Database(), ModelPbx(loop, story.customer, originate=story.originate)
    pbx.agents = {AGENT: FREE}
    pbx.on_dial = lambda _dial: _take_agent(loop, pbx, story)
    life = Life()
    companion = SimulatedCompanion(loop, _settings(), database, pbx, life)
    try:
        companion.start()
        await _until(loop, lambda: companion.watches, timedelta(minutes=1))
        await asyncio.sleep(1)
        if story.stands:
            await companion.store.promises.make(a_promise(story.number, loop.clock(), story.kind))
        life.base = len(life.steps)
        if blows:
            _arm(life, blows.pop(0), pbx)
        else:
            life.world = lambda: _world(database, pbx)
        if not story.stands:
            pbx.press(story.number, LINE, "caller.1")
        companion = await _live_on(loop, companion, database, pbx, blows)
        figures = audit(database, pbx, [story.number])
        state = database.rows("select state from promises where number = ?", story.number)
        return Outcome(life.moments, figures, state[0][0] if state else "")
    finally:
        await companion.kill()


def _arm(life: Life, blow: Blow, pbx: ModelPbx) -> None:
    def both() -> None:
        pbx.kill()
        life.over.set()

    life.at, life.after = blow.step, blow.after
    life.strikes = {Victim.COMPANION: None, Victim.PBX: pbx.kill, Victim.BOTH: both}[blow.victim]


def _world(database: Database, pbx: ModelPbx) -> Hashable:
    """All that outlives a companion."""
    kept = tuple((family, tuple(entries.items())) for family, entries in sorted(pbx.astdb.items()))
    ledger = database.rows("select count(*), max(seq) from ledger")[0]
    return ledger, kept, tuple(pbx.channels), tuple(pbx.bridged), tuple(pbx.agents.items())


def _take_agent(loop: Clockwork, pbx: ModelPbx, story: Story) -> None:
    if story.busy_after is not None and len(pbx.dials) == 1:
        loop.call_later(story.busy_after, pbx.agent, AGENT, IN_USE)
        loop.call_later(story.busy_after + 120, pbx.agent, AGENT, FREE)


async def _live_on(
    loop: Clockwork, companion: SimulatedCompanion, database: Database, pbx: ModelPbx, blows: list[Blow]
) -> SimulatedCompanion:
    """Go on until every promise has an end and nobody is on the phone; a companion that dies gets a successor."""
    while True:
        life = companion.life
        await _until(loop, lambda life=life: life.over.is_set() or _done(database, pbx), LONGEST)
        if not life.over.is_set():
            await asyncio.sleep(2 * TICK)  # a second dial, if there is to be one, would come now
            if not life.over.is_set():
                return companion
        await companion.kill()
        await asyncio.sleep(DOWN)
        companion = SimulatedCompanion(loop, _settings(), database, pbx, Life())
        if blows:
            _arm(companion.life, blows.pop(0), pbx)
        companion.start()


def _done(database: Database, pbx: ModelPbx) -> bool:
    (made, ended), *_ = database.rows("select count(*), count(ended) from promises")
    return bool(made == ended and made and not pbx.channels and not pbx.astdb.get("keepline-keys"))


async def _until(loop: Clockwork, true: Callable[[], bool], within: timedelta) -> None:
    """Wait until it is `true`, or `within` has passed: what is then not so shows in the figures."""
    end = loop.time() + within.total_seconds()
    while not true() and loop.time() < end:  # noqa: ASYNC110 - the ledger has no event to wait for
        await asyncio.sleep(0.5)
