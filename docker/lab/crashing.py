"""SIGKILL to the companion, the PBX, or both, at random points of callbacks on the real PBX: who was dialled?

    python -m docker.lab.crashing [POINTS] [SEED] [22|16]

Some promises are always on their way. At a random moment something is killed, and starts again, and is killed again,
also while it is still finding out what happened. Now and then all is let settle, and the ledger is held against the
carrier's own account: which calls came for which number, and who heard an agent (docker/lab/owing.py). What is counted,
and what is not: docs/faults.md.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from dialplan_templates.contract import ATTEMPTS, KEYS, LINES
from docker.lab.ami import NotSeen
from docker.lab.owing import AGENTS, CONNECTED, Account, Leg, Owed, no_calls, owe, settled
from docker.lab.side import LEDGER, Side, side
from docker.lab.stack import Stack

POINTS = 200
IN_FLIGHT = 6  # promises on their way at a time
ROUND = 25  # points between two settlements
SETTLES_WITHIN = 240.0  # seconds
LATEST = 4.0  # seconds from one recovery to the next blow, at most
VICTIMS = (("companion", 65), ("pbx", 30), ("both", 5))  # of a hundred blows each
# What customers do, of a hundred: how their phones are described to the carrier (docker/carrier/extensions.conf).
Manner = dict[str, str | float]
ACCEPTS: Manner = {"mode": "answer", "ring": 0.5, "keys": "WWW1", "talk": 18}
MANNERS: tuple[tuple[Manner, int], ...] = (
    (ACCEPTS, 70),
    ({"mode": "answer", "ring": 0.5, "keys": "WWW3", "talk": 9}, 10),
    ({"mode": "answer", "ring": 0.5, "talk": 4}, 8),
    ({"mode": "busy"}, 6),
    ({"mode": "reject"}, 6),
)

Say = Callable[[str], None]


@dataclass(slots=True)
class Tally:
    """What must be none, in words."""

    points: int = 0
    promises: int = 0
    dials: int = 0
    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)

    @property
    def amiss(self) -> list[str]:
        return [*self.lost, *self.double, *self.disagreements]

    def figures(self) -> list[str]:
        return [
            f"figure: promises_lost = {len(self.lost)} (goal: 0)",
            f"figure: double_dials = {len(self.double)} (goal: 0)",
            f"figure: ledger_disagreements = {len(self.disagreements)} (goal: 0)",
        ]


@dataclass(slots=True)
class Crashing:
    """Blows on one side of the lab. `owing` are the numbers of this round, all of the run's are different."""

    side: Side
    rng: random.Random
    say: Say
    account: Account
    tally: Tally = field(default_factory=Tally)
    owing: list[str] = field(default_factory=list)
    away: set[str] = field(default_factory=set)  # numbers where nobody presses a key at first
    killed: list[float] = field(default_factory=list)  # when the PBX died (monotonic)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def begin(self) -> None:
        """An empty ledger, nobody calling, both agents there."""
        await self.side.lab.carrier.reset()
        await self.side.lab.pbx.ami.command("channel request hangup all")
        await self.side.shell(self.side.keepline, f"rm -f {LEDGER}*")
        await self.side.stack.kill(self.side.keepline)
        for family in (LINES, KEYS, ATTEMPTS):
            await self.side.lab.pbx.ami.command(f"database deltree {family}")
        await self.side.stack.start(self.side.keepline)
        for agent in AGENTS:
            await self.side.lab.carrier.agent_arrives(agent)

    async def run(self, points: int) -> Tally:
        """Strike `points` times, settling after each ROUND."""
        for point in range(1, points + 1):
            await self._top_up()
            await asyncio.sleep(self.rng.uniform(0.1, LATEST))
            await self._strike()
            self.tally.points += 1
            if point % ROUND == 0 or point == points:
                await self._settle()
                self.say(
                    f"Asterisk {self.side.version}: {point} blows, {self.tally.promises} promises, "
                    f"{self.tally.dials} dials, amiss: {len(self.tally.amiss)}"
                )
        return self.tally

    async def _top_up(self) -> None:
        """As many promises as were dialled in the last moments are made anew."""
        self.account.take(self.side.lab.carrier.ami)
        waiting = [n for n in self.owing if not any(leg.answered for leg in self.account.of(n))]
        fresh = [f"1555{self._next():07}" for _ in range(IN_FLIGHT - len(waiting))]
        for number in fresh:
            manner = self.rng.choices([m for m, _ in MANNERS], [often for _, often in MANNERS])[0]
            await self.side.lab.carrier.phone(number, **manner)
            if "keys" not in manner:
                self.away.add(number)
        await owe(self.side, fresh)
        self.owing += fresh

    def _next(self) -> int:
        return 6_000_000 + next(self._numbers)

    async def _strike(self) -> None:
        """Kill and start again."""
        [victim] = self.rng.choices([one for one, _ in VICTIMS], [often for _, often in VICTIMS])
        if victim in ("companion", "both"):
            await self.side.stack.kill(self.side.keepline)
        if victim in ("pbx", "both"):
            # Its callers' phones are cut off with it; no SIP of a process that was killed tells the carrier so.
            self.killed.append(time.monotonic())
            await self.side.stack.kill(self.side.pbx)
            await self.side.lab.carrier.hang_up_all()
            await self.side.stack.start(self.side.pbx)
            await self.side.lab.pbx.ami.close()
            self.side.lab.pbx.ami = await self.side.stack.ami(self.side.pbx)
        if victim in ("companion", "both"):
            await self.side.stack.start(self.side.keepline)

    async def _settle(self) -> None:
        """Let everything come to its end, and hold both accounts against each other. Who was not there is there now."""
        self.account.take(self.side.lab.carrier.ami)
        for number in self.owing:
            if number in self.away and self.account.of(number):
                await self.side.lab.carrier.phone(number, **ACCEPTS)
        found = await settled(self.side, self.owing, SETTLES_WITHIN)
        await no_calls(self.side)
        self.account.take(self.side.lab.carrier.ami)
        await self.account.listen(self.owing)
        known = set(self.tally.amiss)
        for number in self.owing:
            self._judge(number, found.get(number), self.account.of(number))
        for one in self.tally.amiss:
            if one not in known:
                self.say(f"amiss: {one}")
        self.tally.promises += len(self.owing)
        self.owing.clear()

    def _judge(self, number: str, owed: Owed | None, legs: list[Leg]) -> None:
        tally = self.tally
        tally.dials += len(legs)
        if owed is None or not owed.ended:
            tally.lost.append(f"{number}: {'in no ledger' if owed is None else f'still {owed.state}, {owed.reason}'}")
            return
        tally.ends[owed.state] = tally.ends.get(owed.state, 0) + 1
        for before, after in pairwise(legs):
            if before.ended is None or before.ended > after.rang:
                tally.double.append(f"{number} was dialled while it was being called")
            elif before.heard >= CONNECTED:
                tally.double.append(f"{number} was dialled again after {before.heard:.1f} s with an agent")
        tally.disagreements += [f"{number} is {owed.state}: {why}" for why in self._differs(owed, legs)]

    def _differs(self, owed: Owed, legs: list[Leg]) -> list[str]:
        """What the ledger says that the carrier did not see, and the other way round."""
        answered = [leg for leg in legs if leg.answered is not None]
        found = []
        if len(legs) > len(owed.began):
            found.append(f"{len(legs)} calls came, and {len(owed.began)} attempts are known")
        if owed.noted.count("answered") > len(answered):
            found.append(f"answered {owed.noted.count('answered')} times, and the carrier saw {len(answered)}")
        if owed.state == "kept" and not any(self._met(leg) for leg in answered):
            found.append("no agent's phone was answered for it")
        if owed.state != "kept" and any(leg.heard >= CONNECTED for leg in answered):
            found.append("the customer talked with an agent")
        return found

    def _met(self, leg: Leg) -> bool:
        """They heard an agent, or one had picked up when everything was cut off."""
        cut = any(leg.ended is not None and abs(leg.ended - at) < 3.0 for at in self.killed)
        picked_up = any(leg.rang < at <= (leg.ended or at) + 1.0 for at in self.account.agents)
        return leg.heard >= CONNECTED or (leg.heard > 0 and picked_up) or (cut and picked_up)


async def crash(stack: Stack, points: int, seed: int, say: Say, *, old: bool = False) -> Tally:
    """Strike `points` times on one side, from a known beginning; leave everything mended."""
    say(f"Asterisk {'16' if old else '22'}: {points} points, seed {seed}")
    async with side(stack, old=old) as one:
        account = Account(one.lab.carrier.recordings)
        account.take(one.lab.carrier.ami)
        crashing = Crashing(one, random.Random(seed), say, account)
        try:
            await crashing.begin()
            return await crashing.run(points)
        finally:
            await one.mend()


async def _main(arguments: list[str]) -> int:
    versions = [one for one in arguments if one in ("16", "22")]
    numbers = [int(one) for one in arguments if one not in ("16", "22")]
    points = numbers[0] if numbers else POINTS
    seed = numbers[1] if len(numbers) > 1 else random.SystemRandom().randrange(10**6)
    old = versions == ["16"]
    stack = Stack()
    await (stack.up("carrier16", "pbx16", "keepline16") if old else stack.up())
    began = time.monotonic()
    tally = await crash(stack, points, seed, lambda text: print(text, flush=True), old=old)
    print(f"{tally.points} points in {(time.monotonic() - began) / 60:.1f} minutes; ends: {tally.ends}")
    print(*tally.amiss, *tally.figures(), sep="\n")
    return 1 if tally.amiss else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(_main(sys.argv[1:])))
    except NotSeen as problem:
        sys.exit(str(problem))
