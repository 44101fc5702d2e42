"""Whether a trunk's registration with its carrier holds, and whether it matters that it does not.

A registration is renewed every few minutes and passes through other states while it is, and a PBX that has just started
waits up to 10 s before it registers: so a bad state counts only after `settle`. One request that gets lost or a carrier
that is busy leaves the registration rejected until the next attempt, which Asterisk makes after 60 s (retry_interval):
so `grace` is longer than that. The carrier itself remembers the last registration until it expires, so calls may go
on coming in for up to an hour; as long as they do, callers lack nothing. Calls that still come in after the longest
expiry come without any registration (many carriers go by the address), and then it says nothing about the trunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ami_bridge.domain.detectors.opinion import Opinion, span
from ami_bridge.domain.events import RegistrationState
from ami_bridge.domain.names import TrunkName
from ami_bridge.domain.signal import Kind, Signal, Source, Strength, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationLimits:
    """How long a registration may be bad, and how far calls that come in speak against it."""

    enabled: bool = True  # off for a carrier that needs no registration
    settle: timedelta = timedelta(seconds=12)  # bad for so long before anything is said: renewals, the start of a PBX
    grace: timedelta = timedelta(seconds=75)  # bad for so long: down; longer than Asterisk's retry_interval (60 s)
    calls: timedelta = timedelta(minutes=15)  # a call that came in shows for so long that callers still get through
    proof: int = 3  # so many calls in, once it was said to be bad: one or two may come before the carrier forgets us
    expiry: timedelta = timedelta(hours=1)  # the longest a carrier remembers a registration; later calls need none
    alone: Strength = Strength.DOWN  # the most it says by itself: "down", "suspect" or "hint"


_WORDS = {
    RegistrationState.REJECTED: "the carrier does not accept the registration",
    RegistrationState.STOPPED: "the registration has stopped for good: the PBX does not try again by itself",
    RegistrationState.UNREGISTERED: "the PBX is not registered with the carrier",
}


class Registration:
    """The registration of one trunk under observation."""

    def __init__(self, trunk: TrunkName, limits: RegistrationLimits) -> None:
        self.limits = limits
        self._opinion = Opinion(Subject(Kind.TRUNK, trunk), Source.REGISTRATION, limits.enabled)
        self._state: RegistrationState | None = None
        self._bad_since: datetime | None = None
        self._called: datetime | None = None  # when a call last came in since it is bad
        self._calls = 0  # so many came in since
        self._needless = False  # calls came in when no carrier remembers the registration any more

    def observe(self, state: RegistrationState | None, now: datetime) -> list[Signal]:
        """Take the worst state of the trunk's registrations; None when it has none, or the PBX does not say."""
        self._state = state
        if state is None or state is RegistrationState.REGISTERED:
            self._bad_since, self._called, self._calls, self._needless = None, None, 0, False
            good = "there is no registration any more" if state is None else "registered with the carrier again"
            return self._opinion.become(Strength.CLEAR, good)
        if self._bad_since is None:
            known = self._opinion.strength >= self.limits.alone  # from an earlier run
            self._bad_since = now - self.limits.grace - self.limits.settle if known else now
        return self._weigh(now)

    def call_in(self, now: datetime) -> list[Signal]:
        """A call came in over this trunk, so the carrier knows the way."""
        if self._bad_since is None:
            return []
        self._called = now
        self._calls += 1
        self._needless = now - self._bad_since >= self.limits.expiry
        return self._weigh(now)

    def tick(self, now: datetime) -> list[Signal]:
        """Let time pass: what stays bad is worse, and a call proves less the longer ago it was."""
        return [] if self._bad_since is None else self._weigh(now)

    def lost_sight(self, now: datetime) -> None:  # noqa: ARG002 - all detectors are told alike
        """The PBX was not watched. The next snapshot says how the registration is; what was said stands until then."""
        self._state = None

    def resume(self, now: datetime) -> None:  # noqa: ARG002
        """An earlier run said that it is bad: that it holds is news, and that it does not takes no grace."""
        self._opinion.resume(self.limits.alone)

    def _weigh(self, now: datetime) -> list[Signal]:
        if self._bad_since is None or self._state is None or now - self._bad_since < self.limits.settle:
            return []
        words = _WORDS.get(self._state, _WORDS[RegistrationState.UNREGISTERED])
        if self._needless:
            return self._opinion.become(Strength.HINT, f"{words}; calls come in without it")
        if self._called is not None and now - self._called < self.limits.calls:
            doubted = self._opinion.strength >= Strength.SUSPECT and self._calls < self.limits.proof
            strength = min(Strength.SUSPECT, self.limits.alone) if doubted else Strength.HINT
            return self._opinion.become(strength, f"{words}, yet calls still come in")
        if now - self._bad_since < self.limits.grace:
            return self._opinion.become(min(Strength.SUSPECT, self.limits.alone), words)
        words = f"{words}, for more than {span(self.limits.grace.total_seconds())}"
        return self._opinion.become(self.limits.alone, words)
