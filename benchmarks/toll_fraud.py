"""How many hostile numbers get as far as a dial string: none may.

Premium, shared-cost, satellite and foreign ranges in every way of writing them, dial-string injection, help's and the
house's own numbers, at tenants of several countries; then ten thousand requests from one number, and from ten
thousand numbers that may be called.

    python benchmarks/toll_fraud.py [seed] [rounds]
"""

from __future__ import annotations

import random
import sys
from collections import Counter

from ami_bridge.domain.permission import Refusal, Refused
from benchmarks.fraud.flood import MANY, flood, one_caller
from benchmarks.fraud.hostile import Hostile, hostile
from benchmarks.fraud.houses import House, houses


def tried(house: House, numbers: list[Hostile]) -> tuple[list[str], Counter[str]]:
    """What went wrong at a house, and how often which reason was given."""
    wrong, reasons = [], Counter[str]()
    own = [Hostile(number, "the house's own", frozenset({Refusal.INTERNAL, Refusal.SHORT})) for number in house.own]
    for one in (*numbers, *own):
        if one.what in house.unjudged or not one.is_so_at(house.home):
            continue
        became = house.judge(one.given)
        if isinstance(became, Refused) and became.refusal in one.refusals and became.reason:
            reasons[became.refusal.value] += 1
        else:
            wrong.append(f"{house.name}: {one.what} {one.given[:40]!r}: {became}")
    return wrong, reasons


def main(seed: int, rounds: int) -> int:
    """Print the figures; return how many unwanted dials, unexplained or wrong refusals there were."""
    print(f"seed: {seed}")
    numbers = list(hostile(random.Random(seed), rounds))
    wrong: list[str] = []
    for house in houses():
        mistakes, reasons = tried(house, numbers)
        lost = [friend for friend in house.friends if not isinstance(house.judge(friend), str)]
        mistakes += [f"{house.name}: {friend} may be called, and was not" for friend in lost]
        told = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        print(f"{house.name}: {sum(reasons.values())} refused ({told})")
        wrong += mistakes
    for what, allowed, dialled in (one_caller(), flood(random.Random(seed))):
        print(f"{what}: {MANY} requests, {dialled} dials of {allowed} allowed")
        wrong += [f"{what}: one dial too many"] * max(0, dialled - allowed)
    for line in wrong[:50]:
        print(line)
    print(f"figure: unwanted_dials = {len(wrong)} dials (goal: 0)")
    return len(wrong)


if __name__ == "__main__":
    SEED = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(10**6)
    sys.exit(1 if main(SEED, int(sys.argv[2]) if len(sys.argv) > 2 else 3) else 0)
