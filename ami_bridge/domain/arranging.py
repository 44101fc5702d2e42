"""What is said while a caller arranges a call back, all of it made beforehand: offers, windows, digits, refusals.

Each is a recording of its own, so that what a caller hears is chosen in the moment they call and nothing is rendered
or fetched for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from ami_bridge.domain.pace import Window
from ami_bridge.domain.promise import Kind
from ami_bridge.domain.saying import Key, Saying
from ami_bridge.domain.slots import Day, Part

ONE, TWO, THREE = "1", "2", "3"  # what they mean is said by the phrase that offers them
_AGAIN = Key.AGAIN.value

OFFER_WITHHELD = Saying(phrase="offer_withheld", keys=_AGAIN + ONE)
OFFER_OTHER = Saying(phrase="offer_other", keys=_AGAIN + ONE)
OFFER_KNOWN = Saying(phrase="offer_known", keys=_AGAIN + ONE)

NUMBER = Saying(phrase="arrange_number")
KEYS = Saying(phrase="arrange_keys", keys=_AGAIN + ONE + TWO + THREE)
KEYS_NUMBER = Saying(phrase="arrange_keys_number", keys=_AGAIN + ONE + TWO)
KEYS_TIME = Saying(phrase="arrange_keys_time", keys=_AGAIN + THREE)
DONE = Saying(phrase="arrange_done")
FAILED = Saying(phrase="arrange_failed")
UNCHANGED = Saying(phrase="arrange_unchanged")
NUMBER_ENTER = Saying(phrase="number_enter")
NUMBER_ENTERED = Saying(phrase="number_entered")
NUMBER_KEYS = Saying(phrase="number_keys", keys=_AGAIN + ONE + TWO)
NUMBER_NOTED = Saying(phrase="number_noted")
CHOOSE_TIME = Saying(phrase="choose_time", keys=_AGAIN + ONE + TWO + THREE)
SCHEDULED_NONE = Saying(phrase="scheduled_none")
PROMISED_KEYS = Saying(phrase="promised_keys", keys=_AGAIN + ONE + TWO + THREE)
PROMISED_KEYS_NUMBER = Saying(phrase="promised_keys_number", keys=_AGAIN + ONE + TWO + THREE)
CANCELLED = Saying(phrase="promised_cancelled")

_NOTED = {Kind.RESTORED: Saying(phrase="arrange_restored")}
_NOTED_IN_TURN = Saying(phrase="arrange_in_turn")
_PROMISED = {Kind.RESTORED: Saying(phrase="promised_restored"), Kind.SCHEDULED: Saying(phrase="promised_scheduled")}
_PROMISED_IN_TURN = Saying(phrase="promised_in_turn")
_WINDOWS = {window: Saying(phrase=window.value) for window in Window}
_SCHEDULED = {(day, part): Saying(phrase=f"scheduled_{day.value}_{part.value}") for day in Day for part in Part}
_DIGITS = {sign: Saying(phrase=f"digit_{sign}") for sign in "0123456789"} | {"+": Saying(phrase="digit_plus")}
# What a refusal's phrase is called after `refused_`; ami_bridge.domain.permission says which there are.
_REFUSALS = (
    *("withheld", "not_a_number", "short", "emergency", "internal", "region", "type", "do_not_call"),
    *("number_cap", "tenant_cap", "spend"),
)
_REFUSED = {name: Saying(phrase=f"refused_{name}") for name in _REFUSALS}


def noted(kind: Kind) -> Saying:
    """That a wish was written down."""
    return _NOTED.get(kind, _NOTED_IN_TURN)


def promised(kind: Kind) -> Saying:
    """That it had been written down before."""
    return _PROMISED.get(kind, _PROMISED_IN_TURN)


def window_saying(window: Window) -> Saying:
    """How long a call back takes as things are."""
    return _WINDOWS[window]


def scheduled(day: Day, part: Part) -> Saying:
    """At which time the caller will be called."""
    return _SCHEDULED[day, part]


def refused(name: str) -> Saying:
    """Why a number is not called, by the name of the refusal in lower case."""
    return _REFUSED[name]


def digits(number: str) -> tuple[Saying, ...]:
    """`number` sign by sign; it is digits with an optional leading `+`."""
    return tuple(_DIGITS[sign] for sign in number)


# What is offered to whoever waits in vain, beside what every line has standing.
OFFERS: tuple[Saying, ...] = (OFFER_WITHHELD, OFFER_OTHER, OFFER_KNOWN, *_REFUSED.values(), *_WINDOWS.values())
# Without all of these no call back can be arranged: one that was asked for is confirmed as it is.
CONVERSATION: tuple[Saying, ...] = (
    *(OFFER_WITHHELD, OFFER_OTHER, OFFER_KNOWN),
    *(NUMBER, KEYS, KEYS_NUMBER, KEYS_TIME, DONE, FAILED, UNCHANGED),
    *(NUMBER_ENTER, NUMBER_ENTERED, NUMBER_KEYS, NUMBER_NOTED, CHOOSE_TIME, SCHEDULED_NONE),
    *(PROMISED_KEYS, PROMISED_KEYS_NUMBER, CANCELLED, _NOTED_IN_TURN, _PROMISED_IN_TURN),
    *_NOTED.values(),
    *_PROMISED.values(),
    *_SCHEDULED.values(),
    *_DIGITS.values(),
    *_REFUSED.values(),
)


def standing() -> Iterable[Saying]:
    """All of it, each once."""
    return {saying.phrase: saying for saying in (*OFFERS, *CONVERSATION)}.values()
