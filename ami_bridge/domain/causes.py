"""Q.850 hang-up causes, sorted by whose doing they are.

An attempt that failed because a number is wrong or a phone busy says nothing about a trunk; one that failed because
the network could not carry it does. Source: ITU-T Q.850 and Asterisk's causes.h numbering.
"""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    NONE = "none"  # an ordinary end
    USER = "user"  # the called party: busy, away, refused, no such number
    NETWORK = "network"  # the way there


# 88 and 127 are what Asterisk makes of SIP answers about the call itself: codecs that do not match, a request that
# came too late.
_USER = {1, 2, 3, 17, 18, 19, 20, 21, 22, 23, 26, 28, 88, 127}
_NORMAL = {0, 16, 31}

BUSY = 17
NO_REPLY = 18
REFUSED = 21
ANSWERED_ELSEWHERE = 26

WORDS = {
    1: "no such number",
    3: "no route to that number",
    16: "hung up",
    17: "busy",
    18: "no reply",
    19: "not answered",
    20: "switched off or out of reach",
    21: "refused",
    27: "destination out of order",
    34: "no circuit free",
    38: "network out of order",
    41: "temporary failure",
    42: "congestion",
}


def fault(cause: int, *, alerted: bool = True) -> Fault:
    """Whose doing a hang-up with this Q.850 cause was; an unlisted cause counts against the network.

    "No reply" has two meanings: a phone that rang in vain, and an INVITE that nothing at all answered (408, after
    SIP's timer B of 32 s). `alerted` tells them apart: a leg that never rang was lost on its way.
    """
    if cause in _NORMAL:
        return Fault.NONE
    if cause == NO_REPLY and not alerted:
        return Fault.NETWORK
    return Fault.USER if cause in _USER else Fault.NETWORK


def words(cause: int) -> str:
    """The cause as people say it."""
    return WORDS.get(cause, f"cause {cause}")
