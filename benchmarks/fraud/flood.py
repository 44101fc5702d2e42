"""Requests by the thousand, at a tenant that counts them: from one number, and from as many numbers as there are."""

from __future__ import annotations

import random
from collections import Counter

from ami_bridge.domain.permission import Usage
from ami_bridge.rulebook import MONEY
from benchmarks.fraud.houses import House, houses

MANY = 10_000
RATE = 250  # a minute, in ten-thousandths


def one_caller() -> tuple[str, int, int]:
    """The same number again and again within a day; what it is, how many dials are allowed, how many there were."""
    house = houses()[0]
    dials = 0
    for _ in range(MANY):
        usage = Usage(number_attempts=dials, tenant_attempts=dials)
        dials += isinstance(house.judge("+4930901820", usage), str)
    return "one number", 5, dials


def flood(rng: random.Random) -> tuple[str, int, int]:
    """Numbers that may be called, each asking once: the tenant's calls of the day are an end to it."""
    house = houses()[0]
    seen, dials = Counter[str](), 0
    for _ in range(MANY):
        number = f"+4930{rng.randint(20000000, 99999999)}"
        usage = Usage(number_attempts=seen[number], tenant_attempts=dials)
        if isinstance(house.judge(number, usage), str):
            dials += 1
            seen[number] += 1
    return "many numbers", 200, dials


def spent(house: House, rng: random.Random) -> int:
    """What such a flood costs a tenant with rates and a limit, when each call lasts a minute; in whole units."""
    cost = 0
    for _ in range(MANY):
        number = f"+4930{rng.randint(20000000, 99999999)}"
        if isinstance(house.judge(number, Usage(tenant_cost=cost)), str):
            cost += house.rulebook.rules.cost(house.rulebook.facts(number), 60)
    return cost // MONEY
