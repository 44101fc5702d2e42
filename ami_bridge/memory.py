"""How the garbage collector is kept from keeping callers and events waiting."""

from __future__ import annotations

import gc

# How many more objects must have been made than freed before the young ones are looked at: more than hundreds of
# callers at once need, whose objects are all freed without it. Python's own number is 700.
YOUNG = 20_000


def settle_memory() -> None:
    """What was made until now stays: the collector need not look at it again. To be called when all is furnished."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
