"""What may befall lines, sites and the link to a PBX, and what people and other machines may say."""

from __future__ import annotations

from ami_bridge.domain.names import Device, PbxName, TrunkName
from ami_bridge.domain.orders import Declaration, Report
from ami_bridge.domain.signal import Kind, Strength, Subject
from benchmarks.simulator.calendar import HOUR, MINUTE, moment
from benchmarks.simulator.desk import Agent, Desk
from benchmarks.simulator.faults import Fault, Stage
from benchmarks.simulator.topology import TALK
from benchmarks.simulator.traffic import arrivals, profile
from benchmarks.simulator.world import World


def inbound_surge(on: Stage) -> Fault:
    """At least six times the callers of this hour, each another one, and more than the agents can answer."""
    fault = on.line_fault("inbound_surge", 20 * MINUTE, 45 * MINUTE)
    normal = on.tenant.callers * on.line.share * profile(on.tenant, fault.begin)
    all_agents_can = len(on.line.phones) * HOUR / TALK
    surge(on, fault, max(on.lasts(5, 9), on.lasts(1.3, 2) * all_agents_can / normal))
    return fault


def surge(on: Stage, fault: Fault, times: float, over: TrunkName | None = None) -> None:
    normal = on.tenant.callers * on.line.share * profile(on.tenant, fault.begin) * (fault.end - fault.begin) / HOUR
    for time in arrivals(on.world.dice, normal * times, fault.begin, fault.end - fault.begin):
        on.world.engine.at(time, on.world.call_in, on.tenant, on.line, over)


def site_phones(on: Stage) -> Fault:
    """A site's router dies: its phones go within a minute, as their registrations' qualifying finds out."""
    lines = {Subject(Kind.LINE, line.name) for line in on.tenant.lines}
    fault = on.fault("site_phones", on.lasts(15 * MINUTE, 45 * MINUTE), {Subject(Kind.SITE, on.tenant.site)}, lines)
    world, engine = on.world, on.world.engine
    on.people.quiet = True
    for phone in on.tenant.phones:
        if world.present[phone]:
            engine.after(on.lasts(2, 60), _appears, world, phone, False)
            engine.at(fault.end + on.lasts(0, 60), _appears, world, phone, True)
    engine.at(fault.end, on.people.are_as_usual)
    return fault


def _appears(world: World, phone: Device, present: bool) -> None:
    world.appears(phone, present=present)


def nobody_logged_in(on: Stage) -> Fault:
    """All agents of a queue log out within a minute."""
    fault, desk, engine = on.line_fault("nobody_logged_in", 20 * MINUTE, 45 * MINUTE), on.desk, on.world.engine
    on.people.quiet = True
    for agent in desk.agents:
        engine.after(on.lasts(0, 60), _logs, desk, agent, False)
    engine.at(fault.end, on.people.are_as_usual)
    return fault


def everybody_paused(on: Stage) -> Fault:
    """All agents of a queue pause within a minute."""
    fault, desk, engine = on.line_fault("everybody_paused", 20 * MINUTE, 45 * MINUTE), on.desk, on.world.engine
    on.people.quiet = True
    for agent in desk.agents:
        engine.after(on.lasts(0, 60), _pauses, desk, agent, True)
    engine.at(fault.end, on.people.are_as_usual)
    return fault


def _logs(desk: Desk, agent: Agent, on: bool) -> None:
    desk.log(agent, on=on)


def _pauses(desk: Desk, agent: Agent, on: bool) -> None:
    desk.pause(agent, on=on)


def longest_wait(on: Stage) -> Fault:
    """The agents' tools are down: more callers than usual, no call comes to an end, and callers wait patiently."""
    fault = on.line_fault("longest_wait", 90 * MINUTE, 150 * MINUTE)
    _overwhelmed(on, fault, patience=6.0)
    return fault


def abandons(on: Stage) -> Fault:
    """The same with callers who do not wait for more than a minute or so."""
    fault = on.line_fault("abandons", 90 * MINUTE, 150 * MINUTE)
    _overwhelmed(on, fault, patience=0.25)
    return fault


def _overwhelmed(on: Stage, fault: Fault, patience: float) -> None:
    on.desk.talk, on.desk.patience = 2 * HOUR, patience
    surge(on, fault, 1.5)
    on.world.engine.at(fault.end, _usual, on.desk)


def _usual(desk: Desk) -> None:
    """Agents work as ever again; what is still being talked about is wound up."""
    desk.talk, desk.patience, desk.deaf = None, 1.0, False
    desk.winds_up()


def ring_no_answer(on: Stage) -> Fault:
    """Agents are logged in, their phones ring, and nobody picks up."""
    fault = on.line_fault("ring_no_answer", 30 * MINUTE, HOUR)
    on.desk.deaf = True
    on.world.engine.at(fault.end, _usual, on.desk)
    return fault


def link_lost(on: Stage) -> Fault:
    """The PBX goes on, unwatched, for minutes. Callers are not told: they are well served."""
    name, engine = on.world.plan.name, on.world.engine
    fault = on.fault("link_lost", on.lasts(2 * MINUTE, 15 * MINUTE), {Subject(Kind.PBX, name)})
    fault.told = False
    fault.tenants = frozenset(tenant.name for tenant in on.world.plan.tenants)
    fault.lines = frozenset(line.name for tenant in on.world.plan.tenants for line in tenant.lines)
    engine.lose_link("the connection was reset")
    engine.at(fault.end, engine.regain_link, on.world.snapshot)
    return fault


def _any_subject(on: Stage) -> Subject:
    return on.world.dice.choice(
        (Subject(Kind.TRUNK, on.trunk.name), Subject(Kind.LINE, on.line.name), Subject(Kind.SITE, on.tenant.site))
    )


def declared(on: Stage) -> Fault:
    """An operator declares something out of order, for a while."""
    subject, engine = _any_subject(on), on.world.engine
    fault = on.fault("declared", on.lasts(15 * MINUTE, HOUR), {subject})
    order = Declaration(pbx=PbxName(fault.pbx), subject=subject, until=moment(fault.end), what="our service")
    engine.perform(engine.detection.order(order, engine.when))
    return fault


def webhook(on: Stage) -> Fault:
    """Another system reports something out of order, and well again at the end."""
    subject, engine = _any_subject(on), on.world.engine
    fault = on.fault("webhook", on.lasts(15 * MINUTE, HOUR), {subject})
    _report(on, subject, Strength.DOWN, "the probe fails", fault.end + HOUR)
    engine.at(fault.end, _report, on, subject, Strength.CLEAR, "the probe succeeds", fault.end + HOUR)
    return fault


def _report(on: Stage, subject: Subject, strength: Strength, words: str, until: float) -> None:
    engine, pbx = on.world.engine, on.world.plan.name
    order = Report(
        pbx=pbx, subject=subject, strength=strength, words=words, until=moment(until), told_by="monitoring/probe"
    )  # fmt: skip
    engine.perform(engine.detection.order(order, engine.when))
