"""Promises in turn on the real test PBX: how soon a free agent's next customer is rung, in what order, and how many.

Some dozens of callers are owed a call on one queue, and two agents work them off. From the AMI event by which the PBX
says that an agent is free, as a second AMI client gets it, to the INVITE having reached the carrier, as its dialplan
reports it by AMI: both are read by this process, by one clock, and the second includes what the carrier's Asterisk
takes. The first fifty tell about order and numbers, all of them about time.

    python benchmarks/free_to_ring.py [promises]
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from itertools import pairwise
from statistics import median, quantiles

from docker.lab.ami import Event, NotSeen
from docker.lab.crashing import Crashing
from docker.lab.owing import AGENTS, Account, owe, settled
from docker.lab.side import Side, side
from docker.lab.stack import Stack

PROMISES = 110
ORDERED = 50
LONGEST = 1800.0  # seconds
GOAL = 100  # ms
FREE, BUSY = "1", {"2", "3", "6", "7", "8"}  # ast_device_state
CUSTOMER = {"mode": "answer", "ring": 0.2, "keys": "W1", "talk": 18}  # while the agent hears who it is, and a word


def freed(events: list[Event]) -> list[float]:
    """When each agent who had been busy was told to be free, in order (monotonic seconds)."""
    busy: set[str] = set()
    moments = []
    for event in events:
        if event.name != "QueueMemberStatus" or event["Queue"] != "support":
            continue
        if event["Status"] in BUSY:
            busy.add(event["Interface"])
        elif event["Status"] == FREE and event["Interface"] in busy:
            busy.discard(event["Interface"])
            moments.append(event.at)
    return moments


def delays(moments: list[float], rings: list[float]) -> list[float]:
    """Seconds from each freeing to the call it made room for: each call belongs to the earliest one that is left.

    A call that no freeing went before was room for from the beginning; a freeing after which nobody was left to call
    has none.
    """
    left = sorted(moments)
    return [ring - left.pop(0) for ring in sorted(rings) if left and left[0] <= ring]


def over(account: Account, agents: int) -> int:
    """How many calls came while as many customers as there are agents were on the phone with us already."""
    legs = sorted(account.legs.values(), key=lambda leg: leg.rang)
    together = (sum(o.rang <= leg.rang < (o.ended or time.monotonic()) for o in legs) for leg in legs)
    return sum(count > agents for count in together)


async def play(one: Side, promises: int) -> tuple[Account, list[float], list[str]]:
    """The promises are made while nobody is there, then the agents come; ends when all have been called."""
    account = Account(one.lab.carrier.recordings)
    account.take(one.lab.carrier.ami)
    crashing = Crashing(one, random.Random(0), print, account)
    await crashing.begin()
    for agent in AGENTS:
        await one.lab.carrier.agent_leaves(agent)
    numbers = [f"1555{7_000_000 + n}" for n in range(promises)]
    for number in numbers:
        await one.lab.carrier.phone(number, **CUSTOMER)
    await owe(one, numbers)
    await one.house.until(lambda s: len(s["owed"]) >= min(promises, 50), "the promises are in the ledger", 30)
    mark = one.lab.pbx.ami.mark()
    for agent in AGENTS:
        await one.lab.carrier.agent_arrives(agent)
    found = await settled(one, numbers, LONGEST)
    account.take(one.lab.carrier.ami)
    if left := [number for number in numbers if number not in found or not found[number].ended]:
        raise NotSeen(f"{len(left)} of {promises} promises have no end after {LONGEST:g} s")
    return account, freed(one.lab.pbx.ami.events(mark)), numbers


async def main(promises: int) -> int:
    stack = Stack()
    await stack.up()
    async with side(stack) as one:
        account, moments, numbers = await play(one, promises)
    legs = sorted(account.legs.values(), key=lambda leg: leg.rang)
    first = [leg.number for leg in legs][:ORDERED]
    # Two agents who come free together have their customers dialled together: the network may swap those two.
    swapped = sum(numbers.index(after) < numbers.index(before) - 1 for before, after in pairwise(first))
    took = delays(moments, [leg.rang for leg in legs])
    many = over(account, len(AGENTS))
    p99 = 1000 * quantiles(took, n=100, method="inclusive")[98]
    print(f"{len(legs)} calls to {len(numbers)} customers; {len(took)} times an agent came free for one")
    print(f"free agent to INVITE: median {1000 * median(took):.0f} ms, longest {1000 * max(took):.0f} ms")
    print(f"figure: agent_free_to_ring_p99 = {p99:.0f} ms (goal: {GOAL})")
    print(f"figure: order_violations_on_the_pbx = {swapped} (goal: 0)")
    print(f"figure: over_dialled_on_the_pbx = {many} (goal: 0)")
    return 0 if p99 <= GOAL and not swapped and not many and len(took) >= 100 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PROMISES)))
