"""What may befall a trunk: each puts itself on a stage and says what an honest announcement would be."""

from __future__ import annotations

from ami_bridge.domain.events import RegistrationState
from ami_bridge.domain.signal import Kind, Subject
from benchmarks.simulator.calendar import HOUR, MINUTE
from benchmarks.simulator.carrier import RENEWAL, STALE, Trunk
from benchmarks.simulator.faults import Fault, Stage
from benchmarks.simulator.line_faults import surge
from benchmarks.simulator.traffic import arrivals

RENEWED_WITHIN = 30.0  # seconds until the next try to renew a registration
CAMPAIGN = 20.0  # calls out in the first minute of a network cut


def registration_rejected(on: Stage) -> Fault:
    """The carrier refuses our password from the next renewal on, and with it sends no calls and takes none."""
    fault = on.trunk_fault("registration_rejected", 15 * MINUTE, 45 * MINUTE)
    _not_registered(on, RegistrationState.REJECTED)
    on.trunk.forgotten, on.trunk.refusal = True, 21
    return fault


def registration_failed(on: Stage) -> Fault:
    """The registrar does not answer; the rest does, until the carrier has forgotten where we are."""
    fault = on.trunk_fault("registration_failed", 15 * MINUTE, 45 * MINUTE)
    _not_registered(on, RegistrationState.UNREGISTERED)
    on.world.engine.after(RENEWED_WITHIN + STALE, on.trunk.forget)
    return fault


def registration_stopped(on: Stage) -> Fault:
    """Somebody unregistered by hand, and went home."""
    fault = on.trunk_fault("registration_stopped", 15 * MINUTE, 45 * MINUTE)
    on.trunk.registers(RegistrationState.STOPPED)
    on.trunk.forgotten = True
    return fault


def _not_registered(on: Stage, state: RegistrationState) -> None:
    """The fault counts from the moment it can be known; attempts to renew come in the order of seconds then."""
    on.world.engine.after(on.lasts(0, RENEWED_WITHIN), on.trunk.registers, state)


def qualify_lost(on: Stage) -> Fault:
    """The carrier's server is dead: calls are refused at once by its host, and OPTIONS gets no answer."""
    fault = on.trunk_fault("qualify_lost", 15 * MINUTE, 45 * MINUTE)
    _cut(on, on.trunk)
    return fault


def network_cut(on: Stage) -> Fault:
    """Packets are dropped while people are on the phones a lot. Nothing fails; nothing answers either."""
    fault = on.trunk_fault("network_cut", 15 * MINUTE, 45 * MINUTE)
    _cut(on, on.trunk)
    for time in arrivals(on.world.dice, CAMPAIGN, fault.begin, MINUTE):
        on.world.engine.at(time, on.world.call_out, on.tenant)
    return fault


def _cut(on: Stage, trunk: Trunk) -> None:
    """From now on; the next time it is qualified is up to a minute away, the next registration some minutes."""
    trunk.cut = True
    on.world.engine.after(on.lasts(0, MINUTE) + 3, _unanswered, trunk)
    on.world.engine.after(on.lasts(0, RENEWAL), _lapses, trunk)


def _unanswered(trunk: Trunk) -> None:
    if trunk.cut and trunk.reachable:
        trunk.loses()


def _lapses(trunk: Trunk) -> None:
    if trunk.cut:
        trunk.registers(RegistrationState.UNREGISTERED)


def round_trip(on: Stage) -> Fault:
    """The way to the carrier has become slow: some hundred milliseconds each way."""
    fault = on.trunk_fault("round_trip", 30 * MINUTE, HOUR)
    on.trunk.rtt_factor = on.lasts(0.6, 1.5) / on.trunk.base_rtt
    return fault


def calls_failing(on: Stage) -> Fault:
    """The carrier answers 503 to every call, and OPTIONS and REGISTER as ever."""
    fault = on.trunk_fault("calls_failing", 1.5 * HOUR, 2.5 * HOUR)
    on.trunk.refusal = on.world.dice.choice((34, 38, 41))
    return fault


def inbound_silence(on: Stage) -> Fault:
    """The carrier sends no calls any more, and all else is well."""
    fault = on.trunk_fault("inbound_silence", 3 * HOUR, 5 * HOUR)
    on.trunk.silent_in = True
    return fault


def poor_audio(on: Stage) -> Fault:
    """The way to the carrier loses packets."""
    fault = on.trunk_fault("poor_audio", HOUR, 2 * HOUR)
    on.trunk.loss, on.trunk.jitter = on.lasts(0.08, 0.3), on.lasts(0.01, 0.06)
    return fault


def trunk_and_surge(on: Stage) -> Fault:
    """The first trunk is cut, and everybody tries the tenant's other number: one cause, one incident."""
    fault = on.trunk_fault("trunk_and_surge", 20 * MINUTE, 45 * MINUTE)
    fault.may = frozenset(Subject(Kind.LINE, line.name) for line in on.tenant.lines)
    _cut(on, on.trunk)
    surge(on, fault, on.lasts(5, 8), on.tenant.trunks[-1])
    return fault


def both_trunks(on: Stage) -> Fault:
    """The PBX's way out is cut: all its trunks are gone at once."""
    trunks = tuple(on.world.trunks.values())
    must = {Subject(Kind.TRUNK, trunk.name) for trunk in trunks}
    fault = on.fault("both_trunks", on.lasts(15 * MINUTE, 45 * MINUTE), must)
    for trunk in trunks:
        _cut(on, trunk)
        on.world.engine.at(fault.end, trunk.mend)
    return fault
