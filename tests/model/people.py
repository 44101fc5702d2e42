"""Who is called back and who answers, as the model PBX meets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Phone(Enum):
    """What a customer's phone does when it is called."""

    PICKED_UP = "picked up"
    BUSY = "busy"
    REJECTED = "rejected"
    RINGS_OUT = "rings out"
    NOT_REACHED = "not reached"  # the network cannot place the call


CAUSES = {Phone.BUSY: 17, Phone.REJECTED: 21, Phone.RINGS_OUT: 19, Phone.NOT_REACHED: 34}
STATUSES = {
    Phone.BUSY: "BUSY",
    Phone.REJECTED: "BUSY",
    Phone.RINGS_OUT: "NOANSWER",
    Phone.NOT_REACHED: "CONGESTION",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How one call to a customer goes. `key` is what they press, empty for a machine; times are in seconds.

    `patience` is how long they wait in the queue after they accepted; `solved` what they say afterwards.
    """

    phone: Phone = Phone.PICKED_UP
    key: str = "1"
    ring: float = 2.0
    listens: float = 3.0
    talk: float = 30.0
    patience: float = 60.0


# What the customer does at their n-th call (from 0).
Customer = Callable[[str, int], Behaviour]


def always(behaviour: Behaviour) -> Customer:
    return lambda _number, _nth: behaviour


def then(*behaviours: Behaviour) -> Customer:
    """One after the other; the last from then on."""
    return lambda _number, nth: behaviours[min(nth, len(behaviours) - 1)]
