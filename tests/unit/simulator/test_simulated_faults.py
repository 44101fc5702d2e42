"""Each fault really changes what the PBX tells, only from its begin on, and is mended at its end."""

from __future__ import annotations

import pytest

from ami_bridge.domain import events as ev
from ami_bridge.domain.events import RegistrationState
from benchmarks.simulator.calendar import DAY, HOUR, WEEK, at_local, moment
from benchmarks.simulator.faults import Fault, Stage
from benchmarks.simulator.run import Order, Simulation
from benchmarks.simulator.schedule import DEMANDS, KINDS, Demand, deal
from tests.unit.simulator.listening import Listener

UNTIL = 2.0 * DAY


def played(demand: Demand | None) -> tuple[Listener, Fault | None, Simulation]:
    """Two days of one PBX, the same but for the fault on the second."""
    listener = Listener()
    simulation = Simulation(Order(seed=11, number=0, tenants=4, weeks=UNTIL / WEEK), listener)
    if demand is not None:
        place = next(
            (tenant, line, at_local(moment(DAY).date(), hour, tenant.zone))
            for tenant in simulation.world.plan.tenants
            for line in tenant.lines
            for hour in (9.2, 10.1)
            if _fit(demand, tenant, line, at_local(moment(DAY).date(), hour, tenant.zone))
        )
        tenant, line, at = place
        stage = Stage(simulation.world, simulation.people[tenant.name], tenant, line)
        simulation.engine.at(at, lambda: simulation.schedule.faults.append(demand.inject(stage)))
    simulation.run()
    faults = simulation.schedule.faults
    return listener, faults[0] if faults else None, simulation


def _fit(demand: Demand, tenant: object, line: object, at: float) -> bool:
    """Whether the kind of place is right; how busy it is does not matter here."""
    easy = Demand(inject=demand.inject, queue=demand.queue, two_trunks=demand.two_trunks, hours=0.2)
    return at > DAY and easy.suits(tenant, line, at)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def undisturbed() -> Listener:
    return played(None)[0]


@pytest.mark.parametrize("demand", DEMANDS, ids=KINDS)
def test_a_fault_changes_what_is_told_from_its_begin_on(demand: Demand, undisturbed: Listener) -> None:
    listener, fault, simulation = played(demand)
    assert fault is not None
    assert fault.kind == demand.kind
    begin = moment(fault.begin)
    before = [told for told in listener.told if told[0] < begin]
    assert before == [told for told in undisturbed.told if told[0] < begin]
    assert listener.told != undisturbed.told
    assert fault.begin < fault.end < fault.begin + 6 * HOUR
    assert fault.must
    assert fault.lines
    assert fault.tenants
    assert all(trunk.brings_calls and trunk.refusal is None for trunk in simulation.world.trunks.values())
    assert all(trunk.reachable for trunk in simulation.world.trunks.values())
    assert all(t.registration is RegistrationState.REGISTERED for t in simulation.world.trunks.values())
    assert simulation.engine.sighted
    assert not any(desk.deaf or desk.talk for desk in simulation.world.desks.values())
    assert not any(people.quiet for people in simulation.people.values())


def told_while(kind: str) -> tuple[list[object], Fault]:
    listener, fault, _simulation = played(DEMANDS[KINDS.index(kind)])
    assert fault is not None
    return [what for at, what in listener.told if moment(fault.begin) <= at <= moment(fault.end)], fault


def test_a_cut_trunk_answers_nothing_and_is_found_out_of_reach_within_a_minute() -> None:
    told, fault = told_while("network_cut")
    out = {e.uniqueid for e in told if isinstance(e, ev.ChannelCreated) and e.name.startswith(f"PJSIP/{fault.trunk}")}
    assert not [e for e in told if isinstance(e, ev.DialAlerted) and e.target in out]
    lost = [e for e in told if isinstance(e, ev.ContactChanged) and e.reachable is False]
    assert [e.endpoint for e in lost] == [fault.trunk]


def test_a_silent_trunk_brings_no_call_and_takes_them_still() -> None:
    told, fault = told_while("inbound_silence")
    over = [e for e in told if isinstance(e, ev.ChannelCreated) and e.name.startswith(f"PJSIP/{fault.trunk}-")]
    assert not [e for e in over if e.uniqueid == e.linkedid]
    assert not [e for e in told if isinstance(e, ev.ContactChanged) and e.reachable is False]


def test_refused_calls_end_at_once_with_the_carriers_cause() -> None:
    told, fault = told_while("calls_failing")
    legs = {e.uniqueid for e in told if isinstance(e, ev.ChannelCreated) and e.name.startswith(f"PJSIP/{fault.trunk}-")}
    dialled = {e.target for e in told if isinstance(e, ev.DialBegun)} & legs
    causes = {e.cause for e in told if isinstance(e, ev.ChannelHungUp) and e.uniqueid in dialled}
    assert dialled
    assert causes <= {34, 38, 41}
    assert len(fault.failed) >= len(dialled)


def test_faults_are_dealt_evenly_and_all_of_them() -> None:
    hands = deal(1, 25, 12)
    assert sum(map(len, hands)) == 25 * len(KINDS) >= 500
    assert max(map(len, hands)) - min(map(len, hands)) <= 1
    assert hands == deal(1, 25, 12) != deal(2, 25, 12)
