"""A trunk and the carrier behind it: what the carrier does with calls, and what Asterisk notices and tells of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ami_bridge.domain import events as ev
from ami_bridge.domain.events import RegistrationState
from ami_bridge.domain.names import TrunkName
from benchmarks.simulator.calendar import MINUTE

if TYPE_CHECKING:
    from benchmarks.simulator.world import World

CALM_QUALIFY = 30 * MINUTE  # how often an unchanged round trip is told while nothing is going on; really each minute
QUALIFY = MINUTE
QUALIFY_TIMEOUT = 3.0
SILENT = 4.0  # seconds after which a call that got no answer at all, not even that it is being tried, has failed
SENT_AGAIN = (0.5, 1.5)  # OPTIONS without an answer is sent again after so many seconds (RFC 3261, timer E)
RENEWAL = 6 * MINUTE  # at the latest after this long a registration is renewed, and Asterisk learns it is refused
STALE = (
    20.0  # a carrier forgets a registration so soon after Asterisk has failed to renew it, and sends no calls any more
)


class Carriage(Enum):
    """What becomes of a call sent to the carrier."""

    CARRIED = "carried"
    SILENT = "silent"  # no answer to anything
    REFUSED = "refused"  # `refusal` comes at once
    NO_CONTACT = "no-contact"  # Asterisk does not even try: it holds the contact for unreachable


@dataclass
class Trunk:
    """The truth about a trunk, and what Asterisk believes."""

    world: World
    name: TrunkName
    base_rtt: float
    cut: bool = False  # nothing gets through
    lapse: bool = False  # nor now, for a second
    refusal: int | None = None  # the Q.850 cause of every call out
    silent_in: bool = False  # the carrier sends no calls
    rtt_factor: float = 1.0
    loss: float = 0.0
    jitter: float = 0.0  # in addition to what calls have anyway
    reachable: bool = True  # as Asterisk sees it
    registration: RegistrationState = RegistrationState.REGISTERED
    forgotten: bool = False  # the carrier has no registration of ours
    close: bool = False  # each qualify is told
    failed: list[float] | None = None  # when calls over it were seen to fail, while that is counted

    @property
    def uri(self) -> str:
        return f"sip:{self.name}.example"

    def out(self) -> Carriage:
        if not self.reachable:
            return Carriage.NO_CONTACT
        if not self.dead and self.refusal is None:
            return Carriage.CARRIED
        if self.failed is not None:
            self.failed.append(self.world.engine.now + (SILENT if self.dead else 0.0))
        return Carriage.SILENT if self.dead else Carriage.REFUSED

    @property
    def dead(self) -> bool:
        return self.cut or self.lapse

    @property
    def brings_calls(self) -> bool:
        return not (self.dead or self.silent_in or self.forgotten)

    def rtt(self) -> float:
        """Seconds; log-normal about its own base, with a straggler now and then."""
        dice = self.world.dice
        spread = math.exp(dice.gauss(0.0, 0.12)) * (dice.uniform(2, 6) if dice.random() < 0.01 else 1.0)
        return self.base_rtt * self.rtt_factor * spread

    def qualify(self) -> None:
        """One round of asking, which then comes again."""
        engine = self.world.engine
        engine.after(QUALIFY if self.close or not self.reachable else CALM_QUALIFY, self.qualify)
        if not self.world.up:
            return
        if self.dead:
            engine.after(QUALIFY_TIMEOUT, self._has_not_answered)
        else:
            self.answers()

    def ask(self) -> None:
        """The detection wants a second opinion (PJSIPQualify). What comes of it is told when it is good, or new."""
        for delay in (0.0, *SENT_AGAIN):
            self.world.engine.after(delay + self.base_rtt, self._answers_again)

    def _answers_again(self) -> None:
        if not self.reachable:
            self.answers()

    def _has_not_answered(self) -> None:
        if self.dead and self.reachable and self.world.up:
            self.loses()

    def loses(self) -> None:
        self.reachable = False
        self._tell(reachable=False, rtt=None)
        self.world.engine.stir(1.0)

    def answers(self) -> None:
        if self.world.up and not self.dead:
            self.reachable = True
            self._tell(reachable=True, rtt=self.rtt())

    def _tell(self, *, reachable: bool, rtt: float | None) -> None:
        self.world.emit(ev.ContactChanged(endpoint=self.name, uri=self.uri, reachable=reachable, round_trip=rtt))

    def registers(self, state: RegistrationState) -> None:
        """Asterisk tells how it fares."""
        self.registration = state
        if state is RegistrationState.REGISTERED:
            self.forgotten = False
        self.world.emit(ev.RegistrationChanged(client=f"sip:me@{self.name}", server=self.uri, state=state))

    def forget(self) -> None:
        """The carrier has let the registration lapse."""
        if self.registration is not RegistrationState.REGISTERED:
            self.forgotten = True

    def mend(self) -> None:
        """Carriers' engineers have been at it; Asterisk learns of it in its own time."""
        self.cut = self.silent_in = self.forgotten = False
        self.refusal, self.rtt_factor, self.loss, self.jitter = None, 1.0, 0.0, 0.0
        engine, dice = self.world.engine, self.world.dice
        if not self.reachable:
            engine.after(dice.uniform(1, QUALIFY), self.answers)
        if self.registration is not RegistrationState.REGISTERED:
            engine.after(dice.uniform(1, QUALIFY), self.registers, RegistrationState.REGISTERED)

    def listed(self) -> list[ev.Event]:
        return [
            ev.ContactChanged(endpoint=self.name, uri=self.uri, reachable=self.reachable),
            ev.RegistrationChanged(
                client=f"sip:me@{self.name}", server=self.uri, state=self.registration, trunk=self.name
            ),
        ]  # fmt: skip
