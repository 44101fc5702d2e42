"""Whether a customer was reached: by a call we placed for them, or by an agent on any other way.

The dialplan marks how far a call it was given came, and says so as it happens. Where neither is known, the cause of the
hang-up tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ami_bridge.domain import events as ev
from ami_bridge.domain import facts as fa
from ami_bridge.domain.causes import words
from ami_bridge.domain.names import Uniqueid
from ami_bridge.domain.promise import State, Step, unreached
from ami_bridge.domain.tracker import Tracker

# The steps that lead to where a mark says a call came.
MARKS: Mapping[str, tuple[Step, ...]] = {
    "dialling": (Step.RANG,),  # by an agent who waits for the customer
    "answered": (Step.ANSWERED,),
    "accepted": (Step.ANSWERED, Step.ACCEPTED),
    "joined": (Step.ANSWERED, Step.ACCEPTED, Step.JOINED),
    "unmet": (Step.ANSWERED, Step.ACCEPTED, Step.UNMET),
    "told": (Step.ANSWERED, Step.TOLD),
    "later": (Step.ANSWERED, Step.LATER),
    "declined": (Step.ANSWERED, Step.DECLINED),
}
# An agent was asked first, and the customer's phone has not rung.
BEFORE_THE_CUSTOMER = frozenset({"", "unattended", "agent"})


def by_dial(mark: str) -> tuple[Step, str] | None:
    """What dialling a customer came to, and why, by the mark `ended-<DIALSTATUS>-<cause>`; None for other marks."""
    match mark.split("-"):
        case ["ended", status, cause]:
            number = int(cause) if cause.isdigit() else 0
            return _BY_STATUS.get(status) or unreached(number), words(number)
    return None


# CHANUNAVAIL and CONGESTION have many reasons, which the cause tells.
_BY_STATUS = {"BUSY": Step.BUSY, "CANCEL": Step.NO_ANSWER}


def ended(state: State, unanswered: Step) -> Step:
    """What the end of its call means for a promise in `state`; `unanswered` if the customer had not answered."""
    if state is State.CONFIRMING:
        return Step.MACHINE
    return Step.UNMET if state is State.CONNECTING else unanswered


@dataclass(slots=True)
class Reached:
    """Whom the calls on one PBX are for: the numbers that phones outside were asked for, while they are dialled."""

    tracker: Tracker
    _asked: dict[Uniqueid, str] = field(default_factory=dict)

    def dial_begun(self, event: ev.DialBegun) -> None:
        if event.number and event.target in self.tracker.channels:
            self._asked[event.target] = event.number

    def hung_up(self, event: ev.ChannelHungUp) -> None:
        self._asked.pop(event.uniqueid, None)

    def lost_sight(self) -> None:
        """After a gap: forget what was dialled and is gone."""
        for gone in self._asked.keys() - self.tracker.channels.keys():
            del self._asked[gone]

    def number_of(self, fact: fa.Answered) -> str:
        """The number that was asked for where `fact.by` answered; empty where a plain device was rung."""
        call = self.tracker.calls.get(fact.call)
        channels = self.tracker.channels
        for uniqueid in call.channels if call else ():
            if channels[uniqueid].name == fact.by:
                return self._asked.get(uniqueid, "")
        return ""
