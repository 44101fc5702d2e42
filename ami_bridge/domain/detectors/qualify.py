"""Whether a trunk's far end answers when Asterisk asks (qualify: SIP OPTIONS).

Asterisk repeats a request within its time-out (3 s) and reports a contact unreachable when all of that was in vain: a
hole in the network of three seconds is enough. It asks again only at the next qualify, often 60 s later, and until
then the trunk looks dead that long is not. So a loss is a suspicion at first, a second and a third opinion are asked
for (`asks_again`), and only if no answer comes for `confirm` is the far end given up. While it is away it is asked
again and again, so that its return is known soon. Some carriers answer no OPTIONS at all and carry
every call: calls that go well speak for the trunk, for a while each, and for good once they still do long after.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ami_bridge.domain.detectors.opinion import Opinion
from ami_bridge.domain.names import TrunkName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class QualifyLimits:
    """How long the far end may be silent, and what calls that go well say against that."""

    enabled: bool = True  # off for a far end known to answer no OPTIONS
    confirm: timedelta = timedelta(seconds=10)  # wait for a second and a third opinion: qualify_timeout (3 s) each
    ask_first: timedelta = timedelta(seconds=4)  # between these; Asterisk is done with one question by then
    ask_every: timedelta = timedelta(seconds=10)  # ask again so often while it does not answer, to know its return soon
    calls: timedelta = timedelta(minutes=5)  # a call that went well keeps the trunk from being given up for so long
    proof: timedelta = timedelta(minutes=30)  # calls go well so long after the loss: it merely answers no qualify
    alone: Strength = Strength.DOWN  # the most it says by itself: "down", "suspect" or "hint"


class Qualify:
    """Whether one trunk's far end is within reach."""

    def __init__(self, trunk: TrunkName, limits: QualifyLimits) -> None:
        self.limits = limits
        self._opinion = Opinion(Subject(Kind.TRUNK, trunk), Source.QUALIFY, limits.enabled)
        self._lost: datetime | None = None
        self._asked: datetime | None = None  # when a question last fell due
        self._called: datetime | None = None  # when a call last went well since the loss
        self._mute = False  # carries calls and answers no qualify
        self._question = False

    @property
    def asks_again(self) -> bool:
        """Whether the PBX should qualify the far end now; say `asked()` when it has been told to."""
        return self._question and self.limits.enabled

    def asked(self) -> None:
        """The question is on its way. The next falls due after `ask_first`, later after `ask_every`."""
        self._question = False

    def observe(self, reachable: bool, round_trip: timedelta | None, now: datetime) -> list[Signal]:
        """Take what qualifying found; `round_trip` where the PBX told it. The same news again is no news."""
        if reachable:
            self._lost, self._asked, self._called = None, None, None
            self._mute, self._question = False, False
            took = f", within {round_trip / timedelta(milliseconds=1):.0f} ms" if round_trip is not None else ""
            return self._opinion.become(Strength.CLEAR, f"the far end answers again{took}")
        if self._lost is None:
            known = self._opinion.strength >= self.limits.alone  # from an earlier run, or before a blind spot
            self._lost, self._asked = (now - self.limits.confirm if known else now), now
            self._question = True
        return self._weigh(now)

    def call_well(self, now: datetime) -> list[Signal]:
        """A call over the trunk alerted or was answered, or one came in."""
        if self._lost is None and self._opinion.strength is Strength.CLEAR:
            return []
        self._called = now
        self._mute = self._mute or (self._lost is not None and now - self._lost >= self.limits.proof)
        return self._weigh(now)

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: the second opinion stays away, a new question falls due, a good call proves less."""
        if self._lost is None:
            return []
        every = self.limits.ask_first if now - self._lost < self.limits.confirm else self.limits.ask_every
        if self._asked is not None and now - self._asked >= every:
            self._asked, self._question = now, True
        return self._weigh(now)

    def lost_sight(self, now: datetime) -> None:  # noqa: ARG002 - all detectors are told alike
        """The PBX was not watched, and what was lost may be back. What was said stands until the next report."""
        self._lost, self._question = None, False

    def resume(self, now: datetime) -> None:  # noqa: ARG002
        """An earlier run gave the far end up: that it answers is news, and that it does not needs no second opinion."""
        self._opinion.resume(self.limits.alone)

    def _weigh(self, now: datetime) -> list[Signal]:
        if self._lost is None:
            return []
        suspect = min(Strength.SUSPECT, self.limits.alone)
        if self._mute:
            return self._opinion.become(Strength.HINT, "the far end answers no qualify, but carries calls all the same")
        if self._called is not None and now - self._called < self.limits.calls:
            return self._opinion.become(suspect, "the far end does not answer, yet a call over it went well since")
        if now - self._lost < self.limits.confirm:
            return self._opinion.become(suspect, "the far end does not answer; asking again")
        asked = ", nor when asked again" if self.limits.confirm else ""
        words = f"the far end does not answer{asked}"
        return self._opinion.become(self.limits.alone, words)
