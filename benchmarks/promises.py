"""A thousand promises on one queue with ten agents: days of simulated time, through the companion's own code.

The real runner, desk and store against a model PBX (tests/model), on a clock that jumps. Customers are busy, do not
answer, refuse, let a machine answer, ask for another time, need nothing any more, give up in the queue; agents take
other calls, and go home at six. What may not be, and is counted at the moment of each dial:

order_violations  A promise was dialled although another of the same line and kind that arrived earlier could have been:
                  it was waiting, was due (`not_before`) and unexpired when the dialled one was claimed, had attempts
                  left, and nobody was ringing its number.
over_dialled      Calls in turn that were on their way to an agent (dialled, ringing, answered or queued, and no agent
                  rung for them yet), the new one included, beyond the agents that were free at that moment.

    python benchmarks/promises.py [promises] [seed]
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from ami_bridge.domain.promise import ENDS, Step
from tests.model.account import audit
from tests.model.clockwork import Clockwork, simulated
from tests.model.companion import LINE, SimulatedCompanion, a_promise, settings
from tests.model.ledger import Database
from tests.model.lives import Life
from tests.model.pbx import FREE, IN_USE, Dial, ModelPbx
from tests.model.people import Behaviour, Phone, always

AGENTS = tuple(f"PJSIP/{number}" for number in range(101, 111))
ARRIVE_WITHIN = 6 * 3600  # seconds
HOME, BACK = 10 * 3600, 24 * 3600  # seconds after eight in the morning: agents go home at six and are back at eight
LONGEST = timedelta(days=5)
TICK = 60.0  # seconds; what is due by an event does not wait for it
ABSENT = 5  # ast_device_state: unavailable

# How calls go, by how often out of a hundred.
USUAL = (
    (58, Behaviour()),
    (10, Behaviour(phone=Phone.BUSY)),
    (12, Behaviour(phone=Phone.RINGS_OUT)),
    (4, Behaviour(phone=Phone.REJECTED)),
    (3, Behaviour(phone=Phone.NOT_REACHED)),
    (6, Behaviour(key="")),
    (3, Behaviour(key="2")),
    (2, Behaviour(key="3")),
    (2, Behaviour(patience=0.5)),
)


# What customers, networks and time do to a promise in turn; the other steps are news and orders of people.
REACHED = frozenset(Step) - {Step.TOLD, Step.WITHDRAW, Step.HOLD, Step.MOVE, Step.RETRY}


@dataclass
class Count:
    """What was seen at each dial."""

    database: Database
    attempts: int
    violations: list[str] = field(default_factory=list)
    over: list[str] = field(default_factory=list)

    def dialled(self, dial: Dial) -> None:
        if not dial.in_turn:
            return
        if dial.ahead + 1 > dial.free:
            self.over.append(f"at {dial.at:.0f} s: {dial.ahead + 1} calls for {dial.free} free agents")
        ((mine, began),) = self.database.rows(
            "select p.arrived, a.started from attempts a join promises p on p.id = a.promise where a.id = ?",
            dial.attempt,
        )
        earlier = self.database.rows(
            "select count(*) from promises p where p.line = ? and p.kind = 'in-turn' and p.state = 'waiting' "
            "and p.arrived < ? and p.not_before <= ? and p.expires > ? and p.attempts < ? and not exists "
            "(select 1 from attempts a where a.number = p.number and a.ended is null)",
            *(dial.line, mine, began, began, self.attempts),
        )[0][0]
        if earlier:
            self.violations.append(f"at {dial.at:.0f} s: {earlier} who arrived earlier could have been dialled")


class Day:
    """Who calls, who works, and what customers do, all by one seed."""

    def __init__(self, loop: Clockwork, pbx: ModelPbx, rng: random.Random) -> None:
        self._loop, self._pbx, self._rng = loop, pbx, rng

    def customer(self, number: str, _nth: int) -> Behaviour:
        """The last digits of a number tell whose it is: some are never there."""
        if number.endswith("77"):
            return Behaviour(phone=Phone.RINGS_OUT)
        weights, behaviours = zip(*USUAL, strict=True)
        one: Behaviour = self._rng.choices(behaviours, weights)[0]
        talk = self._rng.uniform(60, 300)
        return Behaviour(
            phone=one.phone,
            key=one.key,
            patience=one.patience,
            ring=self._rng.uniform(1, 15),
            listens=self._rng.uniform(1, 5),
            talk=talk,
        )

    async def others_call(self, device: str) -> None:
        """Now and then an agent is in a call that is none of ours; at night nobody is there."""
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / 1800))
            now = self._loop.time() % BACK
            if now >= HOME:
                await self._away(device, BACK - now, ABSENT)
            elif self._pbx.agents[device] == FREE:
                await self._away(device, self._rng.uniform(30, 240), IN_USE)

    async def _away(self, device: str, seconds: float, state: int) -> None:
        if self._pbx.agents[device] == FREE:
            self._pbx.agent(device, state)
            await asyncio.sleep(seconds)
            self._pbx.agent(device, FREE)


async def simulate(loop: Clockwork, promises: int, rng: random.Random) -> tuple[Database, ModelPbx, Count]:
    """Play until every promise has an end."""
    made = settings(attempts=4, spacing_seconds=600)
    database, pbx = Database(), ModelPbx(loop, always(Behaviour()))
    day, count = Day(loop, pbx, rng), Count(database, made.callback.attempts)
    pbx.customer = day.customer
    pbx.agents, pbx.on_dial = dict.fromkeys(AGENTS, FREE), count.dialled
    companion = SimulatedCompanion(loop, made, database, pbx, Life())
    companion.start()
    busy = [loop.create_task(day.others_call(device)) for device in AGENTS]
    began = loop.time()
    for n, at in enumerate(sorted(rng.uniform(5, ARRIVE_WITHIN) for _ in range(promises))):
        await asyncio.sleep(max(0.0, began + at - loop.time()))
        allowed = rng.random() > 0.01
        number = f"+1555{n:07}" if allowed else f"+4930{n:07}"
        lifetime = timedelta(hours=96 if rng.random() < 0.9 else 1)
        await companion.store.promises.make(a_promise(number, loop.clock(), lifetime=lifetime))
        assert companion.runner is not None
        companion.runner.promised(LINE)
    end = loop.time() + LONGEST.total_seconds()
    while database.rows("select 1 from promises where ended is null limit 1") and loop.time() < end:  # noqa: ASYNC110
        await asyncio.sleep(600)
    for task in busy:
        task.cancel()
    await asyncio.wait(busy)
    await companion.kill()
    return database, pbx, count


def tell(database: Database, pbx: ModelPbx, count: Count, lasted: float, took: float) -> bool:
    """Print what came of it; return whether all is as it should be."""
    ends = Counter(dict(database.rows("select state, count(*) from promises group by state")))
    steps = Counter(dict(database.rows("select what, count(*) from ledger group by what")))
    figures = audit(database, pbx, [])
    print(f"{ends.total()} promises, {len(pbx.dials)} dials, {lasted / 3600:.0f} h in {took:.0f} s")
    print("ends: " + ", ".join(f"{state} {n}" for state, n in sorted(ends.items())))
    print("steps: " + ", ".join(f"{what} {n}" for what, n in sorted(steps.items())))
    missing = [state.value for state in ENDS if not ends[state.value]] + [
        step.value for step in REACHED if not steps[step.value]
    ]
    if missing:
        print(f"never reached: {', '.join(sorted(missing))}")
    amiss = [*figures.all, *count.violations, *count.over]
    for one in amiss[:20]:
        print(one)
    print(f"figure: order_violations = {len(count.violations)} (goal: 0)")
    print(f"figure: over_dialled = {len(count.over)} (goal: 0)")
    return not amiss and not missing


def main(promises: int, seed: int) -> int:
    print(f"seed: {seed}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.monotonic()
    with simulated(TICK) as loop:
        database, pbx, count = loop.run_until_complete(simulate(loop, promises, random.Random(seed)))
        return 0 if tell(database, pbx, count, loop.time(), time.monotonic() - began) else 1


if __name__ == "__main__":
    sys.exit(
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 1000,
            int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6),
        )
    )
